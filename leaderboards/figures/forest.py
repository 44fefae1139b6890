"""Forest plot of effects: a point and an interval for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hamster_bench.errors import InvalidOptionError
from hamster_bench.leaderboards.figures.style import MARKERS, OKABE_ITO, TEXT_WIDTH, figure_style, footnote, titled_legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_ROW_HEIGHT = 0.17  # [inch]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A difference of two success rates on the same scenarios.

    Attributes:
        label: what was changed, such as a factor; effects of one label share a row.
        group: whose effect it is, such as an agent; groups have a colour and a marker of their own.
        effect: the difference, in [-1, 1].
        low: lower confidence limit.
        high: upper confidence limit.
    """

    label: str
    group: str
    effect: float
    low: float
    high: float


def forest_plot(effects: Sequence[Effect], title: str, *, meaning: str = "", note: str = "") -> Figure:
    """Effects in percentage points with their intervals around the line of no effect; filled where the interval excludes zero.

    Args:
        effects: in the order of the rows.
        title: line above.
        meaning: label of the axis.
        note: line below.

    Raises:
        InvalidOptionError: there are no effects, or one does not lie within its limits.
    """
    from matplotlib.figure import Figure

    if not effects:
        raise InvalidOptionError("there are no effects to show")
    for effect in effects:
        if not (effect.low <= effect.effect <= effect.high and math.isfinite(effect.low) and math.isfinite(effect.high)):
            raise InvalidOptionError(f"an effect lies within its finite limits, got {effect}")
    labels = list(dict.fromkeys(effect.label for effect in effects))
    groups = list(dict.fromkeys(effect.group for effect in effects))
    band = len(groups) + 0.6
    with figure_style():
        figure = Figure(figsize=(TEXT_WIDTH * 0.75, 1.3 + _ROW_HEIGHT * band * len(labels)))
        axes = figure.add_subplot()
        for i in range(0, len(labels), 2):
            axes.axhspan(i * band, (i + 1) * band, color="#F4F4F4", linewidth=0, zorder=0)
        axes.axvline(0.0, color="black", linewidth=0.8, zorder=1)
        for effect in effects:
            place = groups.index(effect.group)
            colour = OKABE_ITO[place % len(OKABE_ITO)]
            y = labels.index(effect.label) * band + 0.8 + place
            sure = effect.low > 0.0 or effect.high < 0.0
            axes.plot([100 * effect.low, 100 * effect.high], [y, y], color=colour, linewidth=1.3, solid_capstyle="butt", zorder=2)
            axes.plot(
                100 * effect.effect,
                y,
                marker=MARKERS[place % len(MARKERS)],
                markersize=4.5,
                color=colour,
                markerfacecolor=colour if sure else "white",
                linestyle="none",
                zorder=3,
            )
        axes.set_ylim(band * len(labels), 0)
        axes.set_yticks([(i + 0.5) * band for i in range(len(labels))], labels)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color="#D9D9D9", linewidth=0.5)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(meaning or "difference in success on the same scenarios [percentage points]")
        titled_legend(figure, _legend(groups), title, min(len(groups), 4))
        parts = ["filled: the interval excludes 0", *([note] if note else [])]
        footnote(figure, "; ".join(parts))
    return figure


def _legend(groups: Sequence[str]) -> list[Line2D]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=OKABE_ITO[i % len(OKABE_ITO)], marker=MARKERS[i % len(MARKERS)], markersize=4.5, label=group)
        for i, group in enumerate(groups)
    ]
