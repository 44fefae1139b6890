"""What learned policies have in common: instructions as tokens, clouds from cameras, weights in files."""
