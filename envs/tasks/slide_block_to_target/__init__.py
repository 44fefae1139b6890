"""Push the block onto the green square."""
