"""The agents of 3D Diffuser Actor as they are registered. Importing this module needs no PyTorch; making an agent does."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode, AgentNeeds, EpisodeContext, PathForm
from hamster_bench.errors import InvalidOptionError, MissingDependencyError, StoreError
from hamster_bench.registry import Registry

if TYPE_CHECKING:
    from hamster_bench.baselines.diffuser_actor.agent import DiffuserActorAgent

_INSTALL = "pip install 'hamster-bench[torch]'"
_SHIPPED = Path(__file__).resolve().parent / "weights"

# Checkpoints that come with the package, by the name users give; docs/diffuser_actor.md says how they were trained.
CHECKPOINTS: Registry[Path] = Registry("checkpoint of diffuser_actor")
CHECKPOINTS.register("small_vanilla", _SHIPPED / "small_vanilla.safetensors")
CHECKPOINTS.register("small_path", _SHIPPED / "small_path.safetensors")


class ThreeDDiffuserActor:
    """3D Diffuser Actor: images with depth and the instruction become the next keypose.

    Args:
        checkpoint: a registered name (`CHECKPOINTS`) or a file.
        device: where to compute, as torch names it.
        sampler: ``"ddpm"`` or ``"ddim"``; None for what the checkpoint says.
        steps: number of sampling steps; None for what the checkpoint says.

    Raises:
        MissingDependencyError: PyTorch is not installed.
        StoreError: there is no such checkpoint, or it is damaged.
        InvalidOptionError: the checkpoint was trained on images with a path, or an option has a wrong value.
    """

    action_mode: ActionMode = "keypose"
    _path: PathForm = "none"

    def __init__(
        self,
        checkpoint: str = "small_vanilla",
        device: str = "cpu",
        sampler: Literal["ddpm", "ddim"] | None = None,
        steps: int | None = None,
    ) -> None:
        self.checkpoint_file = _file(checkpoint)
        self._agent, self.checkpoint_fingerprint = _loaded(checkpoint, self._path, device, sampler, steps)
        self.needs: AgentNeeds = self._agent.needs

    def reset(self, context: EpisodeContext) -> None:
        """Forgets the gripper's history and reads the instruction."""
        self._agent.reset(context)

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next keypose (9,).

        Raises:
            AgentError: there was no reset before, or the network's numbers became no pose.
        """
        return self._agent.act(observation)


class HamsterThreeDDiffuserActor(ThreeDDiffuserActor):
    """HAMSTER with 3D Diffuser Actor: the same policy, trained on images with the 2D path drawn over them.

    Whose path it is given is a rule of the evaluation (``--path-planner``).

    Args:
        checkpoint: a registered name (`CHECKPOINTS`) or a file.
        device: where to compute, as torch names it.
        sampler: ``"ddpm"`` or ``"ddim"``; None for what the checkpoint says.
        steps: number of sampling steps; None for what the checkpoint says.

    Raises:
        MissingDependencyError: PyTorch is not installed.
        StoreError: there is no such checkpoint, or it is damaged.
        InvalidOptionError: the checkpoint was trained on images without a path, or an option has a wrong value.
    """

    _path: PathForm = "overlay"

    def __init__(
        self,
        checkpoint: str = "small_path",
        device: str = "cpu",
        sampler: Literal["ddpm", "ddim"] | None = None,
        steps: int | None = None,
    ) -> None:
        super().__init__(checkpoint, device, sampler, steps)


def _file(checkpoint: str) -> Path:
    file = CHECKPOINTS.get(checkpoint) if checkpoint in CHECKPOINTS.names() else Path(checkpoint)
    if not file.is_file():
        raise StoreError(f"there is no checkpoint {checkpoint!r}; give a file, or one of {', '.join(CHECKPOINTS.names())}")
    return file


def _loaded(
    checkpoint: str, path: PathForm, device: str, sampler: Literal["ddpm", "ddim"] | None, steps: int | None
) -> tuple[DiffuserActorAgent, str]:
    """The policy of a checkpoint, and the first 12 digits of the file's SHA-256."""
    if importlib.util.find_spec("torch") is None:
        raise MissingDependencyError(f"3D Diffuser Actor needs PyTorch; install it with: {_INSTALL}")
    from hamster_bench.baselines.diffuser_actor.agent import DiffuserActorAgent
    from hamster_bench.baselines.diffuser_actor.checkpoint import load

    file = _file(checkpoint)
    held = load(file)
    learning = held.training.get("learning") or {}
    trained_on: PathForm = "overlay" if learning.get("path") else "none"
    if held.training and trained_on != path:
        kind, right = ("with", "hamster_3d_da") if trained_on == "overlay" else ("without", "3d_da")
        raise InvalidOptionError(f"{file.name} was trained on images {kind} a path; run it as {right}:checkpoint={checkpoint}")
    settings = held.network.settings
    held.network.settings = replace(
        settings, sampler=sampler or settings.sampler, sampling_steps=settings.sampling_steps if steps is None else steps
    )
    return DiffuserActorAgent(held.network, path, device), hashlib.sha256(file.read_bytes()).hexdigest()[:12]
