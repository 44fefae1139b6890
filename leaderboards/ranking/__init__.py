"""Paths of several planners, ranked by people who do not know whose they are."""
