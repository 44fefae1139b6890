"""Agents: scripted ones here, learned ones beside them."""
