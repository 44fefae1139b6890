"""What raters said: one line for each picture, added and never changed."""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.leaderboards.ranking.sheet import Sheet
from hamster_bench.leaderboards.ranking_table import Rank
from hamster_bench.leaderboards.record_json import is_plain_name

FILE_NAME = "ratings.jsonl"


@dataclass(frozen=True, kw_only=True)
class Rating:
    """A rater's ranks for one picture.

    Attributes:
        rater: who.
        item: name of the picture.
        ranks: rank by planner as it was given, 1 for the best; equal ranks are ties.
    """

    rater: str
    item: str
    ranks: dict[str, int]


def add_rating(sheet: Sheet, rating: Rating) -> None:
    """Stores a rating for good: when this returns it is on the disk. A second one of the same rater and picture replaces the first.

    Raises:
        InvalidOptionError: the rater has no name, the picture does not exist, or not every planner has a rank from 1 to their number.
        StoreError: it cannot be written.
    """
    planners = sheet.planners
    if not is_plain_name(rating.rater) or rating.rater != rating.rater.strip():
        raise InvalidOptionError(f"a rater needs a name in one line, got {rating.rater[:80]!r}")
    if rating.item not in {item.name for item in sheet.items}:
        raise InvalidOptionError(f"there is no picture {rating.item[:80]!r} in this sheet")
    allowed = range(1, len(planners) + 1)
    if set(rating.ranks) != set(planners) or not all(
        isinstance(rank, int) and not isinstance(rank, bool) and rank in allowed for rank in rating.ranks.values()
    ):
        raise InvalidOptionError(f"every path needs a rank from 1 to {len(planners)}")
    line = {
        "rater": rating.rater,
        "item": rating.item,
        "ranks": {name: rating.ranks[name] for name in planners},
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    file = sheet.directory / FILE_NAME
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            # A line that broke off, because the disk was full or the power went, must not take the next one with it.
            broken = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            text = (b"\n" if broken else b"") + json.dumps(line, ensure_ascii=False).encode() + b"\n"
            if os.write(descriptor, text) != len(text):
                raise OSError("the disk is full")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror or error}") from error


def read_ratings(sheet: Sheet) -> tuple[Rating, ...]:
    """The latest rating of every rater and picture, in the order of first ratings; lines that broke off are left out.

    Raises:
        StoreError: the file cannot be read, or holds ratings of another sheet.
    """
    file = sheet.directory / FILE_NAME
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror or error}") from error
    names, planners = {item.name for item in sheet.items}, set(sheet.planners)
    latest: dict[tuple[str, str], Rating] = {}
    for number, line in enumerate(lines, start=1):
        try:
            value: Mapping[str, Any] = json.loads(line)
        except ValueError:
            continue
        rating = Rating(rater=str(value["rater"]), item=str(value["item"]), ranks=dict(value["ranks"]))
        if rating.item not in names or set(rating.ranks) != planners:
            raise StoreError(f"{file}, line {number}, rates something that is not in the sheet beside it")
        latest[rating.rater, rating.item] = rating
    return tuple(latest.values())


def ranks_of(sheet: Sheet, ratings: Iterable[Rating]) -> tuple[Rank, ...]:
    """Ratings for tables: paths that tie share the mean of the ranks they take up, so that every picture's ranks have the same sum."""
    sets = {item.name: item.set for item in sheet.items}
    return tuple(
        Rank(rater=rating.rater, picture=rating.item, set=sets[rating.item], planner=planner, rank=rank)
        for rating in ratings
        for planner, rank in mid_ranks(rating.ranks).items()
    )


def mid_ranks(given: Mapping[str, int]) -> dict[str, float]:
    """Ranks 1 to k where ties share the mean of the ranks they take up; gaps in what was given do not matter."""
    counts = Counter(given.values())
    below = {rank: sum(count for other, count in counts.items() if other < rank) for rank in counts}
    return {name: below[rank] + (counts[rank] + 1) / 2 for name, rank in given.items()}
