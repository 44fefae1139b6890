"""The network against the original's numbers, and what guards it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the network needs PyTorch: pip install 'hamster-bench[openvla]'")
pytest.importorskip("transformers", reason="the network needs transformers: pip install 'hamster-bench[openvla]'")

from hamster_bench.agent import EpisodeContext, make_agent  # noqa: E402
from hamster_bench.baselines.openvla.actions import ActionTokens  # noqa: E402
from hamster_bench.baselines.openvla.checkpoint import expected_entries, load, network_of, save_file, unused_entries  # noqa: E402
from hamster_bench.baselines.openvla.images import central_crop, pixel_values, resized  # noqa: E402
from hamster_bench.baselines.openvla.settings import SETTINGS, read_configuration  # noqa: E402
from hamster_bench.baselines.openvla.text import FilePrompt, WordPrompt, prompt_text  # noqa: E402
from hamster_bench.cli.main import main  # noqa: E402
from hamster_bench.errors import AgentError, InvalidOptionError, StoreError, UnknownNameError  # noqa: E402
from hamster_bench.scenario import Scenario  # noqa: E402

SHARED = Path(__file__).resolve().parents[4] / "shared"
ENTRIES = SHARED / "facts" / "models_checkpoint_entries.json"
RECORDED = [SHARED / "parity" / name for name in ("openvla_tiny_public.npz", "openvla_actions_public.json")]
PUBLISHED = {
    "model_type": "openvla",
    "vision_backbone_id": "dinosiglip-vit-so-224px",
    "llm_backbone_id": "llama2-7b-pure",
    "arch_specifier": "no-align+fused-gelu-mlp",
    "image_resize_strategy": "resize-naive",
    "image_sizes": [224, 224],
    "timm_model_ids": ["vit_large_patch14_reg4_dinov2.lvd142m", "vit_so400m_patch14_siglip_224"],
    "timm_override_act_layers": [None, None],
    "use_fused_vision_backbone": True,
    "pad_token_id": 32000,
    "pad_to_multiple_of": 64,
    "n_action_bins": 256,
    "llm_max_length": 2048,
    "text_config": {"model_type": "llama", "vocab_size": 32064, "pad_token_id": 32000},
    "norm_stats": {},
}


def picture(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 255, (28, 28, 3), dtype=np.uint8)


def context(instruction: str) -> EpisodeContext:
    scenario = Scenario(task="close_box")
    return EpisodeContext(scenario=scenario, instruction=instruction, rng=scenario.rng("agent"))


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.name)
def test_recorded_numbers_of_the_original_are_reproduced(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not file.exists():
        pytest.skip(f"{file} is not there")
    assert main(["parity", "openvla", str(file)]) == 0
    assert "FAIL" not in capsys.readouterr().out


def test_files_of_another_form_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"nothing")
    (tmp_path / "a.json").write_text("[]")
    for name in ("a.npz", "a.json", "missing.npz"):
        assert main(["parity", "openvla", str(tmp_path / name)]) == 2


def test_all_published_names_and_shapes_are_accepted_and_others_named() -> None:
    if not ENTRIES.exists():
        pytest.skip(f"{ENTRIES} is not there")
    published = {name: tuple(shape) for name, shape in json.loads(ENTRIES.read_text())["openvla_7b"].items()}
    settings = SETTINGS.get("7b")
    assert expected_entries(settings) == published
    assert len(published) == 982
    entries = {name: torch.empty(shape, device="meta") for name, shape in published.items()}
    network = network_of(entries, settings, "meta", device="meta")
    assert sum(p.numel() for p in network.parameters()) + sum(
        int(np.prod(shape)) for shape in unused_entries(settings).values()
    ) == sum(int(np.prod(shape)) for shape in published.values())
    entries["projector.fc4.weight"] = entries.pop("projector.fc3.weight")
    with pytest.raises(StoreError, match=r"missing: projector\.fc3\.weight; unexpected: projector\.fc4\.weight"):
        network_of(entries, settings, "meta", device="meta")


def test_the_published_configuration_is_understood(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(PUBLISHED))
    assert read_configuration(tmp_path)[0] == SETTINGS.get("7b")
    for change in ({"timm_model_ids": ["a", "b"]}, {"model_type": "llava"}, {"image_resize_strategy": "letterbox"}):
        (tmp_path / "config.json").write_text(json.dumps(PUBLISHED | change))
        with pytest.raises(StoreError, match="describes no model"):
            read_configuration(tmp_path)


def test_images_and_instructions_change_the_tokens(small: Any) -> None:
    prompt = WordPrompt(small.settings)

    def answer(seed: int, instruction: str) -> tuple[int, ...]:
        tokens = torch.tensor([prompt(instruction)])
        return tuple(small.generate(pixel_values(picture(seed)[None]), tokens, 7).tokens[0].tolist())

    texts = ("close the box", "stack two cups", "wipe the desk")
    answers = {(seed, text): answer(seed, text) for seed in range(3) for text in texts}
    for text in texts:
        assert len({answers[seed, text] for seed in range(3)}) > 1
    for seed in range(3):
        assert len({answers[seed, text] for text in texts}) > 1
    assert answer(0, texts[0]) == answers[0, texts[0]]


def test_generation_is_what_whole_passes_choose(small: Any) -> None:
    pixels, tokens = pixel_values(picture(5)[None]), torch.tensor([WordPrompt(small.settings)("go on")])
    answered = small.generate(pixels, tokens, 5)
    for number in range(5):
        with torch.inference_mode():
            scores = small(pixels, tokens)[:, -1]
        assert scores.argmax(-1).item() == answered.tokens[0, number].item()
        assert torch.allclose(scores, answered.scores[:, number], atol=1e-4)
        tokens = torch.cat((tokens, answered.tokens[:, number : number + 1]), 1)


def test_a_language_model_that_reads_its_last_token_alone_is_found_out(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = small.language_model.forward

    def last_only(*args: Any, inputs_embeds: Any = None, **more: Any) -> Any:
        return whole(*args, inputs_embeds=None if inputs_embeds is None else inputs_embeds[:, -1:], **more)

    monkeypatch.setattr(small.language_model, "forward", last_only)
    with pytest.raises(AgentError, match="image or instruction are lost"):
        small.generate(pixel_values(picture(0)[None]), torch.tensor([[1, 5, 9]]), 7)


def test_a_folder_as_published_becomes_an_agent(miniature: Any, tmp_path: Path) -> None:
    place = miniature.folder(tmp_path / "model")
    agent = make_agent(f"openvla:{place},crop=yes")
    assert (agent.action_mode, agent.needs.cameras) == ("delta_pose", ("front",))
    agent.reset(context("close the box"))
    action = agent.act({"front_rgb": np.zeros((64, 96, 3), np.uint8)})
    assert action.shape == (7,)
    assert (np.abs(action[:6]) <= 0.0201).all()
    with pytest.raises(UnknownNameError, match="made_up"):
        make_agent(f"openvla:{place},key=other").reset(context("x"))
    (place / "dataset_statistics.json").write_text(json.dumps({"a": {}, "b": {}}))
    with pytest.raises(InvalidOptionError, match="a, b"):
        make_agent(f"openvla:{place}").reset(context("x"))


def test_agents_that_share_a_network_do_not_share_episodes(miniature: Any, tmp_path: Path) -> None:
    agent: Any = make_agent(f"openvla:{miniature.folder(tmp_path / 'model')}")
    views = [{"front_rgb": picture(seed)} for seed in range(2)]
    episodes = [agent.begin(context(text)) for text in ("close the box", "stack two cups")]
    together = agent.act_batch(episodes, views)
    for text, view, action in zip(("close the box", "stack two cups"), views, together, strict=True):
        agent.reset(context(text))
        assert agent.act(view).tolist() == action.tolist()


def test_damaged_models_are_refused(miniature: Any, tmp_path: Path) -> None:
    place = miniature.folder(tmp_path / "model")
    (place / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(StoreError, match="lacks the weights model-00002"):
        load(place)
    (place / "model-00002-of-00002.safetensors").write_bytes(b"x")
    with pytest.raises(StoreError, match="safetensors"):
        load(place)
    with pytest.raises(StoreError, match="no model"):
        load(tmp_path / "nowhere")


def test_own_files_keep_everything(miniature: Any, small: Any, tmp_path: Path) -> None:
    file = tmp_path / "tiny.safetensors"
    save_file(file, small.settings, small.state_dict(), miniature.STATISTICS, {"steps": 3})
    model = load(file)
    assert model.network.settings == small.settings
    assert model.statistics == miniature.STATISTICS
    assert model.training == {"steps": 3}
    tokens, pixels = torch.tensor([[1, 7, 8]]), pixel_values(picture(1)[None])
    scores = model.network.generate(pixels, tokens, 7).scores
    assert torch.allclose(scores, small.generate(pixels, tokens, 7).scores, atol=1e-4)
    assert torch.equal(scores, load(file).network.generate(pixels, tokens, 7).scores)


def test_prompts_are_the_published_ones() -> None:
    assert prompt_text("Close the Box") == "In: What action should the robot take to close the box?\nOut:"
    first = prompt_text("Close the box", first_version=True)
    assert first.endswith(" USER: What action should the robot take to close the box? ASSISTANT:")


def test_a_tokenizer_in_a_file_is_used_with_begin_and_empty_piece(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = {"<unk>": 0, "<s>": 1, "In": 5, ":": 6, "box": 7, "Out": 8}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    tokens = FilePrompt(tmp_path, SETTINGS.get("7b"))("box")
    assert tokens[:3] == [1, 5, 6]
    assert tokens[-3:] == [8, 6, 29871]
    with pytest.raises(StoreError, match="tokenizer"):
        FilePrompt(tmp_path / "nowhere", SETTINGS.get("7b"))


def test_images_are_resized_and_cropped_as_the_original_does() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    image[:, 100:] = 200
    square = resized(image, 50)
    assert square.shape == (50, 50, 3)
    assert (square[:, :20] == 0).all()
    assert (square[:, 30:] == 200).all()
    edges = np.zeros((100, 100, 3), np.uint8)
    edges[:2] = 255
    assert (central_crop(edges)[0] < 255).all()
    assert (central_crop(edges, 1.0) == edges).all()
    pixels = pixel_values(np.full((1, 2, 2, 3), 255, np.uint8))
    assert pixels[0, :, 0, 0].tolist() == pytest.approx([2.2489, 2.4286, 2.64, 1.0, 1.0, 1.0], abs=1e-3)


def test_tokens_and_actions_go_both_ways() -> None:
    code = ActionTokens(1000, 256)
    values = np.random.default_rng(0).uniform(-1, 1, (500, 7))
    assert np.abs(code.decode(code.encode(values)) - values).max() <= 1.5 / 255
    assert code.encode(np.array([-1.0, 1.0])).tolist() == [999, 744]
