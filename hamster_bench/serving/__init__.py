"""Parts of the benchmark behind a network door."""
