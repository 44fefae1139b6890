"""Agents without learning: the privileged expert, random actions, and the lifted path."""
