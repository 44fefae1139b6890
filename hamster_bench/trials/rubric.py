"""How a trial is scored: sub-actions in order, each worth a share (data in ``rubrics.json``)."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal, get_args

from hamster_bench.errors import InvalidOptionError, UnknownNameError

Answer = Literal["yes", "no", "unclear"]
ANSWERS: tuple[Answer, ...] = get_args(Answer)
_FULL = 1.0


@dataclass(frozen=True)
class Rubric:
    """The rubric of a family of tasks.

    Attributes:
        name: of the family.
        version: rises whenever its words or shares change.
        credits: share of every sub-action, in the order in which they come about; they sum to 1.
        meaning: when each counts as done.
        source: where it comes from.
    """

    name: str
    version: int
    credits: Mapping[str, float]
    meaning: Mapping[str, str]
    source: str

    def __post_init__(self) -> None:
        if not self.credits or abs(sum(self.credits.values()) - _FULL) > 1e-9 or min(self.credits.values()) <= 0.0:
            raise InvalidOptionError(
                f"the credits of rubric {self.name!r} must be above 0 and sum to 1, got {dict(self.credits)}"
            )
        if set(self.meaning) != set(self.credits):
            raise InvalidOptionError(f"rubric {self.name!r} must say when each of {', '.join(self.credits)} counts as done")

    @property
    def id(self) -> str:
        """Name and version: ``pick_and_place/1``."""
        return f"{self.name}/{self.version}"

    def check(self, answers: Mapping[str, str]) -> None:
        """Makes sure that every sub-action is answered.

        Raises:
            InvalidOptionError: one is missing or there is another one.
            UnknownNameError: an answer is none of yes, no, unclear.
        """
        if set(answers) != set(self.credits):
            raise InvalidOptionError(
                f"rubric {self.id} asks for {', '.join(self.credits)}, got {', '.join(answers) or 'nothing'}"
            )
        for answer in answers.values():
            if answer not in ANSWERS:
                raise UnknownNameError("answer", answer, ANSWERS)

    def score(self, answers: Mapping[str, str]) -> float | None:
        """Sum of the credits; a sub-action counts only if all before it do. None as long as an answer that matters is unclear."""
        self.check(answers)
        total = 0.0
        for name, share in self.credits.items():
            if answers[name] == "no":
                break
            if answers[name] == "unclear":
                return None
            total += share
        return total

    def reached(self, answers: Mapping[str, str]) -> tuple[bool, ...]:
        """For each sub-action whether it counts."""
        done = True
        return tuple(done := done and answers[name] == "yes" for name in self.credits)


@functools.cache
def _data() -> dict[str, Any]:
    text = (resources.files("hamster_bench.trials") / "rubrics.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


def rubrics() -> dict[str, Rubric]:
    """The rubrics that come with the project, by family."""
    return {name: make_rubric(name, entry) for name, entry in _data()["rubrics"].items()}


def make_rubric(name: str, entry: Mapping[str, Any]) -> Rubric:
    """A rubric from parsed JSON.

    Raises:
        InvalidOptionError: something is missing or does not sum to 1.
    """
    try:
        return Rubric(name, int(entry["version"]), dict(entry["credits"]), dict(entry["meaning"]), str(entry["source"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidOptionError(f"rubric {name!r} needs version, credits, meaning and source ({error})") from error


def axes() -> tuple[str, ...]:
    """Axes of generalisation of HAMSTER's evaluation."""
    return tuple(_data()["axes"])


def failure_modes() -> tuple[str, ...]:
    """What can be said of how a trial went wrong."""
    return tuple(_data()["failure_modes"])


def void_reasons() -> tuple[str, ...]:
    """Why a trial may not count."""
    return tuple(_data()["void_reasons"])
