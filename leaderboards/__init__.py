"""Tables and figures made from the result store alone; they can be thrown away and rebuilt."""
