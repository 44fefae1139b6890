"""Drag a cube onto the coloured square with a stick."""
