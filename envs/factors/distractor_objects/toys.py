"""Balls and toys."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hamster_bench.envs.factors.distractor_objects import colors as c
from hamster_bench.envs.factors.distractor_objects.model import (
    Draft,
    FloatArray,
    Rgb,
    Shape,
    Sphere,
    box,
    turned_draft,
    upright_cylinder,
)
from hamster_bench.envs.factors.distractor_objects.shapes import (
    ALONG_Y,
    TO_SIDE,
    ball_profile,
    block,
    ellipse,
    flattened,
    hull,
    loft,
    moved,
    print_through,
    slab,
    stretched,
    superellipse,
    tube,
    turned,
)
from hamster_bench.envs.mujoco.assets.meshing import Mesh, lathe, rounded_box


def _seam(radius: float, points: int, spread: float = 0.25) -> FloatArray:
    """The closed curve (points, 3) on a ball along which two equal covers meet, as on a tennis ball.

    x = a cos t + b cos 3t, y = a sin t - b sin 3t, z = 2 sqrt(ab) sin 2t with a + b = 1 lies on the unit sphere.
    """
    t = np.linspace(0.0, 2 * np.pi, points, endpoint=False)
    a, b = 1.0 - spread, spread
    return radius * np.stack(
        [a * np.cos(t) + b * np.cos(3 * t), a * np.sin(t) - b * np.sin(3 * t), 2 * np.sqrt(a * b) * np.sin(2 * t)], axis=1
    )


def _ball_with_seam(radius: float, rgb: Rgb, seam_rgb: Rgb, width: float, mass: float) -> Draft:
    path = _seam(radius, 44) @ turned("x", 35.0).T
    seam = tube(path, [[width, 0.0006]], up=path / radius, sides=6, closed=True)
    return Draft({rgb: [lathe(ball_profile(radius, 13), 26)], seam_rgb: [seam]}, [Sphere(radius, np.zeros(3))], mass)


def tennis_ball() -> Draft:
    """A tennis ball."""
    return _ball_with_seam(0.0330, (0.80, 0.90, 0.15), c.WHITE, 0.0022, 0.058)


def baseball() -> Draft:
    """A baseball."""
    return _ball_with_seam(0.0370, c.WHITE, c.RED, 0.0024, 0.145)


def football() -> Draft:
    """A small football with twelve dark pentagons."""
    radius, phi = 0.060, (1 + np.sqrt(5)) / 2
    cyclic = np.array([[0, s, t * phi] for s in (-1, 1) for t in (-1, 1)], dtype=np.float64)
    centres = np.concatenate([np.roll(cyclic, i, axis=1) for i in range(3)])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    patches = []
    for centre in centres:
        nearest = centres[np.argsort(-(centres @ centre))[1:6]]
        u = nearest[0] - (nearest[0] @ centre) * centre
        u /= np.linalg.norm(u)
        v = np.cross(centre, u)
        order = np.argsort(np.arctan2(nearest @ v, nearest @ u))
        rings = []
        for share, lift in ((0.36, 0.97), (0.36, 1.006), (0.19, 1.012)):
            corners = (1 - share) * centre + share * nearest[order]
            ring = np.stack([corners, (corners + np.roll(corners, -1, axis=0)) / 2], axis=1).reshape(-1, 3)
            rings.append(radius * lift * ring / np.linalg.norm(ring, axis=1, keepdims=True))
        patches.append(loft(rings))
    tilt = turned("x", 20.0)
    return Draft(
        {c.WHITE: [lathe(ball_profile(radius, 15), 28)], c.BLACK: [moved(p, rotation=tilt) for p in patches]},
        [Sphere(1.012 * radius, np.zeros(3))],
        0.12,
    )


def die() -> Draft:
    """A large die."""
    size, pip = 0.040, lathe([(0.0, -0.001), (0.0042, -0.001), (0.0036, 0.0004), (0.0, 0.0005)], 10)
    g = 0.011
    faces = {
        1: [(0.0, 0.0)],
        2: [(-g, -g), (g, g)],
        3: [(-g, -g), (0.0, 0.0), (g, g)],
        4: [(-g, -g), (-g, g), (g, -g), (g, g)],
        5: [(-g, -g), (-g, g), (g, -g), (g, g), (0.0, 0.0)],
        6: [(-g, -g), (-g, g), (g, -g), (g, g), (-g, 0.0), (g, 0.0)],
    }
    turns = {
        5: np.eye(3),
        2: turned("x", 180.0),
        3: turned("y", 90.0),
        4: turned("y", -90.0),
        1: turned("x", 90.0),
        6: turned("x", -90.0),
    }
    pips = [moved(moved(pip, (x, y, size / 2)), rotation=turns[number]) for number, places in faces.items() for x, y in places]
    return Draft({c.CRIMSON: [rounded_box((size, size, size), 0.005, 2)], c.WHITE: pips}, [box(np.full(3, size + 0.001))], 0.07)


def puzzle_cube() -> Draft:
    """A cube of turning layers with coloured stickers."""
    size, pitch = 0.057, 0.0185
    stickers: dict[Rgb, list[Mesh]] = {c.CHARCOAL: [rounded_box((size, size, size), 0.002)], c.YELLOW: [], c.BLUE: []}
    # Rows of numbers: 0 and 1 are the two colours of the stickers, mixed as on a cube that nobody solved.
    patterns = ("010110001", "101100110", "011001011", "110010100", "001101010", "100011101")
    turns = (np.eye(3), turned("x", 180.0), turned("y", 90.0), turned("y", -90.0), turned("x", 90.0), turned("x", -90.0))
    sticker = block((0.0155, 0.0155, 0.0012))
    for pattern, turn in zip(patterns, turns, strict=True):
        for i, mark in enumerate(pattern):
            at = ((i % 3 - 1) * pitch, (i // 3 - 1) * pitch, size / 2)
            stickers[c.BLUE if mark == "1" else c.YELLOW].append(moved(moved(sticker, at), rotation=turn))
    return Draft(stickers, [box(np.full(3, size + 0.0012))], 0.094)


def brick_toy() -> Draft:
    """Two stacked toy bricks with studs."""
    stud = lathe([(0.0, 0.0), (0.0047, 0.0), (0.0047, 0.0040), (0.0042, 0.0045), (0.0, 0.0045)], 12)
    low = [block((0.032, 0.064, 0.019), (0.0, 0.0, 0.0095))]
    high = [block((0.032, 0.032, 0.019), (0.0, -0.016, 0.0285))]
    low += [moved(stud, (x, y, 0.019)) for x in (-0.008, 0.008) for y in (0.008, 0.024)]
    high += [moved(stud, (x, y, 0.038)) for x in (-0.008, 0.008) for y in (-0.024, -0.008)]
    return Draft(
        {c.RED: low, c.YELLOW: high},
        [
            box((0.032, 0.064, 0.0190), (0.0, 0.0, 0.0095)),
            box((0.030, 0.030, 0.0045), (0.0, 0.016, 0.02125)),
            box((0.032, 0.032, 0.0232), (0.0, -0.016, 0.0306)),
        ],
        0.022,
    )


def foam_brick() -> Draft:
    """A brick of red foam."""
    return Draft({c.RED: [rounded_box((0.050, 0.075, 0.050), 0.003)]}, [box((0.050, 0.075, 0.050))], 0.028)


def wooden_block() -> Draft:
    """A tall block of pale wood with a dark knot and rings at its end."""
    body = moved(rounded_box((0.060, 0.060, 0.140), 0.003), (0.0, 0.0, 0.070))
    rings = [
        lathe([(r - 0.0016, 0.139), (r, 0.139), (r, 0.1405), (r - 0.0016, 0.1405), (r - 0.0016, 0.139)], 24)
        for r in (0.008, 0.016, 0.024)
    ]
    knots = [
        print_through(ellipse(0.010, 0.022, 14) + np.array([0.010, 0.090]), 0.060),
        print_through(ellipse(0.007, 0.012, 12) + np.array([-0.014, 0.035]), 0.060),
    ]
    return Draft({c.PINE: [body], c.KRAFT: [*rings, *knots]}, [box((0.060, 0.060, 0.140), (0.0, 0.0, 0.070))], 0.30)


def letter_block() -> Draft:
    """A child's cube with framed letters."""
    size = 0.044
    frame_parts = []
    letter = np.array(
        [
            [-0.011, -0.012],
            [-0.006, -0.012],
            [-0.0035, -0.005],
            [0.0035, -0.005],
            [0.006, -0.012],
            [0.011, -0.012],
            [0.003, 0.012],
            [-0.003, 0.012],
        ]
    )
    letters = []
    for turn in (np.eye(3), turned("z", 90.0)):
        letters.append(moved(print_through(letter, size + 0.0008), rotation=turn))
    letters.append(moved(slab(letter @ np.array([[0.0, 1.0], [-1.0, 0.0]]), size / 2 - 0.001, size / 2 + 0.0008)))
    for axis_turn in (np.eye(3), turned("z", 90.0), turned("z", 180.0), turned("z", 270.0), turned("y", -90.0)):
        for at, extent in (
            ((0.0, 0.018), (0.042, 0.006)),
            ((0.0, -0.018), (0.042, 0.006)),
            ((0.018, 0.0), (0.006, 0.030)),
            ((-0.018, 0.0), (0.006, 0.030)),
        ):
            frame_parts.append(moved(block((0.0016, *extent), (size / 2, *at)), rotation=axis_turn))
    return Draft(
        {c.CREAM: [rounded_box((size, size, size), 0.002)], c.BLUE: frame_parts, c.RED: letters}, [box((size, size, size))], 0.05
    )


def toy_plane() -> Draft:
    """A propeller plane on its wheels."""
    sections = [
        (-0.080, 0.006, 0.008, 0.040),
        (-0.060, 0.014, 0.018, 0.037),
        (-0.010, 0.030, 0.036, 0.032),
        (0.030, 0.034, 0.038, 0.031),
        (0.055, 0.032, 0.034, 0.031),
        (0.066, 0.022, 0.022, 0.031),
    ]
    rings = []
    for x, width, depth, z in sections:
        flat = superellipse(width, depth, 2.5, 16)
        rings.append(np.column_stack([np.full(16, x), flat[:, 0], flat[:, 1] + z]))
    body = loft(rings)
    wing_shape = np.array(
        [
            [-0.014, -0.090],
            [0.006, -0.095],
            [0.020, -0.088],
            [0.028, 0.0],
            [0.020, 0.088],
            [0.006, 0.095],
            [-0.014, 0.090],
            [-0.018, 0.0],
        ]
    )
    wing = moved(slab(wing_shape, -0.0025, 0.0025, 0.001), (0.018, 0.0, 0.028))
    tail = moved(slab(wing_shape * np.array([0.55, 0.36]), -0.0018, 0.0018), (-0.070, 0.0, 0.042))
    fin_side = np.array([[-0.082, 0.040], [-0.050, 0.040], [-0.066, 0.066], [-0.082, 0.068]])
    fin = moved(slab(fin_side, -0.0018, 0.0018), rotation=turned("x", 90.0))
    cockpit = stretched(lathe(ball_profile(0.013, 7), 14), (1.6, 0.9, 0.9))
    hub = moved(lathe([(0.0, 0.0), (0.009, 0.0), (0.007, 0.008), (0.0, 0.013)], 14), (0.065, 0.0, 0.031), turned("y", 90.0))
    blades = block((0.0025, 0.008, 0.058), (0.071, 0.0, 0.031))
    blades = moved(moved(blades, (0.0, 0.0, -0.031)), (0.0, 0.0, 0.031), turned("x", 25.0))
    wheel = moved(
        lathe([(0.0, -0.004), (0.010, -0.004), (0.011, -0.002), (0.011, 0.002), (0.010, 0.004), (0.0, 0.004)], 16),
        rotation=turned("x", 90.0),
    )
    struts = [tube([[0.030, s * 0.010, 0.020], [0.030, s * 0.020, 0.012]], 0.0022, up=(1.0, 0.0, 0.0), sides=6) for s in (-1, 1)]
    skid = tube([[-0.068, 0.0, 0.034], [-0.074, 0.0, 0.018], [-0.078, 0.0, 0.002]], 0.0022, up=(0.0, 1.0, 0.0), sides=6)
    wheels = [moved(wheel, (0.030, s * 0.022, 0.011)) for s in (-1, 1)]
    painted = {
        c.RED: [body, tail, fin],
        c.WHITE: [wing, moved(cockpit, (0.012, 0.0, 0.049)), hub],
        c.CHARCOAL: [blades, *wheels, *struts, skid],
    }
    bottom = min(float(m.vertices[:, 2].min()) for m in (*wheels, skid))
    solid: list[Shape] = [
        hull(loft([r[::2] for r in rings])),
        hull(wing),
        hull(tail),
        box((0.024, 0.0036, 0.026), (-0.071, 0.0, 0.053)),
        box((0.005, 0.0044, 0.034 - bottom), (-0.077, 0.0, bottom + (0.034 - bottom) / 2)),
        *(box((0.014, 0.008, 0.022), (0.030, s * 0.022, 0.011)) for s in (-1, 1)),
        box((0.012, 0.016, 0.054), (0.071, 0.0, 0.031), turned("x", 25.0)),
    ]
    return turned_draft(Draft(painted, solid, 0.12), 35.0)


def toy_car() -> Draft:
    """A small car, side on."""
    side = np.array(
        [
            [-0.050, 0.010],
            [0.050, 0.010],
            [0.052, 0.022],
            [0.048, 0.028],
            [0.028, 0.031],
            [0.016, 0.046],
            [-0.022, 0.046],
            [-0.034, 0.031],
            [-0.050, 0.030],
            [-0.052, 0.020],
        ]
    )
    body = moved(slab(side, -0.021, 0.021, 0.003), rotation=TO_SIDE)
    glass = np.array([[-0.028, 0.031], [0.022, 0.031], [0.013, 0.043], [-0.020, 0.043]])
    windows = [moved(slab(glass, -0.0214, 0.0214), rotation=TO_SIDE)]
    wheel = [(0.0, -0.005), (0.0095, -0.005), (0.0115, -0.003), (0.0115, 0.003), (0.0095, 0.005), (0.0, 0.005)]
    hub = [(0.0, -0.0056), (0.005, -0.0056), (0.005, 0.0056), (0.0, 0.0056)]
    places = [(x, y) for x in (-0.020, 0.020) for y in (-0.031, 0.031)]
    across = turned("y", 90.0)
    wheels = [moved(lathe(wheel, 18), (x, y, 0.0115), across) for x, y in places]
    hubs = [moved(lathe(hub, 12), (x, y, 0.0115), across) for x, y in places]
    lamps = [
        moved(lathe([(0.0, -0.001), (0.004, -0.001), (0.004, 0.001), (0.0, 0.001)], 12), (x, 0.0515, 0.022), ALONG_Y)
        for x in (-0.014, 0.014)
    ]
    return Draft(
        {c.LIME: [body], c.BLACK: [*wheels, *windows], c.WHITE: [*hubs, *lamps]},
        [
            box((0.042, 0.102, 0.020), (0.0, 0.0, 0.020)),
            box((0.042, 0.044, 0.018), (0.0, -0.003, 0.037)),
            *(box((0.010, 0.014, 0.0225), (x, y, 0.01125)) for x, y in places),
        ],
        0.06,
    )


def rubber_duck() -> Draft:
    """A bath duck."""
    body = stretched(lathe(ball_profile(1.0, 11), 22), (0.030, 0.040, 0.026))
    lift = body.vertices.copy()
    lift[:, 2] += np.where(lift[:, 1] < -0.016, 14.0 * (lift[:, 1] + 0.016) ** 2, 0.0)
    body = flattened(moved(Mesh(lift, body.normals, body.uv, body.faces), (0.0, 0.0, 0.026)), 0.006)
    head = moved(lathe(ball_profile(0.021, 11), 20), (0.0, 0.019, 0.062))
    beak = moved(slab(superellipse(0.020, 0.022, 2.4, 14), -0.0030, 0.0030, 0.0015), (0.0, 0.042, 0.058))
    eyes = [moved(lathe(ball_profile(0.0034, 6), 8), (s * 0.0135, 0.033, 0.0685)) for s in (-1, 1)]
    wing = [
        moved(stretched(lathe(ball_profile(1.0, 7), 12), (0.005, 0.017, 0.010)), (s * 0.0285, -0.008, 0.031), turned("x", -15.0))
        for s in (-1, 1)
    ]
    painted = {c.YELLOW: [body, head, *wing], c.ORANGE: [beak], c.BLACK: eyes}
    duck = Draft(
        painted,
        [
            hull(body),
            Sphere(0.021, np.array([0.0, 0.019, 0.062])),
            box((0.016, 0.022, 0.006), (0.0, 0.042, 0.058)),
            upright_cylinder(0.016, 0.006, 0.012),
        ],
        0.05,
    )
    return turned_draft(duck, -40.0)


def ring_stacker() -> Draft:
    """A toy tower of rings on a peg."""
    radii = (0.040, 0.034, 0.028, 0.022)
    rings: dict[Rgb, list[Mesh]] = {c.BLUE: [], c.ORANGE: [], c.CREAM: []}
    solid = []
    for i, r in enumerate(radii):
        low = 0.010 + 0.020 * i
        half = 0.0098
        profile = [
            (0.006, low),
            (r - half, low),
            *((r - half + half * np.cos(a), low + half + half * np.sin(a)) for a in np.deg2rad([-50.0, 0.0, 50.0])),
            (r - half, low + 2 * half),
            (0.006, low + 2 * half),
            (0.006, low),
        ]
        rings[c.BLUE if i % 2 else c.ORANGE].append(lathe(profile, 20))
        solid.append(upright_cylinder(r - 0.001, low, low + 2 * half))
    base = lathe(
        [
            (0.0, 0.0),
            (0.042, 0.0),
            (0.043, 0.003),
            (0.040, 0.010),
            (0.007, 0.010),
            (0.006, 0.095),
            (0.010, 0.100),
            (0.010, 0.107),
            (0.0, 0.112),
        ],
        20,
    )
    rings[c.CREAM].append(base)
    return Draft(rings, [upright_cylinder(0.0425, 0.0, 0.010), *solid, upright_cylinder(0.009, 0.088, 0.111)], 0.24)


OBJECTS: tuple[Callable[[], Draft], ...] = (
    tennis_ball,
    baseball,
    football,
    die,
    puzzle_cube,
    brick_toy,
    foam_brick,
    wooden_block,
    letter_block,
    toy_plane,
    toy_car,
    rubber_duck,
    ring_stacker,
)
