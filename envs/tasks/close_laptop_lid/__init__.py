"""Swing the screen of an open laptop down until it is closed."""
