"""The cups against an independent table of the original's measures, how they nest, their colours, and both sides of success."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
import pytest

from hamster_bench.envs.colors import COLORS
from hamster_bench.envs.task import DetectedCondition, NothingGrasped
from hamster_bench.envs.tasks import TASKS
from tests.envs.tasks.editor import Editor
from tests.envs.tasks.episodes import assert_stays_at_rest, held, moved, pose_in_base, solve, start
from tests.envs.tasks.recordings import matrix, needs_recordings, recorded_scene
from tests.envs.tasks.stored_scene import StoredScene, scene_on_table

NAME = "stack_cups"
CUPS = ("cup1", "cup2", "cup3")
# From the recorded position of a cup to the middle of its foot.
FOOT = np.array([-0.0075, -0.003, -0.0714])
# From the recorded position of the base cup to the middle of the volume, a cylinder 40 mm wide and 100 mm high.
VOLUME = np.array([-0.006, -0.002, -0.011])
# How much higher a cup inside another stands.
NESTED = np.array([0.0, 0.0, 0.019])

BODIES = {"cup1": (0.0121, 0.2059, 0.070), "cup2": (0.0121, 0.0049, 0.070), "cup3": (0.0121, -0.2051, 0.070)}
MASSES = {"cup1": 0.05323, "cup2": 0.05323, "cup3": 0.05323}
DOWN = (0.0, 1.0, 0.0, 0.0)
RELEASE = "open_gripper(); ignore_collisions"
WAYPOINTS = {
    "waypoint0": ("cup1", (0.0091, 0.2459, 0.1880), DOWN, ""),
    "waypoint1": ("cup1", (0.0091, 0.2459, 0.1201), DOWN, "close_gripper()"),
    "waypoint2": ("cup1", (0.0091, 0.2459, 0.2941), DOWN, "ignore_collisions"),
    "waypoint3": ("cup2", (0.0091, 0.0449, 0.3171), DOWN, ""),
    "waypoint4": ("cup2", (0.0091, 0.0449, 0.2171), DOWN, RELEASE),
    "waypoint5": ("cup3", (0.0091, -0.1651, 0.1880), DOWN, ""),
    "waypoint6": ("cup3", (0.0091, -0.1651, 0.1201), DOWN, "close_gripper()"),
    "waypoint7": ("cup3", (0.0091, -0.1651, 0.2941), DOWN, "ignore_collisions"),
    "waypoint8": ("cup2", (0.0091, 0.0449, 0.3171), DOWN, ""),
    "waypoint9": ("cup2", (0.0091, 0.0449, 0.2171), DOWN, RELEASE),
}
AREAS = {"boundary": ((-0.008, -0.001, -0.002), (0.4, 0.6)), "spawn_boundary0": ((-0.025, 0.0, 0.0), (0.5, 0.7))}


class TestScene:
    def test_cups(self, scene: StoredScene) -> None:
        scene.check_bodies(BODIES)
        scene.check_masses(MASSES)
        assert scene.free_bodies() == set(CUPS)

    def test_waypoints(self, scene: StoredScene) -> None:
        scene.check_waypoints(WAYPOINTS)

    def test_volume_and_areas(self, scene: StoredScene) -> None:
        scene.check_volumes({"success": ("cup2", (0.006, 0.003, 0.059), (0.02, 0.1))})
        scene.check_areas(AREAS, (-0.275, 0.225, -0.35, 0.35))

    @needs_recordings
    def test_waypoints_lie_about_the_cups_as_recorded(self, scene: StoredScene) -> None:
        recorded = recorded_scene(NAME)
        # The original's cups have tilted frames, so directions are compared in the task base.
        for name, (carrier, *_) in WAYPOINTS.items():
            position, turn = recorded.seen_from(NAME, name)
            offset = position - recorded.seen_from(NAME, carrier)[0]
            assert scene.data.site(name).xpos - scene.data.body(carrier).xpos == pytest.approx(offset, abs=1.5e-3), name
            assert np.trace(scene.data.site(name).xmat.reshape(3, 3).T @ turn) > 3 - 1e-3, name

    @needs_recordings
    def test_the_cup_fills_the_recorded_box(self, scene: StoredScene) -> None:
        recorded = recorded_scene(NAME)
        vertices = recorded.poses["cup1"][:3] + scene.corners("cup1_visual") @ matrix(recorded.poses[NAME][3:]).T
        seen = recorded.poses["cup1_visual"]
        local = (vertices - seen[:3]) @ matrix(seen[3:])
        assert np.array([local.min(axis=0), local.max(axis=0)]) == pytest.approx(recorded.boxes["cup1_visual"], abs=2.5e-3)

    def test_task(self, scene: StoredScene) -> None:
        task = scene.task
        assert task.success == (DetectedCondition("cup1", "success"), DetectedCondition("cup3", "success"), NothingGrasped())
        assert (task.variation_count, task.graspable, task.manipulated) == (20, CUPS, CUPS)
        assert task.base_rotation == (-3.14, 3.14)
        assert task.instructions(5) == (
            "stack the other cups on top of the navy cup",
            "place two of the cups onto the odd cup out",
            "put the remaining two cups on top of the navy cup",
            "pick up and set the cups down into the navy cup",
            "create a stack of cups with the navy cup as its base",
            "keeping the navy cup on the table, stack the other two onto it",
        )


class TestLayout:
    def test_cups_are_dealt_to_the_three_slots_in_all_orders(self) -> None:
        task = TASKS.get(NAME)
        slots = sorted(position[1] for position in BODIES.values())
        orders = set()
        for seed in range(60):
            editor = Editor.of(BODIES)
            task.arrange(editor, 0, np.random.default_rng(seed))
            order = tuple(float(editor.poses[cup][1]) for cup in CUPS)
            assert sorted(order) == slots
            orders.add(order)
        assert len(orders) == 6

    def test_the_base_cup_has_the_named_colour_and_the_others_any_other(self) -> None:
        task = TASKS.get(NAME)
        alike = 0
        for seed in range(200):
            editor = Editor.of(BODIES)
            task.paint(editor, seed % 20, np.random.default_rng(seed))
            target = COLORS[seed % 20][1]
            assert editor.colors["cup2_visual"] == target
            assert target not in (editor.colors["cup1_visual"], editor.colors["cup3_visual"])
            alike += editor.colors["cup1_visual"] == editor.colors["cup3_visual"]
        # One in nineteen on average.
        assert 1 <= alike <= 30


class TestBehaviour:
    @pytest.mark.parametrize(("dx", "dy", "yaw"), [(0.0, 0.0, 0.0), (0.003, -0.002, 0.7), (-0.002, 0.003, -2.0)])
    def test_cups_let_go_above_each_other_nest_within_the_volume(self, dx: float, dy: float, yaw: float) -> None:
        scene = scene_on_table(NAME)
        data = scene.data
        axis = FOOT * (1.0, 1.0, 0.0)
        turn = np.array([[math.cos(yaw), -math.sin(yaw), 0.0], [math.sin(yaw), math.cos(yaw), 0.0], [0.0, 0.0, 1.0]])
        for cup in ("cup1", "cup3"):
            joint = data.joint(cup)
            joint.qpos[:3] = data.joint("cup2").qpos[:3] + axis - turn @ axis + [dx, dy, 0.097]
            joint.qpos[3:] = [math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)]
            joint.qvel[:] = 0.0
            for _ in range(600):
                mujoco.mj_step(scene.model, data)
        volume = data.site("success").xpos
        for rank, cup in enumerate(("cup1", "cup3"), start=1):
            body = data.body(cup)
            assert math.degrees(math.acos(min(1.0, body.xmat[8]))) < 2.0
            assert body.xpos[2] - data.body("cup2").xpos[2] == pytest.approx(0.019 * rank, abs=2e-3)
            foot = data.geom(f"{cup}_foot").xpos
            assert np.linalg.norm(foot[:2] - volume[:2]) < 0.02
            assert abs(foot[2] - volume[2]) < 0.05
        assert np.abs(data.qvel).max() < 0.01

    def test_the_cups_stay_at_rest_after_a_reset(self, env: Any) -> None:
        start(env)
        assert_stays_at_rest(env, CUPS, 2e-3)

    @pytest.mark.parametrize("cup", ["cup1", "cup3"])
    @pytest.mark.parametrize(("gap", "inside"), [(5e-4, False), (-5e-4, True)])
    def test_both_cups_must_reach_into_the_volume_from_above(self, env: Any, cup: str, gap: float, inside: bool) -> None:
        start(env)
        base = pose_in_base(env, "cup2")[0]
        other = "cup3" if cup == "cup1" else "cup1"
        # The middle of the foot on the upper face of the volume.
        just_above = base + VOLUME + (0.0, 0.0, 0.05 + gap) - FOOT
        with moved(env, other, base + NESTED, along_base=True) as simulation:
            assert not simulation.success()
            with moved(env, cup, just_above, along_base=True):
                assert simulation.success() is inside

    def test_a_cup_beside_the_base_cup_does_not_count(self, env: Any) -> None:
        start(env)
        base = pose_in_base(env, "cup2")[0]
        # Beside each other both stand on their feet; 110.4 mm above them, where the volume ends, a cup is 42.3 mm in radius.
        beside = base + (VOLUME - FOOT) * (1.0, 1.0, 0.0)
        with moved(env, "cup1", base + NESTED, along_base=True) as simulation:
            for distance, inside in ((0.02 + 0.0423 - 5e-4, True), (0.02 + 0.0423 + 5e-4, False)):
                with moved(env, "cup3", beside + np.array([0.0, distance, 0.0]), along_base=True):
                    assert simulation.success() is inside

    def test_a_held_cup_does_not_count(self, env: Any) -> None:
        start(env)
        base = pose_in_base(env, "cup2")[0]
        with (
            moved(env, "cup1", base + NESTED, along_base=True) as simulation,
            moved(env, "cup3", base + 2 * NESTED, along_base=True),
        ):
            assert simulation.success()
            with held(env, "cup3"):
                assert not simulation.success()
            assert simulation.success()

    def test_the_expert_stacks_them(self, env: Any) -> None:
        assert solve(env, start(env, episode=1))
