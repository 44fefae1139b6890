"""What lies about on a desk or a shelf."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hamster_bench.envs.factors.distractor_objects import colors as c
from hamster_bench.envs.factors.distractor_objects.model import Draft, box, upright_cylinder
from hamster_bench.envs.factors.distractor_objects.shapes import (
    ALONG_Y,
    TO_SIDE,
    block,
    hull,
    lathe_hull,
    loft,
    moved,
    rectangle,
    slab,
    superellipse,
    tube,
    turned,
    wall_ring,
)
from hamster_bench.envs.mujoco.assets.meshing import lathe, rounded_box


def marker() -> Draft:
    """A thick marker with its cap on."""
    barrel = [(0.0, -0.061), (0.006, -0.061), (0.0085, -0.058), (0.0090, -0.054), (0.0090, 0.022), (0.0, 0.022)]
    cap = [(0.0, 0.018), (0.0098, 0.018), (0.0098, 0.050), (0.0080, 0.060), (0.0, 0.061)]
    end = [(0.0, -0.064), (0.0055, -0.064), (0.0055, -0.060), (0.0, -0.060)]
    facet = ALONG_Y @ turned("z", 10.0)
    clip = block((0.0045, 0.030, 0.0018), (0.0, 0.034, 0.0106))
    return Draft(
        {
            c.WHITE: [moved(lathe(barrel, 18), rotation=facet)],
            c.BLACK: [moved(lathe(cap, 18), rotation=facet), moved(lathe(end, 18), rotation=facet), clip],
        },
        [
            hull(
                moved(
                    lathe_hull([(0.0, -0.064), (0.0090, -0.058), (0.0097, 0.018), (0.0097, 0.050), (0.0, 0.061)], 8),
                    rotation=ALONG_Y,
                )
            )
        ],
        0.025,
    )


def book() -> Draft:
    """A hardcover book, lying."""
    d, w, t = 0.130, 0.190, 0.030
    cover = [block((d, w, 0.003), (0.0, 0.0, z)) for z in (0.0015, t - 0.0015)]
    spine = moved(rounded_box((0.004, w, t), 0.0015), (-d / 2, 0.0, t / 2))
    pages = block((d - 0.008, w - 0.008, t - 0.006), (-0.002, 0.0, t / 2))
    title = [block((0.016, 0.120, 0.0006), (x, 0.0, t)) for x in (-0.030, -0.005)]
    return Draft(
        {c.NAVY: [*cover, spine], c.PAPER: [pages], c.YELLOW: [*title, block((0.036, 0.060, 0.0006), (0.036, 0.0, t))]},
        [box((d + 0.002, w, t), (-0.001, 0.0, t / 2))],
        0.42,
    )


def candle() -> Draft:
    """A thick candle with its wick."""
    wax = [
        (0.0, 0.0),
        (0.0335, 0.0),
        (0.035, 0.0015),
        (0.035, 0.093),
        (0.0335, 0.095),
        (0.031, 0.095),
        (0.026, 0.091),
        (0.0, 0.090),
    ]
    drips = []
    for angle, length in ((15.0, 0.030), (60.0, 0.016), (-35.0, 0.022), (130.0, 0.026), (220.0, 0.020)):
        path = np.array([[0.031, 0.0, 0.094], [0.0348, 0.0, 0.094 - length / 2], [0.0352, 0.0, 0.094 - length]])
        drips.append(
            moved(
                tube(
                    path,
                    np.array([[0.004, 0.002], [0.0035, 0.0015], [0.0045, 0.0018]]),
                    up=(1.0, 0.0, 0.3),
                    sides=8,
                    round_ends=True,
                ),
                rotation=turned("z", angle),
            )
        )
    wick = tube([[0.0, 0.0, 0.088], [0.0, 0.0, 0.100], [0.002, 0.0, 0.108]], 0.0014, up=(0.0, 1.0, 0.0), sides=6)
    return Draft(
        {
            c.CREAM: [lathe(wax, 28), *drips],
            c.BLACK: [wick],
            c.PURPLE: [lathe([(0.0, 0.012), (0.0354, 0.012), (0.0354, 0.030), (0.0, 0.030)], 28)],
        },
        [upright_cylinder(0.035, 0.0, 0.095)],
        0.32,
    )


def alarm_clock() -> Draft:
    """A round alarm clock with two bells."""
    r, up = 0.038, 0.046
    case = moved(
        lathe([(0.0, -0.018), (0.032, -0.018), (r, -0.012), (r, 0.014), (r - 0.002, 0.016), (0.0, 0.016)], 28),
        (0.0, 0.0, up),
        turned("y", 90.0),
    )
    face = moved(
        lathe([(0.0, 0.015), (r - 0.005, 0.015), (r - 0.005, 0.0166), (0.0, 0.0166)], 28), (0.0, 0.0, up), turned("y", 90.0)
    )
    legs, bells = [], []
    for side in (-1.0, 1.0):
        legs.append(
            tube([[0.0, side * 0.022, 0.020], [0.0, side * 0.027, 0.010], [0.0, side * 0.031, 0.0]], 0.004, up=(1.0, 0.0, 0.0))
        )
        bell = lathe([(0.0, 0.0), (0.015, 0.0), (0.014, 0.006), (0.009, 0.011), (0.0, 0.013)], 18)
        bells.append(moved(bell, (0.0, side * 0.021, up + 0.034), turned("x", -side * 32.0)))
    hands = [
        moved(block((0.0010, 0.0030, 0.022), (0.0170, 0.0, 0.009)), (0.0, 0.0, up), turned("x", -35.0)),
        moved(block((0.0010, 0.0034, 0.016), (0.0174, 0.0, 0.006)), (0.0, 0.0, up), turned("x", 70.0)),
    ]
    ticks = [
        moved(block((0.0010, 0.0022, 0.0055), (0.0168, 0.0, 0.027)), (0.0, 0.0, up), turned("x", 30.0 * i)) for i in range(12)
    ]
    return Draft(
        {c.TEAL: [case, *legs, block((0.030, 0.070, 0.004))], c.WHITE: [face], c.BLACK: [*hands, *ticks, *bells]},
        [
            hull(
                moved(
                    lathe_hull([(0.0, -0.018), (0.032, -0.018), (r, -0.012), (r, 0.015), (0.0, 0.015)], 16),
                    (0.0, 0.0, up),
                    turned("y", 90.0),
                )
            ),
            *(box((0.008, 0.010, 0.022), (0.0, side * 0.0285, 0.010)) for side in (-1.0, 1.0)),
            box((0.030, 0.070, 0.004), (0.0, 0.0, 0.0)),
            *(box((0.024, 0.022, 0.010), (0.0, side * 0.022, up + 0.039), turned("x", -side * 32.0)) for side in (-1.0, 1.0)),
        ],
        0.20,
    )


def glue_stick() -> Draft:
    """A glue stick, standing."""
    tube_ = [(0.0, 0.0), (0.0135, 0.0), (0.0140, 0.001), (0.0140, 0.012), (0.0125, 0.013), (0.0125, 0.066), (0.0, 0.066)]
    cap = [(0.0, 0.064), (0.0140, 0.064), (0.0140, 0.096), (0.0130, 0.098), (0.0, 0.098)]
    band = [(0.0, 0.016), (0.0129, 0.016), (0.0129, 0.060), (0.0, 0.060)]
    return Draft(
        {c.WHITE: [lathe(tube_, 22)], c.RED: [lathe(cap, 22)], c.YELLOW: [lathe(band, 22)]},
        [upright_cylinder(0.0138, 0.0, 0.098)],
        0.04,
    )


def stapler() -> Draft:
    """A stapler, side on."""
    base = np.array([[-0.065, 0.0], [0.065, 0.0], [0.066, 0.004], [0.058, 0.008], [-0.050, 0.010], [-0.066, 0.008]])
    arm = np.array(
        [[-0.066, 0.016], [-0.040, 0.014], [0.062, 0.026], [0.064, 0.034], [0.054, 0.044], [-0.030, 0.036], [-0.062, 0.030]]
    )
    post = np.array([[-0.066, 0.006], [-0.044, 0.006], [-0.038, 0.028], [-0.060, 0.030]])
    rail = np.array([[-0.050, 0.011], [0.058, 0.020], [0.058, 0.026], [-0.050, 0.017]])
    return Draft(
        {
            c.CHARCOAL: [
                moved(slab(base, -0.018, 0.018, 0.002), rotation=TO_SIDE),
                moved(slab(post, -0.012, 0.012), rotation=TO_SIDE),
            ],
            c.CRIMSON: [moved(slab(arm, -0.015, 0.015, 0.004), rotation=TO_SIDE)],
            c.STEEL: [moved(slab(rail, -0.0115, 0.0115), rotation=TO_SIDE)],
        },
        [
            box((0.036, 0.130, 0.008), (0.0, 0.0, 0.004)),
            hull(moved(slab(arm, -0.014, 0.014), rotation=TO_SIDE)),
            hull(moved(slab(post, -0.012, 0.012), rotation=TO_SIDE)),
            hull(moved(slab(rail, -0.0115, 0.0115), rotation=TO_SIDE)),
        ],
        0.21,
    )


def magnifying_glass() -> Draft:
    """A magnifying glass, lying."""
    t = 0.010
    rim = lathe([(0.0325, 0.0), (0.0375, 0.0), (0.0385, 0.002), (0.0385, t - 0.002), (0.0375, t), (0.0325, t), (0.0325, 0.0)], 32)
    lens = lathe([(0.0, 0.0015), (0.025, 0.0030), (0.0330, 0.0045), (0.0330, 0.0055), (0.025, 0.0070), (0.0, 0.0085)], 28)
    neck = [(0.0, 0.036), (0.004, 0.036), (0.004, 0.052), (0.0, 0.052)]
    grip = [(0.0, 0.050), (0.0050, 0.050), (0.0058, 0.056), (0.0050, 0.070), (0.0056, 0.110), (0.0045, 0.128), (0.0, 0.130)]
    backwards = turned("x", 90.0)
    stick = [moved(lathe(p, 14), (0.0, 0.0, 0.0058), backwards) for p in (neck, grip)]
    return Draft(
        {c.BRASS: [rim, stick[0]], c.SKY: [lens], c.BROWN: [stick[1]]},
        [
            *wall_ring((0.0385, 0.0), (0.0385, t), 0.006, 12),
            upright_cylinder(0.0320, 0.0030, 0.0070),
            box((0.010, 0.090, 0.0096), (0.0, -0.083, 0.0054)),
        ],
        0.11,
    )


def computer_mouse() -> Draft:
    """A computer mouse."""
    rings = []
    for z, share in ((0.0, 0.94), (0.006, 1.0), (0.014, 0.98), (0.022, 0.88), (0.029, 0.68), (0.033, 0.42), (0.0345, 0.15)):
        flat = superellipse(0.110 * share, 0.062 * share, 2.5, 26)
        rings.append(np.column_stack([flat[:, 0] - 0.010 * (1 - share), flat[:, 1], np.full(26, z)]))
    body = moved(loft(rings), rotation=turned("z", 60.0))
    wheel = moved(
        lathe([(0.0, -0.003), (0.008, -0.003), (0.009, -0.001), (0.009, 0.001), (0.008, 0.003), (0.0, 0.003)], 14),
        turned("z", 60.0) @ np.array([0.026, 0.0, 0.024]),
        turned("z", 60.0) @ turned("x", 90.0),
    )
    seam = np.column_stack([np.linspace(0.0, 0.0495, 6), np.zeros(6), [0.0325, 0.0318, 0.0286, 0.0232, 0.0162, 0.0092]])
    line = moved(tube(seam, 0.0012, sides=5), rotation=turned("z", 60.0))
    return Draft(
        {c.WHITE: [body], c.CHARCOAL: [wheel, line]},
        [hull(moved(loft([r[::2] for r in rings]), rotation=turned("z", 60.0)))],
        0.09,
    )


def remote_control() -> Draft:
    """A remote control, buttons up."""
    body = moved(rounded_box((0.048, 0.165, 0.020), 0.006, 2), (0.0, 0.0, 0.010))
    button = slab(superellipse(0.009, 0.009, 2.6, 10), 0.0, 0.0026)
    keys = [moved(button, (x, y, 0.0190)) for x in (-0.013, 0.0, 0.013) for y in (-0.060, -0.046, -0.032, -0.018)]
    pad = lathe([(0.007, 0.0195), (0.016, 0.0195), (0.016, 0.0215), (0.007, 0.0215), (0.007, 0.0195)], 20)
    power = moved(lathe([(0.0, 0.0), (0.006, 0.0), (0.006, 0.0026), (0.0, 0.0030)], 14), (-0.012, 0.066, 0.0190))
    return Draft(
        {c.CHARCOAL: [body], c.WHITE: [*keys, moved(pad, (0.0, 0.022, 0.0))], c.RED: [power]},
        [box((0.048, 0.165, 0.020), (0.0, 0.0, 0.010))],
        0.12,
    )


def calculator() -> Draft:
    """A pocket calculator, keys up."""
    body = moved(rounded_box((0.120, 0.074, 0.012), 0.004, 2), (0.0, 0.0, 0.006))
    keys = [
        block((0.012, 0.011, 0.003), (x, y, 0.0126))
        for x in (0.046, 0.028, 0.010, -0.008)
        for y in (-0.024, -0.008, 0.008, 0.024)
    ]
    screen = block((0.026, 0.060, 0.0010), (-0.038, 0.0, 0.0121))
    digits = [block((0.014, 0.0035, 0.0006), (-0.038, y, 0.0127)) for y in (0.004, 0.012, 0.020)]
    return Draft(
        {c.NAVY: [body, *digits], c.CREAM: keys, c.LIME: [screen]}, [box((0.120, 0.074, 0.012), (0.0, 0.0, 0.006))], 0.08
    )


def camera() -> Draft:
    """A compact camera on its base."""
    body = moved(rounded_box((0.032, 0.104, 0.060), 0.004, 2), (0.0, 0.0, 0.030))
    grip = moved(rounded_box((0.010, 0.022, 0.054), 0.004), (0.018, -0.038, 0.029))
    lens = [
        (0.0, 0.0),
        (0.025, 0.0),
        (0.025, 0.012),
        (0.023, 0.014),
        (0.021, 0.030),
        (0.018, 0.030),
        (0.017, 0.025),
        (0.0, 0.025),
    ]
    glass = lathe([(0.0, 0.024), (0.0165, 0.024), (0.010, 0.0275), (0.0, 0.0285)], 20)
    top = moved(rounded_box((0.024, 0.040, 0.014), 0.003), (0.0, 0.004, 0.065))
    at, towards = (0.014, 0.006, 0.029), turned("y", 90.0)
    release = lathe([(0.0, 0.059), (0.006, 0.059), (0.006, 0.064), (0.0, 0.064)], 14)
    flash = block((0.003, 0.020, 0.008), (0.0115, 0.004, 0.066))
    return Draft(
        {
            c.CHARCOAL: [body, grip, top, moved(lathe(lens, 26), at, towards)],
            c.SKY: [moved(glass, at, towards)],
            c.STEEL: [moved(release, (0.0, -0.036, 0.0)), flash, block((0.0324, 0.1044, 0.004), (0.0, 0.0, 0.052))],
        },
        [
            box((0.032, 0.104, 0.060), (0.0, 0.0, 0.030)),
            box((0.030, 0.042, 0.042), (0.029, 0.006, 0.029)),
            box((0.024, 0.040, 0.014), (0.0, 0.004, 0.065)),
            box((0.010, 0.022, 0.054), (0.018, -0.038, 0.029)),
        ],
        0.30,
    )


def potted_cactus() -> Draft:
    """A small cactus in a clay pot."""
    pot = [(0.0, 0.0), (0.026, 0.0), (0.034, 0.046), (0.037, 0.046), (0.038, 0.056), (0.034, 0.056), (0.033, 0.051), (0.0, 0.051)]
    soil = lathe([(0.0, 0.046), (0.0332, 0.046), (0.0332, 0.0525), (0.0, 0.054)], 22)
    ribs = np.where(np.arange(24) % 3 == 0, 0.80, 1.0)[:, None] * np.stack(
        [np.cos(a := np.linspace(0.0, 2 * np.pi, 24, endpoint=False)), np.sin(a)], axis=1
    )
    sections = [(0.050, 0.018), (0.062, 0.023), (0.085, 0.024), (0.105, 0.021), (0.118, 0.014), (0.123, 0.005)]
    stem = loft([np.column_stack([ribs * r, np.full(24, z)]) for z, r in sections])
    arm = tube(
        [[0.0, 0.018, 0.080], [0.0, 0.032, 0.082], [0.0, 0.037, 0.092], [0.0, 0.037, 0.104]],
        0.0075,
        up=(1.0, 0.0, 0.0),
        sides=10,
        round_ends=True,
    )
    return Draft(
        {c.AMBER: [lathe(pot, 26)], c.BROWN: [soil], c.LEAF: [stem, arm]},
        [
            hull(lathe([(0.0, 0.0), (0.026, 0.0), (0.037, 0.046), (0.037, 0.054), (0.0, 0.054)], 16)),
            upright_cylinder(0.021, 0.054, 0.116),
            box((0.013, 0.013, 0.026), (0.0, 0.037, 0.097)),
            box((0.013, 0.020, 0.013), (0.0, 0.026, 0.081)),
        ],
        0.25,
    )


def picture_frame() -> Draft:
    """A photograph in a frame, leaning on its stand."""
    back = turned("y", -14.0)
    bars = [
        moved(block(size, at), rotation=back)
        for size, at in (
            ((0.012, 0.110, 0.014), (0.0, 0.0, 0.007)),
            ((0.012, 0.110, 0.014), (0.0, 0.0, 0.133)),
            ((0.012, 0.014, 0.112), (0.0, 0.048, 0.070)),
            ((0.012, 0.014, 0.112), (0.0, -0.048, 0.070)),
        )
    ]
    sky = moved(block((0.006, 0.084, 0.114), (0.001, 0.0, 0.070)), rotation=back)
    hill = np.concatenate(
        [
            rectangle(0.084, 0.040, at=(0.0, 0.032))[:2],
            np.column_stack([np.linspace(0.042, -0.042, 9), 0.052 + 0.014 * np.sin(np.linspace(0.5, 6.0, 9))]),
        ]
    )
    land = moved(slab(hill, 0.002, 0.0046), rotation=back @ TO_SIDE)
    foot = np.array([-0.066, 0.0, 0.0])
    stand = tube(
        [back @ np.array([-0.004, 0.0, 0.105]), foot / 2 + np.array([-0.014, 0.0, 0.050]), foot],
        np.array([[0.014, 0.002]] * 3),
        up=(1.0, 0.0, 0.5),
        sides=8,
    )
    return Draft(
        {c.BROWN: [*bars, stand], c.SKY: [sky], c.LEAF: [land]},
        [box((0.012, 0.110, 0.140), back @ np.array([0.0, 0.0, 0.070]), back), hull(stand)],
        0.22,
    )


OBJECTS: tuple[Callable[[], Draft], ...] = (
    marker,
    book,
    candle,
    alarm_clock,
    glue_stick,
    stapler,
    magnifying_glass,
    computer_mouse,
    remote_control,
    calculator,
    camera,
    potted_cactus,
    picture_frame,
)
