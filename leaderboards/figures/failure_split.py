"""Failure split: how the episodes that were no success ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hamster_bench.errors import InvalidOptionError
from hamster_bench.leaderboards.figures.style import HATCHES, LIGHT, OKABE_ITO, TEXT_WIDTH, figure_style, footnote, titled_legend
from hamster_bench.leaderboards.table import SuccessTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

OTHER = "other"
_SHOWN = 7  # causes with a colour of their own; the rarest of more are shown together
_ROW_HEIGHT = 0.34  # [inch]
_LONG = 26  # letters; of names as long as this three have no room side by side
_LEAST_LABELLED = 0.06  # of a bar; a narrower part has no room for its figure


@dataclass(frozen=True, kw_only=True)
class Failures:
    """How one agent's unsuccessful episodes ended.

    Attributes:
        label: whose they are.
        causes: number of episodes by cause.
        n: number of all episodes, successes included.
    """

    label: str
    causes: Mapping[str, int]
    n: int


def failures_by_kind(table: SuccessTable) -> list[Failures]:
    """How the episodes of each agent ended, by the kind their records name."""
    found = []
    for agent in table.agents:
        causes: Counter[str] = Counter()
        for (_, name, _, kind), count in table.kinds.items():
            if name == agent:
                causes[kind] += count
        n = sum(cell.n for (_, name, _), cell in table.cells.items() if name == agent)
        found.append(Failures(label=agent, causes=dict(causes), n=n))
    return found


def failure_split(rows: Sequence[Failures], title: str, *, note: str = "") -> Figure:
    """A bar for each agent, split into the shares of its unsuccessful episodes by cause.

    Args:
        rows: bars from top to bottom.
        title: line above.
        note: line below.

    Raises:
        InvalidOptionError: there are no rows.
    """
    from matplotlib.figure import Figure

    if not rows:
        raise InvalidOptionError("there is nothing to split")
    causes = _causes(rows)
    with figure_style():
        figure = Figure(figsize=(TEXT_WIDTH, 1.5 + _ROW_HEIGHT * len(rows)))
        axes = figure.add_subplot()
        for y, row in enumerate(rows):
            shown = {cause: row.causes.get(cause, 0) for cause in causes if cause != OTHER}
            failed = sum(row.causes.values())
            if OTHER in causes:
                shown[OTHER] = failed - sum(shown.values())
            left = 0.0
            for i, cause in enumerate(causes):
                share = shown[cause] / failed if failed else 0.0
                _draw_part(axes, i, y, left, share)
                left += share
            axes.text(1.015, y, f"{failed} of {row.n}", va="center", fontsize=7)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(0.0, 1.0)
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        axes.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0", "25", "50", "75", "100"])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("share of the episodes without success [%]; their number on the right")
        titled_legend(figure, _legend(causes), title, 2 if max(map(len, causes), default=0) > _LONG else 3)
        if note:
            footnote(figure, note)
    return figure


def _causes(rows: Sequence[Failures]) -> list[str]:
    """Causes in the order of their number over all rows; those beyond `_SHOWN` as `OTHER`."""
    totals: Counter[str] = Counter()
    for row in rows:
        totals.update(row.causes)
    ordered = sorted(totals, key=lambda cause: (-totals[cause], cause))
    return ordered if len(ordered) <= _SHOWN else [*ordered[: _SHOWN - 1], OTHER]


def _colour(i: int) -> str:
    return OKABE_ITO[i] if i < len(OKABE_ITO) else LIGHT


def _draw_part(axes: Axes, i: int, y: int, left: float, share: float) -> None:
    axes.barh(y, share, left=left, height=0.72, color=_colour(i), hatch=HATCHES[i], edgecolor="white", linewidth=0.8)
    if share >= _LEAST_LABELLED:
        plate = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}
        axes.text(left + share / 2, y, f"{100 * share:.0f}", ha="center", va="center", fontsize=7, bbox=plate)


def _legend(causes: Sequence[str]) -> list[Patch]:
    from matplotlib.patches import Patch

    return [Patch(facecolor=_colour(i), hatch=HATCHES[i], edgecolor="white", label=cause) for i, cause in enumerate(causes)]
