"""Dishes, cutlery and kitchen things."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hamster_bench.envs.factors.distractor_objects import colors as c
from hamster_bench.envs.factors.distractor_objects.model import Draft, FloatArray, Hull, box, turned_draft, upright_cylinder
from hamster_bench.envs.factors.distractor_objects.shapes import (
    TO_SIDE,
    arc,
    flattened,
    hull,
    lathe_hull,
    loft,
    moved,
    slab,
    strip,
    superellipse,
    tube,
    turned,
    wall_ring,
)
from hamster_bench.envs.mujoco.assets.meshing import Mesh, lathe

_FACETS = 28


def mug() -> Draft:
    """A coffee mug with a handle."""
    r, h = 0.040, 0.086
    outside = [
        (0.0, 0.002),
        (0.030, 0.002),
        (0.032, 0.0),
        (0.037, 0.002),
        (r, 0.008),
        (r, h - 0.001),
        (r - 0.0015, h),
        (r - 0.003, h - 0.001),
    ]
    inside = [(r - 0.0032, h - 0.002), (r - 0.0035, 0.012), (r - 0.008, 0.006), (0.0, 0.006)]
    coffee = lathe([(0.0, 0.005), (r - 0.0042, 0.010), (r - 0.0034, 0.068), (0.0, 0.068)], _FACETS)
    loop = arc(0.025, 105.0, -105.0, 12)
    path = np.column_stack([np.zeros(12), r + 0.002 + loop[:, 0], 0.045 + loop[:, 1]])
    handle = tube(path, [[0.0035, 0.0055]], up=(1.0, 0.0, 0.0))
    return Draft(
        {c.ORANGE: [lathe([*outside, *inside], _FACETS), handle], c.BROWN: [coffee]},
        [
            upright_cylinder(0.0375, 0.0, 0.066),
            *wall_ring((r, 0.010), (r, h), 0.005),
            box((0.010, 0.006, 0.034), (0.0, 0.067, 0.045)),
            box((0.010, 0.022, 0.006), (0.0, 0.053, 0.068)),
            box((0.010, 0.022, 0.006), (0.0, 0.053, 0.022)),
        ],
        0.30,
    )


def bowl() -> Draft:
    """A deep bowl with a band at its rim."""
    outside = [
        (0.0, 0.002),
        (0.024, 0.002),
        (0.026, 0.0),
        (0.030, 0.001),
        (0.031, 0.005),
        (0.050, 0.016),
        (0.065, 0.033),
        (0.073, 0.054),
        (0.0735, 0.0555),
    ]
    inside = [(0.0725, 0.056), (0.0710, 0.054), (0.062, 0.034), (0.047, 0.018), (0.028, 0.008), (0.0, 0.0075)]
    band = [(0.0655, 0.0430), (0.0693, 0.0430), (0.0722, 0.0505), (0.0685, 0.0505), (0.0655, 0.0430)]
    return Draft(
        {c.SKY: [lathe([*outside, *inside], _FACETS)], c.NAVY: [lathe(band, _FACETS)]},
        [
            upright_cylinder(0.030, 0.0, 0.0075),
            *wall_ring((0.032, 0.003), (0.0585, 0.026), 0.006, 10),
            *wall_ring((0.0585, 0.024), (0.0735, 0.0555), 0.005, 10),
        ],
        0.25,
    )


def plate() -> Draft:
    """A side plate with a coloured rim."""
    outside = [(0.0, 0.002), (0.046, 0.002), (0.048, 0.0), (0.051, 0.001), (0.062, 0.007), (0.089, 0.018)]
    inside = [(0.090, 0.0195), (0.0885, 0.020), (0.063, 0.0105), (0.055, 0.006), (0.0, 0.005)]
    rim = [(0.076, 0.0138), (0.0862, 0.0172), (0.0868, 0.0200), (0.076, 0.0160), (0.076, 0.0138)]
    return Draft(
        {c.WHITE: [lathe([*outside, *inside], 40)], c.BLUE: [lathe(rim, 40)]},
        [upright_cylinder(0.051, 0.0, 0.006), *wall_ring((0.051, 0.001), (0.089, 0.0185), 0.004)],
        0.26,
    )


def egg_cup() -> Draft:
    """An egg in its cup."""
    foot = [
        (0.0, 0.001),
        (0.020, 0.0),
        (0.021, 0.003),
        (0.009, 0.010),
        (0.008, 0.020),
        (0.020, 0.030),
        (0.024, 0.044),
        (0.0235, 0.046),
        (0.0, 0.046),
    ]
    egg = [(0.0, 0.040), (0.021, 0.046), (0.0205, 0.054), (0.017, 0.065), (0.010, 0.073), (0.005, 0.0757), (0.0, 0.0765)]
    return Draft(
        {c.YELLOW: [lathe(foot, _FACETS)], c.SKIN: [lathe(egg, _FACETS)]},
        [
            upright_cylinder(0.0205, 0.0, 0.005),
            upright_cylinder(0.0085, 0.005, 0.022),
            hull(lathe([(0.0, 0.022), (0.010, 0.022), (0.024, 0.044), (0.0, 0.046)], 12)),
            hull(lathe(egg, 12)),
        ],
        0.10,
    )


def salt_shaker() -> Draft:
    """A glass shaker with a metal top."""
    glass = [(0.0, 0.0), (0.020, 0.0), (0.021, 0.002), (0.017, 0.060), (0.0, 0.060)]
    top = [(0.0, 0.058), (0.0178, 0.058), (0.0178, 0.066), (0.014, 0.075), (0.008, 0.079), (0.0, 0.080)]
    holes = [
        moved(lathe([(0.0, -0.001), (0.0014, -0.001), (0.0014, 0.001), (0.0, 0.001)], 6), (x, y, 0.0788))
        for x, y in ((0.0, 0.0), (0.005, 0.0), (-0.005, 0.0), (0.0, 0.005), (0.0, -0.005))
    ]
    angles = np.deg2rad(22.5 + 45.0 * np.arange(8))
    octagon = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    body = loft([np.column_stack([octagon * r, np.full(8, z)]) for r, z in glass[1:4]])
    return Draft(
        {c.WHITE: [body], c.STEEL: [lathe(top, _FACETS)], c.CHARCOAL: holes},
        [hull(body), upright_cylinder(0.0175, 0.058, 0.076)],
        0.12,
    )


def pitcher() -> Draft:
    """A water jug with a spout, a handle and a lid."""
    wall = [
        (0.0, 0.0),
        (0.044, 0.0),
        (0.047, 0.004),
        (0.054, 0.050),
        (0.054, 0.110),
        (0.046, 0.170),
        (0.046, 0.200),
        (0.0, 0.200),
    ]
    lid = lathe(
        [(0.0, 0.196), (0.049, 0.196), (0.049, 0.206), (0.046, 0.210), (0.012, 0.214), (0.012, 0.224), (0.0, 0.225)], _FACETS
    )
    side = np.array([[0.0, 0.150], [0.040, 0.165], [0.066, 0.195], [0.0, 0.195]])
    spout = moved(slab(side, -0.014, 0.014, 0.003), rotation=TO_SIDE)
    path = [
        [0.0, -0.040, 0.185],
        [0.0, -0.066, 0.186],
        [0.0, -0.084, 0.174],
        [0.0, -0.088, 0.145],
        [0.0, -0.082, 0.100],
        [0.0, -0.068, 0.068],
        [0.0, -0.048, 0.060],
    ]
    return Draft(
        {c.SKY: [lathe(wall, _FACETS), spout], c.BLUE: [lid, tube(path, [[0.007, 0.010]], up=(1.0, 0.0, 0.0), sides=10)]},
        [
            hull(lathe(wall, 16)),
            upright_cylinder(0.049, 0.196, 0.208),
            hull(moved(slab(side, -0.013, 0.013), rotation=TO_SIDE)),
            box((0.018, 0.012, 0.090), (0.0, -0.084, 0.135), turned("x", -4.0)),
            box((0.018, 0.040, 0.012), (0.0, -0.062, 0.184)),
            box((0.018, 0.026, 0.012), (0.0, -0.062, 0.066)),
        ],
        0.36,
    )


def teapot() -> Draft:
    """A round pot with spout, handle and knob."""
    belly = [
        (0.0, 0.002),
        (0.030, 0.0),
        (0.034, 0.004),
        (0.050, 0.020),
        (0.056, 0.040),
        (0.052, 0.062),
        (0.040, 0.078),
        (0.030, 0.083),
        (0.0, 0.083),
    ]
    lid = [
        (0.0, 0.082),
        (0.033, 0.082),
        (0.030, 0.088),
        (0.014, 0.095),
        (0.005, 0.097),
        (0.004, 0.101),
        (0.009, 0.106),
        (0.008, 0.112),
        (0.0, 0.114),
    ]
    beak = [[0.0, 0.040, 0.030], [0.0, 0.062, 0.040], [0.0, 0.076, 0.060], [0.0, 0.088, 0.078], [0.0, 0.098, 0.084]]
    spout = tube(beak, [0.016, 0.013, 0.009, 0.0075, 0.006], up=(1.0, 0.0, 0.0), sides=10)
    grip = arc(0.027, 75.0, 285.0, 12, at=(-0.060, 0.046))
    handle = tube(np.column_stack([np.zeros(12), grip]), 0.0048, up=(1.0, 0.0, 0.0))
    return Draft(
        {c.CRIMSON: [lathe(belly, _FACETS), spout, handle], c.CREAM: [lathe(lid, _FACETS)]},
        [
            hull(lathe(belly, 16)),
            hull(lathe([(0.0, 0.082), (0.033, 0.082), (0.010, 0.098), (0.008, 0.114), (0.0, 0.114)], 10)),
            box((0.012, 0.050, 0.012), (0.0, 0.073, 0.060), turned("x", 54.0)),
            box((0.008, 0.008, 0.040), (0.0, -0.086, 0.046)),
            box((0.008, 0.028, 0.008), (0.0, -0.068, 0.071)),
            box((0.008, 0.028, 0.008), (0.0, -0.068, 0.021)),
        ],
        0.55,
    )


def saucepan() -> Draft:
    """A small pan with a lid and a long handle."""
    pan = [(0.0, 0.0), (0.050, 0.0), (0.054, 0.003), (0.056, 0.010), (0.056, 0.058), (0.058, 0.060), (0.0, 0.060)]
    lid = [(0.0, 0.059), (0.058, 0.060), (0.055, 0.065), (0.030, 0.072), (0.0, 0.074)]
    knob = [(0.0, 0.072), (0.007, 0.072), (0.006, 0.078), (0.012, 0.084), (0.011, 0.090), (0.0, 0.092)]
    handle = tube(
        [[0.0, 0.052, 0.044], [0.0, 0.070, 0.046], [0.0, 0.100, 0.050], [0.0, 0.150, 0.054]],
        np.array([[0.005, 0.008], [0.006, 0.009], [0.006, 0.010], [0.005, 0.009]]),
        up=(1.0, 0.0, 0.0),
        sides=10,
        round_ends=True,
    )
    return Draft(
        {c.STEEL: [lathe(pan, 32), lathe(lid, 32)], c.BLACK: [handle, lathe(knob, 20)]},
        [
            upright_cylinder(0.056, 0.0, 0.062),
            hull(lathe(lid, 12)),
            upright_cylinder(0.010, 0.074, 0.091),
            box((0.016, 0.100, 0.010), (0.0, 0.104, 0.050), turned("x", 4.5)),
        ],
        0.70,
    )


def rolling_pin() -> Draft:
    """A short rolling pin."""
    roll = [(0.0, -0.075), (0.022, -0.075), (0.024, -0.072), (0.024, 0.072), (0.022, 0.075), (0.0, 0.075)]
    grip = [
        (0.0, 0.074),
        (0.006, 0.074),
        (0.006, 0.080),
        (0.0105, 0.086),
        (0.0115, 0.100),
        (0.009, 0.114),
        (0.004, 0.118),
        (0.0, 0.1185),
    ]
    along_y = turned("x", -90.0)
    grips = [moved(lathe(grip, 16), rotation=along_y), moved(lathe(grip, 16), rotation=turned("x", 90.0))]
    return Draft(
        {c.PINE: [moved(lathe(roll, _FACETS), rotation=along_y)], c.RED: grips},
        [
            hull(moved(lathe_hull([(0.0, -0.075), (0.024, -0.075), (0.024, 0.075), (0.0, 0.075)], 12), rotation=along_y)),
            box((0.018, 0.044, 0.018), (0.0, 0.096, 0.0)),
            box((0.018, 0.044, 0.018), (0.0, -0.096, 0.0)),
        ],
        0.28,
    )


# Spoon and fork lie on the end of the handle and on what is at the other end; in between the handle rises like this [m].
_HANDLE_X = np.array([-0.090, -0.086, -0.060, -0.020, 0.010, 0.030])
_HANDLE_Z = np.array([0.0020, 0.0022, 0.0050, 0.0105, 0.0140, 0.0155])
_HANDLE_WIDTH = np.array([0.0050, 0.0080, 0.0085, 0.0055, 0.0040, 0.0038])
_SHEET = 0.0020
_HANDLE_BOX = box((0.122, 0.012, 0.0020), (-0.030, 0.0, 0.0078), turned("y", -float(np.rad2deg(np.arctan2(0.0135, 0.120)))))


def _lying(mesh: Mesh) -> Mesh:
    """Cutlery with a small flat spot under its front, which takes the wobble out of it."""
    front = mesh.vertices[:, 0] > _HANDLE_X[-1]
    vertices = mesh.vertices.copy()
    vertices[front, 2] = np.maximum(vertices[front, 2], 0.0)
    return Mesh(vertices, mesh.normals, mesh.uv, mesh.faces)


def spoon() -> Draft:
    """A soup spoon."""
    s = np.linspace(0.0, 1.0, 10)[1:]
    width = np.append(0.0205 * np.sqrt(1 - 0.985 * (2 * s[:-1] - 1) ** 2), 0.005)
    x = np.concatenate([_HANDLE_X, 0.034 + 0.062 * s])
    z = np.concatenate([_HANDLE_Z, np.linspace(0.0155, 0.0120, 9)])
    hollow = np.concatenate([np.zeros(6), 0.0125 * np.maximum(np.sin(np.pi * s), 0.0) ** 0.7])
    mesh = _lying(strip(x, np.concatenate([_HANDLE_WIDTH, width]), z, hollow, _SHEET))
    scoop: FloatArray = mesh.vertices[mesh.vertices[:, 0] > 0.034]
    lying = Draft({c.STEEL: [mesh]}, [Hull(scoop, 4e-6), _HANDLE_BOX], 0.045)
    return turned_draft(lying, 65.0)


def fork() -> Draft:
    """A dinner fork."""
    head_x, head_z, head_width = [0.042, 0.050, 0.056], [0.0130, 0.0090, 0.0065], [0.0060, 0.0110, 0.0122]
    mesh = strip(
        np.concatenate([_HANDLE_X, head_x]),
        np.concatenate([_HANDLE_WIDTH, head_width]),
        np.concatenate([_HANDLE_Z, head_z]),
        np.zeros(9),
        _SHEET,
    )
    tine_x = np.array([0.054, 0.062, 0.072, 0.084, 0.096])
    tine_z = np.array([0.0060, 0.0036, 0.0017, 0.0015, 0.0040])
    tine_y = (-0.0102, -0.0034, 0.0034, 0.0102)
    tines = [
        tube(np.column_stack([tine_x, np.full(5, y), tine_z]), [0.0019, 0.0018, 0.0017, 0.0015, 0.0008], sides=6) for y in tine_y
    ]
    lying = Draft(
        {c.STEEL: [mesh, *tines]},
        [
            *(box((0.040, 0.0036, 0.0030), (0.076, y, 0.0017)) for y in tine_y),
            box((0.026, 0.016, 0.0020), (0.052, 0.0, 0.0072), turned("y", 20.0)),
            _HANDLE_BOX,
        ],
        0.040,
    )
    return turned_draft(lying, 65.0)


def table_knife() -> Draft:
    """A table knife with a red handle, lying flat."""
    sections = [
        (-0.110, 0.006, 0.005),
        (-0.106, 0.018, 0.008),
        (-0.060, 0.019, 0.009),
        (-0.015, 0.015, 0.009),
        (-0.010, 0.012, 0.007),
    ]
    rings = []
    for x, width, depth in sections:
        flat = superellipse(width, depth, 2.8, 16)
        rings.append(np.column_stack([np.full(16, x), flat[:, 0], flat[:, 1] + 0.0045]))
    outline = np.array(
        [[-0.012, -0.006], [0.060, -0.010], [0.088, -0.010], [0.100, -0.005], [0.105, 0.004], [0.102, 0.007], [-0.012, 0.006]]
    )
    lying = Draft(
        {c.STEEL: [slab(outline, 0.0036, 0.0054, 0.0005)], c.RED: [flattened(loft(rings), 0.0006)]},
        [box((0.090, 0.016, 0.0078), (-0.061, 0.0, 0.0045)), box((0.108, 0.015, 0.0018), (0.046, -0.0005, 0.0045))],
        0.055,
    )
    return turned_draft(lying, 75.0)


OBJECTS: tuple[Callable[[], Draft], ...] = (
    mug,
    bowl,
    plate,
    egg_cup,
    salt_shaker,
    pitcher,
    teapot,
    saucepan,
    rolling_pin,
    spoon,
    fork,
    table_knife,
)
