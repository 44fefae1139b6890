"""The table of task types: success by what a task asks of the hand."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hamster_bench.errors import UnknownNameError
from hamster_bench.leaderboards.grid import Grid, Row
from hamster_bench.leaderboards.measures import IsDefined, Measure, always_defined, with_interval
from hamster_bench.leaderboards.notes import success_notes, success_title
from hamster_bench.leaderboards.table import SuccessTable
from hamster_bench.scenario import CONTROL_FACTOR

# The paper sorts its real-robot instructions into pick and place, knocking down and pressing buttons, which are not what the simulated
# tasks do. Here every task has the type of its deciding motion:
#   pick_and_place     an object is grasped and set down where some centimetres do not matter;
#   precise_placement  a grasped object has to fit: over a peg, into a cup, onto a rack;
#   hinged_part        a part on a hinge is turned;
#   tool               an object is moved by means of another one in the hand;
#   surface_contact    an object is pushed, wiped or pulled along a surface without being lifted.
TASK_TYPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pick_and_place": ("meat_on_grill", "put_money_in_safe", "setup_chess"),
        "precise_placement": ("insert_onto_square_peg", "place_wine_at_rack_location", "stack_cups"),
        "hinged_part": ("close_box", "close_laptop_lid"),
        "tool": ("hockey", "reach_and_drag", "scoop_with_spatula"),
        "surface_contact": ("slide_block_to_target", "straighten_rope", "wipe_desk"),
    }
)
OTHER = "other"


def task_type_grid(
    table: SuccessTable, *, factor: str = CONTROL_FACTOR, measure: Measure = with_interval, is_defined: IsDefined = always_defined
) -> Grid:
    """One row for each agent, one column for each type that has tasks here: the unweighted mean over these tasks.

    Args:
        table: success under one protocol.
        factor: the factor whose records are shown.
        measure: how a figure is stated.
        is_defined: whether a factor is defined for a task.

    Raises:
        UnknownNameError: there are no records with this factor.
    """
    if factor not in table.factors:
        raise UnknownNameError("factor with records", factor, table.factors)
    known = {task for tasks in TASK_TYPES.values() for task in tasks}
    types = {name: tuple(task for task in tasks if task in table.tasks) for name, tasks in TASK_TYPES.items()}
    types[OTHER] = tuple(task for task in table.tasks if task not in known)
    types = {name: tasks for name, tasks in types.items() if tasks}
    rows = [
        Row(labels=(agent,), entries=tuple(measure(table, agent, tasks, (factor,), is_defined) for tasks in types.values()))
        for agent in table.agents
    ]
    members = "; ".join(f"{name}: {', '.join(tasks)}" for name, tasks in types.items())
    return Grid(
        title=success_title(table, "Success by task type", factor),
        labels=("agent",),
        columns=tuple(types),
        column_kind="task_type",
        rows=tuple(rows),
        notes=(*success_notes([table], rows, measure, counted=True), f"Types: {members}."),
        fixed={"factor": factor},
        protocol=table.protocol.label,
        fingerprint=table.protocol.fingerprint,
        counted=True,
    )
