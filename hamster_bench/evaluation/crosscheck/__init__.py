"""Holds an engine against recordings of the original benchmark: the same layouts, the same keyposes, the same camera."""
