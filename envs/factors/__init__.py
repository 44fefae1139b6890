"""Variation factors, one file each."""
