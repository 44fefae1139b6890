"""OpenVLA's network as an agent."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hamster_bench.agent import EpisodeContext
from hamster_bench.baselines.openvla.actions import ActionTokens, chosen_statistics
from hamster_bench.baselines.openvla.checkpoint import Model
from hamster_bench.baselines.openvla.images import central_crop, pixel_values, resized
from hamster_bench.baselines.openvla.motion import delta_poses
from hamster_bench.baselines.parts.threads import one_thread


@dataclass
class Memory:
    """What is remembered of an episode: the instruction's tokens, and actions that are still to be carried out."""

    tokens: list[int]
    planned: deque[NDArray[np.float64]] = field(default_factory=deque)


class OpenVLAPolicy:
    """Asks a model for one action at a time.

    Args:
        model: the model.
        camera: whose images it sees.
        key: data set whose statistics apply; None where there is only one.
        crop: run on the central crop, as models fine-tuned with crops want it.
        steps: control steps an answer is for; None for what the model was trained on.

    Raises:
        UnknownNameError: the model does not know the data set.
        InvalidOptionError: it knows several, and none is chosen.
    """

    def __init__(self, model: Model, camera: str, key: str | None, *, crop: bool, steps: int | None = None) -> None:
        settings = model.network.settings
        self._model, self._camera, self._crop = model, camera, crop
        self._steps = settings.control_steps if steps is None else steps
        self._statistics = chosen_statistics(model.statistics, key)
        self._code = ActionTokens(settings.vocabulary, settings.bins)

    def begin(self, context: EpisodeContext) -> Memory:
        """Reads the instruction."""
        return Memory(self._model.prompt(context.instruction))

    def act(self, memory: Memory, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next ``delta_pose`` (7,)."""
        if not memory.planned:
            image = observation[f"{self._camera}_rgb"]
            memory.planned.extend(delta_poses(self.answer(image, memory.tokens), self._steps))
        return memory.planned.popleft()

    def answer(self, image_rgb: NDArray[np.uint8], tokens: Sequence[int]) -> NDArray[np.float64]:
        """What the model answers to an image and the tokens of a prompt, in the units of its data set."""
        network = self._model.network
        square = resized(image_rgb, network.settings.image_size)
        square = central_crop(square) if self._crop else square
        weight = network.projector.fc1.weight
        pixels = pixel_values(square[None]).to(weight.device, weight.dtype)
        prompt = torch.tensor([list(tokens)], device=weight.device)
        with one_thread():
            answered = network.generate(pixels, prompt, len(self._statistics.low)).tokens[0].cpu().numpy()
        return self._statistics.restore(self._code.decode(answered))
