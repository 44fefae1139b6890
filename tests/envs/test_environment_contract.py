"""The contract of environments, over every registered task."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import hamster_bench  # registers the environments
from hamster_bench import errors
from hamster_bench.envs.contract import JOINT_SPEED_LIMIT, WORKSPACE_LOWER, WORKSPACE_UPPER
from hamster_bench.envs.tasks import TASKS
from hamster_bench.scenario import Scenario

ALL_TASKS = TASKS.names()
MODES = ("keypose", "delta_pose", "joint_position")
TASK = "slide_block_to_target"


def make(task: str, **options: Any) -> gymnasium.Env[Any, Any]:
    return gymnasium.make(f"hamster_bench/{task}-v0", **options)


@pytest.fixture(scope="module")
def blind() -> Iterator[gymnasium.Env[Any, Any]]:
    env = make(TASK, cameras=())
    yield env
    env.close()


def keypose_above_table() -> np.ndarray:
    return np.array([0.3, 0.1, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0])


@pytest.mark.parametrize("task", ALL_TASKS)
def test_gymnasiums_own_checks_pass(task: str) -> None:
    env = make(task)
    with warnings.catch_warnings():
        # Keyposes are metres and unit quaternions, joint targets radians: policies of this field output physical units, and the
        # limits are those of the workspace and the robot, so the spaces cannot be symmetric and normalised.
        warnings.filterwarnings("ignore", message=".*we recommend using a symmetric and normalized space.*")
        # Render modes have tests of their own; `human` needs a display.
        check_env(env.unwrapped, skip_render_check=True)
    env.close()


@pytest.mark.parametrize("mode", MODES[1:])
def test_gymnasiums_own_checks_pass_in_the_other_action_modes(mode: str) -> None:
    env = make(TASK, action_mode=mode)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*we recommend using a symmetric and normalized space.*")
        check_env(env.unwrapped, skip_render_check=True)
    env.close()


@pytest.mark.parametrize("task", ALL_TASKS)
def test_a_reset_is_as_the_contract_says(task: str) -> None:
    env = make(task, cameras=("front", "wrist"), image_size=(48, 64), segmentation=True)
    for variation in {0, TASKS.get(task).variation_count - 1}:
        scenario = Scenario(task=task, variation=variation, episode=1)
        observation, info = env.reset(options={"scenario": scenario})
        assert observation in env.observation_space
        assert observation["front_rgb"].shape == (48, 64, 3)
        assert observation["wrist_depth"].shape == (48, 64)
        assert info["is_success"] is False
        assert info["scenario"] == scenario.id
        assert info["instruction"] == observation["instruction"]
        assert info["instruction"] in info["instructions"]
        assert 1 <= info["placement_tries"] <= 40
        assert observation["gripper_open"] == [1.0]
        # The start of RLBench: tip position to 2 mm, and the tool axis.
        np.testing.assert_allclose(observation["gripper_pose"][:3], [0.27847, -0.00816, 1.47197], atol=2e-3)
        np.testing.assert_allclose(np.abs(observation["gripper_pose"][3:]), [0.0, 0.99266, 0.0, 0.12090], atol=2e-3)
    env.close()


@pytest.mark.parametrize("task", ALL_TASKS)
def test_same_scenario_same_bits_in_two_environments(task: str) -> None:
    scenario = Scenario(task=task, episode=2)
    states, images = [], []
    for _ in range(2):
        env = make(task)
        # What was run before must not matter.
        for episode in range(len(states) + 1):
            env.reset(options={"scenario": Scenario(task=task, episode=episode)})
            env.step(keypose_above_table())
        observation, _ = env.reset(options={"scenario": scenario})
        after = env.step(keypose_above_table())[0]
        states.append(env.unwrapped.state())  # type: ignore[attr-defined]
        images.append((observation["front_rgb"], after["front_depth"]))
        env.close()
    np.testing.assert_array_equal(states[0], states[1])
    np.testing.assert_array_equal(images[0][0], images[1][0])
    np.testing.assert_array_equal(images[0][1], images[1][1])


@pytest.mark.parametrize("task", ALL_TASKS)
def test_things_stay_where_a_reset_put_them(task: str) -> None:
    env = make(task, cameras=(), action_mode="joint_position")
    for episode in range(3):
        env.reset(options={"scenario": Scenario(task=task, episode=episode)})
        data = env.unwrapped.simulation.data  # type: ignore[attr-defined]
        before = data.xpos.copy()
        hold = np.append(env.unwrapped.simulation.controller.joints, 1.0)  # type: ignore[attr-defined]
        for _ in range(10):
            _, _, terminated, _, _ = env.step(hold)
            assert not terminated
        assert np.linalg.norm(data.xpos - before, axis=1).max() < 2e-3
    env.close()


def malformed(mode: str) -> list[tuple[np.ndarray | object, type[errors.InvalidActionError]]]:
    valid = {
        "keypose": keypose_above_table(),
        "delta_pose": np.array([0.01, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]),
        "joint_position": np.array([0.0, 0.17, 0.0, -0.8, 0.0, 1.2, 0.8, 1.0]),
    }[mode]
    cases: list[tuple[object, type[errors.InvalidActionError]]] = [
        (None, errors.ActionShapeError),
        ("go", errors.ActionShapeError),
        ([], errors.ActionShapeError),
        (valid[:-1], errors.ActionShapeError),
        (np.append(valid, 0.0), errors.ActionShapeError),
        (valid[None], errors.ActionShapeError),
        ([10**400] * len(valid), errors.ActionShapeError),
        (valid.astype(complex), errors.ActionShapeError),
        ([str(value) for value in valid], errors.ActionShapeError),
        (np.ma.masked_all(len(valid)), errors.ActionShapeError),
        ([[1.0], [2.0, 3.0]], errors.ActionShapeError),
    ]
    for index in range(len(valid)):
        for wrong in (np.nan, np.inf, -np.inf):
            action = valid.copy()
            action[index] = wrong
            cases.append((action, errors.ActionNotFiniteError))
    if mode == "keypose":
        for quat in ([0.0, 0.0, 0.0, 0.0], [1.001, 0.0, 0.0, 0.0], [0.5, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]):
            action = valid.copy()
            action[3:7] = quat
            cases.append((action, errors.QuaternionNormError))
        for axis in range(3):
            for edge in (WORKSPACE_LOWER[axis] - 1e-3, WORKSPACE_UPPER[axis] + 1e-3, 1e9):
                action = valid.copy()
                action[axis] = edge
                cases.append((action, errors.OutsideWorkspaceError))
    for index in (7, 8) if mode == "keypose" else range(len(valid)):
        for wrong in (-7.5, 7.5):
            action = valid.copy()
            action[index] = wrong
            cases.append((action, errors.ActionRangeError))
    return cases


@pytest.mark.parametrize("mode", MODES)
def test_malformed_actions_raise_the_named_error_and_move_nothing(mode: str) -> None:
    env = make(TASK, cameras=(), action_mode=mode)
    env.reset(seed=3)
    state = env.unwrapped.state()  # type: ignore[attr-defined]
    cases = malformed(mode)
    assert len(cases) >= 33
    for action, error in cases:
        with pytest.raises(error):
            env.unwrapped.step(action)
        np.testing.assert_array_equal(env.unwrapped.state(), state)  # type: ignore[attr-defined]
    env.close()


def test_quaternions_within_rounding_are_accepted(blind: gymnasium.Env[Any, Any]) -> None:
    blind.reset(seed=0)
    for norm in (1.000009, -1.0):
        action = keypose_above_table()
        action[3:7] *= norm
        _, _, _, _, info = blind.step(action)
        assert info["failure"] is None


@pytest.mark.parametrize("seed", range(4))
def test_samples_of_the_keypose_space_are_valid_actions(blind: gymnasium.Env[Any, Any], seed: int) -> None:
    blind.reset(seed=seed)
    blind.action_space.seed(seed)
    for _ in range(3):
        _, reward, terminated, truncated, info = blind.step(blind.action_space.sample())
        assert info["failure"] in (None, "ik_unreachable", "path_not_found")
        assert (info["control_steps"] == 0) == (info["failure"] is not None)
        assert reward == float(info["is_success"]) == float(terminated)
        assert not truncated


def test_a_keypose_that_cannot_be_reached_ends_the_step_and_nothing_else(blind: gymnasium.Env[Any, Any]) -> None:
    blind.reset(seed=0)
    state = blind.unwrapped.state()  # type: ignore[attr-defined]
    unreachable = np.array([0.77, 0.65, 1.75, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    _, _, _, _, info = blind.step(unreachable)
    assert info["failure"] == "ik_unreachable"
    assert info["control_steps"] == 0
    np.testing.assert_array_equal(blind.unwrapped.state(), state)  # type: ignore[attr-defined]
    _, _, _, _, info = blind.step(keypose_above_table())
    assert info["failure"] is None


def test_a_reached_keypose_is_reached_to_a_millimetre(blind: gymnasium.Env[Any, Any]) -> None:
    blind.reset(seed=0)
    for x, y, z in ((0.3, 0.1, 1.0), (0.2, -0.2, 0.9), (0.45, 0.0, 1.1)):
        action = keypose_above_table()
        action[:3] = x, y, z
        observation, _, _, _, info = blind.step(action)
        assert info["failure"] is None
        np.testing.assert_allclose(observation["gripper_pose"][:3], action[:3], atol=1e-3)


def test_the_gripper_opens_and_closes(blind: gymnasium.Env[Any, Any]) -> None:
    blind.reset(seed=0)
    for wanted in (0.0, 1.0):
        action = keypose_above_table()
        action[7] = wanted
        observation, *_ = blind.step(action)
        assert observation["gripper_open"] == [wanted]


def test_fingers_that_close_on_nothing_meet_in_the_middle(blind: gymnasium.Env[Any, Any]) -> None:
    blind.reset(seed=0)
    action = keypose_above_table()
    action[7] = 0.0
    blind.step(action)
    simulation = blind.unwrapped.simulation  # type: ignore[attr-defined]
    assert np.abs(simulation.data.qpos[simulation.robot.finger_qpos]).max() < 5e-4


def test_delta_pose_moves_by_what_was_asked() -> None:
    env = make(TASK, cameras=(), action_mode="delta_pose")
    observation, _ = env.reset(seed=0)
    start = observation["gripper_pose"][:3]
    for _ in range(20):
        observation, _, _, _, info = env.step(np.array([0.005, 0.002, -0.01, 0.0, 0.0, 0.0, 1.0]))
        assert info["failure"] is None
        assert info["control_steps"] == 1
    for _ in range(4):
        observation, *_ = env.step(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]))
    np.testing.assert_allclose(observation["gripper_pose"][:3] - start, [0.1, 0.04, -0.2], atol=2e-3)
    env.close()


def test_delta_pose_stops_at_the_workspace() -> None:
    env = make(TASK, cameras=(), action_mode="delta_pose")
    env.reset(seed=0)
    failures = set()
    for _ in range(20):
        observation, _, _, _, info = env.step(np.array([0.0, 0.0, -0.05, 0.0, 0.0, 0.0, 1.0]))
        failures.add(info["failure"])
    assert failures == {None, "outside_workspace"}
    assert observation["gripper_pose"][2] > WORKSPACE_LOWER[2]
    env.close()


def test_joint_targets_are_reached_and_no_faster_than_the_robot_can() -> None:
    env = make(TASK, cameras=(), action_mode="joint_position")
    observation, _ = env.reset(seed=0)
    target = observation["joint_positions"] + np.array([0.5, 0.2, -0.3, -0.4, 0.3, 0.2, -0.6])
    fastest = np.zeros(7)
    for _ in range(40):
        observation, *_ = env.step(np.append(target, 1.0))
        fastest = np.maximum(fastest, np.abs(observation["joint_velocities"]))
    np.testing.assert_allclose(observation["joint_positions"], target, atol=2e-3)
    # Starting at full speed from rest overshoots a little.
    assert (fastest < 1.4 * JOINT_SPEED_LIMIT).all()
    env.close()


def test_stepping_before_a_reset_and_after_the_end_is_refused() -> None:
    env = make(TASK, cameras=()).unwrapped
    for use in (lambda: env.step(keypose_above_table()), env.state, lambda: env.camera("front"), lambda: env.oracle):  # type: ignore[attr-defined]
        with pytest.raises(errors.ResetNeededError, match="call reset first"):
            use()
    env.close()
    env.close()
    with pytest.raises(errors.ResetNeededError, match="make a new one"):
        env.reset(seed=0)


def test_a_reset_that_fails_leaves_no_episode_to_go_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    env: Any = make(TASK, cameras=()).unwrapped
    env.reset(seed=0)
    monkeypatch.setattr(env.simulation, "_placement_is_valid", lambda: False)
    with pytest.raises(errors.PlacementError, match="40 tries"):
        env.reset(seed=1)
    with pytest.raises(errors.ResetNeededError):
        env.step(keypose_above_table())
    env.close()


@pytest.mark.parametrize(
    ("options", "error", "answer"),
    [
        ({"engine": "mujocco"}, errors.UnknownNameError, "Did you mean: mujoco"),
        ({"cameras": ("fron",)}, errors.UnknownNameError, "Did you mean: front"),
        ({"cameras": ("front", "front")}, errors.InvalidOptionError, "named twice"),
        ({"action_mode": "keypos"}, errors.UnknownNameError, "Did you mean: keypose"),
        ({"grasp": "atach"}, errors.UnknownNameError, "Did you mean: attach"),
        ({"renderer": "opengl"}, errors.UnknownNameError, "Available: auto, gl, raycast"),
        ({"image_size": 0}, errors.InvalidOptionError, "1 to 2048"),
        ({"image_size": (64,)}, errors.InvalidOptionError, "height, width"),
        ({"image_size": True}, errors.InvalidOptionError, "whole number"),
        ({"render_size": 1e3}, errors.InvalidOptionError, "whole number"),
        ({"render_camera": "rear"}, errors.UnknownNameError, "front"),
        ({"camera": "front"}, errors.UnknownNameError, "Did you mean: cameras"),
        ({"cameras": None}, errors.InvalidOptionError, "names out of front"),
        ({"image_size": (True, True)}, errors.InvalidOptionError, "whole number"),
        ({"segmentation": "no"}, errors.InvalidOptionError, "True or False"),
    ],
)
def test_impossible_options_are_answered_with_what_is_possible(
    options: dict[str, Any], error: type[errors.HamsterBenchError], answer: str
) -> None:
    with pytest.raises(error, match=answer):
        make(TASK, **options)


def test_an_unknown_task_is_answered_with_close_ones() -> None:
    with pytest.raises(errors.UnknownNameError, match="Did you mean: close_box"):
        hamster_bench.envs.registration.make_environment("close_bok")


@pytest.mark.parametrize(
    ("options", "error", "answer"),
    [
        ({"scenario": "close_box-v0-no_var-e0-s0"}, errors.InvalidScenarioError, "is of task 'close_box'"),
        ({"scenario": f"{TASK}-v7-no_var-e0-s0"}, errors.InvalidScenarioError, "variations 0 to 0"),
        ({"scenario": f"{TASK}-v0-tab_text-e0-s0"}, errors.UnknownNameError, "no_var"),
        ({"scenario": 3}, errors.InvalidScenarioError, "Scenario or its id"),
        ({"scenarios": 3}, errors.InvalidOptionError, "allowed: scenario, variation"),
        ({"scenario": f"{TASK}-v0-no_var-e0-s0", "variation": 0}, errors.InvalidOptionError, "either"),
    ],
)
def test_impossible_reset_options_are_refused(
    blind: gymnasium.Env[Any, Any], options: dict[str, Any], error: type[errors.HamsterBenchError], answer: str
) -> None:
    with pytest.raises(error, match=answer):
        blind.reset(options=options)


def test_a_seed_names_a_scenario_and_no_seed_draws_the_next(blind: gymnasium.Env[Any, Any]) -> None:
    _, first = blind.reset(seed=7)
    _, again = blind.reset(seed=7)
    assert first["scenario"] == again["scenario"] == f"{TASK}-v0-no_var-e0-s7"
    drawn = [blind.reset()[1]["scenario"] for _ in range(3)]
    assert len(set(drawn)) == 3
    blind.reset(seed=7)
    assert [blind.reset()[1]["scenario"] for _ in range(3)] == drawn


@pytest.mark.parametrize("context", ["spawn", "forkserver"])
def test_vectorised_environments_work_in_fresh_processes(context: str) -> None:
    envs = gymnasium.make_vec(
        f"hamster_bench/{TASK}-v0", num_envs=2, vectorization_mode="async", vector_kwargs={"context": context}, image_size=32
    )
    try:
        observations, infos = envs.reset(seed=[1, 2])
        assert observations["front_rgb"].shape == (2, 32, 32, 3)
        assert all(instruction in TASKS.get(TASK).instructions(0) for instruction in infos["instruction"])
        assert infos["scenario"].tolist() == [f"{TASK}-v0-no_var-e0-s1", f"{TASK}-v0-no_var-e0-s2"]
        actions = np.tile(keypose_above_table(), (2, 1))
        observations, rewards, *_ = envs.step(actions)
        assert rewards.tolist() == [0.0, 0.0]
        np.testing.assert_allclose(observations["gripper_pose"][:, :3], actions[:, :3], atol=1e-3)
        envs.step(envs.action_space.sample())
    finally:
        envs.close()


def test_render_modes() -> None:
    env = make(TASK, cameras=(), render_mode="rgb_array", render_size=(40, 60), render_camera="overhead")
    env.reset(seed=0)
    frame = env.render()
    assert isinstance(frame, np.ndarray)
    assert frame.shape == (40, 60, 3)
    assert frame.std() > 5
    env.close()
    env = make(TASK, cameras=(), render_mode="rgb_array_list", render_size=32)
    env.reset(seed=0)
    _, _, _, _, info = env.step(keypose_above_table())
    frames = env.render()
    assert isinstance(frames, list)
    assert len(frames) == info["control_steps"] + 1
    assert env.render() == []
    env.close()


def test_a_window_without_a_display_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(errors.RenderingUnavailableError, match="rgb_array"):
        make(TASK, cameras=(), render_mode="human")


def test_returned_arrays_belong_to_the_caller() -> None:
    env = make(TASK, image_size=32)
    first, _ = env.reset(seed=0)
    kept = {key: value.copy() for key, value in first.items() if isinstance(value, np.ndarray)}
    env.step(keypose_above_table())
    for key, value in kept.items():
        np.testing.assert_array_equal(first[key], value)
    env.close()
