"""Parity with the keyframe rule of PerAct, RVT and 3D Diffuser Actor on recorded episodes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from hamster_bench.cli.parity import Figure
from hamster_bench.demos.keyframes import motion_from, peract
from hamster_bench.errors import InvalidOptionError


def compare(file: Path) -> Sequence[Figure]:
    """Compares with a file of episodes: JSON with ``cases``, each with ``gripper_open``, ``joint_velocities`` and ``keyposes``.

    A case in which the older rule, whose look-back wraps round at the start of the episode, gives other keyposes has those under a
    second name with ``keyposes`` in it; a case without one gives the same under both.

    Raises:
        InvalidOptionError: the file cannot be read or is of another form.
    """
    try:
        return list(_figures(file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InvalidOptionError(
            f"{file} holds no recorded episodes (JSON with 'cases' of 'gripper_open', 'joint_velocities' and 'keyposes'): "
            f"{type(error).__name__}: {error}"
        ) from error


def _figures(file: Path) -> Iterator[Figure]:
    cases = json.loads(file.read_text(encoding="utf-8"))["cases"]
    if not cases:
        raise ValueError("there are no cases")
    different: list[str] = []
    different_wrapping: list[str] = []
    for number, case in enumerate(cases):
        motion = motion_from(case["gripper_open"], case["joint_velocities"])
        if motion.gripper_open.ndim != 1 or motion.joint_velocities.shape[:1] != motion.gripper_open.shape:
            raise ValueError(f"case {number} has not one gripper state and one row of joint velocities a frame")
        expected = list(case["keyposes"])
        beside = [case[name] for name in case if "keyposes" in name and name != "keyposes"]
        wrapping = list(beside[0]) if beside else expected
        for found, wanted, list_of_different in (
            (peract(motion).tolist(), expected, different),
            (peract(motion, wrap_around=True).tolist(), wrapping, different_wrapping),
        ):
            if found != wanted:
                list_of_different.append(f"case {number}: {found} instead of {wanted}")
    count = f" of {len(cases)}"
    yield Figure("episodes with other keyposes", len(different), 0, count, "; ".join(different))
    yield Figure("the same, looking round the end", len(different_wrapping), 0, count, "; ".join(different_wrapping))
