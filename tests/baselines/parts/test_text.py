"""The text tower of CLIP ResNet-50 from a file as OpenCLIP names it, beside a plain transformer with the same weights."""

import json

import pytest

torch = pytest.importorskip("torch", reason="text features need PyTorch: pip install 'hamster-bench[torch]'")

from safetensors.torch import save_file  # noqa: E402

from hamster_bench.baselines.parts.text import ClipResNetText  # noqa: E402
from hamster_bench.errors import StoreError  # noqa: E402

WIDTH, LAYERS, TOKENS = 64, 2, 77
# Every letter alone and at the end of a word, and the marks of CLIP's tokenizer.
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["!", *LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]


def entries():
    names = {"positional_embedding": (TOKENS, WIDTH), "token_embedding.weight": (len(WORDS), WIDTH)}
    names |= {"ln_final.weight": (WIDTH,), "ln_final.bias": (WIDTH,), "text_projection": (WIDTH, 8), "logit_scale": ()}
    for layer in range(LAYERS):
        block = f"transformer.resblocks.{layer}"
        names |= {f"{block}.{norm}.{part}": (WIDTH,) for norm in ("ln_1", "ln_2") for part in ("weight", "bias")}
        names |= {f"{block}.attn.in_proj_weight": (3 * WIDTH, WIDTH), f"{block}.attn.in_proj_bias": (3 * WIDTH,)}
        names |= {f"{block}.attn.out_proj.weight": (WIDTH, WIDTH), f"{block}.attn.out_proj.bias": (WIDTH,)}
        names |= {f"{block}.mlp.c_fc.weight": (4 * WIDTH, WIDTH), f"{block}.mlp.c_fc.bias": (4 * WIDTH,)}
        names |= {f"{block}.mlp.c_proj.weight": (WIDTH, 4 * WIDTH), f"{block}.mlp.c_proj.bias": (WIDTH,)}
    return {name: torch.randn(shape) * 0.2 for name, shape in names.items()}


def plain(weights, numbers):
    """CLIP's text tower up to the last norm: pre-norm layers, each token sees those before it, and x sigmoid(1.702 x)."""
    norm, linear = torch.nn.functional.layer_norm, torch.nn.functional.linear
    tokens = weights["token_embedding.weight"][numbers] + weights["positional_embedding"]
    mask = torch.full((TOKENS, TOKENS), -torch.inf).triu(1)
    for layer in range(LAYERS):
        w = {name.split(".", 3)[-1]: entry for name, entry in weights.items() if f"resblocks.{layer}." in name}
        seen = norm(tokens, (WIDTH,), w["ln_1.weight"], w["ln_1.bias"])
        query, key, value = linear(seen, w["attn.in_proj_weight"], w["attn.in_proj_bias"]).chunk(3, -1)
        mixed = ((query @ key.T) / WIDTH**0.5 + mask).softmax(-1) @ value
        tokens = tokens + linear(mixed, w["attn.out_proj.weight"], w["attn.out_proj.bias"])
        inner = linear(norm(tokens, (WIDTH,), w["ln_2.weight"], w["ln_2.bias"]), w["mlp.c_fc.weight"], w["mlp.c_fc.bias"])
        tokens = tokens + linear(inner * torch.sigmoid(1.702 * inner), w["mlp.c_proj.weight"], w["mlp.c_proj.bias"])
    return norm(tokens, (WIDTH,), weights["ln_final.weight"], weights["ln_final.bias"])


def write(folder, weights):
    save_file(weights, folder / "open_clip_model.safetensors")
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(WORDS)}), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")


@pytest.mark.slow
def test_features_are_those_of_the_tower(tmp_path):
    pytest.importorskip("transformers", reason="text features need: pip install transformers")
    weights = entries()
    write(tmp_path, weights)
    found = ClipResNetText(tmp_path)(["ab c", "z"])
    start, end = len(WORDS) - 2, len(WORDS) - 1
    spelled = [[start, WORDS.index("a"), WORDS.index("b</w>"), WORDS.index("c</w>"), end], [start, WORDS.index("z</w>"), end]]
    for features, numbers in zip(found, spelled, strict=True):
        padded = torch.tensor(numbers + [0] * (TOKENS - len(numbers)))
        assert torch.allclose(features, plain(weights, padded), atol=1e-4)


@pytest.mark.slow
def test_files_that_hold_no_tower_are_refused(tmp_path):
    pytest.importorskip("transformers", reason="text features need: pip install transformers")
    with pytest.raises(StoreError, match="cannot be read"):
        ClipResNetText(tmp_path)
    weights = entries()
    write(tmp_path, {name: entry for name, entry in weights.items() if name != "ln_final.bias"})
    with pytest.raises(StoreError, match=r"missing: ln_final\.bias"):
        ClipResNetText(tmp_path)
    write(tmp_path, {name: entry for name, entry in weights.items() if "resblocks.1.mlp.c_fc.bias" not in name})
    with pytest.raises(StoreError, match=r"missing: .*layers\.1\.mlp\.fc1\.bias"):
        ClipResNetText(tmp_path)
