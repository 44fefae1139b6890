"""Scenes of the simulated cell."""
