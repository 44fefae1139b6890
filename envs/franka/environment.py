"""The Gymnasium environment of a task on a real Franka arm."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode
from hamster_bench.envs.contract import (
    ACTION_MODES,
    CONTROL_RATE,
    GRASP_MODES,
    INSTRUCTION_CHARACTERS,
    INSTRUCTION_MAX_LENGTH,
    OPEN_THRESHOLD,
    GraspMode,
    action_space,
    observation_space,
    validate_action,
)
from hamster_bench.envs.franka import kinematics
from hamster_bench.envs.franka.arm_client import ArmClient, ArmState, import_franky
from hamster_bench.envs.franka.cell import CELL_VARIABLE, Cell
from hamster_bench.envs.franka.errors import CameraError, CellError, NotArmedError, RobotFaultError
from hamster_bench.envs.franka.log import EventLog
from hamster_bench.envs.franka.models import ARM_MODELS
from hamster_bench.envs.franka.operator import Operator, SceneCard
from hamster_bench.envs.franka.rig import CameraRig, View
from hamster_bench.envs.franka.safety.filter import SafetyFilter, Verdict
from hamster_bench.envs.franka.safety.guard import RUN_MODES, Guard, RunMode
from hamster_bench.envs.franka.safety.homing import bring_home
from hamster_bench.envs.franka.safety.lock import RobotLock
from hamster_bench.envs.franka.safety.preflight import check_arm, gather
from hamster_bench.envs.franka.safety.rules import ALL_RULES, ActiveRules
from hamster_bench.envs.franka.tasks import robot_task
from hamster_bench.errors import InvalidOptionError, InvalidScenarioError, ResetNeededError, UnknownNameError
from hamster_bench.geometry import (
    Camera,
    pose_compose,
    pose_inverse,
    quat_xyzw_from_euler_xyz,
    quat_xyzw_multiply,
    quat_xyzw_normalised,
)
from hamster_bench.scenario import Scenario

FloatArray = NDArray[np.float64]

RENDER_MODES = ("rgb_array", "rgb_array_list")
# RLBench calls the gripper open from this share of its width.
_OPEN_SHARE = 0.9
NONDETERMINISTIC = (
    "objects are set up by hand",
    "contact, friction, sensors and the link are those of the world",
)
"""What stays different between two runs of the same scenario."""

_LARGEST_IMAGE = 2048
_STEP = 1.0 / CONTROL_RATE


class FrankaEnvironment(gymnasium.Env[dict[str, Any], Any]):
    """A task on a Franka arm, with the observations and actions of the simulated environments.

    Observations and actions are those of `hamster_bench.envs.contract`, in the world frame that the cell's ``T_world_base`` fixes. One
    step of ``keypose`` is a whole motion from rest to rest; one of ``delta_pose`` or ``joint_position`` moves the target of a motion that
    goes on, and lasts 0.05 s.

    Every command passes the safety rules of `hamster_bench.envs.franka.safety`. By default nothing moves: ``mode="dry_run"`` does
    everything but the motions. With ``"live"`` or ``"step"`` an ``operator`` is needed, who is asked before the arm is armed, at every
    reset.

    ``info`` holds ``is_success`` (what ``judge`` says; False without one: on a robot people judge), ``instruction``,
    ``scenario``, ``fault`` (why the arm stopped by itself or was stopped, or None), ``dry_run`` and ``armed`` always;
    ``instructions``, ``variation``, ``placement_tries`` (0), ``draws`` (empty), ``nondeterministic``, ``preflight`` and
    ``scene_difference`` after a reset; ``failure``, ``control_steps`` (1 for a streamed step; 0.05 s of wall clock for a keypose,
    none where nothing was to move), ``safety`` (the refusing rule and its message, or None) and ``clipped`` after a step.
    ``failure`` is None or ``ik_unreachable``, ``path_not_found``, ``outside_workspace``, ``step_too_large``, ``contact`` (a force
    stopped the motion gently, the hand has moved all the same) or ``operator`` (who refused this step). A fault truncates the
    episode.

    Args:
        task: name of the task, which gives the instruction.
        cell: a cell, or the file of one; None takes the file that the environment variable HAMSTER_BENCH_CELL names.
        cameras: cameras of the cell to observe with.
        image_size: edge of square images, or (height, width) [pixel].
        action_mode: ``"keypose"``, ``"delta_pose"`` or ``"joint_position"``.
        grasp: taken for the sake of the other engines; a robot holds by friction, whatever it says.
        mode: ``"dry_run"``, ``"step"`` (every action is confirmed) or ``"live"``.
        operator: the person beside the robot.
        judge: says whether the task is done; asked after every step.
        log: folder for this environment's log; None takes a new one in the cell's folder of logs.
        render_mode: None, ``"rgb_array"`` or ``"rgb_array_list"``.
        render_camera: camera of ``render``, one of ``cameras``.
        rules: safety rules in force; all but in tests of the rules.

    Raises:
        MissingDependencyError: an extra is not installed; the message names it.
        CellError: the cell is missing, incomplete or wrong.
        CalibrationError: a camera has no usable calibration.
        CameraError: a camera cannot be opened.
        RobotBusyError: another environment drives this robot.
        RobotUnreachableError: nothing answers at the robot's address.
        RobotIncompatibleError: the robot speaks another protocol, or is another arm.
        UnknownNameError: unknown task, camera or mode.
        InvalidOptionError: an option has a value it cannot take.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]  # Gymnasium declares it as an instance variable
        "render_modes": list(RENDER_MODES),
        "render_fps": int(CONTROL_RATE),
    }

    def __init__(
        self,
        task: str,
        *,
        cell: Cell | str | Path | None = None,
        cameras: Iterable[str] = ("front",),
        image_size: int | tuple[int, int] = 128,
        action_mode: ActionMode = "keypose",
        grasp: GraspMode = "friction",
        mode: RunMode = "dry_run",
        operator: Operator | None = None,
        judge: Callable[[], bool] | None = None,
        log: str | Path | None = None,
        render_mode: str | None = None,
        render_camera: str = "front",
        rules: ActiveRules = ALL_RULES,
    ) -> None:
        """Checks the options, then connects; nothing moves."""
        self.task = robot_task(task)
        for kind, name, choices in (
            ("action mode", action_mode, ACTION_MODES),
            ("grasp mode", grasp, GRASP_MODES),
            ("run mode", mode, RUN_MODES),
        ):
            if name not in choices:
                raise UnknownNameError(kind, name, choices)
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise UnknownNameError("render mode", render_mode, RENDER_MODES)
        if operator is not None and not isinstance(operator, Operator):
            raise InvalidOptionError(f"operator must have 'confirm', 'scene_is_ready' and 'tell', got {operator!r}")
        self.cameras = (cameras,) if isinstance(cameras, str) else tuple(cameras)
        if len(set(self.cameras)) != len(self.cameras):
            raise InvalidOptionError(f"a camera is named twice: {self.cameras}")
        if render_mode is not None and render_camera not in self.cameras:
            raise UnknownNameError("camera observed", render_camera, self.cameras)
        self.image_size = _size(image_size)
        self.action_mode: ActionMode = action_mode
        self.render_mode = render_mode
        self._render_camera = render_camera
        # What is missing is said before anything is connected.
        import_franky()
        self.cell = _cell(cell)
        self._rules = rules
        self._judge = judge
        self.action_space = action_space(action_mode)
        self.observation_space = observation_space(self.cameras, *self.image_size)
        self._T_base_world = pose_inverse(self.cell.T_world_base)

        folder = Path(log) if log is not None else self.cell.log / time.strftime("%Y%m%d-%H%M%S")
        model = ARM_MODELS.get(self.cell.arm)
        self._lock: RobotLock | None = None
        self._rig: CameraRig | None = None
        self._guard: Guard | None = None
        try:
            self._lock = RobotLock(self.cell.host) if "S11" in rules else None
            self._rig = CameraRig(self.cell, self.cameras, self.image_size, check_calibration="S13" in rules)
            client = ArmClient(self.cell.host, enforce_realtime=self.cell.enforce_realtime, hand=self.cell.hand)
            self.log = EventLog(folder)
            safety = SafetyFilter(self.cell.safety, model, client.state().T_flange_ee, rules)
            self._states = EventLog(folder, "states.jsonl")
            self._guard = Guard(client, safety, mode=mode, operator=operator, log=self.log, states=self._states, rules=rules)
            self.log.note(
                "connected",
                cell=self.cell.to_dict(),
                config=self.cell.safety.digest,
                task=task,
                action_mode=action_mode,
                mode=mode,
            )
            self.preflight = gather([lambda: check_arm(self.guard, model)])
            self.log.note("preflight", findings=[dataclasses.asdict(f) for f in self.preflight])
        except BaseException:
            self.close()
            raise
        self._link_checked = False
        self._spec: EnvSpec | None = None
        self.scenario: Scenario | None = None
        self._instruction = ""
        self._object_mass: float | None = None
        self._steps = 0
        self._was_open = True
        self._target_pose = np.zeros(7)
        self._target_joints = np.zeros(7)
        self._next_step = 0.0
        self._hand_motion: Any = None
        self._track: list[tuple[float, float, float, float]] = []
        self._frames: list[NDArray[np.uint8]] = []
        self._views: dict[str, View] = {}

    @property
    def spec(self) -> EnvSpec | None:
        """How Gymnasium made the environment; it is said to be nondeterministic whatever the engine of the id's default is."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = None if spec is None else dataclasses.replace(spec, nondeterministic=True)

    @property
    def guard(self) -> Guard:
        """What stands between this environment and the arm."""
        if self._guard is None:
            raise ResetNeededError("the environment is closed; make a new one")
        return self._guard

    def camera(self, name: str) -> Camera:
        """Intrinsics and pose of a camera at the last observation, for images of the size observed."""
        self._check_reset()
        if name not in self._views:
            raise UnknownNameError("camera observed", name, self._views)
        return self._views[name].camera

    def gripper_track(self) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Where the gripper tip was at the start and after every step.

        Positions (n, 3) [m], world frame, and whether it was to be open (n,).
        """
        self._check_reset()
        track = np.array(self._track)
        return track[:, :3].copy(), track[:, 3] > 0.5

    def state(self) -> FloatArray:
        """Joint angles, joint velocities and finger width now; a robot has no complete state to compare bit by bit."""
        self._check_reset()
        state = self.guard.read()
        return np.concatenate([state.joints, state.joint_velocities, [self._width()]])

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts an episode: disarm, open, lift, home, scene, arm (rule S12).

        Args:
            seed: seeds the environment; without a scenario it chooses the episode's base seed.
            options: ``scenario`` (a Scenario or its id), ``variation`` (without a scenario), ``instruction`` (in place of the task's),
                ``card`` (`SceneCard` whose pictures of now are filled in), ``object_mass`` [kg] of what will be grasped.

        Raises:
            NotArmedError: the operator did not agree, or the robot is not ready. Not in a dry run.
            PreflightError: something on the list of checks is wrong. Not in a dry run.
            RobotFaultError: the robot is stopped and did not recover.
            InvalidOptionError: unknown options.
            InvalidScenarioError: the scenario is of another task.
        """
        guard = self.guard
        super().reset(seed=seed)
        wanted = dict(options or {})
        card, instruction = wanted.pop("card", None), wanted.pop("instruction", None)
        mass = wanted.pop("object_mass", None)
        scenario = self._chosen_scenario(seed, wanted)
        self.scenario = None
        with guard.stopping("reset"):
            guard.disarm("reset")
            guard.begin_episode()
            if not guard.dry:
                guard.recover()
                self.preflight = bring_home(guard, self.cell, self.preflight, self._rules, link_check=not self._link_checked)
                self._link_checked = True
            phrasings = self.task.instructions(scenario.variation) if instruction is None else (_checked(instruction),)
            self._instruction = phrasings[int(scenario.rng("instruction").integers(len(phrasings)))]
            difference = self._set_up_scene(scenario, card)
            if not guard.dry:
                guard.arm()
            self.scenario, self._object_mass, self._steps = scenario, mass, 0
            observation, state = self._observe(0.0)
        self._target_joints = state.commanded_joints.copy()
        self._target_pose = kinematics.tip_pose(self._target_joints)
        self._was_open = bool(observation["gripper_open"][0] > OPEN_THRESHOLD)
        self._next_step = time.monotonic()
        self._track = [self._tip(observation)]
        self._frames = self._frame_list()
        guard.beat(self.cell.safety.keypose_deadline)
        self.log.note("reset", scenario=scenario.id, instruction=self._instruction, joints=state.joints)
        info = self._info() | {
            "instructions": phrasings,
            "variation": scenario.variation,
            "placement_tries": 0,
            "draws": {},
            "nondeterministic": NONDETERMINISTIC,
            "preflight": tuple(self.preflight),
            "scene_difference": difference,
        }
        return observation, info

    def step(self, action: NDArray[np.float64]) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Acts once.

        Raises:
            InvalidActionError: the action is malformed; nothing has moved, and the arm is disarmed.
            NotArmedError: the arm is not armed, because it was stopped or never armed. Not in a dry run.
            CameraError: a camera has stopped; so has the arm.
            ResetNeededError: no episode is running.
        """
        self._check_reset()
        guard, began = self.guard, time.monotonic()
        with guard.stopping("step"):
            checked = validate_action(action, self.action_mode) if "S7" in self._rules else np.asarray(action, dtype=np.float64)
            guard.count_step(self._steps)
            guard.beat()
            verdict, failure, faulted = None, None, False
            try:
                if guard.fault is None or guard.armed:
                    verdict, failure = self._act(checked)
            except (RobotFaultError, NotArmedError):
                if guard.fault is None:
                    raise
                faulted = True
            self._steps += 1
            observation, state = self._observe(0.0 if self.action_mode != "keypose" else time.monotonic())
            refusal = verdict.refusal if verdict is not None else None
            self.log.note(
                "step",
                number=self._steps - 1,
                action=checked,
                refusal=None if refusal is None else refusal._asdict(),
                segments=[] if verdict is None else [(s.kind, s.pose, s.factor) for s in verdict.segments],
                failure=failure,
                joints=state.joints,
                ages={name: view.age for name, view in self._views.items()},
                seconds=time.monotonic() - began,
            )
        self._track.append(self._tip(observation))
        self._frames += self._frame_list()
        info = self._info() | {
            "failure": failure,
            "control_steps": self._control_steps(verdict, time.monotonic() - began),
            "safety": None if refusal is None else {"rule": refusal.rule, "message": refusal.message},
            "clipped": verdict is not None and verdict.clipped,
        }
        success = bool(info["is_success"])
        return observation, float(success), success, (faulted or guard.fault is not None) and not success, info

    def render(self) -> NDArray[np.uint8] | list[NDArray[np.uint8]] | None:  # type: ignore[override]
        """The camera's last picture as it came, or those of every step since the last call."""
        self._check_reset()
        if self.render_mode == "rgb_array":
            return self._views[self._render_camera].native.rgb
        if self.render_mode == "rgb_array_list":
            frames, self._frames = self._frames, []
            return frames
        return None

    def close(self) -> None:
        """Stops, disarms, and lets go of robot and cameras; may be called twice."""
        guard, self._guard = getattr(self, "_guard", None), None
        self.scenario = None
        try:
            if guard is not None:
                guard.close()
        finally:
            rig, lock, log = getattr(self, "_rig", None), getattr(self, "_lock", None), getattr(self, "log", None)
            if rig is not None:
                rig.close()
            if lock is not None:
                lock.release()
            if log is not None:
                log.note("closed")
            for file in (log, getattr(self, "_states", None)):
                if file is not None:
                    file.close()

    def _act(self, action: FloatArray) -> tuple[Verdict, str | None]:
        if self.action_mode == "keypose":
            return self._keypose(action)
        self._wait_for_turn()
        state = self.guard.read()
        self.guard.beat(self.cell.safety.streaming_deadline)
        if self.action_mode == "delta_pose":
            verdict = self._delta(action, state)
        else:
            verdict = self.guard.safety.joint(action[:7], state.commanded_joints, self._target_joints)
        self._command_hand(bool(action[-1] > OPEN_THRESHOLD))
        if verdict.refusal is not None:
            return verdict, verdict.refusal.reason
        ending = self.guard.stream(verdict)
        if not self.guard.dry and ending is None:
            self._target_joints = verdict.segments[-1].joints.copy()
            self._target_pose = verdict.segments[-1].pose.copy()
        return verdict, ending

    def _keypose(self, action: FloatArray) -> tuple[Verdict, str | None]:
        state = self.guard.read()
        pose = pose_compose(self._T_base_world, action[:7])
        verdict = self.guard.safety.keypose(pose, state.commanded_joints)
        if verdict.refusal is not None:
            return verdict, verdict.refusal.reason
        ending = self.guard.carry_out(verdict)
        if ending not in (None, "contact"):
            return verdict, ending
        wants_open = bool(action[7] > OPEN_THRESHOLD)
        if wants_open != self._was_open:
            self._was_open = wants_open
            if wants_open:
                self.guard.release(_hand_width(self))
            else:
                self.guard.grasp(self._object_mass)
        return verdict, ending

    def _delta(self, action: FloatArray, state: ArmState) -> Verdict:
        """The last commanded target moved by the action, whose axes are the world's."""
        last_world = pose_compose(self.cell.T_world_base, self._target_pose)
        turn = quat_xyzw_from_euler_xyz(action[3:6])
        quat = quat_xyzw_normalised(quat_xyzw_multiply(turn, last_world[3:]))
        target = pose_compose(self._T_base_world, np.concatenate([last_world[:3] + action[:3], quat]))
        return self.guard.safety.delta(target, state.commanded_joints, self._target_pose)

    def _command_hand(self, wants_open: bool) -> None:
        """Starts the fingers when the command has changed, and waits for nothing."""
        if wants_open != self._was_open:
            self._was_open = wants_open
            self.guard.start_hand(wants_open, _hand_width(self), self._object_mass)

    def _control_steps(self, verdict: Verdict | None, seconds: float) -> int:
        if self.action_mode != "keypose":
            return 1
        return max(1, round(seconds * CONTROL_RATE)) if verdict is not None and verdict.accepted else 0

    def _wait_for_turn(self) -> None:
        """Steps of streamed motions begin 0.05 s apart."""
        now = time.monotonic()
        if now < self._next_step:
            time.sleep(self._next_step - now)
        self._next_step = max(self._next_step + _STEP, time.monotonic())

    def _set_up_scene(self, scenario: Scenario, card: SceneCard | None) -> float | None:
        """Shows the operator the scene card; gives the difference of the scene from its reference picture."""
        guard = self.guard
        if guard.dry or "S12" not in self._rules:
            return None
        given = card or SceneCard(self._instruction, scenario.id, (), None, None, None)
        present = None
        if self.cameras:
            present = self._look(self.cameras[0], guard.read(), time.monotonic()).native.rgb
        if guard.operator is None or not guard.operator.scene_is_ready(compared(given, present)):
            raise NotArmedError("the operator has not confirmed the scene")
        if self.cameras:
            present = self._look(self.cameras[0], guard.read(), time.monotonic()).native.rgb
        after = compared(given, present)
        self.log.note("scene", scene=given.scene, difference=after.difference)
        return after.difference

    def _chosen_scenario(self, seed: int | None, options: dict[str, Any]) -> Scenario:
        scenario, variation = options.pop("scenario", None), options.pop("variation", None)
        if options:
            raise InvalidOptionError(
                f"unknown reset option(s) {sorted(options)}; allowed: scenario, variation, instruction, card, object_mass"
            )
        if scenario is None:
            base = int(self.np_random.integers(2**31)) if seed is None else seed
            scenario = Scenario(task=self.task.name, seed=base)
            drawn = int(scenario.rng("variation").integers(self.task.variation_count))
            scenario = dataclasses.replace(scenario, variation=drawn if variation is None else variation)
        if isinstance(scenario, str):
            scenario = Scenario.from_id(scenario)
        if not isinstance(scenario, Scenario) or scenario.variation >= self.task.variation_count:
            raise InvalidScenarioError(f"{scenario!r} is no scenario of {self.task.name}")
        if scenario.task != self.task.name:
            raise InvalidScenarioError(
                f"scenario {scenario.id} is of task {scenario.task!r}, this environment is {self.task.name!r}"
            )
        return scenario

    def _observe(self, newer_than: float) -> tuple[dict[str, Any], ArmState]:
        state = self.guard.read()
        observation: dict[str, Any] = {}
        for name in self.cameras:
            view = self._look(name, state, newer_than)
            self._views[name] = view
            observation[f"{name}_rgb"] = view.frame.rgb
            observation[f"{name}_depth"] = view.frame.depth
            observation[f"{name}_intrinsics"] = view.camera.intrinsics
            observation[f"{name}_extrinsics"] = view.camera.T_world_camera
        observation["joint_positions"] = state.joints
        observation["joint_velocities"] = state.joint_velocities
        observation["gripper_pose"] = pose_compose(self.cell.T_world_base, kinematics.tip_pose(state.joints))
        observation["gripper_open"] = np.array([1.0 if self._width() > _OPEN_SHARE * _hand_width(self) else 0.0])
        observation["instruction"] = self._instruction
        return observation, state

    def _look(self, name: str, state: ArmState, newer_than: float) -> View:
        assert self._rig is not None
        view = self._rig.look(name, state.joints, newer_than)
        if "S8" in self._rules and view.age > self.cell.safety.camera_age:
            self.guard.stop("stale_camera", f"the picture of {name} is {view.age:.3f} s old")
            raise CameraError(
                f"the newest picture of {name!r} is {view.age:.3f} s old; at most {self.cell.safety.camera_age:g} s are allowed"
            )
        return view

    def _width(self) -> float:
        return self.guard.client.hand_state().width if self.cell.hand else 0.0

    def _tip(self, observation: dict[str, Any]) -> tuple[float, float, float, float]:
        x, y, z = observation["gripper_pose"][:3].tolist()
        return x, y, z, float(self._was_open)

    def _frame_list(self) -> list[NDArray[np.uint8]]:
        return [self._views[self._render_camera].native.rgb] if self.render_mode == "rgb_array_list" else []

    def _info(self) -> dict[str, Any]:
        assert self.scenario is not None
        guard = self.guard
        return {
            "is_success": bool(self._judge()) if self._judge is not None else False,
            "instruction": self._instruction,
            "scenario": self.scenario.id,
            "fault": guard.fault,
            "dry_run": guard.dry,
            "armed": guard.armed,
        }

    def _check_reset(self) -> None:
        if self.scenario is None:
            raise ResetNeededError("no episode is running; call reset first")


def compared(card: SceneCard, present: NDArray[np.uint8] | None) -> SceneCard:
    """The card with the picture of now and its difference from the reference picture."""
    difference = None
    if present is not None and card.reference is not None and card.reference.shape == present.shape:
        difference = float(np.abs(present.astype(np.float64) - card.reference).mean()) / 255.0
    return dataclasses.replace(card, present=present, difference=difference)


def _hand_width(env: FrankaEnvironment) -> float:
    return env.guard.client.hand_state().max_width if env.cell.hand else 0.0


def _cell(cell: Cell | str | Path | None) -> Cell:
    if isinstance(cell, Cell):
        return cell
    named = cell if cell is not None else os.environ.get(CELL_VARIABLE)
    if named is None:
        raise CellError(
            f"the engine franka needs a cell: give cell=FILE, or name the file in the environment variable {CELL_VARIABLE}; "
            "'hamster-bench franka cell' writes one to fill in, 'hamster-bench franka simulate' one of a simulated robot"
        )
    return Cell.load(named)


def _checked(instruction: object) -> str:
    if (
        not isinstance(instruction, str)
        or not 0 < len(instruction) <= INSTRUCTION_MAX_LENGTH
        or not set(instruction) <= set(INSTRUCTION_CHARACTERS)
    ):
        raise InvalidOptionError(f"an instruction is text of 1 to {INSTRUCTION_MAX_LENGTH} plain characters, got {instruction!r}")
    return instruction


def _size(size: int | tuple[int, int]) -> tuple[int, int]:
    given: Any = (size, size) if isinstance(size, int | np.integer) and not isinstance(size, bool) else size
    try:
        height, width = given
    except (TypeError, ValueError):
        height = width = None
    for edge in (height, width):
        if isinstance(edge, bool) or not isinstance(edge, int | np.integer) or not 1 <= edge <= _LARGEST_IMAGE:
            raise InvalidOptionError(
                f"image_size must be a whole number from 1 to {_LARGEST_IMAGE}, or (height, width), got {size!r}"
            )
    return int(given[0]), int(given[1])
