"""Put the displaced chess pieces back on their home squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.targets import ColorTargets, SizeTargets, SpawnAreas, TextureTargets
from hamster_bench.envs.task import DetectedCondition, NothingGrasped, SceneEditor, Step, Task
from hamster_bench.geometry import quat_xyzw_from_axis_angle

# Which detector lies under the home square of which piece; upstream's names of detectors are not those of squares.
_DETECTORS = {
    "white_king": "detector_a1",
    "white_queen": "detector_d1",
    "white_kingside_bishop": "detector_a2",
    "white_queenside_bishop": "detector_d2",
    "white_kingside_knight": "detector_a8",
    "white_queenside_knight": "detector_d7",
    "white_kingside_rook": "detector_a7",
    "white_queenside_rook": "detector_d8",
    "white_pawn_a": "detector_b1",
    "white_pawn_b": "detector_b2",
    "white_pawn_c": "detector_b7",
    "white_pawn_d": "detector_b8",
    "white_pawn_e": "detector_c1",
    "white_pawn_f": "detector_c2",
    "white_pawn_g": "detector_c7",
    "white_pawn_h": "detector_c8",
    "black_king": "detector_e1",
    "black_queen": "detector_h1",
    "black_kingside_bishop": "detector_e2",
    "black_queenside_bishop": "detector_h2",
    "black_kingside_knight": "detector_e8",
    "black_queenside_knight": "detector_h7",
    "black_kingside_rook": "detector_e7",
    "black_queenside_rook": "detector_h8",
    "black_pawn_a": "detector_f1",
    "black_pawn_b": "detector_f2",
    "black_pawn_c": "detector_f7",
    "black_pawn_d": "detector_f8",
    "black_pawn_e": "detector_g1",
    "black_pawn_f": "detector_g2",
    "black_pawn_g": "detector_g7",
    "black_pawn_h": "detector_g8",
}
_PIECES = tuple(_DETECTORS)
_BODIES = tuple(f"{piece}_dynamic" for piece in _PIECES)

_SQUARE = 0.047888
# Left square of the lowest rank in the frame of the board, whose axes are those of the task base [m].
_FIRST_X, _FIRST_Y = -0.16759, -0.071825
_CENTRAL_SQUARES = tuple((_FIRST_X + dx * _SQUARE, _FIRST_Y + dy * _SQUARE) for dx in range(8) for dy in (1, 2))

# Upstream lets a piece go this far above and beside its home [m]: the open gripper would not fit between the neighbours.
_RELEASE_OFFSET = np.array([-0.001, 0.0, 0.1])
_QUARTER_TURN = quat_xyzw_from_axis_angle((0.0, 0.0, 1.0), np.pi / 2)


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings for the number of displaced pieces."""
    first = (
        "place the remaining chess piece in its initial position on the board"
        if variation == 0
        else f"place the {variation + 1} remaining chess pieces in their initial positions on the board"
    )
    return (
        first,
        "prepare the chessboard",
        "get the chessboard ready for a game of chess",
        "setup the chessboard",
        "setup chess",
        "arrange the chess pieces ready for a game",
        "get chess pieces ready",
    )


def arrange(scene: SceneEditor, variation: int, rng: np.random.Generator) -> None:
    """Moves ``variation + 1`` pieces to squares of the two central ranks.

    Both orders are drawn whole, so that with the same stream a higher variation displaces the same pieces and one more.
    """
    pieces = rng.permutation(len(_BODIES))
    squares = rng.permutation(len(_CENTRAL_SQUARES))
    for piece, square in zip(pieces[: variation + 1], squares, strict=False):
        pose = scene.pose(_BODIES[piece])
        pose[:2] = _CENTRAL_SQUARES[square]
        scene.set_pose(_BODIES[piece], pose)


def solution(scene: SceneEditor, variation: int) -> tuple[Step, ...]:
    """Waypoints 0 to 4 once for each displaced piece, carried over to where it stands and to where it is let go.

    Upstream's fingers open across the ranks, and in one episode out of ten they come down on another displaced piece. The gripper is then
    turned by a quarter; of three pieces in a corner the middle one, which has no room either way, does not go first.
    """
    waiting = [piece for piece in _PIECES if _is_displaced(scene, piece)]
    steps: list[Step] = []
    for count in range(len(waiting)):
        piece, turned = _next_piece(scene, waiting)
        waiting.remove(piece)
        pick = scene.pose(f"{piece}_dynamic")
        place = pick.copy()
        place[:2] = scene.pose(_DETECTORS[piece])[:2]
        place[:3] += _RELEASE_OFFSET
        for frame, pose in ((f"pick{count}", pick), (f"place{count}", place)):
            pose[3:] = _QUARTER_TURN if turned else (0.0, 0.0, 0.0, 1.0)
            scene.set_pose(frame, pose)
        steps += [Step(f"waypoint{k}", frame=f"pick{count}") for k in range(3)]
        steps += [Step(f"waypoint{k}", frame=f"place{count}") for k in (3, 4)]
    return tuple(steps)


def _next_piece(scene: SceneEditor, waiting: list[str]) -> tuple[str, bool]:
    """The next piece to take, and whether the gripper has to be turned for it; of at most three pieces one is always free."""
    return next(
        (piece, turned)
        for turned in (False, True)
        for piece in waiting
        if not any(_in_the_way(scene, other, piece, across=0 if turned else 1) for other in waiting if other != piece)
    )


def _in_the_way(scene: SceneEditor, other: str, piece: str, across: int) -> bool:
    """Whether ``other`` stands where a finger comes down when the gripper opens along axis ``across`` (0: x, 1: y) of the board."""
    apart: NDArray[np.float64] = np.abs(scene.pose(f"{other}_dynamic") - scene.pose(f"{piece}_dynamic"))
    return bool(apart[across] < 1.5 * _SQUARE and apart[1 - across] < 0.5 * _SQUARE)


def _is_displaced(scene: SceneEditor, piece: str) -> bool:
    gap = scene.pose(f"{piece}_dynamic")[:2] - scene.pose(_DETECTORS[piece])[:2]
    return bool(np.abs(gap).max() > 0.5 * _SQUARE)


TASK = Task(
    name="setup_chess",
    goal="Put the displaced chess pieces back on their home squares.",
    instructions=instructions,
    success=(NothingGrasped(), *(DetectedCondition(f"{piece}_dynamic", detector) for piece, detector in _DETECTORS.items())),
    variation_count=3,
    variation_meaning="number of displaced pieces: index + 1",
    graspable=_BODIES,
    arrange=arrange,
    solution=solution,
    own_choices=(
        "The outlines of the pieces, which fill the recorded bounding boxes.",
        "Friction and softness: wood with felt under it.",
        "The gripper is turned by a quarter where another displaced piece stands in the way of its fingers, and pieces "
        "are taken in an order in which that suffices.",
        "Pieces and squares are drawn afresh at every reset, so that a higher variation displaces the same pieces and one "
        "more; the original's draws depend on earlier episodes.",
    ),
    manipulated=_PIECES,
    receiver=("chess_board_surface", "chess_board_base_visual", "black_squares", "white_squares"),
    factors={
        "man_obj_col": ColorTargets(_PIECES),
        "man_obj_siz": SizeTargets(_BODIES, 0.75, 1.25),
        "man_obj_tex": TextureTargets(tuple(piece for piece in _PIECES if piece.startswith("white"))),
        "rec_obj_col": ColorTargets(("chess_board_surface", "chess_board_base_visual", "black_squares", "white_squares")),
        "distractor": SpawnAreas((("spawn_boundary0", 2), ("spawn_boundary1", 2))),
    },
)
