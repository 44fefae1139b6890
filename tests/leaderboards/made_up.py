"""Records that were never played."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hamster_bench.evaluation.protocol import Protocol, make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.scenario import Scenario

HAMSTER = make_protocol("hamster")
KINDS = {"s": None, "f": "step_limit", "m": "motion_failure:ik_unreachable", "e": "agent_error"}


def records(
    task: str,
    agent: str,
    outcomes: str,
    factor: str = "no_var",
    protocol: Protocol = HAMSTER,
    python: str = "3.11",
    seed: int = 0,
) -> list[EpisodeRecord]:
    """One record for each letter: s(uccess), f(ailure), m(otion failure), e(rror)."""
    return [
        EpisodeRecord(
            agent=agent,
            agent_fingerprint="f",
            protocol=protocol.fingerprint,
            scenario=Scenario(task=task, factor=factor, episode=i, seed=seed),
            outcome={"s": "success", "f": "failure", "m": "failure", "e": "error"}[letter],  # type: ignore[arg-type]
            kind=KINDS[letter],
            versions={"python": python},
        )
        for i, letter in enumerate(outcomes)
    ]


def fill(directory: Path, made: Iterable[EpisodeRecord], protocol: Protocol = HAMSTER) -> Path:
    """A results directory with these records."""
    with ResultStore.for_writing(directory) as store:
        run = store.start_run(protocol, {})
        for record in made:
            store.add(run, record)
    return directory
