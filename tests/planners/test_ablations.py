"""The planners of the ablations: noise, wrong path, paths from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import hamster_bench  # noqa: F401 - registers the environments
from hamster_bench.envs.mujoco.simulation import Simulation
from hamster_bench.envs.tasks import TASKS
from hamster_bench.envs.wrappers import PathPoints
from hamster_bench.errors import InvalidOptionError, InvalidScenarioError, PlacementError, PlannerError
from hamster_bench.paths import Path2D
from hamster_bench.planners import PlannerContext, Proposal, make_planner
from hamster_bench.scenario import Scenario
from tests.planners.test_planners import FakeOracle, context, waypoint

IMAGE = np.zeros((100, 200, 3), np.uint8)
SOLUTION = (waypoint((-0.3, 0.2, 0.2), gripper=0.0), waypoint((0.3, -0.2, 0.2), gripper=1.0), waypoint((0.1, 0.1, 0.5)))
TASK = "slide_block_to_target"


def test_noise_has_the_given_deviation_and_leaves_states_alone() -> None:
    oracle = make_planner("oracle").propose(IMAGE, "do it", context(SOLUTION))
    assert isinstance(oracle, Path2D)
    planner = make_planner("oracle_noisy:std=0.02")
    moved = []
    for episode in range(400):
        scenario = Scenario(task=TASK, episode=episode)
        path = planner.propose(IMAGE, "do it", context(SOLUTION, scenario=scenario, rng=scenario.rng("planner")))
        assert isinstance(path, Path2D)
        assert path.gripper_open.tolist() == oracle.gripper_open.tolist()
        moved.append(path.points - oracle.points)
    differences = np.concatenate(moved)
    # 3200 draws: five standard errors.
    assert np.abs(differences.mean(axis=0)).max() < 5 * 0.02 / np.sqrt(len(differences))
    assert abs(differences.std() - 0.02) < 5 * 0.02 / np.sqrt(2 * differences.size)


def test_noise_is_the_scenarios_own_and_stays_in_the_image() -> None:
    planner = make_planner("oracle_noisy:std=3")
    first, again = (planner.propose(IMAGE, "do it", context(SOLUTION)) for _ in range(2))
    assert first == again
    assert isinstance(first, Path2D)
    assert first.points.min() == 0.0
    assert first.points.max() == 1.0
    assert make_planner("oracle_noisy:std=0").propose(IMAGE, "do it", context(SOLUTION)) == make_planner("oracle").propose(
        IMAGE, "do it", context(SOLUTION)
    )


class OtherOracle(FakeOracle):
    """Knows the solutions of other scenarios; the first draws may have none."""

    def __init__(self, refusals: int = 0) -> None:
        super().__init__(SOLUTION)
        self.refusals = refusals
        self.asked: list[Scenario] = []

    def preview(self) -> Any:
        raise AssertionError("the running episode's own path is the right one")

    def preview_of(self, scenario: Scenario) -> Any:
        self.asked.append(scenario)
        if len(self.asked) <= self.refusals:
            raise PlacementError("no layout")
        return SOLUTION


def test_a_wrong_path_is_that_of_another_episode_and_the_same_in_both_arms() -> None:
    chosen = []
    for scenario in (Scenario(task=TASK, variation=1, episode=3), Scenario(task=TASK, variation=1, episode=3, factor="rlb_var")):
        oracle = OtherOracle()
        given = context(SOLUTION, scenario=scenario, rng=scenario.rng("planner"), oracle=oracle)
        proposed = make_planner("wrong").propose(IMAGE, "do it", given)
        (other,) = oracle.asked
        assert isinstance(proposed, Proposal)
        assert proposed.record == {"path_of": other.id}
        assert proposed.path == make_planner("oracle").propose(IMAGE, "do it", context(SOLUTION))
        assert (other.task, other.variation, other.factor, other.seed) == (TASK, 1, scenario.factor, 0)
        assert other.episode != 3
        chosen.append(other.episode)
    assert chosen[0] == chosen[1]


def test_a_planner_that_is_asked_again_stays_with_its_scene() -> None:
    oracle = OtherOracle()
    given = context(SOLUTION, oracle=oracle)
    for _ in range(2):
        make_planner("wrong").propose(IMAGE, "do it", given)
    assert oracle.asked[0] == oracle.asked[1]


def test_scenes_that_cannot_be_arranged_are_drawn_again_but_not_for_ever() -> None:
    assert make_planner("wrong").propose(IMAGE, "do it", context(SOLUTION, oracle=OtherOracle(refusals=3))) is not None
    with pytest.raises(PlannerError, match="none has a valid layout"):
        make_planner("wrong").propose(IMAGE, "do it", context(SOLUTION, oracle=OtherOracle(refusals=99)))


def test_looking_at_another_scenario_leaves_the_running_episode_alone() -> None:
    env = gymnasium.make(f"hamster_bench/{TASK}-v0", cameras=(), action_mode="joint_position").unwrapped
    assert isinstance(env, gymnasium.Env)
    actions = np.random.default_rng(0).uniform(-0.02, 0.02, size=(12, 8))
    ends = []
    for look in (False, True):
        observation, _ = env.reset(options={"scenario": f"{TASK}-v0-no_var-e0-s0"})
        for i, action in enumerate(actions):
            if look and i in (0, 6):
                before = env.state()
                waypoints = env.oracle.preview()
                others = env.oracle.preview_of(Scenario(task=TASK, episode=77))
                assert env.state().tobytes() == before.tobytes()
                assert all(np.array_equal(a.poses, b.poses) for a, b in zip(env.oracle.preview(), waypoints, strict=True))
                assert not np.allclose(others[-1].poses[0, :3], waypoints[-1].poses[0, :3], atol=1e-3)
                other = Simulation(TASKS.get(TASK), "attach")
                other.reset(Scenario(task=TASK, episode=77))
                assert all(np.array_equal(w.poses, other.solution_poses(k)) for k, w in enumerate(others))
            env.step(np.concatenate([observation["joint_positions"], [1.0]]) + action * [1, 1, 1, 1, 1, 1, 1, 0])
        ends.append(env.state().tobytes())
    assert ends[0] == ends[1]
    for scenario in (Scenario(task="close_box"), Scenario(task=TASK, variation=TASKS.get(TASK).variation_count)):
        with pytest.raises(InvalidScenarioError):
            env.oracle.preview_of(scenario)
    env.close()


def test_a_wrong_path_in_the_real_environment_is_no_path_of_this_scene() -> None:
    paths = {}
    for planner in ("oracle", "wrong"):
        env = PathPoints(gymnasium.make(f"hamster_bench/{TASK}-v0", image_size=64), planner=planner)
        _, info = env.reset(options={"scenario": f"{TASK}-v0-no_var-e0-s0"})
        assert info["path_error"] is None
        paths[planner] = info["path"]
        env.close()
    right, wrong = paths["oracle"].points[-1], paths["wrong"].points[-1]
    assert np.linalg.norm(right - wrong) > 0.01


def file_planner(directory: Path, content: object) -> Any:
    file = directory / "paths.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return make_planner(f'file:path="{file}"')


def of_episode(episode: int) -> PlannerContext:
    return context(scenario=Scenario(task=TASK, episode=episode))


def test_paths_come_from_a_file(tmp_path: Path) -> None:
    path = Path2D([(0.1, 0.2), (0.3, 0.4)], [True, False])
    ids = [Scenario(task=TASK, episode=episode).id for episode in range(3)]
    written = {ids[0]: json.loads(path.to_json()), ids[1]: "<ans>[(0.1, 0.2), (0.5, 0.6)]</ans>", ids[2]: None}
    planner = file_planner(tmp_path, written)
    assert planner.propose(IMAGE, "do it", of_episode(0)) == path
    assert planner.propose(IMAGE, "do it", of_episode(1)) == Path2D([(0.1, 0.2), (0.5, 0.6)], [False, False])
    assert planner.propose(IMAGE, "do it", of_episode(2)) is None
    with pytest.raises(PlannerError, match=f"no entry for scenario {TASK}-v0-no_var-e9-s0") as caught:
        planner.propose(IMAGE, "do it", of_episode(9))
    assert caught.value.record == {"verdict": "no_entry"}
    with pytest.raises(PlannerError, match="picture"):
        planner.propose(IMAGE, "do it", PlannerContext.of_picture(IMAGE, "do it"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no JSON file"),
        ("[" * 100_000, "no JSON file"),
        ([], "holds a list"),
        ({"close the box": None}, "not a scenario id"),
        ({f"{TASK}-v0-no_var-e0-s0": {"points": [[2, 0]], "gripper_open": [1]}}, r"e0-s0: .*\[0, 1\]"),
        ({f"{TASK}-v0-no_var-e0-s0": "somewhere left"}, "e0-s0: .*no points"),
        ({f"{TASK}-v0-no_var-e0-s0": 7}, "e0-s0"),
        (f'{{"{TASK}-v0-no_var-e0-s0": null, "{TASK}-v0-no_var-e0-s0": null}}', "twice"),
    ],
)
def test_files_of_anything_else_are_refused(content: object, said: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionError, match=said):
        file_planner(tmp_path, content)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionError, match="No such file"):
        make_planner(f"file:path={tmp_path}/none.json")
    with pytest.raises(InvalidOptionError, match="directory"):
        make_planner(f"file:path={tmp_path}")
    (tmp_path / "x.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidOptionError, match="cannot be read"):
        make_planner(f"file:path={tmp_path}/x.json")
