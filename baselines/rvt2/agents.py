"""The agents of RVT-2 as they are registered. Importing this module needs no PyTorch; making an agent does."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode, AgentNeeds, EpisodeContext, PathForm
from hamster_bench.errors import InvalidOptionError, MissingDependencyError, StoreError
from hamster_bench.registry import Registry

if TYPE_CHECKING:
    from hamster_bench.baselines.rvt2.agent import Rvt2Agent

_INSTALL = "pip install 'hamster-bench[torch]'"
# By what the network sees of a path: the agent that runs it.
_AGENTS: Mapping[PathForm, str] = {"none": "rvt2", "overlay": "hamster_rvt2", "channels": "hamster_rvt2_concat"}

_SHIPPED = Path(__file__).resolve().parent / "weights"

# Checkpoints that come with the package, by the name users give; docs/rvt2.md says how they were trained.
CHECKPOINTS: Registry[Path] = Registry("checkpoint of rvt2")
for _name in ("small_vanilla", "small_path", "small_concat"):
    CHECKPOINTS.register(_name, _SHIPPED / f"{_name}.safetensors")


class Rvt2:
    """RVT-2: images with depth and the instruction become the next keypose.

    Args:
        checkpoint: a registered name (`CHECKPOINTS`) or a file: this project's own (``.safetensors``), or a published ``model_99.pth``
            with its two files of settings beside it.
        device: where to compute, as torch names it.

    Raises:
        MissingDependencyError: PyTorch is not installed.
        StoreError: there is no such checkpoint, or it is damaged.
        InvalidOptionError: the checkpoint was trained on images with a path.
    """

    action_mode: ActionMode = "keypose"

    def __init__(self, checkpoint: str = "small_vanilla", device: str = "cpu") -> None:
        self.checkpoint_file = _file(checkpoint)
        self._agent, self.checkpoint_fingerprint = _loaded(checkpoint, "none", device)
        self.needs: AgentNeeds = self._agent.needs

    def reset(self, context: EpisodeContext) -> None:
        """Starts to count keyposes and reads the instruction."""
        self._agent.reset(context)

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next keypose (9,).

        Raises:
            AgentError: there was no reset before, nothing is seen inside the workspace, or the network's numbers became no pose.
        """
        return self._agent.act(observation)


class HamsterRvt2:
    """HAMSTER with RVT-2: the same policy, trained on images with the 2D path drawn over them.

    Whose path it is given is a rule of the evaluation (``--path-planner``).

    Args:
        checkpoint: a registered name (`CHECKPOINTS`) or a file.
        device: where to compute, as torch names it.

    Raises:
        MissingDependencyError: PyTorch is not installed.
        StoreError: there is no such checkpoint, or it is damaged.
        InvalidOptionError: the checkpoint was trained without a path, or with one in channels of its own.
    """

    action_mode: ActionMode = "keypose"

    def __init__(self, checkpoint: str = "small_path", device: str = "cpu") -> None:
        self.checkpoint_file = _file(checkpoint)
        self._agent, self.checkpoint_fingerprint = _loaded(checkpoint, "overlay", device)
        self.needs: AgentNeeds = self._agent.needs

    def reset(self, context: EpisodeContext) -> None:
        """Starts to count keyposes and reads the instruction."""
        self._agent.reset(context)

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next keypose (9,).

        Raises:
            AgentError: there was no reset before, nothing is seen inside the workspace, or the network's numbers became no pose.
        """
        return self._agent.act(observation)


class HamsterRvt2Concat:
    """HAMSTER with RVT-2 and six colour channels: the image, and beside it the 2D path drawn on black.

    Whose path it is given is a rule of the evaluation (``--path-planner``).

    Args:
        checkpoint: a registered name (`CHECKPOINTS`) or a file.
        device: where to compute, as torch names it.

    Raises:
        MissingDependencyError: PyTorch is not installed.
        StoreError: there is no such checkpoint, or it is damaged.
        InvalidOptionError: the checkpoint has three colour channels.
    """

    action_mode: ActionMode = "keypose"

    def __init__(self, checkpoint: str = "small_concat", device: str = "cpu") -> None:
        self.checkpoint_file = _file(checkpoint)
        self._agent, self.checkpoint_fingerprint = _loaded(checkpoint, "channels", device)
        self.needs: AgentNeeds = self._agent.needs

    def reset(self, context: EpisodeContext) -> None:
        """Starts to count keyposes and reads the instruction."""
        self._agent.reset(context)

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next keypose (9,).

        Raises:
            AgentError: there was no reset before, nothing is seen inside the workspace, or the network's numbers became no pose.
        """
        return self._agent.act(observation)


def _file(checkpoint: str) -> Path:
    file = CHECKPOINTS.get(checkpoint) if checkpoint in CHECKPOINTS else Path(checkpoint)
    if not file.is_file():
        raise StoreError(f"there is no checkpoint {checkpoint!r}; give a file, or one of {', '.join(CHECKPOINTS.names())}")
    return file


def _loaded(checkpoint: str, path: PathForm, device: str) -> tuple[Rvt2Agent, str]:
    """The policy of a checkpoint, and the fingerprint of the file."""
    if importlib.util.find_spec("torch") is None:
        raise MissingDependencyError(f"RVT-2 needs PyTorch; install it with: {_INSTALL}")
    from hamster_bench.baselines.rvt2.agent import Rvt2Agent
    from hamster_bench.baselines.rvt2.checkpoint import load

    file = _file(checkpoint)
    held = load(file)
    learning = held.training.get("learning")
    trained_on: PathForm = held.network.settings.path_form(drawn=bool(learning and learning.get("path")))
    if trained_on != path and (learning is not None or "channels" in (trained_on, path)):
        raise InvalidOptionError(
            f"{file.name} was trained with the path in the form {trained_on!r}; run it as {_AGENTS[trained_on]}:checkpoint={checkpoint}"
        )
    return Rvt2Agent(held.network, path, device), hashlib.sha256(file.read_bytes()).hexdigest()[:12]
