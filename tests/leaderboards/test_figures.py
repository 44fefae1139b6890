"""Figures: what is drawn in them, and the files they become."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from hamster_bench.errors import InvalidOptionError, StoreError, UnknownNameError
from hamster_bench.leaderboards.agent_sheet import Training
from hamster_bench.leaderboards.demonstration_table import demonstration_points
from hamster_bench.leaderboards.figures.demonstrations import demonstration_plot
from hamster_bench.leaderboards.figures.failure_split import Failures, failure_split, failures_by_kind
from hamster_bench.leaderboards.figures.forest import Effect, forest_plot
from hamster_bench.leaderboards.figures.heat_map import heat_map
from hamster_bench.leaderboards.figures.learning_curves import learning_curves, read_curves
from hamster_bench.leaderboards.figures.style import OKABE_ITO, save
from hamster_bench.leaderboards.reference import reference_for, with_reference
from hamster_bench.leaderboards.table import success_table
from hamster_bench.leaderboards.variation_table import task_variation_grid, variation_grid
from tests.leaderboards.made_up import HAMSTER, records

EFFECT = Effect(label="tab_tex", group="x", effect=-0.2, low=-0.3, high=-0.1)


def texts(figure: object) -> list[str]:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    assert isinstance(figure, Figure)
    return [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]


def test_heat_map_shows_every_figure_and_tells_undefined_from_missing() -> None:
    made = [*records("a", "x", "sssf"), *records("b", "x", "ffff"), *records("a", "x", "ssss", "bac_tex")]
    grid = task_variation_grid(
        success_table(made, HAMSTER),
        columns=("no_var", "bac_tex", "rec_obj_siz"),
        is_defined=lambda task, factor: factor != "rec_obj_siz",
    )
    shown = texts(heat_map(with_reference(grid, reference_for("variations")), "T"))
    for text in ("75", "0", "100", "-", "?", "38", "100*", "a", "b", "mean over tasks", "no_var", "T"):
        assert text in shown
    assert shown.count("-") == 3
    assert not [text for text in shown if "3D-DA" in text]


def test_failure_split_shares_are_those_of_the_records() -> None:
    table = success_table([*records("a", "x", "ssffmme"), *records("b", "x", "f"), *records("a", "y", "ss")], HAMSTER)
    rows = failures_by_kind(table)
    causes = {"step_limit": 3, "motion_failure:ik_unreachable": 2, "agent_error": 1}
    assert rows == [Failures(label="x", causes=causes, n=8), Failures(label="y", causes={}, n=2)]
    shown = texts(failure_split(rows, "T"))
    for text in ("50", "33", "17", "6 of 8", "0 of 2", "step_limit"):
        assert text in shown


def test_rare_causes_are_drawn_together() -> None:
    many = {f"cause_{i}": 20 - i for i in range(12)}
    shown = texts(failure_split([Failures(label="x", causes=many, n=1000)], "T"))
    assert [text for text in shown if text.startswith("cause_")] == [f"cause_{i}" for i in range(6)]
    assert "other" in shown
    assert f"{100 * sum(20 - i for i in range(6, 12)) / sum(many.values()):.0f}" in shown
    with pytest.raises(InvalidOptionError):
        failure_split([], "T")


def test_the_legend_of_a_failure_split_fits_however_long_its_names_are() -> None:
    reasons = ("path_not_found", "ik_unreachable", "outside_workspace")
    names = [f"{kind}:{reason}" for kind in ("agent_stopped:planning", "motion_failure") for reason in reasons]
    figure = failure_split([Failures(label="x", causes=dict.fromkeys(names, 1), n=9)], "T")
    FigureCanvasAgg(figure).draw()
    assert figure.legends[0].get_window_extent().x1 <= figure.bbox.x1


def test_demonstration_plot_draws_points_intervals_and_published_lines() -> None:
    table = success_table([*records("a", "x", "sfff"), *records("a", "y", "ssff")], HAMSTER)
    trainings = {name: Training(method="M", demonstrations=10, share=share) for name, share in (("x", 0.5), ("y", 1.0))}
    points = demonstration_points(table, trainings=trainings)
    figure = demonstration_plot(points, "T", reference=reference_for("demonstrations"))
    lines = [(str(line.get_label()), np.array(line.get_xydata())) for line in figure.axes[0].lines]
    np.testing.assert_allclose(lines[0][1], [[50, 25], [100, 50]])
    np.testing.assert_allclose(dict(lines)["† HAMSTER + 3D-DA, published"], [[50, 36], [100, 43]])
    low, high = np.asarray(figure.axes[0].collections[0].get_paths()[0].vertices)[:, 1]
    entry = points[0][2]
    assert entry.low is not None
    assert entry.high is not None
    assert (low, high) == pytest.approx((100 * entry.low, 100 * entry.high))


def test_forest_plot_fills_what_is_clear_of_zero() -> None:
    effects = [EFFECT, Effect(label="tab_tex", group="y", effect=0.0, low=-0.1, high=0.1)]
    figure = forest_plot(effects, "T")
    markers = [line for line in figure.axes[0].lines if line.get_marker() not in ("None", "", None)]
    assert [line.get_markerfacecolor() for line in markers] == [OKABE_ITO[0], "white"]
    assert [float(np.asarray(line.get_xdata())[0]) for line in markers] == [-20.0, 0.0]


def test_many_agents_have_a_colour_and_marker_of_their_own() -> None:
    effects = [Effect(label="tab_tex", group=f"agent {i}", effect=0.0, low=-0.1, high=0.1) for i in range(20)]
    markers = [line for line in forest_plot(effects, "T").axes[0].lines if line.get_marker() not in ("None", "", None)]
    assert len({(line.get_color(), line.get_marker()) for line in markers}) == 20


@pytest.mark.parametrize("limits", [(0.0, 0.1), (float("nan"), 0.1), (-0.3, float("inf"))])
def test_forest_plot_refuses_effects_outside_their_limits(limits: tuple[float, float]) -> None:
    with pytest.raises(InvalidOptionError, match="within its finite limits"):
        forest_plot([Effect(label="a", group="", effect=-0.2, low=limits[0], high=limits[1])], "T")
    with pytest.raises(InvalidOptionError, match="no effects"):
        forest_plot([], "T")


def test_files_are_the_same_every_time_and_names_are_made_safe(tmp_path: Path) -> None:
    for folder in ("1", "2"):
        files = save(forest_plot([EFFECT], "T"), tmp_path / folder, "forest-my.module:Agent/../x")
    assert [file.name for file in files] == [f"forest-my.module_Agent_.._x.{ending}" for ending in ("pdf", "svg", "png")]
    for file in files:
        assert file.read_bytes() == (tmp_path / "1" / file.name).read_bytes()
    assert files[0].read_bytes().startswith(b"%PDF")
    assert "percentage points" in files[1].read_text()
    with Image.open(files[2]) as image:
        assert image.size[0] > 800


def test_unknown_formats_and_folders_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="file format 'jpg'"):
        save(forest_plot([EFFECT], "T"), tmp_path, "x", ["jpg"])
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        save(forest_plot([EFFECT], "T"), tmp_path / "file" / "folder", "x", ["svg"])


def test_palette_tells_colours_apart_without_hue() -> None:
    grid = variation_grid(success_table(records("a", "x", "s"), HAMSTER), columns=("no_var",), is_defined=lambda t, f: True)
    assert "100" in texts(heat_map(grid, "T"))
    from matplotlib import colormaps

    lightness = colormaps["cividis"](np.linspace(0, 1, 11))[:, :3] @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness) > 0).all()


def training(place: Path, steps: int, start: float) -> None:
    place.mkdir(parents=True)
    losses = [f"{step},{start / step**0.5}" for step in range(1, steps + 1)]
    (place / "training.csv").write_text("\n".join(["step,loss", *losses]) + "\n")
    (place / "validation.csv").write_text("step,position_error_m,rotation_error_deg\n50,0.10,20\n100,0.02,0.0\n")


def test_learning_curves_are_those_of_the_tables(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    training(tmp_path / "b", 120, 10.0)
    training(tmp_path / "a", 60, 3.0)
    curves = read_curves(tmp_path)
    assert list(curves) == ["a", "b"]
    assert list(curves["b"]["loss_step"]) == [50, 100, 120]
    assert curves["b"]["loss"][0] == pytest.approx(np.mean([10.0 / step**0.5 for step in range(1, 51)]))
    figure = learning_curves(curves, "T")
    assert isinstance(figure, Figure)
    loss, position, rotation = figure.axes
    assert [line.get_label() for line in position.get_lines()] == ["a", "b"]
    assert list(np.asarray(position.get_lines()[0].get_ydata())) == pytest.approx([10.0, 2.0])
    assert [np.asarray(line.get_ydata())[0] for line in loss.get_lines()] == pytest.approx([1.0, 1.0])
    assert list(np.asarray(rotation.get_lines()[1].get_ydata())) == [20.0, 0.0]
    assert not [text for text in texts(figure) if "$" in text]


@pytest.mark.parametrize("table", ["step,loss\n1,much\n", "loss\n1\n", ""])
def test_what_is_no_table_of_a_training_is_refused(table: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no NAME/training.csv"):
        read_curves(tmp_path)
    training(tmp_path / "a", 60, 3.0)
    (tmp_path / "a" / "training.csv").write_text(table)
    with pytest.raises(StoreError, match="no table of a training"):
        read_curves(tmp_path)
