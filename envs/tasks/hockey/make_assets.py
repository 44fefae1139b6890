"""Makes the meshes of stick and goal. Run: ``python -m hamster_bench.envs.tasks.hockey.make_assets``.

The stick's outline is fitted to the original's recorded bounding box and depth images: a straight shaft and a blade that meets it at
117 degrees. The goal keeps the outer measures of the original's; its tubes and net are our own design.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.envs.mujoco.assets.meshing import Mesh, loft, merged, write_obj

FloatArray = NDArray[np.float64]

# The stick in its own frame: flat in the y-z plane, the shaft's top at -z, the blade's toe at +y +z [m].
_THICKNESS = 0.00488
_SHAFT_TOP = np.array([0.0239, -0.1302])
_SHAFT_WIDTH = 0.007
_SHAFT_DIRECTION = np.array([-0.1955, 0.9807])
_HEEL = np.array([-0.0207, 0.0938])
_BLADE_DIRECTION = np.array([0.7817, 0.6237])
_BLADE_HEIGHT = 0.0145
_BLADE_LENGTH = 0.0550
_BLADE_THICKNESS = 0.0042
_BEND = 0.007
_TAPE = 0.0003

# The goal about the middle of its outer box: x along the goal line, y out of the mouth, z up [m].
_TUBE_RADIUS = 0.0035
_RAIL_RADIUS = 0.0030
_HALF_WIDTH = 0.081
_FRONT = 0.0491
_TOP = 0.054
_BOTTOM = -0.0554
_STRING_RADIUS = 0.0007


def capped(rings: FloatArray) -> Mesh:
    """A smooth skin over closed rings of points (k, n, 3) [m] with a flat, sharp-edged cap at each end."""
    around = rings.shape[1]
    fan = np.stack([np.zeros(around - 2, dtype=int), np.arange(1, around - 1), np.arange(2, around)], axis=1)
    meshes = [loft(rings)]
    for ring, faces in ((rings[0], fan[:, ::-1]), (rings[-1], fan)):
        normal = np.cross(ring[faces[0, 1]] - ring[faces[0, 0]], ring[faces[0, 2]] - ring[faces[0, 0]])
        normal /= np.linalg.norm(normal)
        meshes.append(Mesh(ring, np.tile(normal, (around, 1)), np.zeros((around, 2)), faces))
    return merged(meshes)


def tube(points: ArrayLike, radius: float, sides: int) -> Mesh:
    """A round tube along a line of points (k, 3) [m]."""
    line = np.asarray(points, dtype=np.float64)
    directions = np.gradient(line, axis=0)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    # Any direction that the tube never takes will do to start the rings from.
    reference = np.eye(3)[np.argmin(np.abs(directions).max(axis=0))]
    side = np.cross(directions, reference)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(directions, side)
    angles = np.arange(sides) * 2 * np.pi / sides
    ring = np.cos(angles)[None, :, None] * side[:, None] + np.sin(angles)[None, :, None] * other[:, None]
    return capped(line[:, None] + radius * ring)


def stick_line(steps: int = 9) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Middle line of the stick from the top to the toe: points (k, 2) in y and z, widths (k,) and thicknesses (k,) [m]."""
    bend_start = _HEEL - _BEND * _SHAFT_DIRECTION
    bend_end = _HEEL + _BEND * _BLADE_DIRECTION
    share = np.linspace(0.0, 1.0, steps)[:, None]
    bend = (1 - share) ** 2 * bend_start + 2 * share * (1 - share) * _HEEL + share**2 * bend_end
    shaft = _SHAFT_TOP + np.linspace(0.0, 1.0, 8, endpoint=False)[:, None] * (bend_start - _SHAFT_TOP)
    to_toe = np.concatenate(
        [np.linspace(_BEND, _BLADE_LENGTH - 0.008, 6)[1:], _BLADE_LENGTH - 0.008 * np.cos([0.5, 0.9, 1.2, 1.45])]
    )
    blade = _HEEL + to_toe[:, None] * _BLADE_DIRECTION
    smooth = (share * share * (3 - 2 * share)).ravel()
    toe_width = _BLADE_HEIGHT * np.array([0.97, 0.90, 0.78, 0.56])
    widths = np.concatenate(
        [np.full(8, _SHAFT_WIDTH), _SHAFT_WIDTH + smooth * (_BLADE_HEIGHT - _SHAFT_WIDTH), np.full(5, _BLADE_HEIGHT), toe_width]
    )
    thicknesses = np.concatenate(
        [np.full(8, _THICKNESS), _THICKNESS + smooth * (_BLADE_THICKNESS - _THICKNESS), np.full(9, _BLADE_THICKNESS)]
    )
    return np.concatenate([shaft, bend, blade]), widths, thicknesses


def stick_part(start: float, end: float, extra: float = 0.0) -> Mesh:
    """The stick between two distances [m] from its top along the middle line, thicker by ``extra`` [m] on every side."""
    points, widths, thicknesses = stick_line()
    travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    inside = travelled[(travelled > start + 1e-4) & (travelled < end - 1e-4)]
    stations = np.concatenate([[start], inside, [min(end, travelled[-1])]])

    def at(values: FloatArray) -> FloatArray:
        return np.asarray(np.interp(stations, travelled, values))

    centre = np.stack([at(points[:, 0]), at(points[:, 1])], axis=1)
    direction = np.gradient(points, travelled, axis=0)
    direction = np.stack([at(direction[:, 0]), at(direction[:, 1])], axis=1)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    half_width, half_thickness = at(widths) / 2 + extra, at(thicknesses) / 2 + extra
    angles = np.arange(16) * np.pi / 8 + np.pi / 16
    # A squarish oval: a superellipse of exponent 5.
    across = np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** 0.4
    out = np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** 0.4
    rings = np.empty((len(stations), 16, 3))
    rings[..., 0] = half_thickness[:, None] * across
    rings[..., 1] = centre[:, :1] + half_width[:, None] * out * direction[:, 1:]
    rings[..., 2] = centre[:, 1:] - half_width[:, None] * out * direction[:, :1]
    return capped(rings)


def stick_length() -> float:
    """Length of the stick's middle line [m]."""
    points, _, _ = stick_line()
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def rounded_line(corners: Sequence[tuple[float, float]], radius: float, height: float, steps: int = 5) -> FloatArray:
    """A level line through corners (x, y), each but the ends rounded off, as points (k, 3) [m]."""
    points = [np.array(corners[0])]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        here = np.array(corner)
        towards = [np.array(other) - here for other in (before, after)]
        start, end = (here + radius * t / np.linalg.norm(t) for t in towards)
        for share in np.linspace(0.0, 1.0, steps):
            points.append((1 - share) ** 2 * start + 2 * share * (1 - share) * here + share**2 * end)
    points.append(np.array(corners[-1]))
    return np.column_stack([np.array(points), np.full(len(points), height)])


def top_rail() -> FloatArray:
    """Middle line of the upper rail from post to post."""
    return rounded_line(
        [(_HALF_WIDTH, _FRONT), (_HALF_WIDTH - 0.004, -0.031), (-_HALF_WIDTH + 0.004, -0.031), (-_HALF_WIDTH, _FRONT)],
        0.022,
        _TOP,
    )


def bottom_rail() -> FloatArray:
    """Middle line of the lower rail, which bulges out to the sides and to the back."""
    side, back = 0.1005, -_FRONT
    return rounded_line(
        [
            (_HALF_WIDTH, _FRONT),
            (side, 0.020),
            (side - 0.002, back),
            (-side + 0.002, back),
            (-side, 0.020),
            (-_HALF_WIDTH, _FRONT),
        ],
        0.024,
        _BOTTOM,
    )


def frame() -> Mesh:
    """The goal's tubes: two posts, crossbar and two rails."""
    posts = [
        tube([(x, _FRONT, _BOTTOM - _RAIL_RADIUS), (x, _FRONT, _TOP)], _TUBE_RADIUS, 12) for x in (-_HALF_WIDTH, _HALF_WIDTH)
    ]
    bar = tube([(-_HALF_WIDTH - 0.0035, _FRONT, _TOP), (_HALF_WIDTH + 0.0035, _FRONT, _TOP)], _TUBE_RADIUS, 12)
    rails = [tube(line, _RAIL_RADIUS, 8) for line in (top_rail(), bottom_rail())]
    return merged([*posts, bar, *rails])


def _resampled(line: FloatArray, count: int) -> FloatArray:
    travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0.0, travelled[-1], count)
    return np.stack([np.interp(at, travelled, line[:, i]) for i in range(3)], axis=1)


def curtain(columns: int, rows: int) -> FloatArray:
    """Points (rows, columns, 3) of the net that hangs from the upper to the lower rail."""
    high, low = _resampled(top_rail(), columns), _resampled(bottom_rail(), columns)
    share = np.linspace(0.0, 1.0, rows)[:, None, None]
    # The net hangs nearly straight down and then runs out to the lower rail.
    return np.concatenate(
        [high[None, :, :2] + share**2.2 * (low - high)[None, :, :2], high[None, :, 2:] + share * (low - high)[None, :, 2:]],
        axis=2,
    )


def net() -> Mesh:
    """The strings of the net, three-sided."""
    hanging = curtain(29, 10)
    lines = [hanging[:, i] for i in range(1, hanging.shape[1] - 1)] + [hanging[k] for k in range(1, len(hanging) - 1)]
    half_depth = (_FRONT + 0.031) / 2
    middle = (_FRONT - 0.031) / 2
    lines += [np.array([(x, middle - half_depth, _TOP), (x, middle + half_depth, _TOP)]) for x in np.linspace(-0.07, 0.07, 15)]
    lines += [np.array([(-0.079, y, _TOP), (0.079, y, _TOP)]) for y in np.linspace(-0.021, 0.040, 7)]
    return merged([tube(line, _STRING_RADIUS, 3) for line in lines])


def sheet() -> Mesh:
    """A thin cloth behind the strings, seen from both sides; it keeps the net visible where the strings are finer than a pixel."""
    hanging = curtain(21, 6)
    depths = np.linspace(_FRONT, -0.031, 3)
    roof = np.array([[(x, y, _TOP) for x in (_HALF_WIDTH - 0.004, -_HALF_WIDTH + 0.004)] for y in depths])
    meshes = []
    for grid in (hanging, roof):
        rows, columns = grid.shape[:2]
        along = np.gradient(grid, axis=1)
        down = np.gradient(grid, axis=0)
        normals = np.cross(down, along)
        normals = (normals / np.linalg.norm(normals, axis=2, keepdims=True)).reshape(-1, 3)
        first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
        faces = np.concatenate(
            [np.stack([first, first + columns, first + columns + 1], 1), np.stack([first, first + columns + 1, first + 1], 1)]
        )
        points, uv = grid.reshape(-1, 3), np.zeros((rows * columns, 2))
        meshes += [Mesh(points, normals, uv, faces), Mesh(points, -normals, uv, faces[:, ::-1])]
    return merged(meshes)


def main() -> None:
    """Writes the meshes beside this script."""
    here = Path(__file__).parent
    length = stick_length()
    write_obj(here / "hockey_stick.obj", stick_part(0.0, length))
    write_obj(
        here / "hockey_tape.obj", merged([stick_part(0.001, 0.045, _TAPE), stick_part(length - 0.044, length - 0.012, _TAPE)])
    )
    write_obj(here / "hockey_goal_frame.obj", frame())
    write_obj(here / "hockey_goal_net.obj", net())
    write_obj(here / "hockey_goal_sheet.obj", sheet())


if __name__ == "__main__":
    main()
