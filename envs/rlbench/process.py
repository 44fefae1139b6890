"""Supervises a simulator in a process of its own: time limits, crashes, output, and a clean end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from typing import IO, Any

from hamster_bench.envs.rlbench.messages import ChannelClosedError, MessageError, receive, send
from hamster_bench.errors import (
    HamsterBenchError,
    InvalidOptionError,
    InvalidScenarioError,
    MissingDependencyError,
    OutsideWorkspaceError,
    PlacementError,
    PlanningError,
    SimulatorFaultError,
    UnknownNameError,
)

START_SECONDS = 120.0
END_SECONDS = 15.0
# Of what a simulator prints, the last lines are kept, each up to this length.
_KEPT_LINES = 40
_LONGEST_LINE = 500
_SAID_LINES = 6
# What a killed process has printed is read by then, unless something that it has started holds on to its output.
_READER_SECONDS = 5.0

_ERRORS: Mapping[str, type[HamsterBenchError]] = {
    kind.__name__: kind
    for kind in (InvalidOptionError, InvalidScenarioError, OutsideWorkspaceError, PlacementError, MissingDependencyError)
}


class SimulatorProcess:
    """A simulator behind a socket. It ends when it is closed, dropped, or when this process ends, however that comes about.

    Args:
        command: what to start; the numbers of two file descriptors, the socket's and the lifeline's, are put before ``settings``.
        settings: last argument of the command.
        variables: environment of the process.
        start_seconds: how long it may take to be ready.

    Raises:
        SimulatorFaultError: it did not start.
    """

    def __init__(
        self,
        command: Sequence[str],
        settings: str,
        variables: Mapping[str, str],
        start_seconds: float = START_SECONDS,
    ) -> None:
        ours, theirs = socket.socketpair()
        lifeline, held = os.pipe()
        try:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(lifeline), settings],
                pass_fds=(theirs.fileno(), lifeline),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(variables),
                # A session of its own: keys pressed in the terminal do not reach it, and it can be ended with all it has started.
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            os.close(held)
            raise SimulatorFaultError(f"the simulator cannot be started: {error}") from error
        finally:
            theirs.close()
            os.close(lifeline)
        self._channel = ours
        self._output: deque[str] = deque(maxlen=_KEPT_LINES)
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=_drain, args=(self._process.stdout, self._output), daemon=True)
        self._reader.start()
        self._release = weakref.finalize(self, _end, self._process, ours, held, self._reader)
        self._receive(start_seconds, "to start")

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be called."""
        return self._release.alive and self._process.poll() is None

    def call(self, name: str, limit: float, /, **arguments: Any) -> Any:
        """Calls the simulator.

        Args:
            name: what to call.
            limit: longest time it may take [s]; a simulator that takes longer is killed.
            arguments: JSON values and arrays.

        Raises:
            SimulatorFaultError: the simulator has crashed, hung or broken down; it cannot be called again.
            HamsterBenchError: what it refuses.
        """
        if not self._release.alive:
            raise SimulatorFaultError("the simulator has been ended")
        try:
            send(self._channel, {"call": name, "arguments": arguments})
        except (ChannelClosedError, OSError) as error:
            self._raise_gone(name, error)
        answer = self._receive(limit, f"for {name}")
        if "error" in answer:
            self._raise_refusal(name, answer)
        return answer["result"]

    def close(self) -> None:
        """Ends the simulator: politely first, then with all it has started."""
        if not self._release.alive:
            return
        if self._process.poll() is None:
            with contextlib.suppress(ChannelClosedError, OSError, TimeoutError, MessageError):
                send(self._channel, {"call": "shutdown", "arguments": {}})
                receive(self._channel, END_SECONDS)
                self._process.wait(END_SECONDS)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._release()

    def _receive(self, limit: float, purpose: str) -> Any:
        try:
            answer = receive(self._channel, limit)
        except TimeoutError as error:
            said = self._said()
            self._release()
            raise SimulatorFaultError(f"the simulator took longer than {limit:g} s {purpose} and was killed{said}") from error
        except (ChannelClosedError, MessageError, OSError) as error:
            self._raise_gone(purpose, error)
        if not isinstance(answer, dict):
            self._raise_gone(purpose, MessageError("an answer is an object"))
        return answer

    def _raise_gone(self, purpose: str, error: Exception) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        code = self._process.poll()
        self._reader.join(1.0)
        said = self._said()
        self._release()
        wrong = f"{error}" if isinstance(error, MessageError) else _ending(code)
        raise SimulatorFaultError(f"the simulator has gone ({wrong}; {purpose}){said}") from error

    def _raise_refusal(self, name: str, answer: Mapping[str, Any]) -> None:
        kind, message = str(answer["error"]), str(answer["message"])
        if kind == PlanningError.__name__:
            raise PlanningError(str(answer["reason"]), message)
        if kind == UnknownNameError.__name__:
            raise UnknownNameError(str(answer["kind"]), str(answer["name"]), [str(choice) for choice in answer["choices"]])
        if kind in _ERRORS:
            raise _ERRORS[kind](message)
        # Whatever else was raised inside may have left the simulator half way.
        said = self._said()
        self._release()
        raise SimulatorFaultError(f"the simulator broke down in {name}: {message}{said}")

    def _said(self) -> str:
        lines = [line for line in self._output if line.strip()][-_SAID_LINES:]
        return f"; it said last: {' | '.join(lines)}" if lines else ""


def server_command() -> list[str]:
    """The command that starts this project's simulator process."""
    return [sys.executable, "-m", "hamster_bench.envs.rlbench.server"]


def _drain(stream: IO[bytes], lines: deque[str]) -> None:
    """Reads what a process prints, so that it never waits for a reader, and keeps the last of it."""
    with stream, contextlib.suppress(ValueError, OSError):
        for line in iter(lambda: stream.readline(2**16), b""):
            lines.append(line.decode("utf-8", "replace").rstrip()[:_LONGEST_LINE])


def _end(process: subprocess.Popen[bytes], channel: socket.socket, held: int, reader: threading.Thread) -> None:
    # Children of the simulator, such as a virtual display, get the chance to tidy up: they are told when it is gone.
    channel.close()
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    os.close(held)
    process.wait()
    reader.join(_READER_SECONDS)


def _ending(code: int | None) -> str:
    if code is None:
        return "it closed its end"
    if code < 0:
        return f"signal {-code}, {signal.Signals(-code).name}"
    return f"exit code {code}"
