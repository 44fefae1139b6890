"""The unit of evaluation, and every random number that belongs to it.

A scenario fixes every random draw of one episode. Draws come from *named streams*, independent generators derived from the
scenario's fields, so that adding a draw to one stream never shifts another. No stream knows the factor, and the layout streams do not
know the variation either: the same scenario with a factor on and off is a matched pair.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

import numpy as np

from hamster_bench.errors import InvalidScenarioError

CONTROL_FACTOR = "no_var"

# Factors that consist in, or include, drawing the RLBench variation.
VARIATION_FACTORS = frozenset({"rlb_var", "rlb_and_col"})

# Streams that must be equal between the variations of one episode.
_LAYOUT_STREAMS = frozenset({"layout", "placement", "instruction", "variation", "agent", "planner"})

# Prefix of the streams of single factors, which are the same in a data set of the factor alone and in one that combines it with others.
FACTOR_STREAM = "factor/"

# Numbers beyond this do not fit the result store's integers.
_NUMBER_LIMIT = 2**63

_ID = re.compile(r"(?P<task>[a-z0-9_]+)-v(?P<variation>\d+)-(?P<factor>[a-z0-9_]+)-e(?P<episode>\d+)-s(?P<seed>\d+)", re.ASCII)
_NAME = re.compile(r"[a-z0-9_]+", re.ASCII)


@dataclass(frozen=True, kw_only=True, order=True)
class Scenario:
    """One episode to be run, named completely.

    Attributes:
        task: name of the task.
        variation: index of the task's RLBench variation, from 0.
        factor: name of the variation factor; ``"no_var"`` is the control arm.
        episode: number of the episode, from 0.
        seed: base seed of the evaluation, from 0.
    """

    task: str
    variation: int = 0
    factor: str = CONTROL_FACTOR
    episode: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for field in ("task", "factor"):
            value = getattr(self, field)
            if not isinstance(value, str) or not _NAME.fullmatch(value):
                raise InvalidScenarioError(
                    f"scenario {field} must be a name of lower-case letters, digits and underscores, got {value!r}"
                )
        for field in ("variation", "episode", "seed"):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 0 <= value < _NUMBER_LIMIT:
                raise InvalidScenarioError(f"scenario {field} must be a whole number from 0 to 2**63 - 1, got {value!r}")
            object.__setattr__(self, field, int(value))

    @property
    def id(self) -> str:
        """Short stable text, for instance ``stack_cups-v3-no_var-e12-s0``; `from_id` reads it back."""
        return f"{self.task}-v{self.variation}-{self.factor}-e{self.episode}-s{self.seed}"

    @classmethod
    def from_id(cls, text: str) -> Scenario:
        """The scenario that has this text id.

        Raises:
            InvalidScenarioError: the text is not a scenario id.
        """
        match = _ID.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise InvalidScenarioError(
                f"{text!r} is not a scenario id; one looks like 'stack_cups-v3-no_var-e12-s0' "
                "(task, variation, factor, episode, seed)"
            )
        fields = match.groupdict()
        return cls(
            task=fields["task"],
            variation=int(fields["variation"]),
            factor=fields["factor"],
            episode=int(fields["episode"]),
            seed=int(fields["seed"]),
        )

    def control(self) -> Scenario:
        """The matched control: the same scene with the factor off.

        Factors that draw the RLBench variation are off at variation 0, as in upstream's set without variations.
        """
        variation = 0 if self.factor in VARIATION_FACTORS else self.variation
        return replace(self, factor=CONTROL_FACTOR, variation=variation)

    def rng(self, stream: str) -> np.random.Generator:
        """A fresh generator of the named stream; every call starts it anew.

        Layout streams (``layout``, ``placement``, ``instruction``, ``variation``, ``agent``, ``planner``) and the streams of single
        factors (``factor/<name>``) depend on task, episode and seed alone, so that a combined factor draws what each of its parts
        draws alone. Every other stream depends on the variation too, and none on the scenario's factor.

        Args:
            stream: name of the stream; streams of different names are independent.
        """
        if stream in _LAYOUT_STREAMS or stream.startswith(FACTOR_STREAM):
            text = f"{stream}|{self.task}|{self.episode}|{self.seed}"
        else:
            text = f"{stream}|{replace(self, factor=CONTROL_FACTOR).id}"
        digest = hashlib.sha256(f"hamster_bench.scenario/1|{text}".encode()).digest()
        return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))
