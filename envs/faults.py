"""What can go wrong in a simulator itself."""

from __future__ import annotations

from hamster_bench.errors import HamsterBenchError


class SimulatorFaultError(HamsterBenchError):
    """The physics broke down; what the simulation holds since then means nothing, and the episode cannot go on."""
