"""What factors that combine others consist of."""

from __future__ import annotations

from hamster_bench.envs.task import Task

# Every factor that changes a scene, in the order in which they are applied: those that act everywhere, then sizes, then masses, which
# would grow with the sizes, then what is seen, textures before colours, which tint them.
_EVERYWHERE = ("lig_col", "cam_pos", "bac_tex", "tab_tex", "tab_col")
_SIZES = ("man_obj_siz", "rec_obj_siz")
# No columns of the table, and together able to make a task impossible: a block of 15 kg that sticks to the table cannot be pushed.
_PHYSICAL = ("friction", "mass")
_LOOKS = ("man_obj_tex", "rec_obj_tex", "man_obj_col", "rec_obj_col", "distractor")


def all_parts(task: Task, compat: frozenset[str]) -> tuple[str, ...]:
    """Names of all single factors that a combined factor applies to a task, in this order.

    Those are the columns of the table that have something to act on; with the compat switch ``mixed_physics`` friction and mass too.
    """
    on_objects = (*_SIZES, *(_PHYSICAL if "mixed_physics" in compat else ()), *_LOOKS)
    return (*_EVERYWHERE, *(name for name in on_objects if name in task.factors))
