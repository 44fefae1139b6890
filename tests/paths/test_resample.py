"""Paths of a given number of points, and paths with noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamster_bench.errors import PathError
from hamster_bench.paths import EQUAL_STEPS, Path2D, resampled, with_noise
from hamster_bench.paths.simplify import distances_to_segment

coordinate = st.floats(0.0, 1.0)
paths = st.lists(st.tuples(coordinate, coordinate, st.booleans()), min_size=1, max_size=12).map(
    lambda vertices: Path2D([vertex[:2] for vertex in vertices], [vertex[2] for vertex in vertices])
)


def length(points):
    return np.linalg.norm(np.diff(points, axis=0), axis=1).sum()


@given(paths, st.integers(2, 60))
def test_resampled_points_lie_on_the_path_and_its_ends_stay(path, count):
    new = resampled(path, count)
    assert len(new) == count
    assert new.points[0].tolist() == path.points[0].tolist()
    assert new.points[-1].tolist() == path.points[-1].tolist()
    assert (new.gripper_open[0], new.gripper_open[-1]) == (path.gripper_open[0], path.gripper_open[-1])
    corners = path.points if len(path) > 1 else np.repeat(path.points, 2, axis=0)
    off = [distances_to_segment(new.points, start, end) for start, end in zip(corners[:-1], corners[1:], strict=True)]
    assert np.min(off, axis=0).max() < 1e-9


@given(paths)
def test_resampling_finely_keeps_the_length(path):
    assert length(resampled(path, 5000).points) == pytest.approx(length(path.points), rel=0.02, abs=1e-9)


def test_twenty_equal_steps_round_a_corner():
    path = Path2D([[0.0, 0.0], [0.95, 0.0], [0.95, 0.95]], [1, 0, 0])
    new = resampled(path)
    assert len(new) == EQUAL_STEPS == 20
    # 19 steps of 0.1 along 0.95 + 0.95: the corner lies midway between two of them.
    assert new.points[9].tolist() == pytest.approx([0.9, 0.0])
    assert new.points[10].tolist() == pytest.approx([0.95, 0.05])
    assert new.gripper_open.tolist() == [True] * 10 + [False] * 10


def test_a_change_exactly_at_a_new_point_takes_effect_there():
    path = Path2D([[0.0, 0.5], [0.3, 0.5], [0.9, 0.5]], [0, 1, 1])
    assert resampled(path, 4).gripper_open.tolist() == [False, True, True, True]
    assert resampled(path, 10).gripper_open.tolist() == [False] * 3 + [True] * 7


def test_a_path_without_length_stays_where_it_is():
    new = resampled(Path2D([[0.5, 0.5], [0.5, 0.5]], [1, 0]), 3)
    assert new.points.tolist() == [[0.5, 0.5]] * 3
    assert new.gripper_open.tolist() == [True, False, False]


def test_fewer_than_two_points_are_refused():
    with pytest.raises(PathError, match="at least 2"):
        resampled(Path2D([[0.1, 0.1], [0.2, 0.2]], [1, 1]), 1)


@given(paths, st.integers(0, 2**32), st.floats(0.0, 0.5))
def test_noise_moves_points_inside_the_image_and_no_states(path, seed, deviation):
    noisy = with_noise(path, np.random.default_rng(seed), deviation)
    assert noisy.gripper_open.tolist() == path.gripper_open.tolist()
    again = with_noise(path, np.random.default_rng(seed), deviation)
    assert noisy == again
    if deviation == 0.0:
        assert noisy == path


def test_noise_has_the_deviation_asked_for():
    path = Path2D(np.full((4000, 2), 0.5), np.ones(4000))
    noise = with_noise(path, np.random.default_rng(0)).points - 0.5
    assert noise.std(axis=0) == pytest.approx([0.01, 0.01], rel=0.05)
    assert np.abs(noise.mean(axis=0)).max() < 0.001
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.05
    assert with_noise(path, np.random.default_rng(0), 0.03).points.std() == pytest.approx(0.03, rel=0.05)


@pytest.mark.parametrize("deviation", [-0.1, np.nan, np.inf])
def test_impossible_deviations_are_refused(deviation):
    with pytest.raises(PathError, match="deviation"):
        with_noise(Path2D([[0.1, 0.1]], [1]), np.random.default_rng(0), deviation)
