"""Derived files in the user's cache directory, as environments use them."""

from hamster_bench.cache import cache_directory, write_cached

__all__ = ["cache_directory", "write_cached"]
