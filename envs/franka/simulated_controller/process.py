"""A simulated controller in a process of its own, and the handle on it.

The client library can hold the interpreter while it waits, so that a controller in the same process would starve.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import hamster_bench
from hamster_bench.envs.franka.simulated_controller.server import ControllerServer, Settings
from hamster_bench.errors import HamsterBenchError

_START_TIMEOUT = 180.0
_ORDER_TIMEOUT = 60.0
_END_TIMEOUT = 5.0


class SimulatedControllerError(HamsterBenchError):
    """A simulated controller could not be started, or refused an order."""


class SimulatedController:
    """A running simulated controller; a context manager that ends it.

    Args:
        settings: how it runs.

    Attributes:
        settings: how it runs.

    Raises:
        SimulatedControllerError: it could not be started.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, json.dumps(asdict(settings))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(_same_packages())},
        )
        try:
            self._channel = _Channel(settings.host, self._port())
        except BaseException:
            self._end()
            raise

    @property
    def host(self) -> str:
        """Address of the robot."""
        return self.settings.host

    @property
    def control_port(self) -> int:
        """Port of the control channel, which also gives the pictures of the scene's cameras."""
        return self._channel.port

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def order(self, name: str, **arguments: Any) -> Any:
        """Orders a fault or asks for something: see the table at the end of the server's module.

        Raises:
            SimulatedControllerError: it was refused, or the controller has gone.
        """
        return self._channel.order(name, **arguments)[0]

    def status(self) -> dict[str, Any]:
        """What the controller has seen and where it stands."""
        status: dict[str, Any] = self.order("status")
        return status

    def close(self) -> None:
        """Ends the process."""
        self._channel.close()
        self._end()

    def _port(self) -> int:
        assert self._process.stdout is not None
        said = _line_within(self._process.stdout, _START_TIMEOUT)
        if not said:
            raise SimulatedControllerError(
                f"the simulated controller at {self.settings.host} did not start; its own words are above"
            )
        answer = json.loads(said)
        if "error" in answer:
            raise SimulatedControllerError(f"the simulated controller at {self.settings.host} did not start: {answer['error']}")
        return int(answer["control_port"])

    def _end(self) -> None:
        # The end of its input ends it; being killed is for one that hangs.
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(_END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> SimulatedController:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class _Channel:
    """The client's side of the control channel."""

    def __init__(self, host: str, port: int) -> None:
        self.port = port
        self._lock = threading.Lock()
        self._connection = socket.create_connection((host, port), timeout=_ORDER_TIMEOUT)
        self._lines = self._connection.makefile("rb")

    def order(self, name: str, **arguments: Any) -> tuple[Any, list[bytes]]:
        with self._lock:
            try:
                self._connection.sendall(json.dumps({"order": name} | arguments).encode() + b"\n")
                line = self._lines.readline()
                if not line:
                    raise SimulatedControllerError(f"the simulated controller has gone; it did not answer {name!r}")
                said = json.loads(line)
                blobs = [self._lines.read(size) for size in said.get("sizes", ())]
            except OSError as error:
                raise SimulatedControllerError(f"the simulated controller did not answer {name!r}: {error}") from error
        if not said["ok"]:
            raise SimulatedControllerError(f"the simulated controller refused {name!r}: {said['error']}")
        return said["answer"], blobs

    def close(self) -> None:
        self._lines.close()
        self._connection.close()


def open_channel(host: str, port: int) -> _Channel:
    """A connection to the control channel of a controller that runs already.

    Raises:
        OSError: nothing listens there.
    """
    return _Channel(host, port)


def _same_packages() -> list[str]:
    """Where modules are found, so that the other process runs the code of this one, whatever its folder."""
    return [str(Path(hamster_bench.__file__).parents[1]), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]


def _line_within(stream: IO[str], seconds: float) -> str:
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(stream.readline()), daemon=True)
    reader.start()
    reader.join(seconds)
    return found[0] if found else ""


def _take_priority() -> None:
    """Runs before ordinary processes where that is allowed: in real time an answer is due every millisecond."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def _stop_at_end_of_input(server: ControllerServer) -> None:
    sys.stdin.read()
    server.stop()


def _main() -> None:
    values = json.loads(sys.argv[1])
    values["start"], values["image_size"] = tuple(values["start"]), tuple(values["image_size"])
    try:
        settings = Settings(**values)
        if settings.realtime_priority:
            _take_priority()
        server = ControllerServer(settings)
    except (OSError, HamsterBenchError) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        raise SystemExit(1) from error
    print(json.dumps({"control_port": server.control_port}), flush=True)
    # Whoever started this process keeps its input open.
    threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    server.run()


if __name__ == "__main__":
    _main()
