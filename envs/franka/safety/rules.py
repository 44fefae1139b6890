"""The safety rules by number, and the switch by which a test takes one away.

The software is no safety function: that is the robot's own safety controller, the user stop within reach and a person who watches. The
rules make it less likely that they are needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hamster_bench.errors import UnknownNameError

RULES: dict[str, str] = {
    "S1": "disarmed by default: only an operator's typed confirmation allows motion, and every fault takes it back",
    "S2": "dry run by default: everything happens but the motion",
    "S3": "workspace: box, forbidden boxes, height above the table and tilt of the gripper, along the whole path",
    "S4": "joints: a margin to the ranges of the connected arm, no jumps between neighbouring points, no singular arm",
    "S5": "rates: speeds, accelerations and jerks set at connect, slow motions where joints would be fast, a cap on every step",
    "S6": "contact: thresholds set before the first motion, a stop below them, limited gripper force, payload set",
    "S7": "inputs: shape, type, finite numbers, unit quaternion, steps that count up",
    "S8": "watchdog: no new action, picture or state in time stops the arm and disarms it",
    "S9": "stop paths: every way out ends in one stop",
    "S10": "user stop and reflex end the episode; no recovery by itself unless configured, and then once",
    "S11": "one owner of a robot",
    "S12": "reset: disarm, open only after confirmation, lift, go home along a checked path, scene confirmed, then arm",
    "S13": "preflight: a list of checks at connect",
    "S14": "defaults fail closed: a missing value of the configuration is an error",
}


@dataclass(frozen=True)
class ActiveRules:
    """Which rules are in force: all of them, but for tests that show what each is there for.

    Attributes:
        without: numbers of rules that are taken away. Nothing but a test in Python can ask for that: neither a configuration nor the
            command line knows of it.
    """

    without: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for rule in self.without:
            if rule not in RULES:
                raise UnknownNameError("safety rule", rule, RULES)

    @classmethod
    def except_for(cls, rules: Iterable[str]) -> ActiveRules:
        """All rules but these."""
        return cls(frozenset(rules))

    def __contains__(self, rule: str) -> bool:
        return rule not in self.without


ALL_RULES = ActiveRules()
