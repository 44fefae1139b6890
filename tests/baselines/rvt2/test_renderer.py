"""Views of a cloud, beside a plain loop over points and pixels."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the renderer needs PyTorch: pip install 'hamster-bench[torch]'")

from hamster_bench.baselines.rvt2.renderer import render  # noqa: E402
from hamster_bench.baselines.rvt2.views import pixels, project  # noqa: E402


def drawn_by_hand(points, features, size, splat_radius):
    """The rule of the renderer, one point and one pixel at a time."""
    images = []
    for view in range(3):
        nearest = [[None] * size for _ in range(size)]
        for number, (x, y, z) in enumerate(points.tolist()):
            if not all(map(math.isfinite, (x, y, z))):
                continue
            across, down, depth = ((x, -y, 1 - z), (y, -z, 1 - x), (-x, -z, 0.5 - y))[view]
            column, row = math.floor(across * size / 2 + size / 2), math.floor(down * size / 2 + size / 2)
            if 0 <= column < size and 0 <= row < size:
                found = (int(max(depth, 0.0) * 1000), number)
                if nearest[row][column] is None or found < nearest[row][column]:
                    nearest[row][column] = found
        radius = splat_radius * size / 2
        reach = math.floor(radius)
        around = [(a, d) for a in range(-reach, reach + 1) for d in range(-reach, reach + 1) if math.hypot(a, d) <= radius]
        image = np.zeros((features.shape[1] + 1, size, size))
        image[-1] = np.nan
        for row in range(size):
            for column in range(size):
                best = None
                for a, d in around:
                    if not (0 <= row + d < size and 0 <= column + a < size):
                        continue
                    other = nearest[row + d][column + a]
                    spreads = other is not None and (other[0] > 0 or (a, d) == (0, 0))
                    if spreads and (best is None or other[0] <= best[0]):
                        best = other
                if best is not None:
                    image[:, row, column] = (*features[best[1]].tolist(), best[0] / 1000)
        image[-1] -= np.nanmean(image[-1]) if not np.isnan(image[-1]).all() else 0.0
        image[-1] = np.where(np.isnan(image[-1]), -1.0, image[-1])
        images.append(image)
    return np.stack(images)


def cloud(seed, count):
    """Coarse coordinates, exact in binary: points share pixels and depths, lie outside and behind the eye, or are no numbers."""
    rng = np.random.default_rng(seed)
    points = torch.from_numpy(rng.integers(-20, 21, (count, 3)) / 16).float()
    points[rng.random(count) < 0.05, rng.integers(3)] = torch.nan
    points[rng.random(count) < 0.02] = torch.inf
    return points, torch.from_numpy(rng.random((count, 2))).float()


@pytest.mark.parametrize(
    ("size", "count", "splat_radius"), [(14, 60, 0.0), (14, 120, 0.2), (20, 90, 0.15), (14, 40, 0.45), (7, 0, 0.3)]
)
def test_every_pixel_follows_the_rule(size, count, splat_radius):
    points, features = cloud(size + count, count)
    found = render(points[None], features[None], size, splat_radius)[0]
    assert np.allclose(found.numpy(), drawn_by_hand(points, features, size, splat_radius), atol=1e-6)


def test_of_equally_near_points_the_first_is_seen():
    points = torch.tensor([[0.1, 0.1, 0.1], [0.1, 0.1, 0.1], [0.1, 0.1, 0.2]])
    features = torch.tensor([[1.0], [2.0], [3.0]])
    top, front, _ = render(points[None], features[None], 10, 0.0)[0]
    assert top[0].max() == 3.0
    assert front[0, 4, 5] == 1.0


def test_clouds_of_a_batch_do_not_see_each_other():
    one, other = (cloud(seed, 50) for seed in (1, 2))
    both = render(torch.stack((one[0], other[0])), torch.stack((one[1], other[1])), 28, 0.1)
    for i, (points, features) in enumerate((one, other)):
        assert torch.equal(both[i], render(points[None], features[None], 28, 0.1)[0])


def test_gradients_reach_the_points_that_are_seen():
    points = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 0.5], [5.0, 0.0, 0.0]])
    features = torch.ones(3, 1, requires_grad=True)
    render(points[None], features[None], 14, 0.0)[:, 0, 0].sum().backward()
    assert features.grad.flatten().tolist() == [0.0, 1.0, 0.0]


def test_points_are_projected_as_the_views_say():
    places, depths = project(torch.tensor([[0.25, -0.5, 0.75]]))
    assert places[:, 0].tolist() == [[0.25, 0.5], [-0.5, -0.75], [-0.25, -0.75]]
    assert depths[:, 0].tolist() == [0.25, 0.75, 1.0]
    assert pixels(torch.tensor([[0.25, -0.5, 0.75]]), 224)[0, 0].tolist() == [140.0, 168.0]
