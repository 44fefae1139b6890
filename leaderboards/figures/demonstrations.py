"""Success against the share of the demonstrations an agent was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hamster_bench.leaderboards.agent_sheet import Training
from hamster_bench.leaderboards.figures.style import GREY, MARKERS, OKABE_ITO, TEXT_WIDTH, figure_style, footnote, titled_legend
from hamster_bench.leaderboards.grid import Entry
from hamster_bench.leaderboards.reference import Reference

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

_DODGE = (
    0.8  # by which points of different methods stand apart, so that their intervals do not hide each other [% of demonstrations]
)


def demonstration_plot(
    points: Sequence[tuple[str, Training, Entry]], title: str, *, reference: Reference | None = None, note: str = ""
) -> Figure:
    """A line for each method, with intervals or deviations; published figures hollow, grey and dashed.

    Args:
        points: agent, training and mean success, from `demonstration_points`.
        title: line above.
        reference: published figures, whose columns are shares in per cent; None for none.
        note: line below.
    """
    from matplotlib.figure import Figure

    handles: list[Artist | tuple[Any, ...]] = []
    methods = list(dict.fromkeys(training.method for _, training, _ in points))
    with figure_style():
        figure = Figure(figsize=(TEXT_WIDTH * 0.65, 3.1))
        axes = figure.add_subplot()
        for i, method in enumerate(methods):
            shown = sorted(
                (
                    (training.share, entry)
                    for _, training, entry in points
                    if training.method == method and entry.value is not None
                ),
                key=lambda point: point[0],
            )
            x = [100 * share + _DODGE * (i - (len(methods) - 1) / 2) for share, _ in shown]
            y = [100 * entry.value for _, entry in shown if entry.value is not None]
            spreads = [_spread(entry) for _, entry in shown]
            bars = axes.errorbar(
                x,
                y,
                yerr=[[low for low, _ in spreads], [high for _, high in spreads]],
                color=OKABE_ITO[i % len(OKABE_ITO)],
                marker=MARKERS[i % len(MARKERS)],
                markersize=5,
                linewidth=1.4,
                elinewidth=1.0,
                capsize=2.5,
                label=method,
            )
            handles.append(bars)
        if reference is not None:
            for i, (name, row) in enumerate(reference.rows.items()):
                published = sorted((float(share.rstrip(" %")), 100 * value) for share, (value, _) in row.items())
                handles += axes.plot(
                    [share for share, _ in published],
                    [success for _, success in published],
                    color=GREY,
                    linestyle="--",
                    linewidth=1.0,
                    marker=MARKERS[(i + 3) % len(MARKERS)],
                    markersize=4.5,
                    markerfacecolor="white",
                    label=f"† {name}, published",
                )
        shares = sorted({training.share for _, training, _ in points})
        axes.set_xticks([100 * share for share in shares], [f"{100 * share:g}" for share in shares])
        axes.set_ylim(0, 100)
        axes.grid(axis="y", color="#D9D9D9", linewidth=0.5)
        axes.set_xlabel("share of the demonstrations [%]")
        axes.set_ylabel("success [%]")
        titled_legend(figure, handles, title, 2)
        dagger = ["† other tasks, simulator and protocol: not comparable"] if reference is not None else []
        footnote(figure, "; ".join([*([note] if note else []), *dagger]))
    return figure


def _spread(entry: Entry) -> tuple[float, float]:
    """How far the error bar reaches below and above the point [%]."""
    if entry.value is None:
        return 0.0, 0.0
    if entry.deviation is not None:
        # NaN, with a single seed, is drawn as no bar.
        return 100 * entry.deviation, 100 * entry.deviation
    if entry.low is None or entry.high is None:
        return 0.0, 0.0
    return 100 * (entry.value - entry.low), 100 * (entry.high - entry.value)
