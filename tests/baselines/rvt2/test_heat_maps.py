"""Heat maps: the point they agree on beside a search through the whole grid, look-ups, and targets."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="heat maps need PyTorch: pip install 'hamster-bench[torch]'")

from hamster_bench.baselines.rvt2.heat_maps import best_points, look_up, probabilities, target_maps  # noqa: E402
from hamster_bench.baselines.rvt2.views import pixels  # noqa: E402


def grid(size):
    """All centres (size^3, 3) of the cube's cells, x slowest."""
    centres = (2 * torch.arange(size, dtype=torch.float64) + 1) / size - 1
    return torch.cartesian_prod(centres, centres, centres)


def exhaustive(maps, centres, places):
    """Every cell's centre projected into every map, and the mean of what is looked up there."""
    scores = look_up(maps[:, :, None].double(), places.expand(len(maps), -1, -1, -1))[..., 0].mean(1)
    return centres[scores.argmax(1)]


@pytest.mark.parametrize(("size", "batch", "rounds", "sharpness"), [(12, 50, 10, 1.0), (12, 50, 10, 8.0), (24, 5, 2, 3.0)])
def test_the_separable_search_decides_as_the_exhaustive_one(size, batch, rounds, sharpness):
    centres = grid(size)
    # Half pixels, without rounding errors.
    places = (pixels(centres, size) * 2).round() / 2
    for _ in range(rounds):
        maps = probabilities(torch.randn(batch, 3, size, size) * sharpness)
        assert torch.allclose(best_points(maps).double(), exhaustive(maps, centres, places), atol=1e-6)


def test_of_equally_good_cells_the_first_wins():
    # The first cell of every axis is seen in some view's last row or column, where nothing is looked up.
    assert torch.equal(best_points(torch.ones(2, 3, 8, 8)), torch.full((2, 3), -0.625))
    assert torch.allclose(best_points(torch.zeros(1, 3, 8, 8)), torch.tensor([-0.875, -0.875, -0.875]))


def test_large_maps_are_searched_piece_by_piece(monkeypatch):
    maps = probabilities(torch.randn(2, 3, 28, 28))
    whole = best_points(maps)
    monkeypatch.setattr("hamster_bench.baselines.rvt2.heat_maps._BLOCK", 28 * 28 * 5)
    assert torch.equal(best_points(maps), whole)


def test_a_peak_in_all_views_is_the_decision():
    point = torch.tensor([[0.5, -0.25, 0.125]])
    maps = target_maps(pixels(point, 56).squeeze(1), 56)
    assert (best_points(maps[None]) - point).abs().max() <= 2 / 56


@pytest.mark.parametrize("place", [(0.0, 0.0), (2.5, 1.25), (3.0, 0.4), (3.0, 2.0), (2.0, 1.999)])
def test_a_look_up_weighs_the_cells_around_by_inverse_distance(place):
    values = torch.rand(2, 3, 4, dtype=torch.float64)
    column, row = place
    cells = {(r, c) for r in (math.floor(row), math.ceil(row)) for c in (math.floor(column), math.ceil(column))}
    weights = {(r, c): 1 / max(math.hypot(r - row, c - column), 1e-12) for r, c in cells}
    expected = sum(w * values[:, r, c] for (r, c), w in weights.items()) / sum(weights.values())
    found = look_up(values, torch.tensor([place], dtype=torch.float64))
    assert torch.allclose(found[0], expected, atol=1e-6)


@pytest.mark.parametrize("place", [(-0.01, 1.0), (3.01, 1.0), (1.0, 2.01), (1.0, -5.0), (math.nan, 1.0)])
def test_there_is_nothing_beyond_the_cells(place):
    assert look_up(torch.ones(1, 3, 4), torch.tensor([place])).tolist() == [[0.0]]


def test_targets_are_gaussian_and_end():
    heat = target_maps(torch.tensor([[10.3, 7.6], [100.0, 7.0]]), 28)
    assert np.isclose(float(heat[0].sum()), 1.0)
    assert heat[0].argmax() == 8 * 28 + 10
    ratio = float(heat[0, 8, 12] / heat[0, 8, 10])
    assert np.isclose(ratio, math.exp((0.3**2 - 1.7**2) / (2 * 1.5**2)), rtol=1e-5)
    assert heat[0, 8, 15] == 0.0
    assert heat[1].sum() == 0.0
