"""The environment on a simulated robot: the contract of the other engines, dry runs, faults, and a box put into a tray."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from hamster_bench.baselines.scripted.path_lift import PathLiftAgent
from hamster_bench.envs.contract import action_space, observation_space
from hamster_bench.envs.franka import kinematics
from hamster_bench.envs.franka.cell import SIMULATION_BASE, Cell
from hamster_bench.envs.franka.environment import FrankaEnvironment
from hamster_bench.envs.franka.errors import (
    CalibrationError,
    CameraError,
    CellError,
    NotArmedError,
    PreflightError,
    RobotBusyError,
    RobotIncompatibleError,
    RobotUnreachableError,
)
from hamster_bench.envs.franka.safety import homing
from hamster_bench.envs.franka.simulated_controller.cell_files import write_cell
from hamster_bench.envs.franka.simulated_controller.process import SimulatedController
from hamster_bench.envs.franka.simulated_controller.server import Settings
from hamster_bench.envs.registration import ENGINES
from hamster_bench.envs.wrappers import PathPoints
from hamster_bench.errors import (
    ActionNotFiniteError,
    InvalidOptionError,
    InvalidScenarioError,
    ResetNeededError,
    UnknownNameError,
)
from hamster_bench.geometry import pose_compose, quat_xyzw_from_axis_angle, quat_xyzw_multiply, rotation_angle
from hamster_bench.paths import Path2D
from hamster_bench.planners import PlannerContext
from tests.envs.franka import simulated
from tests.envs.franka.simulated import PATIENT, OldPictures, ScriptedOperator, cell_of, free_host

DOWN = (0.0, 1.0, 0.0, 0.0)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(homing, "LINK_CHECK", 0.05)


@pytest.fixture(scope="module")
def scene(franky: Any) -> Iterator[SimulatedController]:
    settings = Settings(host=free_host(), hand_speedup=8.0, task="pick_and_place", image_size=(240, 320))
    with SimulatedController(settings) as controller:
        yield controller


@pytest.fixture
def cell(scene: SimulatedController, tmp_path: Path) -> Cell:
    scene.order("reset")
    scene.order("reset_scene", scenario="pick_and_place-v0-no_var-e0-s0")
    return write_cell(scene, tmp_path / "cell", **PATIENT)


@pytest.fixture
def make(cell: Cell, scene: SimulatedController, tmp_path: Path) -> Iterator[Callable[..., FrankaEnvironment]]:
    made: list[FrankaEnvironment] = []

    def make_one(task: str = "pick_and_place", **options: Any) -> FrankaEnvironment:
        defaults: dict[str, Any] = {"cell": cell, "mode": "live", "operator": ScriptedOperator(), "log": tmp_path / "log"}
        judge = lambda: bool(scene.status()["is_success"])  # noqa: E731
        made.append(FrankaEnvironment(task, **(defaults | {"judge": judge} | options)))
        return made[-1]

    yield make_one
    for env in made:
        env.close()


def keypose(position: Any, gripper_open: float, yaw: float = 0.0) -> NDArray[np.float64]:
    quat = quat_xyzw_multiply(quat_xyzw_from_axis_angle((0.0, 0.0, 1.0), yaw), DOWN)
    return np.concatenate([position, quat, [gripper_open, 0.0]])


def yaw_of(pose: NDArray[np.float64]) -> float:
    return float(2.0 * np.arctan2(pose[5], pose[6]))


class TestContract:
    @pytest.mark.parametrize("mode", ["keypose", "delta_pose", "joint_position"])
    def test_spaces_are_those_of_every_engine(self, make: Callable[..., FrankaEnvironment], mode: str) -> None:
        env = make(action_mode=mode, mode="dry_run", image_size=(96, 128))
        simulated = gymnasium.make(
            "hamster_bench/stack_cups-v0", action_mode=mode, image_size=(96, 128), renderer="raycast"
        ).unwrapped
        assert env.observation_space == simulated.observation_space == observation_space(("front",), 96, 128)
        assert env.action_space == simulated.action_space == action_space(mode)
        observation, info = env.reset(seed=0)
        assert env.observation_space.contains(observation)
        for name, space in env.observation_space.spaces.items():
            if name != "instruction":
                assert observation[name].dtype == space.dtype
        assert {"is_success", "instruction", "scenario", "instructions", "placement_tries", "variation", "draws"} <= set(info)
        simulated.close()

    def test_same_joints_same_gripper_pose_and_camera(
        self, make: Callable[..., FrankaEnvironment], scene: SimulatedController
    ) -> None:
        env = make("stack_cups", mode="dry_run")
        simulated: Any = gymnasium.make("hamster_bench/stack_cups-v0", cameras=()).unwrapped
        simulated.reset(seed=0)
        rng = np.random.default_rng(0)
        for _ in range(10):
            joints = rng.uniform(env.guard.safety.model.joint_lower + 0.2, env.guard.safety.model.joint_upper - 0.2)
            scene.order("place", joints=joints.tolist())
            observation, _ = env.reset(seed=0)
            assert np.abs(observation["joint_positions"] - joints).max() < 1e-5
            expected = simulated.simulation.arm.tip_pose(joints)
            assert np.abs(observation["gripper_pose"][:3] - expected[:3]).max() < 1e-5
            assert rotation_angle(observation["gripper_pose"][3:], expected[3:]) < 1e-4
        simulated.close()

    def test_start_looks_as_in_the_simulated_environment(self, make: Callable[..., FrankaEnvironment]) -> None:
        env = make("stack_cups", mode="dry_run", image_size=128)
        simulated: Any = gymnasium.make("hamster_bench/stack_cups-v0", image_size=128).unwrapped
        ours, _ = env.reset(seed=0)
        theirs, _ = simulated.reset(seed=0)
        assert np.allclose(ours["gripper_pose"], theirs["gripper_pose"], atol=2e-3)
        assert np.allclose(ours["front_extrinsics"], theirs["front_extrinsics"], atol=1e-9)
        # 4 : 3 pictures are cut to squares, which leaves the focal length in their height.
        assert np.allclose(ours["front_intrinsics"], theirs["front_intrinsics"], atol=0.5)
        assert ours["gripper_open"] == theirs["gripper_open"] == 1.0
        simulated.close()

    def test_options_and_scenarios_are_checked(self, make: Callable[..., FrankaEnvironment]) -> None:
        env = make(mode="dry_run")
        with pytest.raises(ResetNeededError):
            env.step(np.zeros(9))
        with pytest.raises(InvalidOptionError, match="allowed: scenario"):
            env.reset(options={"scene": 1})
        with pytest.raises(InvalidScenarioError):
            env.reset(options={"scenario": "stack_cups-v0-no_var-e0-s0"})
        with pytest.raises(InvalidOptionError, match="plain characters"):
            env.reset(options={"instruction": "wähle"})
        _, info = env.reset(options={"instruction": "pick up the mug"})
        assert info["instruction"] == "pick up the mug"

    def test_wrong_names(self, cell: Cell) -> None:
        with pytest.raises(UnknownNameError, match="dry_run"):
            FrankaEnvironment("stack_cups", cell=cell, mode="wet_run")  # type: ignore[arg-type]
        with pytest.raises(UnknownNameError, match="pick_and_place"):
            FrankaEnvironment("pick_and_plac", cell=cell)
        with pytest.raises(UnknownNameError, match="front"):
            FrankaEnvironment("stack_cups", cell=cell, cameras=("frnt",))


class TestMotions:
    def test_a_dry_run_sends_no_move_at_all(self, make: Callable[..., FrankaEnvironment], scene: SimulatedController) -> None:
        env = make(mode="dry_run", operator=None)
        observation, info = env.reset(seed=0)
        assert info["dry_run"]
        box = np.array(scene.order("pose", body="box"))
        after, _, _, truncated, info = env.step(keypose(box[:3] + np.array([0.0, 0.0, 0.12]), 0.0))
        assert info["failure"] is None
        assert not truncated
        assert np.array_equal(observation["joint_positions"], after["joint_positions"])
        status = scene.status()
        assert status["moves"] == []
        assert set(status["hand_requests"]) <= {"CONNECT"}
        assert env.log.events("dry_run")

    def test_disarmed_and_without_operator_nothing_moves(
        self, make: Callable[..., FrankaEnvironment], scene: SimulatedController
    ) -> None:
        env = make(operator=None)
        with pytest.raises((NotArmedError, PreflightError)):
            env.reset(seed=0)
        assert scene.status()["moves"] == []

    def test_reset_asks_in_order_goes_home_and_arms(
        self, make: Callable[..., FrankaEnvironment], scene: SimulatedController
    ) -> None:
        home = np.array(SIMULATION_HOME_NEAR)
        scene.order("place", joints=home.tolist())
        operator = ScriptedOperator()
        env = make(operator=operator)
        _, info = env.reset(seed=0)
        assert operator.asked == ["tested", "home", "arm", "arm"]
        assert len(operator.scenes) == 1
        assert operator.scenes[0].present is not None
        assert np.abs(np.array(scene.status()["joint_positions"]) - np.array(env.cell.home_joints)).max() < 1e-3
        assert info["armed"]
        assert all(finding.good for finding in info["preflight"])
        assert {f.name for f in info["preflight"]} >= {"model", "mode", "errors", "link", "user stop", "payload"}

    def test_a_held_object_is_only_let_go_when_agreed(self, start: Callable[..., SimulatedController], tmp_path: Path) -> None:
        controller = start(object_width=0.04)
        operator = ScriptedOperator()
        options = {"cell": cell_of(controller), "cameras": (), "mode": "live", "operator": operator, "log": tmp_path}
        with contextlib.closing(FrankaEnvironment("stack_cups", **options)) as env:
            env.reset(seed=0)
            env.guard.grasp()
            operator.refuses = ("open",)
            with pytest.raises(NotArmedError, match="holds something"):
                env.reset(seed=0)
            assert controller.status()["is_grasped"]
            operator.refuses = ()
            env.reset(seed=0)
            assert not controller.status()["is_grasped"]

    def test_delta_steps_add_up(self, start: Callable[..., SimulatedController], tmp_path: Path) -> None:
        controller = start(start=(0.0, 0.3, 0.0, -1.8, 0.0, 2.1, 0.7854))
        cell = dataclasses.replace(cell_of(controller, streaming_deadline=5.0), home_joints=controller.settings.start)
        options = {"cell": cell, "cameras": (), "mode": "live", "operator": ScriptedOperator(), "log": tmp_path}
        with contextlib.closing(FrankaEnvironment("stack_cups", action_mode="delta_pose", **options)) as env:
            first, _ = env.reset(seed=0)
            step = np.array([0.002, 0.001, -0.001, 0.0, 0.0, 0.004, 1.0])
            for _ in range(60):
                observation, _, _, _, info = env.step(step)
                assert info["failure"] is None, info["safety"]
            env.guard.settle()
            last = env.guard.read()
            pose = pose_compose(SIMULATION_BASE, kinematics.tip_pose(last.joints))
            assert np.abs(pose[:3] - first["gripper_pose"][:3] - 60 * step[:3]).max() < 1e-3
            turned = quat_xyzw_multiply(quat_xyzw_from_axis_angle((0.0, 0.0, 1.0), 0.24), first["gripper_pose"][3:])
            assert rotation_angle(pose[3:], turned) < 2e-3
            assert env.observation_space.contains(observation)

    def test_joint_steps_are_followed(self, start: Callable[..., SimulatedController], tmp_path: Path) -> None:
        controller = start(start=(0.0, 0.3, 0.0, -1.8, 0.0, 2.1, 0.7854))
        cell = dataclasses.replace(cell_of(controller, streaming_deadline=5.0), home_joints=controller.settings.start)
        options = {"cell": cell, "cameras": (), "mode": "live", "operator": ScriptedOperator(), "log": tmp_path}
        with contextlib.closing(FrankaEnvironment("stack_cups", action_mode="joint_position", **options)) as env:
            first, _ = env.reset(seed=0)
            target = first["joint_positions"].copy()
            for _ in range(20):
                target = target + np.array([0.005, 0.0, 0.003, 0.0, 0.0, 0.002, 0.0])
                _, _, _, _, info = env.step(np.append(target, 1.0))
                assert info["failure"] is None, info["safety"]
            env.guard.settle()
            assert np.abs(env.guard.read().joints - target).max() < 1e-3

    def test_malformed_actions_move_nothing_and_disarm(
        self, make: Callable[..., FrankaEnvironment], scene: SimulatedController
    ) -> None:
        env = make()
        env.reset(seed=0)
        before = len(scene.status()["moves"])
        action = keypose((0.3, 0.0, 1.2), 1.0)
        action[0] = np.nan
        with pytest.raises(ActionNotFiniteError):
            env.step(action)
        assert len(scene.status()["moves"]) == before
        assert not env.guard.armed

    def test_what_a_rule_refuses_is_told(self, make: Callable[..., FrankaEnvironment]) -> None:
        env = make()
        env.reset(seed=0)
        _, _, _, truncated, info = env.step(keypose((0.3, 0.0, 0.7525), 1.0))
        assert info["failure"] == "outside_workspace"
        assert info["safety"]["rule"] == "S3"
        assert not truncated
        assert env.guard.armed

    def test_a_user_stop_ends_the_episode(self, make: Callable[..., FrankaEnvironment], scene: SimulatedController) -> None:
        env = make()
        env.reset(seed=0)
        scene.order("press_user_stop")
        _, _, _, truncated, info = env.step(keypose((0.3, 0.0, 1.2), 1.0))
        assert truncated
        assert info["fault"] == "user_stop"
        scene.order("release_user_stop")

    def test_a_stale_picture_stops_the_arm(
        self, make: Callable[..., FrankaEnvironment], cell: Cell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        camera = OldPictures(0.0)
        monkeypatch.setattr(simulated, "opened", lambda: camera, raising=False)
        values = json.loads((cell.cameras["front"].calibration).read_text())
        values |= {"serial": "old", "width": 64, "height": 48, "intrinsics": camera.read(0.0, 0.0).intrinsics.tolist()}
        cell.cameras["front"].calibration.write_text(json.dumps(values))
        entry = dataclasses.replace(cell.cameras["front"], kind=f"{simulated.__name__}:opened", options={})
        env = make(cell=dataclasses.replace(cell, cameras={"front": entry}))
        env.reset(seed=0)
        env.step(keypose((0.3, 0.0, 1.2), 1.0))
        camera.age = 6.0
        with pytest.raises(CameraError, match="old"):
            env.step(keypose((0.3, 0.0, 1.25), 1.0))
        assert env.guard.fault == "stale_camera"
        assert not env.guard.armed

    def test_everything_is_logged(self, make: Callable[..., FrankaEnvironment], tmp_path: Path) -> None:
        env = make()
        env.reset(seed=0)
        env.step(keypose((0.3, 0.0, 1.2), 1.0))
        env.close()
        events = [json.loads(line) for line in (tmp_path / "log" / "events.jsonl").read_text().splitlines()]
        names = [event["event"] for event in events]
        assert names[0] == "connected"
        assert {"preflight", "armed", "reset", "step", "closed"} <= set(names)
        assert events[0]["cell"]["safety"]["tip_speed"] == env.cell.safety.tip_speed
        (step,) = (event for event in events if event["event"] == "step")
        assert len(step["action"]) == 9
        assert step["segments"]
        states = [json.loads(line) for line in (tmp_path / "log" / "states.jsonl").read_text().splitlines()]
        assert len(states) > 5
        assert all(len(state["joints"]) == 7 and "wrench" in state for state in states)


SIMULATION_HOME_NEAR = (0.1, 0.2, 0.0, -1.0, 0.1, 1.3, 0.7)


class TestEndToEnd:
    def test_scripted_keyposes_put_the_box_into_the_tray(
        self, make: Callable[..., FrankaEnvironment], scene: SimulatedController
    ) -> None:
        env = make()
        env.reset(seed=0)
        box, tray = (np.array(scene.order("pose", body=name)) for name in ("box", "tray"))
        yaw, up = yaw_of(box), np.array([0.0, 0.0, 0.12])
        places = [
            (box[:3] + up, 1),
            (box[:3], 0),
            (box[:3] + up, 0),
            (tray[:3] + 1.3 * up, 0),
            (tray[:3] + np.array([0.0, 0.0, 0.04]), 1),
        ]
        solved = False
        for position, is_open in places:
            observation, _, solved, truncated, info = env.step(keypose(position, is_open, yaw))
            assert info["failure"] is None
            assert not truncated
            assert np.abs(observation["gripper_pose"][:3] - position).max() < 1e-3
        assert solved
        assert info["is_success"]

    def test_path_lift_runs_unchanged(self, make: Callable[..., FrankaEnvironment], scene: SimulatedController) -> None:
        class BoxToTray:
            """Knows where box and tray are, as a good planner would see."""

            privileged = False

            def propose(self, image_rgb: NDArray[np.uint8], instruction: str, context: PlannerContext) -> Path2D:
                assert context.camera is not None
                assert context.gripper_pose is not None
                box, tray = (np.array(scene.order("pose", body=name))[:3] for name in ("box", "tray"))
                up = np.array([0.0, 0.0, 0.15])
                way = np.array([context.gripper_pose[:3], box, box + up, tray + up, tray])
                uv, _ = context.camera.project(way)
                points = np.clip(uv / (context.camera.width, context.camera.height), 0.0, 1.0)
                return Path2D(points, np.array([True, False, False, False, True]))

        env: Any = PathPoints(make(image_size=(240, 320)), planner=BoxToTray(), camera="front")
        observation, info = env.reset(seed=0)
        agent = PathLiftAgent()
        from hamster_bench.agent import EpisodeContext
        from hamster_bench.scenario import Scenario

        scenario = Scenario.from_id(info["scenario"])
        agent.reset(EpisodeContext(scenario=scenario, instruction=info["instruction"], rng=scenario.rng("agent")))
        solved = False
        for _ in range(10):
            observation, _, solved, truncated, info = env.step(agent.act(observation))
            assert not truncated, info
            if solved:
                break
        assert solved, info


class TestErrors:
    """Each within five seconds on an idle machine; said clearly on any."""

    def test_no_cell(self, monkeypatch: pytest.MonkeyPatch, franky: Any) -> None:
        monkeypatch.delenv("HAMSTER_BENCH_CELL", raising=False)
        with pytest.raises(CellError, match="franka simulate"):
            gymnasium.make("hamster_bench/stack_cups-v0", engine="franka")

    def test_no_robot_at_the_address(self, controller: SimulatedController) -> None:
        absent = dataclasses.replace(cell_of(controller), host=free_host())
        with pytest.raises(RobotUnreachableError, match="does not answer"):
            FrankaEnvironment("stack_cups", cell=absent, cameras=())

    def test_wrong_protocol(self, start: Callable[..., SimulatedController]) -> None:
        with pytest.raises(RobotIncompatibleError, match="protocol"):
            FrankaEnvironment("stack_cups", cell=cell_of(start(protocol=7)), cameras=())

    def test_missing_calibration(self, cell: Cell) -> None:
        cell.cameras["front"].calibration.unlink()
        with pytest.raises(CalibrationError, match="calibrate"):
            FrankaEnvironment("stack_cups", cell=cell)

    def test_calibration_of_another_camera_or_too_old(self, cell: Cell) -> None:
        file = cell.cameras["front"].calibration
        values = json.loads(file.read_text())
        file.write_text(json.dumps(values | {"serial": "another"}))
        with pytest.raises(CalibrationError, match="another"):
            FrankaEnvironment("stack_cups", cell=cell)
        file.write_text(json.dumps(values | {"made": values["made"] - 40 * 86400.0}))
        with pytest.raises(CalibrationError, match="40 days"):
            FrankaEnvironment("stack_cups", cell=cell)

    def test_second_instance(self, controller: SimulatedController, tmp_path: Path) -> None:
        first = FrankaEnvironment("stack_cups", cell=cell_of(controller), cameras=(), log=tmp_path)
        with pytest.raises(RobotBusyError, match="process"):
            FrankaEnvironment("stack_cups", cell=cell_of(controller), cameras=(), log=tmp_path)
        first.close()
        FrankaEnvironment("stack_cups", cell=cell_of(controller), cameras=(), log=tmp_path).close()

    def test_another_arm_than_the_cell_says(self, controller: SimulatedController, tmp_path: Path) -> None:
        panda = dataclasses.replace(cell_of(controller), arm="panda")
        options = {"cell": panda, "cameras": (), "mode": "live", "operator": ScriptedOperator(), "log": tmp_path}
        with contextlib.closing(FrankaEnvironment("stack_cups", **options)) as env, pytest.raises(PreflightError, match="fr3"):
            env.reset(seed=0)


def test_without_the_extras_importing_and_listing_work_and_making_names_the_extra() -> None:
    program = """
import sys
sys.modules["franky"] = sys.modules["pyrealsense2"] = sys.modules["cv2"] = None
import gymnasium, hamster_bench
from hamster_bench.envs.registration import ENGINES
from hamster_bench.errors import MissingDependencyError
assert "franka" in ENGINES.names()
try:
    gymnasium.make("hamster_bench/stack_cups-v0", engine="franka")
except MissingDependencyError as error:
    assert "hamster-bench[franka]" in str(error), error
else:
    raise AssertionError
from hamster_bench.envs.franka.cameras import CAMERA_KINDS
try:
    CAMERA_KINDS.get("realsense")(serial="1")
except MissingDependencyError as error:
    assert "hamster-bench[realsense]" in str(error), error
else:
    raise AssertionError
from hamster_bench.envs.franka.calibration.hand_eye import Board
try:
    Board().picture()
except MissingDependencyError as error:
    assert "hamster-bench[franka]" in str(error), error
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_the_engine_is_listed() -> None:
    assert "franka" in ENGINES
