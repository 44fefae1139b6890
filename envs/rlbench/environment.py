"""The Gymnasium environment of one task on the original simulator."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
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
    GraspMode,
    action_space,
    observation_space,
    validate_action,
)
from hamster_bench.envs.factors import FACTORS
from hamster_bench.envs.factors.contract import Draws
from hamster_bench.envs.factors.episode import check_defined, compat_switches
from hamster_bench.envs.factors.textures import check_pictures, texture_names
from hamster_bench.envs.layout import SceneLayout
from hamster_bench.envs.rlbench import colosseum_factors
from hamster_bench.envs.rlbench.conversion import (
    camera_from_original,
    joints_from_original,
    joints_to_original,
    segmentation_from_original,
)
from hamster_bench.envs.rlbench.installation import find_installation, simulator_environment
from hamster_bench.envs.rlbench.oracle import OriginalOracle
from hamster_bench.envs.rlbench.process import SimulatorProcess, server_command
from hamster_bench.envs.rlbench.server import settings_to_json
from hamster_bench.envs.rlbench.settings import CAMERAS, OriginalSettings
from hamster_bench.envs.stopwatch import Stopwatch
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import InvalidOptionError, InvalidScenarioError, ResetNeededError, SimulatorFaultError, UnknownNameError
from hamster_bench.geometry import Camera
from hamster_bench.oracle import Oracle
from hamster_bench.scenario import CONTROL_FACTOR, Scenario

RENDER_MODES = ("rgb_array", "rgb_array_list")
RENDERERS = ("opengl", "opengl3")
NONDETERMINISTIC = (
    "motion planning samples within a budget of wall-clock time and cannot be seeded",
    "whether a placement is accepted depends on that planning; after a rejected one every later draw of the episode is another",
    "loose objects settle within a millimetre of the same place",
)
"""What stays different between two runs of the same scenario."""

# Of pictures that THE COLOSSEUM draws textures from.
_ENDINGS = (".jpg", ".png")
_LARGEST_IMAGE = 2048
_SEEDS = 2**32

# Longest times [s] for calls. RLBench's resets and keyposes take a second or two, ten on a busy machine; demonstrations plan longest.
_RESET_SECONDS = 600.0
_STEP_SECONDS = 300.0


class RLBenchEnvironment(gymnasium.Env[dict[str, Any], Any]):
    """A task of RLBench or THE COLOSSEUM on CoppeliaSim.

    Observations, actions and ``info`` are those of the embedded engine, in its frames and units; see
    `hamster_bench.envs.mujoco.environment.MujocoEnvironment`. ``info`` says after a reset what cannot be reproduced
    (``nondeterministic``) and which of the two packages the task is of (``source``); it tells no stages. ``draws`` holds the seeds of
    THE COLOSSEUM's factors.

    The simulator runs in a process of its own, with a virtual display where there is none, is killed when it takes too long, and replaced
    after a crash, which ends the episode with a `SimulatorFaultError`, and after a number of episodes.

    Args:
        task: name of the task; any of RLBench's.
        cameras: cameras to observe with: front, left_shoulder, right_shoulder, overhead, wrist.
        image_size: edge of square images, or (height, width) [pixel].
        action_mode: ``"keypose"``, ``"delta_pose"`` or ``"joint_position"``.
        grasp: ``"attach"`` as RLBench does, or ``"friction"``: contact forces alone hold.
        render_mode: None, ``"rgb_array"`` or ``"rgb_array_list"`` (a frame for every control step since the last call).
        render_size: edge, or (height, width), of the images of ``render`` [pixel].
        render_camera: camera of ``render``.
        segmentation: observe ``<camera>_segmentation`` too.
        renderer: ``"opengl"`` without shadows, as evaluations draw, or ``"opengl3"`` with shadows, 20 times as slow.
        textures: folder of PNG and JPEG pictures to draw textures from, in place of THE COLOSSEUM's own.
        distractors: must be None: distractors are THE COLOSSEUM's own.
        compat: decisions of THE COLOSSEUM that replace this project's. ``one_stream`` and ``one_draw`` together are the original's seed,
            42, for all factors and episodes; ``mixed_physics`` is as on the embedded engine; the other switches name what this simulator
            does anyway.
        recycle_after: episodes after which the simulator is replaced by a new one.

    Attributes:
        drawing: never runs; images are drawn in the other process.

    Raises:
        UnknownNameError: unknown camera, action mode, grasp mode, render mode, renderer or compat switch.
        InvalidOptionError: an option of the right kind with an impossible value.
        MissingDependencyError: the original is not installed, or THE COLOSSEUM with a version of RLBench that it refuses.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]  # Gymnasium declares it as an instance variable
        "render_modes": list(RENDER_MODES),
        "render_fps": int(CONTROL_RATE),
    }

    def __init__(
        self,
        task: str,
        *,
        cameras: Iterable[str] = ("front",),
        image_size: int | tuple[int, int] = 128,
        action_mode: ActionMode = "keypose",
        grasp: GraspMode = "attach",
        render_mode: str | None = None,
        render_size: int | tuple[int, int] = 512,
        render_camera: str = "front",
        segmentation: bool = False,
        renderer: str = "opengl",
        textures: str | Path | None = None,
        distractors: str | Path | None = None,
        compat: str | Iterable[str] | None = None,
        recycle_after: int = 25,
    ) -> None:
        """Checks the options and the installation; the simulator starts at the first reset."""
        self.task_name = task
        self.cameras = _camera_names(cameras)
        self.image_size = _size("image_size", image_size)
        self.render_mode = None if render_mode is None else _one_of("render mode", render_mode, RENDER_MODES)
        self.action_mode: ActionMode = action_mode
        _one_of("action mode", action_mode, ACTION_MODES)
        _one_of("grasp mode", grasp, GRASP_MODES)
        _one_of("renderer", renderer, RENDERERS)
        self._render_camera = _one_of("camera", render_camera, tuple(CAMERAS))
        self._render_size = _size("render_size", render_size)
        if not isinstance(segmentation, bool):
            raise InvalidOptionError(f"segmentation must be True or False, got {segmentation!r}")
        if not _is_whole(recycle_after) or recycle_after < 1:
            raise InvalidOptionError(f"recycle_after must be a whole number from 1, got {recycle_after!r}")
        if distractors is not None:
            raise InvalidOptionError(
                "the engine coppeliasim has THE COLOSSEUM's distractors and takes no others; leave distractors out"
            )
        # The simulator reads them in a process of its own, which changes its working directory while it starts.
        self._textures = None if textures is None else Path(textures).absolute()
        if self._textures is not None:
            check_pictures(self._textures)
            if not any(name.endswith(_ENDINGS) for name in texture_names(self._textures)):
                raise InvalidOptionError(
                    f"{textures} holds no picture whose name ends in {' or '.join(_ENDINGS)}, as THE COLOSSEUM asks"
                )
        self._compat = compat_switches(compat)
        self._recycle_after = int(recycle_after)
        self._installation = find_installation()
        self._installation.check(factors=False)
        self._settings = OriginalSettings(
            task=task,
            cameras=self.cameras,
            image_size=self.image_size,
            shadows=renderer == "opengl3",
            segmentation=segmentation,
            attach=grasp == "attach",
            video=self._render_camera if render_mode == "rgb_array_list" else None,
            video_size=self._render_size,
        )
        self._segmentation = segmentation
        self.action_space = action_space(action_mode)
        self.observation_space = observation_space(self.cameras, *self.image_size, segmentation)
        self.scenario: Scenario | None = None
        self.drawing = Stopwatch()
        self._spec: EnvSpec | None = None
        self._simulator: SimulatorProcess | None = None
        self._episodes = 0
        self._instruction = ""
        self._seen: dict[str, Camera] = {}
        self._track: list[NDArray[np.float64]] = []
        self._entries: list[dict[str, Any]] | None = None
        self._closed = False

    @property
    def spec(self) -> EnvSpec | None:
        """How Gymnasium made the environment; it is said to be nondeterministic whatever the engine of the id's default is."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = None if spec is None else dataclasses.replace(spec, nondeterministic=True)

    @property
    def task(self) -> Any:
        """This project's task of the name, or None for a task that only RLBench has."""
        return TASKS.get(self.task_name) if self.task_name in TASKS else None

    @property
    def renderer_name(self) -> str | None:
        """How observations are drawn, or None without cameras."""
        return ("opengl3" if self._settings.shadows else "opengl") if self.cameras else None

    @property
    def simulator_pid(self) -> int | None:
        """Process id of the simulator, or None while there is none."""
        return self._simulator.pid if self._simulator is not None and self._simulator.alive else None

    @property
    def oracle(self) -> Oracle:
        """RLBench's own waypoints and planner: the original's demonstrations, step by step."""
        self._check_reset()
        return OriginalOracle(lambda name, /, **arguments: self._call(name, _STEP_SECONDS, **arguments))

    def camera(self, name: str) -> Camera:
        """Intrinsics and pose of a camera as of the last observation, for images of the size observed."""
        self._check_reset()
        return self._seen[_one_of("camera", name, tuple(CAMERAS))]

    def segment_names(self) -> dict[int, str]:
        """What the numbers of ``<camera>_segmentation`` stand for: names of objects in the simulator; 0 is the background."""
        self._check_reset()
        return {int(number): str(name) for number, name in self._call("segment_names", _STEP_SECONDS).items()}

    def gripper_track(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Positions (n, 3) [m] of the tip and states (n,) bool in this episode; see `MujocoEnvironment.gripper_track`."""
        self._check_reset()
        track = np.concatenate(self._track)
        return track[:, :3].copy(), track[:, 3] > 0.5

    def state(self) -> NDArray[np.float64]:
        """What can be read of the simulator's state: joints, their speeds, fingers and object poses."""
        self._check_reset()
        return np.asarray(self._call("state", _STEP_SECONDS), dtype=np.float64)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts an episode; see `MujocoEnvironment.reset`.

        Raises:
            ResetNeededError: the environment has been closed.
            InvalidOptionError: unknown options, or draws and layouts that are none.
            InvalidScenarioError: the scenario is of another task, or of a variation the task does not have.
            UnknownNameError: there is no such factor, or the task is none of RLBench's.
            UndefinedCellError: the factor is not defined for the task.
            MissingDependencyError: a factor was asked for and THE COLOSSEUM is missing.
            PlacementError: RLBench found no placement, or no episode can start from the layout given.
            SimulatorFaultError: the simulator crashed or hung.
        """
        if self._closed:
            raise ResetNeededError("the environment is closed; make a new one")
        if options is not None and not isinstance(options, dict):
            raise InvalidOptionError(f"reset options must be a dictionary, got {options!r}")
        super().reset(seed=seed)
        wanted = dict(options or {})
        given = wanted.pop("draws", None)
        layout = SceneLayout.read(wanted.pop("layout")) if "layout" in wanted else None
        if given is not None and "scenario" not in wanted:
            raise InvalidOptionError("give the draws together with the scenario they belong to")
        scenario = self._chosen_scenario(seed, wanted)
        factors, draws = self._factors(scenario, given)
        self.scenario = None
        answer = self._call(
            "reset",
            _RESET_SECONDS,
            fresh=True,
            variation=scenario.variation,
            layout_seed=int(scenario.rng("layout").integers(_SEEDS)),
            shuffle_seed=int(scenario.rng("placement").integers(_SEEDS)),
            factor_seed=None if "one_stream" in self._compat else int(scenario.rng("factor/numpy").integers(_SEEDS)),
            factors=factors,
            layout=None if layout is None else layout.to_json(),
        )
        self._episodes += 1
        self.scenario = scenario
        self._track = []
        phrasings = tuple(map(_plain, answer["descriptions"]))
        self._instruction = phrasings[int(scenario.rng("instruction").integers(len(phrasings)))]
        observation, info = self._take(answer)
        info |= {
            "instructions": phrasings,
            "variation": scenario.variation,
            "placement_tries": answer["placement_tries"],
            "layout": {
                "base_pose": answer["layout"]["base_pose"].tolist(),
                "object_poses": {name: pose.tolist() for name, pose in answer["layout"]["object_poses"].items()},
            },
            "layout_given": layout is not None,
            "draws": draws,
            "nondeterministic": NONDETERMINISTIC,
            "source": answer["source"],
        }
        return observation, info

    def step(self, action: NDArray[np.float64]) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Acts once.

        Raises:
            InvalidActionError: the action is malformed; nothing has moved.
            ResetNeededError: no episode is running.
            SimulatorFaultError: the simulator crashed or hung; the next reset starts a new one.
        """
        self._check_reset()
        checked = validate_action(action, self.action_mode)
        if self.action_mode == "keypose":
            answer = self._call("keypose", _STEP_SECONDS, action=checked)
        elif self.action_mode == "delta_pose":
            answer = self._call("delta_pose", _STEP_SECONDS, action=checked)
        else:
            answer = self._call(
                "joint_position", _STEP_SECONDS, joints=joints_to_original(checked[:7]), opening=float(checked[7])
            )
        observation, info = self._take(answer)
        info |= {"failure": answer["failure"], "control_steps": int(answer["control_steps"])}
        success = bool(info["is_success"])
        return observation, float(success), success, False, info

    def render(self) -> NDArray[np.uint8] | list[NDArray[np.uint8]] | None:  # type: ignore[override]
        """A frame, or the frames since the last call."""
        self._check_reset()
        if self.render_mode == "rgb_array":
            return np.asarray(self._call("picture", _STEP_SECONDS, camera=self._render_camera, size=list(self._render_size)))
        if self.render_mode == "rgb_array_list":
            return [np.asarray(frame) for frame in self._call("frames", _STEP_SECONDS)]
        return None

    def close(self) -> None:
        """Ends the simulator; the environment can be closed twice."""
        self.scenario = None
        self._closed = True
        self._end_simulator()

    def _chosen_scenario(self, seed: int | None, options: dict[str, Any]) -> Scenario:
        scenario = options.pop("scenario", None)
        variation = options.pop("variation", None)
        if options:
            raise InvalidOptionError(f"unknown reset option(s) {sorted(options)}; allowed: scenario, variation, draws, layout")
        if scenario is None:
            base = int(self.np_random.integers(2**31)) if seed is None else seed
            scenario = Scenario(task=self.task_name, seed=base)
            count = 1 if self.task is None else self.task.variation_count
            drawn = int(scenario.rng("variation").integers(count))
            scenario = dataclasses.replace(scenario, variation=drawn if variation is None else variation)
        elif variation is not None:
            raise InvalidOptionError("give reset either a scenario, which holds the variation, or a variation")
        if isinstance(scenario, str):
            scenario = Scenario.from_id(scenario)
        if not isinstance(scenario, Scenario):
            raise InvalidScenarioError(f"options['scenario'] must be a Scenario or its id, got {scenario!r}")
        if scenario.task != self.task_name:
            raise InvalidScenarioError(
                f"scenario {scenario.id} is of task {scenario.task!r}, this environment is {self.task_name!r}"
            )
        if self.task is not None:
            if scenario.variation >= self.task.variation_count:
                raise InvalidScenarioError(
                    f"{self.task_name} has variations 0 to {self.task.variation_count - 1}, got {scenario.variation}"
                )
            check_defined(self.task, scenario.factor)
        elif FACTORS.get(scenario.factor).name not in (CONTROL_FACTOR, "rlb_var"):
            raise InvalidScenarioError(f"{self.task_name} is no task of this project; only no_var and rlb_var are defined for it")
        return scenario

    def _factors(self, scenario: Scenario, given: Draws | None) -> tuple[list[dict[str, Any]] | None, dict[str, Any]]:
        """THE COLOSSEUM's configuration for the scenario, None without it, and what is drawn."""
        factor = FACTORS.get(scenario.factor)
        wanted = factor.apply is not None or factor.parts is not None
        if wanted:
            self._installation.check(factors=True)
        folder = self._installation.colosseum
        if folder is None or self.task is None:
            return None, {}
        if self._entries is None:
            self._entries = colosseum_factors.read_entries(folder, self.task_name)
        draws = colosseum_factors.draw(scenario, self.task, self._entries, self._compat) if given is None else dict(given)
        return colosseum_factors.factors_for(self._entries, draws, self._textures), draws

    def _call(self, call: str, limit: float, /, *, fresh: bool = False, **arguments: Any) -> Any:
        """Calls the simulator, which is started, or replaced when its time has come, where ``fresh`` allows it."""
        if fresh:
            used_up = self._episodes >= self._recycle_after
            if self._simulator is None or not self._simulator.alive or used_up:
                self._start_simulator()
        if self._simulator is None:
            raise ResetNeededError("no simulator is running; call reset first")
        try:
            return self._simulator.call(call, limit, **arguments)
        except SimulatorFaultError:
            # Where the gripper went until then can still be asked for.
            self._end_simulator()
            raise

    def _start_simulator(self) -> None:
        self._end_simulator()
        self._episodes = 0
        variables = simulator_environment(self._installation)
        self._simulator = SimulatorProcess(server_command(), settings_to_json(self._settings), variables)

    def _end_simulator(self) -> None:
        if self._simulator is not None:
            simulator, self._simulator = self._simulator, None
            simulator.close()

    def _check_reset(self) -> None:
        if self.scenario is None:
            raise ResetNeededError("no episode is running; call reset first")

    def _take(self, answer: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Observation and info of what the simulator answered."""
        assert self.scenario is not None
        seen = answer["observation"]
        self._track.append(answer["track"])
        height, width = self.image_size
        self._seen = {
            name: camera_from_original(camera["intrinsics"], camera["extrinsics"], height, width)
            for name, camera in seen["cameras"].items()
        }
        observation: dict[str, Any] = {}
        for name in self.cameras:
            observation[f"{name}_rgb"] = seen[f"{name}_rgb"]
            observation[f"{name}_depth"] = seen[f"{name}_depth"]
            if self._segmentation:
                observation[f"{name}_segmentation"] = segmentation_from_original(seen[f"{name}_mask"])
            observation[f"{name}_intrinsics"] = self._seen[name].intrinsics.copy()
            observation[f"{name}_extrinsics"] = self._seen[name].T_world_camera.copy()
        observation["joint_positions"] = joints_from_original(seen["joint_positions"])
        observation["joint_velocities"] = seen["joint_velocities"]
        observation["gripper_pose"] = seen["gripper_pose"]
        observation["gripper_open"] = np.array([1.0 if seen["gripper_open"] > 0.5 else 0.0])
        observation["instruction"] = self._instruction
        info = {"is_success": bool(answer["success"]), "instruction": self._instruction, "scenario": self.scenario.id}
        return observation, info


def _plain(text: str) -> str:
    """A phrasing in the characters of the observation space."""
    return (
        "".join(character if character in INSTRUCTION_CHARACTERS else " " for character in text)[:INSTRUCTION_MAX_LENGTH] or "-"
    )


def _one_of(kind: str, name: str, choices: tuple[str, ...]) -> str:
    if name not in choices:
        raise UnknownNameError(kind, name, choices)
    return name


def _camera_names(cameras: Iterable[str]) -> tuple[str, ...]:
    try:
        names = (cameras,) if isinstance(cameras, str) else tuple(cameras)
    except TypeError:
        raise InvalidOptionError(f"cameras must be names out of {', '.join(CAMERAS)}, or () for none, got {cameras!r}") from None
    for name in names:
        _one_of("camera", name, tuple(CAMERAS))
    if len(set(names)) != len(names):
        raise InvalidOptionError(f"a camera is named twice: {names}")
    return names


def _is_whole(number: object) -> bool:
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool)


def _size(option: str, size: int | tuple[int, int]) -> tuple[int, int]:
    given: Any = (size, size) if _is_whole(size) else size
    try:
        height, width = given
    except (TypeError, ValueError):
        height = width = None
    if not all(_is_whole(edge) and 1 <= edge <= _LARGEST_IMAGE for edge in (height, width)):
        raise InvalidOptionError(f"{option} must be a whole number from 1 to {_LARGEST_IMAGE}, or (height, width), got {size!r}")
    return int(height), int(width)
