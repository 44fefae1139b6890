"""Makes the meshes of grill, chicken and steak and their textures.

Run: ``python -m hamster_bench.envs.tasks.meat_on_grill.make_assets``. All shapes and sizes are this project's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.envs.mujoco.assets.meshing import Mesh, cell_faces, lathe, merged, smooth_mesh, write_obj
from hamster_bench.envs.mujoco.assets.texturing import periodic_noise, save_png

FloatArray = NDArray[np.float64]

# The grill about the point of the table top below its middle [m]: 0.30 x 0.25 x 0.116.
_RIM = np.array([0.150, 0.125])
_FOOT = np.array([0.122, 0.098])
_CORNER = 0.030
_TROUGH_BOTTOM = 0.030
_RIM_HEIGHT = 0.108
_WALL = 0.0035
_COALS = 0.078
_GRATE_TOP = 0.116
_BAR = 0.0025
_CROSS_BAR = 0.0030

# The steak about its middle [m].
_STEAK_HALF_HEIGHT = 0.012


def _loft(rings: Sequence[ArrayLike], texture_size: float | None = None) -> Mesh:
    """A skin, to be textured, over closed rings of (k, 3) points, each counter-clockwise seen from where the rings lead to.

    Args:
        rings: the rings; their points correspond.
        texture_size: edge [m] of the square of the xy plane that one repeat of a texture covers; None wraps it once around.
    """
    closed = np.array([np.concatenate([r, r[:1]]) for r in (np.asarray(ring, dtype=np.float64) for ring in rings)])
    rows, columns = closed.shape[:2]
    vertices = closed.reshape(-1, 3)
    if texture_size:
        uv = vertices[:, :2] / texture_size
    else:
        u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
        uv = np.column_stack([u.ravel(), v.ravel()])
    return smooth_mesh(vertices, uv, cell_faces(rows, columns))


def _point(height: float, count: int) -> FloatArray:
    """A ring (count, 3) that has shrunk to a point of the z axis."""
    return np.column_stack([np.zeros((count, 2)), np.full(count, height)])


def _rounded_rectangle(half: ArrayLike, radius: float, height: float, steps: int = 6) -> FloatArray:
    """A ring (4 * steps, 3) around a rectangle with rounded corners, counter-clockwise seen from above."""
    a, b = np.asarray(half, dtype=np.float64) - radius
    points = []
    for k, (x, y) in enumerate(((a, b), (-a, b), (-a, -b), (a, -b))):
        angles = np.deg2rad(np.linspace(90.0 * k, 90.0 * (k + 1), steps))
        points.append(np.column_stack([x + radius * np.cos(angles), y + radius * np.sin(angles), np.full(steps, height)]))
    return np.concatenate(points)


def _rod(start: ArrayLike, end: ArrayLike, radius: float, facets: int = 8) -> Mesh:
    """A round bar with flat ends."""
    p, q = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    w = (q - p) / np.linalg.norm(q - p)
    u = np.cross(w, (0.0, 0.0, 1.0) if abs(w[2]) < 0.9 else (1.0, 0.0, 0.0))
    u /= np.linalg.norm(u)
    turn = np.column_stack([u, np.cross(w, u), w])
    length = float(np.linalg.norm(q - p))
    bar = lathe([(0.0, 0.0), (radius, 0.0), (radius, length), (0.0, length)], facets)
    return Mesh(bar.vertices @ turn.T + p, bar.normals @ turn.T, bar.uv, bar.faces)


def trough() -> Mesh:
    """The enamelled bowl on four legs, open above."""

    def ring(share: float, inset: float, height: float) -> FloatArray:
        return _rounded_rectangle(_FOOT + share * (_RIM - _FOOT) - inset, _CORNER - inset, height)

    bulge = [(0.0, 0.006), (0.03, 0.0), (0.35, 0.0), (0.72, 0.0), (0.90, 0.0)]
    heights = [_TROUGH_BOTTOM + h * (_RIM_HEIGHT - _TROUGH_BOTTOM) for h in (0.0, 0.06, 0.40, 0.75, 0.92)]
    outer = _loft([ring(s, i, z) for (s, i), z in zip(bulge, heights, strict=True)])
    lip = np.deg2rad(np.linspace(-90.0, 160.0, 8))
    rim = _loft([ring(0.94, 0.002 - 0.004 * np.cos(a), _RIM_HEIGHT - 0.004 + 0.004 * np.sin(a)) for a in lip])
    inner = _loft([ring(0.92, _WALL, _RIM_HEIGHT - 0.003), ring(0.5, _WALL, _COALS - 0.006)])
    bottom = _loft([_point(_TROUGH_BOTTOM, 24), ring(0.0, 0.006, _TROUGH_BOTTOM)])
    legs = [
        _rod((sx * 0.112, sy * 0.088, -0.002), (sx * 0.098, sy * 0.074, _TROUGH_BOTTOM + 0.01), 0.006, 10)
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    return merged([outer, rim, inner, bottom, *legs])


def grate() -> Mesh:
    """Bars across the bowl on two cross bars, inside a frame."""
    x, y = _RIM - 0.010
    top = _GRATE_TOP - _BAR
    bars = [_rod((at, -y, top), (at, y, top), _BAR) for at in np.linspace(-x + 0.014, x - 0.014, 13)]
    below = top - _BAR - _CROSS_BAR + 0.001
    cross = [_rod((-x, at, below), (x, at, below), _CROSS_BAR) for at in (-0.055, 0.055)]
    frame = [
        *(_rod((-x, side * y, top - 0.001), (x, side * y, top - 0.001), _CROSS_BAR) for side in (-1, 1)),
        *(_rod((side * x, -y, top - 0.001), (side * x, y, top - 0.001), _CROSS_BAR) for side in (-1, 1)),
    ]
    return merged([*bars, *cross, *frame])


def handle_posts() -> Mesh:
    """Steel posts between the bowl and the two wooden handles at its short sides."""
    return merged(
        [_rod((sx * 0.140, sy * 0.045, 0.090), (sx * 0.172, sy * 0.045, 0.093), 0.004) for sx in (-1, 1) for sy in (-1, 1)]
    )


def coals() -> Mesh:
    """A bed of lumps."""
    half = _FOOT + 0.58 * (_RIM - _FOOT) - _WALL
    rows, columns = 20, 24
    noise = periodic_noise((rows, columns), (10, 12), np.random.default_rng(2))
    y, x = np.meshgrid(np.linspace(-half[1], half[1], rows), np.linspace(-half[0], half[0], columns), indexing="ij")
    uv = np.column_stack([(x / (2 * half[0]) + 0.5).ravel(), (y / (2 * half[1]) + 0.5).ravel()])
    # What lies outside the round corners of the bowl is drawn in.
    core_x, core_y = np.clip(x, _CORNER - half[0], half[0] - _CORNER), np.clip(y, _CORNER - half[1], half[1] - _CORNER)
    shrink = np.minimum(1.0, _CORNER / np.maximum(np.hypot(x - core_x, y - core_y), 1e-9))
    x, y = core_x + shrink * (x - core_x), core_y + shrink * (y - core_y)
    vertices = np.column_stack([x.ravel(), y.ravel(), _COALS + 0.007 * noise.ravel()])
    return smooth_mesh(vertices, uv, cell_faces(rows, columns))


def _ring_about_x(x: float, radius: float, flat: float, facets: int = 24) -> FloatArray:
    """A ring about the x axis, lower than wide, cut off below by the table at 22 mm under the middle."""
    angles = np.linspace(0.0, 2 * np.pi, facets, endpoint=False)
    z = np.maximum(flat * radius * np.sin(angles), -0.022)
    return np.column_stack([np.full(facets, x), radius * np.cos(angles), z])


def chicken() -> Mesh:
    """The meat of a drumstick, its thick end towards +x, about the middle of the thick part."""
    outline = [
        (0.0440, 0.0002),
        (0.0430, 0.0075),
        (0.0395, 0.0145),
        (0.0330, 0.0205),
        (0.0230, 0.0247),
        (0.0110, 0.0263),
        (-0.0010, 0.0258),
        (-0.0130, 0.0228),
        (-0.0240, 0.0180),
        (-0.0330, 0.0132),
        (-0.0400, 0.0105),
        (-0.0440, 0.0104),
        (-0.0465, 0.0088),
        (-0.0455, 0.0055),
        (-0.0430, 0.0002),
    ]
    skin = np.random.default_rng(6)
    rings = []
    for x, radius in outline:
        ring = _ring_about_x(x, radius, 0.90)
        if radius > 0.008:
            ring[:, 1:] *= 1.0 + 0.035 * periodic_noise((1, len(ring)), (1, 8), skin)[0][:, None]
            ring[:, 2] = np.maximum(ring[:, 2], -0.022)
        # The bone lies on the table, below the middle of the thick part.
        ring[:, 2] -= 0.0045 * np.clip(-x / 0.046, 0.0, 1.0)
        rings.append(ring)
    # Rings are counter-clockwise seen from +x, so they must lead there.
    return _loft(rings[::-1])


def chicken_bone() -> Mesh:
    """The end of the bone with its two knuckles."""
    turn = np.deg2rad(np.linspace(-90.0, 90.0, 8))
    ball = lathe([(max(0.0, 0.0072 * np.cos(a)), 0.0072 * np.sin(a)) for a in turn], 14)
    shaft = _rod((-0.040, 0.0, -0.0045), (-0.074, 0.0, -0.0045), 0.0048, 14)
    return merged([shaft, ball.moved((-0.075, 0.0055, -0.0045)), ball.moved((-0.075, -0.0055, -0.0045))])


def _steak_outline(inset: float, height: float, points: int = 48) -> FloatArray:
    """The outline of the steak, counter-clockwise seen from above: a broad end, a narrow one, and a dent between them."""
    angle = np.linspace(0.0, 2 * np.pi, points, endpoint=False)
    x = 0.052 * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.85
    y = (0.0265 + 0.0035 * np.cos(angle)) * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.85
    y += 0.006 * np.exp(-(((x - 0.004) / 0.016) ** 2)) * (np.sin(angle) < 0) * -np.sin(angle)
    outline = np.column_stack([x, y])
    along = np.roll(outline, -1, axis=0) - np.roll(outline, 1, axis=0)
    outward = np.column_stack([along[:, 1], -along[:, 0]]) / np.linalg.norm(along, axis=1)[:, None]
    return np.column_stack([outline - inset * outward, np.full(points, height)])


def steak() -> Mesh:
    """The lean meat of the steak."""
    h = _STEAK_HALF_HEIGHT
    rings = [_point(-h, 48)]
    rings += [_steak_outline(i, z) for i, z in ((0.007, -h), (0.0035, -h + 0.001), (0.002, -h + 0.004), (0.002, h - 0.004))]
    rings += [_steak_outline(i, z) for i, z in ((0.0035, h - 0.001), (0.007, h))]
    rings += [_steak_outline(0.007, h) * (0.5, 0.5, 1.0), _point(h, 48)]
    return _loft(rings, texture_size=0.11)


def steak_fat() -> Mesh:
    """The rim of fat, thicker along one long side."""
    h = _STEAK_HALF_HEIGHT - 0.0005
    angle = np.linspace(0.0, 2 * np.pi, 48, endpoint=False)
    width = 0.0035 + 0.0035 * np.clip(np.sin(angle - 0.3), 0.0, 1.0)
    section = np.deg2rad(np.linspace(-90.0, 90.0, 7))
    rings = []
    outer, unit = _steak_outline(0.0, 0.0), _steak_outline(1.0, 0.0)
    inward = unit - outer
    rings.append(outer + inward * width[:, None] + (0, 0, -h))
    for a in section:
        rings.append(
            outer + inward * (0.0025 * (1.0 - np.cos(a))) + (0, 0, (h - 0.0025) * np.sign(np.sin(a)) + 0.0025 * np.sin(a))
        )
    rings.append(outer + inward * (width[:, None] - 0.001) + (0, 0, h + 0.0006))
    rings.append(outer + inward * width[:, None] + (0, 0, h))
    return _loft(rings)


def steak_bone() -> Mesh:
    """The cut end of a bone in the upper face: a ring of bone; its marrow is the hollow."""
    profile = [(0.0085, 0.0), (0.0085, 0.0008), (0.0075, 0.0014), (0.0050, 0.0012), (0.0042, 0.0004), (0.0, 0.0002)]
    ring = lathe(profile, 20).moved((0.030, 0.004, _STEAK_HALF_HEIGHT - 0.0003))
    return ring


def skin() -> FloatArray:
    """Roasted skin, pale so that the colour of what it covers tints it."""
    size = 128
    rng = np.random.default_rng(31)
    tone = 0.86 + 0.16 * periodic_noise((size, size), (6, 6), rng) + 0.08 * periodic_noise((size, size), (24, 24), rng)
    char = periodic_noise((size, size), (14, 14), rng)
    tone -= 0.8 * np.clip(char - 0.5, 0.0, None)
    image = np.repeat(tone[..., None], 3, axis=2)
    # Where it is darker it is browner.
    image[..., 2] -= 0.10 * (1.0 - tone)
    return np.clip(image, 0.0, 1.0)


def marbling() -> FloatArray:
    """Lean meat with veins of fat, pale so that the colour of what it covers tints it."""
    size = 192
    rng = np.random.default_rng(12)
    tone = 0.62 + 0.10 * periodic_noise((size, size), (5, 5), rng) + 0.06 * periodic_noise((size, size), (48, 12), rng)
    veins = np.minimum(np.abs(periodic_noise((size, size), (5, 7), rng)), np.abs(periodic_noise((size, size), (9, 6), rng)))
    share = np.clip(1.0 - veins / 0.045, 0.0, 1.0)[..., None]
    image = np.repeat(tone[..., None], 3, axis=2)
    return np.asarray(np.clip(image * (1 - share) + share * np.array([1.0, 1.0, 1.0]), 0.0, 1.0))


def embers() -> FloatArray:
    """Coals: black, ash-grey on top, glowing between."""
    size = 192
    rng = np.random.default_rng(77)
    lumps = periodic_noise((size, size), (22, 22), rng)
    ash = np.clip(0.5 + periodic_noise((size, size), (40, 40), rng), 0.0, 1.0)
    glow = np.clip(0.55 - 1.6 * np.abs(lumps) + 0.7 * periodic_noise((size, size), (5, 5), rng), 0.0, 1.0)
    image = np.array([0.10, 0.095, 0.09]) + 0.28 * (ash * np.clip(np.abs(lumps) - 0.25, 0.0, 1.0))[..., None]
    image = image * (1 - glow[..., None]) + glow[..., None] * (
        np.array([1.0, 0.30, 0.05]) + 0.45 * (glow**3)[..., None] * [0.0, 1.0, 0.5]
    )
    return np.clip(image, 0.0, 1.0)


def main() -> None:
    """Writes meshes and textures beside this script."""
    here = Path(__file__).parent
    write_obj(here / "grill_trough.obj", trough())
    write_obj(here / "grill_grate.obj", grate())
    write_obj(here / "grill_posts.obj", handle_posts())
    write_obj(here / "grill_coals.obj", coals())
    write_obj(here / "chicken.obj", chicken())
    write_obj(here / "chicken_bone.obj", chicken_bone())
    write_obj(here / "steak.obj", steak())
    write_obj(here / "steak_fat.obj", steak_fat())
    write_obj(here / "steak_bone.obj", steak_bone())
    save_png(here / "chicken_skin.png", skin(), colors=32)
    save_png(here / "steak_marbling.png", marbling(), colors=32)
    save_png(here / "grill_embers.png", embers(), colors=48)


if __name__ == "__main__":
    main()
