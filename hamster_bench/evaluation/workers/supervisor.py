"""Brings every episode of a plan to one record with workers that may break, hang or vanish."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hamster_bench.agent import BatchedAgent
from hamster_bench.errors import AgentError
from hamster_bench.evaluation.environment import MakeEnvironment, requirements
from hamster_bench.evaluation.episode import Contestant, unplayed
from hamster_bench.evaluation.plan import PlannedEpisode
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import EpisodeRecord, ErrorKind, versions
from hamster_bench.evaluation.workers.messages import (
    Abandoned,
    AgentFacts,
    Ask,
    BatchBroke,
    Decide,
    Decided,
    Decision,
    Exhausted,
    Left,
    MakeAgent,
    Play,
    Played,
    Ready,
    Refused,
    Request,
    Setup,
    Stop,
)
from hamster_bench.evaluation.workers.peers import Crew, PeerLostError, WorkerError
from hamster_bench.evaluation.workers.pending import Attempt, Pending
from hamster_bench.evaluation.workers.processes import LocalProcesses
from hamster_bench.evaluation.workers.settings import WorkerSettings, physical_cores
from hamster_bench.evaluation.workers.worker import Batch, Worker

# Starting an interpreter and importing the engine takes a second or two; on a loaded machine or over a network drive much longer.
_START_LIMIT = 120.0
# Workers that break before they are ready, one after the other, while none works: something is wrong with the installation.
_MOST_FAILED_STARTS = 3
# Episodes set aside before any was played to its end, beyond which the machine is to blame.
_MOST_HELD_BACK = 8
# [s] after which a worker that was told to leave is killed; closing a simulator takes less.
_LEAVING = 10.0


def facts_of(player: Contestant) -> AgentFacts:
    """What workers have to know of an agent."""
    agent = player.agent
    # A privileged agent reads the simulator's own objects, which stay in the process of the environment.
    batch = int(agent.max_batch_size) if isinstance(agent, BatchedAgent) and not agent.needs.privileged else 0
    if isinstance(agent, BatchedAgent) and agent.max_batch_size < 1:
        raise AgentError(f"agent {player.name!r} states max_batch_size {agent.max_batch_size!r}; it is a whole number from 1")
    return AgentFacts(player.fingerprint, player.checkpoint, player.agent.action_mode, player.agent.needs, batch)


def play_in_workers(
    missing: Iterable[PlannedEpisode],
    players: Mapping[str, Contestant],
    protocol: Protocol,
    settings: WorkerSettings,
    make_agent: MakeAgent,
    make_environment: MakeEnvironment,
) -> Generator[EpisodeRecord, None, None]:
    """Records of the episodes, each as soon as it has ended, in no particular order.

    Args:
        missing: the episodes.
        players: every agent by name.
        protocol: the rules.
        settings: of the supervision.
        make_agent: makes agents in the workers; a function that can be imported.
        make_environment: the same for base environments.

    Raises:
        WorkerError: workers cannot be started, have other code, or all break at whatever they play.
        HamsterBenchError: a worker says that what was asked for cannot be done.
    """
    facts = {name: facts_of(player) for name, player in players.items()}
    setup = Setup("environment", protocol, facts, make_agent, make_environment)
    attempts = [Attempt(p, requirements(players[p.agent].agent, p.scenario.task, protocol)) for p in missing]
    _check_importable(setup)
    crew = make_crew(settings)
    supervisor = _Supervisor(attempts, players, settings, crew, setup)
    try:
        yield from supervisor.records()
        supervisor.dismiss()
    finally:
        supervisor.kill()
        crew.close()


def _check_importable(setup: Setup) -> None:
    """Workers know functions by module and name."""
    for function in (setup.make_agent, setup.make_environment):
        name = getattr(function, "__qualname__", repr(function))
        if getattr(function, "__module__", "__main__") == "__main__" or "<" in name:
            raise WorkerError(
                f"workers cannot import {name}; give a function of a module, not of the program itself or of a function"
            )


def make_crew(settings: WorkerSettings) -> Crew:
    """Where the workers come from."""
    if settings.cluster is None:
        return LocalProcesses(settings.count or physical_cores())
    from hamster_bench.evaluation.workers.ray_cluster import RayCluster

    return RayCluster(settings.cluster, settings.count)


class _Supervisor:
    def __init__(
        self,
        attempts: list[Attempt],
        players: Mapping[str, Contestant],
        settings: WorkerSettings,
        crew: Crew,
        setup: Setup,
    ) -> None:
        self._pending = Pending(attempts)
        self._unsettled = len(attempts)
        self._players = players
        self._settings = settings
        self._crew = crew
        self._count = crew.count
        self._setup = setup
        self._versions = versions()
        self._workers: list[Worker] = []
        self._leaving: list[Worker] = []
        self._inference: Worker | None = None
        self._batch = Batch()
        self._asking: list[Worker] = []
        self._ended: list[int] = []
        self._failed_starts: Counter[bool] = Counter()
        self._next_start = 0.0
        self._any_played = False
        self._held_back: list[EpisodeRecord] = []

    def records(self) -> Iterator[EpisodeRecord]:
        while self._unsettled:
            self._hire()
            self._assign()
            self._consult()
            for worker in self._heard_of():
                yield from self._listen(worker)
            yield from self._end_overdue()
        yield from self._held_back

    def dismiss(self) -> None:
        """Lets everyone close what they have open and leave."""
        for worker in (*self._workers, *([self._inference] if self._inference else ())):
            if worker.ready and worker.attempt is None and not (worker is self._inference and self._batch.members):
                self._let_go(worker)
        end = time.monotonic() + _LEAVING
        while self._leaving and time.monotonic() < end:
            for worker in self._wait(self._leaving, end - time.monotonic()):
                self._leaving.remove(worker)
                worker.peer.kill()

    def kill(self) -> None:
        for worker in (*self._workers, *self._leaving, *([self._inference] if self._inference else ())):
            worker.peer.kill()

    # Workers

    def _hire(self) -> None:
        idle = sum(worker.attempt is None for worker in self._workers)
        while len(self._workers) < self._count and idle < len(self._pending) and time.monotonic() >= self._next_start:
            self._workers.append(self._started("environment"))
            idle += 1
        wanted = any(self._setup.agents[worker.attempt.planned.agent].batch for worker in self._workers if worker.attempt)
        if wanted and self._inference is None and time.monotonic() >= self._next_start:
            self._inference = self._started("inference")

    def _started(self, role: Any) -> Worker:
        worker = Worker(self._crew.start(inference=role == "inference"), _START_LIMIT)
        worker.peer.send(
            Setup(role, self._setup.protocol, self._setup.agents, self._setup.make_agent, self._setup.make_environment)
        )
        worker.start_clock()
        return worker

    def _assign(self) -> None:
        for worker in self._workers:
            if not worker.ready or worker.attempt is not None:
                continue
            others = Counter(w.opened for w in self._workers if w is not worker and w.opened is not None)
            attempt = self._pending.take(worker.opened, others)
            if attempt is None:
                return
            worker.attempt, worker.opened, worker.doomed = attempt, attempt.required, False
            worker.peer.send(Play(attempt.planned))
            worker.start_clock(self._settings.time_limit)

    def _let_go(self, worker: Worker) -> None:
        worker.peer.send(Stop())
        worker.start_clock(_LEAVING)
        self._leaving.append(worker)
        if worker is self._inference:
            self._inference = None
        else:
            self._workers.remove(worker)

    # Waiting and listening

    def _everyone(self) -> list[Worker]:
        return [*self._workers, *self._leaving, *([self._inference] if self._inference else ())]

    def _heard_of(self) -> list[Worker]:
        moments = [worker.deadline for worker in self._everyone() if worker.deadline is not None]
        if self._next_start > time.monotonic():
            moments.append(self._next_start)
        timeout = max(0.0, min(moments) - time.monotonic()) if moments else None
        return self._wait(self._everyone(), timeout)

    def _wait(self, workers: list[Worker], timeout: float | None) -> list[Worker]:
        by_peer = {id(worker.peer): worker for worker in workers}
        return [by_peer[id(peer)] for peer in self._crew.wait([w.peer for w in by_peer.values()], timeout)]

    def _listen(self, worker: Worker) -> Iterator[EpisodeRecord]:
        try:
            message = worker.peer.receive()
        except PeerLostError as loss:
            yield from self._lost(worker, "lost_worker", str(loss))
            return
        worker.stop_clock()
        match message:
            case Ready(found):
                self._check_versions(found)
                worker.ready = True
                self._failed_starts[worker is self._inference] = 0
            case Refused(error):
                raise error
            case Left():
                worker.peer.kill()
                self._leaving.remove(worker)
            case Exhausted(text):
                yield from self._lost(worker, "lost_worker", f"out of memory{f': {text}' if text else ''}")
            case Played(record):
                yield from self._played(worker, record)
            case Abandoned():
                self._abandoned(worker)
            case Ask():
                worker.asked = message
                self._asking.append(worker)
                if worker.doomed:
                    self._answer(worker, None)
            case Decided(actions):
                batch, self._batch = self._batch, Batch()
                for member, action in zip(batch.waiting(), actions, strict=True):
                    if member is not None:
                        self._answer(member[0], action)
            case BatchBroke():
                batch, self._batch = self._batch, Batch()
                for member in batch.waiting():
                    if member is not None:
                        self._isolate(*member)

    def _played(self, worker: Worker, record: EpisodeRecord) -> Iterator[EpisodeRecord]:
        attempt, worker.attempt = worker.attempt, None
        assert attempt is not None
        self._ended.append(attempt.number)
        worker.played += 1
        if worker.played >= self._settings.recycle_after:
            self._let_go(worker)
        self._any_played = True
        held_back, self._held_back = self._held_back, []
        yield from held_back
        yield from self._settle(attempt, replace(record, attempts=attempt.begun))

    def _abandoned(self, worker: Worker) -> None:
        attempt, worker.attempt = worker.attempt, None
        assert attempt is not None
        self._ended.append(attempt.number)
        if not attempt.settled:
            self._pending.put_back(attempt)

    def _check_versions(self, found: Mapping[str, str]) -> None:
        differing = sorted(name for name in {*found, *self._versions} if found.get(name) != self._versions.get(name))
        if differing:
            listed = ", ".join(
                f"{name} {found.get(name, 'none')} instead of {self._versions.get(name, 'none')}" for name in differing
            )
            raise WorkerError(
                f"a worker has other versions than the process that started it: {listed}; install the same everywhere"
            )

    # Served agents

    def _consult(self) -> None:
        server = self._inference
        if server is None or not server.ready or self._batch.members or not self._asking:
            return
        first = self._asking[0]
        assert first.attempt is not None
        agent, alone = first.attempt.planned.agent, first.attempt.alone
        fellows = [w for w in self._asking if w.attempt is not None and w.attempt.planned.agent == agent and not w.attempt.alone]
        chosen = [first] if alone else fellows[: self._setup.agents[agent].batch]
        self._batch = Batch(tuple((w, w.attempt.number) for w in chosen if w.attempt is not None))
        requests = []
        for worker in chosen:
            assert worker.attempt is not None
            assert worker.asked is not None
            self._asking.remove(worker)
            requests.append(Request(worker.attempt.number, worker.attempt.planned.scenario, *worker.asked))
        ended, self._ended = self._ended, []
        server.peer.send(Decide(agent, tuple(requests), tuple(ended)))
        server.start_clock(self._settings.time_limit)

    def _answer(self, worker: Worker, action: Any) -> None:
        if worker in self._asking:
            self._asking.remove(worker)
        worker.asked = None
        worker.peer.send(Decision(action))
        worker.start_clock()

    def _isolate(self, worker: Worker, attempt: Attempt) -> None:
        """Has an episode played again from its start, in batches of its own."""
        attempt.alone = True
        self._answer(worker, None)

    # What goes wrong

    def _end_overdue(self) -> Iterator[EpisodeRecord]:
        now = time.monotonic()
        overdue = [worker for worker in self._everyone() if worker.deadline is not None and worker.deadline <= now]
        # What has ended counts, however late it is noticed: this process, too, may have stood still.
        late = self._wait(overdue, 0.0) if overdue else []
        for worker in overdue:
            if worker not in late:
                limit = self._settings.time_limit if worker.ready else _START_LIMIT
                yield from self._lost(worker, "time_out", f"no answer within {limit:g} s")

    def _lost(self, worker: Worker, kind: str, reason: str) -> Iterator[EpisodeRecord]:
        worker.peer.kill()
        if worker in self._leaving:
            self._leaving.remove(worker)
            return
        if worker is self._inference:
            self._inference = None
            if worker.ready:
                yield from self._lost_inference(kind, reason)
            else:
                self._failed_start(True, reason)
        else:
            self._workers.remove(worker)
            if worker in self._asking:
                self._asking.remove(worker)
            attempt, worker.attempt = worker.attempt, None
            if attempt is not None:
                self._ended.append(attempt.number)
                yield from self._blame(attempt, kind, reason)
                if not attempt.settled:
                    self._pending.put_back(attempt)
            if not worker.ready:
                self._failed_start(False, reason)

    def _lost_inference(self, kind: str, reason: str) -> Iterator[EpisodeRecord]:
        """Everything it remembered is gone: whoever it decided for starts again, and its last batch is suspected."""
        batch, self._batch, self._ended = self._batch, Batch(), []
        suspects = [member for member in batch.waiting() if member is not None]
        for worker, attempt in suspects:
            if len(batch.members) == 1:
                yield from self._blame(attempt, kind, f"inference: {reason}")
            self._isolate(worker, attempt)
        for worker in self._workers:
            if worker.attempt is not None and self._setup.agents[worker.attempt.planned.agent].batch:
                worker.doomed = True
                if worker in self._asking:
                    self._answer(worker, None)

    def _blame(self, attempt: Attempt, kind: str, reason: str) -> Iterator[EpisodeRecord]:
        """Notes that an episode lost its worker, and sets it aside if that has happened too often."""
        if attempt.settled:
            return
        attempt.failures.append((kind, reason))
        if len(attempt.failures) < self._settings.tries:
            return
        record = _set_aside(attempt, self._players[attempt.planned.agent], self._setup.protocol)
        if self._any_played:
            yield from self._settle(attempt, record)
            return
        # Records are for good. While no worker has brought anything to an end it may be the machine that is broken, not the episodes.
        self._held_back.append(record)
        attempt.settled = True
        self._unsettled -= 1
        if len(self._held_back) > max(_MOST_HELD_BACK, 2 * self._count):
            raise WorkerError(
                f"workers break whatever they play, the last one: {record.message}; nothing of this is recorded. "
                "'hamster-bench doctor' says what works on this machine; --workers 1 shows the fault itself"
            )

    def _settle(self, attempt: Attempt, record: EpisodeRecord) -> Iterator[EpisodeRecord]:
        attempt.settled = True
        self._unsettled -= 1
        yield record

    def _failed_start(self, inference: bool, reason: str) -> None:
        self._failed_starts[inference] += 1
        goes_on = not inference and any(worker.ready for worker in self._workers)
        if self._failed_starts[inference] >= _MOST_FAILED_STARTS and not goes_on:
            raise WorkerError(f"workers cannot be started: {reason}; --workers 1 plays in this process and may show why")
        self._next_start = time.monotonic() + min(30.0, 0.5 * 2 ** self._failed_starts[inference])


def _set_aside(attempt: Attempt, player: Contestant, protocol: Protocol) -> EpisodeRecord:
    """The record of an episode that lost its worker every time."""
    reasons = dict.fromkeys(reason for _, reason in attempt.failures)
    return unplayed(
        player,
        attempt.planned.scenario,
        protocol,
        f"set aside after {len(attempt.failures)} tries: {'; '.join(reasons)}",
        kind=_kind(attempt),
        attempts=attempt.begun,
    )


def _kind(attempt: Attempt) -> ErrorKind:
    kinds = {kind for kind, _ in attempt.failures}
    if len(kinds) == 1 and "time_out" in kinds:
        return "time_out"
    # What ends in the same way every time does so because of the episode; what ends in various ways, because of the machine.
    same = len(attempt.failures) > 1 and len(set(attempt.failures)) == 1
    return "poisoned" if same else "lost_worker"
