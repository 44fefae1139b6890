"""Where the planned episodes of one process are played: one environment open at a time."""

from __future__ import annotations

import contextlib
from types import TracebackType

from hamster_bench.errors import InvalidOptionError, UnknownNameError
from hamster_bench.evaluation.environment import (
    PASS_THROUGH,
    Environment,
    MakeEnvironment,
    Requirements,
    requirements,
    with_path,
)
from hamster_bench.evaluation.episode import Contestant, run_episode, unplayed
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.scenario import Scenario

# Mistakes in what was asked for, which every further episode would repeat.
MISCONFIGURED: tuple[type[Exception], ...] = (UnknownNameError, InvalidOptionError, *PASS_THROUGH)


class Stage:
    """Plays episodes one after the other, and closes an environment before another is made. A context manager.

    Args:
        make_environment: makes the base environments.
        protocol: the rules.
    """

    def __init__(self, make_environment: MakeEnvironment, protocol: Protocol) -> None:
        self._make = make_environment
        self._protocol = protocol
        self._open: tuple[Requirements, Environment] | None = None

    def play(self, player: Contestant, scenario: Scenario) -> EpisodeRecord:
        """Brings an episode to its record.

        Raises:
            HamsterBenchError: the environment cannot be made as asked for, or a package is missing.
            MemoryError: there is not enough memory.
        """
        try:
            env = self._environment(requirements(player.agent, scenario.task, self._protocol))
        except MISCONFIGURED:
            raise
        except (Exception, SystemExit) as error:
            return unplayed(player, scenario, self._protocol, error)
        record = run_episode(env, player, scenario, self._protocol)
        if record.outcome == "error":
            # Whatever broke may have left something behind; the next episode starts from a new environment.
            self.close()
        return record

    def close(self) -> None:
        """Closes the open environment, if any."""
        if self._open is not None:
            _, env = self._open
            self._open = None
            # An environment that broke may break again here; its episode is recorded already.
            with contextlib.suppress(Exception, SystemExit):
                env.close()

    def _environment(self, required: Requirements) -> Environment:
        if self._open is None or self._open[0] != required:
            self.close()
            self._open = required, with_path(self._make(required, self._protocol), required, self._protocol)
        return self._open[1]

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
