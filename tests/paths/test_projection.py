"""Projection of motions, and the cut at the image border."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hamster_bench.errors import PathError
from hamster_bench.geometry import Camera, pinhole_intrinsics
from hamster_bench.paths import project_track
from hamster_bench.paths.simplify import distances_to_segment


def front_camera(width: int = 128, height: int = 96) -> Camera:
    # Looks along -x and 25 degrees down, as the benchmark's front camera does.
    x_axis, y_axis = np.array([0.0, 1.0, 0.0]), np.array([np.sin(np.deg2rad(25.0)), 0.0, -np.cos(np.deg2rad(25.0))])
    T_world_camera = np.eye(4)
    T_world_camera[:3, :3] = np.stack([x_axis, y_axis, np.cross(x_axis, y_axis)], axis=1)
    T_world_camera[:3, 3] = 1.35, 0.0, 1.58
    return Camera(width, height, pinhole_intrinsics(width, height, np.deg2rad(40.0)), T_world_camera)


CAMERA = front_camera()
fraction = st.floats(0.0, 1.0)
world = st.tuples(st.floats(-2.0, 3.0), st.floats(-2.0, 2.0), st.floats(0.0, 3.0))


@given(st.lists(st.tuples(fraction, fraction, st.floats(0.2, 3.0), st.booleans()), min_size=1, max_size=20))
def test_what_was_lifted_projects_back(rows):
    fractions = np.array([row[:2] for row in rows])
    track = CAMERA.lift(fractions * (CAMERA.width, CAMERA.height), [row[2] for row in rows])
    # Rounding may put a point on the border just outside it; the border has its own tests.
    assume(((fractions > 1e-9) & (fractions < 1 - 1e-9)).all())
    path = project_track(track, [row[3] for row in rows], CAMERA)
    np.testing.assert_allclose(path.points, fractions, atol=1e-9)
    assert path.gripper_open.tolist() == [row[3] for row in rows]


@given(st.lists(world, min_size=2, max_size=12))
def test_the_visible_part_is_what_dense_sampling_sees(positions):
    track = np.array(positions)
    dense = np.concatenate([np.linspace(a, b, 200) for a, b in zip(track[:-1], track[1:], strict=True)])
    uv, depth = CAMERA.project(dense)
    seen = uv / (CAMERA.width, CAMERA.height)
    seen = seen[(depth > 0.011) & ((seen >= 0.0) & (seen <= 1.0)).all(axis=1)]
    try:
        path = project_track(track, np.ones(len(track)), CAMERA)
    except PathError:
        assert len(seen) == 0
        return
    assert ((path.points >= 0.0) & (path.points <= 1.0)).all()
    if len(path) > 1 and len(seen):
        segments = zip(path.points[:-1], path.points[1:], strict=True)
        distances = np.min([distances_to_segment(seen, start, end) for start, end in segments], axis=0)
        assert distances.max() < 1e-6


def at(u: float, v: float, depth: float = 1.0) -> np.ndarray:
    """The world point at a fraction of the image, which may lie outside it."""
    return CAMERA.lift([[u * CAMERA.width, v * CAMERA.height]], [depth])[0]


def test_a_motion_that_leaves_the_image_ends_on_its_border():
    path = project_track([at(0.5, 0.5), at(1.5, 0.5), at(1.5, 0.9)], [1, 1, 0], CAMERA)
    np.testing.assert_allclose(path.points, [[0.5, 0.5], [1.0, 0.5]], atol=1e-9)
    assert path.gripper_open.tolist() == [True, True]


def test_a_change_out_of_sight_shows_where_the_motion_returns():
    path = project_track([at(0.5, 0.2), at(1.5, 0.2), at(1.5, 0.8), at(0.5, 0.8)], [1, 0, 0, 0], CAMERA)
    np.testing.assert_allclose(path.points, [[0.5, 0.2], [1.0, 0.2], [1.0, 0.8], [0.5, 0.8]], atol=1e-9)
    assert path.gripper_open.tolist() == [True, True, False, False]


def test_a_segment_across_the_image_is_seen_though_both_ends_are_not():
    path = project_track([at(-0.5, 0.25), at(1.5, 0.75)], [1, 1], CAMERA)
    np.testing.assert_allclose(path.points, [[0.0, 0.375], [1.0, 0.625]], atol=1e-9)


def test_what_is_behind_the_camera_is_cut_at_the_camera():
    behind = CAMERA.T_world_camera[:3, 3] + np.array([1.0, 0.0, 0.5])
    path = project_track([at(0.5, 0.5), behind], [1, 1], CAMERA)
    np.testing.assert_allclose(path.points[0], [0.5, 0.5], atol=1e-9)
    assert ((path.points >= 0.0) & (path.points <= 1.0)).all()


@pytest.mark.parametrize("track", [[[5.0, 0.0, 1.5]], [[5.0, 0.0, 1.5], [6.0, 0.0, 1.5]], [[0.0, 5.0, 1.0], [0.0, 6.0, 1.0]]])
def test_nothing_visible_is_an_error(track):
    with pytest.raises(PathError, match="visible"):
        project_track(track, [True] * len(track), CAMERA)


@pytest.mark.parametrize(
    ("track", "states"), [([], []), ([[0.0, 0.0]], [1]), ([[0.0, 0.0, 1.0]], [1, 1]), ([[np.nan, 0.0, 1.0]], [1])]
)
def test_malformed_tracks_are_refused(track, states):
    with pytest.raises(PathError):
        project_track(track, states, CAMERA)
