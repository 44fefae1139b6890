"""RLBench and THE COLOSSEUM, driven through their own classes. Runs in the simulator's process and nowhere else.

Joint angles, depths and cameras are theirs here; the environment converts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.contract import IGNORE_COLLISIONS_THRESHOLD, OPEN_THRESHOLD, check_workspace
from hamster_bench.envs.rlbench import sensing
from hamster_bench.envs.rlbench.fingers import Fingers
from hamster_bench.envs.rlbench.launching import Simulator, launch, task_class
from hamster_bench.envs.rlbench.layouts import apply_layout, read_layout
from hamster_bench.envs.rlbench.motions import Motions
from hamster_bench.envs.rlbench.pictures import Pictures
from hamster_bench.envs.rlbench.randomness import seed_factors_apart, seed_generators
from hamster_bench.envs.rlbench.recording import Recording, TipState
from hamster_bench.envs.rlbench.settings import OriginalSettings
from hamster_bench.envs.rlbench.solution import Solution
from hamster_bench.errors import InvalidScenarioError, OutsideWorkspaceError, PlacementError, PlanningError
from hamster_bench.geometry import quat_xyzw_from_euler_xyz, quat_xyzw_multiply

FloatArray = NDArray[np.float64]

# Budget of RLBench's own action mode by planning.
_BUDGET: Mapping[str, int] = {"trials": 100, "max_configs": 10, "max_time_ms": 10, "trials_per_goal": 5}


@dataclass(frozen=True)
class _Episode:
    """An episode that has started, in the simulator that runs."""

    simulator: Simulator
    task: Any
    motions: Motions
    fingers: Fingers
    solution: Solution

    def tip_state(self) -> TipState:
        return *sensing.tip_position(self.simulator.arm), float(self.fingers.told_to_open)


class Original:
    """One running simulator, which the first reset starts. Everything but `reset` and `shutdown` needs an episode."""

    def __init__(self, settings: OriginalSettings) -> None:
        self._settings = settings
        self._simulator: Simulator | None = None
        self._changed_by_factors = False
        self._pictures = Pictures(settings.shadows)
        self._recording = Recording()
        self._started: _Episode | None = None
        self._target_pose = np.zeros(7)

    @property
    def control_steps(self) -> int:
        """Simulated since the reset."""
        return self._recording.control_steps

    def reset(
        self,
        variation: int,
        layout_seed: int,
        shuffle_seed: int,
        factor_seed: int | None,
        factors: list[dict[str, Any]] | None,
        layout: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        """Starts an episode.

        Args:
            variation: RLBench variation.
            layout_seed: seeds numpy's generator, from which RLBench places the task.
            shuffle_seed: seeds Python's generator, from which some tasks draw as well.
            factor_seed: seeds numpy's generator while factors act, so that the layout does not depend on them; None leaves it.
            factors: of THE COLOSSEUM's configuration, or None where there is none.
            layout: poses to put everything at, or None.
        """
        self._recording.stop()
        simulator = self._simulator_for(factors)
        seed_generators(layout_seed, shuffle_seed)
        # A task that is loaded anew remembers nothing of the episodes before.
        loaded = simulator.environment.get_task(task_class(self._settings.task, simulator.source))
        count = int(loaded.variation_count())
        if variation >= count:
            raise InvalidScenarioError(f"{self._settings.task} has variations 0 to {count - 1}, got {variation}")
        loaded.set_variation(variation)
        seed_factors_apart(simulator.scene, factor_seed, layout_seed, shuffle_seed)
        seed_generators(layout_seed, shuffle_seed)
        try:
            descriptions, _ = loaded.reset()
        except Exception as error:
            if type(error).__name__ in ("TaskEnvironmentError", "BoundaryError", "WaypointError"):
                raise PlacementError(f"RLBench found no valid placement of {self._settings.task}: {error}") from error
            raise
        task = loaded._task
        if layout is not None:
            apply_layout(layout, task, self._settings.task, simulator.arm, simulator.pyrep)
        if self._settings.segmentation:
            sensing.align_mask_cameras(self._settings.cameras)
        self._start_episode(simulator, task)
        return self._reply() | {
            "descriptions": [str(text) for text in descriptions],
            "variation_count": count,
            "placement_tries": int(getattr(simulator.scene, "_attempts", 0)) + 1,
            "layout": read_layout(task),
            "source": simulator.source,
        }

    def keypose(self, action: FloatArray) -> dict[str, Any]:
        """Plans to a pose, goes there, then moves the gripper, as RLBench's own action mode does; (9,)."""
        episode, before = self._episode, self.control_steps
        scene = episode.simulator.scene
        if not scene.check_target_in_workspace(action[:3]):
            return self._reply(before, "outside_workspace")
        try:
            path = episode.motions.path_to(
                action[:3], action[3:7], ignore_collisions=bool(action[8] > IGNORE_COLLISIONS_THRESHOLD), budget=_BUDGET
            )
        except PlanningError as error:
            return self._reply(before, error.reason)
        done = False
        while not done:
            done = bool(path.step())
            scene.step()
            if self.success():
                break
        episode.fingers.go(1.0 if action[7] > OPEN_THRESHOLD else 0.0, scene)
        self._target_pose = sensing.tip_pose(episode.simulator.arm)
        return self._reply(before)

    def joint_position(self, joints: FloatArray, opening: float) -> dict[str, Any]:
        """One control step to joint targets (7,) [rad] and a gripper opening."""
        before = self.control_steps
        self._control_step(joints, opening)
        self._target_pose = sensing.tip_pose(self._episode.simulator.arm)
        return self._reply(before)

    def delta_pose(self, action: FloatArray) -> dict[str, Any]:
        """One control step towards the last target pose changed by (7,) dx dy dz droll dpitch dyaw gripper, world axes."""
        episode, before = self._episode, self.control_steps
        pose = np.concatenate(
            [self._target_pose[:3] + action[:3], quat_xyzw_multiply(quat_xyzw_from_euler_xyz(action[3:6]), self._target_pose[3:])]
        )
        joints, failure = np.array(episode.simulator.arm.get_joint_target_positions()), None
        try:
            check_workspace(pose[:3])
            joints = episode.motions.joints_at(pose)
            self._target_pose = pose
        except OutsideWorkspaceError as error:
            failure = error.reason
        except PlanningError as error:
            failure = error.reason
        self._control_step(joints, float(action[6]))
        return self._reply(before, failure)

    def success(self) -> bool:
        """Whether the task's conditions hold now."""
        return sensing.is_solved(self._episode.task)

    def state(self) -> FloatArray:
        """Joint angles and speeds, fingers, and poses of the task's objects: all that can be read of the state."""
        episode = self._episode
        return sensing.state(episode.simulator.arm, episode.simulator.gripper, episode.task)

    def picture(self, camera: str, size: Sequence[int]) -> NDArray[np.uint8]:
        """An image (h, w, 3) of a camera in any size."""
        return self._pictures.take(camera, (int(size[0]), int(size[1])))

    def frames(self) -> list[NDArray[np.uint8]]:
        """Pictures of the control steps since the last call."""
        return self._recording.take_frames()

    def segment_names(self) -> dict[str, str]:
        """Object numbers in segmentations, as text, and the objects' names."""
        return sensing.segment_names(self._episode.simulator.pyrep)

    def preview(self) -> list[dict[str, Any]]:
        """The whole scripted solution as seen from the present state; nothing stays changed."""
        return self._episode.solution.preview()

    def waypoint(self, index: int) -> dict[str, Any]:
        """Step ``index`` of the solution now. Asked for in order, each step begins when it is asked for, as in a demonstration."""
        return self._episode.solution.waypoint(index)

    def plan(self, name: str, kind: str, pose: FloatArray, ignore_collisions: bool) -> FloatArray:
        """Joint targets (n, 7) [rad], one a control step, that RLBench's demonstration would send on its way to a waypoint.

        Raises:
            PlanningError: no motion was found.
        """
        return self._episode.solution.plan(name, kind, pose, ignore_collisions)

    def shutdown(self) -> None:
        """Ends the simulator."""
        # It steps a few times more on its way out.
        self._recording.stop()
        if self._simulator is not None:
            self._simulator.environment.shutdown()
            self._simulator = None

    @property
    def _episode(self) -> _Episode:
        assert self._started is not None
        return self._started

    def _simulator_for(self, factors: list[dict[str, Any]] | None) -> Simulator:
        """The simulator that runs, or a new one where there is none or factors need one."""
        acting = any(factor["enabled"] for factor in factors or ())
        if self._simulator is None or acting or self._changed_by_factors:
            # What a factor has changed in the room stays changed, and a factor made anew takes it for the original state.
            self.shutdown()
            self._simulator = launch(self._settings, factors)
            self._recording.watch(self._simulator.pyrep)
            # The sensor that took pictures has gone with the simulator before.
            self._pictures = Pictures(self._settings.shadows)
        self._changed_by_factors = acting
        return self._simulator

    def _start_episode(self, simulator: Simulator, task: Any) -> None:
        motions = Motions(simulator.pyrep, simulator.arm, simulator.gripper)
        fingers = Fingers(simulator.gripper, task, self._settings.attach)
        self._started = _Episode(simulator, task, motions, fingers, Solution(task, motions))
        self._target_pose = sensing.tip_pose(simulator.arm)
        video = self._settings.video
        self._recording.start(
            self._started.tip_state, None if video is None else partial(self._pictures.take, video, self._settings.video_size)
        )

    def _control_step(self, joints: FloatArray, opening: float) -> None:
        episode = self._episode
        episode.fingers.command(opening)
        episode.motions.head_for(joints)
        episode.fingers.move()
        episode.simulator.scene.step()

    def _reply(self, before: int = 0, failure: str | None = None) -> dict[str, Any]:
        return {
            "observation": sensing.observation(self._episode.simulator.scene, self._settings),
            "success": self.success(),
            "failure": failure,
            "control_steps": self.control_steps - before,
            "track": self._recording.take_track(),
        }
