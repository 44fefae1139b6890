"""Workers as processes of this machine."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from hamster_bench.evaluation.workers.channel import BlockingChannel, ChannelClosedError, PatientChannel
from hamster_bench.evaluation.workers.peers import PeerLostError, WorkerError
from hamster_bench.evaluation.workers.serve import serve

# Started anew rather than forked: a fork would inherit the threads' locks, OpenGL contexts and CUDA of its parent. The module search
# path is the parent's, which may have been given modules of a user.
_PROGRAM = (
    "import json, sys\n"
    "sys.path[:] = json.loads(sys.argv[3])\n"
    "from hamster_bench.evaluation.workers.processes import main\n"
    "main(int(sys.argv[1]), int(sys.argv[2]))\n"
)
_PR_SET_PDEATHSIG = 1
# A process that was killed is gone at once, unless the kernel is in the middle of something for it.
_REAPING_SECONDS = 10.0


class ProcessPeer:
    """A worker process and its socket."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.channel = PatientChannel(ours)
            command = [sys.executable, "-c", _PROGRAM, str(theirs.fileno()), str(os.getpid()), json.dumps(sys.path)]
            try:
                # A process group of its own: Ctrl-C reaches the supervisor alone, and what a worker starts can be ended with it.
                self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), process_group=0)
            except OSError as error:
                self.channel.close()
                raise WorkerError(f"a worker process cannot be started: {error}; use fewer workers") from error

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def send(self, message: Any) -> None:
        """See `Peer.send`."""
        self.channel.send(message)

    def receive(self) -> Any:
        """See `Peer.receive`."""
        if self.channel.has_message:
            return self.channel.take()
        self.kill()
        raise PeerLostError(_ending(self._process.returncode))

    def kill(self) -> None:
        """See `Peer.kill`."""
        self.channel.close()
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_REAPING_SECONDS)


class LocalProcesses:
    """Starts worker processes on this machine.

    Args:
        count: environment workers.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def start(self, *, inference: bool) -> ProcessPeer:
        """See `Crew.start`."""
        return ProcessPeer()

    def wait(self, peers: Sequence[ProcessPeer], timeout: float | None) -> list[ProcessPeer]:
        """See `Crew.wait`."""
        watched = {peer.channel.fileno(): peer for peer in peers if not peer.channel.closed}
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            answered = [peer for peer in peers if peer.channel.has_message or peer.channel.closed]
            left = None if end is None else end - time.monotonic()
            if answered or (left is not None and left <= 0.0):
                return answered
            poll = select.poll()
            for descriptor, peer in watched.items():
                poll.register(descriptor, select.POLLIN | (select.POLLOUT if peer.channel.has_outgoing else 0))
            for descriptor, _ in poll.poll(None if left is None else 1e3 * left):
                watched[descriptor].channel.advance()

    def close(self) -> None:
        """See `Crew.close`."""


def main(descriptor: int, supervisor: int) -> None:
    """A worker process.

    Args:
        descriptor: of the socket to the supervisor.
        supervisor: process id of the supervisor.
    """
    # A supervisor that is killed takes its workers along, also those that hang.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as connection, contextlib.suppress(ChannelClosedError):
        serve(BlockingChannel(connection))


def _ending(status: int | None) -> str:
    if status is None:
        return "does not end"
    if status >= 0:
        return f"exit status {status}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-status).name}"
    return f"killed by signal {-status}"
