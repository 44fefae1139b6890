"""Parity with OpenVLA: a whole network with given weights, from images to greedy tokens; and actions as tokens."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.cli.parity import Figure
from hamster_bench.errors import InvalidOptionError, MissingDependencyError

if TYPE_CHECKING:
    from hamster_bench.baselines.openvla.settings import OpenVLASettings, TowerSettings

_FEATURES = 1e-4
_LOGITS = 1e-4
_ACTIONS = 1e-9

_WEIGHTS = "weights."
_Arrays = Mapping[str, NDArray[Any]]


def compare(file: Path) -> Sequence[Figure]:
    """Compares with an archive of weights, inputs and results (NPZ), or with cases of actions as tokens (JSON).

    Raises:
        InvalidOptionError: the file cannot be read, or is of another form.
        StoreError: its weights are not those of the network it describes.
        MissingDependencyError: a network is to be compared, and PyTorch or transformers is not installed.
    """
    try:
        return list(_action_figures(file) if file.suffix == ".json" else _network_figures(_arrays(file)))
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,
        IndexError,
        EOFError,
        zipfile.BadZipFile,
    ) as error:
        raise InvalidOptionError(
            f"{file} holds no recorded network of OpenVLA (NPZ with 'config_json', 'weights.*', 'in_*', 'out_*') and no cases of its "
            f"actions (JSON with 'decode_cases' and 'encode_cases'): {type(error).__name__}: {error}"
        ) from error


def _action_figures(file: Path) -> Iterator[Figure]:
    from hamster_bench.baselines.openvla.actions import ActionTokens, chosen_statistics

    held = json.loads(file.read_text(encoding="utf-8"))
    code = ActionTokens(int(held["vocab_size"]), int(held["n_action_bins"]))
    for case in held.get("decode_cases", []):
        statistics = chosen_statistics(held["norm_stats"], case["stats_key"])
        action = statistics.restore(code.decode(np.array(case["tokens"])))
        yield _largest(f"decode: {case['name']} ({case['stats_key']})", action, case["action"], _ACTIONS)
    for number, case in enumerate(held.get("encode_cases", []), start=1):
        tokens = code.encode(np.array(case["normalised_action"], dtype=np.float64))
        different = int((tokens != np.array(case["tokens"])).sum())
        yield Figure(f"encode {number}: tokens", different, 0, f" of {len(tokens)}")
        yield _largest(f"encode {number}: decoded", code.decode(tokens), case["decoded"], _ACTIONS)


def _arrays(file: Path) -> _Arrays:
    # Opened here: numpy leaves a file open that turns out to be no archive.
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as data:
        if not isinstance(data, np.lib.npyio.NpzFile):
            raise TypeError("it is a single array")
        return {name: data[name] for name in data.files}


def _network_figures(arrays: _Arrays) -> Iterator[Figure]:
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise MissingDependencyError(f"the network needs {package}; install it with: pip install 'hamster-bench[openvla]'")
    import torch

    from hamster_bench.baselines.openvla.checkpoint import network_of

    settings = _settings(json.loads(bytes(arrays["config_json"])))
    weights = {
        name.removeprefix(_WEIGHTS): torch.from_numpy(array.astype(np.float32))
        for name, array in arrays.items()
        if name.startswith(_WEIGHTS)
    }
    network = network_of(weights, settings, "the recorded network")
    pixels = torch.from_numpy(arrays["in_pixel_values"].astype(np.float32))
    tokens = torch.from_numpy(arrays["in_input_ids"].astype(np.int64))
    with torch.inference_mode():
        backbone = network.vision_backbone
        yield _largest("patches of DINOv2", backbone.featurizer(pixels[:, :3]), arrays["mid_patches_dino"], _FEATURES)
        yield _largest("patches of SigLIP", backbone.fused_featurizer(pixels[:, 3:]), arrays["mid_patches_siglip"], _FEATURES)
        yield _largest("projected", network.image_tokens(pixels), arrays["mid_projected"], _FEATURES)
        yield _largest("logits", network(pixels, tokens), arrays["out_logits"], _LOGITS)
    expected = arrays["out_greedy_tokens"]
    answer = network.generate(pixels, tokens, len(expected))
    different = int((answer.tokens[0].numpy() != expected).sum())
    yield Figure("greedy tokens", different, 0, f" of {len(expected)}")
    yield _largest("greedy scores", answer.scores[0], arrays["out_greedy_scores"], _LOGITS)


def _settings(held: Mapping[str, Any]) -> OpenVLASettings:
    from hamster_bench.baselines.openvla.settings import LanguageSettings, OpenVLASettings

    text = held["llm"]
    if held.get("vit_layernorm_eps", 1e-6) != 1e-6:
        raise InvalidOptionError(f"the file's towers have the epsilon {held['vit_layernorm_eps']}; here it is 1e-6")
    dino = _tower(held["dino"], registers=held["dino"]["register_tokens"], layer_scale=bool(held["dino"]["layer_scale"]))
    language = LanguageSettings(
        width=text["hidden"],
        layers=text["layers"],
        heads=text["heads"],
        hidden=text["intermediate"],
        embeddings=text["vocab"],
        epsilon=text["rms_norm_eps"],
        rotary_base=text["rope_theta"],
    )
    return OpenVLASettings(
        image_size=held["image_size"],
        patch=held["patch"],
        dino=dino,
        siglip=_tower(held["siglip"], pooling=True),
        language=language,
    )


def _tower(held: Mapping[str, Any], **more: Any) -> TowerSettings:
    from hamster_bench.baselines.openvla.settings import TowerSettings

    hidden = int(held["width"] * held["mlp_ratio"])
    return TowerSettings(width=held["width"], depth=held["depth"], heads=held["heads"], hidden=hidden, **more)


def _largest(name: str, ours: Any, theirs: Any, tolerance: float) -> Figure:
    left, right = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if left.shape != right.shape:
        raise ValueError(f"{name} has shape {left.shape} here and {right.shape} in the file")
    return Figure(name, float(np.abs(left - right).max()) if left.size else 0.0, tolerance)
