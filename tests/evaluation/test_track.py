"""Ways through the image as short texts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hamster_bench.errors import PathError
from hamster_bench.evaluation.track import MOST_POINTS, TOLERANCE, Track, seen_track
from hamster_bench.geometry import Camera
from hamster_bench.paths import Path2D
from hamster_bench.paths.simplify import distances_to_segment

# Looks along z; a point (x, y, 1) is seen at (x, y), a fraction of the image.
CAMERA = Camera(100, 100, np.diag([100.0, 100.0, 1.0]), np.eye(4))


def world(points: object) -> np.ndarray:
    flat = np.asarray(points, dtype=float)
    return np.column_stack([flat, np.ones(len(flat))])


tracks = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, (n, 2), elements=st.floats(0.0, 1.0)), hnp.arrays(np.bool_, n), st.sets(st.integers(0, n - 1))
    )
)


@given(tracks)
def test_way_comes_back_from_its_text_within_half_a_unit(track: tuple[np.ndarray, np.ndarray, set[int]]) -> None:
    points, states, marks = track
    way = Track(Path2D(points, states), tuple(sorted(marks)))
    again = Track.from_text(way.to_text())
    assert np.abs(again.path.points - points).max() <= 0.0005 + 1e-12
    np.testing.assert_array_equal(again.path.gripper_open, states)
    assert again.marks == way.marks
    assert again.to_text() == way.to_text()


@given(tracks)
def test_thinned_way_passes_every_position_and_keeps_changes_and_marks(track: tuple[np.ndarray, np.ndarray, set[int]]) -> None:
    points, states, marks = track
    way = seen_track(world(points), states, CAMERA, tuple(sorted(marks)))
    assert way is not None
    kept = way.path
    for point in points:
        segments = [(kept.points[i], kept.points[min(i + 1, len(kept) - 1)]) for i in range(len(kept))]
        assert min(distances_to_segment(point[None], a, b)[0] for a, b in segments) <= TOLERANCE + 1e-9
    np.testing.assert_allclose(
        [kept.points[i] for i in way.marks], [points[i] for i in sorted(marks)] or np.empty((0,)), atol=1e-9
    )
    assert len(kept.gripper_changes) == np.count_nonzero(states[1:] != states[:-1])
    assert len(way.stretches()) == len(marks) + 1


def test_straight_way_is_two_points_and_a_restless_one_stays_short() -> None:
    straight = seen_track(world(np.linspace([0.1, 0.2], [0.9, 0.3], 500)), np.ones(500), CAMERA)
    assert straight is not None
    assert len(straight.path) == 2
    noise = np.random.default_rng(0).uniform(size=(1000, 2))
    restless = seen_track(world(noise), np.ones(1000), CAMERA)
    assert restless is not None
    assert len(restless.path) <= MOST_POINTS
    assert len(restless.to_text()) < 1100


def test_what_is_not_in_the_image_stays_at_its_border_or_where_it_was_seen_last() -> None:
    positions = np.array([[0.5, 0.5, -1.0], [0.5, 0.5, 1.0], [2.0, 0.5, 1.0], [0.2, 0.1, -1.0], [np.nan] * 3, [0.1, 0.9, 1.0]])
    way = seen_track(positions, np.ones(6), CAMERA)
    assert way is not None
    np.testing.assert_allclose(way.path.points, [[0.5, 0.5], [1.0, 0.5], [0.1, 0.9]])
    assert seen_track(positions[:1], np.ones(1), CAMERA) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"x":[1]}',
        '{"x":[1],"y":[1,2],"open":[1]}',
        '{"x":[2000],"y":[1],"open":[1]}',
        '{"x":[1],"y":[1],"open":[1],"marks":[4]}',
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(PathError):
        Track.from_text(text)
