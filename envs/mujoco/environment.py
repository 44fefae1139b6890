"""The Gymnasium environment of one task on the embedded engine."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode
from hamster_bench.envs.contract import (
    ACTION_MODES,
    CONTROL_RATE,
    GRASP_MODES,
    GraspMode,
    action_space,
    observation_space,
    validate_action,
)
from hamster_bench.envs.factors.contract import Draws, Materials, Setting
from hamster_bench.envs.factors.distractor_objects.pool import check_meshes
from hamster_bench.envs.factors.episode import (
    apply_factors,
    check_defined,
    check_draws,
    compat_switches,
    draw_factors,
    instructed_variation,
    single_factors,
)
from hamster_bench.envs.factors.textures import check_pictures
from hamster_bench.envs.layout import SceneLayout
from hamster_bench.envs.mujoco import gl
from hamster_bench.envs.stopwatch import Stopwatch
from hamster_bench.envs.targets import SpawnAreas
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import (
    InvalidOptionError,
    InvalidScenarioError,
    OutsideWorkspaceError,
    PlanningError,
    RenderingUnavailableError,
    ResetNeededError,
    UnknownNameError,
)
from hamster_bench.geometry import Camera
from hamster_bench.oracle import Oracle
from hamster_bench.scenario import Scenario

# MuJoCo reads the choice while it is imported.
gl.choose_platform()

from hamster_bench.envs.mujoco.distractors import load_library  # noqa: E402
from hamster_bench.envs.mujoco.frame import Frame  # noqa: E402
from hamster_bench.envs.mujoco.oracle import SceneOracle  # noqa: E402
from hamster_bench.envs.mujoco.progress import Progress  # noqa: E402
from hamster_bench.envs.mujoco.rendering import RENDERER_CHOICES, Renderer, RendererChoice, make_renderer  # noqa: E402
from hamster_bench.envs.mujoco.simulation import CAMERAS, Simulation  # noqa: E402

RENDER_MODES = ("rgb_array", "rgb_array_list", "human")
_LARGEST_IMAGE = 2048


@dataclass
class _Stage:
    """A simulation and what draws it."""

    simulation: Simulation
    renderer: Renderer | None = None
    video: Renderer | None = None

    def update_renderers(self) -> None:
        edits = self.simulation.edits
        for renderer in (self.renderer, self.video):
            if renderer is not None:
                renderer.update(edits.textures, edits.meshes)
        edits.textures.clear()
        edits.meshes.clear()

    def close(self) -> None:
        for renderer in (self.renderer, self.video):
            if renderer is not None:
                renderer.close()
        self.renderer = self.video = None


class MujocoEnvironment(gymnasium.Env[dict[str, Any], Any]):
    """A manipulation task of THE COLOSSEUM on MuJoCo.

    Observations and actions are those of `hamster_bench.envs.contract`. One step of ``keypose`` plans and executes a whole motion;
    one step of ``delta_pose`` or ``joint_position`` is 0.05 s of simulated time.

    ``info`` holds ``is_success``, ``instruction``, ``scenario`` (the id), ``stages`` (for each stage of the task whether it has been
    reached; see `hamster_bench.envs.stages`) and ``stage`` (the share of them) always; ``instructions``, ``variation``,
    ``placement_tries``, ``layout`` (where the task stands, before any variation factor), ``layout_given`` (whether that was an option of
    the reset) and ``draws`` (what each variation factor does in this episode), layout and draws as JSON values, after a reset;
    ``failure`` and ``control_steps`` after a step. ``failure`` is None or why the motion was not made: ``ik_unreachable``,
    ``path_not_found`` or ``outside_workspace``. A keypose that fails leaves the scene as it is.

    Args:
        task: name of the task.
        cameras: cameras to observe with: front, left_shoulder, right_shoulder, overhead, wrist. None at all makes no renderer.
        image_size: edge of square images, or (height, width) [pixel].
        action_mode: ``"keypose"``, ``"delta_pose"`` or ``"joint_position"``.
        grasp: ``"attach"``: closing on a registered object attaches it, as in RLBench. ``"friction"``: contact forces alone hold.
        render_mode: None, ``"rgb_array"``, ``"rgb_array_list"`` (a frame for every control step since the last call) or ``"human"``.
        render_size: edge, or (height, width), of the images of ``render`` [pixel].
        render_camera: camera of ``render``.
        segmentation: observe ``<camera>_segmentation`` too.
        renderer: ``"auto"``, ``"gl"`` or ``"raycast"``.
        textures: folder of PNG and JPEG pictures to draw textures from, in place of this project's own.
        distractors: folder of OBJ, PLY and STL meshes to draw distractors from, in place of this project's own.
        compat: decisions of THE COLOSSEUM that replace this project's: ``"colosseum"`` for all, or names of single ones.

    Attributes:
        drawing: how long the images of observations have taken to draw.

    Raises:
        UnknownNameError: unknown task, camera, action mode, grasp mode, render mode, renderer or compat switch.
        InvalidOptionError: an option of the right kind with an impossible value, such as a folder that cannot be read.
        RenderingUnavailableError: ``renderer="gl"`` or ``render_mode="human"`` where it cannot work.
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
        renderer: RendererChoice = "auto",
        textures: str | Path | None = None,
        distractors: str | Path | None = None,
        compat: str | Iterable[str] | None = None,
    ) -> None:
        """Checks the options and compiles the scene."""
        self.task = TASKS.get(task)
        self.cameras = _camera_names(cameras)
        self.image_size = _size("image_size", image_size)
        self.render_mode = None if render_mode is None else _one_of("render mode", render_mode, RENDER_MODES)
        self.action_mode: ActionMode = action_mode
        _one_of("action mode", action_mode, ACTION_MODES)
        _one_of("grasp mode", grasp, GRASP_MODES)
        _one_of("renderer", renderer, RENDERER_CHOICES)
        _one_of("camera", render_camera, CAMERAS)
        self._render_camera = render_camera
        self._render_size = _size("render_size", render_size)
        if not isinstance(segmentation, bool):
            raise InvalidOptionError(f"segmentation must be True or False, got {segmentation!r}")
        self._segmentation = segmentation
        if render_mode == "human":
            _check_display()
        self._renderer_choice: RendererChoice = renderer
        self.action_space = action_space(action_mode)
        self.observation_space = observation_space(self.cameras, *self.image_size, self._segmentation)

        self._materials = _materials(textures, distractors, compat)
        self._grasp: GraspMode = grasp
        self._plain = _Stage(Simulation(self.task, grasp))
        # With distractors; compiled when it is first needed.
        self._crowded: _Stage | None = None
        self._stage = self._plain
        self.scenario: Scenario | None = None
        self._instruction = ""
        self._viewer: Any = None
        self._frames: list[NDArray[np.uint8]] = []
        self._progress: Progress | None = None
        self.drawing = Stopwatch()
        self._closed = False
        if self.cameras:
            self._plain.renderer = self._make_renderer(self._plain.simulation)

    @property
    def simulation(self) -> Simulation:
        """The simulation of the running episode; the next reset may choose another."""
        return self._stage.simulation

    @property
    def oracle(self) -> Oracle:
        """Privileged access to the scene, for scripted experts and oracle paths."""
        self._check_reset()
        return SceneOracle(self.simulation)

    @property
    def renderer_name(self) -> str | None:
        """How observations are drawn (``"egl"``, ``"osmesa"``, ``"raycast"``), or None without cameras."""
        renderer = self._stage.renderer
        return None if renderer is None else renderer.name

    def camera(self, name: str) -> Camera:
        """Intrinsics and pose of a camera now, for images of the size observed."""
        self._check_reset()
        return self.simulation.camera(_one_of("camera", name, CAMERAS), *self.image_size)

    def segment_names(self) -> dict[int, str]:
        """What the numbers of ``<camera>_segmentation`` stand for: names of bodies, ``panda_...`` those of the robot; 0 is the room."""
        self._check_reset()
        model = self.simulation.scene.model
        return {number: model.body(number).name for number in range(1, model.nbody)}

    def gripper_track(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Where the gripper has been in this episode.

        Returns:
            Positions (n, 3) [m] of the tip, world frame, at the start and after every control step since, and states (n,) bool: whether
            the gripper was told to be open.
        """
        self._check_reset()
        track = np.array(self.simulation.track)
        return track[:, :3].copy(), track[:, 3] > 0.5

    def state(self) -> NDArray[np.float64]:
        """The complete physics state, for comparing runs bit by bit."""
        self._check_reset()
        return self.simulation.state()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts an episode.

        Args:
            seed: seeds the environment and chooses episode 0 of this base seed, its variation drawn. Without a seed and without a
                scenario the next base seed is drawn from the environment's own generator.
            options: ``{"scenario": Scenario or id}`` chooses the episode exactly; ``{"variation": k}`` only the variation. Together with
                a scenario, ``{"draws": ...}`` does again what ``info["draws"]`` or a record says instead of drawing.
                ``{"layout": ...}`` puts the task where a `SceneLayout`, or a mapping such as ``info["layout"]``, says.

        Raises:
            ResetNeededError: the environment has been closed.
            InvalidOptionError: unknown options.
            InvalidScenarioError: the scenario is of another task, or of a variation the task does not have.
            UnknownNameError: there is no such factor.
            UndefinedCellError: the factor is not defined for the task.
            PlacementError: no valid layout was found, or no episode can start from the one given.
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
        # Until the new scene stands there is no episode to go on with.
        self.scenario = None
        placement_tries = self._plain.simulation.reset(scenario, layout)
        placed = self._plain.simulation.placed()
        draws, instructed = self._vary(scenario, given)
        self.simulation.begin_track()
        self._progress = Progress(self.simulation, scenario.variation)
        self.scenario = scenario
        phrasings = self.task.instructions(instructed)
        self._instruction = phrasings[int(scenario.rng("instruction").integers(len(phrasings)))]
        self._frames.clear()
        self._record_frame()
        info = self._info() | {
            "instructions": phrasings,
            "variation": scenario.variation,
            "placement_tries": placement_tries,
            "layout": placed.to_json(),
            "layout_given": layout is not None,
            "draws": draws,
        }
        return self._observation(), info

    def step(self, action: NDArray[np.float64]) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Acts once.

        Raises:
            InvalidActionError: the action is malformed; nothing has moved.
            ResetNeededError: no episode is running.
            SimulatorFaultError: the physics broke down.
        """
        self._check_reset()
        checked = validate_action(action, self.action_mode)
        before = self.simulation.control_steps
        failure = None
        try:
            if self.action_mode == "keypose":
                self.simulation.keypose(checked, self._record_frame)
            elif self.action_mode == "delta_pose":
                self.simulation.delta_pose(checked)
                self._record_frame()
            else:
                self.simulation.joint_position(checked)
                self._record_frame()
        except (PlanningError, OutsideWorkspaceError) as error:
            failure = error.reason
        self.simulation.check_physics()
        assert self._progress is not None
        self._progress.update()
        info = self._info() | {"failure": failure, "control_steps": self.simulation.control_steps - before}
        success = bool(info["is_success"])
        return self._observation(), float(success), success, False, info

    def render(self) -> NDArray[np.uint8] | list[NDArray[np.uint8]] | None:  # type: ignore[override]
        """A frame, the frames since the last call, or None with ``human``, whose window follows the simulation by itself."""
        self._check_reset()
        if self.render_mode == "rgb_array":
            return self._draw_video().rgb
        if self.render_mode == "rgb_array_list":
            frames, self._frames = self._frames, []
            return frames
        return None

    def close(self) -> None:
        """Frees renderers and windows; the environment can be closed twice."""
        for stage in (self._plain, self._crowded):
            if stage is not None:
                stage.close()
        if self._viewer is not None:
            self._viewer.close()
            self._viewer = None
        self.scenario = None
        self._closed = True

    def _chosen_scenario(self, seed: int | None, options: dict[str, Any]) -> Scenario:
        scenario = options.pop("scenario", None)
        variation = options.pop("variation", None)
        if options:
            raise InvalidOptionError(f"unknown reset option(s) {sorted(options)}; allowed: scenario, variation, draws, layout")
        if scenario is None:
            base = int(self.np_random.integers(2**31)) if seed is None else seed
            scenario = Scenario(task=self.task.name, seed=base)
            drawn = int(scenario.rng("variation").integers(self.task.variation_count))
            scenario = dataclasses.replace(scenario, variation=drawn if variation is None else variation)
        elif variation is not None:
            raise InvalidOptionError("give reset either a scenario, which holds the variation, or a variation")
        if isinstance(scenario, str):
            scenario = Scenario.from_id(scenario)
        if not isinstance(scenario, Scenario):
            raise InvalidScenarioError(f"options['scenario'] must be a Scenario or its id, got {scenario!r}")
        if scenario.task != self.task.name:
            raise InvalidScenarioError(
                f"scenario {scenario.id} is of task {scenario.task!r}, this environment is {self.task.name!r}"
            )
        if scenario.variation >= self.task.variation_count:
            raise InvalidScenarioError(
                f"{self.task.name} has variations 0 to {self.task.variation_count - 1}, got {scenario.variation}"
            )
        check_defined(self.task, scenario.factor)
        return scenario

    def _vary(self, scenario: Scenario, given: Draws | None) -> tuple[Draws, int]:
        """Lets the scenario's factor act on the scene of its control; gives what was drawn and the variation to speak of."""
        parts = single_factors(scenario.factor, self.task, self._materials.compat)
        self._stage = self._plain
        if "distractor" in parts:
            self._stage = self._crowded = self._crowded or self._make_crowded()
            self._stage.simulation.continue_from(self._plain.simulation)
            if self._viewer is not None:
                # A window shows one model only.
                self._viewer.close()
                self._viewer = None
        setting = Setting(self.task, self.simulation.factor_scene(), self._materials)
        if given is not None:
            check_draws(setting, scenario.factor, given)
        draws = draw_factors(scenario, setting) if given is None else given
        instructed = instructed_variation(setting, scenario.variation, draws)
        apply_factors(setting, scenario.factor, draws)
        self.simulation.update_poses()
        self._stage.update_renderers()
        return draws, instructed

    def _make_crowded(self) -> _Stage:
        targets = self.task.factors["distractor"]
        assert isinstance(targets, SpawnAreas)
        slots = sum(count for _, count in targets.areas)
        stage = _Stage(Simulation(self.task, self._grasp, load_library(self._materials.distractors), slots))
        if self.cameras:
            stage.renderer = self._make_renderer(stage.simulation)
        return stage

    def _make_renderer(self, simulation: Simulation) -> Renderer:
        return make_renderer(simulation.scene.model, *self.image_size, self._renderer_choice)

    def _check_reset(self) -> None:
        if self.scenario is None:
            raise ResetNeededError("no episode is running; call reset first")

    def _info(self) -> dict[str, Any]:
        assert self.scenario is not None
        assert self._progress is not None
        return {
            "is_success": self.simulation.success(),
            "instruction": self._instruction,
            "scenario": self.scenario.id,
            "stage": self._progress.share,
            "stages": tuple(self._progress.reached),
        }

    def _observation(self) -> dict[str, Any]:
        observation: dict[str, Any] = {}
        if (renderer := self._stage.renderer) is not None:
            for name in self.cameras:
                with self.drawing.running():
                    frame = renderer.draw(self.simulation.data, self.simulation.camera_id(name), self._segmentation)
                camera = self.simulation.camera(name, *self.image_size)
                observation[f"{name}_rgb"] = frame.rgb
                observation[f"{name}_depth"] = frame.depth
                if frame.segmentation is not None:
                    observation[f"{name}_segmentation"] = frame.segmentation
                observation[f"{name}_intrinsics"] = camera.intrinsics
                observation[f"{name}_extrinsics"] = camera.T_world_camera
        observation |= self.simulation.proprioception()
        observation["instruction"] = self._instruction
        return observation

    def _record_frame(self) -> None:
        if self.render_mode == "rgb_array_list":
            self._frames.append(self._draw_video().rgb)
        elif self.render_mode == "human":
            if self._viewer is None:
                self._viewer = _open_viewer(self.simulation)
            self._viewer.sync()

    def _draw_video(self) -> Frame:
        stage = self._stage
        if stage.video is None:
            stage.video = make_renderer(stage.simulation.scene.model, *self._render_size, self._renderer_choice, shadows=True)
        return stage.video.draw(stage.simulation.data, stage.simulation.camera_id(self._render_camera))


def _materials(textures: str | Path | None, distractors: str | Path | None, compat: str | Iterable[str] | None) -> Materials:
    for option, given in (("textures", textures), ("distractors", distractors)):
        if not isinstance(given, str | Path | None):
            raise InvalidOptionError(f"{option} must be the path of a folder, got {given!r}")
    materials = Materials(
        textures=None if textures is None else Path(textures),
        distractors=None if distractors is None else Path(distractors),
        compat=compat_switches(compat),
    )
    # What cannot be read is refused before anything is built, not in the episode that draws it.
    if materials.textures is not None:
        check_pictures(materials.textures)
    if materials.distractors is not None:
        check_meshes(materials.distractors)
    return materials


def _check_display() -> None:
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        # Without a display the viewer would end the whole process instead of raising.
        raise RenderingUnavailableError(
            "render_mode='human' needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set; without one use "
            "render_mode='rgb_array', or run under a virtual display: apt-get install -y xvfb && xvfb-run python ..."
        )


def _open_viewer(simulation: Simulation) -> Any:
    try:
        import mujoco.viewer

        return mujoco.viewer.launch_passive(simulation.scene.model, simulation.data, show_left_ui=False, show_right_ui=False)
    except Exception as error:
        raise RenderingUnavailableError(
            f"MuJoCo's viewer cannot open a window: {error}. It needs a display and OpenGL; without one use "
            "render_mode='rgb_array'. On Debian or Ubuntu install: apt-get install -y libgl1 libglfw3"
        ) from error


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
        _one_of("camera", name, CAMERAS)
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
