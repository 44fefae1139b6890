"""A virtual X display for a simulator on a machine without one."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess

from hamster_bench.errors import MissingDependencyError

_START_SECONDS = 30.0
_SCREEN = "1280x1024x24"


def start_display() -> subprocess.Popen[bytes]:
    """Starts Xvfb on a free display and sets ``DISPLAY`` of this process to it; gives the server, of the same process group.

    Raises:
        MissingDependencyError: there is no Xvfb, or it does not start.
    """
    program = shutil.which("Xvfb")
    if program is None:
        raise MissingDependencyError(
            "there is no X display and no Xvfb to make one; install it: apt-get install -y xvfb libgl1-mesa-dri"
        )
    readable, writable = os.pipe()
    # The server itself chooses the display and writes its number here, so that two of them cannot take the same.
    command = [program, "-displayfd", str(writable), "-screen", "0", _SCREEN, "+extension", "GLX", "-nolisten", "tcp", "-noreset"]
    try:
        server = subprocess.Popen(command, pass_fds=(writable,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    finally:
        os.close(writable)
    try:
        ready, _, _ = select.select([readable], [], [], _START_SECONDS)
        number = os.read(readable, 32).decode().strip() if ready else ""
    finally:
        os.close(readable)
    if not number.isdigit():
        stop_display(server)
        raise MissingDependencyError("Xvfb does not start; try: Xvfb :99 -screen 0 1280x1024x24 +extension GLX")
    os.environ["DISPLAY"] = f":{number}"
    return server


def stop_display(server: subprocess.Popen[bytes]) -> None:
    """Ends the server so that it removes its lock and socket."""
    server.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(5.0)
        return
    server.kill()
    server.wait()
