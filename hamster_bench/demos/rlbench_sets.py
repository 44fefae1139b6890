"""Names of data sets' folders: ``<task>`` in RLBench, ``<task>_<number>`` in THE COLOSSEUM, by the number of the factor set."""

from __future__ import annotations

from hamster_bench.scenario import CONTROL_FACTOR, Scenario

FACTOR_SETS = (
    CONTROL_FACTOR,
    "all_mixed",
    "man_obj_col",
    "rec_obj_col",
    "man_obj_tex",
    "rec_obj_tex",
    "man_obj_siz",
    "rec_obj_siz",
    "lig_col",
    "tab_col",
    "tab_tex",
    "distractor",
    "bac_tex",
    "rlb_var",
    "cam_pos",
    "rlb_and_col",
    "friction",
    "mass",
)
"""Factors by the number that THE COLOSSEUM puts behind the name of a task."""


def folder_of(scenario: Scenario) -> str:
    """The folder of a scenario's demonstrations: the task alone without a factor, as RLBench has it; else with the set's number.

    A factor of which THE COLOSSEUM has no set stands there by its name.
    """
    if scenario.factor == CONTROL_FACTOR:
        return scenario.task
    return f"{scenario.task}_{FACTOR_SETS.index(scenario.factor) if scenario.factor in FACTOR_SETS else scenario.factor}"


def task_and_factor(folder: str) -> tuple[str, str]:
    """What a folder's name says."""
    task, _, number = folder.rpartition("_")
    if task and number.isascii() and number.isdigit() and int(number) < len(FACTOR_SETS):
        return task, FACTOR_SETS[int(number)]
    return folder, CONTROL_FACTOR
