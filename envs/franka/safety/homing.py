"""Bringing the arm home at the beginning of an episode: checked, confirmed, step by step (rules S12 and S13)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from hamster_bench.envs.franka.cell import Cell
from hamster_bench.envs.franka.errors import NotArmedError, PreflightError
from hamster_bench.envs.franka.models import ARM_MODELS
from hamster_bench.envs.franka.safety.filter import Verdict
from hamster_bench.envs.franka.safety.guard import Guard
from hamster_bench.envs.franka.safety.preflight import Finding, ask_about_button, check_arm, check_link, gather
from hamster_bench.envs.franka.safety.rules import ActiveRules

_HOME_WORD = "home"
_OPEN_WORD = "open"
# How far the arm is lifted before it goes home [m].
_LIFT = 0.10
# The arm counts as being at home within this [rad].
_AT_HOME = 0.01
# How long the link is watched before the first motion [s].
LINK_CHECK = 5.0


def bring_home(guard: Guard, cell: Cell, findings: Sequence[Finding], rules: ActiveRules, *, link_check: bool) -> list[Finding]:
    """Checks, asks, opens the hand, lifts the arm and brings it home; it is disarmed then.

    Args:
        guard: of the arm, disarmed.
        cell: the cell.
        findings: of the checks before.
        rules: rules in force.
        link_check: check everything anew, the link and the user stop included; otherwise what was found before holds.

    Returns:
        What was found.

    Raises:
        PreflightError: something on the list of checks is wrong.
        NotArmedError: the operator did not agree, or the way home is not free.
    """
    found, operator = list(findings), guard.operator
    if "S13" in rules:
        if link_check:
            found = gather([lambda: check_arm(guard, ARM_MODELS.get(cell.arm)), lambda: ask_about_button(guard)])
        _raise_bad(guard, found)
    if "S12" in rules and (operator is None or not operator.confirm("The arm will go home. Is its way free?", _HOME_WORD)):
        raise NotArmedError("the operator has not agreed that the arm goes home")
    guard.arm()
    if "S13" in rules and link_check:
        link = check_link(guard, LINK_CHECK)
        found.append(link)
        _raise_bad(guard, [link])
    guard.log.note("preflight", findings=[dataclasses.asdict(finding) for finding in found])
    if cell.hand:
        _open_hand(guard, rules)
    home = np.array(cell.home_joints)
    here = guard.read().commanded_joints
    if float(np.abs(here - home).max()) > _AT_HOME:
        _move(guard, guard.safety.lift(_LIFT, here))
        _move(guard, guard.safety.travel(home, guard.read().commanded_joints))
    guard.disarm("home")
    return found


def _open_hand(guard: Guard, rules: ActiveRules) -> None:
    state, operator = guard.client.hand_state(), guard.operator
    if (
        state.is_grasped
        and "S12" in rules
        and not (operator and operator.confirm("The hand holds something. Open it?", _OPEN_WORD))
    ):
        raise NotArmedError("the hand holds something and the operator has not agreed to open it")
    guard.release(state.max_width)


def _move(guard: Guard, verdict: Verdict) -> None:
    if verdict.refusal is not None:
        raise NotArmedError(f"the way home is not free ({verdict.refusal.message}); lead the arm home by hand")
    ending = guard.carry_out(verdict)
    if ending is not None:
        raise NotArmedError(f"the arm did not come home: {ending}")


def _raise_bad(guard: Guard, findings: Iterable[Finding]) -> None:
    bad = [f"{finding.name}: {finding.found}" for finding in findings if not finding.good]
    if bad:
        guard.disarm("preflight")
        raise PreflightError(f"not ready to move: {'; '.join(bad)}")
