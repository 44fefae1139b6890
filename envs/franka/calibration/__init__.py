"""Where a cell's cameras are: the file that says it, and how it is made."""
