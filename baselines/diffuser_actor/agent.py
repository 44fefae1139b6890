"""3D Diffuser Actor as an agent: images and depths in, one keypose out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hamster_bench.agent import ActionMode, AgentNeeds, EpisodeContext, PathForm
from hamster_bench.baselines.diffuser_actor.checkpoint import load
from hamster_bench.baselines.diffuser_actor.network import DiffuserActor, SamplingNoise, Situation
from hamster_bench.baselines.diffuser_actor.settings import DiffuserActorSettings
from hamster_bench.baselines.parts.cameras import camera_arrays
from hamster_bench.baselines.parts.text import ClipText, word_numbers
from hamster_bench.baselines.parts.threads import one_thread
from hamster_bench.envs.contract import WORKSPACE_LOWER, WORKSPACE_UPPER
from hamster_bench.errors import AgentError
from hamster_bench.geometry import quat_xyzw_normalised

# The original moves without looking out for collisions.
_IGNORE_COLLISIONS = 1.0


class DiffuserActorAgent:
    """Samples a keypose from what the cameras show now, the instruction, and where the gripper was at the keyposes before.

    All noise comes from the episode's own random stream. Positions are clipped into the workspace, as in RVT's evaluation.

    Args:
        network: with its weights.
        path: ``"overlay"`` for a network trained on images with the path drawn over them, else ``"none"``.
        device: where to compute, as torch names it.

    Raises:
        StoreError: the network reads CLIP's text features, and their weights are not there.
        MissingDependencyError: the same for a package.
    """

    action_mode: ActionMode = "keypose"

    def __init__(self, network: DiffuserActor, path: PathForm = "none", device: str = "cpu") -> None:
        settings = network.settings
        self.needs = AgentNeeds(cameras=settings.cameras, image_size=settings.image_size, path=path)
        self._network = network.to(device).eval()
        self._device = torch.device(device)
        self._clip = ClipText(device=device) if settings.text == "clip" else None
        self._rng: np.random.Generator | None = None
        self._instruction: Tensor | None = None
        self._history: list[NDArray[np.float64]] = []

    @classmethod
    def from_checkpoint(
        cls, file: Path, settings: DiffuserActorSettings | None = None, path: PathForm = "none", device: str = "cpu"
    ) -> DiffuserActorAgent:
        """An agent with the weights of a file, as `checkpoint.load` reads it."""
        return cls(load(file, settings).network, path, device)

    def reset(self, context: EpisodeContext) -> None:
        """Forgets the gripper's history and reads the instruction."""
        self._rng = context.rng
        self._history = []
        if self._clip is not None:
            with one_thread():
                self._instruction = self._clip([context.instruction])
        elif self._network.settings.text == "learned":
            self._instruction = word_numbers([context.instruction]).to(self._device)

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next keypose (9,).

        Raises:
            AgentError: there was no reset before, or the network's numbers became no pose.
        """
        if self._rng is None:
            raise AgentError("3d_da must be reset before it acts")
        self._history.append(np.asarray(observation["gripper_pose"][:3], dtype=np.float64))
        rgb, points = zip(*(camera_arrays(observation, camera) for camera in self.needs.cameras), strict=True)
        situation = Situation(
            self._tensor(np.stack(rgb)), self._tensor(np.stack(points)), self._instruction, self._tensor(np.stack(self._recent()))
        )
        noise = SamplingNoise.drawn(self._rng, self._network.settings)
        with one_thread():
            sampled = self._network.sample(situation, noise)[0, 0].cpu().numpy().astype(np.float64)
        if not np.isfinite(sampled).all():
            raise AgentError("the network gave numbers that are no pose; its weights are damaged")
        # With the setting `wxyz` the network takes and gives the same numbers in the same order and calls them by other names.
        quat_xyzw = quat_xyzw_normalised(sampled[3:7])
        position = np.clip(sampled[:3], WORKSPACE_LOWER, WORKSPACE_UPPER)
        return np.concatenate([position, quat_xyzw, [np.round(sampled[7]), _IGNORE_COLLISIONS]])

    def _recent(self) -> list[NDArray[np.float64]]:
        """The last positions at keyposes, oldest first; the first one is repeated where there were fewer."""
        wanted = self._network.settings.history
        recent = self._history[-wanted:]
        return [recent[0]] * (wanted - len(recent)) + recent

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values.astype(np.float32))[None].to(self._device)
