"""The scripted agents: the expert against a small oracle, chance, and the lifted path on made-up and real scenes."""

from dataclasses import dataclass, field

import gymnasium
import numpy as np
import pytest

import hamster_bench  # noqa: F401 - registers the environments
from hamster_bench.agent import Agent, EpisodeContext, make_agent
from hamster_bench.baselines.scripted import expert as expert_module
from hamster_bench.baselines.scripted.path_lift import MAX_KEYPOSES, lifted_keyposes
from hamster_bench.baselines.scripted.surface import TABLE_HEIGHT, Surface
from hamster_bench.envs.contract import validate_action
from hamster_bench.envs.wrappers import PathPoints
from hamster_bench.errors import AgentError, AgentStopped, PlanningError
from hamster_bench.geometry import Camera, matrix_from_quat_xyzw, pinhole_intrinsics
from hamster_bench.oracle import Waypoint
from hamster_bench.paths import Path2D, path_to_arrays
from hamster_bench.scenario import Scenario

SCENARIO = Scenario(task="slide_block_to_target", seed=1000)


def context(oracle=None, scenario=SCENARIO):
    return EpisodeContext(scenario=scenario, instruction="do it", rng=scenario.rng("agent"), oracle=oracle)


@pytest.mark.parametrize("name", ["expert", "random", "path_lift"])
def test_agents_keep_the_contract(name):
    agent = make_agent(name)
    assert isinstance(agent, Agent)
    assert agent.needs.privileged == (name == "expert")
    with pytest.raises(AgentError, match="reset"):
        agent.act({})


def waypoint(gripper=None):
    return Waypoint(name="w", kind="point", poses=np.zeros((1, 7)), ignore_collisions=False, gripper=gripper)


@dataclass
class LineOracle:
    """Plans three steps that add 0.1 to every joint; remembers when it was asked."""

    solution: tuple
    fails_at: int | None = None
    asked: list = field(default_factory=list)
    arm: float = 0.0

    def preview(self):
        return self.solution

    def waypoint(self, index):
        self.asked.append(index)
        return self.solution[index]

    def plan(self, waypoint):
        if self.fails_at == self.asked[-1]:
            raise PlanningError("path_not_found", "a wall is in the way")
        self.arm += 0.3
        return np.repeat(self.arm - np.array([[0.2], [0.1], [0.0]]), 7, axis=1)


def follow(oracle, lag=0.0, limit=500):
    """All actions of the expert on an arm that ends ``lag`` short of its targets, and why it stopped."""
    agent = make_agent("expert")
    agent.reset(context(oracle))
    actions, joints = [], np.zeros(7)
    for _ in range(limit):
        try:
            actions.append(agent.act({"joint_positions": joints, "joint_velocities": np.zeros(7), "gripper_open": np.ones(1)}))
        except AgentStopped as stop:
            return np.array(actions), stop.reason
        joints = actions[-1][:7] - lag
    raise AssertionError("the expert does not stop")


def test_the_expert_follows_plans_then_moves_the_gripper_then_waits():
    oracle = LineOracle((waypoint(), waypoint(gripper=0.5), waypoint(gripper=1.0)))
    actions, reason = follow(oracle)
    assert reason == "waypoints_done"
    assert oracle.asked == [0, 1, 2]
    hold, end = expert_module.GRIPPER_STEPS, expert_module.FINAL_STEPS
    expected_arm = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, *[0.6] * hold, 0.7, 0.8, 0.9, *[0.9] * hold, *[0.9] * end]
    np.testing.assert_allclose(actions[:, 0], expected_arm, atol=1e-12)
    assert actions[:, 7].tolist() == [1.0] * 6 + [0.5] * (hold + 3) + [1.0] * (hold + end)


def test_the_expert_waits_for_an_arm_that_lags_but_not_for_ever():
    oracle = LineOracle((waypoint(),))
    actions, _ = follow(oracle, lag=0.05)
    assert len(actions) == 3 + expert_module.ARRIVAL_STEPS + expert_module.FINAL_STEPS
    actions, _ = follow(LineOracle((waypoint(),)), lag=0.5 * expert_module.ARRIVAL_TOLERANCE)
    assert len(actions) == 3 + expert_module.FINAL_STEPS


def test_the_expert_says_why_it_could_not_plan():
    actions, reason = follow(LineOracle((waypoint(), waypoint()), fails_at=1))
    assert reason == "planning:path_not_found"
    assert len(actions) == 3


def test_the_expert_keeps_stopping_and_starts_afresh_after_reset():
    agent = make_agent("expert")
    for _ in range(2):
        oracle = LineOracle((waypoint(gripper=0.0),))
        agent.reset(context(oracle))
        first = agent.act({"joint_positions": np.zeros(7), "joint_velocities": np.zeros(7), "gripper_open": np.ones(1)})
        assert first.tolist() == pytest.approx([0.1] * 7 + [1.0])
        for _ in range(60):
            try:
                agent.act({"joint_positions": np.zeros(7), "joint_velocities": np.zeros(7), "gripper_open": np.ones(1)})
            except AgentStopped:
                break
        with pytest.raises(AgentStopped, match="all waypoints"):
            agent.act({"joint_positions": np.zeros(7), "joint_velocities": np.zeros(7), "gripper_open": np.ones(1)})


def test_the_expert_needs_the_oracle():
    with pytest.raises(AgentError, match="oracle"):
        make_agent("expert").reset(context())


def test_random_actions_are_valid_varied_and_repeatable():
    agent = make_agent("random")
    runs = []
    for _ in range(2):
        agent.reset(context())
        runs.append(np.array([validate_action(agent.act({}), "keypose") for _ in range(300)]))
    assert (runs[0] == runs[1]).all()
    positions, flags = runs[0][:, :3], runs[0][:, 7:]
    assert set(np.unique(flags)) == {0.0, 1.0}
    assert (np.ptp(positions, axis=0) > (0.9, 1.1, 0.9)).all()
    approach = matrix_from_quat_xyzw(runs[0][:, 3:7])[:, :, 2]
    assert np.abs(approach.mean(axis=0)).max() < 0.15  # no direction is favoured


# A scene of boxes on a table, seen by a camera placed as the benchmark's front camera: (centre x, y, half sizes x, y, top height).
SIZE = 128


def front_camera():
    pitch = np.deg2rad(25.0)
    x_axis, y_axis = np.array([0.0, 1.0, 0.0]), np.array([np.sin(pitch), 0.0, -np.cos(pitch)])
    T_world_camera = np.eye(4)
    T_world_camera[:3, :3] = np.stack([x_axis, y_axis, np.cross(x_axis, y_axis)], axis=1)
    T_world_camera[:3, 3] = 1.35, 0.0, 1.58
    return Camera(SIZE, SIZE, pinhole_intrinsics(SIZE, SIZE, np.deg2rad(40.0)), T_world_camera)


CAMERA = front_camera()


def depth_of(*boxes):
    """Planar depth (H, W) of the table and boxes, by intersecting every pixel's ray with slabs."""
    v, u = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    rays = CAMERA.rays(np.stack([u.ravel(), v.ravel()], axis=1))
    origin = CAMERA.T_world_camera[:3, 3]
    depth = np.full(len(rays), 4.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        table = (TABLE_HEIGHT - origin[2]) / rays[:, 2]
        depth = np.where((table > 0) & (table < depth), table, depth)
        for x, y, half_x, half_y, height in boxes:
            low = (np.array([x - half_x, y - half_y, TABLE_HEIGHT]) - origin) / rays
            high = (np.array([x + half_x, y + half_y, TABLE_HEIGHT + height]) - origin) / rays
            entry, leave = np.minimum(low, high).max(axis=1), np.maximum(low, high).min(axis=1)
            depth = np.where((entry < leave) & (entry > 0) & (entry < depth), entry, depth)
    return depth.reshape(SIZE, SIZE).astype(np.float32)


def path_through(*stops):
    """The path of world positions with gripper states (x, y, z, open)."""
    stops = np.array(stops)
    return Path2D(CAMERA.project(stops[:, :3])[0] / SIZE, stops[:, 3])


START = (0.28, 0.0, 1.47, 1)


def checked(keyposes):
    assert len(keyposes) <= MAX_KEYPOSES
    rows = np.array([validate_action(keypose, "keypose") for keypose in keyposes])
    approach = matrix_from_quat_xyzw(rows[:, 3:7])[:, :, 2]
    np.testing.assert_allclose(approach, np.tile([0.0, 0.0, -1.0], (len(rows), 1)), atol=1e-9)
    return rows


@pytest.mark.parametrize("long_axis", ["x", "y"])
def test_a_bar_is_picked_across_its_narrow_side_and_put_down_at_the_end_of_the_path(long_axis):
    half = (0.08, 0.02) if long_axis == "x" else (0.02, 0.08)
    depth = depth_of((0.3, -0.15, *half, 0.05))
    path = path_through(START, (0.3, -0.15, TABLE_HEIGHT + 0.04, 0), (0.3, 0.05, 1.0, 0), (0.3, 0.2, TABLE_HEIGHT + 0.04, 1))
    rows = checked(lifted_keyposes(path, depth, CAMERA))
    closing = rows[np.flatnonzero(rows[:, 7] == 0)[0]]
    fingers = matrix_from_quat_xyzw(closing[3:7])[:2, 1]
    assert abs(fingers[1 if long_axis == "x" else 0]) > 0.99
    np.testing.assert_allclose(closing[:3], [0.3, -0.15, TABLE_HEIGHT + 0.03], atol=0.02)
    opening = rows[np.flatnonzero(np.diff(rows[:, 7]) > 0)[-1] + 1]
    np.testing.assert_allclose(opening[:3], [0.3, 0.2, TABLE_HEIGHT + 0.035], atol=0.025)
    assert rows[-1, 7] == 1
    carried = rows[(rows[:, 7] == 0)][1:]
    assert carried[:, 2].min() > TABLE_HEIGHT + 0.08


def test_a_wall_on_the_way_is_passed_above():
    depth = depth_of((0.3, -0.2, 0.02, 0.02, 0.05), (0.3, 0.0, 0.05, 0.01, 0.2))
    path = path_through(START, (0.3, -0.2, TABLE_HEIGHT + 0.04, 0), (0.3, 0.2, TABLE_HEIGHT + 0.04, 1))
    rows = checked(lifted_keyposes(path, depth, CAMERA))
    held = rows[rows[:, 7] == 0]
    over = held[np.abs(held[:, 1] - 0.2) < 0.03]
    assert over[0, 2] > TABLE_HEIGHT + 0.2 + 0.03


def test_what_is_released_above_a_post_goes_over_its_middle():
    post = (0.3, 0.15, 0.0125, 0.0125, 0.12)
    depth = depth_of((0.3, -0.15, 0.02, 0.02, 0.02), post)
    path = path_through(START, (0.3, -0.15, TABLE_HEIGHT + 0.01, 0), (0.3, 0.15, TABLE_HEIGHT + 0.11, 1))
    rows = checked(lifted_keyposes(path, depth, CAMERA))
    opening = rows[np.flatnonzero(np.diff(rows[:, 7]) > 0)[-1] + 1]
    np.testing.assert_allclose(opening[:2], [0.3, 0.15], atol=0.006)
    assert opening[2] == pytest.approx(TABLE_HEIGHT + 0.11, abs=0.01)


def test_closing_on_the_bare_table_is_a_push_along_the_path():
    depth = depth_of((0.3, 0.0, 0.028, 0.028, 0.056))
    path = path_through(START, (0.3, -0.12, TABLE_HEIGHT + 0.02, 0), (0.35, 0.15, TABLE_HEIGHT + 0.02, 0))
    rows = checked(lifted_keyposes(path, depth, CAMERA))
    assert (rows[:, 7] == 0).all()
    np.testing.assert_allclose(rows[1, :3], [0.3, -0.12, TABLE_HEIGHT + 0.02], atol=1e-6)
    np.testing.assert_allclose(rows[2, :3], [0.35, 0.15, TABLE_HEIGHT + 0.02], atol=1e-6)
    assert rows[0, 2] > rows[1, 2] + 0.05


@pytest.mark.parametrize("state", [0, 1])
def test_a_path_that_never_closes_is_followed_with_closed_fingers(state):
    depth = depth_of()
    path = path_through((*START[:3], state), (0.3, -0.12, TABLE_HEIGHT + 0.02, state), (0.35, 0.15, TABLE_HEIGHT + 0.02, state))
    rows = checked(lifted_keyposes(path, depth, CAMERA))
    assert (rows[:, 7] == 0).all()
    np.testing.assert_allclose(rows[1:3, 1], [-0.12, 0.15], atol=1e-6)


def test_the_edge_of_something_large_is_moved_along_the_path_and_let_go():
    depth = depth_of((0.3, -0.1, 0.15, 0.005, 0.2))
    path = path_through(
        START, (0.3, -0.1, TABLE_HEIGHT + 0.18, 0), (0.3, 0.0, TABLE_HEIGHT + 0.25, 0), (0.3, 0.1, TABLE_HEIGHT + 0.2, 1)
    )
    rows = checked(lifted_keyposes(path, depth, CAMERA))
    closing = int(np.flatnonzero(rows[:, 7] == 0)[0])
    np.testing.assert_allclose(rows[closing, :3], [0.3, -0.1, TABLE_HEIGHT + 0.18], atol=0.03)
    # Its height follows the path instead of going straight up and over.
    np.testing.assert_allclose(rows[closing + 1, 1:3], [0.0, TABLE_HEIGHT + 0.25], atol=0.03)
    assert rows[closing + 1, 7] == 0
    assert rows[-1, 7] == 1


@pytest.mark.parametrize("seed", range(20))
def test_any_path_gives_valid_keyposes(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 33))
    depth = depth_of(
        *(np.concatenate([rng.uniform((0.1, -0.3), (0.5, 0.3)), rng.uniform(0.005, 0.1, 2), [0.1]]) for _ in range(3))
    )
    keyposes = lifted_keyposes(Path2D(rng.random((n, 2)), rng.random(n) < 0.5), depth, CAMERA)
    if keyposes:
        checked(keyposes)


def observation_with(path, depth):
    rows, mask = path_to_arrays(path)
    return {
        "path": rows,
        "path_mask": mask,
        "front_depth": depth,
        "front_intrinsics": CAMERA.intrinsics,
        "front_extrinsics": CAMERA.T_world_camera,
    }


def test_path_lift_executes_its_first_observation_and_stops():
    depth = depth_of((0.3, 0.0, 0.028, 0.028, 0.056))
    path = path_through(START, (0.3, -0.12, TABLE_HEIGHT + 0.02, 0), (0.35, 0.15, TABLE_HEIGHT + 0.02, 0))
    agent = make_agent("path_lift")
    for _ in range(2):
        agent.reset(context())
        expected = lifted_keyposes(path, depth, CAMERA)
        acted = [agent.act(observation_with(path, depth))]
        acted += [agent.act(observation_with(None, depth)) for _ in expected[1:]]
        np.testing.assert_allclose(acted, expected, atol=1e-6)
        with pytest.raises(AgentStopped) as stop:
            agent.act(observation_with(None, depth))
        assert stop.value.reason == "path_done"


def test_path_lift_without_a_path():
    agent = make_agent("path_lift")
    agent.reset(context())
    with pytest.raises(AgentStopped) as stop:
        agent.act(observation_with(None, depth_of()))
    assert stop.value.reason == "no_path"
    with pytest.raises(AgentError, match="PathPoints"):
        agent.act({"front_depth": depth_of()})


def test_resting_places_are_on_the_ray_and_on_the_support():
    surface = Surface(depth_of((0.3, 0.0, 0.1, 0.1, 0.1)), CAMERA)
    target = np.array([0.3, 0.0, TABLE_HEIGHT + 0.15])
    place = surface.resting_place(CAMERA.project(target)[0][0], 0.05)
    np.testing.assert_allclose(place, target, atol=0.02)
    np.testing.assert_allclose(CAMERA.project(place)[0], CAMERA.project(target)[0], atol=1e-6)
    assert surface.resting_place((64.0, 1.0), 0.05) is None  # above the horizon of the workspace


@pytest.mark.parametrize("task", ["slide_block_to_target", "close_box", "stack_cups"])
def test_on_the_real_scene_the_lifted_path_reaches_the_goal(task):
    env = PathPoints(gymnasium.make(f"hamster_bench/{task}-v0"), "oracle")
    agent, successes = make_agent("path_lift"), 0
    for episode in range(3):
        scenario = Scenario(task=task, episode=episode, seed=1000)
        observation, _ = env.reset(options={"scenario": scenario})
        agent.reset(context(scenario=scenario))
        for _ in range(MAX_KEYPOSES):
            try:
                observation, _, terminated, _, _ = env.step(agent.act(observation))
            except AgentStopped:
                break
            if terminated:
                successes += 1
                break
    env.close()
    assert successes >= 2


@pytest.mark.parametrize("task", ["slide_block_to_target", "close_box", "insert_onto_square_peg", "stack_cups"])
def test_on_the_real_scene_the_expert_solves_the_task(task):
    env = gymnasium.make(f"hamster_bench/{task}-v0", cameras=(), action_mode="joint_position")
    agent = make_agent("expert")
    for episode in range(2):
        scenario = Scenario(task=task, episode=episode, seed=1000)
        observation, _ = env.reset(options={"scenario": scenario})
        agent.reset(context(env.unwrapped.oracle, scenario))
        terminated = False
        while not terminated:
            observation, _, terminated, _, _ = env.step(agent.act(observation))
    env.close()
