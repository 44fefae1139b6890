"""The oracle's path of another scene: the ablation that tells whether a policy follows the path or its eyes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import PlacementError, PlannerError
from hamster_bench.planners.contract import PlannerContext, Proposal
from hamster_bench.planners.oracle import needed_oracle, path_through

# Episode numbers are drawn from here; evaluations use the first few hundred.
_EPISODES = 2**31
# Layouts without a valid placement are rare; this many in a row mean that the task has none.
_TRIES = 8


class WrongPathPlanner:
    """Proposes the oracle's path of another scenario of the same task.

    The other scenario differs in its episode number alone, drawn from the planner's stream, so both arms of a matched pair get the same
    wrong path, and so does a planner that is asked again within the episode. The path is that scene's solution as the camera of the
    running episode would see it.
    """

    privileged = True

    def propose(self, image_rgb: NDArray[np.uint8], instruction: str, context: PlannerContext) -> Proposal:
        """The other scene's path.

        Raises:
            PathError: the context lacks what is needed, or no part of the motion is visible.
            PlannerError: no other scene could be arranged.
        """
        oracle = needed_oracle(context, "wrong")
        if context.scenario is None:
            raise PlannerError("the wrong planner needs the running scenario, and this picture belongs to none")
        # From its beginning, however often the planner has been asked: a path that jumps between scenes would be another ablation.
        rng = context.scenario.rng("planner")
        for _ in range(_TRIES):
            drawn = int(rng.integers(_EPISODES))
            other = replace(context.scenario, episode=drawn + (drawn >= context.scenario.episode))
            try:
                waypoints = oracle.preview_of(other)
            except PlacementError:
                continue
            return Proposal(path_through(waypoints, context), {"path_of": other.id})
        raise PlannerError(f"{_TRIES} other scenarios of {context.scenario.task} were drawn and none has a valid layout")
