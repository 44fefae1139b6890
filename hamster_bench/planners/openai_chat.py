"""Any vision-language model behind an OpenAI-style chat endpoint, asked for a path without having been trained for it."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import UnknownNameError
from hamster_bench.planners.answer_options import AnswerOptions
from hamster_bench.planners.chat import Connection, check_ready
from hamster_bench.planners.contract import PlannerContext, Proposal
from hamster_bench.planners.prompts import hamster_prompt, rt_trajectory_prompt
from hamster_bench.planners.remote import Inquiry, propose_remotely
from hamster_bench.planners.sampling import Sampling
from hamster_bench.planners.sent_image import ImageOptions, SentImage, prepare_image

Prompt = Literal["rt_trajectory", "hamster"]

_CONNECTION = Connection(url="https://api.openai.com/v1", key_env="OPENAI_API_KEY")
_IMAGE = ImageOptions()
_SAMPLING = Sampling(max_tokens=512, temperature=0.0)
_ANSWERS = AnswerOptions(start="observed")


class OpenAIPlanner:
    """Asks any model with an OpenAI-style chat endpoint for a path.

    The zero-shot prompt of RT-Trajectory tells the model where the gripper is and asks for what follows, so the path begins there. With
    HAMSTER's prompt the path is what the model says. On a picture whose camera is not known, or that does not show the gripper, the
    position is left out.

    Args:
        model: name of the model.
        prompt: ``"rt_trajectory"`` or ``"hamster"``.
        connection: where the model is; by default OpenAI's own servers with the key in ``OPENAI_API_KEY``. For a server without keys
            give an empty ``key_env``.
        image: how the image is sent.
        sampling: 512 tokens, temperature 0 by default.
        answers: how answers are kept and read; the gripper starts in the state it has.

    Raises:
        InvalidOptionError: an option has an impossible value, or the key is not set.
        UnknownNameError: there is no such prompt.
        MissingDependencyError: the package ``openai`` is not installed.
    """

    privileged = False

    def __init__(
        self,
        *,
        model: str,
        prompt: Prompt = "rt_trajectory",
        connection: Connection = _CONNECTION,
        image: ImageOptions = _IMAGE,
        sampling: Sampling = _SAMPLING,
        answers: AnswerOptions = _ANSWERS,
    ) -> None:
        check_ready(connection)
        if prompt not in get_args(Prompt):
            raise UnknownNameError("prompt", prompt, get_args(Prompt))
        self._model, self._prompt = model, prompt
        self._connection, self._image, self._sampling, self._answers = connection, image, sampling, answers

    def propose(self, image_rgb: NDArray[np.uint8], instruction: str, context: PlannerContext) -> Proposal:
        """The path the model answers with; see `propose_remotely` for the record.

        Raises:
            PlannerError: there was no answer, or it is no path.
        """
        image = prepare_image(image_rgb, self._image)
        position = _gripper_in(image, context) if self._prompt == "rt_trajectory" else None
        text = rt_trajectory_prompt(instruction, position) if self._prompt == "rt_trajectory" else hamster_prompt(instruction)
        inquiry = Inquiry(
            planner="openai", models=(self._model,), text=text, image=image, sampling=self._sampling.fields(), extra={}
        )
        start_open = self._answers.start_open(context.gripper_open)
        return propose_remotely(inquiry, self._connection, self._answers, start=position, start_open=start_open)


def _gripper_in(image: SentImage, context: PlannerContext) -> tuple[float, float] | None:
    """Where the gripper tip is in the sent image [fraction], or None where that is unknown or out of sight."""
    camera = context.camera
    if camera is None or context.gripper_pose is None:
        return None
    uv, depth = camera.project(context.gripper_pose[None, :3])
    x, y = image.in_sent_image(uv[0] / (camera.width, camera.height)).tolist()
    return (x, y) if depth[0] > 0.0 and 0.0 <= x <= 1.0 and 0.0 <= y <= 1.0 else None
