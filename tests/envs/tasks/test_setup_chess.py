"""Setup chess: its scene against an independent table of the original's measures, its layout, its solution and its success."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest

from hamster_bench.envs.mujoco.layout import Layout
from hamster_bench.envs.mujoco.scene import load_scene
from hamster_bench.envs.task import DetectedCondition, NothingGrasped
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import OutsideWorkspaceError
from tests.envs.tasks.episodes import held, moved, solve, start
from tests.envs.tasks.recordings import needs_recordings, recorded_episodes
from tests.envs.tasks.stored_scene import POSITION_TOLERANCE, StoredScene

NAME = "setup_chess"
TASK = TASKS.get(NAME)
BOARD_TOP = 0.0196
FLAT = (0.0, 0.0, 0.0, 1.0)

# Full extents [m] and mass [kg] of the colliding boxes.
KINDS = {
    "king": ((0.03589, 0.03592, 0.08783), 0.1132),
    "queen": ((0.03592, 0.03592, 0.08288), 0.1069),
    "bishop": ((0.03631, 0.03634, 0.07785), 0.1027),
    "knight": ((0.03635, 0.03739, 0.07066), 0.09604),
    "rook": ((0.03591, 0.03593, 0.05388), 0.06951),
    "pawn": ((0.03589, 0.03602, 0.06182), 0.07991),
}
# Home (x, y) [m] of every piece in the frame of the task base, and the detector under it.
HOMES = {
    "white_king": (0.0237, -0.1654, "detector_a1"),
    "white_queen": (-0.0242, -0.1665, "detector_d1"),
    "white_kingside_bishop": (0.0716, -0.1665, "detector_a2"),
    "white_queenside_bishop": (-0.0720, -0.1665, "detector_d2"),
    "white_kingside_knight": (0.1195, -0.1665, "detector_a8"),
    "white_queenside_knight": (-0.1199, -0.1665, "detector_d7"),
    "white_kingside_rook": (0.1674, -0.1665, "detector_a7"),
    "white_queenside_rook": (-0.1678, -0.1654, "detector_d8"),
    "white_pawn_a": (-0.1678, -0.1186, "detector_b1"),
    "white_pawn_b": (-0.1199, -0.1186, "detector_b2"),
    "white_pawn_c": (-0.0720, -0.1186, "detector_b7"),
    "white_pawn_d": (-0.0242, -0.1186, "detector_b8"),
    "white_pawn_e": (0.0237, -0.1186, "detector_c1"),
    "white_pawn_f": (0.0716, -0.1186, "detector_c2"),
    "white_pawn_g": (0.1195, -0.1186, "detector_c7"),
    "white_pawn_h": (0.1674, -0.1186, "detector_c8"),
    "black_king": (0.0237, 0.1687, "detector_e1"),
    "black_queen": (-0.0242, 0.1687, "detector_h1"),
    "black_kingside_bishop": (0.0716, 0.1687, "detector_e2"),
    "black_queenside_bishop": (-0.0720, 0.1687, "detector_h2"),
    "black_kingside_knight": (0.1195, 0.1687, "detector_e8"),
    "black_queenside_knight": (-0.1199, 0.1687, "detector_h7"),
    "black_kingside_rook": (0.1674, 0.1687, "detector_e7"),
    "black_queenside_rook": (-0.1678, 0.1687, "detector_h8"),
    "black_pawn_a": (-0.1678, 0.1208, "detector_f1"),
    "black_pawn_b": (-0.1199, 0.1208, "detector_f2"),
    "black_pawn_c": (-0.0728, 0.1208, "detector_f7"),
    "black_pawn_d": (-0.0242, 0.1208, "detector_f8"),
    "black_pawn_e": (0.0237, 0.1208, "detector_g1"),
    "black_pawn_f": (0.0716, 0.1208, "detector_g2"),
    "black_pawn_g": (0.1195, 0.1208, "detector_g7"),
    "black_pawn_h": (0.1674, 0.1208, "detector_g8"),
}
# Carrier, position and orientation (straight down with the fingers along y) in the task base, flags.
DOWN = (0.0, -1.0, 0.0, 0.0)
WAYPOINTS = {
    "waypoint0": ("pick", (0.0, 0.0, 0.113), DOWN, "open_gripper()"),
    "waypoint1": ("pick", (0.0, 0.0, 0.0196), DOWN, "close_gripper(); ignore_collisions"),
    "waypoint2": ("pick", (0.0, 0.0, 0.113), DOWN, "ignore_collisions"),
    "waypoint3": ("place", (-0.1192, 0.1687, 0.102), DOWN, ""),
    "waypoint4": ("place", (-0.1192, 0.1687, 0.021), DOWN, "open_gripper(); ignore_collisions"),
}


def kind_of(piece: str) -> str:
    return next(kind for kind in KINDS if kind in piece.split("_"))


def central_squares() -> set[tuple[int, int]]:
    """All squares of ranks 4 and 5, in tenths of a millimetre."""
    return {_rounded(-0.16759 + dx * 0.047888, -0.071825 + dy * 0.047888) for dx in range(8) for dy in (1, 2)}


def _rounded(x: float, y: float) -> tuple[int, int]:
    return round(x * 1e4), round(y * 1e4)


@pytest.fixture
def layout() -> Layout:
    scene = load_scene(TASK)
    return Layout(scene, mujoco.MjData(scene.model))


def displaced(scene: Layout) -> dict[str, tuple[int, int]]:
    """Pieces away from home and where they stand, in tenths of a millimetre."""
    places = {}
    for piece, (x, y, _) in HOMES.items():
        pose = scene.pose(f"{piece}_dynamic")
        if np.abs(pose[:2] - (x, y)).max() > POSITION_TOLERANCE:
            places[piece] = _rounded(*pose[:2])
    return places


class TestScene:
    def test_pieces_have_the_sizes_and_masses_of_the_original_and_stand_at_home(self, scene: StoredScene) -> None:
        model, data = scene.model, scene.data
        assert {model.joint(j).name for j in range(model.njnt)} == {f"{piece}_dynamic" for piece in HOMES}
        for piece, (x, y, _) in HOMES.items():
            size, mass = KINDS[kind_of(piece)]
            body, solid = model.body(f"{piece}_dynamic"), model.geom(f"{piece}_collision")
            assert int(model.jnt_type[body.jntadr[0]]) == int(mujoco.mjtJoint.mjJNT_FREE)
            assert int(solid.type[0]) == int(mujoco.mjtGeom.mjGEOM_BOX)
            assert int(solid.group[0]) == 3
            assert 2 * solid.size == pytest.approx(size, abs=4e-5), piece
            assert float(body.mass[0]) == pytest.approx(mass, rel=2e-3), piece
            assert data.xpos[body.id] == pytest.approx((x, y, BOARD_TOP + size[2] / 2), abs=POSITION_TOLERANCE), piece
            assert data.xmat[body.id] == pytest.approx(np.eye(3).ravel(), abs=1e-9)

    def test_what_is_seen_of_a_piece_fills_its_box(self, scene: StoredScene) -> None:
        model = scene.model
        for piece in HOMES:
            in_body = scene.corners(piece)
            half = model.geom(f"{piece}_collision").size
            assert np.abs(in_body).max(axis=0) == pytest.approx(half, abs=6e-4), piece
            assert in_body[:, 2].min() == pytest.approx(-half[2], abs=1e-5), piece

    def test_board(self, scene: StoredScene) -> None:
        model, data = scene.model, scene.data
        board = model.geom("chess_board_base_collision")
        assert 2 * board.size == pytest.approx((0.41876, 0.41876, 0.02165), abs=2e-5)
        assert data.geom_xpos[board.id] == pytest.approx((0.0, 0.0, 0.009), abs=POSITION_TOLERANCE)
        assert data.geom_xpos[board.id][2] + board.size[2] == pytest.approx(BOARD_TOP, abs=1e-4)
        for name in TASK.receiver:
            assert int(model.geom(name).contype[0]) == int(model.geom(name).conaffinity[0]) == 0
        for color in ("white", "black"):
            squares = scene.vertices(f"{color}_squares")
            assert np.ptp(squares, axis=0)[:2] == pytest.approx((0.3831, 0.3831), abs=2e-4)
            assert squares[:, 2].max() == pytest.approx(BOARD_TOP, abs=2e-4)

    def test_detectors_lie_under_the_home_squares(self, scene: StoredScene) -> None:
        model, data = scene.model, scene.data
        for x, y, detector in HOMES.values():
            site = model.site(detector)
            assert 2 * site.size == pytest.approx((0.02, 0.02, 0.01), abs=1e-9)
            assert data.site_xpos[site.id] == pytest.approx((x, y, 0.0136 + 0.005), abs=POSITION_TOLERANCE)

    def test_waypoints(self, scene: StoredScene) -> None:
        scene.check_waypoints(WAYPOINTS)

    def test_areas(self, scene: StoredScene) -> None:
        areas = {"spawn_boundary0": ((0.0, -0.35, 0.0), (0.5, 0.2)), "spawn_boundary1": ((0.0, 0.35, 0.0), (0.5, 0.2))}
        scene.check_areas(areas, (-0.25, 0.25, -0.45, 0.45))

    def test_the_pieces_stand_by_themselves(self, scene: StoredScene) -> None:
        model = scene.model
        standing = mujoco.MjData(model)
        mujoco.mj_forward(model, standing)
        assert standing.ncon == 4 * len(HOMES)
        assert float(standing.contact.dist.min()) > -1e-3
        for _ in range(250):
            mujoco.mj_step(model, standing)
        stored = model.qpos0.reshape(-1, 7)
        now = standing.qpos.reshape(-1, 7)
        assert np.abs(now - stored).max() < 5e-4

    @needs_recordings
    def test_homes_and_detectors_are_the_recorded_ones(self, scene: StoredScene) -> None:
        episodes = list(recorded_episodes(NAME))
        compared = 0
        for recorded in episodes:
            away = 0
            for name in recorded.poses:
                position, _ = recorded.seen_from(NAME, name)
                if name.endswith("_dynamic"):
                    compared += 1
                    gap = float(np.abs(position - scene.data.body(name).xpos).max())
                    if gap > 0.01:
                        away += 1
                        apart = np.array(_rounded(*position[:2])) - np.array(sorted(central_squares()))
                        assert np.abs(apart).max(axis=1).min() < 8, name
                    else:
                        assert gap < 1.5e-3, name
                elif name.startswith("detector_"):
                    assert position == pytest.approx(scene.data.body(name).xpos, abs=POSITION_TOLERANCE), name
            assert away == recorded.variation + 1
        assert compared == 32 * len(episodes)


class TestTask:
    def test_description(self) -> None:
        assert TASK.variation_count == 3
        assert TASK.base_rotation == (-3.14, 3.14)
        assert set(TASK.graspable) == {f"{piece}_dynamic" for piece in HOMES}
        assert set(TASK.manipulated) == set(HOMES)
        assert set(TASK.receiver) == {"chess_board_surface", "chess_board_base_visual", "black_squares", "white_squares"}
        conditions = {DetectedCondition(f"{piece}_dynamic", detector) for piece, (_, _, detector) in HOMES.items()}
        assert len(TASK.success) == 33
        assert set(TASK.success) == {*conditions, NothingGrasped()}

    @pytest.mark.parametrize(
        ("variation", "first"),
        [
            (0, "place the remaining chess piece in its initial position on the board"),
            (1, "place the 2 remaining chess pieces in their initial positions on the board"),
            (2, "place the 3 remaining chess pieces in their initial positions on the board"),
        ],
    )
    def test_instructions(self, variation: int, first: str) -> None:
        assert TASK.instructions(variation) == (
            first,
            "prepare the chessboard",
            "get the chessboard ready for a game of chess",
            "setup the chessboard",
            "setup chess",
            "arrange the chess pieces ready for a game",
            "get chess pieces ready",
        )


class TestLayout:
    def test_a_higher_variation_displaces_the_same_pieces_and_one_more(self) -> None:
        scene = load_scene(TASK)
        chosen, taken = set(), set()
        for seed in range(40):
            before: dict[str, tuple[int, int]] = {}
            for variation in range(3):
                layout = Layout(scene, mujoco.MjData(scene.model))
                TASK.arrange(layout, variation, np.random.default_rng(seed))
                now = displaced(layout)
                assert len(now) == variation + 1
                assert len(set(now.values())) == variation + 1
                assert set(now.values()) <= central_squares()
                assert before.items() <= now.items()
                before = now
            chosen |= set(before)
            taken |= set(before.values())
        # 120 draws: each piece and each square comes up about four and eight times.
        assert len(chosen) >= 28
        assert taken == central_squares()

    def test_the_solution_brings_each_piece_from_where_it_stands_to_above_its_home(self, layout: Layout) -> None:
        TASK.arrange(layout, 2, np.random.default_rng(3))
        steps = TASK.solution(layout, 2)  # type: ignore[misc]
        assert [step.waypoint for step in steps] == [f"waypoint{k}" for k in range(5)] * 3
        left = displaced(layout)
        for first in range(0, 15, 5):
            pick, place = steps[first].frame, steps[first + 3].frame
            assert pick is not None
            assert place is not None
            assert [step.frame for step in steps[first : first + 5]] == [pick, pick, pick, place, place]
            picked = layout.pose(pick)
            piece = next(name for name, square in left.items() if square == _rounded(*picked[:2]))
            assert picked[:3] == pytest.approx(layout.pose(f"{piece}_dynamic")[:3], abs=1e-9)
            x, y, _ = HOMES[piece]
            assert layout.pose(place)[:3] == pytest.approx((x - 0.001, y, picked[2] + 0.1), abs=2e-4)
            del left[piece]
        assert not left

    @pytest.mark.parametrize(
        ("squares", "order", "turned"),
        [
            (((0, 1), (5, 2)), ("white_king", "black_pawn_c"), (False, False)),
            (((0, 1), (1, 1)), ("white_king", "black_pawn_c"), (False, False)),
            # One rank above the other: the fingers have no room along y.
            (((0, 1), (0, 2)), ("white_king", "black_pawn_c"), (True, False)),
            # A corner: its middle piece has no room either way and waits.
            (((4, 1), (4, 2), (5, 1)), ("white_queen", "white_king", "black_pawn_c"), (False, True, False)),
        ],
    )
    def test_the_gripper_is_turned_where_a_neighbour_is_in_its_way(
        self, layout: Layout, squares: tuple[tuple[int, int], ...], order: tuple[str, ...], turned: tuple[bool, ...]
    ) -> None:
        pieces = ("white_king", "black_pawn_c", "white_queen")[: len(squares)]
        for piece, (dx, dy) in zip(pieces, squares, strict=True):
            pose = layout.pose(f"{piece}_dynamic")
            pose[:2] = (-0.16759 + dx * 0.047888, -0.071825 + dy * 0.047888)
            layout.set_pose(f"{piece}_dynamic", pose)
        steps = TASK.solution(layout, len(squares) - 1)  # type: ignore[misc]
        for count, (piece, is_turned) in enumerate(zip(order, turned, strict=True)):
            for frame in (steps[5 * count].frame, steps[5 * count + 3].frame):
                assert frame is not None
                quat = (0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5)) if is_turned else FLAT
                assert layout.pose(frame)[3:] == pytest.approx(quat, abs=1e-9)
            assert layout.pose(str(steps[5 * count].frame))[:3] == pytest.approx(layout.pose(f"{piece}_dynamic")[:3])


class TestSuccess:
    def test_every_piece_has_to_touch_its_own_detector_with_nothing_held(self, env: Any) -> None:
        start(env, episode=2)
        data = env.unwrapped.simulation.data
        (piece,) = (
            piece
            for piece, (_, _, detector) in HOMES.items()
            if np.linalg.norm((data.body(f"{piece}_dynamic").xpos - data.body(detector).xpos)[:2]) > 0.02
        )
        body, half = f"{piece}_dynamic", np.array(KINDS[kind_of(piece)][0]) / 2
        # Where the recordings put the detector's foot; the board is 6 mm thick above it.
        home = np.array([*HOMES[piece][:2], BOARD_TOP + half[2]])
        for offset, stands in (
            ((0.0, 0.0, 0.0), True),
            ((0.01 + half[0] - 0.0015, 0.0, 0.0), True),
            ((0.01 + half[0] + 0.0015, 0.0, 0.0), False),
            ((0.0, -0.01 - half[1] + 0.0015, 0.0), True),
            ((0.0, -0.01 - half[1] - 0.0015, 0.0), False),
            ((0.0, 0.0, 0.0035), True),
            ((0.0, 0.0, 0.0045), False),
        ):
            with moved(env, body, home + offset) as simulation:
                assert simulation.success() is stands, offset
        other = next(name for name in HOMES if name != piece)
        with moved(env, body, home) as simulation:
            with held(env, f"{other}_dynamic"):
                assert not simulation.success()
            assert simulation.success()
            with moved(env, f"{other}_dynamic", (*np.add(HOMES[other][:2], (0.05, 0.0)), BOARD_TOP + 0.03)):
                assert not simulation.success()

    def test_the_expert_takes_pieces_that_stand_against_each_other(self, env: Any) -> None:
        simulation = env.unwrapped.simulation
        for episode in range(200):
            scenario = start(env, variation=2, episode=episode)
            if any(abs(simulation.scene.model.body(f"pick{k}").quat[3]) > 0.5 for k in range(3)):
                break
        else:
            pytest.fail("in 200 episodes no grasp was turned")
        before = simulation.data.qpos.copy()
        assert solve(env, scenario)
        travelled = simulation.data.qpos - before
        distances = [float(np.linalg.norm(travelled[free.qpos : free.qpos + 3])) for free in simulation.scene.free.values()]
        assert sum(distance > 0.05 for distance in distances) == 3
        assert sum(distance > 0.002 for distance in distances) == 3


@pytest.mark.parametrize("seed", [16, 18])
def test_a_hand_that_ploughs_through_the_pieces_does_not_break_the_physics(seed: int) -> None:
    env: Any = gymnasium.make(f"hamster_bench/{NAME}-v0", cameras=(), action_mode="keypose")
    env.reset(seed=seed)
    data = env.unwrapped.simulation.data
    rng = np.random.default_rng(seed)
    for k in range(12):
        piece = data.body(f"white_{rng.choice(['queen', 'king', 'pawn_d', 'queenside_rook', 'pawn_a'])}_dynamic").xpos
        height = 0.08 if k % 3 == 0 else rng.uniform(-0.03, 0.02)
        target = [piece[0] + 0.04 * rng.normal(), piece[1] + 0.04 * rng.normal(), piece[2] + height]
        with suppress(OutsideWorkspaceError):
            env.step(np.array([*target, 1.0, 0.0, 0.0, 0.0, float(rng.random() < 0.5), 1.0]))
        assert np.abs(data.qvel).max() < 100.0
    env.close()
