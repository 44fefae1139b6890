"""Cartons and other packages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hamster_bench.envs.factors.distractor_objects import colors as c
from hamster_bench.envs.factors.distractor_objects.model import Draft, FloatArray, Rgb, box
from hamster_bench.envs.factors.distractor_objects.shapes import (
    arc,
    block,
    ellipse,
    hull,
    loft,
    moved,
    print_through,
    rectangle,
    superellipse,
    tube,
    turned,
)
from hamster_bench.envs.mujoco.assets.meshing import Mesh, lathe, rounded_box

# A print: its colour and its outline (y, z) on the front and the back of the carton.
_Print = tuple[Rgb, FloatArray]


def _carton(size: tuple[float, float, float], rgb: Rgb, prints: Sequence[_Print], mass: float) -> Draft:
    """A box with prints on its two large sides; later prints lie on earlier ones."""
    painted: dict[Rgb, list[Mesh]] = {rgb: [rounded_box(size, 0.0015)]}
    for layer, (colour, outline) in enumerate(prints):
        painted.setdefault(colour, []).append(print_through(outline, size[0] + 0.0006 * layer))
    return Draft(painted, [box(size)], mass)


def cracker_box() -> Draft:
    """A tall red carton with a yellow oval."""
    prints = [
        (c.WHITE, rectangle(0.158, 0.034, at=(0.0, -0.072))),
        (c.YELLOW, ellipse(0.128, 0.082) + np.array([0.0, 0.040])),
        (c.RED, ellipse(0.108, 0.046) + np.array([0.0, 0.040])),
        (c.YELLOW, rectangle(0.072, 0.012, at=(0.0, 0.040))),
        (c.YELLOW, superellipse(0.042, 0.042) + np.array([0.038, -0.030])),
        (c.YELLOW, superellipse(0.042, 0.042) + np.array([-0.020, -0.030])),
    ]
    return _carton((0.060, 0.158, 0.210), c.RED, prints, 0.411)


def cereal_box() -> Draft:
    """A carton with a bowl of cereal on it."""
    bowl = np.concatenate([arc(0.050, 180.0, 360.0, 14), [[0.050, 0.004], [-0.050, 0.004]]]) + np.array([0.0, -0.030])
    prints = [
        (c.WHITE, rectangle(0.130, 0.040, at=(0.0, 0.078))),
        (c.AMBER, ellipse(0.096, 0.040) + np.array([0.0, -0.024])),
        (c.WHITE, bowl),
        (c.AMBER, rectangle(0.104, 0.014, at=(0.0, 0.078))),
    ]
    return _carton((0.055, 0.165, 0.235), c.BLUE, prints, 0.38)


def sugar_box() -> Draft:
    """A slim yellow and white carton."""
    prints = [
        (c.WHITE, rectangle(0.089, 0.050, at=(0.0, 0.055))),
        (c.NAVY, rectangle(0.070, 0.022, at=(0.0, 0.057))),
        (c.NAVY, rectangle(0.089, 0.006, at=(0.0, -0.070))),
        (c.WHITE, ellipse(0.056, 0.056) + np.array([0.0, -0.018])),
    ]
    return _carton((0.038, 0.089, 0.175), c.YELLOW, prints, 0.514)


def pudding_box() -> Draft:
    """A small brown carton, standing on its long side."""
    prints = [
        (c.CREAM, ellipse(0.058, 0.042) + np.array([0.018, -0.010])),
        (c.BROWN, ellipse(0.036, 0.022) + np.array([0.018, -0.006])),
        (c.WHITE, rectangle(0.090, 0.018, at=(0.0, 0.028))),
    ]
    return _carton((0.035, 0.110, 0.089), c.BROWN, prints, 0.187)


def gelatin_box() -> Draft:
    """A small pink carton with a wobbling dessert on it."""
    dessert = np.array([[-0.022, -0.024], [0.022, -0.024], [0.016, 0.000], [0.008, 0.004], [-0.008, 0.004], [-0.016, 0.000]])
    prints = [(c.WHITE, rectangle(0.073, 0.024, at=(0.0, 0.022))), (c.CRIMSON, dessert)]
    return _carton((0.028, 0.073, 0.085), c.PINK, prints, 0.097)


def tissue_box() -> Draft:
    """A cube-like box with a tissue pulled half out."""
    size = 0.115
    angles = np.linspace(0.0, 2 * np.pi, 24, endpoint=False)
    rings = []
    for z, width, depth, wave in (
        (0.0, 0.034, 0.012, 0.0),
        (0.018, 0.036, 0.014, 0.10),
        (0.040, 0.052, 0.022, 0.25),
        (0.054, 0.040, 0.010, 0.6),
    ):
        swing = 1 + wave * np.sin(3 * angles)
        ripple = z + wave * 0.012 * np.cos(2 * angles + 0.6)
        rings.append(np.column_stack([depth * swing * np.cos(angles), width * swing * np.sin(angles), ripple]))
    tissue = moved(loft(rings), (0.0, 0.0, size / 2))
    opening = print_through(ellipse(0.086, 0.040), size)
    upright = moved(opening, rotation=np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]))
    dots = [
        print_through(ellipse(0.024, 0.024, 12) + np.array(at), size)
        for at in ((-0.03, 0.03), (0.03, 0.03), (0.0, 0.0), (-0.03, -0.03), (0.03, -0.03))
    ]
    turned_dots = [moved(d, rotation=turned("z", 90.0)) for d in dots]
    return Draft(
        {c.TEAL: [rounded_box((size, size, size), 0.002)], c.WHITE: [tissue, *dots, *turned_dots], c.NAVY: [upright]},
        [box((size, size, size)), box((0.018, 0.060, 0.050), (0.0, 0.0, size / 2 + 0.024))],
        0.18,
    )


def milk_carton() -> Draft:
    """A gabled carton with a screw cap."""
    w, wall, ridge = 0.070, 0.160, 0.198
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * w / 2
    body = loft([np.column_stack([square, np.full(4, z)]) for z in (0.0, wall)])
    roof_ring = square * np.array([0.06, 1.0])
    roof = loft(
        [
            np.column_stack([square, np.full(4, wall)]),
            np.column_stack([roof_ring, np.full(4, ridge)]),
            np.column_stack([roof_ring, np.full(4, ridge + 0.018)]),
        ]
    )
    gable = loft([np.column_stack([square, np.full(4, wall)]), np.column_stack([roof_ring, np.full(4, ridge)])])
    slope = np.rad2deg(np.arctan2(w / 2 * 0.94, ridge - wall))
    cap = lathe([(0.0, -0.004), (0.013, -0.004), (0.013, 0.010), (0.012, 0.012), (0.0, 0.012)], 18)
    lean = np.deg2rad(90.0 - slope)
    tilt = np.array([[np.cos(lean), 0.0, np.sin(lean)], [0.0, 1.0, 0.0], [-np.sin(lean), 0.0, np.cos(lean)]])
    cap = moved(cap, (w / 4, 0.0, (wall + ridge) / 2), tilt)
    wave = np.concatenate(
        [
            np.stack([y := np.linspace(-0.0355, 0.0355, 12), -0.020 + 0.010 * np.sin(y * 90)], axis=1)[::-1],
            [[-0.0355, -0.0775], [0.0355, -0.0775]],
        ]
    )
    band = print_through(wave, w)
    across = moved(band, rotation=turned("z", 90.0))
    spot = print_through(ellipse(0.036, 0.036) + np.array([0.0, 0.035]), w)
    up = (0.0, 0.0, wall / 2)
    return Draft(
        {c.WHITE: [body, roof], c.BLUE: [moved(band, up), moved(across, up), moved(spot, up), cap]},
        [box((w, w, wall), (0.0, 0.0, wall / 2)), hull(gable), box((0.005, w, 0.018), (0.0, 0.0, ridge + 0.009))],
        0.55,
    )


def juice_box() -> Draft:
    """A small carton with a bent straw."""
    w, d, h = 0.040, 0.060, 0.105
    bend = np.array([[0.010, 0.018, h - 0.003], [0.010, 0.018, h + 0.026], [0.010, 0.015, h + 0.031], [0.010, -0.008, h + 0.040]])
    prints = [
        moved(print_through(outline, w), (0.0, 0.0, h / 2))
        for outline in (ellipse(0.040, 0.040) + np.array([0.0, -0.016]), rectangle(0.060, 0.016, at=(0.0, 0.034)))
    ]
    return Draft(
        {
            c.LEAF: [moved(rounded_box((w, d, h), 0.0015), (0.0, 0.0, h / 2))],
            c.ORANGE: prints,
            c.WHITE: [tube(bend, 0.0028, up=(1.0, 0.0, 0.0))],
        },
        [box((w, d, h), (0.0, 0.0, h / 2)), box((0.005, 0.005, 0.030), (0.010, 0.018, h + 0.015))],
        0.21,
    )


def matchbox() -> Draft:
    """A pushed-open matchbox with matches in it."""
    w, d, h = 0.052, 0.036, 0.016
    sleeve = block((w, d, h), (0.0, 0.0, h / 2))
    tray = block((w - 0.012, d - 0.003, 0.004), (0.020, 0.0, 0.003))
    walls = [block((w - 0.012, 0.001, h - 0.003), (0.020, side * (d / 2 - 0.002), h / 2)) for side in (-1, 1)]
    walls.append(block((0.001, d - 0.003, h - 0.003), (0.020 + (w - 0.012) / 2, 0.0, h / 2)))
    matches = [
        block((0.034, 0.0024, 0.0024), (0.019, y, 0.007 + 0.0012 * (i % 2))) for i, y in enumerate(np.linspace(-0.012, 0.012, 6))
    ]
    heads = [
        block((0.005, 0.0036, 0.0036), (0.0345, y, 0.007 + 0.0012 * (i % 2))) for i, y in enumerate(np.linspace(-0.012, 0.012, 6))
    ]
    label = block((0.036, 0.026, 0.0006), (0.0, 0.0, h + 0.0003))
    return Draft(
        {
            c.NAVY: [sleeve],
            c.CREAM: [tray, *walls, *matches, label],
            c.RED: [*heads, block((0.020, 0.012, 0.0006), (0.0, 0.0, h + 0.0008))],
        },
        [box((w, d, h), (0.0, 0.0, h / 2)), box((w - 0.012, d - 0.003, h - 0.003), (0.020, 0.0, h / 2))],
        0.018,
    )


def egg_carton() -> Draft:
    """An open pulp tray with six eggs."""
    pitch, rows = 0.046, [(x, y) for x in (-0.023, 0.023) for y in (-0.046, 0.0, 0.046)]
    tray = rounded_box((2 * pitch + 0.012, 3 * pitch + 0.012, 0.030), 0.005)
    profile = [(0.0, 0.022), (0.013, 0.026), (0.0205, 0.040), (0.0195, 0.052), (0.013, 0.063), (0.006, 0.0675), (0.0, 0.068)]
    eggs = [moved(lathe(profile, 14), (x, y, 0.0)) for x, y in rows]
    return Draft(
        {c.GRAY: [moved(tray, (0.0, 0.0, 0.015))], c.SKIN: eggs[::2], c.WHITE: eggs[1::2]},
        [
            box((2 * pitch + 0.012, 3 * pitch + 0.012, 0.030), (0.0, 0.0, 0.015)),
            *(hull(moved(lathe(profile, 8), (x, y, 0.0))) for x, y in rows),
        ],
        0.40,
    )


OBJECTS: tuple[Callable[[], Draft], ...] = (
    cracker_box,
    cereal_box,
    sugar_box,
    pudding_box,
    gelatin_box,
    tissue_box,
    milk_carton,
    juice_box,
    matchbox,
    egg_carton,
)
