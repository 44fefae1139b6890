"""The network: two towers, a projector, and a Llama that reads image tokens and writes action tokens."""

from __future__ import annotations

import importlib.util
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hamster_bench.baselines.openvla.settings import LanguageSettings, OpenVLASettings
from hamster_bench.baselines.openvla.towers import Tower
from hamster_bench.errors import AgentError, MissingDependencyError

# A label that is not learned from, as PyTorch's cross-entropy counts.
IGNORED = -100


class Answer(NamedTuple):
    """What was generated.

    Attributes:
        tokens: (B, n) int64.
        scores: (B, n, embeddings) of every token.
    """

    tokens: Tensor
    scores: Tensor


class VisionBackbone(nn.Module):
    """Both towers side by side."""

    def __init__(self, settings: OpenVLASettings) -> None:
        super().__init__()
        self.featurizer = Tower(settings.dino, settings.patches, settings.patch)
        self.fused_featurizer = Tower(settings.siglip, settings.patches, settings.patch)

    def forward(self, pixels: Tensor) -> Tensor:
        """Images (B, 6, H, W), normalised for DINOv2 and for SigLIP, to (B, patches, both widths)."""
        return torch.cat((self.featurizer(pixels[:, :3]), self.fused_featurizer(pixels[:, 3:])), 2)


class Projector(nn.Module):
    """Image features to the width of the language model."""

    def __init__(self, seen: int, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(seen, 4 * seen)
        self.fc2 = nn.Linear(4 * seen, width)
        self.fc3 = nn.Linear(width, width)

    def forward(self, features: Tensor) -> Tensor:
        """(B, patches, features) to (B, patches, width)."""
        projected: Tensor = self.fc3(functional.gelu(self.fc2(functional.gelu(self.fc1(features)))))
        return projected


class OpenVLA(nn.Module):
    """The network without its weights.

    Args:
        settings: sizes.

    Raises:
        MissingDependencyError: ``transformers``, whose Llama it is, is not installed.
    """

    def __init__(self, settings: OpenVLASettings) -> None:
        super().__init__()
        self.settings = settings
        self.vision_backbone = VisionBackbone(settings)
        self.projector = Projector(settings.dino.width + settings.siglip.width, settings.language.width)
        self.language_model = _llama(settings.language)

    def image_tokens(self, pixels: Tensor) -> Tensor:
        """Images (B, 6, H, W) as the language model gets them, (B, patches, width)."""
        projected: Tensor = self.projector(self.vision_backbone(pixels))
        return projected

    def forward(self, pixels: Tensor, tokens: Tensor, present: Tensor | None = None) -> Tensor:
        """Scores of the next token everywhere.

        Args:
            pixels: (B, 6, H, W).
            tokens: (B, n); the image's come after the first.
            present: (B, n) bool, False where tokens only fill up at the end.

        Returns:
            (B, n + patches, embeddings).
        """
        embedded = self._embedded(pixels, tokens)
        mask = None
        if present is not None:
            image = present.new_ones(len(present), self.settings.patches)
            mask = torch.cat((present[:, :1], image, present[:, 1:]), 1).long()
        scores: Tensor = self.language_model(inputs_embeds=embedded, attention_mask=mask, use_cache=False).logits
        return scores

    def loss(self, pixels: Tensor, tokens: Tensor, labels: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of the labels, and the scores behind them.

        Args:
            pixels: (B, 6, H, W).
            tokens: (B, n).
            labels: (B, n), `IGNORED` where nothing is to be learned.
            present: as in `forward`.

        Returns:
            The loss, and scores (B, n - 1, embeddings) of every token after the first.
        """
        scores = self(pixels, tokens, present)
        # The token after position i is scored at position i; the image stands between the first two.
        following = scores[:, self.settings.patches : -1]
        loss = functional.cross_entropy(following.flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=IGNORED)
        return loss, following

    @torch.inference_mode()
    def generate(self, pixels: Tensor, tokens: Tensor, count: int) -> Answer:
        """The likeliest tokens one after the other.

        All of image and prompt is read in the first pass and its keys and values are kept; later passes read one token each. That the
        first pass has read everything is checked: a cache that comes in where none is expected makes models look at their last token
        alone and answer plausibly.

        Args:
            pixels: (B, 6, H, W).
            tokens: (B, n), all of one length.
            count: how many tokens.

        Raises:
            AgentError: the language model has not read all it was given.
        """
        read = tokens.shape[1] + self.settings.patches
        result: Any = self.language_model(inputs_embeds=self._embedded(pixels, tokens), use_cache=True)
        chosen, scores = [], []
        for number in range(count):
            cached = result.past_key_values.get_seq_length()
            if cached != read + number:
                raise AgentError(
                    f"the language model has read {cached} of {read + number} tokens, so that image or instruction are lost on it; "
                    "this version of transformers does not fit"
                )
            scores.append(result.logits[:, -1].float())
            chosen.append(scores[-1].argmax(-1))
            if number + 1 < count:
                result = self.language_model(
                    input_ids=chosen[-1][:, None], past_key_values=result.past_key_values, use_cache=True
                )
        return Answer(torch.stack(chosen, 1), torch.stack(scores, 1))

    def _embedded(self, pixels: Tensor, tokens: Tensor) -> Tensor:
        words = self.language_model.get_input_embeddings()(tokens)
        image = self.image_tokens(pixels).to(words.dtype)
        return torch.cat((words[:, :1], image, words[:, 1:]), 1)


def _llama(settings: LanguageSettings) -> Any:
    if importlib.util.find_spec("transformers") is None:
        raise MissingDependencyError(
            "openvla needs the Llama of transformers; install it with: pip install 'hamster-bench[openvla]'"
        )
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=settings.embeddings,
            hidden_size=settings.width,
            intermediate_size=settings.hidden,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            num_key_value_heads=settings.heads,
            rms_norm_eps=settings.epsilon,
            rope_parameters={"rope_type": "default", "rope_theta": settings.rotary_base},
            max_position_embeddings=settings.longest,
            tie_word_embeddings=False,
            attn_implementation="sdpa",
        )
    )
