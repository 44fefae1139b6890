"""Stack the other two cups into the cup of the named colour."""
