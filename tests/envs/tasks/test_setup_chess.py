"""Setup chess: its scene against an independent table of the original's measures, its layout, its solution and its success."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest

import hamster_bench  # noqa: F401  # registers the environments
from hamster_bench.agent import EpisodeContext, make_agent
from hamster_bench.envs.mujoco.layout import Layout
from hamster_bench.envs.mujoco.scene import load_scene
from hamster_bench.envs.task import DetectedCondition, NothingGrasped
from hamster_bench.envs.tasks import TASKS, scene_xml
from hamster_bench.errors import AgentStopped
from hamster_bench.scenario import Scenario

RECORDING = Path(__file__).resolve().parents[3].parent / "shared" / "parity" / "rlbench_demos" / "setup_chess.npz"

TASK = TASKS.get("setup_chess")
BOARD_TOP = 0.0196
POSITION_TOLERANCE = 1e-3
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
# Carrier, position in the task base, flags; all point straight down with the fingers along y.
WAYPOINTS = {
    "waypoint0": ("pick", (0.0, 0.0, 0.113), "open_gripper()"),
    "waypoint1": ("pick", (0.0, 0.0, 0.0196), "close_gripper(); ignore_collisions"),
    "waypoint2": ("pick", (0.0, 0.0, 0.113), "ignore_collisions"),
    "waypoint3": ("place", (-0.1192, 0.1687, 0.102), ""),
    "waypoint4": ("place", (-0.1192, 0.1687, 0.021), "open_gripper(); ignore_collisions"),
}
WAYPOINT_QUAT_XYZW = (0.0, -1.0, 0.0, 0.0)


def kind_of(piece: str) -> str:
    return next(kind for kind in KINDS if kind in piece.split("_"))


def central_squares() -> set[tuple[int, int]]:
    """All squares of ranks 4 and 5, in tenths of a millimetre."""
    return {_rounded(-0.16759 + dx * 0.047888, -0.071825 + dy * 0.047888) for dx in range(8) for dy in (1, 2)}


def _rounded(x: float, y: float) -> tuple[int, int]:
    return round(x * 1e4), round(y * 1e4)


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(scene_xml(TASK))


@pytest.fixture(scope="module")
def data(model: mujoco.MjModel) -> mujoco.MjData:
    stored = mujoco.MjData(model)
    mujoco.mj_forward(model, stored)
    return stored


@pytest.fixture
def layout() -> Layout:
    scene = load_scene(TASK)
    return Layout(scene, mujoco.MjData(scene.model))


@pytest.fixture(scope="module")
def env() -> Iterator[gymnasium.Env[Any, Any]]:
    made = gymnasium.make("hamster_bench/setup_chess-v0", cameras=(), action_mode="joint_position")
    yield made
    made.close()


def vertices(model: mujoco.MjModel, data: mujoco.MjData, geom: str) -> np.ndarray:
    """Vertices (n, 3) of a mesh geom in the task base."""
    number = model.geom(geom).id
    mesh = int(model.geom_dataid[number])
    start, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
    in_geom = model.mesh_vert[start : start + count]
    return np.asarray(in_geom @ data.geom_xmat[number].reshape(3, 3).T + data.geom_xpos[number])


def displaced(scene: Layout) -> dict[str, tuple[int, int]]:
    """Pieces away from home and where they stand, in tenths of a millimetre."""
    places = {}
    for piece, (x, y, _) in HOMES.items():
        pose = scene.pose(f"{piece}_dynamic")
        if np.abs(pose[:2] - (x, y)).max() > POSITION_TOLERANCE:
            places[piece] = _rounded(*pose[:2])
    return places


class TestScene:
    def test_pieces_have_the_sizes_and_masses_of_the_original_and_stand_at_home(
        self, model: mujoco.MjModel, data: mujoco.MjData
    ) -> None:
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

    def test_what_is_seen_of_a_piece_fills_its_box(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        for piece in HOMES:
            in_body = vertices(model, data, piece) - data.body(f"{piece}_dynamic").xpos
            half = model.geom(f"{piece}_collision").size
            assert np.abs(in_body).max(axis=0) == pytest.approx(half, abs=6e-4), piece
            assert in_body[:, 2].min() == pytest.approx(-half[2], abs=1e-5), piece

    def test_board(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        board = model.geom("chess_board_base_collision")
        assert 2 * board.size == pytest.approx((0.41876, 0.41876, 0.02165), abs=2e-5)
        assert data.geom_xpos[board.id] == pytest.approx((0.0, 0.0, 0.009), abs=POSITION_TOLERANCE)
        assert data.geom_xpos[board.id][2] + board.size[2] == pytest.approx(BOARD_TOP, abs=1e-4)
        for name in TASK.receiver:
            assert int(model.geom(name).contype[0]) == int(model.geom(name).conaffinity[0]) == 0
        for color in ("white", "black"):
            squares = vertices(model, data, f"{color}_squares")
            assert np.ptp(squares, axis=0)[:2] == pytest.approx((0.3831, 0.3831), abs=2e-4)
            assert squares[:, 2].max() == pytest.approx(BOARD_TOP, abs=2e-4)

    def test_detectors_lie_under_the_home_squares(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        for x, y, detector in HOMES.values():
            site = model.site(detector)
            assert 2 * site.size == pytest.approx((0.02, 0.02, 0.01), abs=1e-9)
            assert data.site_xpos[site.id] == pytest.approx((x, y, 0.0136 + 0.005), abs=POSITION_TOLERANCE)

    def test_waypoints(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        names = {model.site(i).name for i in range(model.nsite)}
        assert {name for name in names if name.startswith("waypoint")} == set(WAYPOINTS)
        for name, (body, position, flags) in WAYPOINTS.items():
            site = model.site(name)
            assert model.body(int(site.bodyid[0])).name == body
            assert data.site_xpos[site.id] == pytest.approx(position, abs=POSITION_TOLERANCE), name
            quat_wxyz = np.empty(4)
            mujoco.mju_mat2Quat(quat_wxyz, data.site_xmat[site.id])
            assert abs(quat_wxyz[[1, 2, 3, 0]] @ WAYPOINT_QUAT_XYZW) > np.cos(np.deg2rad(0.5)), name
            number = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_TEXT.value, name)
            start = int(model.text_adr[number])
            text = (
                bytes(model.text_data[start : start + int(model.text_size[number])]).rstrip(b"\0").decode() if number >= 0 else ""
            )
            assert text == flags, name

    def test_areas_and_placement_box(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        for name, y in (("spawn_boundary0", -0.35), ("spawn_boundary1", 0.35)):
            site = model.site(name)
            assert data.site_xpos[site.id] == pytest.approx((0.0, y, 0.0), abs=POSITION_TOLERANCE)
            assert 2 * site.size[:2] == pytest.approx((0.5, 0.2), abs=1e-9)
        assert model.numeric("placement_box").data == pytest.approx((-0.25, 0.25, -0.45, 0.45), abs=1e-3)

    def test_triangles_stay_within_the_budget(self, model: mujoco.MjModel) -> None:
        meshes = [int(model.geom_dataid[g]) for g in range(model.ngeom) if model.geom_group[g] == 2 and model.geom_dataid[g] >= 0]
        assert sum(int(model.mesh_facenum[mesh]) for mesh in meshes) <= 40_000

    def test_the_pieces_stand_by_themselves(self, model: mujoco.MjModel) -> None:
        standing = mujoco.MjData(model)
        mujoco.mj_forward(model, standing)
        assert standing.ncon == 4 * len(HOMES)
        assert float(standing.contact.dist.min()) > -1e-3
        for _ in range(250):
            mujoco.mj_step(model, standing)
        start = model.qpos0.reshape(-1, 7)
        now = standing.qpos.reshape(-1, 7)
        assert np.abs(now - start).max() < 5e-4

    @pytest.mark.skipif(not RECORDING.exists(), reason="the original's recordings are not at hand")
    def test_homes_and_detectors_against_the_recordings(self, data: mujoco.MjData) -> None:
        with np.load(RECORDING, allow_pickle=False) as recording:
            meta = json.loads(bytes(recording["meta_json"]).decode())
            compared = 0
            for episode in meta["episodes"]:
                base = recording[f"{episode['key']}.base_pose"]
                turn = np.empty(9)
                mujoco.mju_quat2Mat(turn, base[[6, 3, 4, 5]])
                poses = recording[f"{episode['key']}.object_poses"].astype(float)
                away = 0
                for name, pose in zip(episode["object_names"], poses, strict=True):
                    in_base = turn.reshape(3, 3).T @ (pose[:3] - base[:3])
                    if name.endswith("_dynamic"):
                        gap = float(np.abs(in_base - data.body(name).xpos).max())
                        if gap > 0.01:
                            away += 1
                            assert (
                                min(np.abs(np.array(_rounded(*in_base[:2])) - square).max() for square in central_squares()) < 8
                            )
                        else:
                            assert gap < 1.5e-3, name
                        compared += 1
                    elif name.startswith("detector_"):
                        assert in_base == pytest.approx(data.body(name).xpos, abs=POSITION_TOLERANCE), name
                assert away == episode["variation"] + 1
        assert compared == 32 * len(meta["episodes"])


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
        for start in range(0, 15, 5):
            pick, place = steps[start].frame, steps[start + 3].frame
            assert pick is not None
            assert place is not None
            assert [step.frame for step in steps[start : start + 5]] == [pick, pick, pick, place, place]
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
    def test_every_piece_has_to_touch_its_own_detector_with_nothing_held(self, env: gymnasium.Env[Any, Any]) -> None:
        _, info = env.reset(options={"scenario": Scenario(task="setup_chess", episode=2)})
        assert not info["is_success"]
        simulation = env.unwrapped.simulation  # type: ignore[attr-defined]
        data, free = simulation.data, simulation.scene.free
        (body,) = (
            f"{piece}_dynamic"
            for piece, (_, _, detector) in HOMES.items()
            if np.linalg.norm((data.body(f"{piece}_dynamic").xpos - data.body(detector).xpos)[:2]) > 0.02
        )
        detector = HOMES[body.removesuffix("_dynamic")][2]
        half = simulation.scene.model.geom(f"{body.removesuffix('_dynamic')}_collision").size
        turn = data.body("setup_chess").xmat.reshape(3, 3)

        def stands(dx: float, dz: float) -> bool:
            # From the middle of the foot to the detector's foot the board is 6 mm thick.
            home = data.body(detector).xpos + turn @ np.array([dx, 0.0, half[2] + 0.00599 + dz])
            data.qpos[free[body].qpos : free[body].qpos + 3] = home
            mujoco.mj_forward(simulation.scene.model, data)
            return bool(simulation.success())

        assert stands(0.0, 0.0)
        assert stands(0.01 + half[0] - 0.0005, 0.0)
        assert not stands(0.01 + half[0] + 0.0005, 0.0)
        assert stands(0.0, 0.0035)
        assert not stands(0.0, 0.0045)
        assert stands(0.0, 0.0)
        other = next(name for name in free if name != body)
        weld = simulation.scene.welds[other]
        data.eq_active[weld] = 1
        assert not simulation.success()
        data.eq_active[weld] = 0
        data.qpos[free[other].qpos] += 0.05
        mujoco.mj_forward(simulation.scene.model, data)
        assert not simulation.success()

    def test_the_expert_takes_pieces_that_stand_against_each_other(self, env: gymnasium.Env[Any, Any]) -> None:
        simulation = env.unwrapped.simulation  # type: ignore[attr-defined]
        for episode in range(200):
            scenario = Scenario(task="setup_chess", variation=2, episode=episode)
            observation, info = env.reset(options={"scenario": scenario})
            if any(abs(simulation.scene.model.body(f"pick{k}").quat[3]) > 0.5 for k in range(3)):
                break
        else:
            pytest.fail("in 200 episodes no grasp was turned")
        before = simulation.data.qpos.copy()
        agent = make_agent("expert")
        oracle = env.unwrapped.oracle  # type: ignore[attr-defined]
        agent.reset(EpisodeContext(scenario=scenario, instruction=info["instruction"], rng=scenario.rng("agent"), oracle=oracle))
        reward = 0.0
        while reward == 0.0:
            try:
                observation, reward, _, _, info = env.step(agent.act(observation))
            except AgentStopped:
                break
        assert info["is_success"]
        moved = simulation.data.qpos - before
        distances = [float(np.linalg.norm(moved[free.qpos : free.qpos + 3])) for free in simulation.scene.free.values()]
        assert sum(distance > 0.05 for distance in distances) == 3
        assert sum(distance > 0.002 for distance in distances) == 3
