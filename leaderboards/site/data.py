"""What the pages load: figures and episodes as scripts, because a page opened from a file may load scripts but no JSON.

Everything is keyed by small numbers (``p0``: the first protocol, ``a2``: the third agent, ``t1``: the second task), so that no name from a
record ever becomes the name of a file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.statistics import Estimate
from hamster_bench.leaderboards.record_json import record_to_dict
from hamster_bench.leaderboards.site.board import Board, Section
from hamster_bench.leaderboards.site.pairs import Comparison, PairedOutcomes
from hamster_bench.leaderboards.table import Cell
from hamster_bench.scenario import CONTROL_FACTOR, VARIATION_FACTORS

# Records in a file of details: an episode page loads one such file, of about 300 kB.
DETAILS = 200

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class DataFile(NamedTuple):
    """A script of data.

    Attributes:
        name: path below ``data/``, without ending; what the page asks for.
        text: the script.
    """

    name: str
    text: str


def data_files(board: Board, media: Mapping[str, Any], published: Mapping[str, Any]) -> Iterator[DataFile]:
    """Every data file of a site but the comparisons and the details of records.

    Args:
        board: what is shown.
        media: which pictures and videos there are, in JSON's values.
        published: reference rows, in JSON's values.
    """
    yield _script("board", _overview(board, published))
    yield _script("media", media)
    for p, section in enumerate(board.sections):
        yield _script(f"p{p}/figures", _figures(board, section))
        for a, agent in enumerate(board.agents):
            for t, task in enumerate(board.tasks):
                records = section.records.get((agent.label, task), [])
                if records:
                    yield _script(f"p{p}/a{a}t{t}", _listing(board, records))


def detail_files(board: Board, p: int, lines: Callable[[Sequence[EpisodeRecord], Sequence[str]], object]) -> Iterator[DataFile]:
    """Everything known of the episodes of a section.

    Args:
        board: what is shown.
        p: number of the section.
        lines: is given all records, some at a time, and each as a line of JSON that holds all of it: to encode a record takes most of
            the time that a site takes.
    """
    section = board.sections[p]
    versions: dict[str, int] = {}
    for a, agent in enumerate(board.agents):
        for t, task in enumerate(board.tasks):
            records = section.records.get((agent.label, task), [])
            for part in range(0, len(records), DETAILS):
                some = records[part : part + DETAILS]
                texts, details = zip(*(_encoded(record, versions) for record in some), strict=True)
                lines(some, texts)
                yield _script_of_text(f"p{p}/a{a}t{t}d{part // DETAILS}", f"[{','.join(details)}]")
    yield _script_of_text(f"p{p}/versions", f"[{','.join(versions)}]")


def comparison_files(board: Board, outcomes: Sequence[PairedOutcomes]) -> Iterator[DataFile]:
    """A file of comparisons for each agent and protocol: with all agents behind it in the alphabet.

    Args:
        board: what is shown.
        outcomes: of every section.
    """
    for p, (section, paired) in enumerate(zip(board.sections, outcomes, strict=True)):
        present = [(a, agent.label) for a, agent in enumerate(board.agents) if agent.label in section.table.agents]
        for i, (a, first) in enumerate(present):
            others = {str(b): [_row(board, c) for c in paired.agents(first, second)] for b, second in present[i + 1 :]}
            if others:
                yield _script(f"p{p}/compare{a}", others)


def _script(name: str, value: Any) -> DataFile:
    return _script_of_text(name, _ENCODER.encode(value))


def _script_of_text(name: str, text: str) -> DataFile:
    # Where the text stands for itself, but could end a script or a line of one.
    text = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return DataFile(name, f'HB.put("{name}",{text});\n')


def _overview(board: Board, published: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "protocols": [
            {
                "fingerprint": section.protocol.fingerprint,
                "label": section.protocol.label,
                "camera": (*section.protocol.cameras, "")[0],
            }
            for section in board.sections
        ],
        "agents": [
            {"label": agent.label, "name": agent.name, "fingerprint": agent.fingerprint, "privileged": agent.privileged}
            for agent in board.agents
        ],
        "tasks": board.tasks,
        "factors": board.factors,
        "published": published,
        "variation_factors": sorted(VARIATION_FACTORS),
        "control": CONTROL_FACTOR,
        "details": DETAILS,
    }


def _figures(board: Board, section: Section) -> dict[str, Any]:
    """Rows ``[agent, task or -1 for the mean, factor, mean, low, high, successes, failures, errors]``."""
    table = section.table
    agents = {agent.label: a for a, agent in enumerate(board.agents)}
    rows = []
    for label in table.agents:
        for f, factor in enumerate(board.factors):
            estimate, cell = table.mean(label, factor)
            if cell.n:
                rows.append([agents[label], -1, f, *_rounded(estimate), *_counts(cell)])
            for t, task in enumerate(board.tasks):
                single = table.cell(task, label, factor)
                if single.n:
                    rows.append([agents[label], t, f, *_rounded(single.estimate), *_counts(single)])
    return {"rows": rows}


def _counts(cell: Cell) -> list[int]:
    return [cell.successes, cell.failures, cell.errors]


def _row(board: Board, comparison: Comparison) -> list[Any]:
    """``[factor, task or -1, difference, low, high, p, adjusted p or null, both, first only, second only, neither]``."""
    return [
        board.factors.index(comparison.factor),
        -1 if comparison.task is None else board.tasks.index(comparison.task),
        *_rounded(comparison.difference),
        float(f"{comparison.p:.4g}"),
        None if comparison.p_holm is None else float(f"{comparison.p_holm:.4g}"),
        *comparison.pairs,
    ]


def _rounded(estimate: Estimate) -> list[float]:
    return [round(figure, 6) for figure in estimate]


def _listing(board: Board, records: Sequence[EpisodeRecord]) -> dict[str, Any]:
    """The columns of a list of episodes; the i-th is in the file of details number ``i // DETAILS``."""
    factors = {factor: f for f, factor in enumerate(board.factors)}
    kinds = list(dict.fromkeys(record.kind or "" for record in records))
    number = {kind: i for i, kind in enumerate(kinds)}
    return {
        "kinds": kinds,
        "factor": [factors[record.scenario.factor] for record in records],
        "variation": [record.scenario.variation for record in records],
        "episode": [record.scenario.episode for record in records],
        "seed": [record.scenario.seed for record in records],
        "outcome": "".join(record.outcome[0] for record in records),
        "kind": [number[record.kind or ""] for record in records],
        "steps": [record.steps for record in records],
    }


def _encoded(record: EpisodeRecord, versions: dict[str, int]) -> tuple[str, str]:
    """A record as JSON, and what of it a page needs: the versions, which most records share, as a number."""
    values = record_to_dict(record)
    versions_text = _ENCODER.encode(dict(sorted(values.pop("versions").items())))
    proposals = values.pop("proposals")
    shared = _ENCODER.encode(values)[:-1]
    proposals_text = _ENCODER.encode(proposals)
    number = versions.setdefault(versions_text, len(versions))
    shown = "null" if _says_no_more_than_the_path(record) else proposals_text
    return (
        f'{shared},"proposals":{proposals_text},"versions":{versions_text}}}',
        f'{shared},"proposals":{shown},"versions":{number}}}',
    )


def _says_no_more_than_the_path(record: EpisodeRecord) -> bool:
    """Mostly the path planner is asked once and gives the path, which is worth no second place."""
    if record.proposals is None or record.path is None or record.proposals.count('"step"') != 1:
        return False
    (proposal,) = json.loads(record.proposals)
    return not proposal.get("record")
