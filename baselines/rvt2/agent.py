"""RVT-2 as an agent: images and depths in, one keypose out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hamster_bench.agent import ActionMode, AgentNeeds, EpisodeContext, PathForm
from hamster_bench.baselines.parts.cameras import colors_of, points_of
from hamster_bench.baselines.parts.text import ClipResNetText, word_numbers
from hamster_bench.baselines.parts.threads import one_thread
from hamster_bench.baselines.rvt2.checkpoint import load
from hamster_bench.baselines.rvt2.network import Rvt2, Situation
from hamster_bench.baselines.rvt2.settings import Rvt2Settings
from hamster_bench.envs.contract import WORKSPACE_LOWER, WORKSPACE_UPPER
from hamster_bench.errors import AgentError, InvalidOptionError

# Opening of one finger of the Franka Hand [m]. Observations tell open or closed, not how far.
_FINGER_OPENING = 0.04


class Rvt2Agent:
    """Decides on a keypose by what the cameras show now, the instruction, the gripper's state and the number of keyposes so far.

    Nothing is random. Positions are clipped into the workspace, as in the original's evaluation.

    Args:
        network: with its weights.
        path: ``"overlay"`` for a network trained on images with the path drawn over them, ``"channels"`` for one with six colour
            channels, else ``"none"``.
        device: where to compute, as torch names it.

    Raises:
        InvalidOptionError: the form of the path and the network's colour channels do not go together.
        StoreError: the network reads CLIP's text features, and their weights are not there.
        MissingDependencyError: the same for a package.
    """

    action_mode: ActionMode = "keypose"

    def __init__(self, network: Rvt2, path: PathForm = "none", device: str = "cpu") -> None:
        settings = network.settings
        if (settings.color_channels == 6) != (path == "channels") or path == "points":
            raise InvalidOptionError(
                f"a network with {settings.color_channels} colour channels takes the path "
                f"{'as channels' if settings.color_channels == 6 else 'as an overlay, or none'}, not as {path!r}"
            )
        self.needs = AgentNeeds(cameras=settings.cameras, image_size=settings.image_size, path=path)
        self._network = network.to(device).eval()
        self._device = torch.device(device)
        self._clip = ClipResNetText(device=device) if settings.text == "clip" else None
        self._instruction: Tensor | None = None
        self._acted: int | None = None

    @classmethod
    def from_checkpoint(
        cls, file: Path, settings: Rvt2Settings | None = None, path: PathForm = "none", device: str = "cpu"
    ) -> Rvt2Agent:
        """An agent with the weights of a file, as `checkpoint.load` reads it."""
        return cls(load(file, settings).network, path, device)

    def reset(self, context: EpisodeContext) -> None:
        """Starts to count keyposes and reads the instruction."""
        self._acted = 0
        if self._clip is not None:
            with one_thread():
                self._instruction = self._clip([context.instruction])
        elif self._network.settings.text == "learned":
            self._instruction = word_numbers([context.instruction]).to(self._device)

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next keypose (9,).

        Raises:
            AgentError: there was no reset before, nothing is seen inside the workspace, or the network's numbers became no pose.
        """
        if self._acted is None:
            raise AgentError("rvt2 must be reset before it acts")
        points = np.concatenate([_by_pixel(points_of(observation, camera)) for camera in self.needs.cameras])
        colors = np.concatenate([_by_pixel(self._colors(observation, camera)) for camera in self.needs.cameras])
        is_open = float(observation["gripper_open"][0])
        situation = Situation(
            self._tensor(points),
            self._tensor(colors),
            self._tensor(state(is_open, self._acted, self._network.settings.episode_length)),
            self._instruction,
        )
        with one_thread():
            if not bool(torch.isfinite(self._network.in_cube(situation.points)).any()):
                raise AgentError("no camera shows anything inside the policy's workspace; check cameras, depths and extrinsics")
            decision = self._network.decide(situation)
        if not decision.finite:
            raise AgentError("the network gave numbers that are no pose; its weights are damaged")
        self._acted += 1
        keypose = decision.keyposes()[0]
        keypose[:3] = np.clip(keypose[:3], WORKSPACE_LOWER, WORKSPACE_UPPER)
        return keypose

    def _colors(self, observation: Mapping[str, Any], camera: str) -> NDArray[np.float32]:
        rgb = np.asarray(observation[f"{camera}_rgb"])
        if self.needs.path != "channels":
            return colors_of(rgb)
        # A camera without a path of its own has a black one.
        drawn = observation.get(f"{camera}_path")
        beside = np.zeros_like(rgb) if drawn is None else np.asarray(drawn)
        return np.concatenate([colors_of(rgb), colors_of(beside)])

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values.astype(np.float32))[None].to(self._device)


def state(gripper_open: float, acted: int, episode_length: int) -> NDArray[np.float32]:
    """The network's state (4,): gripper open, both fingers' opening [m], and time from 1 to -1 over an episode's keyposes.

    Args:
        gripper_open: 1 open, 0 closed.
        acted: number of keyposes before this one.
        episode_length: number of keyposes an episode may have; later ones count as the last.
    """
    last = max(episode_length - 1, 1)
    time = 1.0 - 2.0 * min(acted, last) / last
    finger = _FINGER_OPENING * gripper_open
    return np.array([gripper_open, finger, finger, time], dtype=np.float32)


def _by_pixel(image: NDArray[Any]) -> NDArray[Any]:
    """The pixels (height * width, channels) of an image (channels, height, width)."""
    return image.reshape(len(image), -1).T
