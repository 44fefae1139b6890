"""The original benchmark, RLBench with THE COLOSSEUM on CoppeliaSim, behind this project's contract.

Only modules that say that they run in the simulator's process import either of them or PyRep, and only inside functions: the import
alone loads the simulator.
"""
