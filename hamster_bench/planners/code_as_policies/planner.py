"""The planner by its name and options."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import InvalidOptionError
from hamster_bench.planners.chat import Connection, check_ready
from hamster_bench.planners.code_as_policies.owlv2 import DEFAULT_MODEL, OwlV2Detector
from hamster_bench.planners.code_as_policies.proposing import NAME, propose_by_code
from hamster_bench.planners.contract import PlannerContext, Proposal
from hamster_bench.planners.remote import Inquiry, answer_remotely
from hamster_bench.planners.sampling import Sampling

_CONNECTION = Connection(url="https://api.openai.com/v1", key_env="OPENAI_API_KEY")
# A program with its comments is longer than a list of points.
_SAMPLING = Sampling(max_tokens=1024, temperature=0.0)


class CodeAsPoliciesPlanner:
    """Tells a model in words what a detector sees, and runs the program it writes.

    RT-Trajectory's second form of planning by a general model. The model is given no image; the detector is OWLv2. The program is
    interpreted in a process of its own and is offered arithmetic, lists and numpy, no more.

    Args:
        model: name of the model.
        connection: where the model is; by default OpenAI's own servers with the key in ``OPENAI_API_KEY``.
        sampling: 1024 tokens, temperature 0 by default.
        cache: answers are kept in the user's cache directory, and the same question is not asked again.
        detector: OWLv2's weights: a folder, or a name on the Hugging Face hub that has been downloaded.
        threshold: least score of a detection.
        per_query: most detections of one thing that the model is told of.
        device: where the detector runs, as torch names it.

    Raises:
        InvalidOptionError: an option has an impossible value, or the key is not set.
        MissingDependencyError: the package ``openai``, or one that the detector needs, is not installed.
    """

    privileged = False

    def __init__(
        self,
        *,
        model: str,
        connection: Connection = _CONNECTION,
        sampling: Sampling = _SAMPLING,
        cache: bool = True,
        detector: str = DEFAULT_MODEL,
        threshold: float = 0.1,
        per_query: int = 3,
        device: str = "cpu",
    ) -> None:
        if per_query < 1:
            raise InvalidOptionError(f"per_query is a whole number from 1, got {per_query!r}")
        check_ready(connection)
        self._detector = OwlV2Detector(detector, threshold=threshold, device=device)
        self._model, self._connection, self._sampling = model, connection, sampling
        self._cache, self._per_query = cache, per_query

    def propose(self, image_rgb: NDArray[np.uint8], instruction: str, context: PlannerContext) -> Proposal:
        """The path of the program that the model writes; see `propose_by_code` for the record.

        Raises:
            PlannerError: nothing was detected, there was no answer, or its program gave no path.
            MissingDependencyError: the detector's weights are not on this machine.
        """
        return propose_by_code(image_rgb, instruction, detector=self._detector, ask=self._ask, per_query=self._per_query)

    def _ask(self, text: str) -> dict[str, Any]:
        inquiry = Inquiry(planner=NAME, models=(self._model,), text=text, image=None, sampling=self._sampling.fields(), extra={})
        return answer_remotely(inquiry, self._connection, cached=self._cache)
