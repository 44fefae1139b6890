"""The control: no variation."""

from __future__ import annotations

from hamster_bench.envs.factors.contract import Factor

FACTOR = Factor(
    name="no_var",
    column="no var",
    summary="nothing; the control of every other factor",
    distribution="-",
)
