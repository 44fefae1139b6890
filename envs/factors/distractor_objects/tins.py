"""Cans, tins and jars."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hamster_bench.envs.factors.distractor_objects import colors as c
from hamster_bench.envs.factors.distractor_objects.model import Draft, Rgb, upright_cylinder
from hamster_bench.envs.factors.distractor_objects.shapes import (
    column,
    hull,
    moved,
    print_through,
    rectangle,
    slab,
    superellipse,
    tube,
    turned,
)
from hamster_bench.envs.mujoco.assets.meshing import Mesh, lathe, rounded_box

_FACETS = 24


def _band(radius: float, bottom: float, top: float) -> Mesh:
    """A label around a can."""
    return lathe([(0.0, bottom), (radius, bottom), (radius, top), (0.0, top)], _FACETS)


def _can(radius: float, height: float) -> Mesh:
    """A tin can: rims that stand out, a lid sunk between them."""
    wall = radius - 0.001
    return lathe(
        [
            (0.0, 0.002),
            (radius - 0.003, 0.002),
            (radius - 0.002, 0.0),
            (radius, 0.001),
            (radius, 0.0025),
            (wall, 0.004),
            (wall, height - 0.004),
            (radius, height - 0.0025),
            (radius, height - 0.001),
            (radius - 0.002, height),
            (radius - 0.003, height - 0.003),
            (0.0, height - 0.003),
        ],
        _FACETS,
    )


def _labelled(radius: float, height: float, label: Rgb, stripe: Rgb, stripe_at: tuple[float, float], mass: float) -> Draft:
    """A tin can with a paper label and a stripe on it, from and to shares of the height."""
    low, high = stripe_at
    return Draft(
        {
            c.STEEL: [_can(radius, height)],
            label: [_band(radius - 0.0004, 0.006, height - 0.006)],
            stripe: [_band(radius + 0.0001, low * height, high * height)],
        },
        [upright_cylinder(radius, 0.0, height)],
        mass,
    )


def soup_can() -> Draft:
    """Red and white, as soup cans are."""
    return _labelled(0.033, 0.101, c.WHITE, c.RED, (0.48, 0.93), 0.349)


def coffee_can() -> Draft:
    """A wide blue can."""
    return _labelled(0.051, 0.139, c.BLUE, c.CREAM, (0.36, 0.68), 0.414)


def tuna_can() -> Draft:
    """A flat can."""
    return _labelled(0.0425, 0.033, c.NAVY, c.YELLOW, (0.38, 0.66), 0.171)


def soda_can() -> Draft:
    """A drinks can with its tab."""
    wall = [
        (0.0, 0.006),
        (0.020, 0.004),
        (0.0235, 0.0),
        (0.0265, 0.004),
        (0.033, 0.012),
        (0.033, 0.106),
        (0.031, 0.111),
        (0.0, 0.111),
    ]
    top = [(0.0, 0.111), (0.031, 0.111), (0.0272, 0.119), (0.0280, 0.121), (0.0268, 0.122), (0.0255, 0.119), (0.0, 0.118)]
    tab = moved(slab(superellipse(0.022, 0.013, 3.0, 12), 0.0, 0.0016), (0.005, 0.0, 0.1182))
    return Draft(
        {c.CRIMSON: [lathe(wall, _FACETS)], c.STEEL: [lathe(top, _FACETS), tab], c.WHITE: [_band(0.0332, 0.050, 0.066)]},
        [upright_cylinder(0.033, 0.010, 0.112), upright_cylinder(0.025, 0.0, 0.0215), upright_cylinder(0.027, 0.110, 0.122)],
        0.37,
    )


def chips_can() -> Draft:
    """A tall tube of crisps with a plastic lid."""
    r, h = 0.0375, 0.235
    lid = lathe(
        [(0.0, h - 0.008), (r + 0.001, h - 0.008), (r + 0.001, h - 0.001), (r, h), (r - 0.003, h - 0.002), (0.0, h - 0.002)],
        _FACETS,
    )
    return Draft(
        {
            c.LEAF: [_band(r, 0.0, h - 0.004)],
            c.CREAM: [lid, _band(r + 0.0004, 0.080, 0.150)],
            c.RED: [_band(r + 0.0008, 0.100, 0.132)],
        },
        [upright_cylinder(r, 0.0, h)],
        0.205,
    )


def potted_meat_can() -> Draft:
    """A can with rounded corners and a ring pull."""

    def outline(inset: float) -> np.ndarray:
        return superellipse(0.052 - 2 * inset, 0.097 - 2 * inset, 5.0, 32)

    body = column(
        [
            (0.0, outline(0.001)),
            (0.002, outline(0.0)),
            (0.004, outline(0.001)),
            (0.077, outline(0.001)),
            (0.079, outline(0.0)),
            (0.082, outline(0.001)),
        ]
    )
    label = column([(0.006, outline(0.0003)), (0.075, outline(0.0003))])
    patch = print_through(rectangle(0.056, 0.030, at=(0.0, 0.044)), 0.0522)
    angles = np.linspace(0.0, 2 * np.pi, 14, endpoint=False)
    ring = tube(
        np.column_stack([0.008 * np.cos(angles), 0.022 + 0.010 * np.sin(angles), np.full(14, 0.0832)]),
        0.0012,
        sides=5,
        closed=True,
    )
    return Draft(
        {c.STEEL: [body, ring], c.NAVY: [label], c.YELLOW: [patch]},
        [hull(column([(0.0, outline(0.0)), (0.082, outline(0.0))]))],
        0.37,
    )


def tea_tin() -> Draft:
    """A square caddy with a round lid."""
    body = moved(rounded_box((0.078, 0.078, 0.105), 0.005, 2), (0.0, 0.0, 0.0525))
    lid = lathe([(0.0, 0.100), (0.030, 0.100), (0.030, 0.117), (0.027, 0.120), (0.0, 0.120)], _FACETS)
    patches = [print_through(superellipse(0.052, 0.062, 3.0) + np.array([0.0, 0.052]), 0.078)]
    patches.append(moved(patches[0], rotation=turned("z", 90.0)))
    leaf = [[0.0, -0.020], [0.012, -0.006], [0.013, 0.006], [0.0, 0.022], [-0.013, 0.006], [-0.012, -0.006]]
    print_ = print_through(np.array(leaf) + np.array([0.0, 0.052]), 0.0786)
    return Draft(
        {c.LEAF: [body, print_], c.BRASS: [lid], c.CREAM: patches},
        [hull(moved(rounded_box((0.078, 0.078, 0.105), 0.005), (0.0, 0.0, 0.0525))), upright_cylinder(0.030, 0.104, 0.120)],
        0.18,
    )


def jam_jar() -> Draft:
    """A jar of jam with a golden lid."""
    glass = [
        (0.0, 0.001),
        (0.028, 0.0),
        (0.032, 0.004),
        (0.033, 0.010),
        (0.033, 0.066),
        (0.031, 0.074),
        (0.027, 0.079),
        (0.0, 0.079),
    ]
    lid = [(0.0, 0.078), (0.0295, 0.078), (0.0295, 0.090), (0.028, 0.092), (0.0, 0.092)]
    return Draft(
        {c.CRIMSON: [lathe(glass, _FACETS)], c.BRASS: [lathe(lid, _FACETS)], c.CREAM: [_band(0.0334, 0.018, 0.056)]},
        [upright_cylinder(0.033, 0.0, 0.076), upright_cylinder(0.0295, 0.076, 0.092)],
        0.40,
    )


def honey_jar() -> Draft:
    """A round-bellied jar of honey."""
    glass = [
        (0.0, 0.001),
        (0.024, 0.0),
        (0.034, 0.008),
        (0.040, 0.022),
        (0.041, 0.034),
        (0.038, 0.050),
        (0.031, 0.062),
        (0.027, 0.068),
        (0.0, 0.068),
    ]
    lid = [(0.0, 0.066), (0.030, 0.066), (0.030, 0.080), (0.028, 0.082), (0.0, 0.082)]
    return Draft(
        {c.AMBER: [lathe(glass, _FACETS)], c.WHITE: [lathe(lid, _FACETS)]},
        [hull(lathe(glass, 16)), upright_cylinder(0.030, 0.066, 0.082)],
        0.45,
    )


def jar_lid() -> Draft:
    """A lid that lies by itself, open side down."""
    profile = [
        (0.0, 0.0),
        (0.036, 0.0),
        (0.037, 0.001),
        (0.037, 0.013),
        (0.035, 0.0155),
        (0.028, 0.016),
        (0.026, 0.0145),
        (0.0, 0.0145),
    ]
    button = [(0.0, 0.013), (0.012, 0.0145), (0.010, 0.0158), (0.0, 0.016)]
    return Draft({c.BRASS: [lathe(profile, 32)], c.RED: [lathe(button, _FACETS)]}, [upright_cylinder(0.037, 0.0, 0.016)], 0.016)


OBJECTS: tuple[Callable[[], Draft], ...] = (
    soup_can,
    coffee_can,
    tuna_can,
    soda_can,
    chips_can,
    potted_meat_can,
    tea_tin,
    jam_jar,
    honey_jar,
    jar_lid,
)
