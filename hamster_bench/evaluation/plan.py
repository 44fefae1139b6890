"""The planned episodes of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from hamster_bench.envs.factors import FACTORS
from hamster_bench.envs.factors.episode import check_defined
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import InvalidOptionError, UnknownNameError
from hamster_bench.evaluation.protocol import VARIATIONS
from hamster_bench.scenario import CONTROL_FACTOR, VARIATION_FACTORS, Scenario

# A plan is held in memory; at a second an episode, this many take eleven days.
LARGEST_PLAN = 1_000_000


class PlannedEpisode(NamedTuple):
    """One episode that a run has to bring to a record."""

    agent: str
    scenario: Scenario


def make_plan(
    *,
    agents: Sequence[str],
    tasks: Sequence[str],
    episodes: int,
    seed: int = 0,
    factors: Sequence[str] = (CONTROL_FACTOR,),
    variations: str = "zero",
    variation_count: Callable[[str], int] | None = None,
    skip_undefined: bool = False,
) -> tuple[PlannedEpisode, ...]:
    """Every episode of a run, in the order in which it is done: task by task, so that environments are opened seldom.

    Episode numbers start at 0, so a larger ``episodes`` extends an earlier plan. All agents meet the same scenarios.

    Args:
        agents: names of agents.
        tasks: names of tasks.
        episodes: number of episodes for each agent, task and factor.
        seed: base seed of the scenarios.
        factors: names of factors. ``"no_var"`` is the control; ``"rlb_var"`` draws the RLBench variation uniformly.
        variations: the protocol's rule, ``"zero"`` or ``"drawn"``.
        variation_count: number of RLBench variations of a task; the tasks' own by default.
        skip_undefined: leave cells out in which a factor is not defined for a task, instead of refusing them.

    Raises:
        UnknownNameError: a task, factor or way of choosing variations does not exist.
        UndefinedCellError: a factor is not defined for a task.
        InvalidOptionError: a number is out of range, a list is empty or names something twice, or the plan is larger than
            `LARGEST_PLAN`.
        InvalidScenarioError: the seed is none a scenario can have.
    """
    if isinstance(episodes, bool) or not isinstance(episodes, int) or episodes < 1:
        raise InvalidOptionError(f"episodes must be a whole number from 1, got {episodes!r}")
    for kind, names in (("agent", agents), ("task", tasks), ("factor", factors)):
        _check_names(kind, names)
    if variations not in VARIATIONS:
        raise UnknownNameError("choice of variations", variations, VARIATIONS)
    cells = {task: tuple(factor for factor in factors if _is_cell(task, factor, skip_undefined)) for task in tasks}
    size = episodes * len(agents) * sum(map(len, cells.values()))
    if size > LARGEST_PLAN:
        raise InvalidOptionError(f"a plan has at most {LARGEST_PLAN} episodes, this one has {size}; plan fewer, or several runs")
    count = variation_count or _variation_count
    counts = {task: count(task) for task in tasks}
    return tuple(
        PlannedEpisode(agent, _scenario(task, factor, episode, seed, variations, counts[task]))
        for task in tasks
        for agent in agents
        for factor in cells[task]
        for episode in range(episodes)
    )


def _scenario(task: str, factor: str, episode: int, seed: int, variations: str, variation_count: int) -> Scenario:
    scenario = Scenario(task=task, factor=factor, episode=episode, seed=seed)
    if factor not in VARIATION_FACTORS and variations == "zero":
        return scenario
    return replace(scenario, variation=int(scenario.rng("variation").integers(variation_count)))


def _is_cell(task: str, factor: str, skip_undefined: bool) -> bool:
    found = FACTORS.get(factor)
    if task not in TASKS:
        # A task of some other engine; what is defined for it shows when it is reset.
        return True
    if not skip_undefined:
        check_defined(TASKS.get(task), factor)
    return found.is_defined(TASKS.get(task))


def _variation_count(task: str) -> int:
    return TASKS.get(task).variation_count


def _check_names(kind: str, names: Iterable[str]) -> None:
    listed = list(names)
    if not listed or not all(listed):
        raise InvalidOptionError(f"name at least one {kind}, separated by commas, got {','.join(listed)!r}")
    twice = sorted({name for name in listed if listed.count(name) > 1})
    if twice:
        raise InvalidOptionError(f"{kind} {', '.join(twice)} is named more than once")
