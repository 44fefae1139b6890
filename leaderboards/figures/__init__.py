"""Figures for papers and pages: readable in print, in grey, and by those who cannot tell red from green."""
