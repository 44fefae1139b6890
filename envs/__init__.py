"""Environments: one contract, several engines, a folder for each task."""
