"""Put the square ring over the pillar of the named colour."""
