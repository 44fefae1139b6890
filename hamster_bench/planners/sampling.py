"""How a model samples its answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from hamster_bench.errors import InvalidOptionError, UnknownNameError


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a model samples its answer. None leaves a field out of the request, so that the server's own default holds.

    Attributes:
        max_tokens: longest answer.
        limit_field: field that carries ``max_tokens``; newer models of OpenAI want ``"max_completion_tokens"``.
        temperature: 0 for the most probable answer; some models refuse to be told.
        top_p: share of probability that tokens are drawn from.
        seed: for servers that know seeds.

    Raises:
        InvalidOptionError: a value is impossible.
    """

    max_tokens: int | None = None
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.max_tokens is not None and self.max_tokens < 1:
            raise InvalidOptionError(f"max_tokens is a whole number from 1, got {self.max_tokens!r}")
        if self.temperature is not None and not (math.isfinite(self.temperature) and self.temperature >= 0.0):
            raise InvalidOptionError(f"temperature is a number from 0, got {self.temperature!r}")
        if self.top_p is not None and not 0.0 < self.top_p <= 1.0:
            raise InvalidOptionError(f"top_p is a number above 0 and up to 1, got {self.top_p!r}")
        if self.limit_field not in ("max_tokens", "max_completion_tokens"):
            raise UnknownNameError("limit_field", self.limit_field, ("max_tokens", "max_completion_tokens"))

    def fields(self) -> dict[str, Any]:
        """The fields of the request."""
        told = {self.limit_field: self.max_tokens, "temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        return {name: value for name, value in told.items() if value is not None}
