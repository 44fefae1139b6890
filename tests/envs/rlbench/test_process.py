"""The simulator's process is supervised whatever it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from hamster_bench.envs.rlbench.process import SimulatorProcess
from hamster_bench.errors import PlanningError, SimulatorFaultError

PROGRAM = Path(__file__).parent / "misbehaving.py"
LONG = 120.0


def start(behaviour: str, seconds: float = LONG) -> SimulatorProcess:
    return SimulatorProcess([sys.executable, str(PROGRAM)], behaviour, os.environ, seconds)


def until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_calls_carry_numbers_and_words() -> None:
    simulator = start("answers")
    assert simulator.call("anything", LONG, name="x", values=[1, 2.5, None]) == {"name": "x", "values": [1, 2.5, None]}
    assert simulator.alive
    simulator.close()
    simulator.close()
    assert not simulator.alive
    with pytest.raises(SimulatorFaultError, match="has been ended"):
        simulator.call("anything", LONG)


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ("crashes", r"signal 11, SIGSEGV.*it said last: about to crash"),
        ("talks nonsense", "no message"),
        ("threatens", "too long"),
        ("breaks down", "broke down in step: RuntimeError: The call failed on the V-REP side"),
    ],
)
def test_a_simulator_that_breaks_is_an_error_that_says_how(behaviour: str, said: str) -> None:
    simulator = start(behaviour)
    pid = simulator.pid
    with pytest.raises(SimulatorFaultError, match=r"(?s)" + said):
        simulator.call("step", LONG)
    assert not simulator.alive
    assert until(lambda: gone(pid))
    simulator.close()


def test_a_simulator_that_hangs_is_killed() -> None:
    simulator = start("hangs")
    pid = simulator.pid
    with pytest.raises(SimulatorFaultError, match=r"took longer than 0\.3 s for step and was killed"):
        simulator.call("step", 0.3)
    assert until(lambda: gone(pid))


def test_a_simulator_that_floods_its_output_goes_on_and_little_of_it_is_kept() -> None:
    simulator = start("floods")
    for _ in range(2):
        assert simulator.call("step", LONG, number=1) == {"number": 1}
    assert len(simulator._said()) < 5000
    simulator.close()


@pytest.mark.parametrize(
    ("behaviour", "seconds", "said"), [("never ready", 0.5, "0.5 s to start"), ("dies at once", LONG, "no licence")]
)
def test_a_simulator_that_does_not_start_is_an_error(behaviour: str, seconds: float, said: str) -> None:
    with pytest.raises(SimulatorFaultError, match=said):
        start(behaviour, seconds)


def test_a_refusal_leaves_the_simulator_as_it_is() -> None:
    simulator = start("refuses")
    for _ in range(2):
        with pytest.raises(PlanningError, match="no way") as refusal:
            simulator.call("keypose", LONG)
        assert refusal.value.reason == "path_not_found"
    assert simulator.alive
    simulator.close()


def test_a_simulator_that_will_not_end_is_made_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hamster_bench.envs.rlbench.process.END_SECONDS", 0.3)
    simulator = start("ignores signals")
    pid = simulator.pid
    simulator.close()
    assert until(lambda: gone(pid))


def test_a_dropped_simulator_ends() -> None:
    simulator = start("answers")
    pid = simulator.pid
    del simulator
    assert until(lambda: gone(pid))


def test_arrays_arrive_as_they_were_sent() -> None:
    import socket

    from hamster_bench.envs.rlbench.messages import MessageError, receive, send

    ours, theirs = socket.socketpair()
    sent = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": [np.zeros((0, 3)), np.array(True)],
        "c": {"d": np.float64(0.1)},
    }
    send(ours, sent)
    got = receive(theirs, LONG)
    np.testing.assert_array_equal(got["a"], sent["a"])
    assert got["a"].dtype == np.float32
    assert got["b"][0].shape == (0, 3)
    assert got["c"]["d"] == 0.1
    for kind in ("O", "V8", "U4"):
        text = b'{"__array__": ["' + kind.encode() + b'", [1]]}'
        ours.sendall(len(text).to_bytes(8, "big") + text)
        with pytest.raises(MessageError):
            receive(theirs, LONG)
    ours.close()
    theirs.close()


_PARENT = """
import os, signal, sys
import gymnasium, hamster_bench
env = gymnasium.make("hamster_bench/close_box-v0", engine="coppeliasim", cameras=())
env.reset(seed=0)
print(env.unwrapped.simulator_pid, flush=True)
os.kill(os.getpid(), int(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_simulator_ends_with_the_process_that_started_it(standin: Path, number: int) -> None:
    result = subprocess.run(
        [sys.executable, "-c", _PARENT, str(int(number))], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == -number, result.stderr
    pid = int(result.stdout)
    assert until(lambda: gone(pid))
