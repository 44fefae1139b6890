"""Variation factors, one file each, found by their names.

A factor is an arm of a comparison: the same scenario with ``no_var`` is its control, with equal layout, bit for bit. Which factor exists
for which task is data: a factor that acts on certain objects is defined for the tasks that name such objects in `Task.factors`.
"""

from __future__ import annotations

from hamster_bench.envs.factors.contract import Factor
from hamster_bench.envs.task import Task
from hamster_bench.registry import Registry

FACTORS: Registry[Factor] = Registry("factor", entry_point_group="hamster_bench.factors")
# In the order of the columns of upstream's tables; what comes after `tab_tex` is no column.
for _name in (
    "no_var",
    "bac_tex",
    "cam_pos",
    "distractor",
    "lig_col",
    "man_obj_col",
    "man_obj_siz",
    "man_obj_tex",
    "rec_obj_col",
    "rec_obj_siz",
    "rec_obj_tex",
    "rlb_and_col",
    "rlb_var",
    "tab_col",
    "tab_tex",
    "all_mixed",
    "friction",
    "mass",
):
    FACTORS.register(_name, f"{__name__}.{_name}:FACTOR")


def defined_factors(task: Task) -> tuple[str, ...]:
    """Names of the factors that are defined for a task."""
    return tuple(name for name in FACTORS if FACTORS.get(name).is_defined(task))


def columns() -> tuple[str, ...]:
    """Names of the factors that are columns of the variation table, the control first."""
    return tuple(name for name in FACTORS if FACTORS.get(name).is_column)
