"""How comparisons are printed: aligned text, Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

from hamster_bench.evaluation.statistics import BOOTSTRAP_NAME, SIGN_FLIP_NAME, Interval
from hamster_bench.leaderboards.comparison import Comparison
from hamster_bench.leaderboards.effects import BOOTSTRAP_DISCORDANT, AverageEffect, Effect
from hamster_bench.leaderboards.formats import latex_text
from hamster_bench.scenario import CONTROL_FACTOR

MEAN = "mean over tasks"
AVERAGE = "avg"
_ARM = {"agents": "agent", "planners": "planner"}
_OF = {"agents": "of the first agent", "planners": "with the first planner's paths"}

_CSV_HEADER = (
    *("protocol", "fingerprint", "kind", "subject", "first", "second", "factor", "task", "errors", "tasks", "pairs"),
    *("pairs_with_errors", "both", "first_only", "second_only", "neither", "first_success", "second_success"),
    *("difference", "low", "high", "bootstrap_low", "bootstrap_high", "unpaired_low", "unpaired_high"),
    *("p", "p_holm", "p_any_time", "step", "step_pairs", "first_without_partner", "second_without_partner", "bootstrap"),
)


def to_text(comparisons: Sequence[Comparison], *, by_task: bool = False, sequential: bool = False) -> str:
    """Comparisons aligned for a terminal.

    Args:
        comparisons: the comparisons.
        by_task: whether every task is shown, too.
        sequential: whether p-values that hold at any time are shown, too.
    """
    return "\n\n".join(_text(comparison, by_task, sequential) for comparison in comparisons) + "\n"


def to_markdown(comparisons: Sequence[Comparison], *, by_task: bool = False, sequential: bool = False) -> str:
    """Comparisons in GitHub's Markdown; arguments as for `to_text`."""
    return "\n\n".join(_markdown(comparison, by_task, sequential) for comparison in comparisons) + "\n"


def to_latex(comparisons: Sequence[Comparison], *, by_task: bool = False, sequential: bool = False) -> str:
    """Comparisons for LaTeX with the packages booktabs and graphicx; arguments as for `to_text`."""
    tables = "\n\n".join(_latex(comparison, by_task, sequential) for comparison in comparisons)
    return f"% Needs the LaTeX packages booktabs and graphicx.\n\n{tables}\n"


def to_csv(comparisons: Sequence[Comparison]) -> str:
    """Every effect, over all tasks and for each, with errors counted as not successful and left out, at full precision, and averages.

    Rates, differences and limits are shares; what is not known is empty.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_CSV_HEADER)
    for comparison in comparisons:
        about = [comparison.protocol.label, comparison.protocol.fingerprint, comparison.kind, comparison.subject]
        for effect in (
            *comparison.means,
            *comparison.by_task,
            *comparison.means_without_errors,
            *comparison.by_task_without_errors,
        ):
            writer.writerow([*about, *_csv_row(effect)])
        for average in comparison.averages:
            writer.writerow([*about, *_csv_average(average)])
    return stream.getvalue()


def _csv_row(effect: Effect) -> list[object]:
    bootstrap = [math.nan, math.nan] if effect.bootstrap is None else list(map(float, effect.bootstrap))
    figures = [effect.first_rate.mean, effect.second_rate.mean, *effect.difference, *bootstrap, *effect.unpaired[1:]]
    step = ["", ""] if effect.step is None else list(effect.step)
    return [
        *(effect.first, effect.second, effect.factor, effect.task or MEAN, effect.errors, effect.tasks, effect.pairs),
        *(effect.pairs_with_errors, effect.both, effect.first_only, effect.second_only),
        effect.pairs - effect.both - effect.first_only - effect.second_only,
        *(_exact(figure) for figure in (*figures, effect.p, effect.p_holm, effect.p_any_time)),
        *step,
        *effect.without_partner,
        "" if effect.bootstrap is None else BOOTSTRAP_NAME,
    ]


def _csv_average(average: AverageEffect) -> list[object]:
    low, high = (math.nan, math.nan) if average.bootstrap is None else map(float, average.bootstrap)
    figures = {
        "first_success": average.first_rate,
        "second_success": average.second_rate,
        "difference": average.difference,
        "bootstrap_low": low,
        "bootstrap_high": high,
        "p": average.p,
        "p_holm": average.p_holm,
    }
    row: dict[str, object] = {
        "first": average.first,
        "second": average.second,
        "factor": AVERAGE,
        "task": MEAN,
        "errors": "not_successful",
        "tasks": average.tasks,
        "pairs": average.pairs,
        "first_only": average.first_only,
        "second_only": average.second_only,
        **{name: _exact(figure) for name, figure in figures.items()},
        "bootstrap": "" if average.bootstrap is None else BOOTSTRAP_NAME,
    }
    return [row.get(name, "") for name in _CSV_HEADER[4:]]


def _text(comparison: Comparison, by_task: bool, sequential: bool) -> str:
    parts = [_title(comparison)]
    for heading, effects in _tables(comparison, by_task):
        header, *rows = _grid(comparison, effects, sequential)
        widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (header, *rows)
        ]
        lines.insert(1, "  ".join("-" * width for width in widths))
        parts.append("\n".join([*([heading] if heading else []), *lines]))
    return "\n\n".join([*parts, "\n".join(_notes(comparison, by_task, sequential))])


def _markdown(comparison: Comparison, by_task: bool, sequential: bool) -> str:
    parts = [f"**{_escaped(_title(comparison))}**"]
    for heading, effects in _tables(comparison, by_task):
        grid = [[_escaped(cell) for cell in row] for row in _grid(comparison, effects, sequential)]
        lines = [f"| {' | '.join(row)} |" for row in grid]
        lines.insert(1, "|" + "---|" * len(grid[0]))
        parts += [*([_escaped(heading)] if heading else []), "\n".join(lines)]
    return "\n\n".join([*parts, "\n".join(_escaped(note) + "  " for note in _notes(comparison, by_task, sequential)).rstrip()])


def _latex(comparison: Comparison, by_task: bool, sequential: bool) -> str:
    """A table for each part; the notes stand below the last."""
    parts = []
    tables = _tables(comparison, by_task)
    for number, (heading, effects) in enumerate(tables, 1):
        grid = [[latex_text(cell) for cell in row] for row in _grid(comparison, effects, sequential)]
        # In braces: a bracket at the start of a line would be read as an argument of the line break before it.
        header, *rows = [" & ".join(f"{{{cell}}}" if cell.startswith("[") else cell for cell in row) + r" \\" for row in grid]
        title = f"{_title(comparison)}: {heading}" if heading else _title(comparison)
        notes = [latex_text(note) for note in _notes(comparison, by_task, sequential)] if number == len(tables) else []
        parts += [
            r"\begin{table*}",
            r"  \centering",
            rf"  \caption{{{latex_text(title)}}}",
            r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"  \begin{{tabular}}{{{'l' * len(grid[0])}}}",
            *(f"    {line}" for line in (r"\toprule", header, r"\midrule", *rows, r"\bottomrule")),
            r"  \end{tabular}}",
            *(
                ["", r"  \smallskip", r"  \parbox{\linewidth}{\footnotesize", *(f"    {note}" for note in notes), "  }"]
                if notes
                else []
            ),
            r"\end{table*}",
        ]
    return "\n".join(parts)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("_", "\\_")


def _tables(comparison: Comparison, by_task: bool) -> list[tuple[str, Sequence[Effect]]]:
    """Headings and rows; what leaving errors out changes nothing of is shown once."""
    tables: list[tuple[str, Sequence[Effect]]] = [("", comparison.means)]
    if by_task:
        tables.append(("Task by task", comparison.by_task))
    if any(effect.pairs_with_errors for effect in comparison.means):
        tables.append(("Pairs with errors left out", comparison.means_without_errors))
        if by_task:
            tables.append(("Task by task, pairs with errors left out", comparison.by_task_without_errors))
    return tables


def _grid(comparison: Comparison, effects: Sequence[Effect], sequential: bool) -> list[list[str]]:
    """Header and rows."""
    single = any(effect.task is not None for effect in effects)
    stepped = any(effect.step is not None for effect in effects)
    many = len({effect.second for effect in comparison.means}) > 1
    on_off = comparison.kind == "factors"
    # With several opponents a column cannot be called after one.
    arms = ("on", "off") if on_off else (comparison.means[0].first, "second" if many else comparison.means[0].second)
    header = [
        *([f"second {_ARM[comparison.kind]}"] if many and not on_off else []),
        "factor",
        "task" if single else "tasks",
        "pairs",
        *arms,
        "difference [95 %]",
        *([] if single else ["bootstrap [95 %]"]),
        *(f"only {arm}" for arm in arms),
        "p",
        "p (Holm)",
        *(["p (any time)"] if sequential else []),
        *(["STEP"] if stepped else []),
    ]
    named = many and not on_off
    rows = [_row(effect, named, single, sequential, stepped) for effect in effects]
    if effects is comparison.means:
        rows += [_average_row(average, named, sequential, stepped) for average in comparison.averages]
    return [header, *rows]


def _row(effect: Effect, named: bool, single: bool, sequential: bool, stepped: bool) -> list[str]:
    some = effect.pairs > 0
    difference = effect.difference
    return [
        *([effect.second] if named else []),
        effect.factor,
        effect.task or str(effect.tasks),
        str(effect.pairs) + (f" ({effect.pairs_with_errors} with errors)" if effect.pairs_with_errors else ""),
        *(f"{100 * rate.mean:.1f}" if some else "-" for rate in (effect.first_rate, effect.second_rate)),
        f"{100 * difference.mean:+.1f} {_limits(difference.low, difference.high)}" if some else "-",
        *([] if single else [_bootstrap(effect.bootstrap)]),
        str(effect.first_only),
        str(effect.second_only),
        _p(effect.p),
        _p(effect.p_holm),
        *([_p(effect.p_any_time)] if sequential else []),
        *([_step(effect)] if stepped else []),
    ]


def _average_row(average: AverageEffect, named: bool, sequential: bool, stepped: bool) -> list[str]:
    return [
        *([average.second] if named else []),
        AVERAGE,
        str(average.tasks),
        str(average.pairs),
        *(f"{100 * rate:.1f}" for rate in (average.first_rate, average.second_rate)),
        f"{100 * average.difference:+.1f}",
        _bootstrap(average.bootstrap),
        str(average.first_only),
        str(average.second_only),
        _p(average.p),
        _p(average.p_holm),
        *(["-"] if sequential else []),
        *(["-"] if stepped else []),
    ]


def _bootstrap(interval: Interval | None) -> str:
    return "-" if interval is None else _limits(float(interval.low), float(interval.high))


def _limits(low: float, high: float) -> str:
    return f"[{100 * low:+.1f}, {100 * high:+.1f}]"


def _p(p: float) -> str:
    if math.isnan(p):
        return "-"
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def _step(effect: Effect) -> str:
    if effect.step is None:
        return "-"
    decision, pairs = effect.step
    winner = {"first": effect.first, "second": effect.second, "undecided": "undecided"}[decision]
    return f"{winner} after {pairs}"


def _title(comparison: Comparison) -> str:
    what = "Effects of factors on" if comparison.kind == "factors" else "Comparison of"
    rules = f"protocol {comparison.protocol.label} (fingerprint {comparison.protocol.fingerprint})"
    return f"{what} {comparison.subject}, {rules}" + (" and those of the others" if comparison.kind == "planners" else "")


def _notes(comparison: Comparison, by_task: bool, sequential: bool) -> list[str]:
    arms = (
        f"Difference: success with the factor on less that of the matched control ({CONTROL_FACTOR})"
        if comparison.kind == "factors"
        else f"Difference: success {_OF[comparison.kind]} less that of the second, on the same scenarios"
    )
    families = f"a family of {_size(comparison.means)}" + (f", tasks {_size(comparison.by_task)}" if by_task else "")
    notes = [
        f"{arms}, in percentage points; tasks weigh equally. Interval: score interval of matched pairs.",
        f"Bootstrap: percentiles of a {BOOTSTRAP_NAME}; -: fewer than {BOOTSTRAP_DISCORDANT} discordant pairs.",
        f"p: exact McNemar test, two-sided, of all pairs; Holm's adjustment for {families}.",
    ]
    if comparison.averages:
        notes.append(_of_averages(comparison.averages))
    if sequential:
        notes.append("p (any time): holds however often one looks while episodes are added.")
    if any(effect.step is not None for effect in comparison.means):
        notes.append("STEP: the better arm and after how many pairs; 5 % error in either direction, one comparison at a time.")
    if any(effect.pairs_with_errors for effect in comparison.means):
        notes.append("Errors (something broke) count as not successful, but where pairs with errors are left out.")
    notes += [note for note in (_partners(effect) for effect in comparison.means) if note]
    uneven = any(len({task.pairs for task in tasks}) > 1 for tasks in _groups(comparison.by_task))
    if uneven:
        notes.append("Tasks have different numbers of pairs: the difference weighs tasks equally, the test weighs pairs equally.")
    return [*notes, *comparison.notes]


def _of_averages(averages: Sequence[AverageEffect]) -> str:
    factors = " and ".join(str(count) for count in sorted({average.factors for average in averages}))
    family = f", Holm's adjustment for a family of {len(averages)}" if len(averages) > 1 else ", a hypothesis of its own"
    return (
        f"{AVERAGE}: over the {factors} factors, which weigh equally. Scenarios that share a layout (task, episode and seed) are resampled "
        f"and exchanged together; p: {SIGN_FLIP_NAME}{family}."
    )


def _partners(effect: Effect) -> str:
    first, second = effect.without_partner
    if not first and not second:
        return ""
    parts = [f"{n} of {name}" for n, name in zip((first, second), (effect.first, effect.second), strict=True) if n]
    return f"{effect.factor}: scenarios without a partner, left out: {', '.join(parts)}."


def _groups(effects: Iterable[Effect]) -> list[list[Effect]]:
    groups: dict[tuple[str, str, str], list[Effect]] = {}
    for effect in effects:
        groups.setdefault((effect.first, effect.second, effect.factor), []).append(effect)
    return list(groups.values())


def _size(effects: Sequence[Effect]) -> int:
    return sum(effect.pairs > 0 for effect in effects)


def _exact(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))
