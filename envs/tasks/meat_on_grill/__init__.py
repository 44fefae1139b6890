"""Pick up the named piece of meat and put it on the grill."""
