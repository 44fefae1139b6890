"""Makes the meshes of safe and bank notes and their textures. Run: ``python -m hamster_bench.envs.tasks.put_money_in_safe.make_assets``.

Outer sizes are the recorded bounding boxes of the original's objects. The notes lie turned by 20 degrees in the frame of the stack, as
its visible parts do there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.envs.mujoco.assets.meshing import Mesh, flat_quad, lathe, merged, rounded_block, rounded_box, write_obj
from hamster_bench.envs.mujoco.assets.texturing import grey, periodic_noise, save_png

# Half extents [m] along the safe's own axes: depth, width, height.
_SAFE = np.array([0.1179, 0.155, 0.2475])
_DOOR = np.array([0.005, 0.1449, 0.2257])
_SIDE = 0.010
_BOTTOM_PLATE, _TOP_PLATE = 0.020, 0.0215
_SHELF_TOPS = (-0.0816, 0.0734)
_SHELF_FRONT = -0.080
_SHELF = 0.010
# How far the fields between the raised borders lie back [m], and the width of the borders.
_FIELD = 0.003
_BORDER = 0.022
_EDGE = 0.0015
_TEXTURE_SIZE = 0.25

# Half extents [m] of the stack of notes along the notes' own axes: short side, long side, height.
_NOTES = np.array([0.0266, 0.0627, 0.016])
_BAND_HALF_WIDTH = 0.011

_DIGITS = {"0": ("111", "101", "101", "101", "111"), "1": ("010", "110", "010", "010", "111")}


def _block(low: ArrayLike, high: ArrayLike, radius: float = _EDGE) -> Mesh:
    return rounded_block(low, high, radius, _TEXTURE_SIZE)


def _border(axis: int, at: tuple[float, float], half: tuple[float, float]) -> list[Mesh]:
    """Four strips around the edge of a face across ``axis``, from ``at[0]`` to ``at[1]`` along it."""
    a, b = (axis + 1) % 3, (axis + 2) % 3
    strips = []
    for side in (-1.0, 1.0):
        spans = (
            ((-half[0], half[0]), sorted((side * half[1], side * (half[1] - _BORDER)))),
            (sorted((side * half[0], side * (half[0] - _BORDER))), (-half[1], half[1])),
        )
        for span_a, span_b in spans:
            low, high = np.empty(3), np.empty(3)
            low[axis], high[axis] = min(at), max(at)
            low[a], high[a] = span_a
            low[b], high[b] = span_b
            strips.append(_block(low, high, 0.0008))
    return strips


def safe_body() -> Mesh:
    """The safe without its door: a shell open towards -x with two shelves; back and sides have raised borders."""
    x, y, z = _SAFE
    floor, ceiling = _BOTTOM_PLATE - z, z - _TOP_PLATE
    plates = [
        _block((-x, -y, -z), (x, y, floor)),
        _block((-x, -y, ceiling), (x, y, z)),
        _block((x - _SIDE, -y, floor - 0.002), (x - _FIELD, y, ceiling + 0.002)),
    ]
    for side in (-1.0, 1.0):
        field = sorted((side * (y - _SIDE), side * (y - _FIELD)))
        plates.append(_block((-x, field[0], floor - 0.002), (x, field[1], ceiling + 0.002)))
        plates += _border(1, (side * (y - _FIELD - 0.001), side * y), (z, x))
    plates += _border(0, (x - _FIELD - 0.001, x), (y, z))
    for top in _SHELF_TOPS:
        plates.append(_block((_SHELF_FRONT, -y + _SIDE - 0.001, top - _SHELF), (x - _SIDE + 0.001, y - _SIDE + 0.001, top)))
    return merged(plates)


def safe_door() -> Mesh:
    """The door; its outer face, towards +x while it stands open, has a raised border."""
    x, y, z = _DOOR
    plate = _block((-x, -y, -z), (x - 0.002, y, z))
    return merged([plate, *_border(0, (x - 0.003, x), (float(y), float(z)))])


def _towards_x(mesh: Mesh) -> Mesh:
    """Turns the z axis into x, x into y, y into z."""
    return Mesh(mesh.vertices[:, [2, 0, 1]], mesh.normals[:, [2, 0, 1]], mesh.uv, mesh.faces)


def dial() -> Mesh:
    """A combination dial about x: a stepped knob."""
    steps = [(0.030, 0.0), (0.030, 0.003), (0.028, 0.004), (0.019, 0.004), (0.018, 0.009), (0.016, 0.011), (0.0, 0.011)]
    return _towards_x(lathe(steps, 32))


def _about_z(mesh: Mesh, angle: float) -> Mesh:
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    return Mesh(mesh.vertices @ turn, mesh.normals @ turn, mesh.uv, mesh.faces)


def wheel() -> Mesh:
    """A handle about x: a ring on three arms and a hub."""
    hub = lathe([(0.013, 0.0), (0.013, 0.008), (0.010, 0.012), (0.0, 0.013)], 20)
    round_section = np.deg2rad(np.linspace(0.0, 360.0, 9))
    ring = lathe([(0.040 + 0.0042 * np.cos(a), 0.011 + 0.0042 * np.sin(a)) for a in round_section], 36)
    arm = rounded_box((0.034, 0.007, 0.005), 0.002).moved((0.023, 0.0, 0.009))
    arms = [_about_z(arm, angle) for angle in np.deg2rad((90.0, 210.0, 330.0))]
    return _towards_x(merged([hub, ring, *arms]))


def _sheet(centre: ArrayLike, along_u: ArrayLike, along_v: ArrayLike, u: tuple[float, float] = (0.0, 1.0)) -> Mesh:
    """A rectangle that its texture covers from ``u[0]`` to ``u[1]`` across, facing ``along_u`` x ``along_v``."""
    c, a, b = (np.asarray(v, dtype=np.float64) for v in (centre, along_u, along_v))
    return flat_quad([c - a - b, c + a - b, c + a + b, c - a + b], u)


def _in_stack(mesh: Mesh) -> Mesh:
    """From the axes of the notes to the frame of the stack."""
    return _about_z(mesh, np.deg2rad(20.0))


def stack() -> Mesh:
    """The four edges of the stack."""
    x, y, z = _NOTES
    up = (0.0, 0.0, z)
    sides = [
        _sheet((x, 0, 0), (0, y, 0), up, (0.0, 0.7)),
        _sheet((-x, 0, 0), (0, -y, 0), up, (0.0, 0.7)),
        _sheet((0, y, 0), (-x, 0, 0), up, (0.7, 1.0)),
        _sheet((0, -y, 0), (x, 0, 0), up, (0.7, 1.0)),
    ]
    return _in_stack(merged(sides))


def note(side: float) -> Mesh:
    """The uppermost (``side`` 1) or lowest (-1) note, its print upright when read from the right."""
    x, y, z = _NOTES
    return _in_stack(_sheet((0, 0, side * z), (0, side * y, 0), (-x, 0, 0)))


def band() -> Mesh:
    """A paper strip around the middle of the stack."""
    x, _, z = _NOTES + 0.0003
    strips = [
        _sheet((x, 0, 0), (0, _BAND_HALF_WIDTH, 0), (0, 0, z)),
        _sheet((-x, 0, 0), (0, -_BAND_HALF_WIDTH, 0), (0, 0, z)),
        _sheet((0, 0, z), (0, _BAND_HALF_WIDTH, 0), (-x, 0, 0)),
        _sheet((0, 0, -z), (0, -_BAND_HALF_WIDTH, 0), (-x, 0, 0)),
    ]
    return _in_stack(merged(strips))


def note_print() -> NDArray[np.float64]:
    """A bank note of no country, pale so that the colour of what it covers tints it."""
    height, width = 128, 300
    row, column = np.mgrid[0:height, 0:width]
    # Millimetres from the middle of the note.
    u = (column + 0.5) / width * 125.4 - 62.7
    v = 26.6 - (row + 0.5) / height * 53.2
    tone = np.full((height, width), 0.93)
    waves = np.sin(0.9 * u + 3.0 * np.sin(0.35 * v)) * np.sin(0.9 * v + 3.0 * np.sin(0.22 * u))
    tone -= 0.16 * (waves > 0.15)
    frame = np.maximum(np.abs(u) - 62.7, np.abs(v) - 26.6)
    tone[(frame > -7.5) & (frame < -2.0)] = 0.42
    lace = np.sin(1.6 * u) * np.sin(1.6 * v) > 0.1
    tone[(frame > -6.5) & (frame < -3.0) & lace] = 0.80
    tone[frame > -2.0] = 0.97
    oval = (u / 13.5) ** 2 + (v / 17.5) ** 2
    tone[oval < 1.0] = 0.30
    tone[oval < 0.86] = 0.86
    head = (u / 5.2) ** 2 + ((v - 3.0) / 6.6) ** 2 < 1.0
    hair = (u / 6.6) ** 2 + ((v - 5.2) / 7.2) ** 2 < 1.0
    coat = (oval < 0.84) & ((u / 11.0) ** 2 + ((v + 15.0) / 9.5) ** 2 < 1.0)
    tone[hair & (oval < 0.84)] = 0.34
    tone[head] = 0.74
    tone[head & (np.abs(np.abs(u) - 2.1) < 0.9) & (np.abs(v - 4.2) < 0.6)] = 0.30
    tone[head & (np.abs(u) < 1.9) & (np.abs(v + 0.4) < 0.5)] = 0.38
    tone[coat] = 0.36
    tone[coat & (np.abs(u) < 1.6)] = 0.85
    for seal_u, radius in ((36.0, 7.5), (-36.0, 7.5)):
        ring = np.hypot(u - seal_u, v)
        rays = np.cos(18 * np.arctan2(v, u - seal_u)) > 0
        tone[(ring < radius) & ((ring < 0.72 * radius) | rays)] = 0.40
        tone[ring < 0.56 * radius] = 0.82
        tone[ring < 0.34 * radius] = 0.45
    for line_v in (13.5, -13.5):
        stroke = (np.floor(np.abs(u) * 1.1) * 40503 % 89) % 4 < 2
        tone[(np.abs(np.abs(u) - 34.0) < 12.0) & (np.abs(v - line_v) < 1.3) & stroke] = 0.32
    for corner_u, corner_v in ((-52.0, 14.0), (52.0, 14.0), (-52.0, -14.0), (52.0, -14.0)):
        tone[(np.abs(u - corner_u) < 8.0) & (np.abs(v - corner_v) < 5.2)] = 0.90
        for place, digit in enumerate("100"):
            for j, line in enumerate(_DIGITS[digit]):
                for i, bit in enumerate(line):
                    if bit == "1":
                        at_u, at_v = corner_u + (place - 1) * 4.8 + (i - 1) * 1.4, corner_v - (j - 2) * 1.6
                        tone[(np.abs(u - at_u) <= 0.75) & (np.abs(v - at_v) <= 0.85)] = 0.20
    tone += 0.03 * periodic_noise((height, width), (64, 150), np.random.default_rng(3))
    return grey(tone)


def edges_print() -> NDArray[np.float64]:
    """The edges of some hundred notes, none exactly like its neighbours."""
    height, width = 64, 256
    rng = np.random.default_rng(8)
    tone = (
        0.80
        + 0.15 * periodic_noise((height, width), (height, 5), rng)
        + 0.08 * periodic_noise((height, width), (height, 90), rng)
    )
    tone -= 0.28 * (rng.uniform(size=(height, 1)) < 0.3)
    return grey(tone)


def steel() -> NDArray[np.float64]:
    """Hammered enamel, pale so that the colour of what it covers tints it."""
    size = 256
    rng = np.random.default_rng(17)
    tone = 0.92 + 0.03 * periodic_noise((size, size), (64, 64), rng) + 0.02 * periodic_noise((size, size), (128, 128), rng)
    tone += 0.02 * periodic_noise((size, size), (6, 6), rng)
    return grey(tone)


def main() -> None:
    """Writes meshes and textures beside this script."""
    here = Path(__file__).parent
    write_obj(here / "safe_body.obj", safe_body())
    write_obj(here / "safe_door.obj", safe_door())
    write_obj(here / "safe_dial.obj", dial())
    write_obj(here / "safe_wheel.obj", wheel())
    write_obj(here / "dollar_stack.obj", stack())
    write_obj(here / "dollar_back.obj", note(1.0))
    write_obj(here / "dollar_front.obj", note(-1.0))
    write_obj(here / "dollar_band.obj", band())
    save_png(here / "dollar_note.png", note_print(), colors=32)
    save_png(here / "dollar_edges.png", edges_print(), colors=24)
    save_png(here / "safe_steel.png", steel(), colors=24)


if __name__ == "__main__":
    main()
