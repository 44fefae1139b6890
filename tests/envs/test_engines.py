"""The contract, over every engine.

That is the embedded one, the original where it is installed, a stand-in of the original's packages, and the robot, which is a simulated
controller here. Scenes that are drawn and privileged answers are the simulators' alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import hamster_bench  # registers the environments
from hamster_bench import errors
from hamster_bench.agent import EpisodeContext
from hamster_bench.baselines.scripted.expert import ExpertAgent
from hamster_bench.envs.contract import action_space, observation_space
from hamster_bench.envs.franka.safety import homing
from hamster_bench.envs.franka.simulated_controller.cell_files import write_cell
from hamster_bench.envs.franka.simulated_controller.process import SimulatedController
from hamster_bench.envs.franka.simulated_controller.server import Settings
from hamster_bench.envs.rlbench.installation import find_installation
from hamster_bench.scenario import Scenario
from tests.envs.franka.simulated import PATIENT, ScriptedOperator, free_host

assert hamster_bench
STANDIN = Path(__file__).parent / "rlbench" / "standin"
TASK = "slide_block_to_target"
Make = Callable[..., gymnasium.Env[Any, Any]]
# A simulator's arm keeps step; a robot's motion goes on by the clock, on a busy machine for longer than these steps ask for.
SETTLED = 2000
SIMULATORS = ("mujoco", "coppeliasim", "stand-in")


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SimulatedController, Path]]:
    pytest.importorskip("franky", reason="the client library franky-control is not installed: pip install '.[franka]'")
    with SimulatedController(Settings(host=free_host(), hand_speedup=8.0, task=TASK, image_size=(240, 320))) as controller:
        folder = tmp_path_factory.mktemp("cell")
        write_cell(controller, folder, **PATIENT)
        yield controller, folder / "cell.json"


@pytest.fixture(params=SIMULATORS)
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes an environment of each simulator."""
    yield from _made(request, monkeypatch)


@pytest.fixture(params=[*SIMULATORS, "franka"])
def make_any(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes an environment of each engine."""
    yield from _made(request, monkeypatch)


def _made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    engine, more = {"stand-in": "coppeliasim"}.get(request.param, request.param), dict[str, Any]()
    if request.param == "coppeliasim":
        missing = find_installation().missing(factors=True)
        if missing:
            pytest.skip(f"the original is not installed: {'; '.join(what for what, _ in missing)}")
    if request.param == "stand-in":
        monkeypatch.syspath_prepend(str(STANDIN))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(STANDIN), str(Path(__file__).resolve().parents[2])]))
        monkeypatch.setenv("COPPELIASIM_ROOT", str(STANDIN / "coppeliasim"))
        monkeypatch.setenv("DISPLAY", ":77")
    if request.param == "franka":
        controller, cell = request.getfixturevalue("robot")
        controller.order("reset")
        monkeypatch.setattr(homing, "LINK_CHECK", 0.05)
        monkeypatch.chdir(request.getfixturevalue("tmp_path"))
        more = {"cell": cell, "mode": "live", "operator": ScriptedOperator()}
    opened: list[gymnasium.Env[Any, Any]] = []

    def make_environment(task: str = TASK, **options: Any) -> gymnasium.Env[Any, Any]:
        opened.append(gymnasium.make(f"hamster_bench/{task}-v0", engine=engine, **(more | options)))
        return opened[-1]

    yield make_environment
    for env in opened:
        env.close()


def above_the_table(**changes: float) -> np.ndarray:
    keypose = np.array([0.3, 0.1, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    for axis, value in changes.items():
        keypose["xyz".index(axis)] = value
    return keypose


@pytest.mark.parametrize("mode", ["keypose", "delta_pose", "joint_position"])
def test_spaces_are_those_of_the_contract(make_any: Make, mode: Any) -> None:
    env = make_any(cameras=("front",), image_size=(96, 128), action_mode=mode)
    assert env.action_space == action_space(mode)
    assert env.observation_space == observation_space(("front",), 96, 128)


def test_observations_and_info_are_as_the_contract_says(make_any: Make) -> None:
    env = make_any(cameras=("front",), image_size=128)
    scenario = Scenario(task=TASK, episode=1)
    observation, info = env.reset(options={"scenario": scenario})
    assert observation in env.observation_space
    for name, space in env.observation_space.spaces.items():  # type: ignore[attr-defined]
        if name != "instruction":
            assert (observation[name].dtype, observation[name].shape) == (space.dtype, space.shape), name
    assert 0.5 < np.median(observation["front_depth"]) < 4.0
    np.testing.assert_allclose(observation["front_intrinsics"][0, 0], 175.8386, atol=0.01)
    np.testing.assert_allclose(observation["front_extrinsics"][:3, 3], [1.35, 0.0, 1.58], atol=1e-3)
    np.testing.assert_allclose(
        observation["front_extrinsics"][:3, :3], [[0, 0.4226, -0.9063], [1, 0, 0], [0, -0.9063, -0.4226]], atol=1e-3
    )
    np.testing.assert_allclose(observation["gripper_pose"][:3], [0.27847, -0.00816, 1.47197], atol=3e-3)
    # The start of the arm in the real robot's joint zero.
    np.testing.assert_allclose(observation["joint_positions"], [0, 0.1752, 0, -0.8042, 0, 1.2216, 0.7854], atol=5e-3)
    assert info["scenario"] == scenario.id
    assert info["is_success"] is False
    assert info["instruction"] == observation["instruction"]
    assert info["instruction"] in info["instructions"]
    assert {"placement_tries", "variation", "draws"} <= set(info)
    base: Any = env.unwrapped
    camera = base.camera("front")
    np.testing.assert_array_equal(camera.T_world_camera, observation["front_extrinsics"])
    uv, _ = camera.project(observation["gripper_pose"][:3])
    assert ((uv > 0) & (uv < 128)).all()


def test_what_is_only_seen_in_simulation(make: Make) -> None:
    env = make(cameras=("front", "wrist"), image_size=128, segmentation=True)
    observation, info = env.reset(options={"scenario": Scenario(task=TASK, episode=1)})
    assert observation in env.observation_space
    assert info["layout_given"] is False
    assert set(np.unique(observation["front_segmentation"])) <= {0, *env.unwrapped.segment_names()}  # type: ignore[attr-defined]


def test_the_spec_says_what_can_be_reproduced(make_any: Make) -> None:
    env = make_any(cameras=())
    _, info = env.reset(seed=3)
    assert env.spec is not None
    assert env.spec.nondeterministic == ("nondeterministic" in info)


def test_keyposes_are_reached_and_the_gripper_follows(make_any: Make) -> None:
    env = make_any(cameras=())
    env.reset(seed=0)
    for opening in (0.0, 1.0):
        action = above_the_table(z=1.0 + 0.05 * opening)
        action[7] = opening
        observation, reward, terminated, truncated, info = env.step(action)
        assert info["failure"] is None
        assert info["control_steps"] > 0
        assert (reward, terminated, truncated) == (0.0, False, False)
        np.testing.assert_allclose(observation["gripper_pose"][:3], action[:3], atol=5e-3)
        assert observation["gripper_open"] == [opening]
    positions, states = env.unwrapped.gripper_track()  # type: ignore[attr-defined]
    assert len(positions) == len(states) > 2
    np.testing.assert_allclose(positions[-1], observation["gripper_pose"][:3], atol=5e-3)


def test_an_unreachable_keypose_moves_nothing(make_any: Make) -> None:
    env = make_any(cameras=())
    env.reset(seed=0)
    before = env.unwrapped.state()  # type: ignore[attr-defined]
    _, _, _, _, info = env.step(np.array([0.77, 0.65, 1.75, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0]))
    assert info["failure"] in ("ik_unreachable", "path_not_found")
    assert info["control_steps"] == 0
    np.testing.assert_allclose(env.unwrapped.state(), before, atol=1e-6)  # type: ignore[attr-defined]


@pytest.mark.parametrize("mode", ["keypose", "delta_pose", "joint_position"])
def test_malformed_actions_are_refused_before_anything_moves(make_any: Make, mode: str) -> None:
    env = make_any(cameras=(), action_mode=mode)
    env.reset(seed=0)
    before = env.unwrapped.state()  # type: ignore[attr-defined]
    size = env.action_space.shape[0]  # type: ignore[index]
    for action, error in (
        (None, errors.ActionShapeError),
        (np.zeros(size + 1), errors.ActionShapeError),
        (np.full(size, np.nan), errors.ActionNotFiniteError),
        (np.full(size, 50.0), errors.InvalidActionError),
    ):
        with pytest.raises(error):
            env.step(action)
    np.testing.assert_allclose(env.unwrapped.state(), before, atol=1e-6)  # type: ignore[attr-defined]


def test_delta_poses_add_up(make_any: Make) -> None:
    env = make_any(cameras=(), action_mode="delta_pose")
    start = env.reset(seed=0)[0]["gripper_pose"][:3]
    for step in range(SETTLED):
        moving = step < 20
        observation, _, _, _, info = env.step(np.array([0.005, 0.002, -0.01, 0.0, 0.0, 0.0, 1.0]) * ([moving] * 6 + [1]))
        assert info["failure"] is None
        assert info["control_steps"] == 1
        if step > 22 and np.allclose(observation["gripper_pose"][:3] - start, [0.1, 0.04, -0.2], atol=6e-3):
            break
    np.testing.assert_allclose(observation["gripper_pose"][:3] - start, [0.1, 0.04, -0.2], atol=6e-3)
    failures = [env.step(np.array([0.05, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]))[4]["failure"] for _ in range(15)]
    assert failures[-1] in ("outside_workspace", "ik_unreachable")


def test_joint_targets_are_reached(make_any: Make) -> None:
    env = make_any(cameras=(), action_mode="joint_position")
    observation, _ = env.reset(seed=0)
    target = observation["joint_positions"] + np.array([0.2, 0.1, -0.2, -0.2, 0.1, 0.1, -0.2])
    for step in range(SETTLED):
        observation, _, _, _, info = env.step(np.append(target, 0.0 if step > 5 else 1.0))
        assert info["control_steps"] == 1
        arrived = np.allclose(observation["joint_positions"], target, atol=1e-2) and observation["gripper_open"] == [0.0]
        if step > 28 and arrived:
            break
    np.testing.assert_allclose(observation["joint_positions"], target, atol=1e-2)
    assert observation["gripper_open"] == [0.0]


def test_the_expert_solves_its_task_through_the_oracle(make: Make) -> None:
    env = make(cameras=(), action_mode="joint_position")
    scenario = Scenario(task=TASK, episode=2)
    observation, info = env.reset(options={"scenario": scenario})
    oracle = env.unwrapped.oracle  # type: ignore[attr-defined]
    preview = oracle.preview()
    assert [waypoint.name for waypoint in preview] == [f"waypoint{k}" for k in range(len(preview))]
    expert = ExpertAgent()
    expert.reset(EpisodeContext(scenario=scenario, instruction=info["instruction"], rng=scenario.rng("agent"), oracle=oracle))
    solved = False
    while not solved:
        # Raises AgentStopped when its waypoints are behind it.
        observation, reward, solved, _, info = env.step(expert.act(observation))
    assert reward == 1.0


def test_a_layout_puts_the_task_where_it_says(make: Make) -> None:
    env = make(cameras=())
    _, info = env.reset(options={"scenario": Scenario(task=TASK, episode=1)})
    layout = info["layout"]
    _, again = env.reset(options={"scenario": Scenario(task=TASK, episode=4), "layout": layout})
    assert again["layout_given"] is True
    assert set(again["layout"]["object_poses"]) == set(layout["object_poses"])
    for name, pose in layout["object_poses"].items():
        np.testing.assert_allclose(again["layout"]["object_poses"][name][:3], pose[:3], atol=2e-3)
    moved = {"base_pose": layout["base_pose"], "object_poses": {"block": list(layout["object_poses"]["block"])}}
    moved["object_poses"]["block"][0] += 0.03
    _, told = env.reset(options={"scenario": Scenario(task=TASK, episode=1), "layout": moved})
    np.testing.assert_allclose(told["layout"]["object_poses"]["block"][:3], moved["object_poses"]["block"][:3], atol=2e-3)
    assert env.reset(options={"scenario": Scenario(task=TASK, episode=1)})[1]["layout_given"] is False


@pytest.mark.parametrize(
    ("layout", "error", "said"),
    [
        (3, errors.InvalidOptionError, "a mapping"),
        ({}, errors.InvalidOptionError, "holds base_pose"),
        ({"base_pose": [0.2, 0, 0.752, 0, 0, 0, 1], "objects": {}}, errors.InvalidOptionError, "got base_pose, objects"),
        ({"base_pose": [0.2, 0, 0.752, 0, 0, 0]}, errors.InvalidOptionError, "7 finite numbers"),
        ({"base_pose": [0.2, 0, float("nan"), 0, 0, 0, 1]}, errors.InvalidOptionError, "7 finite numbers"),
        ({"base_pose": [0.2, 0, 0.752, 0, 0, 0, 1.1]}, errors.InvalidOptionError, "length 1"),
        ({"base_pose": [2.0, 0, 0.752, 0, 0, 0, 1]}, errors.InvalidOptionError, "in the workspace"),
        (
            {"base_pose": [0.2, 0, 0.752, 0, 0, 0, 1], "object_poses": {"block": [9, 0, 0, 0, 0, 0, 1]}},
            errors.InvalidOptionError,
            "within 3 m",
        ),
        (
            {"base_pose": [0.2, 0, 0.752, 0, 0, 0, 1], "object_poses": {"blok": [0.2, 0, 0.8, 0, 0, 0, 1]}},
            errors.UnknownNameError,
            "Did you mean: block",
        ),
    ],
)
def test_impossible_layouts_are_refused(make: Make, layout: Any, error: type[errors.HamsterBenchError], said: str) -> None:
    env = make(cameras=())
    with pytest.raises(error, match=said):
        env.reset(options={"layout": layout})


def test_a_scenario_names_its_layout_and_factors_leave_it(make: Make) -> None:
    layouts = []
    for factor, episode in (("no_var", 5), ("man_obj_col", 5), ("tab_tex", 5), ("no_var", 6)):
        env = make(cameras=("front",), image_size=64)
        env.reset(options={"scenario": Scenario(task=TASK, episode=0)})
        observation, info = env.reset(options={"scenario": Scenario(task=TASK, episode=episode, factor=factor)})
        layouts.append((np.array(info["layout"]["base_pose"]), observation["front_rgb"], info["draws"]))
        env.close()
    np.testing.assert_allclose(layouts[1][0], layouts[0][0], atol=1e-6)
    np.testing.assert_allclose(layouts[2][0], layouts[0][0], atol=1e-6)
    assert np.abs(layouts[3][0] - layouts[0][0]).max() > 1e-3
    assert layouts[0][2] == {}
    assert set(layouts[1][2]) == {"man_obj_col"}
    assert (layouts[1][1] != layouts[0][1]).any()
    assert (layouts[2][1] != layouts[0][1]).any()


def test_draws_do_again_what_they_did(make: Make) -> None:
    env = make(image_size=64)
    scenario = Scenario(task=TASK, episode=5, factor="man_obj_col")
    observation, info = env.reset(options={"scenario": scenario})
    other = Scenario(task=TASK, episode=5, factor="man_obj_col", seed=9)
    again, _ = env.reset(options={"scenario": scenario, "draws": info["draws"]})
    np.testing.assert_array_equal(again["front_rgb"], observation["front_rgb"])
    assert env.reset(options={"scenario": other})[1]["draws"] != info["draws"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"scenario": "close_box-v0-no_var-e0-s0"}, errors.InvalidScenarioError),
        ({"scenario": f"{TASK}-v7-no_var-e0-s0"}, errors.InvalidScenarioError),
        ({"scenario": f"{TASK}-v0-tab_text-e0-s0"}, errors.UnknownNameError),
        ({"scenario": f"{TASK}-v0-rec_obj_col-e0-s0"}, errors.UndefinedCellError),
        ({"scenarios": 3}, errors.InvalidOptionError),
        ({"draws": {}}, errors.InvalidOptionError),
    ],
)
def test_impossible_reset_options_are_refused(make: Make, options: dict[str, Any], error: type[errors.HamsterBenchError]) -> None:
    with pytest.raises(error):
        make(cameras=()).reset(options=options)


def test_what_needs_an_episode_says_so(make_any: Make) -> None:
    env: Any = make_any(cameras=()).unwrapped
    for use in (lambda: env.step(above_the_table()), env.state, lambda: env.camera("front")):
        with pytest.raises(errors.ResetNeededError, match="call reset first"):
            use()
    env.close()
    env.close()
    with pytest.raises(errors.ResetNeededError, match="make a new one"):
        env.reset(seed=0)


def test_the_oracle_needs_an_episode(make: Make) -> None:
    env: Any = make(cameras=()).unwrapped
    with pytest.raises(errors.ResetNeededError, match="call reset first"):
        _ = env.oracle


def test_pictures_of_any_size(make: Make) -> None:
    env = make(cameras=(), render_mode="rgb_array_list", render_size=(40, 60))
    env.reset(seed=0)
    _, _, _, _, info = env.step(above_the_table())
    frames = env.render()
    assert isinstance(frames, list)
    assert len(frames) == info["control_steps"] + 1
    assert frames[0].shape == (40, 60, 3)
    assert env.render() == []
