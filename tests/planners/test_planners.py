"""Path planners: look-up, and the oracle against a solution written by hand."""

from dataclasses import dataclass

import numpy as np
import pytest

from hamster_bench.errors import PathError, UnknownNameError
from hamster_bench.geometry import Camera, pinhole_intrinsics
from hamster_bench.oracle import Waypoint
from hamster_bench.planners import PLANNERS, PathPlanner, PlannerContext, make_planner
from hamster_bench.planners.oracle import gripper_track
from hamster_bench.scenario import Scenario

DOWN = (0.0, 1.0, 0.0, 0.0)
IMAGE = np.zeros((100, 200, 3), np.uint8)


def waypoint(*positions, gripper=None, kind="point"):
    poses = np.array([[*position, *DOWN] for position in positions])
    return Waypoint(name="waypoint", kind=kind, poses=poses, ignore_collisions=False, gripper=gripper)


@dataclass
class FakeOracle:
    solution: tuple

    def preview(self):
        return self.solution

    def preview_of(self, scenario):
        raise AssertionError("the oracle's path is that of the running episode")

    def waypoint(self, index):
        raise AssertionError("a planner looks at the preview alone")

    def plan(self, waypoint):
        raise AssertionError("a planner plans no motion")


def overhead_camera():
    # Looks straight down from 2 m: image x is world x, image y is minus world y.
    T_world_camera = np.diag([1.0, -1.0, -1.0, 1.0])
    T_world_camera[:3, 3] = 0.0, 0.0, 2.0
    return Camera(200, 100, pinhole_intrinsics(200, 100, np.deg2rad(60.0)), T_world_camera)


def context(solution=None, **changes):
    scenario = Scenario(task="slide_block_to_target", seed=1000)
    fields = {
        "scenario": scenario,
        "rng": scenario.rng("planner"),
        "camera": overhead_camera(),
        "gripper_pose": np.array([0.0, 0.0, 1.0, *DOWN]),
        "gripper_open": True,
        "oracle": None if solution is None else FakeOracle(solution),
    }
    return PlannerContext(**(fields | changes))


# What planners cannot be made without.
NEEDED = {"file": "path={file}", "openai": "model=any,key_env=", "code_as_policies": "model=any,key_env="}
# Packages beyond those that tests bring.
PACKAGES = {"code_as_policies": ("torch", "transformers", "scipy")}


@pytest.mark.parametrize("name", PLANNERS.names())
def test_every_planner_keeps_the_contract(name, tmp_path):
    for package in PACKAGES.get(name, ()):
        pytest.importorskip(package, reason=f"{name} needs {package}")
    file = tmp_path / "paths.json"
    file.write_text("{}")
    planner = make_planner(f"{name}:{NEEDED[name].format(file=file)}" if name in NEEDED else name)
    assert isinstance(planner, PathPlanner)


def test_unknown_planners_get_a_suggestion():
    with pytest.raises(UnknownNameError, match="Did you mean: oracle"):
        make_planner("oracel")


def test_none_has_no_path():
    planner = make_planner("none")
    assert not planner.privileged
    assert planner.propose(IMAGE, "do it", context()) is None


def test_the_oracle_path_goes_through_the_projected_waypoints():
    solution = (
        waypoint((-0.5, 0.3, 0.8)),
        waypoint((-0.5, 0.3, 0.2), gripper=0.0),
        waypoint((0.5, -0.3, 0.2), gripper=1.0),
    )
    planner = make_planner("oracle")
    assert planner.privileged
    given = context(solution)
    path = planner.propose(IMAGE, "do it", given)
    stops = np.array([(0.0, 0.0, 1.0), (-0.5, 0.3, 0.8), (-0.5, 0.3, 0.2), (0.5, -0.3, 0.2)])
    expected = given.camera.project(stops)[0] / (200, 100)
    np.testing.assert_allclose(path.points, expected, atol=1e-9)
    assert path.gripper_open.tolist() == [True, True, False, True]


def test_path_waypoints_are_followed_through_all_their_poses():
    around = [(0.4 * np.cos(a), 0.4 * np.sin(a), 0.2) for a in np.linspace(0.0, np.pi, 9)]
    path = make_planner("oracle").propose(IMAGE, "do it", context((waypoint(*around, kind="path"),)))
    camera = overhead_camera()
    top = camera.project([[0.0, 0.4, 0.2]])[0] / (200, 100)
    assert np.linalg.norm(path.points - top, axis=1).min() < 1e-9


def test_a_half_closed_gripper_counts_as_closed_and_none_keeps_the_state():
    solution = (waypoint((0.2, 0.0, 0.5), gripper=0.5), waypoint((0.4, 0.0, 0.5)), waypoint((0.6, 0.0, 0.5), gripper=0.51))
    positions, states = gripper_track(solution, np.zeros(3), True)
    ends = [int(np.argmin(np.linalg.norm(positions - w.poses[-1, :3], axis=1))) for w in solution]
    assert [bool(states[i]) for i in ends] == [False, False, True]
    assert states[: ends[0]].all()
    assert not states[ends[0] : ends[2]].any()
    assert np.linalg.norm(np.diff(positions, axis=0), axis=1).max() <= 0.02 + 1e-12


def test_a_gripper_command_without_motion_stays_a_point_of_its_own():
    solution = (waypoint((0.3, 0.0, 0.5), gripper=0.0), waypoint((0.3, 0.0, 0.5), gripper=1.0))
    path = make_planner("oracle").propose(IMAGE, "do it", context(solution))
    assert path.gripper_open.tolist() == [True, False, True]


@pytest.mark.parametrize("missing", ["oracle", "camera", "gripper_pose", "gripper_open"])
def test_the_oracle_says_what_it_lacks(missing):
    given = context((waypoint((0.3, 0.0, 0.5)),), **{missing: None})
    with pytest.raises(PathError, match=missing):
        make_planner("oracle").propose(IMAGE, "do it", given)


def test_a_motion_out_of_sight_is_an_error():
    given = context((waypoint((5.0, 5.0, 1.0)),), gripper_pose=np.array([4.0, 4.0, 1.0, *DOWN]))
    with pytest.raises(PathError, match="visible"):
        make_planner("oracle").propose(IMAGE, "do it", given)
