"""Matched comparisons from the result store: agents or path planners on the same scenarios, and factors against their controls."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from hamster_bench.errors import InvalidOptionError, StoreError, UnknownNameError
from hamster_bench.evaluation.outcomes import EpisodeOutcome, read_outcomes
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import RENDERER
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.effects import AverageEffect, Effect, average_effects, effects_by_task, effects_over_tasks
from hamster_bench.leaderboards.pairs import Key, Outcomes, Pairs, match
from hamster_bench.scenario import CONTROL_FACTOR, VARIATION_FACTORS

# What the two arms of a comparison differ in.
Kind = Literal["agents", "planners", "factors"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """The outcomes of a results directory.

    Attributes:
        name: what the directory is called.
        protocols: protocols with records, by fingerprint.
        outcomes: by protocol fingerprint.
        versions: different sets of program versions, as JSON, by protocol fingerprint.
    """

    name: str
    protocols: Mapping[str, Protocol]
    outcomes: Mapping[str, Sequence[EpisodeOutcome]]
    versions: Mapping[str, Sequence[str]]

    @classmethod
    def read(cls, store: ResultStore) -> Source:
        """What a store holds now.

        Raises:
            StoreError: it has no records.
        """
        protocols = store.protocols()
        if not protocols:
            raise StoreError(f"there are no records in {store.directory} yet")
        return cls(
            name=str(store.directory),
            protocols=protocols,
            outcomes={fingerprint: read_outcomes(store, fingerprint) for fingerprint in protocols},
            versions={
                fingerprint: [json.dumps(found, sort_keys=True) for found in store.version_sets(protocol=fingerprint)]
                for fingerprint in protocols
            },
        )


class Contestant(NamedTuple):
    """An agent and where its records are."""

    source: Source
    agent: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Effects under one protocol.

    Attributes:
        kind: ``"agents"``: agents on the same scenarios; ``"planners"``: an agent with paths of several planners on the same scenarios;
            ``"factors"``: an agent with a factor on and off.
        subject: who is compared, for the title.
        protocol: the rules of every record behind it; where planners are compared, with the first one's paths.
        means: one effect for each pair of arms, over all tasks; a family for Holm's adjustment.
        averages: the averages over factors, one for each pair of agents or planners that has pairs under several; none for factors.
        by_task: one for each task of ``means``; a family of its own.
        means_without_errors: ``means`` with the pairs left out in which something broke.
        by_task_without_errors: the same for ``by_task``.
        notes: what a reader has to know besides, as sentences.
    """

    kind: Kind
    subject: str
    protocol: Protocol
    means: tuple[Effect, ...]
    averages: tuple[AverageEffect, ...]
    by_task: tuple[Effect, ...]
    means_without_errors: tuple[Effect, ...]
    by_task_without_errors: tuple[Effect, ...]
    notes: tuple[str, ...] = ()


def compare_agents(
    contestants: Sequence[Contestant], factors: Collection[str] | None = None, *, planned: int | None = None
) -> tuple[Comparison, ...]:
    """The first agent against each of the others on the scenarios that both met, one comparison for each protocol all have in common.

    Args:
        contestants: two or more.
        factors: names of the factors; all that both agents of a pair have records of by default.
        planned: pairs planned at most, for STEP; None leaves STEP out.

    Raises:
        UnknownNameError: an agent or factor has no records.
        InvalidOptionError: fewer than two agents, or one of a directory named twice.
        StoreError: the agents have no protocol, or no scenario, in common.
    """
    if len(contestants) < 2 or len({(id(source), agent) for source, agent in contestants}) < len(contestants):
        raise InvalidOptionError("name at least two different agents, or the same one in two directories")
    for contestant in contestants:
        _check_agent(contestant)
    common = _common_protocols(contestants)
    labels = _labels(contestants)
    if factors is not None:
        known = {o.factor for source, _ in contestants for fingerprint in common for o in source.outcomes[fingerprint]}
        _check_factors(factors, known)
    made = []
    for fingerprint in common:
        pairs = _against_the_first(labels, [_by_factor(contestant, fingerprint) for contestant in contestants], factors)
        if any(p.keys for p in pairs):
            subject = f"{labels[0]} against {' and '.join(labels[1:])}"
            sources = list({id(source): source for source, _ in contestants}.values())
            notes = _left_out_protocols(contestants, common) + _program_notes(sources, fingerprint)
            protocol = contestants[0].source.protocols[fingerprint]
            made.append(_comparison("agents", subject, protocol, pairs, notes, planned))
    if not made:
        raise StoreError(f"no scenario was met by both {labels[0]} and {' or '.join(labels[1:])}; run them on the same episodes")
    return tuple(made)


def compare_planners(
    contestant: Contestant, planners: Sequence[str], factors: Collection[str] | None = None, *, planned: int | None = None
) -> tuple[Comparison, ...]:
    """An agent with the first planner's paths against itself with each of the others', on the scenarios it met with both.

    The arms are records under protocols that differ in nothing but the planner; one comparison for each protocol of the first planner.

    Args:
        contestant: the agent.
        planners: two or more, as protocols name them.
        factors: names of the factors; all that both arms have records of by default.
        planned: pairs planned at most, for STEP; None leaves STEP out.

    Raises:
        UnknownNameError: the agent, a planner or a factor has no records.
        InvalidOptionError: fewer than two planners, or one named twice.
        StoreError: no scenario was met with two of the planners under otherwise equal rules.
    """
    if len(planners) < 2 or len(set(planners)) < len(planners):
        raise InvalidOptionError("name at least two different path planners")
    _check_agent(contestant)
    source, agent = contestant
    played = _protocols_of(contestant)
    for planner in planners:
        known = dict.fromkeys(protocol.path_planner for protocol in played.values())
        if planner not in known:
            raise UnknownNameError(f"path planner in records of {agent}", planner, known)
    if factors is not None:
        _check_factors(factors, {o.factor for fingerprint in played for o in source.outcomes[fingerprint]})
    made = []
    for protocol in played.values():
        if protocol.path_planner != planners[0]:
            continue
        by_planner = {
            other.path_planner: found for found, other in played.items() if other.differences(protocol).keys() <= {"path_planner"}
        }
        arms = [_by_factor(contestant, by_planner[planner]) if planner in by_planner else {} for planner in planners]
        pairs = _against_the_first(planners, arms, factors)
        if any(p.keys for p in pairs):
            subject = f"{agent} with paths of {planners[0]} against {' and '.join(planners[1:])}"
            held = [found for found in by_planner.values() if played[found].path_planner in planners]
            notes = _program_notes([source], *held)
            made.append(_comparison("planners", subject, protocol, pairs, notes, planned))
    if not made:
        raise StoreError(
            f"{agent} met no scenario with paths of {planners[0]} and of another planner under otherwise equal rules; run it with "
            "--path-planner and each of them on the same episodes"
        )
    return tuple(made)


def _against_the_first(
    labels: Sequence[str], arms: Sequence[Mapping[str, Outcomes]], factors: Collection[str] | None
) -> list[Pairs]:
    """The first arm with each of the others, factor by factor."""
    first, *others = arms
    return [
        match(first.get(factor, {}), other.get(factor, {}), (labels[0], label), factor, lambda key: key)
        for label, other in zip(labels[1:], others, strict=True)
        for factor in _in_order({*first, *other})
        if factor in (factors or first.keys() & other.keys())
    ]


def factor_effects(
    contestant: Contestant, factors: Collection[str] | None = None, *, planned: int | None = None
) -> tuple[Comparison, ...]:
    """An agent with factors on against the matched controls, one comparison for each protocol with records of it.

    The control of a scenario is `Scenario.control`: for ``rlb_var`` and ``rlb_and_col`` that is RLBench variation 0. Where a protocol
    draws the variation of every episode, the controls have the drawn variation as well, and these two factors have no control: of the
    episodes that happened to draw 0 alone nothing could be said.

    Args:
        contestant: the agent.
        factors: names of the factors; all that the agent has records of by default.
        planned: pairs planned at most, for STEP; None leaves STEP out.

    Raises:
        UnknownNameError: the agent or a factor has no records.
        InvalidOptionError: a factor has no control, because it is the control or because of the protocol.
        StoreError: no scenario of the agent has a control on record.
    """
    _check_agent(contestant)
    source, agent = contestant
    if factors is not None and CONTROL_FACTOR in factors:
        raise InvalidOptionError(f"{CONTROL_FACTOR} is the control that the other factors are compared with; leave it out")
    found = {fingerprint: _by_factor(contestant, fingerprint) for fingerprint in source.protocols}
    found = {fingerprint: arms for fingerprint, arms in found.items() if arms}
    if factors is not None:
        _check_factors(factors, {factor for arms in found.values() for factor in arms} - {CONTROL_FACTOR})
    made = []
    for fingerprint, arms in found.items():
        protocol = source.protocols[fingerprint]
        wanted = [factor for factor in _in_order(arms) if factor != CONTROL_FACTOR and (factors is None or factor in factors)]
        uncontrolled = [factor for factor in wanted if protocol.variations == "drawn" and factor in VARIATION_FACTORS]
        if uncontrolled and factors is not None:
            raise InvalidOptionError(f"{', '.join(uncontrolled)} cannot be compared: {_NO_CONTROL}")
        notes = [f"{', '.join(uncontrolled)}: left out, {_NO_CONTROL}."] if uncontrolled else []
        pairs = [
            match(arms[factor], arms.get(CONTROL_FACTOR, {}), (factor, CONTROL_FACTOR), factor, _control_of(factor))
            for factor in wanted
            if factor not in uncontrolled
        ]
        if any(p.keys for p in pairs):
            notes += _program_notes([source], fingerprint)
            made.append(_comparison("factors", agent, protocol, pairs, notes, planned))
    if not made:
        raise StoreError(
            f"no episode of {agent} in {source.name} has its control on record; run it with --factors {CONTROL_FACTOR} and the factors "
            "asked for, on the same episodes and under one protocol"
        )
    return tuple(made)


_NO_CONTROL = "this protocol draws the RLBench variation of the controls, too"


def _control_of(factor: str) -> Callable[[Key], Key]:
    """`Scenario.control` on keys."""
    if factor in VARIATION_FACTORS:
        return lambda key: (key[0], 0, key[2], key[3])
    return lambda key: key


def _by_factor(contestant: Contestant, fingerprint: str) -> dict[str, dict[Key, str]]:
    found: dict[str, dict[Key, str]] = {}
    for agent, task, variation, factor, episode, seed, outcome in contestant.source.outcomes.get(fingerprint, ()):
        if agent == contestant.agent:
            found.setdefault(factor, {})[task, variation, episode, seed] = outcome
    return found


def _comparison(
    kind: Kind,
    subject: str,
    protocol: Protocol,
    pairs: Sequence[Pairs],
    notes: Iterable[str],
    planned: int | None,
) -> Comparison:
    means, by_task = effects_over_tasks(pairs, "not_successful", planned), effects_by_task(pairs, "not_successful", planned)
    if any(effect.pairs_with_errors for effect in means):
        whole = [p.where(~p.broken) for p in pairs]
        means_without, by_task_without = (
            effects_over_tasks(whole, "left_out", planned),
            effects_by_task(whole, "left_out", planned),
        )
    else:
        means_without, by_task_without = (
            tuple(replace(effect, errors="left_out") for effect in effects) for effects in (means, by_task)
        )
    return Comparison(
        kind=kind,
        subject=subject,
        protocol=protocol,
        means=means,
        averages=() if kind == "factors" else average_effects(pairs),
        by_task=by_task,
        means_without_errors=means_without,
        by_task_without_errors=by_task_without,
        notes=tuple(notes),
    )


def _check_agent(contestant: Contestant) -> None:
    known = dict.fromkeys(o.agent for outcomes in contestant.source.outcomes.values() for o in outcomes)
    if contestant.agent not in known:
        raise UnknownNameError(f"agent in {contestant.source.name}", contestant.agent, known)


def _check_factors(factors: Iterable[str], known: Collection[str]) -> None:
    for factor in factors:
        if factor not in known:
            raise UnknownNameError("factor with records", factor, _in_order(known))


def _common_protocols(contestants: Sequence[Contestant]) -> list[str]:
    """Protocols under which every contestant has records.

    Raises:
        StoreError: there is none.
    """
    played = [_protocols_of(contestant) for contestant in contestants]
    common = [fingerprint for fingerprint in played[0] if all(fingerprint in other for other in played[1:])]
    if common:
        return common
    named = "; ".join(
        f"{contestant.agent} in {contestant.source.name} under "
        + " and ".join(f"{protocol.label} (fingerprint {fingerprint})" for fingerprint, protocol in protocols.items())
        for contestant, protocols in zip(contestants, played, strict=True)
    )
    first, second = next(iter(played[0].values())), next(iter(played[-1].values()))
    differ = ", ".join(f"{k}: {getattr(first, k)} and {v}" for k, v in second.differences(first).items())
    raise StoreError(
        f"the agents were run under different protocols and cannot be compared: {named}. They differ in {differ or 'older defaults'}; run "
        "them under one"
    )


def _protocols_of(contestant: Contestant) -> dict[str, Protocol]:
    source = contestant.source
    return {
        fingerprint: protocol
        for fingerprint, protocol in source.protocols.items()
        if any(o.agent == contestant.agent for o in source.outcomes[fingerprint])
    }


def _left_out_protocols(contestants: Sequence[Contestant], common: Collection[str]) -> list[str]:
    others = {
        fingerprint: f"{protocol.label} (fingerprint {fingerprint})"
        for contestant in contestants
        for fingerprint, protocol in _protocols_of(contestant).items()
        if fingerprint not in common
    }
    return [f"Records under protocols that not all agents were run under are left out: {', '.join(others.values())}."] * bool(
        others
    )


def _program_notes(sources: Sequence[Source], *fingerprints: str) -> list[str]:
    sets = [json.loads(text) for source in sources for fingerprint in fingerprints for text in source.versions[fingerprint]]
    programs = {tuple(sorted(item for item in versions.items() if item[0] != RENDERER)) for versions in sets}
    renderers = sorted({versions[RENDERER] for versions in sets if RENDERER in versions})
    notes = []
    if len(programs) > 1:
        notes.append(f"Records were made by {len(programs)} different sets of program versions.")
    if len(renderers) > 1:
        notes.append(f"Images were drawn by different renderers ({', '.join(renderers)}), which agents may take differently.")
    return notes


def _labels(contestants: Sequence[Contestant]) -> list[str]:
    names = [agent for _, agent in contestants]
    return [agent if names.count(agent) == 1 else f"{agent} ({source.name})" for source, agent in contestants]


def _in_order(factors: Iterable[str]) -> list[str]:
    """The control first and the others in alphabetical order, which is that of upstream's tables."""
    return sorted(factors, key=lambda name: (name != CONTROL_FACTOR, name))
