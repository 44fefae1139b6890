"""Distances of paths: against exhaustive search, and what holds for all paths."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import directed_hausdorff

from hamster_bench.paths import Path2D, dtw_distance, frechet_distance, gripper_change_error, resampled
from hamster_bench.paths import distances as module

coordinate = st.floats(0.0, 1.0)
paths = st.lists(st.tuples(coordinate, coordinate, st.booleans()), min_size=1, max_size=8).map(
    lambda vertices: Path2D([vertex[:2] for vertex in vertices], [vertex[2] for vertex in vertices])
)


def alignments(rows, columns):
    """Every monotone alignment of two sequences."""
    if rows == columns == 1:
        return [[(0, 0)]]
    shorter = []
    for up, left in ((1, 0), (0, 1), (1, 1)):
        if rows - up >= 1 and columns - left >= 1:
            shorter += alignments(rows - up, columns - left)
    return [[*pairs, (rows - 1, columns - 1)] for pairs in shorter]


@given(paths, paths)
@settings(max_examples=60)
def test_both_distances_are_the_best_of_all_alignments(path, reference):
    count = 5
    before = module._SAMPLES
    module._SAMPLES = count
    try:
        dtw, frechet = dtw_distance(path, reference), frechet_distance(path, reference)
    finally:
        module._SAMPLES = before
    first, second = resampled(path, count).points, resampled(reference, count).points
    costs = [[np.linalg.norm(first[i] - second[j]) for i, j in pairs] for pairs in alignments(count, count)]
    assert dtw == pytest.approx(min(map(sum, costs)) / count, abs=1e-12)
    assert frechet == pytest.approx(min(map(max, costs)), abs=1e-12)


@given(paths, paths)
@settings(max_examples=60)
def test_what_holds_for_all_paths(path, reference):
    dtw, frechet = dtw_distance(path, reference), frechet_distance(path, reference)
    first, second = resampled(path, 64).points, resampled(reference, 64).points
    apart = np.linalg.norm(first - second, axis=1)
    assert dtw <= apart.mean() + 1e-12
    assert frechet <= apart.max() + 1e-12
    assert frechet >= max(apart[0], apart[-1]) - 1e-12
    assert frechet >= max(directed_hausdorff(first, second)[0], directed_hausdorff(second, first)[0]) - 1e-12
    assert dtw == pytest.approx(dtw_distance(reference, path))
    assert frechet == pytest.approx(frechet_distance(reference, path))
    assert dtw_distance(path, path) == frechet_distance(path, path) == 0.0


def test_a_shifted_path_is_as_far_as_it_was_shifted():
    path = Path2D([[0.1, 0.2], [0.9, 0.2]], [1, 1])
    shifted = Path2D([[0.1, 0.5], [0.9, 0.5]], [1, 1])
    assert dtw_distance(shifted, path) == pytest.approx(0.3)
    assert frechet_distance(shifted, path) == pytest.approx(0.3)


def test_direction_counts():
    path = Path2D([[0.1, 0.2], [0.9, 0.2]], [1, 1])
    back = Path2D([[0.9, 0.2], [0.1, 0.2]], [1, 1])
    assert frechet_distance(back, path) == pytest.approx(0.8)
    assert dtw_distance(back, path) > 0.3


def test_points_in_between_change_little():
    sparse = Path2D([[0.1, 0.2], [0.9, 0.8]], [1, 1])
    dense = resampled(sparse, 37)
    assert dtw_distance(dense, sparse) == pytest.approx(0.0, abs=1e-9)


def change_path(*vertices):
    return Path2D([vertex[:2] for vertex in vertices], [vertex[2] for vertex in vertices])


def test_errors_at_gripper_changes_go_by_kind_and_order():
    reference = change_path((0.1, 0.1, 1), (0.5, 0.5, 0), (0.9, 0.1, 1))
    path = change_path((0.1, 0.1, 1), (0.5, 0.7, 0), (0.9, 0.2, 1), (0.5, 0.5, 1))
    error = gripper_change_error(path, reference)
    assert error.distance == pytest.approx((0.2 + 0.1) / 2)
    assert (error.missing, error.superfluous) == (0, 0)


def test_missing_changes_are_measured_to_the_end_and_others_counted():
    reference = change_path((0.1, 0.1, 1), (0.5, 0.5, 0), (0.9, 0.1, 1))
    path = change_path((0.1, 0.1, 1), (0.5, 0.5, 0), (0.9, 0.5, 0))
    assert gripper_change_error(path, reference) == pytest.approx((0.2, 1, 0))
    assert gripper_change_error(reference, path) == pytest.approx((0.0, 0, 1))
    # A path that never touches the gripper misses both.
    still = change_path((0.1, 0.1, 1), (0.9, 0.1, 1))
    assert gripper_change_error(still, reference).missing == 2


def test_without_a_change_in_the_reference_the_ends_are_compared():
    reference = change_path((0.1, 0.1, 1), (0.5, 0.5, 1))
    path = change_path((0.4, 0.1, 1), (0.3, 0.3, 0), (0.5, 0.8, 0))
    assert gripper_change_error(path, reference) == pytest.approx((0.3, 0, 1))


@given(paths)
def test_a_path_meets_its_own_changes(path):
    assert gripper_change_error(path, path) == (0.0, 0, 0)


def test_the_alignments_of_this_file_are_counted_right():
    # Delannoy numbers.
    assert [len(alignments(n, n)) for n in (1, 2, 3, 4)] == [1, 3, 13, 63]
