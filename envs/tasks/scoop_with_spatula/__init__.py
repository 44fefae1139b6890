"""Lift a small cube with a spatula."""
