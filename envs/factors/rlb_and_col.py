"""All of Colosseum's factors at once, on a drawn RLBench variation."""

from __future__ import annotations

from hamster_bench.envs.factors.combining import all_parts
from hamster_bench.envs.factors.contract import Factor

FACTOR = Factor(
    name="rlb_and_col",
    column="rlb and col",
    summary="all columns at once, and the task's RLBench variation",
    distribution="every part as alone",
    parts=all_parts,
)
