"""Who comes when: policies interleaved within every scene, in a balanced order, under codes that say nothing."""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hamster_bench.trials.plan import TrialError, TrialPlan


@dataclass(frozen=True)
class PlannedTrial:
    """One trial.

    Attributes:
        id: what it is called.
        scene: id of its scene.
        code: of the policy.
    """

    id: str
    scene: str
    code: str


@dataclass(frozen=True)
class Schedule:
    """The order of trials, without a word of who is who.

    Attributes:
        trials: in the order in which they are done.
        seal: SHA-256 of the sealed file, so that a changed one is found out.
    """

    trials: tuple[PlannedTrial, ...]
    seal: str


def make_schedule(plan: TrialPlan) -> tuple[Schedule, str]:
    """The schedule of a plan, and the text of the sealed file that says which code is which policy.

    Within a scene every policy comes once. Over the scenes every policy comes in every place equally often, and after every other one
    equally often as far as their numbers allow it: the rows of a Latin square balanced for what went before (Williams 1949).
    """
    generator = np.random.Generator(np.random.PCG64(_seed(plan)))
    codes = list(string.ascii_uppercase[: len(plan.agents)])
    if len(plan.agents) > len(string.ascii_uppercase):
        raise TrialError(f"at most {len(string.ascii_uppercase)} policies can be compared blind")
    mapping = dict(zip(codes, (plan.agents[i] for i in generator.permutation(len(codes))), strict=True))
    square = [list(row) for row in williams_square(len(codes))]
    scenes = [plan.scenes[i] for i in generator.permutation(len(plan.scenes))]
    trials: list[PlannedTrial] = []
    rows: list[int] = []
    for scene in scenes:
        if not rows:
            rows = generator.permutation(len(square)).tolist()
        for place in square[rows.pop()]:
            trials.append(PlannedTrial(f"t{len(trials):03d}", scene.id, codes[place]))
    sealed = json.dumps({"codes": mapping, "salt": generator.bytes(16).hex()}, sort_keys=True)
    return Schedule(tuple(trials), hashlib.sha256(sealed.encode()).hexdigest()), sealed


def williams_square(count: int) -> tuple[tuple[int, ...], ...]:
    """Orders of ``count`` things in which each comes in every place equally often, and after every other one equally often.

    ``count`` rows for an even number, twice as many for an odd one.
    """
    first = [0]
    low, high = 1, count - 1
    while len(first) < count:
        first.append(low)
        low += 1
        if len(first) < count:
            first.append(high)
            high -= 1
    rows = [tuple((value + shift) % count for value in first) for shift in range(count)]
    if count % 2 and count > 1:
        rows += [tuple(reversed(row)) for row in rows]
    return tuple(rows)


def unseal(sealed: str, seal: str, known: Sequence[str]) -> dict[str, str]:
    """Which code is which policy.

    Raises:
        TrialError: the sealed file is not the one that the schedule was made with.
    """
    if hashlib.sha256(sealed.encode()).hexdigest() != seal:
        raise TrialError("the sealed file has been changed since the schedule was made; its codes cannot be trusted")
    mapping: dict[str, str] = json.loads(sealed)["codes"]
    if sorted(mapping.values()) != sorted(known):
        raise TrialError("the sealed file is of other policies than the plan")
    return mapping


def _seed(plan: TrialPlan) -> int:
    # The codes must not be guessed from the plan's seed alone by somebody who knows the program: the whole plan goes in.
    digest = hashlib.sha256(f"hamster_bench.trials/1|{plan.seed}|{plan.text}".encode()).digest()
    return int.from_bytes(digest[:16], "little")
