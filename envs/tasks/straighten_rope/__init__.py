"""Pull a bent rope straight."""
