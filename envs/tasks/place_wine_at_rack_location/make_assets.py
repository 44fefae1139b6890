"""Makes the meshes of bottle and rack and their textures.

Run: ``python -m hamster_bench.envs.tasks.place_wine_at_rack_location.make_assets``.

Outer sizes are the recorded bounding boxes of the original's visible objects; outlines and slats are fitted to its recorded depth
images and to where its bottle came to rest.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.assets.meshing import Mesh, cell_faces, lathe, merged, rounded_block, write_obj
from hamster_bench.envs.mujoco.assets.texturing import periodic_noise, save_png, wood

# The bottle, upright about the origin of its body [m].
_FOOT = -0.1232
_BOTTLE_HEIGHT = 0.2490
BODY_RADIUS = 0.0297
NECK_RADIUS = 0.0110
_SHOULDER = 0.152
_NECK = 0.184
_CAPSULE = 0.205
_FACETS = 40

_LABEL_HEIGHT = 0.072
_LABEL_BOTTOM = 0.030
_LABEL_HALF_ANGLE = np.deg2rad(80.0)

# The rack, in the axes of the task base about the recorded centres of rack_bottom and rack_top [m].
_BOARDS = ((-0.1664, -0.1504), (0.1573, 0.1733))
_BOARD_Y = (-0.1268, 0.1268)
_BOARD_TOP = 0.0400
_SADDLE = 0.0139
SLATS = (-0.1440, -0.0860, -0.0280, 0.0308, 0.0903, 0.1497)
SLAT_WIDTH = 0.012
SLAT_TOP = 0.0029
_SLAT_HEIGHT = 0.014
_TEXTURE_SIZE = 0.30


def bottle() -> Mesh:
    """The glass: punt, straight wall, round shoulder, neck and lip."""
    rise = np.linspace(0.0, 1.0, 9)
    # From the wall the shoulder turns in, from the neck it swings out: two quarter ellipses that meet half way.
    turn = np.deg2rad(np.linspace(0.0, 90.0, 6))
    half = 0.5 * (BODY_RADIUS + NECK_RADIUS)
    middle = 0.62 * (_NECK - _SHOULDER) + _SHOULDER
    outer = [(half + (BODY_RADIUS - half) * np.cos(a), _SHOULDER + (middle - _SHOULDER) * np.sin(a)) for a in turn]
    inner = [(half - (half - NECK_RADIUS) * np.sin(a), _NECK - (_NECK - middle) * np.cos(a)) for a in turn[1:]]
    profile = [
        (0.0, 0.012),
        *((0.020 * np.sin(s * np.pi / 2), 0.012 * np.cos(s * np.pi / 2) + 0.0004) for s in rise[3::2]),
        (BODY_RADIUS - 0.0050, 0.0),
        (BODY_RADIUS - 0.0018, 0.0012),
        (BODY_RADIUS, 0.0050),
        *outer,
        *inner,
        (NECK_RADIUS, _CAPSULE),
        (NECK_RADIUS - 0.001, _CAPSULE),
    ]
    return lathe(profile, _FACETS).moved((0, 0, _FOOT))


def capsule() -> Mesh:
    """The foil over the upper neck and the lip, a trifle wider than the glass."""
    radius = NECK_RADIUS + 0.0003
    top = _BOTTLE_HEIGHT
    profile = [
        (NECK_RADIUS - 0.001, _CAPSULE),
        (radius, _CAPSULE),
        (radius, top - 0.016),
        (radius + 0.0012, top - 0.014),
        (radius + 0.0012, top - 0.007),
        (radius, top - 0.005),
        (radius - 0.0003, top - 0.001),
        (radius - 0.0014, top),
        (0.0, top),
    ]
    return lathe(profile, 24).moved((0, 0, _FOOT))


def label() -> Mesh:
    """The paper on the bottle, facing +x; its texture covers it once."""
    angles = np.linspace(-_LABEL_HALF_ANGLE, _LABEL_HALF_ANGLE, 25)
    around = np.column_stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)])
    along = (angles + _LABEL_HALF_ANGLE) / (2 * _LABEL_HALF_ANGLE)
    rows = [around * (BODY_RADIUS + 0.0002) + (0.0, 0.0, _FOOT + _LABEL_BOTTOM + v * _LABEL_HEIGHT) for v in (0.0, 1.0)]
    uv = np.concatenate([np.column_stack([along, np.full_like(along, v)]) for v in (0.0, 1.0)])
    return Mesh(np.concatenate(rows), np.concatenate([around, around]), uv, cell_faces(2, len(angles)))


def _smooth_step(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x * x * (3.0 - 2.0 * x))


def _board(x: tuple[float, float], foot: float) -> Mesh:
    """An end board, upright across x: saddled above and below, its lowest edge at ``foot``."""
    y = np.linspace(*_BOARD_Y, 37)
    inward = _smooth_step((0.092 - np.abs(y)) / 0.060)
    upper = _BOARD_TOP - (_BOARD_TOP - _SADDLE) * inward
    lower = foot + 0.0075 * _smooth_step((0.088 - np.abs(y)) / 0.030)
    count = len(y)
    pieces = []
    quads = cell_faces(2, count)
    for side, at in ((1.0, x[1]), (-1.0, x[0])):
        vertices = np.concatenate([np.column_stack([np.full(count, at), y, z]) for z in (lower, upper)])
        normals = np.tile([side, 0.0, 0.0], (2 * count, 1))
        pieces.append(Mesh(vertices, normals, vertices[:, 1:] / _TEXTURE_SIZE, quads if side > 0 else quads[:, ::-1]))
    for side, edge in ((1.0, upper), (-1.0, lower)):
        vertices = np.concatenate([np.column_stack([np.full(count, at), y, edge]) for at in x])
        slope = np.gradient(edge, y)
        normals = side * np.column_stack([np.zeros(count), -slope, np.ones(count)]) / np.sqrt(1 + slope**2)[:, None]
        faces = quads[:, ::-1] if side > 0 else quads
        pieces.append(Mesh(vertices, np.tile(normals, (2, 1)), vertices[:, [1, 0]] / _TEXTURE_SIZE, faces))
    for side, row in ((-1.0, 0), (1.0, -1)):
        corners = np.array([[at, y[row], z] for at in x for z in (lower[row], upper[row])])
        faces = np.array([[0, 2, 3], [0, 3, 1]], dtype=np.int64)
        normals = np.tile([0.0, side, 0.0], (4, 1))
        pieces.append(Mesh(corners, normals, corners[:, [2, 0]] / _TEXTURE_SIZE, faces if side < 0 else faces[:, ::-1]))
    return merged(pieces)


def rack(foot: float) -> Mesh:
    """One level of the rack: two end boards, two rails between them, six slats across the rails."""

    def bar(low: tuple[float, float, float], high: tuple[float, float, float]) -> Mesh:
        return rounded_block(low, high, 0.0015, _TEXTURE_SIZE)

    inner = (_BOARDS[0][1] - 0.002, _BOARDS[1][0] + 0.002)
    slats = [bar((x - SLAT_WIDTH / 2, -0.085, SLAT_TOP - _SLAT_HEIGHT), (x + SLAT_WIDTH / 2, 0.105, SLAT_TOP)) for x in SLATS]
    rails = [
        bar((inner[0], -0.103, -0.0300), (inner[1], -0.083, 0.0000)),
        bar((inner[0], 0.101, -0.0300), (inner[1], 0.119, _SADDLE)),
    ]
    return merged([*(_board(x, foot) for x in _BOARDS), *rails, *slats])


def label_print() -> NDArray[np.float64]:
    """A cream label with a vineyard hill, a name set in bars, and a band of burgundy."""
    height, width = 160, 192
    row, column = np.mgrid[0:height, 0:width]
    u, v = (column + 0.5) / width, 1.0 - (row + 0.5) / height
    image = np.ones((height, width, 3)) * (0.94, 0.90, 0.80)
    image += 0.02 * periodic_noise((height, width), (40, 40), np.random.default_rng(5))[..., None]

    def paint(mask: NDArray[np.bool_], color: tuple[float, float, float]) -> None:
        image[mask] = color

    burgundy, ink, gold = (0.42, 0.06, 0.12), (0.13, 0.11, 0.10), (0.72, 0.56, 0.24)
    paint((v > 0.86) | (v < 0.07), burgundy)
    paint((np.abs(v - 0.84) < 0.012) | (np.abs(v - 0.09) < 0.012), gold)
    hill = 0.50 + 0.12 * np.cos((u - 0.42) * 5.0)
    paint((v > 0.40) & (v < hill) & (np.abs(u - 0.5) < 0.34), (0.35, 0.44, 0.24))
    furrow = np.sin((u - 0.5) / (0.75 - v) * 26.0) > 0.55
    paint((v > 0.40) & (v < hill - 0.02) & (np.abs(u - 0.5) < 0.34) & furrow, (0.22, 0.30, 0.16))
    paint((u - 0.66) ** 2 + ((v - 0.70) * height / width) ** 2 < 0.045**2, gold)
    # Letters as upright strokes of changing width: read as print from afar.
    stroke = (np.floor(u * 46) * 2654435761 % 97) % 5 < 3
    paint((np.abs(v - 0.31) < 0.040) & (np.abs(u - 0.5) < 0.32) & stroke, ink)
    fine = (np.floor(u * 80) * 40503 % 89) % 4 < 2
    paint((np.abs(v - 0.20) < 0.014) & (np.abs(u - 0.5) < 0.22) & fine, ink)
    paint((np.abs(v - 0.15) < 0.010) & (np.abs(u - 0.5) < 0.14) & fine, ink)
    return np.clip(image, 0.0, 1.0)


def main() -> None:
    """Writes meshes and textures beside this script."""
    here = Path(__file__).parent
    write_obj(here / "wine_bottle.obj", bottle())
    write_obj(here / "wine_bottle_capsule.obj", capsule())
    write_obj(here / "wine_bottle_label.obj", label())
    # The lower level stands on the table, 36.1 mm below its centre; the upper one rests on it.
    write_obj(here / "rack_bottom.obj", rack(foot=-0.0361))
    write_obj(here / "rack_top.obj", rack(foot=-0.0310))
    save_png(here / "wine_label.png", label_print(), colors=48)
    grain = wood((256, 256), np.random.default_rng(23), (0.80, 0.74, 0.66), (1.0, 0.98, 0.95))
    save_png(here / "wine_rack_wood.png", grain, colors=32)


if __name__ == "__main__":
    main()
