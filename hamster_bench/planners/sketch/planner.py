"""The built-in planner."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import InvalidOptionError
from hamster_bench.paths.grammar import parse_answer, write_answer
from hamster_bench.planners.contract import PlannerContext, Proposal
from hamster_bench.planners.sketch.inference import SketchModel
from hamster_bench.planners.sketch.tokens import path_of
from hamster_bench.planners.sketch.weights import read_weights

# A thousandth of the image is a tenth of what the model errs by.
_DIGITS = 3


class SketchPlanner:
    """A small vision-language model that needs no network, no GPU and no learning framework.

    It was trained on simulated paths of the benchmark's tasks and knows their words; it answers whatever it is asked, but what it says
    about other scenes is a guess.

    Args:
        weights: file written by ``hamster-bench train sketch``; the shipped one by default.

    Raises:
        InvalidOptionError: the file's name is empty.
        StoreError: the file cannot be read or holds something else.
    """

    privileged = False

    def __init__(self, *, weights: str | None = None) -> None:
        if weights is not None and not weights.strip():
            raise InvalidOptionError("weights must name a file, got an empty name")
        loaded = read_weights(None if weights is None else Path(weights))
        self._model = SketchModel(loaded)
        self._digest = loaded.digest

    def propose(self, image_rgb: NDArray[np.uint8], instruction: str, context: PlannerContext) -> Proposal:
        """The path the model says, with its answer.

        Raises:
            InvalidOptionError: the image is no array (h, w, 3) of uint8, or the instruction no text.
        """
        tokens = self._model.answer(image_rgb, instruction)
        # The path is what the answer says, to the last digit: whoever reads the record gets the same one.
        answer = write_answer(path_of(tokens), digits=_DIGITS)
        path = parse_answer(answer).path
        record = {
            "planner": "sketch",
            "weights": self._digest,
            "answer": answer,
            "verdict": "path",
            "repairs": [],
            "answer_tokens": len(tokens.kinds),
        }
        return Proposal(path, record)
