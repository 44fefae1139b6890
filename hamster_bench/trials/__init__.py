"""Trials on a robot: planned, blind, labelled by people, and stored like every other episode."""
