"""Fruit, vegetables and other food."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hamster_bench.envs.factors.distractor_objects import colors as c
from hamster_bench.envs.factors.distractor_objects.model import Draft, Rgb, Shape, box, upright_cylinder
from hamster_bench.envs.factors.distractor_objects.shapes import (
    arc,
    block,
    flattened,
    hull,
    loft,
    moved,
    rounded,
    slab,
    superellipse,
    tube,
    turned,
    wall_ring,
)
from hamster_bench.envs.mujoco.assets.meshing import Mesh, lathe

_FACETS = 24
# Coarser for what collides.
_SIDES = 12
_Profile = Sequence[tuple[float, float]]


def _leaf(length: float, width: float) -> Mesh:
    """A leaf in the plane z = 0, its stalk at the origin, its tip along x."""
    outline = [
        [0.0, 0.0],
        [0.3 * length, -width / 2],
        [0.65 * length, -0.4 * width],
        [length, 0.0],
        [0.65 * length, 0.4 * width],
        [0.3 * length, width / 2],
    ]
    return slab(np.array(outline), -0.0006, 0.0006)


def _stalk(base: float, height: float, lean: float = 0.006, radius: float = 0.0015) -> Mesh:
    return tube(
        [[0.0, 0.0, base], [lean / 3, 0.0, base + height / 2], [lean, 0.0, base + height]], radius, up=(0.0, 1.0, 0.0), sides=6
    )


def _standing(profile: _Profile, rgb: Rgb, extras: dict[Rgb, list[Mesh]], mass: float) -> Draft:
    """A fruit that is a solid of revolution and stands on its flower end, a small flat."""
    foot = max(r for r, z in profile if z <= profile[0][1] + 0.0011)
    collision: list[Shape] = [hull(lathe(profile, _SIDES)), upright_cylinder(foot, profile[0][1], profile[0][1] + 0.006)]
    return Draft({rgb: [lathe(rounded(profile), _FACETS)], **extras}, collision, mass)


def apple() -> Draft:
    """A red apple with stalk and leaf."""
    profile = [
        (0.0, 0.0),
        (0.012, 0.0),
        (0.022, 0.004),
        (0.031, 0.016),
        (0.0365, 0.033),
        (0.037, 0.044),
        (0.033, 0.058),
        (0.024, 0.067),
        (0.013, 0.069),
        (0.006, 0.066),
        (0.0, 0.061),
    ]
    leaf = moved(_leaf(0.026, 0.013), (0.002, 0.0, 0.073), turned("y", -18.0))
    return _standing(profile, c.RED, {c.BROWN: [_stalk(0.060, 0.020)], c.LEAF: [leaf]}, 0.15)


def pear() -> Draft:
    """A green pear."""
    profile = [
        (0.0, 0.0),
        (0.011, 0.0),
        (0.021, 0.004),
        (0.030, 0.015),
        (0.0335, 0.030),
        (0.031, 0.046),
        (0.023, 0.063),
        (0.0175, 0.076),
        (0.0145, 0.088),
        (0.009, 0.095),
        (0.0, 0.096),
    ]
    return _standing(profile, c.LIME, {c.BROWN: [_stalk(0.094, 0.020)]}, 0.16)


def orange() -> Draft:
    """An orange with its green navel."""
    latitudes = np.linspace(-74.0, 90.0, 13)
    profile = [
        (0.0, float(np.sin(np.deg2rad(-74.0)) * 0.036)),
        *((float(r), float(z)) for r, z in arc(0.036, latitudes[0], latitudes[-1], 13)),
    ]
    profile[-1] = (0.0, 0.036)
    navel = lathe([(0.0, 0.034), (0.005, 0.035), (0.004, 0.0375), (0.0, 0.038)], 8)
    return _standing(profile, c.ORANGE, {c.LEAF: [navel]}, 0.17)


def plum() -> Draft:
    """A dark plum."""
    profile = [
        (0.0, 0.0),
        (0.009, 0.0),
        (0.016, 0.004),
        (0.0225, 0.013),
        (0.025, 0.024),
        (0.0235, 0.036),
        (0.017, 0.045),
        (0.009, 0.048),
        (0.0, 0.0465),
    ]
    return _standing(profile, c.PLUM, {c.BROWN: [_stalk(0.045, 0.014, 0.004)]}, 0.045)


def tomato() -> Draft:
    """A tomato with its green star."""
    profile = [
        (0.0, 0.0),
        (0.014, 0.0),
        (0.025, 0.005),
        (0.033, 0.018),
        (0.034, 0.030),
        (0.029, 0.044),
        (0.018, 0.051),
        (0.008, 0.051),
        (0.0, 0.048),
    ]
    sepals = [
        moved(_leaf(0.021, 0.009), (0.002 * np.cos(a), 0.002 * np.sin(a), 0.0528), turned("z", float(np.rad2deg(a))))
        for a in np.arange(5) * 2 * np.pi / 5
    ]
    return _standing(profile, c.RED, {c.LEAF: [*sepals, _stalk(0.047, 0.014, 0.003)]}, 0.12)


def strawberry() -> Draft:
    """A strawberry that stands on its leaves' side, point up, with its seeds."""
    profile = [
        (0.0, 0.003),
        (0.013, 0.003),
        (0.019, 0.008),
        (0.020, 0.014),
        (0.0175, 0.024),
        (0.0125, 0.035),
        (0.007, 0.042),
        (0.0, 0.044),
    ]
    sepals = [moved(_leaf(0.023, 0.011), (0.0, 0.0, 0.0022), turned("z", 60.0 * i)) for i in range(6)]
    crown = lathe([(0.0, 0.0), (0.012, 0.0), (0.014, 0.0035), (0.0, 0.0035)], 12)
    seeds = []
    for row, (r, z, lean) in enumerate(
        ((0.0199, 0.012, 85.0), (0.0187, 0.019, 70.0), (0.0156, 0.0275, 62.0), (0.0112, 0.0365, 55.0))
    ):
        for i in range(8 - row):
            a = 360.0 * (i + 0.5 * (row % 2)) / (8 - row)
            seeds.append(
                moved(
                    block((0.0012, 0.0016, 0.0024)),
                    turned("z", a) @ np.array([r, 0.0, z]),
                    turned("z", a) @ turned("y", lean - 90.0),
                )
            )
    return Draft(
        {c.RED: [lathe(rounded(profile), 18)], c.LEAF: [*sepals, crown], c.YELLOW: seeds},
        [hull(lathe(profile, _SIDES)), upright_cylinder(0.013, 0.0, 0.005)],
        0.025,
    )


def _lying_fruit(profile: _Profile, rgb: Rgb, tip: dict[Rgb, list[Mesh]], mass: float, flat: float = 0.0006) -> Draft:
    """A fruit that is a solid of revolution and lies on its side along y, on a flat that is too small to see."""
    along_y = turned("x", -90.0)
    lying = moved(lathe(rounded(profile), _FACETS), rotation=along_y @ turned("z", 180.0 / _FACETS))
    coarse = moved(lathe(profile, _SIDES), rotation=along_y @ turned("z", 180.0 / _SIDES))
    low = lying.vertices[:, 2].min() + flat
    widest = max(profile)
    foot = box((0.010, 0.014, 0.006), (0.0, widest[1], low + 0.003))
    pressed = moved(flattened(coarse, max(low - coarse.vertices[:, 2].min(), 0.0)))
    return Draft(
        {
            rgb: [flattened(lying, flat)],
            **{colour: [moved(mesh, rotation=along_y) for mesh in meshes] for colour, meshes in tip.items()},
        },
        [hull(pressed), foot],
        mass,
    )


def lemon() -> Draft:
    """A lemon on its side."""
    profile = [
        (0.0, -0.038),
        (0.005, -0.037),
        (0.008, -0.032),
        (0.016, -0.026),
        (0.0235, -0.014),
        (0.026, 0.0),
        (0.0235, 0.014),
        (0.016, 0.026),
        (0.008, 0.031),
        (0.005, 0.036),
        (0.0, 0.037),
    ]
    return _lying_fruit(
        profile, c.LEMON, {c.LEAF: [lathe([(0.0, -0.040), (0.003, -0.0385), (0.003, -0.036), (0.0, -0.036)], 8)]}, 0.09
    )


def egg() -> Draft:
    """A brown egg on its side."""
    profile = [
        (0.0, -0.027),
        (0.006, -0.0262),
        (0.013, -0.022),
        (0.019, -0.013),
        (0.0215, -0.002),
        (0.0205, 0.009),
        (0.0165, 0.019),
        (0.010, 0.0265),
        (0.005, 0.0292),
        (0.0, 0.030),
    ]
    return _lying_fruit(profile, c.SKIN, {}, 0.055)


def carrot() -> Draft:
    """A carrot with its greens."""
    profile = [
        (0.0, -0.080),
        (0.002, -0.078),
        (0.007, -0.050),
        (0.012, 0.000),
        (0.0165, 0.045),
        (0.0175, 0.056),
        (0.014, 0.062),
        (0.0, 0.064),
    ]
    # It lies along its own slant: on its thick end and near its tip.
    lean = float(np.rad2deg(np.arctan2(0.0105, 0.106)))
    body = moved(lathe(profile, 20), rotation=turned("x", lean) @ turned("x", -90.0) @ turned("z", 9.0))
    coarse = moved(lathe(profile, 10), rotation=turned("x", lean) @ turned("x", -90.0) @ turned("z", 18.0))
    low = body.vertices[:, 2].min() + 0.0008
    greens = []
    for spread, rise in ((-0.016, 0.004), (-0.006, 0.014), (0.006, 0.002), (0.016, 0.010), (0.0, -0.004)):
        path = np.array(
            [[0.0, 0.056, 0.0], [spread * 0.4, 0.072, rise * 0.5], [spread, 0.094, rise], [spread * 1.5, 0.112, rise * 0.9]]
        )
        greens.append(tube(path @ turned("x", lean).T, [0.0020, 0.0024, 0.0040, 0.0010], sides=5))
    return Draft(
        {c.ORANGE: [flattened(body, 0.0008)], c.LEAF: greens},
        [
            hull(flattened(coarse, max(low - coarse.vertices[:, 2].min(), 0.0))),
            box((0.008, 0.090, 0.004), (0.0, 0.005, low + 0.002)),
            box((0.036, 0.046, 0.012), turned("x", lean) @ np.array([0.0, 0.084, 0.005]), turned("x", lean)),
        ],
        0.075,
    )


def banana() -> Draft:
    """A banana on its side."""
    n = 13
    angles = np.deg2rad(np.linspace(-52.0, 52.0, n))
    radius = 0.105
    share = np.linspace(-1.0, 1.0, n)
    thick = 0.0175 * np.maximum(1 - np.abs(share) ** 3.2, 0.0) ** 0.6 + 0.004
    # Its underside is level but for the ends, which rise.
    rise = thick + 0.012 * np.maximum(np.abs(share) - 0.7, 0.0) / 0.3
    path = np.column_stack([radius * np.cos(angles) - radius, radius * np.sin(angles), rise])
    fruit = flattened(tube(path, thick, sides=10), 0.0008)
    tips = []
    for end, direction in ((0, -1.0), (n - 1, 1.0)):
        tangent = np.array([-np.sin(angles[end]), np.cos(angles[end]), 0.0]) * direction
        length = 0.018 if direction > 0 else 0.006
        tips.append(
            tube(
                [path[end] - 0.001 * tangent, path[end] + length / 2 * tangent, path[end] + length * tangent],
                [0.0042, 0.0036, 0.0046],
                sides=8,
            )
        )
    coarse = []
    low = fruit.vertices[:, 2].min()
    for first in (0, 3, 6, 9):
        piece = tube(path[first : first + 4], thick[first : first + 4], sides=10)
        coarse.append(hull(flattened(piece, max(low - piece.vertices[:, 2].min(), 0.0))))
    return Draft({c.YELLOW: [fruit], c.BROWN: tips}, coarse, 0.12)


def mushroom() -> Draft:
    """A mushroom, standing."""
    stem = [(0.0, 0.0), (0.0125, 0.0), (0.0140, 0.002), (0.0115, 0.014), (0.0110, 0.036), (0.0, 0.036)]
    rim = [(0.0, 0.034), (0.0200, 0.032), (0.0265, 0.029), (0.0285, 0.0315)]
    crown = [(0.0280, 0.037), (0.0240, 0.046), (0.0170, 0.053), (0.009, 0.0565), (0.0, 0.0575)]
    return Draft(
        {c.CREAM: [lathe(stem, 20)], c.KRAFT: [lathe(rounded([*rim, *crown]), _FACETS)]},
        [upright_cylinder(0.0130, 0.0, 0.034), hull(lathe([*rim, *crown], _SIDES))],
        0.02,
    )


def donut() -> Draft:
    """A ring of dough with pink icing and sprinkles."""
    ring = arc(0.017, -90.0, 270.0, 13, at=(0.028, 0.015)) * np.array([1.0, 0.85])
    dough = [(0.022, 0.0), (0.034, 0.0), *((float(r), float(z)) for r, z in ring[2:11]), (0.022, 0.0)]
    icing = [
        (0.028, 0.014),
        *((float(r), float(z)) for r, z in arc(0.0178, 8.0, 172.0, 9, at=(0.028, 0.0142)) * np.array([1.0, 0.88])),
        (0.028, 0.014),
    ]
    wave = lathe(icing, 32)
    sprinkles = []
    for i in range(22):
        a, b = 2 * np.pi * i / 22, np.deg2rad((40.0, 90.0, 135.0, 70.0, 110.0)[i % 5])
        r, z = 0.028 + 0.0178 * np.cos(b), (0.0142 + 0.0178 * np.sin(b)) * 0.88
        tilt = turned("z", float(np.rad2deg(a))) @ turned("y", 90.0 - float(np.rad2deg(b))) @ turned("z", 47.0 * i)
        sprinkles.append(moved(block((0.0065, 0.0018, 0.0018)), (r * np.cos(a), r * np.sin(a), z), tilt))
    return Draft(
        {c.SKIN: [lathe(dough, _FACETS)], c.PINK: [wave], c.WHITE: sprinkles},
        wall_ring((0.0440, 0.0), (0.0440, 0.0262), 0.031, 10),
        0.06,
    )


def cheese_wedge() -> Draft:
    """A wedge of cheese with holes."""
    outline = np.array([[-0.055, 0.0], [0.035, -0.036], [0.040, 0.0], [0.035, 0.036]])
    wedge = slab(outline, 0.0, 0.045)
    rind = slab(
        np.array([[0.0345, -0.0362], [0.0362, -0.0366], [0.0412, 0.0], [0.0362, 0.0366], [0.0345, 0.0362], [0.0395, 0.0]]),
        -0.0003,
        0.0453,
    )
    holes = []
    for along, z, r in (
        (0.30, 0.014, 0.006),
        (0.55, 0.030, 0.007),
        (0.78, 0.013, 0.008),
        (0.88, 0.035, 0.004),
        (0.48, 0.009, 0.003),
    ):
        disc = lathe([(0.0, -0.001), (r, -0.001), (r, 0.0005), (0.0, 0.0005)], 14)
        for side in (-1.0, 1.0):
            at = np.array([-0.055 + 0.090 * along, side * 0.036 * along, z])
            facing = turned("z", float(np.rad2deg(np.arctan2(side * 0.090, -0.036)))) @ turned("y", 90.0)
            holes.append(moved(disc, at, facing))
    tops = [
        moved(lathe([(0.0, 0.044), (r, 0.044), (r, 0.0455), (0.0, 0.0455)], 14), (x, y, 0.0))
        for x, y, r in ((-0.010, 0.002, 0.006), (0.018, -0.012, 0.008), (0.020, 0.015, 0.005))
    ]
    turn = turned("z", 60.0)
    painted = {c.YELLOW: [wedge], c.RED: [rind], c.AMBER: [*holes, *tops]}
    return Draft(
        {rgb: [moved(mesh, rotation=turn) for mesh in meshes] for rgb, meshes in painted.items()},
        [hull(moved(wedge, rotation=turn))],
        0.11,
    )


def bread_loaf() -> Draft:
    """A loaf of bread with cuts on top."""
    rings = []
    for x, scale in ((-0.080, 0.55), (-0.074, 0.85), (-0.055, 1.0), (0.0, 1.06), (0.055, 1.0), (0.074, 0.85), (0.080, 0.55)):
        flat = superellipse(0.078 * scale, 0.066 * scale, 2.6, 20)
        rings.append(np.column_stack([np.full(20, x), flat[:, 0], np.maximum(flat[:, 1] + 0.020 * scale, 0.0)]))
    # Along y, so that the long side is seen.
    loaf = moved(loft(rings), rotation=turned("z", 90.0))
    cuts = []
    for x in (-0.045, -0.015, 0.015, 0.045):
        along = np.linspace(-0.022, 0.022, 6)
        path = np.column_stack([along, x + along * 0.35, 0.0555 - 24.0 * along**2 - 0.35 * x**2])
        cuts.append(
            tube(
                path,
                np.array([[0.001, 0.001], [0.004, 0.002], [0.005, 0.0025], [0.005, 0.0025], [0.004, 0.002], [0.001, 0.001]]),
                sides=6,
            )
        )
    return Draft({c.KRAFT: [loaf], c.CREAM: cuts}, [hull(moved(loft([r[::2] for r in rings]), rotation=turned("z", 90.0)))], 0.40)


def cupcake() -> Draft:
    """A cupcake in its paper case with a cherry."""
    angles = np.linspace(0.0, 2 * np.pi, 40, endpoint=False)
    fold = np.where(np.arange(40) % 2 == 0, 1.0, 0.93)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    case = loft([np.column_stack([fold * r, np.full(40, z)]) for z, r in ((0.0, 0.024), (0.034, 0.034))])
    cream = [
        (0.0, 0.033),
        (0.034, 0.034),
        (0.036, 0.040),
        (0.030, 0.046),
        (0.029, 0.047),
        (0.028, 0.053),
        (0.021, 0.057),
        (0.020, 0.058),
        (0.017, 0.064),
        (0.0, 0.068),
    ]
    cherry = lathe([(0.0, 0.062), (0.006, 0.064), (0.009, 0.070), (0.0075, 0.076), (0.003, 0.0785), (0.0, 0.079)], 14)
    return Draft(
        {c.TEAL: [case], c.PINK: [lathe(cream, _FACETS)], c.RED: [cherry, _stalk(0.078, 0.014, 0.005, 0.001)]},
        [
            hull(lathe([(0.0, 0.0), (0.0235, 0.0), (0.033, 0.034), (0.0, 0.034)], 16)),
            hull(lathe([(0.0, 0.034), (0.034, 0.034), (0.035, 0.040), (0.018, 0.063), (0.0, 0.066)], _SIDES)),
            upright_cylinder(0.008, 0.064, 0.078),
        ],
        0.09,
    )


OBJECTS: tuple[Callable[[], Draft], ...] = (
    apple,
    pear,
    orange,
    plum,
    tomato,
    strawberry,
    lemon,
    egg,
    carrot,
    banana,
    mushroom,
    donut,
    cheese_wedge,
    bread_loaf,
    cupcake,
)
