"""The original benchmark, RLBench with THE COLOSSEUM on CoppeliaSim, behind this project's contract."""
