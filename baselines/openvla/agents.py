"""The agents of OpenVLA as they are registered. Importing this module needs no PyTorch; using a network does."""

from __future__ import annotations

import importlib.util
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode, AgentNeeds, EpisodeContext
from hamster_bench.baselines.openvla.fingerprint import weights_fingerprint
from hamster_bench.baselines.openvla.motion import delta_poses
from hamster_bench.baselines.openvla.rest import Form, RestServer, check_it_looks
from hamster_bench.errors import AgentError, InvalidOptionError, MissingDependencyError, StoreError
from hamster_bench.registry import Registry

if TYPE_CHECKING:
    from hamster_bench.baselines.openvla.agent import Memory, OpenVLAPolicy

_INSTALL = "pip install 'hamster-bench[openvla]'"
_SHIPPED = Path(__file__).resolve().parent / "weights"

# Checkpoints of tiny_vla by the name users give; docs/openvla.md says how they are trained.
CHECKPOINTS: Registry[Path] = Registry("checkpoint of tiny_vla")
CHECKPOINTS.register("tiny", _SHIPPED / "tiny.safetensors")


class OpenVLAAgent:
    """OpenVLA: an image and the instruction become a small change of the gripper's pose, over and over.

    Args:
        checkpoint: folder of the model as published or fine-tuned, or a file of this project.
        key: data set of the model whose actions are meant (``unnorm_key``); needed where it knows several.
        camera: whose images it sees.
        crop: run on the central crop of 0.9 of the area, as models fine-tuned with crops want it.
        steps: control steps of 0.05 s one answer is for; 4 for a data set of 5 Hz. None for what a model of this project was trained on,
            and 1 for others.
        device: where to compute, as torch names it.
        precision: ``"bfloat16"`` or ``"float32"``; None for the first on a graphics card and the second elsewhere.

    Raises:
        MissingDependencyError: PyTorch or transformers is not installed.
        StoreError: there is no such model.
        InvalidOptionError: an option has an impossible value.
    """

    action_mode: ActionMode = "delta_pose"
    # One at a time: sums in a batch come out in another order, and the last bit decides between two close tokens.
    max_batch_size = 1

    def __init__(
        self,
        checkpoint: str,
        key: str | None = None,
        camera: str = "front",
        crop: bool = False,
        steps: int | None = None,
        device: str = "cpu",
        precision: Literal["bfloat16", "float32"] | None = None,
    ) -> None:
        for package in ("torch", "transformers"):
            if importlib.util.find_spec(package) is None:
                raise MissingDependencyError(f"openvla needs {package}; install it with: {_INSTALL}")
        self.checkpoint_file = Path(checkpoint)
        if not self.checkpoint_file.exists():
            raise StoreError(f"there is no model at {checkpoint}")
        self._options = (key, camera, crop, None if steps is None else _at_least_one(steps), device, precision)
        self.needs = AgentNeeds(cameras=(camera,))
        self.checkpoint_fingerprint = weights_fingerprint(self.checkpoint_file)
        self._policy: OpenVLAPolicy | None = None
        self._episode: Memory | None = None

    def begin(self, context: EpisodeContext) -> Memory:
        """Reads the instruction; loads the weights the first time."""
        return self._loaded().begin(context)

    def act_batch(self, episodes: Sequence[Memory], observations: Sequence[Mapping[str, Any]]) -> list[NDArray[np.float64]]:
        """The next action of each episode."""
        policy = self._loaded()
        return [policy.act(episode, seen) for episode, seen in zip(episodes, observations, strict=True)]

    def reset(self, context: EpisodeContext) -> None:
        """Begins the agent's own episode."""
        self._episode = self.begin(context)

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next ``delta_pose`` (7,).

        Raises:
            AgentError: there was no reset before.
        """
        if self._episode is None:
            raise AgentError("openvla must be reset before it acts")
        return self.act_batch([self._episode], [observation])[0]

    def _loaded(self) -> OpenVLAPolicy:
        if self._policy is None:
            import torch

            from hamster_bench.baselines.openvla.agent import OpenVLAPolicy
            from hamster_bench.baselines.openvla.checkpoint import load

            key, camera, crop, steps, device, precision = self._options
            small = precision == "bfloat16" or (precision is None and device != "cpu")
            model = load(self.checkpoint_file, torch.bfloat16 if small else torch.float32, device)
            self._policy = OpenVLAPolicy(model, camera, key, crop=crop, steps=steps)
        return self._policy


class TinyVLAAgent(OpenVLAAgent):
    """OpenVLA's architecture at a size that trains on a processor from this benchmark's demonstrations alone; no pretraining.

    Args:
        checkpoint: a registered name (`CHECKPOINTS`) or a file.
        device: where to compute, as torch names it.

    Raises:
        MissingDependencyError: PyTorch or transformers is not installed.
        StoreError: there is no such checkpoint.
    """

    def __init__(self, checkpoint: str = "tiny", device: str = "cpu") -> None:
        place = CHECKPOINTS.get(checkpoint) if checkpoint in CHECKPOINTS.names() else Path(checkpoint)
        super().__init__(str(place), device=device, precision="float32")


class OpenVLARestAgent:
    """OpenVLA behind its official server (``vla-scripts/deploy.py``), in whatever environment that needs.

    Args:
        url: ``http://host:port``.
        key: data set of the model whose actions are meant (``unnorm_key``); None where it knows only one.
        form: ``"plain"`` or ``"encoded"`` requests, or ``"oft"`` for OpenVLA-OFT.
        camera: whose images it sees.
        steps: control steps of 0.05 s one answer is for; 4 for a data set of 5 Hz.
        timeout: [s] an answer may take.
        wait: [s] to wait for a server that does not listen.
        probe: make sure, once, that images and instructions count for the model.

    Raises:
        InvalidOptionError: an option has an impossible value.
    """

    action_mode: ActionMode = "delta_pose"

    def __init__(
        self,
        url: str,
        key: str | None = None,
        form: Form = "plain",
        camera: str = "front",
        steps: int = 1,
        timeout: float = 120.0,
        wait: float = 60.0,
        probe: bool = True,
    ) -> None:
        if timeout <= 0.0 or wait < 0.0:
            raise InvalidOptionError(f"timeout is above 0 and wait from 0, got {timeout:g} and {wait:g}")
        self._server = RestServer(url, form, timeout)
        self._key, self._camera, self._steps, self._wait = key, camera, _at_least_one(steps), wait
        self.needs = AgentNeeds(cameras=(camera,))
        self._unchecked = probe
        self._instruction: str | None = None
        self._planned: deque[NDArray[np.float64]] = deque()

    def reset(self, context: EpisodeContext) -> None:
        """Waits for the server, and has a look at its model the first time.

        Raises:
            AgentUnavailableError: nobody listens.
            AgentError: the model fails, or ignores what it sees.
        """
        self._server.wait(self._wait)
        if self._unchecked:
            check_it_looks(self._server, self._key)
            self._unchecked = False
        self._instruction = context.instruction
        self._planned.clear()

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next ``delta_pose`` (7,).

        Raises:
            AgentError: there was no reset before, or the server failed.
        """
        if self._instruction is None:
            raise AgentError("openvla_rest must be reset before it acts")
        if not self._planned:
            for answer in self._server.ask(observation[f"{self._camera}_rgb"], self._instruction, self._key):
                self._planned.extend(delta_poses(answer, self._steps))
        return self._planned.popleft()


def _at_least_one(steps: int) -> int:
    if steps < 1:
        raise InvalidOptionError(f"steps are control steps from 1, got {steps}")
    return steps
