"""Makes the laptop's meshes and textures. Run: ``python -m hamster_bench.envs.tasks.close_laptop_lid.make_assets``.

Meshes of the lower part are in the axes of the body ``base`` (keys face +z, the user sits at -y); those of the upper part are in the
axes of ``lid`` (the screen faces +z, the hinge is at +y).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.assets.meshing import Mesh, flat_quad, merged, rounded_box, write_obj
from hamster_bench.envs.mujoco.assets.texturing import periodic_noise, save_png, wood

# What collides: size of the lower part, and of the block it stands on [m].
_BASE_SIZE = (0.34725, 0.253, 0.01538)
_HOLDER_SIZE = (0.4, 0.3, 0.1)
_LID_SIZE = (0.34, 0.245, 0.003)

# The visible deck lies below the top of the colliding box, so that the keys on it clear the closed screen [m].
DECK = 0.0062
_KEY_FOOT = 0.0060
_KEY_TOP = 0.0076
_KEY_PITCH = 0.0187
_KEY_GAP = 0.0026
_KEY_CHAMFER = 0.0011
# Front edge of the row with the space bar [m].
_KEYS_FRONT = 0.0045

# Widths of the keys of each row in units of the pitch, from the front row to the function keys; all rows are equally long.
_ROWS: tuple[tuple[float, ...], ...] = (
    (1.25, 1.0, 1.0, 1.25, 5.25, 1.25, 1.0, 1.0, 1.0, 1.0),
    (2.25, *(1.0,) * 10, 1.75, 1.0),
    (1.75, *(1.0,) * 11, 2.25),
    (1.5, *(1.0,) * 12, 1.5),
    (*(1.0,) * 13, 2.0),
    (15 / 14,) * 14,
)
_ROW_UNITS = 15.0
_FUNCTION_ROW_HEIGHT = 0.6


@dataclass(frozen=True)
class Key:
    """Outline of a key cap in the plane of the deck: low and high x and y [m]."""

    x: tuple[float, float]
    y: tuple[float, float]


def keys() -> Iterator[Key]:
    """All key caps, row by row from the front."""
    front = _KEYS_FRONT
    for number, widths in enumerate(_ROWS):
        depth = _KEY_PITCH * (_FUNCTION_ROW_HEIGHT if number == len(_ROWS) - 1 else 1.0)
        left = -_ROW_UNITS / 2 * _KEY_PITCH
        for width in widths:
            right = left + width * _KEY_PITCH
            yield Key((left + _KEY_GAP / 2, right - _KEY_GAP / 2), (front + _KEY_GAP / 2, front + depth - _KEY_GAP / 2))
            left = right
        front += depth


def rectangle(x: tuple[float, float], y: tuple[float, float], z: float) -> NDArray[np.float64]:
    """Corners (4, 3) [m] of a level rectangle, counter-clockwise seen from above."""
    return np.array([[x[0], y[0], z], [x[1], y[0], z], [x[1], y[1], z], [x[0], y[1], z]])


def key_cap(key: Key) -> Mesh:
    """A cap with sloping sides, open below."""
    low = rectangle(key.x, key.y, _KEY_FOOT)
    shrunk = [(edge[0] + _KEY_CHAMFER, edge[1] - _KEY_CHAMFER) for edge in (key.x, key.y)]
    high = rectangle(shrunk[0], shrunk[1], _KEY_TOP)
    sides = [flat_quad(np.array([low[i], low[(i + 1) % 4], high[(i + 1) % 4], high[i]])) for i in range(4)]
    return merged([flat_quad(high), *sides])


def legends() -> Mesh:
    """A light mark on every key but the space bar: one or two short strokes, as letters look from afar."""
    rng = np.random.default_rng(5)
    strokes = []
    for key in keys():
        width = key.x[1] - key.x[0]
        if width > 4 * _KEY_PITCH:
            continue
        x, y = key.x[0] + 0.0034, key.y[1] - 0.0030
        for _ in range(int(rng.integers(1, 3))):
            length = float(rng.uniform(0.0022, 0.0046)) if width < 1.3 * _KEY_PITCH else 0.0065
            thickness = 0.0013
            strokes.append(flat_quad(rectangle((x, x + length), (y - thickness, y), _KEY_TOP + 0.00006)))
            y -= 0.0026
    return merged(strokes)


def screen() -> Mesh:
    """The lit area, in the axes of the lid: seen from the front its right is -x and its top is -y."""
    half_width, top, bottom = 0.154, -0.1145, 0.0925
    corners = [(half_width, bottom), (-half_width, bottom), (-half_width, top), (half_width, top)]
    return flat_quad(np.array([(x, y, 0.0) for x, y in corners]))


def wallpaper() -> NDArray[np.float64]:
    """What the screen shows: hills under a morning sky, and a bar with symbols."""
    height, width = 160, 240
    row, column = np.mgrid[0:height, 0:width]
    down, right = row / height, column / width
    image = (1 - down)[..., None] * np.array([0.16, 0.33, 0.62]) + down[..., None] * np.array([0.86, 0.72, 0.62])
    sun = np.hypot((right - 0.68) * 1.5, down - 0.44)
    image += (0.5 * np.exp(-((sun / 0.16) ** 2)))[..., None] * np.array([1.0, 0.85, 0.55])
    for base, swing, waves, phase, color in (
        (0.55, 0.06, 1.3, 0.4, (0.42, 0.50, 0.66)),
        (0.66, 0.05, 1.9, 2.0, (0.27, 0.40, 0.52)),
        (0.78, 0.05, 1.1, 3.6, (0.13, 0.27, 0.33)),
    ):
        ridge = base + swing * np.sin(2 * np.pi * waves * right + phase) + 0.3 * swing * np.sin(2 * np.pi * 3.7 * right + phase)
        image[down > ridge] = color
    image[down > 0.945] = (0.10, 0.13, 0.17)
    for number, color in enumerate(((0.85, 0.42, 0.30), (0.93, 0.77, 0.36), (0.42, 0.72, 0.50), (0.45, 0.62, 0.90))):
        centre = 0.41 + 0.06 * number
        image[(down > 0.957) & (down < 0.989) & (np.abs(right - centre) < 0.012)] = color
    return np.asarray(np.clip(image, 0.0, 1.0))


def block_wood() -> NDArray[np.float64]:
    """Pale fine wood, to be tinted by the colour of the block."""
    rng = np.random.default_rng(23)
    grain = wood((128, 256), rng, dark=(0.62, 0.60, 0.58), light=(1.0, 0.98, 0.95))
    return np.asarray(np.clip(grain + 0.03 * periodic_noise((128, 256), (64, 32), rng)[..., None], 0.0, 1.0))


def main() -> None:
    """Writes meshes and textures beside this script."""
    here = Path(__file__).parent
    thickness = DECK + _BASE_SIZE[2] / 2
    chassis = rounded_box((_BASE_SIZE[0], _BASE_SIZE[1], thickness), 0.0035, segments=2)
    write_obj(here / "laptop_chassis.obj", chassis.moved((0.0, 0.0, DECK - thickness / 2)))
    write_obj(here / "laptop_keys.obj", merged([key_cap(key) for key in keys()]))
    write_obj(here / "laptop_legends.obj", legends())
    write_obj(here / "laptop_lid.obj", rounded_box(_LID_SIZE, 0.0012))
    write_obj(here / "laptop_screen.obj", screen())
    write_obj(here / "laptop_holder.obj", rounded_box(_HOLDER_SIZE, 0.004, segments=2, texture_size=0.4))
    save_png(here / "laptop_wallpaper.png", wallpaper())
    save_png(here / "laptop_holder.png", block_wood(), colors=32)


if __name__ == "__main__":
    main()
