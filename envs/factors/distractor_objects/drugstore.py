"""Bottles, tubes and what else stands in a bathroom or under a sink."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hamster_bench.envs.factors.distractor_objects import colors as c
from hamster_bench.envs.factors.distractor_objects.model import Draft, box, turned_draft, upright_cylinder
from hamster_bench.envs.factors.distractor_objects.shapes import (
    TO_SIDE,
    block,
    column,
    ellipse,
    flattened,
    hull,
    loft,
    moved,
    print_through,
    rectangle,
    slab,
    superellipse,
    tube,
    turned,
    wall_ring,
)
from hamster_bench.envs.mujoco.assets.meshing import lathe, rounded_box

_FACETS = 24


def water_bottle() -> Draft:
    """A ribbed bottle of water."""
    ribs = [(0.031 - 0.0015 * (i % 2), 0.014 + 0.009 * i) for i in range(7)]
    body = [
        (0.0, 0.004),
        (0.024, 0.0),
        (0.030, 0.006),
        *ribs,
        (0.031, 0.128),
        (0.029, 0.150),
        (0.018, 0.178),
        (0.012, 0.186),
        (0.012, 0.196),
        (0.0, 0.196),
    ]
    cap = [(0.0, 0.192), (0.0145, 0.192), (0.0145, 0.208), (0.0135, 0.210), (0.0, 0.210)]
    label = [(0.0, 0.080), (0.0316, 0.080), (0.0316, 0.122), (0.0, 0.122)]
    return Draft(
        {c.SKY: [lathe(body, _FACETS)], c.BLUE: [lathe(cap, _FACETS)], c.WHITE: [lathe(label, _FACETS)]},
        [
            hull(lathe([(0.0, 0.0), (0.024, 0.0), (0.031, 0.007), (0.031, 0.142), (0.012, 0.186), (0.0, 0.186)], 16)),
            upright_cylinder(0.0145, 0.184, 0.210),
        ],
        0.53,
    )


def mustard_bottle() -> Draft:
    """A flat squeeze bottle with a pointed nozzle."""
    sections = [
        (0.0, 0.050, 0.086),
        (0.004, 0.056, 0.094),
        (0.070, 0.056, 0.092),
        (0.115, 0.052, 0.086),
        (0.138, 0.040, 0.060),
        (0.146, 0.034, 0.038),
    ]
    body = column([(z, superellipse(w, d, 2.6, 28)) for z, w, d in sections])
    cap = lathe(
        [(0.0, 0.142), (0.019, 0.142), (0.019, 0.156), (0.012, 0.160), (0.0045, 0.186), (0.003, 0.188), (0.0, 0.188)], _FACETS
    )
    label = column(
        [
            (z, superellipse(w + 0.0008, d + 0.0008, 2.6, 28))
            for z, w, d in ((0.030, 0.056, 0.0932), (0.072, 0.0560, 0.092), (0.095, 0.0538, 0.0888))
        ]
    )
    return Draft(
        {c.YELLOW: [body], c.RED: [cap], c.WHITE: [label]},
        [
            hull(column([(z, superellipse(w, d, 2.6, 16)) for z, w, d in sections])),
            hull(lathe([(0.0, 0.142), (0.019, 0.142), (0.019, 0.156), (0.004, 0.186), (0.0, 0.186)], 10)),
        ],
        0.60,
    )


def spray_cleaner() -> Draft:
    """A bottle of window cleaner with its trigger head."""
    sections = [
        (0.0, 0.056, 0.092),
        (0.005, 0.060, 0.098),
        (0.110, 0.060, 0.098),
        (0.135, 0.050, 0.080),
        (0.165, 0.032, 0.036),
        (0.188, 0.028, 0.028),
    ]
    body = column([(z, superellipse(w, d, 3.0, 28)) for z, w, d in sections])
    collar = lathe([(0.0, 0.182), (0.017, 0.182), (0.017, 0.198), (0.0, 0.198)], 20)
    side = np.array(
        [
            [-0.036, 0.196],
            [0.014, 0.196],
            [0.016, 0.206],
            [0.044, 0.214],
            [0.044, 0.228],
            [0.030, 0.236],
            [-0.020, 0.232],
            [-0.040, 0.212],
        ]
    )
    head = slab(side, -0.011, 0.011, 0.003)
    lever = slab(
        np.array([[0.018, 0.208], [0.022, 0.194], [0.034, 0.176], [0.040, 0.178], [0.030, 0.196], [0.026, 0.211]]),
        -0.006,
        0.006,
        0.001,
    )
    nozzle = block((0.016, 0.008, 0.012), (0.0, 0.047, 0.221))
    label = print_through(superellipse(0.070, 0.070, 4.0) + np.array([0.0, 0.060]), 0.0604)
    return Draft(
        {
            c.BLUE: [body],
            c.WHITE: [collar, moved(head, rotation=TO_SIDE), label],
            c.RED: [moved(lever, rotation=TO_SIDE), nozzle],
        },
        [
            hull(column([(z, superellipse(w, d, 3.0, 16)) for z, w, d in sections])),
            hull(moved(slab(side, -0.011, 0.011), rotation=TO_SIDE)),
            upright_cylinder(0.017, 0.182, 0.198),
            box((0.012, 0.010, 0.032), (0.0, 0.030, 0.194)),
        ],
        0.62,
    )


def bleach_bottle() -> Draft:
    """A tall jug with a handle and a blue cap."""
    sections = [
        (0.0, 0.060, 0.096),
        (0.006, 0.066, 0.102),
        (0.120, 0.066, 0.102),
        (0.145, 0.062, 0.090),
        (0.190, 0.044, 0.046),
        (0.212, 0.034, 0.034),
    ]
    body = column([(z, superellipse(w, d, 3.0, 28)) for z, w, d in sections])
    cap = lathe([(0.0, 0.208), (0.021, 0.208), (0.020, 0.234), (0.018, 0.237), (0.0, 0.237)], _FACETS)
    grip = tube(
        [[0.0, -0.020, 0.196], [0.0, -0.040, 0.196], [0.0, -0.050, 0.184], [0.0, -0.050, 0.150], [0.0, -0.046, 0.130]],
        [0.009, 0.009, 0.010, 0.010, 0.009],
        up=(1.0, 0.0, 0.0),
        sides=10,
    )
    label = column([(z, superellipse(0.0668, 0.1028, 3.0, 28)) for z in (0.030, 0.100)])
    return Draft(
        {c.WHITE: [body, grip], c.BLUE: [cap], c.TEAL: [label]},
        [
            hull(column([(z, superellipse(w, d, 3.0, 16)) for z, w, d in sections])),
            upright_cylinder(0.020, 0.208, 0.237),
            box((0.018, 0.018, 0.060), (0.0, -0.050, 0.165)),
        ],
        1.13,
    )


def shampoo_bottle() -> Draft:
    """An oval bottle that stands on its wide cap."""
    cap = column(
        [
            (z, superellipse(w, d, 2.5, 28))
            for z, w, d in ((0.0, 0.036, 0.056), (0.002, 0.038, 0.058), (0.026, 0.037, 0.056), (0.028, 0.036, 0.055))
        ]
    )
    sections = [
        (0.028, 0.035, 0.054),
        (0.040, 0.042, 0.066),
        (0.110, 0.046, 0.078),
        (0.150, 0.040, 0.076),
        (0.166, 0.026, 0.066),
        (0.170, 0.012, 0.050),
    ]
    body = column([(z, superellipse(w, d, 2.5, 28)) for z, w, d in sections])
    label = print_through(ellipse(0.046, 0.070) + np.array([0.0, 0.100]), 0.0462)
    return Draft(
        {c.PURPLE: [body], c.WHITE: [cap], c.PINK: [label]},
        [
            hull(column([(0.0, superellipse(0.037, 0.057, 2.5, 16)), (0.028, superellipse(0.036, 0.055, 2.5, 16))])),
            hull(column([(z, superellipse(w, d, 2.5, 16)) for z, w, d in sections])),
        ],
        0.31,
    )


def soap_dispenser() -> Draft:
    """A bottle of liquid soap with a pump."""
    body = lathe(
        [
            (0.0, 0.001),
            (0.029, 0.0),
            (0.033, 0.004),
            (0.034, 0.012),
            (0.034, 0.090),
            (0.030, 0.102),
            (0.018, 0.112),
            (0.014, 0.118),
            (0.0, 0.118),
        ],
        _FACETS,
    )
    collar = lathe(
        [(0.0, 0.116), (0.017, 0.116), (0.017, 0.130), (0.008, 0.133), (0.0055, 0.136), (0.0055, 0.150), (0.0, 0.150)], 18
    )
    spout = tube(
        [[0.0, -0.012, 0.152], [0.0, 0.006, 0.154], [0.0, 0.034, 0.154], [0.0, 0.042, 0.150], [0.0, 0.044, 0.144]],
        [0.008, 0.009, 0.006, 0.005, 0.004],
        up=(1.0, 0.0, 0.0),
    )
    label = lathe([(0.0, 0.030), (0.0345, 0.030), (0.0345, 0.076), (0.0, 0.076)], _FACETS)
    return Draft(
        {c.TEAL: [body], c.WHITE: [collar, spout], c.LIME: [label]},
        [
            upright_cylinder(0.034, 0.0, 0.098),
            upright_cylinder(0.016, 0.098, 0.131),
            upright_cylinder(0.0055, 0.131, 0.150),
            box((0.014, 0.058, 0.010), (0.0, 0.015, 0.153)),
        ],
        0.34,
    )


def spray_can() -> Draft:
    """A can of spray paint."""
    body = lathe(
        [
            (0.0, 0.003),
            (0.028, 0.003),
            (0.030, 0.0),
            (0.033, 0.002),
            (0.033, 0.005),
            (0.0315, 0.007),
            (0.0315, 0.150),
            (0.033, 0.153),
            (0.031, 0.156),
            (0.020, 0.166),
            (0.0, 0.168),
        ],
        _FACETS,
    )
    cap = lathe([(0.0, 0.158), (0.0285, 0.158), (0.0285, 0.196), (0.027, 0.199), (0.0, 0.199)], _FACETS)
    label = lathe([(0.0, 0.012), (0.0319, 0.012), (0.0319, 0.145), (0.0, 0.145)], _FACETS)
    return Draft(
        {
            c.STEEL: [body],
            c.ORANGE: [cap, lathe([(0.0, 0.060), (0.0323, 0.060), (0.0323, 0.096), (0.0, 0.096)], _FACETS)],
            c.CHARCOAL: [label],
        },
        [upright_cylinder(0.032, 0.0, 0.158), upright_cylinder(0.0285, 0.158, 0.199)],
        0.36,
    )


def pill_bottle() -> Draft:
    """An orange bottle with a white cap and label."""
    body = lathe([(0.0, 0.001), (0.020, 0.0), (0.0215, 0.002), (0.0215, 0.058), (0.018, 0.062), (0.0, 0.062)], _FACETS)
    ridges = np.where(np.arange(48) % 2 == 0, 0.0225, 0.0216)
    angles = np.linspace(0.0, 2 * np.pi, 48, endpoint=False)
    outline = ridges[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    cap = column([(0.060, outline), (0.076, outline), (0.078, outline * 0.93)])
    label = lathe([(0.0, 0.012), (0.0219, 0.012), (0.0219, 0.050), (0.0, 0.050)], _FACETS)
    return Draft(
        {
            c.AMBER: [body],
            c.WHITE: [cap, label],
            c.BLUE: [lathe([(0.0, 0.037), (0.0222, 0.037), (0.0222, 0.044), (0.0, 0.044)], _FACETS)],
        },
        [upright_cylinder(0.0218, 0.0, 0.078)],
        0.06,
    )


def toothpaste_tube() -> Draft:
    """A tube that lies on its side, its flat end folded."""
    sections = [
        (-0.085, 0.056, 0.004),
        (-0.078, 0.056, 0.004),
        (-0.076, 0.054, 0.008),
        (-0.040, 0.050, 0.022),
        (0.000, 0.045, 0.030),
        (0.040, 0.038, 0.034),
        (0.052, 0.036, 0.034),
        (0.058, 0.022, 0.022),
    ]
    rings = []
    for x, width, depth in sections:
        flat = superellipse(width, depth, 2.2, 24)
        rings.append(np.column_stack([np.full(24, x), flat[:, 0], flat[:, 1] + depth / 2]))
    body = loft(rings)
    cap = lathe([(0.0, 0.0), (0.013, 0.0), (0.012, 0.022), (0.011, 0.024), (0.0, 0.024)], 20)
    cap = moved(cap, (0.056, 0.0, 0.0135), turned("y", 90.0))
    stripe_rings = []
    for x, width, depth in ((-0.050, 0.0515, 0.0185), (-0.040, 0.0502, 0.0226), (0.000, 0.0454, 0.0308), (0.020, 0.0422, 0.0332)):
        flat = superellipse(width, depth, 2.2, 24)
        stripe_rings.append(np.column_stack([np.full(24, x), flat[:, 0], flat[:, 1] + depth / 2 - 0.0002]))
    body, label = flattened(body, 0.0012), loft(stripe_rings)
    label.vertices[:, 2] = np.maximum(label.vertices[:, 2], 0.0012)
    lying = Draft(
        {c.WHITE: [body], c.RED: [label], c.TEAL: [cap]},
        [hull(flattened(loft([r[::2] for r in rings[1:6]]), 0.0004)), box((0.022, 0.030, 0.024), (0.058, 0.0, 0.0142))],
        0.12,
    )
    return turned_draft(lying, 70.0)


def bar_of_soap() -> Draft:
    """A bar of soap with its name pressed in."""
    bar = rounded_box((0.056, 0.086, 0.028), 0.010, 3)
    return Draft(
        {c.PINK: [bar], c.WHITE: [moved(slab(superellipse(0.022, 0.050, 2.5), 0.0, 0.0006), (0.0, 0.0, 0.014))]},
        [hull(rounded_box((0.056, 0.086, 0.028), 0.010, 1))],
        0.10,
    )


def toilet_roll() -> Draft:
    """A roll of paper on its end."""
    paper = lathe([(0.021, 0.0), (0.055, 0.0), (0.056, 0.002), (0.056, 0.098), (0.055, 0.100), (0.021, 0.100), (0.021, 0.0)], 32)
    core = lathe([(0.0195, 0.0005), (0.0212, 0.0005), (0.0212, 0.0995), (0.0195, 0.0995), (0.0195, 0.0005)], _FACETS)
    sheet = block((0.0015, 0.048, 0.100), (0.056, 0.024, 0.050))
    return Draft({c.WHITE: [paper, sheet], c.KRAFT: [core]}, [*wall_ring((0.056, 0.0), (0.056, 0.100), 0.035, 8)], 0.11)


def toothbrush() -> Draft:
    """A toothbrush on its back, bristles up."""
    x = np.array([-0.095, -0.088, -0.060, -0.020, 0.010, 0.035, 0.055, 0.062, 0.090, 0.096])
    width = np.array([0.003, 0.0065, 0.0075, 0.0070, 0.0055, 0.0030, 0.0032, 0.0062, 0.0062, 0.0030])
    thickness = np.array([0.005, 0.007, 0.009, 0.009, 0.008, 0.006, 0.005, 0.005, 0.005, 0.004])
    rings = []
    for at, w, t in zip(x, width, thickness, strict=True):
        flat = superellipse(2 * w, t, 2.8, 12)
        rings.append(np.column_stack([np.full(12, at), flat[:, 0], flat[:, 1] + t / 2]))
    tufts = [block((0.004, 0.0026, 0.011), (0.064 + 0.0058 * i, y, 0.0095)) for i in range(5) for y in (-0.0037, 0.0, 0.0037)]
    pad = moved(slab(superellipse(0.060, 0.009, 3.0, 16), 0.0, 0.0008), (-0.055, 0.0, 0.0085))
    lying = Draft(
        {c.BLUE: [loft(rings)], c.WHITE: [*tufts, pad]},
        [
            box((0.100, 0.0135, 0.0085), (-0.040, 0.0, 0.00425)),
            box((0.085, 0.008, 0.005), (0.0525, 0.0, 0.0025)),
            box((0.030, 0.011, 0.014), (0.0755, 0.0, 0.008)),
        ],
        0.018,
    )
    return turned_draft(lying, 90.0)


def hairbrush() -> Draft:
    """A paddle brush on its back, bristles up."""
    outline = superellipse(0.105, 0.064, 2.4, 28) + np.array([0.055, 0.0])
    paddle = slab(outline, 0.0, 0.014, 0.003)
    handle_x = np.array([-0.110, -0.104, -0.070, -0.020, 0.010])
    path = np.column_stack([handle_x, np.zeros(5), np.full(5, 0.0085)])
    handle = flattened(
        tube(path, np.array([[0.006, 0.005], [0.010, 0.008], [0.011, 0.009], [0.008, 0.007], [0.009, 0.006]]), sides=12), 0.0012
    )
    cushion = slab(superellipse(0.088, 0.048, 2.4, 24) + np.array([0.055, 0.0]), 0.013, 0.018, 0.0015)
    spots = [(0.055 + dx, dy) for dx in np.linspace(-0.032, 0.032, 7) for dy in np.linspace(-0.016, 0.016, 5)]
    bristles = [block((0.0018, 0.0018, 0.014), (sx, sy, 0.024)) for sx, sy in spots]
    lying = Draft(
        {c.PLUM: [paddle, handle], c.PINK: [cushion], c.CHARCOAL: bristles},
        [
            hull(paddle),
            box((0.108, 0.018, 0.014), (-0.052, 0.0, 0.0082)),
            box((0.066, 0.034, 0.018), (0.055, 0.0, 0.022)),
        ],
        0.09,
    )
    return turned_draft(lying, 60.0)


def first_aid_tin() -> Draft:
    """A flat tin with a cross on its lid."""
    body = moved(rounded_box((0.080, 0.110, 0.032), 0.006, 2), (0.0, 0.0, 0.016))
    arms = [
        moved(slab(rectangle(*size), 0.0, 0.0006 + lift), (0.0, 0.0, 0.032))
        for size, lift in (((0.018, 0.054), 0.0), ((0.054, 0.018), 0.0002))
    ]
    clasp = block((0.006, 0.020, 0.010), (0.039, 0.0, 0.019))
    return Draft({c.RED: [body], c.WHITE: arms, c.STEEL: [clasp]}, [box((0.080, 0.110, 0.032), (0.0, 0.0, 0.016))], 0.16)


OBJECTS: tuple[Callable[[], Draft], ...] = (
    water_bottle,
    mustard_bottle,
    spray_cleaner,
    bleach_bottle,
    shampoo_bottle,
    soap_dispenser,
    spray_can,
    pill_bottle,
    toothpaste_tube,
    bar_of_soap,
    toilet_roll,
    toothbrush,
    hairbrush,
    first_aid_tin,
)
