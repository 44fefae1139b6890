"""How OpenVLA's networks learn: a small one from nothing, a published one by low-rank changes of its weights."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hamster_bench.baselines.openvla.actions import ActionStatistics, ActionTokens
from hamster_bench.baselines.openvla.augmentation import Augmentation, augmented
from hamster_bench.baselines.openvla.checkpoint import Model, save_file, save_folder
from hamster_bench.baselines.openvla.images import pixel_values
from hamster_bench.baselines.openvla.network import IGNORED, OpenVLA
from hamster_bench.baselines.openvla.samples import DeltaSamples
from hamster_bench.baselines.openvla.settings import SETTINGS, OpenVLASettings
from hamster_bench.baselines.openvla.text import Prompt, WordPrompt
from hamster_bench.baselines.parts.weights import write_own
from hamster_bench.baselines.training.settings import TrainingSettings
from hamster_bench.errors import MissingDependencyError
from hamster_bench.registry import Registry

# Name of our demonstrations among a model's data sets.
DATA_SET = "hamster_bench"
ADAPTER = "openvla_lora"


@dataclass(frozen=True, kw_only=True)
class LoraSettings:
    """Low-rank changes of all linear layers but the last one of the language model (OpenVLA's fine-tuning script).

    Attributes:
        rank: of the changes.
        alpha: their factor is alpha / rank.
    """

    rank: int = 32
    alpha: int = 16


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    Attributes:
        network: of a network that is trained from nothing; None for one that is fine-tuned.
        training: batches and rates.
        augmentation: of the images.
    """

    network: OpenVLASettings | None
    training: TrainingSettings
    augmentation: Augmentation = field(default_factory=Augmentation)


RECIPES: Registry[Recipe] = Registry("openvla configuration")
RECIPES.register(
    "tiny",
    Recipe(
        network=SETTINGS.get("tiny"),
        training=TrainingSettings(
            steps=12_000,
            batch=16,
            learning_rate=5e-4,
            schedule="cosine",
            warmup=300,
            clip=1.0,
            average=0.998,
            validate_every=1_000,
        ),
        augmentation=Augmentation(brightness=0.1, hue=0.02),
    ),
)
# The original's fine-tuning: AdamW without decay, a constant rate, 16 samples for each card.
RECIPES.register(
    "lora",
    Recipe(
        network=None,
        training=TrainingSettings(
            steps=200_000, batch=16, learning_rate=5e-4, weight_decay=0.01, precision="bfloat16", validate_every=5_000
        ),
    ),
)


@dataclass(frozen=True, eq=False)
class TokenBatch:
    """What one step learns from: pixels (b, 6, H, W), tokens (b, n), labels (b, n) and which tokens are there (b, n)."""

    pixels: Tensor
    tokens: Tensor
    labels: Tensor
    present: Tensor


class OpenVLALearner:
    """A `hamster_bench.baselines.training.learner.Learner` that trains every parameter of a network.

    Args:
        network: the network.
        prompt: turns instructions into tokens.
        statistics: of the data set's actions, as ``norm_stats`` has them.
        augmentation: of the images.
        device: where to train, as torch names it.
    """

    name = "openvla"

    def __init__(
        self,
        network: OpenVLA,
        prompt: Prompt,
        statistics: Mapping[str, Any],
        augmentation: Augmentation,
        device: str | torch.device = "cpu",
    ) -> None:
        self.network = network.to(device)
        self.statistics = dict(statistics)
        self._prompt, self._augmentation, self._device = prompt, augmentation, torch.device(device)
        self._normalised = ActionStatistics.from_json(statistics[DATA_SET]["action"])
        self._code = ActionTokens(network.settings.vocabulary, network.settings.bins)

    @classmethod
    def from_nothing(
        cls,
        settings: OpenVLASettings,
        statistics: Mapping[str, Any],
        augmentation: Augmentation,
        *,
        seed: int,
        device: Any = "cpu",
    ) -> OpenVLALearner:
        """A learner of a network with random weights."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = OpenVLA(settings)
            for tower in (network.vision_backbone.featurizer, network.vision_backbone.fused_featurizer):
                nn.init.trunc_normal_(tower.pos_embed, std=0.02)
                for name, parameter in tower.named_parameters():
                    # Pretraining starts from 1e-5; without any, the branches would hardly take part.
                    if name.endswith("scale_factor"):
                        nn.init.constant_(parameter, 0.1)
        return cls(network, WordPrompt(settings), statistics, augmentation, device)

    @property
    def module(self) -> nn.Module:
        """The network."""
        return self.network

    def configuration(self) -> Mapping[str, Any]:
        """Sizes of the network, the data's statistics and the changes of images."""
        return {
            "network": self.network.settings.to_json(),
            "statistics": self.statistics,
            # As JSON gives it back: tuples are lists there.
            "augmentation": json.loads(json.dumps(asdict(self._augmentation))),
        }

    def optimiser(self, settings: TrainingSettings) -> torch.optim.Optimizer:
        """AdamW on whatever is trained."""
        trained = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        return torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=settings.weight_decay)

    def batch(
        self, samples: DeltaSamples, indices: NDArray[np.integer[Any]], rng: np.random.Generator, *, augment: bool = True
    ) -> TokenBatch:
        """Images in other crops and colours, each told in one of the task's phrasings, and the action that follows as tokens."""
        images = samples.rgb[indices]
        phrasings = [samples.instructions[int(episode)] for episode in samples.episodes[indices]]
        if augment:
            images = np.stack([augmented(image, self._augmentation, rng) for image in images])
            texts = [options[int(rng.integers(len(options)))] for options in phrasings]
        else:
            texts = [options[0] for options in phrasings]
        answers = self._code.encode(self._normalised.normalise(samples.actions[indices]))
        tokens, labels, present = self._rows([self._prompt(text) for text in texts], answers)
        return TokenBatch(pixel_values(images), tokens, labels, present)

    def losses(self, batch: TokenBatch, generator: torch.Generator) -> dict[str, Tensor]:
        """Cross-entropy of the action tokens and the stop token, and the share of action tokens that are right."""
        at = self._device
        labels = batch.labels.to(at)
        dtype = self.network.projector.fc1.weight.dtype
        loss, scores = self.network.loss(batch.pixels.to(at, dtype), batch.tokens.to(at), labels, batch.present.to(at))
        return {"loss": loss, "token_accuracy": self._right(scores.detach(), labels).mean()}

    def errors(self, batch: TokenBatch, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
        """Share of action tokens that are right, and how far the decoded actions are off, each token given the right ones before it."""
        at = self._device
        labels = batch.labels.to(at)
        dtype = self.network.projector.fc1.weight.dtype
        _, scores = self.network.loss(batch.pixels.to(at, dtype), batch.tokens.to(at), labels, batch.present.to(at))
        spoken = self._spoken(labels)
        count = int(spoken.sum()) // len(labels)
        chosen = scores.argmax(-1)[spoken].view(len(labels), count).cpu().numpy()
        wanted = labels[:, 1:][spoken].view(len(labels), count).cpu().numpy()
        answered, meant = (self._normalised.restore(self._code.decode(tokens)) for tokens in (chosen, wanted))
        return {
            "token_accuracy": (chosen == wanted).mean(axis=1),
            "position_error_m": np.linalg.norm(answered[:, :3] - meant[:, :3], axis=1),
            "rotation_error_deg": np.rad2deg(np.linalg.norm(answered[:, 3:6] - meant[:, 3:6], axis=1)),
            "opening_right": ((answered[:, 6] > 0.5) == (meant[:, 6] > 0.5)).astype(np.float64),
        }

    def save(self, file: Path, weights: Mapping[str, Tensor], training: Mapping[str, Any]) -> None:
        """Writes a file that `checkpoint.load` reads."""
        save_file(file, self.network.settings, weights, self.statistics, training)

    def _rows(self, prompts: Sequence[list[int]], answers: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        settings = self.network.settings
        rows = [[*prompt, *answer, settings.stop] for prompt, answer in zip(prompts, answers.tolist(), strict=True)]
        longest = max(map(len, rows))
        tokens = torch.full((len(rows), longest), settings.padding)
        labels = torch.full((len(rows), longest), IGNORED)
        present = torch.zeros((len(rows), longest), dtype=torch.bool)
        for number, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
            tokens[number, : len(row)] = torch.tensor(row)
            labels[number, len(prompt) : len(row)] = torch.tensor(row[len(prompt) :])
            present[number, : len(row)] = True
        return tokens, labels, present

    def _spoken(self, labels: Tensor) -> Tensor:
        """Where action tokens are to be predicted, (b, n - 1)."""
        return labels[:, 1:] > self._code.vocabulary - self._code.bins - 1

    def _right(self, scores: Tensor, labels: Tensor) -> Tensor:
        spoken = self._spoken(labels)
        return (scores.argmax(-1) == labels[:, 1:])[spoken].float()


class LoraLearner(OpenVLALearner):
    """Trains low-rank changes of a published network's weights; nothing else is kept in the state of a training.

    Args:
        model: the network with its prompt.
        statistics: of the data set's actions.
        lora: rank and factor.
        augmentation: of the images.
        seed: of the first changes.
        device: where to train, as torch names it.

    Raises:
        MissingDependencyError: ``peft`` is not installed.
    """

    name = "openvla_lora"

    def __init__(
        self,
        model: Model,
        statistics: Mapping[str, Any],
        lora: LoraSettings,
        augmentation: Augmentation,
        *,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        try:
            peft: Any = importlib.import_module("peft")
        except ImportError as error:
            raise MissingDependencyError(
                "fine-tuning needs peft; install it with: pip install 'hamster-bench[openvla]'"
            ) from error
        super().__init__(model.network, model.prompt, statistics, augmentation, device)
        self._lora = lora
        head = "language_model.lm_head"
        layers = [name for name, layer in model.network.named_modules() if isinstance(layer, nn.Linear) and name != head]
        configuration = peft.LoraConfig(
            r=lora.rank, lora_alpha=lora.alpha, lora_dropout=0.0, target_modules=layers, init_lora_weights="gaussian"
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._adapted: Any = peft.get_peft_model(model.network, configuration)
        self._trained = _Trained({n: p for n, p in self._adapted.named_parameters() if p.requires_grad})

    @property
    def module(self) -> nn.Module:
        """The low-rank changes alone."""
        return self._trained

    def configuration(self) -> Mapping[str, Any]:
        """As of the whole network, with rank and factor."""
        return {**super().configuration(), "lora": asdict(self._lora)}

    def save(self, file: Path, weights: Mapping[str, Tensor], training: Mapping[str, Any]) -> None:
        """Writes the changes; `merge` writes the model."""
        held = {"network": self.network.settings.to_json(), "statistics": self.statistics, "lora": asdict(self._lora)}
        write_own(file, ADAPTER, weights, json.dumps(held), training)

    def merge(self, directory: Path, source: Path) -> None:
        """Adds the changes to the weights and writes the model as it was published; no training follows.

        Raises:
            StoreError: it cannot be written.
        """
        merged: OpenVLA = self._adapted.merge_and_unload()
        save_folder(directory, merged, self.statistics, source)


class _Trained(nn.Module):
    """Parameters of another module under names a module may have."""

    def __init__(self, parameters: Mapping[str, nn.Parameter]) -> None:
        super().__init__()
        for name, parameter in parameters.items():
            self.register_parameter(name.replace(".", "|"), parameter)
