"""RLBench and THE COLOSSEUM, driven through their own classes. Runs in the simulator's process and nowhere else.

Only this module imports them. Joint angles, depths and cameras are theirs here; the environment converts.
"""

from __future__ import annotations

import importlib
import math
import os
import random
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.contract import (
    CONTROL_RATE,
    IGNORE_COLLISIONS_THRESHOLD,
    JOINT_SPEED_LIMIT,
    OPEN_THRESHOLD,
    check_workspace,
)
from hamster_bench.errors import (
    InvalidOptionError,
    InvalidScenarioError,
    OutsideWorkspaceError,
    PlacementError,
    PlanningError,
    UnknownNameError,
)
from hamster_bench.geometry import quat_xyzw_from_axis_angle, quat_xyzw_from_euler_xyz, quat_xyzw_multiply

FloatArray = NDArray[np.float64]

CAMERAS = {
    "front": "cam_front",
    "left_shoulder": "cam_over_shoulder_left",
    "right_shoulder": "cam_over_shoulder_right",
    "overhead": "cam_overhead",
    "wrist": "cam_wrist",
}
"""This project's names of RLBench's cameras, and their names in the scene."""

# Budgets of RLBench's own action mode by planning, and of its demonstrations.
_ACTION_BUDGET: Mapping[str, int] = {"trials": 100, "max_configs": 10, "max_time_ms": 10, "trials_per_goal": 5}
_DEMO_BUDGET: Mapping[str, int] = {"trials": 100, "max_configs": 10, "trials_per_goal": 10}

# Speed of the fingers [m/s] of RLBench's discrete gripper, how far each goes [m], and its steps after opening.
_FINGER_SPEED = 0.2
_FINGER_STROKE = 0.04
_SETTLE_STEPS = 10
_PATH_SAMPLES = 41
_LONGEST_PLAN = 4000
# A solution that starts over as long as a state of the scene asks for it is previewed up to this many times.
_MOST_PASSES = 10


@dataclass(frozen=True)
class OriginalSettings:
    """What is chosen when the simulator starts.

    Attributes:
        task: name of the task.
        cameras: that are observed.
        image_size: (height, width) [pixel].
        shadows: draw with shadows, which takes 20 times as long.
        segmentation: observe object handles too.
        attach: a closing gripper attaches what it can grasp.
        video: camera whose picture is taken after every control step, or None.
        video_size: (height, width) [pixel] of these pictures.
    """

    task: str
    cameras: tuple[str, ...]
    image_size: tuple[int, int]
    shadows: bool
    segmentation: bool
    attach: bool
    video: str | None
    video_size: tuple[int, int]


@dataclass(frozen=True)
class _Memory:
    """Everything that following the scripted solution changes besides the scene."""

    task: dict[str, Any]
    poses: tuple[tuple[Any, Any, FloatArray], ...]
    skips: tuple[bool, ...]


class Original:
    """One running simulator.

    Attributes:
        control_steps: simulated since the reset.
    """

    def __init__(self, settings: OriginalSettings) -> None:
        self._settings = settings
        self._env: Any = None
        self._task_env: Any = None
        self._touched = False
        self._observed: Any = None
        self._video: Any = None
        self._frames: list[NDArray[np.uint8]] = []
        self._track: list[tuple[float, float, float, float]] = []
        self._recording = False
        self.control_steps = 0
        self._opening = 1.0
        self._fingers_move = self._fingers_turn = False
        self._finger_speed = _FINGER_SPEED
        self._target_pose = np.zeros(7)
        self._initial: _Memory | None = None
        self._visits: list[tuple[int, bool]] = []
        self._visited = 0
        self._begun = -1
        self._source = ""

    # Episodes

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
        self._recording = False
        acting = any(factor["enabled"] for factor in factors or ())
        if self._env is None or acting or self._touched:
            # What a factor has changed in the room stays changed, and a factor made anew takes it for the original state.
            self._launch(factors)
        self._touched = acting
        _seed(layout_seed, shuffle_seed)
        # A task that is loaded anew remembers nothing of the episodes before.
        self._task_env = self._env.get_task(self._task_class())
        count = int(self._task_env.variation_count())
        if variation >= count:
            raise InvalidScenarioError(f"{self._settings.task} has variations 0 to {count - 1}, got {variation}")
        self._task_env.set_variation(variation)
        self._seed_between(layout_seed, shuffle_seed, factor_seed)
        _seed(layout_seed, shuffle_seed)
        try:
            descriptions, _ = self._task_env.reset()
        except Exception as error:
            if type(error).__name__ in ("TaskEnvironmentError", "BoundaryError", "WaypointError"):
                raise PlacementError(f"RLBench found no valid placement of {self._settings.task}: {error}") from error
            raise
        if layout is not None:
            self._apply_layout(layout)
        self._opening, self._fingers_move, self._fingers_turn = 1.0, False, False
        self._target_pose = self._tip_pose()
        self._follow_masks()
        self._visits, self._visited, self._begun = [], 0, -1
        self._initial = self._remember()
        self.control_steps = 0
        self._track = [self._tip()]
        self._frames = []
        self._film()
        self._recording = True
        return self._reply() | {
            "descriptions": [str(text) for text in descriptions],
            "variation_count": count,
            "placement_tries": int(getattr(self._scene, "_attempts", 0)) + 1,
            "layout": self._layout(),
            "source": self._source,
        }

    def keypose(self, action: FloatArray) -> dict[str, Any]:
        """Plans to a pose, goes there, then moves the gripper, as RLBench's own action mode does; (9,)."""
        before = self.control_steps
        if not self._scene.check_target_in_workspace(action[:3]):
            return self._reply(before, "outside_workspace")
        try:
            path = self._plan_pose(
                action[:3], action[3:7], ignore_collisions=bool(action[8] > IGNORE_COLLISIONS_THRESHOLD), budget=_ACTION_BUDGET
            )
        except PlanningError as error:
            return self._reply(before, error.reason)
        done = False
        while not done:
            done = bool(path.step())
            self._scene.step()
            if self.success():
                break
        self._opening = 1.0 if action[7] > OPEN_THRESHOLD else 0.0
        self._discrete().action(self._scene, np.array([self._opening]))
        self._target_pose = self._tip_pose()
        return self._reply(before)

    def joint_position(self, joints: FloatArray, opening: float) -> dict[str, Any]:
        """One control step to joint targets (7,) [rad] and a gripper opening."""
        before = self.control_steps
        self._control_step(joints, opening)
        self._target_pose = self._tip_pose()
        return self._reply(before)

    def delta_pose(self, action: FloatArray) -> dict[str, Any]:
        """One control step towards the last target pose changed by (7,) dx dy dz droll dpitch dyaw gripper, world axes."""
        before = self.control_steps
        pose = np.concatenate(
            [self._target_pose[:3] + action[:3], quat_xyzw_multiply(quat_xyzw_from_euler_xyz(action[3:6]), self._target_pose[3:])]
        )
        joints, failure = np.array(self._arm.get_joint_target_positions()), None
        try:
            check_workspace(pose[:3])
            joints = self._solve_near(pose)
            self._target_pose = pose
        except OutsideWorkspaceError as error:
            failure = error.reason
        except PlanningError as error:
            failure = error.reason
        self._control_step(joints, float(action[6]))
        return self._reply(before, failure)

    def success(self) -> bool:
        """Whether the task's conditions hold now."""
        return bool(self._task.success()[0])

    def state(self) -> FloatArray:
        """Joint angles and speeds, fingers, and poses of the task's objects: all that can be read of the state."""
        objects = self._task.get_base().get_objects_in_tree(exclude_base=False)
        parts = [
            self._arm.get_joint_positions(),
            self._arm.get_joint_velocities(),
            self._gripper.get_joint_positions(),
            *(thing.get_pose() for thing in objects),
        ]
        return np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in parts])

    def picture(self, camera: str, size: Sequence[int]) -> NDArray[np.uint8]:
        """An image (h, w, 3) of a camera in any size."""
        self._make_video(camera, (int(size[0]), int(size[1])))
        return self._take_picture()

    def frames(self) -> list[NDArray[np.uint8]]:
        """Pictures of the control steps since the last call."""
        taken, self._frames = self._frames, []
        return taken

    def segment_names(self) -> dict[str, str]:
        """Object numbers in segmentations, as text, and the objects' names."""
        names = {}
        for thing in self._pyrep.get_objects_in_tree():
            names[str(int(thing.get_handle()) + 1)] = str(thing.get_name())
        return names

    def shutdown(self) -> None:
        """Ends the simulator."""
        # It steps a few times more on its way out.
        self._recording = False
        if self._env is not None:
            self._env.shutdown()
            self._env = None

    # The scripted solution

    def preview(self) -> list[dict[str, Any]]:
        """The whole scripted solution as seen from the present state; nothing stays changed."""
        now = self._remember()
        assert self._initial is not None
        self._recall(self._initial)
        steps: list[dict[str, Any]] = []
        visits: list[tuple[int, bool]] = []
        try:
            waypoints = self._task.get_waypoints()
            for _ in range(_MOST_PASSES):
                for index, waypoint in enumerate(waypoints):
                    waypoint.start_of_path()
                    visits.append((index, bool(waypoint.skip)))
                    if not waypoint.skip:
                        steps.append(_described(index, waypoint))
                if not self._task.should_repeat_waypoints():
                    break
        finally:
            self._recall(now)
        self._visits = visits
        return steps

    def waypoint(self, index: int) -> dict[str, Any]:
        """Step ``index`` of the solution now. Asked for in order, each step begins when it is asked for, as in a demonstration."""
        if not self._visits:
            self.preview()
        steps = [visit for visit, (_, skipped) in enumerate(self._visits) if not skipped]
        if not 0 <= index < len(steps):
            raise InvalidOptionError(f"the solution has steps 0 to {len(steps) - 1}, got {index}")
        if index > self._begun + 1:
            return self.preview()[index]
        waypoints = self._task.get_waypoints()
        if index == self._begun + 1:
            if self._begun >= 0:
                waypoints[self._visits[steps[self._begun]][0]].end_of_path()
            while self._visited <= steps[index]:
                waypoints[self._visits[self._visited][0]].start_of_path()
                self._visited += 1
            self._begun = index
        number = self._visits[steps[index]][0]
        return _described(number, waypoints[number])

    def plan(self, name: str, kind: str, pose: FloatArray, ignore_collisions: bool) -> FloatArray:
        """Joint targets (n, 7) [rad], one a control step, that RLBench's demonstration would send on its way to a waypoint.

        Raises:
            PlanningError: no motion was found.
        """
        found = {f"waypoint{index}": waypoint for index, waypoint in enumerate(self._task.get_waypoints())}.get(name)
        if kind == "path":
            if found is None:
                raise UnknownNameError("waypoint", name, ())
            path = self._planned(lambda: self._arm.get_path_from_cartesian_path(found.get_waypoint_object()))
        else:
            linear = found is not None and bool(getattr(found, "_linear_only", False))
            budget = None if linear else _DEMO_BUDGET
            path = self._plan_pose(pose[:3], pose[3:7], ignore_collisions=ignore_collisions, budget=budget)
        before = self._arm.get_joint_target_positions()
        targets: list[list[float]] = []
        done = False
        # A path only says where the joints should be next; nothing moves until the physics is stepped.
        while not done and len(targets) < _LONGEST_PLAN:
            done = bool(path.step())
            targets.append(list(self._arm.get_joint_target_positions()))
        self._arm.set_joint_target_positions(before)
        return np.array(targets, dtype=np.float64)

    # Parts of the simulator

    @property
    def _scene(self) -> Any:
        return self._env._scene

    @property
    def _pyrep(self) -> Any:
        return self._env._pyrep

    @property
    def _arm(self) -> Any:
        return self._env._robot.arm

    @property
    def _gripper(self) -> Any:
        return self._env._robot.gripper

    @property
    def _task(self) -> Any:
        return self._task_env._task

    def _launch(self, factors: list[dict[str, Any]] | None) -> None:
        self.shutdown()
        from rlbench.action_modes.action_mode import MoveArmThenGripper
        from rlbench.action_modes.arm_action_modes import EndEffectorPoseViaPlanning

        mode = MoveArmThenGripper(arm_action_mode=EndEffectorPoseViaPlanning(), gripper_action_mode=self._discrete())
        self._observed = self._observation_config()
        common = {"action_mode": mode, "obs_config": self._observed, "headless": True}
        if factors is None or not _colosseum_has(self._settings.task):
            from rlbench.environment import Environment

            self._source = "rlbench"
            self._env = Environment(**common, attach_grasped_objects=self._settings.attach)
        else:
            from colosseum import TASKS_TTM_FOLDER
            from colosseum.rlbench.extensions.environment import EnvironmentExt
            from omegaconf import OmegaConf

            self._source = "colosseum"
            _list_in_order()
            config = OmegaConf.create({"task_name": self._settings.task, "scene": {"factors": factors}})
            self._env = EnvironmentExt(
                **common, attach_grasped_objects=self._settings.attach, path_task_ttms=TASKS_TTM_FOLDER, env_config=config
            )
        self._env.launch()
        self._video = None
        self._count_steps()
        # A camera that is not wanted stays in the scene, so that its pose can be told, but is not drawn.
        for name in CAMERAS:
            camera = getattr(self._observed, f"{name}_camera")
            camera.rgb = camera.depth = name in self._settings.cameras

    def _observation_config(self) -> Any:
        from rlbench.observation_config import ObservationConfig

        config = ObservationConfig()
        config.set_all_low_dim(False)
        config.joint_positions = config.joint_velocities = config.gripper_open = config.gripper_pose = True
        height, width = self._settings.image_size
        for name in CAMERAS:
            camera = getattr(config, f"{name}_camera")
            camera.set_all(False)
            camera.rgb = camera.depth = True
            camera.mask = self._settings.segmentation and name in self._settings.cameras
            camera.masks_as_one_channel = camera.depth_in_meters = True
            camera.image_size = [width, height]
            camera.render_mode = self._render_mode()
        return config

    def _render_mode(self) -> Any:
        from pyrep.const import RenderMode

        return RenderMode.OPENGL3 if self._settings.shadows else RenderMode.OPENGL

    def _task_class(self) -> type:
        name = self._settings.task
        if self._source == "colosseum":
            from colosseum import TASKS_PY_FOLDER
            from colosseum.rlbench.utils import name_to_class

            found = name_to_class(name, TASKS_PY_FOLDER)
            if found is None:
                raise UnknownNameError("task of THE COLOSSEUM", name, _task_files(Path(TASKS_PY_FOLDER)))
            return found  # type: ignore[no-any-return]
        import rlbench.tasks

        try:
            module = importlib.import_module(f"rlbench.tasks.{name}")
            return getattr(module, "".join(f"{word[0].upper()}{word[1:]}" for word in name.split("_")))  # type: ignore[no-any-return]
        except (ModuleNotFoundError, AttributeError) as error:
            folder = Path(next(iter(rlbench.tasks.__path__)))
            raise UnknownNameError("task of RLBench", name, _task_files(folder)) from error

    def _discrete(self) -> Any:
        from rlbench.action_modes.gripper_action_modes import Discrete

        return Discrete(attach_grasped_objects=self._settings.attach)

    def _seed_between(self, layout_seed: int, shuffle_seed: int, factor_seed: int | None) -> None:
        """Lets what factors draw from numpy's own generator leave the placement as it is without them."""
        manager = getattr(self._scene, "_var_manager", None)
        if manager is None or factor_seed is None:
            return
        act = type(manager).on_init_episode

        def seeded() -> None:
            _seed(factor_seed, factor_seed)
            act(manager)
            _seed(layout_seed, shuffle_seed)

        manager.on_init_episode = seeded

    def _count_steps(self) -> None:
        pyrep = self._pyrep
        step = pyrep.step

        def counted() -> None:
            step()
            if self._recording:
                self.control_steps += 1
                self._track.append(self._tip())
                self._film()

        pyrep.step = counted

    # Motions

    def _plan_pose(
        self, position: FloatArray, quat_xyzw: FloatArray, *, ignore_collisions: bool, budget: Mapping[str, int] | None
    ) -> Any:
        from pyrep.const import ConfigurationPathAlgorithms

        target: dict[str, Any] = {"quaternion": list(map(float, quat_xyzw)), "ignore_collisions": ignore_collisions}
        place = list(map(float, position))
        algorithm = ConfigurationPathAlgorithms.RRTConnect
        # What the arm touches already must not keep it from moving away.
        touched = [] if ignore_collisions else self._touched_shapes()
        for shape in touched:
            shape.set_collidable(False)
        try:
            if budget is None:
                return self._planned(lambda: self._arm.get_linear_path(place, **target))
            return self._planned(lambda: self._arm.get_path(place, **target, **budget, algorithm=algorithm))
        finally:
            for shape in touched:
                shape.set_collidable(True)

    def _planned(self, plan: Callable[[], Any]) -> Any:
        from pyrep.errors import ConfigurationError, ConfigurationPathError

        try:
            return plan()
        except ConfigurationPathError as error:
            unreachable = isinstance(error.__cause__, ConfigurationError)
            reason = "ik_unreachable" if unreachable else "path_not_found"
            raise PlanningError(reason, f"RLBench's planner found no path: {error}") from error

    def _touched_shapes(self) -> list[Any]:
        from pyrep.const import ObjectType

        if not self._arm.check_arm_collision():
            return []
        own = self._arm.get_objects_in_tree(object_type=ObjectType.SHAPE)
        held = self._gripper.get_grasped_objects()
        return [
            shape
            for shape in self._pyrep.get_objects_in_tree(object_type=ObjectType.SHAPE)
            if shape.is_collidable() and shape not in own and shape not in held and self._arm.check_arm_collision(shape)
        ]

    def _solve_near(self, pose: FloatArray) -> FloatArray:
        from pyrep.errors import ConfigurationError, IKError

        try:
            return np.array(self._arm.solve_ik_via_jacobian(pose[:3].tolist(), quaternion=pose[3:].tolist()), dtype=np.float64)
        except (IKError, ConfigurationError) as error:
            raise PlanningError("ik_unreachable", f"RLBench's inverse kinematics fails: {error}") from error

    def _control_step(self, joints: FloatArray, opening: float) -> None:
        self._command_gripper(opening)
        last = np.array(self._arm.get_joint_target_positions())
        limit = JOINT_SPEED_LIMIT / CONTROL_RATE
        self._arm.set_joint_target_positions((last + np.clip(joints - last, -limit, limit)).tolist())
        if self._fingers_move:
            done = self._actuate()
            if done and self._fingers_turn:
                # PyRep takes a change of speed within a motion for swinging about the target: it stops and forgets the motion.
                done = self._actuate()
            self._fingers_move, self._fingers_turn = not done, False
        self._scene.step()

    def _actuate(self) -> bool:
        return bool(self._gripper.actuate(float(np.clip(self._opening, 0.0, 1.0)), velocity=self._finger_speed))

    def _command_gripper(self, opening: float) -> None:
        """Attaches or releases when a commanded opening crosses the threshold, before the fingers move."""
        was_open, is_open = self._opening > OPEN_THRESHOLD, opening > OPEN_THRESHOLD
        if is_open and not was_open:
            self._gripper.release()
        elif was_open and not is_open and self._settings.attach:
            for thing in self._task.get_graspable_objects():
                self._gripper.grasp(thing)
        changed, self._opening = opening != self._opening, opening
        if changed:
            # They arrive after a whole number of control steps: PyRep only stops them where it finds them after a step.
            gap = abs(float(np.clip(opening, 0.0, 1.0)) * _FINGER_STROKE - float(self._gripper.get_joint_positions()[0]))
            per_step = _FINGER_SPEED / CONTROL_RATE
            self._finger_speed = gap * CONTROL_RATE / max(1, math.ceil(gap / per_step - 1e-6)) or _FINGER_SPEED
            self._fingers_move = self._fingers_turn = True

    # What is seen

    def _reply(self, before: int = 0, failure: str | None = None) -> dict[str, Any]:
        track, self._track = np.array(self._track, dtype=np.float64).reshape(-1, 4), []
        return {
            "observation": self._observation(),
            "success": self.success(),
            "failure": failure,
            "control_steps": self.control_steps - before,
            "track": track,
        }

    def _observation(self) -> dict[str, Any]:
        seen = self._scene.get_observation()
        found: dict[str, Any] = {
            "joint_positions": np.asarray(seen.joint_positions, dtype=np.float64),
            "joint_velocities": np.asarray(seen.joint_velocities, dtype=np.float64),
            "gripper_pose": np.asarray(seen.gripper_pose, dtype=np.float64),
            "gripper_open": float(seen.gripper_open),
            "cameras": {
                name: {
                    "intrinsics": np.asarray(seen.misc[f"{name}_camera_intrinsics"], dtype=np.float64),
                    "extrinsics": np.asarray(seen.misc[f"{name}_camera_extrinsics"], dtype=np.float64),
                }
                for name in CAMERAS
            },
        }
        for name in self._settings.cameras:
            found[f"{name}_rgb"] = np.asarray(getattr(seen, f"{name}_rgb"), dtype=np.uint8)
            found[f"{name}_depth"] = np.asarray(getattr(seen, f"{name}_depth"), dtype=np.float32)
            if self._settings.segmentation:
                found[f"{name}_mask"] = np.asarray(getattr(seen, f"{name}_mask"), dtype=np.float64)
        return found

    def _tip_pose(self) -> FloatArray:
        return np.array(self._arm.get_tip().get_pose(), dtype=np.float64)

    def _tip(self) -> tuple[float, float, float, float]:
        x, y, z = map(float, self._arm.get_tip().get_position())
        return x, y, z, float(self._opening > OPEN_THRESHOLD)

    def _follow_masks(self) -> None:
        """Puts the cameras of object handles where the cameras are; the factor that moves these does not know them."""
        if not self._settings.segmentation:
            return
        from pyrep.objects.vision_sensor import VisionSensor

        for name in self._settings.cameras:
            VisionSensor(f"{CAMERAS[name]}_mask").set_pose(VisionSensor(CAMERAS[name]).get_pose())

    def _film(self) -> None:
        if self._settings.video is not None:
            self._make_video(self._settings.video, self._settings.video_size)
            self._frames.append(self._take_picture())

    def _make_video(self, camera: str, size: tuple[int, int]) -> None:
        from pyrep.objects.vision_sensor import VisionSensor

        source = VisionSensor(CAMERAS[camera])
        if self._video is None or (camera, size) != self._video[1]:
            if self._video is not None:
                self._video[0].remove()
            sensor = VisionSensor.create(
                [size[1], size[0]],
                explicit_handling=True,
                near_clipping_plane=source.get_near_clipping_plane(),
                far_clipping_plane=source.get_far_clipping_plane(),
                view_angle=source.get_perspective_angle(),
                render_mode=self._render_mode(),
            )
            self._video = sensor, (camera, size)
        self._video[0].set_pose(source.get_pose())

    def _take_picture(self) -> NDArray[np.uint8]:
        sensor = self._video[0]
        sensor.handle_explicitly()
        return np.clip(np.asarray(sensor.capture_rgb()) * 255.0, 0.0, 255.0).astype(np.uint8)

    # Layouts

    def _objects(self) -> dict[str, Any]:
        """Shapes and frames of the task by name, parents first; those of the scripted solution and of areas are left out."""
        from pyrep.const import ObjectType

        base = self._task.get_base()
        found = {}
        for thing in base.get_objects_in_tree(exclude_base=True):
            name = str(thing.get_name())
            if thing.get_type() in (ObjectType.SHAPE, ObjectType.DUMMY) and not name.startswith(("waypoint", "spawn_boundary")):
                found[name] = thing
        return found

    def _layout(self) -> dict[str, Any]:
        return {
            "base_pose": np.asarray(self._task.get_base().get_pose(), dtype=np.float64),
            "object_poses": {name: np.asarray(thing.get_pose(), dtype=np.float64) for name, thing in self._objects().items()},
        }

    def _apply_layout(self, layout: Mapping[str, Any]) -> None:
        objects = self._objects()
        for name in layout["object_poses"]:
            if name not in objects:
                raise UnknownNameError(f"object of {self._settings.task}", name, objects)
        self._task.get_base().set_pose(list(layout["base_pose"]))
        for name, thing in objects.items():
            if name in layout["object_poses"]:
                thing.set_pose(list(layout["object_poses"][name]))
        if self._arm.check_arm_collision():
            raise PlacementError(
                f"in the layout that was given for {self._settings.task} something touches the arm where it starts"
            )
        for _ in range(_SETTLE_STEPS):
            self._pyrep.step()
        if self.success():
            raise PlacementError(f"in the layout that was given for {self._settings.task} the task is solved already")

    def _remember(self) -> _Memory:
        waypoints = self._task.get_waypoints()
        objects = [waypoint.get_waypoint_object() for waypoint in waypoints]
        parents = [thing.get_parent() for thing in objects]
        return _Memory(
            task=dict(vars(self._task)),
            poses=tuple(
                (thing, parent, np.array(thing.get_pose(relative_to=parent)))
                for thing, parent in zip(objects, parents, strict=True)
            ),
            skips=tuple(bool(waypoint.skip) for waypoint in waypoints),
        )

    def _recall(self, memory: _Memory) -> None:
        vars(self._task).clear()
        vars(self._task).update(memory.task)
        for thing, parent, pose in memory.poses:
            thing.set_pose(pose.tolist(), relative_to=parent, reset_dynamics=False)
        for waypoint, skip in zip(self._task.get_waypoints(), memory.skips, strict=True):
            waypoint.skip = skip


def _described(index: int, waypoint: Any) -> dict[str, Any]:
    thing = waypoint.get_waypoint_object()
    is_path = hasattr(thing, "get_pose_on_path")
    if is_path:
        poses = np.array([_path_pose(thing, fraction) for fraction in np.linspace(0.0, 1.0, _PATH_SAMPLES)])
    else:
        poses = np.array([thing.get_pose()], dtype=np.float64)
    return {
        "name": f"waypoint{index}",
        "kind": "path" if is_path else "point",
        "poses": poses,
        "ignore_collisions": bool(getattr(waypoint, "_ignore_collisions", False)),
        "gripper": gripper_command(str(waypoint.get_ext())),
    }


def gripper_command(extension: str) -> float | None:
    """Opening, 0 to 1, that a waypoint's flags command after it is reached, or None.

    Opening wins where both are written, as in RLBench.
    """
    for flag, full in (("open_gripper(", 1.0), ("close_gripper(", 0.0)):
        _, found, rest = extension.partition(flag)
        if found:
            amount = rest.partition(")")[0].strip()
            return float(amount) if amount else full
    return None


def _path_pose(path: Any, fraction: float) -> FloatArray:
    position, euler = path.get_pose_on_path(float(fraction))
    # CoppeliaSim turns about x, then about the turned y, then about the z turned twice.
    turns = [quat_xyzw_from_axis_angle(axis, float(angle)) for axis, angle in zip(np.eye(3), euler, strict=True)]
    quat_xyzw = quat_xyzw_multiply(quat_xyzw_multiply(turns[0], turns[1]), turns[2])
    return np.concatenate([np.asarray(position, dtype=np.float64), quat_xyzw])


def _seed(numbers: int, shuffles: int) -> None:
    np.random.seed(numbers % 2**32)
    random.seed(shuffles)


def _colosseum_has(task: str) -> bool:
    try:
        from colosseum import TASKS_PY_FOLDER
    except ImportError:
        return False
    return (Path(TASKS_PY_FOLDER) / f"{task}.py").exists()


def _task_files(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in folder.glob("*.py") if file.stem != "__init__"))


def _list_in_order() -> None:
    """Has THE COLOSSEUM list its textures and models by name: in the order of the directory a seed means another one elsewhere."""
    listed = os.listdir

    if getattr(listed, "in_order", False):
        return

    def in_order(*arguments: Any) -> list[str]:
        return sorted(listed(*arguments))

    in_order.in_order = True  # type: ignore[attr-defined]
    vars(os)["listdir"] = in_order
    warnings.filterwarnings("ignore", message="IVariation")
