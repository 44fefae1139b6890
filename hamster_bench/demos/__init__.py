"""Demonstrations: what the expert did, and how policies are taught from it."""
