"""Ring and pillars against an independent table of the original's measures, their colours, and both sides of success."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
import pytest

from hamster_bench.envs.colors import COLORS
from hamster_bench.envs.task import DetectedCondition
from hamster_bench.envs.tasks import TASKS
from tests.envs.tasks.editor import Editor
from tests.envs.tasks.episodes import assert_stays_at_rest, moved, pose_in_base, solve, start
from tests.envs.tasks.recordings import needs_recordings, recorded_scene
from tests.envs.tasks.stored_scene import StoredScene, scene_on_table

NAME = "insert_onto_square_peg"
PILLAR_X = {"pillar0": -0.125, "pillar1": 0.0, "pillar2": 0.125}
PILLAR_Y = -0.075

BODIES = {
    "square_base": (0.0, PILLAR_Y, 0.01),
    "pillar0": (-0.125, PILLAR_Y, 0.08),
    "pillar1": (0.0, PILLAR_Y, 0.08),
    "pillar2": (0.125, PILLAR_Y, 0.08),
    "square_ring": (0.05, 0.05, 0.008),
    "success_centre": (0.125, PILLAR_Y, 0.0),
}
MASSES = {"square_ring": 0.02, "square_base": 0.8, "pillar0": 0.075, "pillar1": 0.075, "pillar2": 0.075}
BOXES = {
    "square_base_collision": (0.4, 0.1, 0.02),
    "pillar0_collision": (0.025, 0.025, 0.12),
    "pillar1_collision": (0.025, 0.025, 0.12),
    "pillar2_collision": (0.025, 0.025, 0.12),
}
ALONG_Y, ALONG_X = (0.7071, 0.7071, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0)
WAYPOINTS = {
    "waypoint0": ("square_ring", (0.05, 0.05, 0.108), ALONG_Y, "open_gripper()"),
    "waypoint1": ("square_ring", (0.05, 0.05, 0.007), ALONG_Y, "close_gripper()"),
    "waypoint2": ("square_ring", (0.05, 0.05, 0.220), ALONG_Y, "ignore_collisions"),
    "waypoint3": ("success_centre", (0.125, PILLAR_Y, 0.217), ALONG_X, ""),
    "waypoint4": ("success_centre", (0.125, PILLAR_Y, 0.129), ALONG_X, "open_gripper()"),
}
VOLUMES = {
    "success_detector0": ("success_centre", (0.125, -0.055, 0.025), (0.04, 0.01, 0.05)),
    "success_detector1": ("success_centre", (0.125, -0.098, 0.025), (0.04, 0.01, 0.05)),
    "success_detector2": ("success_centre", (0.105, -0.080, 0.025), (0.01, 0.04, 0.05)),
    "success_detector3": ("success_centre", (0.145, -0.080, 0.025), (0.01, 0.04, 0.05)),
}
AREAS = {
    "boundary0": ((0.0, 0.1, 0.002), (0.4, 0.2)),
    "spawn_boundary0": ((0.0, 0.3, 0.0), (0.5, 0.2)),
    "spawn_boundary1": ((-0.025, -0.3, 0.0), (0.5, 0.2)),
}


class TestScene:
    def test_ring_pillars_and_base(self, scene: StoredScene) -> None:
        scene.check_bodies(BODIES)
        scene.check_masses(MASSES)
        scene.check_boxes(BOXES)
        assert scene.free_bodies() == {"square_ring"}
        low, high = scene.solid_extent("square_ring")
        assert high - low == pytest.approx((0.05, 0.05, 0.01), abs=1e-6)

    def test_what_is_seen_has_the_size_of_what_collides(self, scene: StoredScene) -> None:
        for body in ("square_base", "pillar0"):
            assert np.ptp(scene.corners(f"{body}_visual"), axis=0) == pytest.approx(BOXES[f"{body}_collision"], abs=2e-5), body

    def test_waypoints(self, scene: StoredScene) -> None:
        scene.check_waypoints(WAYPOINTS)

    def test_volumes_and_areas(self, scene: StoredScene) -> None:
        scene.check_volumes(VOLUMES)
        scene.check_areas(AREAS, (-0.275, 0.25, -0.4, 0.4))

    @needs_recordings
    def test_waypoints_and_pillars_are_the_recorded_ones(self, scene: StoredScene) -> None:
        recorded = recorded_scene(NAME)
        for name, (carrier, *_) in WAYPOINTS.items():
            position, turn = recorded.seen_from(carrier, name)
            assert scene.data.site(name).xpos - scene.data.body(carrier).xpos == pytest.approx(position, abs=1.5e-3), name
            assert np.trace(scene.data.site(name).xmat.reshape(3, 3).T @ turn) > 3 - 1e-3, name
        for name in ("square_base", *PILLAR_X):
            assert scene.data.body(name).xpos == pytest.approx(recorded.seen_from(NAME, name)[0], abs=1.5e-3), name

    def test_task(self, scene: StoredScene) -> None:
        task = scene.task
        assert task.success == tuple(DetectedCondition("square_ring", f"success_detector{i}") for i in range(4))
        assert (task.variation_count, task.graspable, task.manipulated) == (20, ("square_ring",), ("square_ring",))
        assert task.receiver == tuple(PILLAR_X)
        assert task.base_rotation == (-3.14, 3.14)
        for variation, color in ((0, "red"), (10, "gray")):
            assert task.instructions(variation) == (
                f"put the ring on the {color} spoke",
                f"slide the ring onto the {color} colored spoke",
                f"place the ring onto the {color} spoke",
            )


class TestLayout:
    def test_the_target_pillar_is_any_of_the_three_whatever_the_variation(self) -> None:
        task = TASKS.get(NAME)
        chosen = []
        for seed in range(60):
            places = []
            for variation in (0, 7):
                editor = Editor.of(BODIES)
                task.arrange(editor, variation, np.random.default_rng(seed))
                places.append(tuple(editor.poses["success_centre"]))
                assert editor.samples == [("square_ring", "boundary0", (-3.14, 3.14), 0.01)]
            assert places[0] == places[1]
            assert places[0][1:] == (PILLAR_Y, 0.0, 0.0, 0.0, 0.0, 1.0)
            chosen.append(places[0][0])
        counts = [chosen.count(x) for x in PILLAR_X.values()]
        assert sum(counts) == 60
        assert min(counts) >= 8

    @pytest.mark.parametrize("variation", range(20))
    def test_the_target_pillar_has_the_named_colour_and_the_others_two_different_ones(self, variation: int) -> None:
        task = TASKS.get(NAME)
        for seed in range(10):
            editor = Editor.of(BODIES)
            task.arrange(editor, variation, np.random.default_rng(seed))
            task.paint(editor, variation, np.random.default_rng(seed + 100))
            target = next(name for name, x in PILLAR_X.items() if x == editor.poses["success_centre"][0])
            assert editor.colors[target] == COLORS[variation][1]
            assert set(editor.colors) == set(PILLAR_X)
            assert len(set(editor.colors.values())) == 3


class TestBehaviour:
    @pytest.mark.parametrize("pillar", sorted(PILLAR_X))
    def test_a_ring_let_go_above_a_pillar_slides_down_to_the_base(self, pillar: str) -> None:
        scene = scene_on_table(NAME)
        ring, top = scene.data.joint("square_ring"), scene.data.body(pillar).xpos
        ring.qpos[:3] = top + np.array([0.001, -0.0012, 0.05])
        ring.qpos[3:] = [math.cos(0.02), 0.0, 0.0, math.sin(0.02)]
        for _ in range(500):
            mujoco.mj_step(scene.model, scene.data)
        assert ring.qpos[:3] == pytest.approx(top + np.array([0.0, 0.0, -0.055]), abs=3e-3)

    def test_everything_stays_at_rest_after_a_reset(self, env: Any) -> None:
        start(env)
        assert_stays_at_rest(env, ("square_ring",), 2e-3)

    # About the target pillar, 50 mm wide and bars of 10 mm; each of the first four pairs leaves one of the four volumes.
    @pytest.mark.parametrize(
        ("offset", "inside"),
        [
            ((0.0, -0.0095, 0.03), True),
            ((0.0, -0.0105, 0.03), False),
            ((0.0, 0.0065, 0.03), True),
            ((0.0, 0.0075, 0.03), False),
            ((0.0095, 0.0, 0.03), True),
            ((0.0105, 0.0, 0.03), False),
            ((-0.0095, 0.0, 0.03), True),
            ((-0.0105, 0.0, 0.03), False),
            # The volumes end 50 mm above the base frame.
            ((0.0, 0.0, 0.0545), True),
            ((0.0, 0.0, 0.0555), False),
        ],
    )
    def test_the_ring_must_reach_into_all_four_volumes(self, env: Any, offset: tuple[float, ...], inside: bool) -> None:
        start(env)
        pillar = pose_in_base(env, "success_centre")[0]
        with moved(env, "square_ring", pillar + offset, along_base=True) as simulation:
            assert simulation.success() is inside

    def test_only_the_target_pillar_counts(self, env: Any) -> None:
        start(env, variation=4)
        target = pose_in_base(env, "success_centre")[0][0]
        for x in PILLAR_X.values():
            with moved(env, "square_ring", (x, PILLAR_Y, 0.025), along_base=True) as simulation:
                assert simulation.success() == (abs(x - target) < 1e-6)

    def test_the_expert_puts_it_over_the_pillar(self, env: Any) -> None:
        assert solve(env, start(env, episode=1))
