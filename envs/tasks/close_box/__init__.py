"""Shut the hinged lid of an open box standing on the table."""
