"""Which stages of its task an episode has reached."""

from __future__ import annotations

import mujoco

from hamster_bench.envs.mujoco.sensing import holds, remaining
from hamster_bench.envs.mujoco.simulation import Simulation
from hamster_bench.envs.stages import HalfEmptyCondition, HalfWayCondition, StageCondition, share_reached, task_stages

# Objects and their detection volumes are nearer to each other than this [m].
_FAR = 10.0


class Progress:
    """Stages of the episode that a simulation is at the start of.

    Attributes:
        reached: for each stage, whether it has been reached.
    """

    def __init__(self, simulation: Simulation, variation: int) -> None:
        self._simulation = simulation
        self._stages = task_stages(simulation.task, variation)
        self._half_gaps = {
            condition: self._gap(condition) / 2
            for stage in self._stages
            for condition in stage.conditions
            if isinstance(condition, HalfWayCondition)
        }
        self._most_left = len(remaining(simulation.scene)) // 2
        self.reached = [False] * len(self._stages)
        self.update()
        self._at_reset = tuple(self.reached)

    @property
    def share(self) -> float:
        """Share of the stages that were not reached at reset already; see `hamster_bench.envs.stages`."""
        return share_reached(self._at_reset, self.reached)

    def update(self) -> None:
        """Looks which further stages hold now. The simulation is not changed."""
        # From the end: a stage that is reached settles those that lead to it.
        for number in reversed(range(len(self._stages))):
            stage = self._stages[number]
            if not self.reached[number] and all(self._holds(condition) for condition in stage.conditions):
                for place in (number, *stage.includes):
                    self.reached[place] = True

    def _holds(self, condition: StageCondition) -> bool:
        scene, data = self._simulation.scene, self._simulation.data
        if isinstance(condition, HalfWayCondition):
            return self._gap(condition) <= self._half_gaps[condition]
        if isinstance(condition, HalfEmptyCondition):
            return len(remaining(scene)) <= self._most_left
        return holds(condition, scene, data, self._simulation.grasping.grasped())

    def _gap(self, condition: HalfWayCondition) -> float:
        """Distance [m] between the volume and the nearest part of the object, 0 where they overlap."""
        scene, data = self._simulation.scene, self._simulation.data
        volume = scene.volumes[condition.volume]
        gaps = (mujoco.mj_geomDistance(scene.model, data, volume, geom, _FAR, None) for geom in scene.solid[condition.object])
        return float(max(0.0, min(gaps)))
