"""One running scene: reset, actions, and what can be read from it. Knows nothing of Gymnasium or of images."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.contract import IGNORE_COLLISIONS_THRESHOLD, OPEN_THRESHOLD, GraspMode, check_workspace
from hamster_bench.envs.layout import SceneLayout
from hamster_bench.envs.mujoco.control import Commands, Controller
from hamster_bench.envs.mujoco.distractors import Library
from hamster_bench.envs.mujoco.edits import ModelEdits
from hamster_bench.envs.mujoco.factor_scene import EpisodeScene
from hamster_bench.envs.mujoco.grasping import Grasping
from hamster_bench.envs.mujoco.keepout import KeepOut, keep_out
from hamster_bench.envs.mujoco.kinematics import START_JOINTS, make_arm
from hamster_bench.envs.mujoco.layout import PLANE_CENTRE, TABLE_TOP, Layout, check_names, place
from hamster_bench.envs.mujoco.planning import (
    Collides,
    line_through,
    make_collision_checker,
    make_self_collision_checker,
    path_collides,
    plan_to_pose,
    retime,
)
from hamster_bench.envs.mujoco.robot import FINGER_TRAVEL, OPEN_SHARE, find_robot
from hamster_bench.envs.mujoco.scene import Scene, WaypointSites, load_scene, site_pose, site_pose_on
from hamster_bench.envs.mujoco.sensing import holds, remove_detected
from hamster_bench.envs.task import Step, Task
from hamster_bench.errors import OutsideWorkspaceError, PlacementError, PlanningError, SceneError, SimulatorFaultError
from hamster_bench.geometry import (
    Camera,
    pinhole_intrinsics,
    quat_xyzw_from_euler_xyz,
    quat_xyzw_multiply,
)
from hamster_bench.scenario import Scenario

FloatArray = NDArray[np.float64]

CAMERAS = ("front", "left_shoulder", "right_shoulder", "overhead", "wrist")

# RLBench's physics steps after a placement, and after opening the gripper, for things to come to rest.
_SETTLE_STEPS = 10
_RELEASE_STEPS = 10
# An object that has lost what it leaned on falls and comes to rest in about half a second.
_LEANING_STEPS = 20
# Closing takes 4 steps over the whole travel; the rest is for squeezing. The fingers rarely need all.
_CLOSE_STEPS = 10
_CLOSE_STEPS_LEAST = 2
# After a motion the arm is given up to this many steps to catch up with its last target.
_ARRIVE_STEPS = 4

# Speed of the tip along Cartesian path waypoints [m/s]: RLBench's executed paths move at about this.
_PATH_TIP_SPEED = 0.3

_BREAKDOWNS = {
    "positions": int(mujoco.mjtWarning.mjWARN_BADQPOS),
    "velocities": int(mujoco.mjtWarning.mjWARN_BADQVEL),
    "accelerations": int(mujoco.mjtWarning.mjWARN_BADQACC),
}

_INTEGRATION = mujoco.mjtState.mjSTATE_INTEGRATION.value

_CAMERA_AXES = np.diag([1.0, -1.0, -1.0])  # MuJoCo's camera looks along -z with y up


@dataclass(frozen=True)
class Snapshot:
    """A simulation at one moment; see `Simulation.snapshot`."""

    integration: FloatArray
    edited: dict[str, FloatArray]
    controller: Commands
    planner: Any
    target_pose: FloatArray
    control_steps: int
    track_length: int


class Simulation:
    """A task's scene in motion.

    Attributes:
        task: the task.
        scene: its compiled scene.
        data: the state.
        control_steps: control steps simulated since the reset, settling left out.
        track: where the gripper tip was, and whether it was told to be open, at the start of the episode (once `begin_track` was
            called) and after every control step: x, y, z [m], world frame, and 1 or 0.
        solution: steps of the scripted solution: the waypoint, and the body that carries it in place of its own, or None.
    """

    def __init__(self, task: Task, grasp: GraspMode, library: Library | None = None, slots: int = 0) -> None:
        """Compiles the scene; `reset` makes it ready.

        Args:
            task: the task.
            grasp: how objects are held.
            library: distractors to have at hand, or None.
            slots: number of distractors there may be at once.
        """
        self.task = task
        self.scene = load_scene(task, library, slots)
        self.data = mujoco.MjData(self.scene.model)
        self.robot = find_robot(self.scene.model)
        self.arm = make_arm()
        self.controller = Controller(self.scene.model, self.data, self.robot)
        self.grasping = Grasping(self.scene, self.data, self.robot, grasp)
        self.checker = make_collision_checker(self.scene, self.robot.arm_qpos)
        self.self_checker = make_self_collision_checker()
        self.control_steps = 0
        self.track: list[tuple[float, float, float, float]] = []
        self.solution: tuple[tuple[WaypointSites, int | None], ...] = ()
        self._conditions = task.conditions(0)
        self._planner_rng = np.random.default_rng(0)
        self._target_pose = np.zeros(7)
        self._camera_ids = {name: self.scene.model.camera(name).id for name in CAMERAS}
        self.edits = ModelEdits(self.scene.model)
        self._layout = Layout(self.scene, self.data)
        self._rehearsed: tuple[FloatArray, ...] = ()
        self._variation = 0

    def reset(self, scenario: Scenario, given: SceneLayout | None = None) -> int:
        """Puts the scene into the start of a scenario.

        Args:
            scenario: the scenario.
            given: where the task stands; None draws it.

        Returns:
            Number of placements tried.

        Raises:
            PlacementError: no valid layout was found, or the one that is given is none.
            UnknownNameError: the layout names what is no object of the task.
            InvalidOptionError: the layout cannot be made true.
        """
        if given is not None:
            check_names(self.scene, given)
        model, data = self.scene.model, self.data
        self.edits.restore()
        mujoco.mj_resetData(model, data)
        self.controller.start(START_JOINTS, opening=1.0)
        layout = self._layout = Layout(self.scene, data)
        self._variation = scenario.variation
        self.task.arrange(layout, scenario.variation, scenario.rng("layout"))
        self.task.paint(layout, scenario.variation, scenario.rng("paint"))
        if given is not None:
            layout.arrange_as(given)
        self._conditions = self.task.conditions(scenario.variation)
        self.solution = self._solution(layout, scenario.variation)
        if given is None:
            tries = place(layout, scenario.rng("placement"), self._placement_is_valid)
        else:
            tries = 1
            layout.put(np.array(given.base_pose))
            self._check_given()
        self._planner_rng = scenario.rng("motion_planner")
        for _ in range(_SETTLE_STEPS):
            self.controller.step(START_JOINTS, opening=1.0)
        self.control_steps = 0
        self.track.clear()
        self._target_pose = self.arm.tip_pose(START_JOINTS)
        return tries

    def continue_from(self, other: Simulation) -> None:
        """Takes over the start of an episode from a simulation of the same scene without distractors, bit for bit.

        All numbers of that scene come first in this one, since distractors were added after everything else.
        """
        model, data, source = self.scene.model, self.data, other.data
        self.edits.restore()
        mujoco.mj_resetData(model, data)
        for name, values in other.edits.episode_arrays().items():
            getattr(model, name)[: len(values)] = values
        for name in ("qpos", "qvel", "qacc", "qacc_warmstart", "act", "ctrl", "eq_active"):
            values = getattr(source, name)
            getattr(data, name)[: len(values)] = values
        data.time = source.time
        self.controller.command(other.controller.commands())
        self._layout = other.layout_for(self.scene, data)
        self._variation = other._variation
        self._conditions = other._conditions
        self.solution = other.solution
        self._rehearsed = other._rehearsed
        self._planner_rng = copy.deepcopy(other._planner_rng)
        self._target_pose = other._target_pose.copy()
        self.control_steps = 0
        self.track.clear()
        self.update_poses()

    def begin_track(self) -> None:
        """Notes where the gripper is as the start of the episode."""
        self.track.clear()
        self._note_tip()

    def check_physics(self) -> None:
        """Makes sure that the physics has not broken down in this episode.

        Raises:
            SimulatorFaultError: positions, velocities or accelerations became infinite or no numbers. MuJoCo then starts from the scene
                file anew and says so in a counter alone.
        """
        broken = [name for name, number in _BREAKDOWNS.items() if self.data.warning[number].number]
        if broken:
            raise SimulatorFaultError(
                f"the simulation of {self.task.name} broke down: {' and '.join(broken)} grew beyond all bounds or are no numbers"
            )

    def layout_for(self, scene: Scene, data: mujoco.MjData) -> Layout:
        """The layout of this episode, for another model of the same scene."""
        return dataclasses.replace(self._layout, scene=scene, data=data)

    def placed(self) -> SceneLayout:
        """Where the task and its objects are now."""
        return self._layout.now()

    def factor_scene(self) -> EpisodeScene:
        """How variation factors read and change the scene now."""
        return EpisodeScene(
            scene=self.scene,
            data=self.data,
            edits=self.edits,
            layout=self._layout,
            solution=lambda: self.solution,
            solve_again=self._solve_again,
            settle=self._settle_objects,
            free_space=functools.cache(self._keep_out),
            surface_height=TABLE_TOP - PLANE_CENTRE[2],
        )

    def keypose(self, action: FloatArray, after_step: Callable[[], None]) -> None:
        """Plans to a keypose (9,), goes there, then moves the gripper; stops early on success.

        Args:
            action: a validated keypose.
            after_step: called after every control step.

        Raises:
            PlanningError: no motion was found; nothing has moved.
        """
        targets = self.plan_to(action[:7], ignore_collisions=action[8] > IGNORE_COLLISIONS_THRESHOLD)
        opening = float(self.controller.opening)
        for joints in targets:
            self._step(joints, opening, after_step)
            if self.success():
                break
        else:
            for _ in range(_ARRIVE_STEPS):
                if self.controller.at_rest():
                    break
                self._step(self.controller.joints, opening, after_step)
        wanted = 1.0 if action[7] > OPEN_THRESHOLD else 0.0
        if (wanted > OPEN_THRESHOLD) != (opening > OPEN_THRESHOLD):
            self._actuate_gripper(wanted, after_step)
        self._target_pose = self.arm.tip_pose(self.controller.joints)

    def delta_pose(self, action: FloatArray) -> None:
        """One control step towards the last target pose changed by (7,) dx dy dz droll dpitch dyaw gripper, world axes.

        Where the new target cannot be reached the arm holds still for the step and the old target stays.

        Raises:
            OutsideWorkspaceError: the new target lies outside the workspace.
            PlanningError: no joint angles near the present ones reach it.
        """
        turn = quat_xyzw_from_euler_xyz(action[3:6])
        pose = np.concatenate([self._target_pose[:3] + action[:3], quat_xyzw_multiply(turn, self._target_pose[3:])])
        joints: FloatArray | None = None
        error: Exception | None = None
        try:
            check_workspace(pose[:3])
            joints = self.arm.solve_near(pose, self.controller.joints)
            if joints is None:
                error = PlanningError("ik_unreachable", f"no joint angles bring the gripper to {np.round(pose, 4).tolist()}")
        except OutsideWorkspaceError as outside:
            error = outside
        if joints is not None:
            self._target_pose = pose
        self._set_gripper(float(action[6]))
        self._step(self.controller.joints if joints is None else joints, float(action[6]))
        if error is not None:
            raise error

    def joint_position(self, action: FloatArray) -> None:
        """One control step to joint targets and gripper opening (8,)."""
        self._set_gripper(float(action[7]))
        self._step(action[:7], float(action[7]))
        self._target_pose = self.arm.tip_pose(self.controller.joints)

    def solution_poses(self, step: int) -> FloatArray:
        """World poses (k, 7) of one step of the scripted solution now: one for a point, several for a path."""
        waypoint, frame = self.solution[step]
        model, data = self.scene.model, self.data
        if frame is None:
            return np.array([site_pose(data, site) for site in waypoint.sites])
        return np.array([site_pose_on(model, data, site, frame) for site in waypoint.sites])

    def plan_to(self, pose: FloatArray, ignore_collisions: bool) -> FloatArray:
        """Joint targets (n, 7) [rad], one a control step, that bring the tip from where it is to a world pose (7,).

        Raises:
            PlanningError: no motion was found.
        """
        collides = self._collides(ignore_collisions)
        path = plan_to_pose(self.arm, self.controller.joints, pose, collides, self._planner_rng)
        return retime(self.arm, path)

    def plan_along(self, poses: FloatArray) -> FloatArray:
        """Joint targets (n, 7) [rad], one a control step, along a Cartesian path through poses (k, 7).

        Collisions are ignored, but for those of the robot with itself.

        Raises:
            PlanningError: the arm cannot follow.
        """
        path = line_through(self.arm, self.controller.joints, poses)
        if path is None or path_collides(path, self._collides(ignore_collisions=True)):
            raise PlanningError("path_not_found", "the arm cannot follow the Cartesian path")
        return retime(self.arm, path, _PATH_TIP_SPEED)

    def success(self) -> bool:
        """Whether every success condition of the task holds now."""
        grasped = self.grasping.grasped()
        return all(holds(condition, self.scene, self.data, grasped) for condition in self._conditions)

    def proprioception(self) -> dict[str, Any]:
        """The part of an observation that is no image."""
        data, robot = self.data, self.robot
        finger = float(data.qpos[robot.finger_qpos[0]])
        return {
            "joint_positions": data.qpos[robot.arm_qpos].copy(),
            "joint_velocities": data.qvel[robot.arm_qvel].copy(),
            "gripper_pose": site_pose(data, robot.tip),
            "gripper_open": np.array([1.0 if finger > OPEN_SHARE * FINGER_TRAVEL else 0.0]),
        }

    def camera_id(self, name: str) -> int:
        """Id of a camera in the model."""
        return int(self._camera_ids[name])

    def camera(self, name: str, height: int, width: int) -> Camera:
        """Intrinsics and pose of a camera now, for images of a size."""
        number = self._camera_ids[name]
        T_world_camera = np.eye(4)
        T_world_camera[:3, :3] = self.data.cam_xmat[number].reshape(3, 3) @ _CAMERA_AXES
        T_world_camera[:3, 3] = self.data.cam_xpos[number]
        fov = np.deg2rad(float(self.scene.model.cam_fovy[number]))
        return Camera(width, height, pinhole_intrinsics(width, height, fov), T_world_camera)

    def state(self) -> FloatArray:
        """Everything that decides how the simulation goes on, as one array."""
        edited = [values.ravel() for values in self.edits.episode_arrays().values()]
        return np.concatenate([self._integration_state(), *edited, self.controller.joints, [self.controller.opening]])

    def snapshot(self) -> Snapshot:
        """Everything that decides how the simulation goes on, to be put back by `restore`."""
        return Snapshot(
            integration=self._integration_state(),
            edited=self.edits.episode_arrays(),
            controller=self.controller.commands(),
            planner=self._planner_rng.bit_generator.state,
            target_pose=self._target_pose.copy(),
            control_steps=self.control_steps,
            track_length=len(self.track),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Puts everything back to where it was at a `snapshot`."""
        model, data = self.scene.model, self.data
        for name, values in snapshot.edited.items():
            getattr(model, name)[:] = values
        mujoco.mj_setState(model, data, snapshot.integration, _INTEGRATION)
        self.controller.command(snapshot.controller)
        self._planner_rng.bit_generator.state = snapshot.planner
        self._target_pose = snapshot.target_pose.copy()
        self.control_steps = snapshot.control_steps
        del self.track[snapshot.track_length :]
        self.update_poses()

    def _integration_state(self) -> FloatArray:
        integration = np.empty(mujoco.mj_stateSize(self.scene.model, _INTEGRATION))
        mujoco.mj_getState(self.scene.model, self.data, integration, _INTEGRATION)
        return integration

    def update_poses(self) -> None:
        """Brings the poses of bodies, sites and cameras up to date with the state."""
        # Observations and conditions read poses, which belong to the state before the last physics step.
        mujoco.mj_kinematics(self.scene.model, self.data)
        mujoco.mj_camlight(self.scene.model, self.data)

    def _step(self, joints: FloatArray, opening: float, after_step: Callable[[], None] | None = None) -> None:
        self.controller.step(joints, opening)
        self.control_steps += 1
        self.update_poses()
        self._note_tip()
        remove_detected(self.scene, self.data)
        if after_step is not None:
            after_step()

    def _note_tip(self) -> None:
        x, y, z = self.data.site_xpos[self.robot.tip].tolist()
        self.track.append((x, y, z, float(self.controller.opening > OPEN_THRESHOLD)))

    def _set_gripper(self, opening: float) -> None:
        """Attaches or releases when a commanded opening crosses the threshold, before the fingers move."""
        was_open, is_open = self.controller.opening > OPEN_THRESHOLD, opening > OPEN_THRESHOLD
        if is_open and not was_open:
            self.grasping.open()
        elif was_open and not is_open:
            self.grasping.close()

    def _actuate_gripper(self, opening: float, after_step: Callable[[], None]) -> None:
        self._set_gripper(opening)
        for count in range(_RELEASE_STEPS if opening > OPEN_THRESHOLD else _CLOSE_STEPS):
            self._step(self.controller.joints, opening, after_step)
            if opening <= OPEN_THRESHOLD and count >= _CLOSE_STEPS_LEAST and self.controller.fingers_still():
                break

    def _collides(self, ignore_collisions: bool) -> Collides:
        if ignore_collisions:
            # What "ignore" means is the scene: an arm that runs into itself would only jam.
            return self.self_checker.at(self.controller.joints)
        return self.checker.at(self.data, self.grasping.grasped(), self.robot.hand)

    def _placement_is_valid(self) -> bool:
        """The arm touches nothing, the task is not solved already, and its waypoints can be reached one after the other."""
        mujoco.mj_forward(self.scene.model, self.data)
        if self._arm_touches() or self.success():
            return False
        rehearsed = self._rehearse()
        self._rehearsed = rehearsed or ()
        return rehearsed is not None

    def _check_given(self) -> None:
        """Refuses a layout that no episode can start from; whether its task can be solved is left open."""
        mujoco.mj_forward(self.scene.model, self.data)
        if self._arm_touches():
            raise PlacementError(f"in the layout that was given for {self.task.name} something touches the arm where it starts")
        if self.success():
            raise PlacementError(f"in the layout that was given for {self.task.name} the task is solved already")
        self._rehearsed = self._rehearse() or ()

    def _arm_touches(self) -> bool:
        return bool(self.data.ncon and self.checker.moving[self.data.contact.geom].any())

    def _settle_objects(self) -> None:
        """Lets the objects come to rest, and puts the robot and the clock back to the bit."""
        data, robot = self.data, self.robot
        time, commands = data.time, self.controller.commands()
        arm = (np.concatenate([robot.arm_qpos, robot.finger_qpos]), np.concatenate([robot.arm_qvel, robot.finger_qvel]))
        saved = data.qpos[arm[0]].copy(), data.qvel[arm[1]].copy(), data.qacc_warmstart[arm[1]].copy(), data.ctrl.copy()
        for _ in range(_LEANING_STEPS):
            self.controller.step(START_JOINTS, opening=1.0)
        data.qpos[arm[0]], data.qvel[arm[1]], data.qacc_warmstart[arm[1]], data.ctrl[:] = saved
        data.time = time
        self.controller.command(commands)
        self.update_poses()

    def _keep_out(self) -> KeepOut:
        return keep_out(self.scene, self.data, self.robot, self.self_checker, self.solution, self._rehearsed)

    def _solve_again(self) -> None:
        self.solution = self._solution(self._layout, self._variation)
        self.update_poses()

    def _solution(self, layout: Layout, variation: int) -> tuple[tuple[WaypointSites, int | None], ...]:
        by_name = {waypoint.name: waypoint for waypoint in self.scene.waypoints}
        if self.task.solution is None:
            steps = tuple(Step(name) for name in by_name)
        else:
            steps = self.task.solution(layout, variation)
        if unknown := {step.waypoint for step in steps} - by_name.keys():
            raise SceneError(f"the solution of {self.task.name} uses {', '.join(sorted(unknown))}, which its scene file lacks")
        return tuple((by_name[s.waypoint], None if s.frame is None else self.scene.body(s.frame)) for s in steps)

    def _rehearse(self) -> tuple[FloatArray, ...] | None:
        """Joint paths (n, 7) of the scripted motions one after the other, or None where the arm cannot make them.

        The scene counts until something in it is touched; from then on only the robot itself does.
        """
        paths: list[FloatArray] = []
        joints = START_JOINTS
        untouched = True
        scene = self._collides(ignore_collisions=False)
        rng = np.random.default_rng(0)
        for step, (waypoint, _) in enumerate(self.solution):
            poses = self.solution_poses(step)
            checks_scene = untouched and not waypoint.is_path and not waypoint.ignore_collisions
            collides = scene if checks_scene else self.self_checker.at(joints)
            if waypoint.is_path or waypoint.name in self.scene.straight:
                path = line_through(self.arm, joints, poses)
                if path is None or path_collides(path, collides):
                    return None
            else:
                try:
                    path = plan_to_pose(self.arm, joints, poses[0], collides, rng)
                except PlanningError:
                    return None
            paths.append(path)
            joints = path[-1]
            untouched = untouched and not waypoint.is_path and waypoint.gripper is None
        return tuple(paths)
