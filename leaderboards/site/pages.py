"""The pages of a site, from templates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import jinja2

from hamster_bench import __version__
from hamster_bench.evaluation.attribution import CAUSES
from hamster_bench.evaluation.protocol import PROTOCOLS, Protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.statistics import Estimate
from hamster_bench.leaderboards.causes import CauseSplit, cause_splits
from hamster_bench.leaderboards.measures import over_factors
from hamster_bench.leaderboards.site.board import Board, Section
from hamster_bench.leaderboards.site.pairs import Comparison, PairedOutcomes
from hamster_bench.scenario import CONTROL_FACTOR, Scenario

# Pages whose tables are filled by their scripts, and what each is called.
_SCRIPTED = {
    "success": "Success table",
    "compare": "Agent against agent",
    "episodes": "Episodes",
    "episode": "Episode",
    "cell": "How a figure was made",
}
NAVIGATION = (
    ("index.html", "Overview"),
    ("success.html", "Success"),
    ("compare.html", "Compare"),
    ("factors.html", "Factors"),
    ("tasks.html", "Tasks"),
    ("episodes.html", "Episodes"),
    ("method.html", "Method"),
)


class Page(NamedTuple):
    """A page and the name of its file."""

    file: str
    text: str


def render_pages(
    board: Board,
    outcomes: Sequence[PairedOutcomes],
    *,
    title: str,
    tasks: Mapping[str, str],
    factors: Mapping[str, tuple[str, str]],
    media: Mapping[str, Any],
    published: Mapping[str, Any],
    downloads: Sequence[Mapping[str, Any]],
) -> tuple[Page, ...]:
    """Every page of a site.

    Args:
        board: what is shown.
        outcomes: of every section, for paired figures.
        title: what the board is called.
        tasks: what is to be done, by name of the task.
        factors: what changes, and how it is drawn, by name of the factor.
        media: which pictures and videos there are.
        published: reference rows.
        downloads: the files of records of every section.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hamster_bench.leaderboards.site"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "signed": _signed, "p_value": _p_value, "megabytes": _megabytes}
    environment.globals |= {
        "site_title": title,
        "navigation": NAVIGATION,
        "program": f"hamster_bench {__version__}",
        "board": board,
        "control": CONTROL_FACTOR,
        "causes": CAUSES,
        "label_of": {agent.label: agent for agent in board.agents},
        "number_of": {agent.label: a for a, agent in enumerate(board.agents)},
    }

    def page(file: str, template: str, heading: str, **values: Any) -> Page:
        return Page(file, environment.get_template(template).render(file=file, heading=heading, **values))

    effects = [_effects(section, paired) for section, paired in zip(board.sections, outcomes, strict=True)]
    headlines = [_headline(section) for section in board.sections]
    rules = [_rules(section) for section in board.sections]
    shown = _task_pictures(media)
    made = [
        page("index.html", "index.html", "Overview", headlines=headlines, published=published),
        page("method.html", "method.html", "Method", rules=rules, downloads=downloads, provenance=_provenance(board)),
        page("factors.html", "factors.html", "Factors", words=factors),
        page("tasks.html", "tasks.html", "Tasks", words=tasks, pictures=shown),
    ]
    made += [page(f"{name}.html", f"{name}.html", heading, page_name=name) for name, heading in _SCRIPTED.items()]
    for factor in board.factors:
        made.append(
            page(
                f"factor-{factor}.html",
                "factor.html",
                factor,
                factor=factor,
                words=factors.get(factor),
                effects=[[row for row in of_section if row.comparison.factor == factor] for of_section in effects],
                pictures=list(_factor_pictures(board, media, factor)),
            )
        )
    for task in board.tasks:
        made.append(
            page(
                f"task-{task}.html",
                "task.html",
                task,
                task=task,
                goal=tasks.get(task, ""),
                picture=shown.get(task),
            )
        )
    return tuple(made)


class Effect(NamedTuple):
    """What a factor does to an agent: success under it less success in the matched control."""

    agent: str
    comparison: Comparison


class _Standing(NamedTuple):
    """An agent on the first page.

    Attributes:
        label: what it is called.
        success: in the factor shown, mean over tasks.
        n: episodes behind it.
        tasks: tasks behind it.
        episodes: all that it has.
        average: over the factors it has met, which weigh equally; None where it has met one alone.
        factors: their number.
    """

    label: str
    success: Estimate
    n: int
    tasks: int
    episodes: int
    average: Estimate | None
    factors: int


class _Headline(NamedTuple):
    section: Section
    rows: list[_Standing]
    episodes: int
    errors: int
    causes: tuple[CauseSplit, ...]

    @property
    def averaged(self) -> bool:
        """Whether some agent has an average over factors."""
        return any(row.average is not None for row in self.rows)


def _headline(section: Section) -> _Headline:
    """Agents by their success in the control, best first; where nobody met the control, in the first factor there is."""
    table = section.table
    factor = table.factors[0]
    rows = []
    episodes = Counter(label for (label, _), records in section.records.items() for _ in records)
    for label in table.agents:
        estimate, cell = table.mean(label, factor)
        if cell.n:
            tasks = sum(table.cell(task, label, factor).n > 0 for task in table.tasks)
            met = [name for name in table.factors if table.mean(label, name)[1].n]
            average = over_factors(table, label, table.tasks, met) if len(met) > 1 else None
            rows.append(_Standing(label, estimate, cell.n, tasks, episodes[label], average, len(met)))
    rows.sort(key=lambda row: (-row.success.mean, row.label))
    errors = sum(cell.errors for cell in table.cells.values())
    return _Headline(section, rows, sum(episodes.values()), errors, _causes(section))


def _causes(section: Section) -> tuple[CauseSplit, ...]:
    """Causes of failures in the control, or, where nobody met it, in the first factor there is: those of the figures above them."""
    by_agent: dict[str, list[EpisodeRecord]] = {label: [] for label in section.table.agents}
    for (label, _), records in section.records.items():
        by_agent[label] += [record for record in records if record.scenario.factor == section.table.factors[0]]
    return cause_splits(by_agent)


def _effects(section: Section, outcomes: PairedOutcomes) -> list[Effect]:
    return [Effect(agent, comparison) for agent in section.table.agents for comparison in outcomes.factors_against_control(agent)]


def _factor_pictures(board: Board, media: Mapping[str, Any], factor: str) -> Iterator[dict[str, str]]:
    """For every task a pair of pictures: the first scenario with the factor that has one, and its control."""
    for task in board.tasks:
        for pictures in media["pictures"]:
            pair = next(
                (
                    (scenario, control)
                    for scenario in sorted(pictures)
                    if scenario.startswith(f"{task}-v") and f"-{factor}-e" in scenario
                    if (control := Scenario.from_id(scenario).control().id) in pictures
                    if Scenario.from_id(scenario).task == task and Scenario.from_id(scenario).factor == factor
                ),
                None,
            )
            if pair is not None:
                scenario, control = pair
                yield {
                    "task": task,
                    "scenario": scenario,
                    "control": control,
                    "picture": pictures[scenario],
                    "control_picture": pictures[control],
                }
                break


def _task_pictures(media: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pictures in media["pictures"]:
        for scenario in sorted(pictures):
            parsed = Scenario.from_id(scenario)
            if parsed.factor == CONTROL_FACTOR:
                found.setdefault(parsed.task, pictures[scenario])
    return found


def _rules(section: Section) -> dict[str, Any]:
    protocol = section.protocol
    preset = PROTOCOLS.get(protocol.name) if protocol.name in PROTOCOLS else None
    changed = set(protocol.differences(preset)) if preset is not None else set()
    rows = [(f.name, _value(getattr(protocol, f.name)), f.name in changed) for f in fields(Protocol) if f.name != "name"]
    return {"section": section, "rows": rows, "preset": preset is not None, "table": section.table}


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if hasattr(value, "__dataclass_fields__") and "keypose" in value.__dataclass_fields__:
        return ", ".join(f"{f.name} {getattr(value, f.name)}" for f in fields(value))
    return "none" if value is None else str(value)


def _provenance(board: Board) -> list[dict[str, Any]]:
    found = []
    for source in board.sources:
        versions = Counter(
            ", ".join(f"{name} {version}" for name, version in sorted(record.versions.items())) for record in source.records
        )
        found.append(
            {
                "title": source.title,
                "records": len(source.records),
                "versions": versions.most_common(),
                "runs": source.runs,
                "acceptance": source.acceptance,
            }
        )
    return found


def _percent(figure: float) -> str:
    return f"{100 * figure:.1f}"


def _signed(figure: float) -> str:
    # A typographic minus, as wide as the plus.
    return f"{100 * figure:+.1f}".replace("-", "\N{MINUS SIGN}")


def _p_value(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}" if p < 0.01 else f"{p:.3f}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(size / 1e3, 0.1):.1f} kB"
