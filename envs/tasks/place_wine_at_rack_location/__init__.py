"""Take the wine bottle and slide it into the named slot of the rack."""
