"""Put the displaced chess pieces back on their home squares."""
