"""All of Colosseum's factors at once, at RLBench variation 0."""

from __future__ import annotations

from hamster_bench.envs.factors.combining import all_parts
from hamster_bench.envs.factors.contract import Factor

FACTOR = Factor(
    name="all_mixed",
    column="all mixed",
    summary="all columns at once, at RLBench variation 0",
    distribution="every part as alone",
    parts=all_parts,
    is_column=False,
)
