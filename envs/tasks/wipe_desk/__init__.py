"""Wipe all dirt spots off the marked area of the table with the sponge."""
