"""The process itself, as if the interpreter had a hole: what it inherits, what it may do, how it is ended."""

from __future__ import annotations

import json
import os
import time

import psutil
import pytest

from hamster_bench.planners.code_as_policies.sandbox import process
from hamster_bench.planners.code_as_policies.sandbox.limits import Limits, Reason, Stopped

SECRET = "sk-0123456789-not-to-be-seen"


@pytest.fixture
def running(monkeypatch, tmp_path):
    """Runs Python of ours in the place of the interpreter; gives how it was stopped."""

    def run(body: str, **limits) -> Stopped:
        boot = tmp_path / "boot.py"
        boot.write_text(body, encoding="utf-8")
        monkeypatch.setattr(process, "_BOOT", boot)
        with pytest.raises(Stopped) as stopped:
            process.run_program("robot_poses = []", Limits(**limits))
        return stopped.value

    return run


REPORT = """
import json, sys
def report(value):
    print(json.dumps({"reason": "forbidden", "message": json.dumps(value), "line": None}))
"""


def confined(body: str) -> str:
    """The body as it would run in the real process, with every limit in force."""
    real = process._BOOT
    return f"""{REPORT}
import runpy
boot = runpy.run_path({str(real)!r})
from pathlib import Path
boot["bare_packages"](Path({str(real)!r}).parent)
from hamster_bench.planners.code_as_policies.sandbox.limits import Limits
from hamster_bench.planners.code_as_policies.sandbox.worker import confine
import os, resource, socket, subprocess
{body}
"""


def test_nothing_is_inherited(running, monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    open_file = os.open(tmp_path / "kept", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(open_file, True)
    try:
        stopped = running(
            REPORT + "import os\nreport([dict(os.environ), sorted(map(int, os.listdir('/proc/self/fd')))[:-1], os.getcwd(), "
            "os.getsid(0) == os.getpid(), sys.flags.isolated, sys.path])"
        )
    finally:
        os.close(open_file)
    environment, descriptors, folder, own_session, isolated, path = json.loads(stopped.message)
    assert set(environment) <= {
        "LC_ALL",
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "LD_LIBRARY_PATH",
        "LC_CTYPE",
    }
    assert SECRET not in stopped.message
    assert descriptors == [0, 1, 2]
    assert (folder, own_session, isolated) == ("/", True, 1)
    assert str(tmp_path) not in path


def test_the_confined_process_opens_nothing(running, tmp_path):
    victim = tmp_path / "victim"
    stopped = running(
        confined(f"""
confine(Limits())
outcome = []
def attempt(act):
    try:
        act()
        outcome.append("done")
    except (OSError, MemoryError) as error:
        outcome.append(type(error).__name__)
attempt(lambda: open("/etc/passwd"))
attempt(lambda: open({str(victim)!r}, "w"))
attempt(lambda: socket.socket())
attempt(lambda: subprocess.Popen(["true"]))
attempt(lambda: os.pipe())
attempt(lambda: bytearray(2 << 30))
report(outcome)
""")
    )
    assert json.loads(stopped.message) == ["OSError"] * 5 + ["MemoryError"]
    assert not victim.exists()


def test_processor_time_is_limited(running):
    stopped = running(confined("confine(Limits(cpu_s=1))\nwhile True: pass"))
    assert stopped.reason == Reason.CPU_TIME


def test_a_process_that_hangs_is_killed(running):
    started = time.monotonic()
    assert running("import time\ntime.sleep(600)", wall_s=0.3).reason == Reason.WALL_TIME
    assert time.monotonic() - started < 30.0


def test_what_a_process_leaves_behind_is_killed(running, tmp_path):
    number = tmp_path / "number"
    body = f"import os, time\nif os.fork():\n    os._exit(0)\nopen({str(number)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    assert running(body, wall_s=1.0).reason == Reason.WALL_TIME
    left = int(number.read_text())
    deadline = time.monotonic() + 30.0
    while psutil.pid_exists(left) and psutil.Process(left).status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", Reason.CRASHED),
        ("raise SystemExit(3)", Reason.CRASHED),
        ("pass", Reason.CRASHED),
        ("print('robot_poses')", Reason.CRASHED),
        ("print('[' * 100000)", Reason.CRASHED),
        ("print('[1]')", Reason.CRASHED),
        ('print(\'{"poses": [[0.1, 0.2, NaN]], "operations": 1}\')', Reason.CRASHED),
        ('print(\'{"poses": [[NaN, 0.2, 1.0]], "operations": 1}\')', Reason.CRASHED),
        ('print(\'{"poses": [["a", 0.2, 1.0]], "operations": 1}\')', Reason.CRASHED),
        ('print(\'{"poses": [[0.1, 0.2]], "operations": 1}\')', Reason.CRASHED),
        ('print(\'{"poses": [], "operations": 1}\')', Reason.BAD_POSES),
        ('print(\'{"reason": "made up", "message": "", "line": 1}\')', Reason.CRASHED),
        ("while True: print('a' * 100000)", Reason.SIZE),
    ],
)
def test_an_answer_is_not_believed(running, body, reason):
    assert running(body).reason == reason


def test_memory_that_runs_out_is_a_reason():
    # The interpreter bounds what a program makes; without its bounds the limit of the process decides.
    code = "import numpy as np\nx = np.zeros(3 * 10**8)\nrobot_poses = [(0, 0, 1)]"
    with pytest.raises(Stopped) as stopped:
        process.run_program(code, Limits(length=10**9, operations=10**12))
    assert (stopped.value.reason, stopped.value.line) == (Reason.MEMORY, 2)
