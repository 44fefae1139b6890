"""The path type: what it accepts, what it keeps, what it writes."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamster_bench.errors import PathError
from hamster_bench.paths import MAX_POINTS, Path2D, path_from_arrays, path_to_arrays
from hamster_bench.paths.simplify import distances_to_segment

coordinate = st.floats(0.0, 1.0)
vertex = st.tuples(coordinate, coordinate, st.booleans())


@st.composite
def paths(draw: st.DrawFn, max_size: int = 40) -> Path2D:
    rows = draw(st.lists(vertex, min_size=1, max_size=max_size))
    return Path2D([row[:2] for row in rows], [row[2] for row in rows])


@pytest.mark.parametrize(
    ("points", "states", "message"),
    [
        ([], [], "at least 1"),
        ([[0.1, 0.2, 0.3]], [True], "shape"),
        ([[0.1, 1.01]], [True], r"\[0, 1\]"),
        ([[0.1, -1e-9]], [True], r"\[0, 1\]"),
        ([[np.nan, 0.5]], [True], r"point 0"),
        ([[0.1, 0.1], [np.inf, 0.5]], [True, True], r"point 1"),
        ([["a", "b"]], [True], "numbers"),
        ([[0.1, 0.1], [0.2]], [True, True], "numbers"),
        ([[0.1, 0.2]], [], "1 gripper states"),
        ([[0.1, 0.2]], [True, False], "1 gripper states"),
        ([[0.1, 0.2]], True, "1 gripper states"),
        ([[0.1, 0.2]], [0.5], "0 .closed. or 1 .open."),
        ([[0.1, 0.2]], [2], "0 .closed. or 1 .open."),
        ([[0.1, 0.2]], ["open"], "booleans"),
        ([[0.1, 0.2]], [None], "booleans"),
    ],
)
def test_malformed_paths_are_refused(points, states, message):
    with pytest.raises(PathError, match=message):
        Path2D(points, states)


def test_arrays_are_copied_and_locked():
    points, states = np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([True, False])
    path = Path2D(points, states)
    points[:] = 0.9
    states[:] = True
    assert path.points.tolist() == [[0.1, 0.2], [0.3, 0.4]]
    assert path.gripper_open.tolist() == [True, False]
    with pytest.raises(ValueError, match="read-only"):
        path.points[0, 0] = 0.5
    with pytest.raises(ValueError, match="read-only"):
        path.gripper_open[0] = False


def test_changes_are_where_the_state_differs_from_the_point_before():
    path = Path2D([[0.1, 0.1]] * 6, [1, 0, 0, 1, 0, 0])
    assert path.gripper_changes.tolist() == [1, 3, 4]


def test_equality_needs_points_and_states():
    path = Path2D([[0.1, 0.2], [0.3, 0.4]], [1, 0])
    assert path == Path2D([[0.1, 0.2], [0.3, 0.4]], [1, 0])
    assert hash(path) == hash(Path2D([[0.1, 0.2], [0.3, 0.4]], [1, 0]))
    assert path != Path2D([[0.1, 0.2], [0.3, 0.4]], [1, 1])
    assert path != Path2D([[0.1, 0.2], [0.3, 0.5]], [1, 0])
    assert path != Path2D([[0.1, 0.2]], [1])
    assert path != "path"


@given(paths())
def test_json_keeps_every_bit(path):
    text = path.to_json()
    assert "\n" not in text
    assert Path2D.from_json(text) == path
    assert Path2D.from_json(text).points.tobytes() == path.points.tobytes()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"points":[[0.1,0.2]]}',
        '{"points":[[0.1,0.2]],"gripper_open":[true],"more":1}',
        '{"points":[[0.1,NaN]],"gripper_open":[true]}',
        '{"points":"x","gripper_open":[true]}',
        None,
    ],
)
def test_foreign_json_is_refused(text):
    with pytest.raises(PathError):
        Path2D.from_json(text)


@given(paths())
def test_copies_of_every_kind_are_equal_and_locked(path):
    for twin in (copy.deepcopy(path), pickle.loads(pickle.dumps(path))):
        assert twin == path
        assert not twin.points.flags.writeable
        assert not twin.gripper_open.flags.writeable


@given(paths(), st.floats(0.0, 0.5))
def test_simplification_keeps_ends_and_gripper_changes_in_order(path, tolerance):
    simple = path.simplified(tolerance)
    rows = [(*point, state) for point, state in zip(path.points.tolist(), path.gripper_open.tolist(), strict=True)]
    kept = [(*point, state) for point, state in zip(simple.points.tolist(), simple.gripper_open.tolist(), strict=True)]
    assert kept[0] == rows[0]
    assert kept[-1] == rows[-1]
    remaining = iter(rows)
    assert all(row in remaining for row in kept)  # a subsequence
    assert [rows[i] for i in path.gripper_changes] == [kept[i] for i in simple.gripper_changes]


@given(paths(), st.floats(0.0, 0.5))
def test_simplification_respects_the_tolerance(path, tolerance):
    simple = path.simplified(tolerance).points
    if len(simple) == 1:
        segments = [(simple[0], simple[0])]
    else:
        segments = list(zip(simple[:-1], simple[1:], strict=True))
    distances = np.min([distances_to_segment(path.points, start, end) for start, end in segments], axis=0)
    assert distances.max() <= tolerance + 1e-12


def test_simplification_drops_what_lies_on_a_line():
    path = Path2D(np.stack([np.linspace(0.1, 0.9, 50), np.full(50, 0.5)], axis=1), np.ones(50))
    assert path.simplified().points.tolist() == [[0.1, 0.5], [0.9, 0.5]]


def test_simplification_keeps_a_turning_point_on_the_line_through_the_ends():
    # By distance to the infinite line the overshoot would vanish.
    path = Path2D([[0.1, 0.5], [0.9, 0.5], [0.4, 0.5]], [1, 1, 1])
    assert len(path.simplified()) == 3


@pytest.mark.parametrize("tolerance", [-0.1, np.nan, np.inf])
def test_impossible_tolerances_are_refused(tolerance):
    with pytest.raises(PathError, match="tolerance"):
        Path2D([[0.1, 0.1], [0.2, 0.2]], [1, 1]).simplified(tolerance)


@given(paths(max_size=MAX_POINTS))
def test_arrays_hold_the_path(path):
    rows, mask = path_to_arrays(path)
    assert rows.shape == (MAX_POINTS, 3)
    assert rows.dtype == np.float32
    assert mask.dtype == np.int8
    assert mask.sum() == len(path)
    assert not rows[len(path) :].any()
    back = path_from_arrays(rows, mask)
    np.testing.assert_allclose(back.points, path.points, atol=1e-7)
    assert back.gripper_open.tolist() == path.gripper_open.tolist()


def test_no_path_is_an_empty_mask():
    rows, mask = path_to_arrays(None)
    assert not rows.any()
    assert not mask.any()
    assert path_from_arrays(rows, mask) is None


def test_long_paths_are_thinned_until_they_fit():
    angle = np.linspace(0.0, 6.0, 400)
    path = Path2D(np.stack([0.5 + 0.4 * np.cos(angle), 0.5 + 0.4 * np.sin(angle)], axis=1), angle < 3.0)
    fitting = path_from_arrays(*path_to_arrays(path))
    assert 8 <= len(fitting) <= MAX_POINTS
    change = path.gripper_changes[0]
    np.testing.assert_allclose(fitting.points[fitting.gripper_changes[0]], path.points[change], atol=1e-7)


def test_more_changes_than_rows_are_refused():
    with pytest.raises(PathError, match="39 gripper changes"):
        path_to_arrays(Path2D(np.full((40, 2), 0.5), np.arange(40) % 2))
