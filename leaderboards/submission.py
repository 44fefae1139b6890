"""A board: bundles that were checked and taken.

A board is a directory with a folder for each bundle that was taken, ``submissions/<digest>/``: the bundle as it came, and what was
checked. A bundle that is refused leaves the board as it was.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hamster_bench import __version__
from hamster_bench.errors import HamsterBenchError, StoreError
from hamster_bench.evaluation.protocol import PROTOCOLS, Protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.bundle import Bundle, DeclaredPlan, SubmissionError, plans_of, read_bundle

SUBMISSIONS = "submissions"
BUNDLE_NAME = "bundle.zip"
ACCEPTANCE = "acceptance.json"
_NAME_LENGTH = 16
_EXAMPLES = 3

# The episodes of a plan, as pairs of agent and scenario id.
PlanEpisodes = Callable[[DeclaredPlan, Protocol], Iterable[tuple[str, str]]]
# Runs an episode again; gives the fields that came out otherwise, with the recorded and the new value.
ReplayEpisode = Callable[[EpisodeRecord, Protocol], Mapping[str, tuple[Any, Any]]]


@dataclass(frozen=True, kw_only=True)
class Checks:
    """What a bundle is held against.

    Attributes:
        plan_episodes: tells the episodes of a declared plan.
        fingerprints: fingerprints of agents that exist here, by name.
        accepted: fingerprints of protocols that are taken besides the presets and those already on the board.
        replay: runs an episode again; only called for agents in ``fingerprints``.
        replays: how many episodes are run again.
        rng: draws which. By default nobody can know beforehand.
        digest: the digest the submitter told by another way, or None.
    """

    plan_episodes: PlanEpisodes
    fingerprints: Mapping[str, str]
    accepted: Sequence[str] = ()
    replay: ReplayEpisode | None = None
    replays: int = 0
    rng: random.Random = field(default_factory=random.SystemRandom)
    digest: str | None = None


@dataclass(frozen=True)
class Acceptance:
    """A bundle that was taken.

    Attributes:
        folder: where it lies on the board.
        bundle: what is in it.
        replayed: the episodes that were run again and came out as recorded, as pairs of agent and scenario id.
        not_replayable: names of its agents that do not exist here.
    """

    folder: Path
    bundle: Bundle
    replayed: tuple[tuple[str, str], ...]
    not_replayable: tuple[str, ...]


def add_to_board(file: Path, board: Path, checks: Checks) -> Acceptance:
    """Takes a bundle, or refuses it and changes nothing.

    Raises:
        SubmissionError: it is refused; the error holds the reasons.
        StoreError: the board cannot be written.
    """
    if (board.exists() and not board.is_dir()) or (
        board.is_dir() and any(board.iterdir()) and not (board / SUBMISSIONS).is_dir()
    ):
        raise StoreError(f"{board} is no board; name a board, or a directory that is empty or does not exist")
    bundle = read_bundle(file)
    with _locked(board):
        reasons = refusals(bundle, board_submissions(board), checks)
        if reasons:
            raise SubmissionError(f"{file} is refused", reasons)
        replayed, differing = _replay(bundle, checks)
        if differing:
            raise SubmissionError(f"{file} is refused", differing)
        absent = tuple(sorted(set(bundle.agents) - set(checks.fingerprints)))
        folder = _store(file, board, bundle, replayed, absent)
    return Acceptance(folder, bundle, replayed, absent)


def board_submissions(board: Path) -> tuple[tuple[Path, Bundle], ...]:
    """Every bundle of a board, in the order of their folders' names.

    Raises:
        SubmissionError: a bundle on the board was changed since it was taken.
    """
    folders = sorted(folder for folder in (board / SUBMISSIONS).glob("*") if not folder.name.startswith("."))
    found = []
    for folder in folders:
        bundle = read_bundle(folder / BUNDLE_NAME)
        if bundle.digest[:_NAME_LENGTH] != folder.name:
            raise SubmissionError(
                f"{folder} cannot be used", ["the bundle in it is another one than was taken; restore the board from a copy"]
            )
        found.append((folder, bundle))
    return tuple(found)


def acceptance_note(folder: Path) -> dict[str, Any]:
    """What was checked when a bundle was taken, as written by `add_to_board`.

    Raises:
        StoreError: the note cannot be read.
    """
    try:
        note = json.loads((folder / ACCEPTANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder / ACCEPTANCE} cannot be read ({error}); restore the board from a copy") from error
    return dict(note)


def refusals(bundle: Bundle, present: Sequence[tuple[Path, Bundle]], checks: Checks) -> list[str]:
    """Why a bundle is not taken, replays aside; empty if nothing speaks against it."""
    if checks.digest is not None and not _same_digest(checks.digest, bundle.digest):
        return [f"its digest is {bundle.digest}, not {checks.digest}: it is not the bundle that was announced"]
    if any(bundle.digest == other.digest for _, other in present):
        return [f"it is on the board already, as {bundle.digest[:_NAME_LENGTH]}"]
    reasons = []
    reasons += _about_protocols(bundle, present, checks.accepted)
    reasons += _about_agents(bundle, checks.fingerprints)
    reasons += _about_repetitions(bundle, present)
    if not reasons:
        recorded = {(record.agent, record.protocol, record.scenario.id) for record in bundle.records}
        reasons += _about_completeness(bundle.plans, bundle.protocols, recorded, checks.plan_episodes)
    return reasons


def _same_digest(said: str, digest: str) -> bool:
    # Somebody reads it out; a part of it that nobody can make up a second bundle for is enough.
    text = said.strip().lower()
    return len(text) >= _NAME_LENGTH and digest.startswith(text)


def _about_protocols(bundle: Bundle, present: Sequence[tuple[Path, Bundle]], accepted: Sequence[str]) -> list[str]:
    reasons = []
    played = Counter(record.protocol for record in bundle.records)
    for fingerprint, count in played.items():
        if fingerprint not in bundle.protocols:
            reasons.append(f"{count} records were made under the protocol {fingerprint}, whose rules are not in the bundle")
    for fingerprint in sorted(set(bundle.protocols) - set(played)):
        reasons.append(f"no record was made under the protocol {fingerprint}, whose rules are in the bundle")
    presets = {PROTOCOLS.get(name).fingerprint for name in PROTOCOLS.names()}
    on_board = {fingerprint for _, other in present for fingerprint in other.protocols}
    for fingerprint, protocol in bundle.protocols.items():
        if fingerprint not in presets | on_board | set(accepted):
            reasons.append(
                f"the protocol {protocol.label} ({fingerprint}) is foreign to this board; --accept-protocol {fingerprint} takes it, in a "
                "table of its own"
            )
    return reasons


def _about_agents(bundle: Bundle, fingerprints: Mapping[str, str]) -> list[str]:
    reasons = []
    seen = Counter((record.agent, record.agent_fingerprint) for record in bundle.records)
    for (agent, fingerprint), count in seen.items():
        if bundle.agents.get(agent) != fingerprint:
            said = bundle.agents.get(agent, "nothing")
            reasons.append(f"{count} records of {agent} have the fingerprint {fingerprint}, the manifest says {said}")
    for agent in sorted(set(bundle.agents) - {agent for agent, _ in seen}):
        reasons.append(f"there is no record of {agent}, which the manifest names")
    for agent, fingerprint in bundle.agents.items():
        if agent in fingerprints and fingerprints[agent] != fingerprint:
            reasons.append(
                f"{agent} has the fingerprint {fingerprint}, but the agent of this name here has {fingerprints[agent]}: it is another "
                "agent, and needs another name"
            )
    return reasons


def _about_repetitions(bundle: Bundle, present: Sequence[tuple[Path, Bundle]]) -> list[str]:
    reasons = []
    counts = Counter((record.agent, record.protocol, record.scenario.id) for record in bundle.records)
    repeated = [f"{agent} on {scenario}" for (agent, _, scenario), times in counts.items() if times > 1]
    if repeated:
        reasons.append(f"{len(repeated)} episodes have more than one record: {_some(repeated)}")
    for folder, other in present:
        shared_agents = {name for name in bundle.agents if other.agents.get(name) == bundle.agents[name]}
        if not shared_agents:
            continue
        theirs = {
            (record.agent, record.protocol, record.scenario.id) for record in other.records if record.agent in shared_agents
        }
        both = [f"{agent} on {scenario}" for agent, protocol, scenario in counts if (agent, protocol, scenario) in theirs]
        if both:
            reasons.append(f"{len(both)} episodes are on the board already, in {folder.name}: {_some(both)}")
    return reasons


def check_complete(store: ResultStore, plan_episodes: PlanEpisodes) -> None:
    """Makes sure that a results directory holds the episodes its runs planned, and no others.

    Raises:
        SubmissionError: it does not.
    """
    recorded = {(record.agent, record.protocol, record.scenario.id) for record in store.records()}
    if reasons := _about_completeness(plans_of(store), store.protocols(), recorded, plan_episodes):
        raise SubmissionError(f"{store.directory} cannot be submitted", reasons)


def _about_completeness(
    plans: Sequence[DeclaredPlan],
    protocols: Mapping[str, Protocol],
    recorded: Set[tuple[str, str, str]],
    plan_episodes: PlanEpisodes,
) -> list[str]:
    planned: set[tuple[str, str, str]] = set()
    for plan in plans:
        if plan.protocol not in protocols:
            return [f"a plan is for the protocol {plan.protocol}, under which there are no records"]
        try:
            episodes = plan_episodes(plan, protocols[plan.protocol])
            planned |= {(agent, plan.protocol, scenario) for agent, scenario in episodes}
        except HamsterBenchError as error:
            return [f"its plan cannot be carried out: {error}"]
    reasons = []
    if missing := sorted(planned - recorded):
        named = _some([f"{agent} on {scenario}" for agent, _, scenario in missing])
        reasons.append(f"{len(missing)} of {len(planned)} planned episodes are missing: {named}")
    if foreign := sorted(recorded - planned):
        named = _some([f"{agent} on {scenario}" for agent, _, scenario in foreign])
        reasons.append(f"{len(foreign)} episodes are in no declared plan: {named}")
    return reasons


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_EXAMPLES]) + (", ..." if len(names) > _EXAMPLES else "")


def _replay(bundle: Bundle, checks: Checks) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    """Runs randomly drawn episodes again; errors are left out, since what broke elsewhere need not break here."""
    if checks.replay is None or checks.replays == 0:
        return (), []
    possible = [record for record in bundle.records if record.agent in checks.fingerprints and record.outcome != "error"]
    drawn = checks.rng.sample(possible, min(checks.replays, len(possible)))
    reasons = []
    for record in drawn:
        differences = checks.replay(record, bundle.protocols[record.protocol])
        if differences:
            changes = "; ".join(f"{name}: recorded {_brief(old)}, now {_brief(new)}" for name, (old, new) in differences.items())
            versions = (
                "" if record.versions.get("hamster_bench") == __version__ else " (it was made by another version of this program)"
            )
            reasons.append(
                f"{record.agent} on {record.scenario.id} comes out otherwise when it is run again{versions}: {changes}"
            )
    return tuple((record.agent, record.scenario.id) for record in drawn), reasons


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _store(file: Path, board: Path, bundle: Bundle, replayed: Sequence[tuple[str, str]], absent: Sequence[str]) -> Path:
    """Puts a checked bundle on the board; the folder appears when it is complete."""
    folder = board / SUBMISSIONS / bundle.digest[:_NAME_LENGTH]
    note = {
        "digest": bundle.digest,
        "signed_off_by": bundle.submitter,
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "checked_by": f"hamster_bench {__version__}",
        "records": len(bundle.records),
        "replayed": [list(pair) for pair in replayed],
        "not_replayable": list(absent),
    }
    unfinished: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".incoming-"))
        shutil.copyfile(file, unfinished / BUNDLE_NAME)
        # What was checked is what is kept, also if somebody wrote to the file in between.
        if read_bundle(unfinished / BUNDLE_NAME).digest != bundle.digest:
            raise SubmissionError(f"{file} is refused", ["it was changed while it was being checked"])
        (unfinished / ACCEPTANCE).write_text(json.dumps(note, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        unfinished.chmod(0o755)
        unfinished.rename(folder)
    except OSError as error:
        raise StoreError(f"{board} cannot be written: {error.strerror or error}") from error
    finally:
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder


@contextlib.contextmanager
def _locked(board: Path) -> Iterator[None]:
    """Lets one bundle be added at a time; the lock is on the directory itself, so that a refusal leaves no file behind."""
    if not board.is_dir():
        yield
        return
    descriptor = os.open(board, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
