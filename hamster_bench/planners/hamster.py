"""HAMSTER's own planner, behind the server its authors published."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hamster_bench.planners.answer_options import AnswerOptions
from hamster_bench.planners.chat import Connection, check_ready
from hamster_bench.planners.contract import PlannerContext, Proposal
from hamster_bench.planners.prompts import hamster_prompt
from hamster_bench.planners.remote import Inquiry, propose_remotely
from hamster_bench.planners.sampling import Sampling
from hamster_bench.planners.sent_image import ImageOptions, prepare_image

# The published server allows the first, the published client asks for the second.
_SPELLINGS = ("HAMSTER_dev", "Hamster_dev")

# The published client's settings.
_CONNECTION = Connection(url="http://127.0.0.1:8000")
_IMAGE = ImageOptions()
_SAMPLING = Sampling(max_tokens=128, temperature=0.0, top_p=0.95)
_ANSWERS = AnswerOptions()


class HamsterPlanner:
    """Asks HAMSTER's server, in the words and with the sampling of its published client.

    Args:
        model: name of the model. Where it is one of the two published spellings, the other is tried when the server refuses it.
        connection: where the server is; by default on this machine, port 8000, without a key.
        image: how the image is sent.
        sampling: 128 tokens, temperature 0, top-p 0.95 by default.
        answers: how answers are kept and read.

    Raises:
        InvalidOptionError: an option has an impossible value.
        MissingDependencyError: the package ``openai`` is not installed.
    """

    privileged = False

    def __init__(
        self,
        *,
        model: str = _SPELLINGS[0],
        connection: Connection = _CONNECTION,
        image: ImageOptions = _IMAGE,
        sampling: Sampling = _SAMPLING,
        answers: AnswerOptions = _ANSWERS,
    ) -> None:
        check_ready(connection)
        self._models = (model, *(other for other in _SPELLINGS if other != model)) if model in _SPELLINGS else (model,)
        self._connection, self._image, self._sampling, self._answers = connection, image, sampling, answers

    def propose(self, image_rgb: NDArray[np.uint8], instruction: str, context: PlannerContext) -> Proposal:
        """The path the server answers with; see `propose_remotely` for the record.

        Raises:
            PlannerError: there was no answer, or it is no path.
        """
        inquiry = Inquiry(
            planner="hamster",
            models=self._models,
            text=hamster_prompt(instruction),
            image=prepare_image(image_rgb, self._image),
            sampling=self._sampling.fields(),
            extra={"num_beams": 1, "use_cache": False},
        )
        return propose_remotely(
            inquiry, self._connection, self._answers, start_open=self._answers.start_open(context.gripper_open)
        )
