"""Which worker gets which episode."""

from __future__ import annotations

from collections import Counter

import hypothesis
from hypothesis import strategies as st

from hamster_bench.evaluation.environment import Requirements
from hamster_bench.evaluation.plan import PlannedEpisode
from hamster_bench.evaluation.workers.pending import Attempt, Pending
from hamster_bench.scenario import Scenario


def attempts(counts: list[int]) -> list[Attempt]:
    return [
        Attempt(PlannedEpisode("a", Scenario(task=f"t{i}", episode=e)), Requirements(f"t{i}", "keypose", (), "none"))
        for i, count in enumerate(counts)
        for e in range(count)
    ]


@hypothesis.given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    paces=st.lists(st.integers(1, 5), min_size=1, max_size=5),
)
def test_everything_is_played_once_nobody_idles_and_few_environments_are_opened(counts: list[int], paces: list[int]) -> None:
    pending = Pending(attempts(counts))
    opened: list[Requirements | None] = [None] * len(paces)
    busy_until = [0] * len(paces)
    played: list[Attempt] = []
    openings, now = 0, 0
    while len(pending):
        for i, pace in enumerate(paces):
            if busy_until[i] > now:
                continue
            others = Counter(o for j, o in enumerate(opened) if j != i and o is not None)
            attempt = pending.take(opened[i], others)
            if attempt is None:
                continue
            openings += attempt.required != opened[i]
            opened[i], busy_until[i] = attempt.required, now + pace
            played.append(attempt)
        now += 1
    assert sorted(a.planned.scenario.id for a in played) == sorted(a.planned.scenario.id for a in attempts(counts))
    assert sorted(a.number for a in played) == list(range(len(played)))
    # A worker changes only when nothing is left for what it has open: once a task is empty, nobody comes back to it.
    assert openings <= len(counts) * len(paces)
    assert len(paces) > 1 or openings == len(counts)


def test_workers_start_on_different_environments_and_help_where_most_is_left() -> None:
    pending = Pending(attempts([2, 10]))
    first = pending.take(None, Counter())
    assert first is not None
    assert first.planned.scenario.task == "t1"
    second = pending.take(None, Counter([first.required, first.required, first.required, first.required]))
    assert second is not None
    assert second.planned.scenario.task == "t0"


def test_episode_that_is_put_back_comes_next_under_a_new_number() -> None:
    pending = Pending(attempts([3]))
    first = pending.take(None, Counter())
    assert first is not None
    assert (first.number, first.begun) == (0, 1)
    pending.put_back(first)
    again = pending.take(None, Counter())
    assert again is first
    assert (again.number, again.begun) == (1, 2)
