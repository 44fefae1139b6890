"""Stand-in for RLBench, of the revision that THE COLOSSEUM names."""

__version__ = "1.2.0"
