"""What works on this machine, and how to get what does not."""

from __future__ import annotations

import importlib.util
import json
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from typing import NamedTuple

from hamster_bench import __version__
from hamster_bench.envs.mujoco.gl import INSTALL_COMMAND
from hamster_bench.envs.rlbench.installation import find_installation
from hamster_bench.envs.tasks import TASKS

# A broken graphics stack can end a process or hang it, so the engine is tried in another one.
_TRIAL = """
import json, sys
import gymnasium, hamster_bench
env = gymnasium.make(sys.argv[1], cameras=("front",), renderer=sys.argv[2])
observation, _ = env.reset(seed=0)
print(json.dumps([env.unwrapped.renderer_name, int(observation["front_rgb"].std() > 0)]))
"""
_TRIAL_SECONDS = 300.0


class Finding(NamedTuple):
    """One thing that works or does not.

    Attributes:
        name: what it is.
        works: whether it works.
        detail: version, choice or reason.
        remedy: command or step that gets it, or None.
        needed: the embedded engine does not run without it.
    """

    name: str
    works: bool
    detail: str
    remedy: str | None = None
    needed: bool = False


def diagnose() -> tuple[Finding, ...]:
    """Tries everything; takes some seconds and changes nothing."""
    return (
        Finding("hamster-bench", True, f"{__version__}, Python {platform.python_version()}, {platform.platform()}"),
        *(_package(name, needed=True) for name in ("mujoco", "gymnasium", "gymnasium-robotics", "numpy")),
        *_engine(),
        _video(),
        _gpu(),
        *(_extra(*row) for row in _EXTRAS),
        *original(),
    )


def report(findings: tuple[Finding, ...]) -> str:
    """The findings as text, with what to do under each that does not work."""
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        mark = "ok" if finding.works else "MISSING" if finding.needed else "-"
        lines.append(f"{mark:<8} {finding.name:<{width}}  {finding.detail}")
        if not finding.works and finding.remedy:
            lines.append(f"{'':<8} {'':<{width}}  to get it: {finding.remedy}")
    runs = all(finding.works for finding in findings if finding.needed)
    lines.append("")
    lines.append("The embedded engine runs here." if runs else "The embedded engine does not run here; see MISSING above.")
    return "\n".join(lines)


def _package(name: str, *, needed: bool) -> Finding:
    try:
        return Finding(name, True, metadata.version(name), needed=needed)
    except metadata.PackageNotFoundError:
        return Finding(name, False, "not installed", f"{sys.executable} -m pip install {name}", needed)


def _engine() -> tuple[Finding, Finding]:
    """Whether the engine runs at all, and whether its images are drawn by OpenGL."""
    task = TASKS.names()[0]
    gl_name, gl_error = _try_engine(task, "gl")
    if gl_name is not None:
        engine = Finding("engine mujoco", True, f"{task} reset and drawn", needed=True)
        return engine, Finding("images by OpenGL", True, gl_name)
    ray_name, ray_error = _try_engine(task, "raycast")
    opengl = Finding("images by OpenGL", False, f"{gl_error}; ray casting is used, without textures", INSTALL_COMMAND)
    if ray_name is not None:
        return Finding("engine mujoco", True, f"{task} reset and drawn by {ray_name}", needed=True), opengl
    return Finding("engine mujoco", False, ray_error, "reinstall: make clean && make install", True), opengl


def _try_engine(task: str, renderer: str) -> tuple[str | None, str]:
    """Name of the renderer that drew a picture of the task, or None and why there is none."""
    command = [sys.executable, "-c", _TRIAL, f"hamster_bench/{task}-v0", renderer]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_TRIAL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    try:
        name, drawn = json.loads(result.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        last = result.stderr.strip().splitlines()[-1:] or [f"exit code {result.returncode}"]
        return None, last[0]
    return (name, "") if drawn else (None, f"{name} draws empty images")


def _video() -> Finding:
    import imageio_ffmpeg

    try:
        return Finding("videos", True, f"ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}")
    except RuntimeError as error:
        return Finding("videos", False, str(error).splitlines()[0], "apt-get install -y ffmpeg")


def _gpu() -> Finding:
    program = shutil.which("nvidia-smi")
    if program is None:
        return Finding("GPU", False, "none found; nothing here needs one, training is faster with one")
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        result = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("GPU", False, str(error))
    listed = "; ".join(result.stdout.strip().splitlines())
    return Finding("GPU", result.returncode == 0 and bool(listed), listed or "nvidia-smi finds no device")


# Name shown, distribution, module, remedy.
_EXTRAS = (
    ("openai (remote planners)", "openai", "openai", "pip install 'hamster-bench[planners]'"),
    ("torch (learned agents)", "torch", "torch", "pip install 'hamster-bench[torch]'"),
    ("franky (Franka robot)", "franky-control", "franky", "pip install 'hamster-bench[franka]'"),
    ("pyrealsense2 (camera)", "pyrealsense2", "pyrealsense2", "pip install 'hamster-bench[realsense]'"),
)


def _extra(name: str, distribution: str, module: str, remedy: str) -> Finding:
    # Looked up, not imported: torch alone takes seconds.
    if importlib.util.find_spec(module) is None:
        return Finding(name, False, "not installed (optional)", remedy)
    try:
        detail = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        detail = "installed, version unknown"
    return Finding(name, True, detail)


def original() -> tuple[Finding, ...]:
    """Whether the original benchmark is installed, by what it needs; nothing of it is started."""
    found = find_installation()
    name = "engine coppeliasim"
    missing = found.missing(factors=True)
    if not missing:
        return (Finding(name, True, f"{found.root}, THE COLOSSEUM at {found.colosseum}"),)
    findings = [Finding(name, False, f"{what} (optional)", remedy) for what, remedy in missing]
    if found.complete:
        findings.insert(0, Finding(name, True, f"{found.root}, without variation factors"))
    return tuple(findings)
