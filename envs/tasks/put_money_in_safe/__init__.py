"""Take the stack of bank notes from the top of the safe and leave it on the named shelf inside."""
