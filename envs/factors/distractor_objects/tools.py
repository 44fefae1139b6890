"""Tools and hardware. What is long lies along y, broadside to the camera."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from hamster_bench.envs.factors.distractor_objects import colors as c
from hamster_bench.envs.factors.distractor_objects.model import Draft, FloatArray, Rgb, Shape, box, upright_cylinder
from hamster_bench.envs.factors.distractor_objects.shapes import (
    ALONG_Y,
    TO_SIDE,
    arc,
    block,
    ellipse,
    hull,
    lathe_hull,
    loft,
    moved,
    slab,
    superellipse,
    tube,
    turned,
    wall_ring,
)
from hamster_bench.envs.mujoco.assets.meshing import Mesh, lathe, rounded_box


def _all_turned(painted: Mapping[Rgb, Sequence[Mesh]], rotation: FloatArray) -> dict[Rgb, list[Mesh]]:
    return {rgb: [moved(mesh, rotation=rotation) for mesh in meshes] for rgb, meshes in painted.items()}


def hammer() -> Draft:
    """A claw hammer."""
    grip = tube(
        [[0.0, y, 0.0] for y in (-0.120, -0.112, -0.080, -0.040, -0.020)],
        np.array([[0.010, 0.010], [0.013, 0.014], [0.012, 0.014], [0.011, 0.013], [0.010, 0.012]]),
        sides=12,
    )
    shaft = tube(
        [[0.0, -0.022, 0.0], [0.0, 0.040, 0.0], [0.0, 0.100, 0.0]],
        np.array([[0.008, 0.010], [0.007, 0.009], [0.007, 0.009]]),
        sides=10,
    )
    poll = moved(
        lathe(
            [
                (0.0, -0.004),
                (0.011, -0.004),
                (0.010, 0.012),
                (0.012, 0.022),
                (0.014, 0.024),
                (0.014, 0.038),
                (0.013, 0.040),
                (0.0, 0.040),
            ],
            20,
        ),
        (0.0, 0.098, 0.0),
        turned("y", 90.0),
    )
    claws = []
    for side in (-1.0, 1.0):
        path = np.array(
            [
                [0.004, 0.098, side * 0.004],
                [-0.020, 0.099, side * 0.006],
                [-0.038, 0.094, side * 0.0085],
                [-0.052, 0.082, side * 0.0105],
            ]
        )
        claws.append(tube(path, np.array([[0.011, 0.007], [0.010, 0.006], [0.008, 0.0045], [0.003, 0.0025]]), sides=8))
    eye = block((0.022, 0.026, 0.022), (0.0, 0.098, 0.0))
    return Draft(
        {c.BLUE: [grip], c.PINE: [shaft], c.STEEL: [poll, *claws, eye]},
        [
            box((0.022, 0.096, 0.028), (0.0, -0.070, 0.0)),
            box((0.013, 0.110, 0.016), (0.0, 0.035, 0.0)),
            box((0.050, 0.025, 0.022), (0.014, 0.098, 0.0)),
            box((0.018, 0.026, 0.028), (0.031, 0.098, 0.0)),
            box((0.044, 0.014, 0.018), (-0.030, 0.094, 0.0), turned("z", 14.0)),
        ],
        0.48,
    )


def screwdriver() -> Draft:
    """A screwdriver."""
    fluted = np.where(np.arange(24) % 4 < 2, 1.0, 0.90)[:, None] * ellipse(2.0, 2.0, 24)
    sections = [(-0.100, 0.008), (-0.097, 0.0135), (-0.060, 0.0150), (-0.030, 0.0150), (-0.016, 0.0095), (-0.008, 0.0110)]
    handle = moved(
        loft([np.column_stack([fluted * r, np.full(24, z)]) for z, r in sections]), rotation=ALONG_Y @ turned("z", 7.5 - 90.0)
    )
    shaft = moved(lathe([(0.0, -0.010), (0.0034, -0.010), (0.0034, 0.088), (0.0, 0.088)], 12), rotation=ALONG_Y)
    blade = loft(
        [
            np.column_stack([superellipse(w, d, 4.0, 12), np.full(12, z)])
            for z, w, d in ((0.086, 0.0066, 0.0066), (0.096, 0.0084, 0.0036), (0.102, 0.0076, 0.0012))
        ]
    )
    return Draft(
        {c.RED: [handle], c.STEEL: [shaft, moved(blade, rotation=ALONG_Y)]},
        [
            hull(
                moved(
                    lathe_hull(
                        [
                            (0.0, -0.100),
                            (0.008, -0.100),
                            (0.0143, -0.096),
                            (0.0148, -0.030),
                            (0.010, -0.016),
                            (0.0105, -0.008),
                            (0.0, -0.008),
                        ],
                        8,
                    ),
                    rotation=ALONG_Y,
                )
            ),
            box((0.0066, 0.096, 0.0066), (0.0, 0.046, 0.0)),
        ],
        0.10,
    )


def wrench() -> Draft:
    """A combination wrench: an open jaw at one end, a ring at the other."""
    t = 0.0075
    jaw = np.concatenate(
        [
            [[-0.006, 0.060], [0.006, 0.060]],
            [
                [0.016, 0.070],
                [0.019, 0.084],
                [0.014, 0.098],
                [0.0075, 0.100],
                [0.0075, 0.084],
                [0.0, 0.077],
                [-0.0075, 0.084],
                [-0.0075, 0.100],
                [-0.014, 0.098],
                [-0.019, 0.084],
                [-0.016, 0.070],
            ],
        ]
    )
    shank = np.array([[-0.0055, -0.072], [0.0055, -0.072], [0.0062, 0.062], [-0.0062, 0.062]])
    ring = lathe(
        [(0.0085, 0.0), (0.0155, 0.0), (0.0165, 0.001), (0.0165, t - 0.001), (0.0155, t), (0.0085, t), (0.0085, 0.0)], 20
    )
    mesh = [slab(jaw, 0.0, t, 0.0008), slab(shank, 0.0010, t - 0.0010, 0.0008), moved(ring, (0.0, -0.084, 0.0))]
    return Draft(
        {c.STEEL: mesh},
        [
            box((0.011, 0.140, t - 0.002), (0.0, -0.004, t / 2)),
            *(box((0.0095, 0.030, t), (side * 0.0125, 0.084, t / 2)) for side in (-1.0, 1.0)),
            box((0.030, 0.014, t), (0.0, 0.070, t / 2)),
            *(box((0.0075, 0.033, t), (side * 0.0125, -0.084, t / 2)) for side in (-1.0, 1.0)),
            *(box((0.018, 0.0075, t), (0.0, -0.084 + side * 0.0125, t / 2)) for side in (-1.0, 1.0)),
        ],
        0.18,
    )


def clamp() -> Draft:
    """A screw clamp, lying."""
    t = 0.014
    frame = np.array(
        [
            [-0.045, -0.050],
            [0.030, -0.050],
            [0.030, -0.034],
            [-0.027, -0.034],
            [-0.027, 0.034],
            [0.030, 0.034],
            [0.030, 0.050],
            [-0.045, 0.050],
            [-0.050, 0.040],
            [-0.050, -0.040],
        ]
    )
    threads = [(0.0048 if i % 2 else 0.0038, -0.020 + 0.006 * i) for i in range(17)]
    screw = moved(lathe([(0.0, -0.020), *threads, (0.0, 0.076)], 12), (0.018, 0.0, t / 2), ALONG_Y)
    foot = moved(
        lathe([(0.0, -0.028), (0.007, -0.028), (0.007, -0.022), (0.005, -0.019), (0.0, -0.019)], 14), (0.018, 0.0, t / 2), ALONG_Y
    )
    bar = tube([[-0.006, 0.074, t / 2], [0.018, 0.074, t / 2], [0.042, 0.074, t / 2]], 0.0028, sides=8, round_ends=True)
    knobs = [rounded_box((0.007, 0.009, 0.009), 0.002) for _ in range(2)]
    return Draft(
        {
            c.ORANGE: [slab(frame, 0.0, t, 0.0015)],
            c.STEEL: [
                screw,
                foot,
                bar,
                *(moved(k, (0.018 + side * 0.026, 0.074, t / 2)) for k, side in zip(knobs, (-1, 1), strict=True)),
            ],
        },
        [
            box((0.022, 0.096, t), (-0.039, 0.0, t / 2)),
            box((0.060, 0.016, t), (0.0, -0.042, t / 2)),
            box((0.060, 0.016, t), (0.0, 0.042, t / 2)),
            box((0.009, 0.100, 0.009), (0.018, 0.026, t / 2)),
            box((0.056, 0.007, 0.007), (0.018, 0.074, t / 2)),
        ],
        0.26,
    )


def scissors() -> Draft:
    """Scissors, slightly open."""
    painted: dict[Rgb, list[Mesh]] = {c.STEEL: [], c.ORANGE: []}
    collision: list[Shape] = []
    for side, z in ((-1.0, 0.0035), (1.0, 0.0065)):
        swing = turned("z", -side * 9.0)
        blade = np.array(
            [[-0.0075, -0.020], [0.0060, -0.020], [0.0070, 0.010], [0.0010, 0.098], [-0.0012, 0.100], [-0.0075, 0.010]]
        ) * np.array([side, 1.0])
        painted[c.STEEL].append(moved(slab(blade[:: int(side)], z - 0.0012, z + 0.0012, 0.0005), rotation=swing))
        loop = ellipse(0.034, 0.050, 18) + np.array([-side * 0.012, -0.058])
        ring = tube(np.column_stack([loop, np.full(18, 0.005)]), [[0.0045, 0.005]], sides=8, closed=True)
        neck = tube(
            [[0.0, -0.014, z], [-side * 0.002, -0.026, 0.005], [-side * 0.007, -0.036, 0.005]],
            np.array([[0.0065, 0.0030], [0.0065, 0.0045], [0.0060, 0.0048]]),
            sides=8,
        )
        painted[c.ORANGE] += [moved(ring, rotation=swing), moved(neck, rotation=swing)]
        collision.append(hull(painted[c.STEEL][-1]))
        for dx, dy, w, d in (
            (-0.017, 0.0, 0.008, 0.040),
            (0.017, 0.0, 0.008, 0.040),
            (0.0, 0.025, 0.024, 0.008),
            (0.0, -0.025, 0.024, 0.008),
        ):
            collision.append(box((w, d, 0.010), swing @ np.array([-side * 0.012 + dx, -0.058 + dy, 0.005]), swing))
    painted[c.STEEL].append(lathe([(0.0, 0.002), (0.004, 0.002), (0.004, 0.0085), (0.003, 0.0095), (0.0, 0.0095)], 12))
    return Draft(painted, collision, 0.08)


def pliers() -> Draft:
    """Pliers, slightly open."""
    painted: dict[Rgb, list[Mesh]] = {c.STEEL: [], c.BLUE: []}
    collision = []
    for side in (-1.0, 1.0):
        jaw = np.array(
            [
                [-0.002, -0.012],
                [0.010, -0.010],
                [0.012, 0.004],
                [0.0085, 0.030],
                [0.0055, 0.052],
                [0.0015, 0.052],
                [0.0015, 0.010],
                [-0.006, 0.004],
            ]
        ) * np.array([side, 1.0])
        painted[c.STEEL].append(slab(jaw[:: int(side)], 0.0, 0.0125, 0.0010))
        path = [
            [side * 0.003, -0.006, 0.007],
            [side * 0.013, -0.026, 0.007],
            [side * 0.021, -0.055, 0.007],
            [side * 0.023, -0.090, 0.007],
            [side * 0.020, -0.110, 0.007],
        ]
        painted[c.BLUE].append(
            tube(
                path,
                np.array([[0.0050, 0.0050], [0.0058, 0.0062], [0.0065, 0.0070], [0.0065, 0.0070], [0.0050, 0.0060]]),
                sides=10,
            )
        )
        collision += [
            box((0.011, 0.060, 0.0125), (side * 0.0055, 0.021, 0.00625)),
            box((0.011, 0.034, 0.012), (side * 0.013, -0.028, 0.007), turned("z", side * 17.0)),
            box((0.012, 0.060, 0.014), (side * 0.022, -0.078, 0.007)),
        ]
    painted[c.STEEL].append(lathe([(0.0, 0.0005), (0.011, 0.0005), (0.011, 0.0130), (0.009, 0.0140), (0.0, 0.0140)], 18))
    return Draft(painted, collision, 0.19)


def padlock() -> Draft:
    """A padlock on its back."""
    body = moved(rounded_box((0.040, 0.044, 0.018), 0.004, 2), (0.0, 0.0, 0.009))
    bend = arc(0.0125, 0.0, 180.0, 9, at=(0.0, 0.040))
    path = np.concatenate([[[0.0125, 0.018]], bend, [[-0.0125, 0.018]]])
    shackle = tube(np.column_stack([path, np.full(len(path), 0.009)]), 0.0038, sides=10)
    disc = moved(lathe([(0.0, -0.001), (0.0085, -0.001), (0.0085, 0.0006), (0.0, 0.0006)], 18), (0.0, -0.004, 0.018))
    slot = [
        block((0.0022, 0.008, 0.002), (0.0, -0.005, 0.0182)),
        moved(lathe([(0.0, -0.001), (0.0024, -0.001), (0.0024, 0.001), (0.0, 0.001)], 10), (0.0, -0.001, 0.0182)),
    ]
    # Lying on its back with the bow away from the camera.
    painted = {c.BRASS: [body], c.STEEL: [shackle, disc], c.BLACK: slot}
    around = turned("z", 90.0)
    return Draft(
        _all_turned(painted, around),
        [
            box((0.044, 0.040, 0.018), (0.0, 0.0, 0.009)),
            box((0.022, 0.0066, 0.0066), (-0.030, 0.0125, 0.009)),
            box((0.022, 0.0066, 0.0066), (-0.030, -0.0125, 0.009)),
            box((0.0066, 0.025, 0.0066), (-0.0520, 0.0, 0.009)),
        ],
        0.21,
    )


def tape_roll() -> Draft:
    """A roll of adhesive tape, lying."""
    tape = lathe(
        [(0.0285, 0.0), (0.0465, 0.0), (0.047, 0.0005), (0.047, 0.0235), (0.0465, 0.024), (0.0285, 0.024), (0.0285, 0.0)], 36
    )
    core = lathe([(0.0262, 0.0), (0.0288, 0.0), (0.0288, 0.0242), (0.0262, 0.0242), (0.0262, 0.0)], 28)
    tail = block((0.0012, 0.030, 0.024), (0.047, 0.014, 0.012))
    return Draft({c.TEAL: [tape, tail], c.KRAFT: [core]}, wall_ring((0.047, 0.0), (0.047, 0.024), 0.020, 12), 0.08)


def torch() -> Draft:
    """A pocket torch on its side."""
    body = [
        (0.0, -0.075),
        (0.013, -0.075),
        (0.0215, -0.072),
        (0.0215, -0.062),
        (0.016, -0.058),
        (0.016, 0.030),
        (0.0215, 0.046),
        (0.0215, 0.064),
        (0.0, 0.064),
    ]
    ring = [(0.0, 0.060), (0.0223, 0.060), (0.0223, 0.074), (0.0195, 0.075), (0.0195, 0.072), (0.0, 0.072)]
    lens = [(0.0, 0.068), (0.0190, 0.068), (0.0190, 0.0728), (0.0, 0.0738)]
    button = moved(slab(superellipse(0.010, 0.022, 3.0, 14), 0.014, 0.0182, 0.001), (0.0, 0.010, 0.0))
    tail = moved(
        lathe([(0.0, -0.073), (0.0223, -0.073), (0.0223, -0.064), (0.0, -0.064)], 24), rotation=ALONG_Y @ turned("z", 7.5)
    )
    turn = turned("z", -35.0)
    painted = {
        c.NAVY: [moved(lathe(body, 24), rotation=ALONG_Y @ turned("z", 7.5)), tail],
        c.YELLOW: [moved(lathe(ring, 24), rotation=ALONG_Y @ turned("z", 7.5)), button],
        c.WHITE: [moved(lathe(lens, 24), rotation=ALONG_Y)],
    }
    coarse = [
        lathe_hull([(0.0, -0.073), (0.0223, -0.073), (0.0223, -0.064), (0.0, -0.064)], 12),
        lathe_hull([(0.0, -0.064), (0.016, -0.064), (0.016, 0.034), (0.0, 0.034)], 8),
        lathe_hull([(0.0, 0.030), (0.016, 0.030), (0.0215, 0.046), (0.0223, 0.060), (0.0223, 0.074), (0.0, 0.074)], 12),
    ]
    return Draft(_all_turned(painted, turn), [hull(moved(mesh, rotation=turn @ ALONG_Y)) for mesh in coarse], 0.16)


def light_bulb() -> Draft:
    """A light bulb, lying on its glass and its cap."""
    glass = [
        (0.0, -0.030),
        *((float(r), float(z)) for r, z in arc(0.030, -80.0, 38.0, 9)),
        (0.0185, 0.026),
        (0.0145, 0.036),
        (0.0135, 0.042),
        (0.0, 0.042),
    ]
    threads = [(0.0135 if i % 2 else 0.0122, 0.041 + 0.0030 * i) for i in range(8)]
    cap = [(0.0, 0.040), *threads, (0.009, 0.066), (0.0, 0.067)]
    tip = [(0.0, 0.066), (0.0075, 0.066), (0.004, 0.0705), (0.0, 0.071)]
    # Tilted so that both touch the table.
    lean = float(np.rad2deg(np.arcsin((0.030 - 0.0135) / 0.0620)))
    turn = turned("z", -40.0) @ turned("x", -lean) @ ALONG_Y @ turned("z", 7.5)
    painted = {c.CREAM: [lathe(glass, 24)], c.STEEL: [lathe(cap, 20)], c.BLACK: [lathe(tip, 14)]}
    coarse = moved(
        lathe_hull(
            [(0.0, -0.030), *((float(r), float(z)) for r, z in arc(0.030, -75.0, 30.0, 7)), (0.0135, 0.062), (0.0, 0.066)], 12
        ),
        rotation=turned("z", -40.0) @ turned("x", -lean) @ ALONG_Y,
    )
    return Draft(_all_turned(painted, turn), [hull(coarse)], 0.04)


def paint_brush() -> Draft:
    """A flat paint brush."""

    def section(y: float, width: float, depth: float) -> FloatArray:
        flat = superellipse(width, depth, 3.0, 16)
        return np.column_stack([flat[:, 0], np.full(16, y), -flat[:, 1]])

    handle = loft(
        [
            section(*s)
            for s in (
                (-0.105, 0.008, 0.006),
                (-0.100, 0.013, 0.009),
                (-0.060, 0.012, 0.010),
                (-0.030, 0.020, 0.012),
                (-0.010, 0.036, 0.013),
            )
        ]
    )
    ferrule = loft([section(*s) for s in ((-0.012, 0.040, 0.015), (0.018, 0.041, 0.015))])
    bristles = loft(
        [section(*s) for s in ((0.016, 0.038, 0.013), (0.045, 0.042, 0.014), (0.066, 0.040, 0.009), (0.070, 0.036, 0.004))]
    )
    return Draft(
        {c.RED: [handle], c.BRASS: [ferrule], c.PAPER: [bristles]},
        [
            box((0.013, 0.094, 0.010), (0.0, -0.058, 0.0)),
            box((0.041, 0.030, 0.015), (0.0, 0.003, 0.0)),
            box((0.040, 0.050, 0.012), (0.0, 0.043, 0.0)),
        ],
        0.07,
    )


def tape_measure() -> Draft:
    """A pocket tape measure, standing, its tape pulled out a little."""
    side = np.array(
        [
            [-0.034, 0.0],
            [0.034, 0.0],
            [0.036, 0.004],
            [0.036, 0.026],
            [0.030, 0.046],
            [0.016, 0.060],
            [-0.006, 0.064],
            [-0.024, 0.058],
            [-0.034, 0.044],
            [-0.036, 0.026],
        ]
    )
    body = moved(slab(side, -0.019, 0.019, 0.003), rotation=TO_SIDE)
    disc = moved(
        lathe([(0.0, -0.0196), (0.022, -0.0196), (0.022, 0.0196), (0.0, 0.0196)], 24), (0.0, -0.002, 0.032), turned("y", 90.0)
    )
    edge = moved(
        slab(np.array([[-0.030, -0.0004], [0.034, -0.0004], [0.0366, 0.004], [0.0366, 0.016], [-0.030, 0.006]]), -0.0193, 0.0193),
        rotation=TO_SIDE,
    )
    tape = block((0.019, 0.026, 0.0012), (0.0, 0.048, 0.0030))
    hook = block((0.019, 0.0014, 0.006), (0.0, 0.061, 0.0026))
    return Draft(
        {c.YELLOW: [body, tape], c.CHARCOAL: [disc, edge], c.STEEL: [hook]},
        [hull(moved(slab(side, -0.019, 0.019), (0.0, 0.0, -0.0004), TO_SIDE)), box((0.019, 0.026, 0.0014), (0.0, 0.048, 0.0030))],
        0.22,
    )


def battery() -> Draft:
    """A large battery on its end."""
    case = [(0.0, 0.0), (0.016, 0.0), (0.0165, 0.001), (0.0165, 0.0400), (0.0, 0.0400)]
    top = [(0.0, 0.0395), (0.0165, 0.0395), (0.0165, 0.058), (0.0155, 0.0595), (0.0, 0.0595)]
    pole = [(0.0, 0.059), (0.0048, 0.059), (0.0048, 0.0612), (0.0, 0.0615)]
    return Draft(
        {c.BLACK: [lathe(case, 24)], c.BRASS: [lathe(top, 24)], c.STEEL: [lathe(pole, 14)]},
        [upright_cylinder(0.0165, 0.0, 0.0595), upright_cylinder(0.0048, 0.0595, 0.0615)],
        0.135,
    )


OBJECTS: tuple[Callable[[], Draft], ...] = (
    hammer,
    screwdriver,
    wrench,
    clamp,
    scissors,
    pliers,
    padlock,
    tape_roll,
    torch,
    light_bulb,
    paint_brush,
    tape_measure,
    battery,
)
