"""The table of path rankings: how raters rank the paths of several planners for the same pictures."""

from __future__ import annotations

import csv
import math
import os
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics import CONFIDENCE
from hamster_bench.leaderboards.grid import MISSING, Entry, Grid, Row

FILE_NAME = "rankings.csv"
FIELDS = ("rater", "picture", "set", "planner", "rank")
ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Rank:
    """What a rater said of one planner's path in one picture.

    Attributes:
        rater: who said it.
        picture: the picture and instruction.
        set: the set of pictures it belongs to; may be empty.
        planner: whose path it is.
        rank: 1 for the best; paths that tie share the mean of the ranks they take up.
    """

    rater: str
    picture: str
    set: str
    planner: str
    rank: float


def read_rankings(file: str | os.PathLike[str]) -> tuple[Rank, ...]:
    """Ranks from a CSV file with the columns ``rater``, ``picture``, ``set``, ``planner`` and ``rank``.

    Raises:
        InvalidOptionError: the file cannot be read, lacks a column, or a rank is no number from 1; the message names the line.
    """
    path = Path(file)
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            if not set(FIELDS) <= set(reader.fieldnames or ()):
                raise InvalidOptionError(
                    f"{path} must be a CSV file with the columns {', '.join(FIELDS)}, got {reader.fieldnames}"
                )
            return tuple(_rank(f"{path}, line {reader.line_num}", row) for row in reader)
    except OSError as error:
        raise InvalidOptionError(
            f"{path} cannot be read: {error.strerror or error}; it is a CSV file with the columns {', '.join(FIELDS)}"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidOptionError(f"{path} is not a CSV file: {error}") from error


def ranking_grid(ranks: Sequence[Rank]) -> Grid:
    """Mean rank with a 95 % interval for each planner, one column for each set of pictures and one for all.

    A picture counts once, with the mean over its raters, because raters of one picture judge the same paths. The interval is that of the
    mean of these figures: normal, mean ± z s / sqrt(pictures), cut at the best and the worst rank there is.

    Raises:
        InvalidOptionError: there are no ranks, someone ranked a planner twice in a picture, or did not rank every planner in it.
    """
    if not ranks:
        raise InvalidOptionError("there are no ranks; a table needs at least one picture that was ranked")
    planners = list(dict.fromkeys(rank.planner for rank in ranks))
    _check_complete(ranks, planners)
    sets = list(dict.fromkeys(rank.set for rank in ranks if rank.set))
    columns = {name: [rank for rank in ranks if rank.set == name] for name in sets} | {ALL: list(ranks)}
    rows = [
        Row(
            labels=(planner,),
            entries=tuple(
                _entry([rank for rank in column if rank.planner == planner], len(planners)) for column in columns.values()
            ),
        )
        for planner in planners
    ]
    pictures = {name: len({(rank.set, rank.picture) for rank in column}) for name, column in columns.items()}
    raters = len({rank.rater for rank in ranks})
    return Grid(
        title="Rank of the proposed path",
        labels=("planner",),
        columns=tuple(columns),
        column_kind="set",
        rows=tuple(rows),
        notes=(
            f"Mean rank, 1 (best) to {len(planners)} (worst), [95 % interval] over pictures; ties share the mean of their ranks. "
            f"{raters} rater{'s' if raters > 1 else ''}; pictures: {', '.join(f'{name} {n}' for name, n in pictures.items())}.",
        ),
        unit="rank",
    )


def _entry(ranks: Iterable[Rank], worst: int) -> Entry:
    by_picture: dict[tuple[str, str], list[float]] = defaultdict(list)
    for rank in ranks:
        by_picture[rank.set, rank.picture].append(rank.rank)
    figures = [statistics.fmean(values) for values in by_picture.values()]
    if not figures:
        return MISSING
    mean = statistics.fmean(figures)
    if len(figures) == 1:
        return Entry(value=mean, n=1)
    half = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2) * statistics.stdev(figures) / math.sqrt(len(figures))
    return Entry(value=mean, low=max(mean - half, 1.0), high=min(mean + half, float(worst)), n=len(figures))


def _check_complete(ranks: Sequence[Rank], planners: Sequence[str]) -> None:
    by_sheet: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for rank in ranks:
        by_sheet[rank.rater, rank.set, rank.picture].append(rank.planner)
    for (rater, _, picture), ranked in by_sheet.items():
        if sorted(ranked) != sorted(planners):
            raise InvalidOptionError(
                f"rater {rater!r} ranked {', '.join(ranked)} in picture {picture!r}; every planner is ranked exactly once: "
                f"{', '.join(planners)}"
            )


def _rank(where: str, row: dict[str, str]) -> Rank:
    for name in ("rater", "picture", "planner"):
        if not row[name]:
            raise InvalidOptionError(f"{where}: {name} is empty")
    try:
        rank = float(row["rank"])
    except (TypeError, ValueError):
        rank = math.nan
    if not (math.isfinite(rank) and rank >= 1.0):
        raise InvalidOptionError(f"{where}: rank must be a number from 1, got {row['rank']!r}")
    return Rank(rater=row["rater"], picture=row["picture"], set=row["set"] or "", planner=row["planner"], rank=rank)
