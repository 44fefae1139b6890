"""Variation factors, one file each.

Upstream's data sets without RLBench variations hold variation 0. `no_var`, the control, and `rlb_var` differ only in how the variation
of a scenario is chosen, so neither changes the scene itself.
"""

from __future__ import annotations

from hamster_bench.scenario import CONTROL_FACTOR

FACTORS: tuple[str, ...] = (CONTROL_FACTOR, "rlb_var")
