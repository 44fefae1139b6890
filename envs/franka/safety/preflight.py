"""What is looked at before an arm may be armed (rule S13)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from hamster_bench.envs.franka import kinematics
from hamster_bench.envs.franka.errors import FrankaError
from hamster_bench.envs.franka.models import ARM_MODELS, ArmModel
from hamster_bench.envs.franka.safety.guard import Guard

# The published ranges are rounded to four digits.
_LIMIT_TOLERANCE = 1e-3
_FRAME_TOLERANCE = 1e-3
_LEAST_SUCCESS_RATE = 0.95
# Time [s] beyond its own that the check of the link may take.
_LINK_CHECK_ROOM = 20.0
BUTTON_WORD = "tested"


@dataclass(frozen=True)
class Finding:
    """One line of the list: what was looked at, whether it is as it should be, and what was found."""

    name: str
    good: bool
    found: str


def check_arm(guard: Guard, model: ArmModel) -> list[Finding]:
    """What can be seen without moving: model, mode, errors, end effector, payload."""
    state = guard.read()
    lower, upper = guard.client.joint_limits()
    fits = bool(
        np.abs(lower - model.joint_lower).max() < _LIMIT_TOLERANCE and np.abs(upper - model.joint_upper).max() < _LIMIT_TOLERANCE
    )
    known = [
        name
        for name in ARM_MODELS
        if np.abs(lower - ARM_MODELS.get(name).joint_lower).max() < _LIMIT_TOLERANCE
        and np.abs(upper - ARM_MODELS.get(name).joint_upper).max() < _LIMIT_TOLERANCE
    ]
    frame_error = float(np.abs(state.T_flange_ee - kinematics.T_FLANGE_HAND_END_EFFECTOR).max())
    return [
        Finding(
            "model",
            fits,
            f"the cell says {model.name}, the robot's joint ranges are those of {', '.join(known) or 'no arm known here'}",
        ),
        Finding("mode", state.mode == "idle", state.mode),
        Finding("errors", not state.errors, ", ".join(state.errors) or "none"),
        Finding("end effector", frame_error < _FRAME_TOLERANCE, f"differs from the Franka Hand's by {frame_error:.4f}"),
        Finding("payload", abs(state.load) < 1e-6, f"{state.load:g} kg"),
    ]


def check_link(guard: Guard, seconds: float) -> Finding:
    """How many commands arrive in time while the arm holds still under control. It must be armed.

    Args:
        guard: of the arm.
        seconds: how long.
    """
    rates = []
    guard.client.start_rest(seconds)
    began = time.monotonic()
    # A robot that answers late must not keep this waiting for ever.
    while not guard.client.join(0.02):
        if time.monotonic() - began > 10.0 * seconds + _LINK_CHECK_ROOM:
            guard.client.stop()
            return Finding("link", False, f"{seconds:g} s of rest under control took more than {time.monotonic() - began:.0f} s")
        guard.beat()
        state = guard.client.state()
        if state.mode == "move":
            rates.append(state.success_rate)
    worst = min(rates, default=1.0)
    return Finding("link", worst > _LEAST_SUCCESS_RATE, f"{100.0 * worst:.0f} % of the commands in time over {seconds:g} s")


def ask_about_button(guard: Guard) -> Finding:
    """Whether the operator has tested the user stop today."""
    asked = guard.operator is not None and guard.operator.confirm(
        "Has the user stop been pressed and seen to work today?", BUTTON_WORD
    )
    return Finding("user stop", asked, f"tested, says the operator, {time.strftime('%Y-%m-%d %H:%M')}" if asked else "not tested")


def gather(checks: Iterable[Callable[[], Finding | list[Finding]]]) -> list[Finding]:
    """Findings of several checks; one that breaks is a finding too."""
    findings: list[Finding] = []
    for check in checks:
        try:
            found = check()
        except FrankaError as error:
            found = Finding(getattr(check, "__name__", "check"), False, str(error))
        findings += found if isinstance(found, list) else [found]
    return findings
