"""Learning from demonstrations: samples, tiny_vla, and low-rank changes of a published model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install 'hamster-bench[openvla]'")
pytest.importorskip("transformers", reason="the network needs transformers: pip install 'hamster-bench[openvla]'")

from hamster_bench.agent import EpisodeContext, make_agent  # noqa: E402
from hamster_bench.baselines.openvla.augmentation import Augmentation, augmented  # noqa: E402
from hamster_bench.baselines.openvla.checkpoint import load  # noqa: E402
from hamster_bench.baselines.openvla.images import pixel_values  # noqa: E402
from hamster_bench.baselines.openvla.learner import DATA_SET, LoraLearner, LoraSettings, OpenVLALearner  # noqa: E402
from hamster_bench.baselines.openvla.samples import read_delta_samples  # noqa: E402
from hamster_bench.baselines.training.loop import WEIGHTS_FILE, train  # noqa: E402
from hamster_bench.baselines.training.settings import TrainingSettings  # noqa: E402
from hamster_bench.cli.main import main  # noqa: E402
from hamster_bench.errors import InvalidOptionError  # noqa: E402
from hamster_bench.scenario import Scenario  # noqa: E402


@pytest.fixture(scope="module")
def store(miniature: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return miniature.store(tmp_path_factory.mktemp("demos") / "demos")


def samples(store: Any, size: int = 28) -> Any:
    return read_delta_samples(store, store.scenarios(), "front", size)


def test_demonstrations_without_all_images_are_refused(miniature: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionError, match="--images all"):
        samples(miniature.store(tmp_path / "few", images="keyframes"))


def test_statistics_are_those_openvla_keeps(store: Any) -> None:
    held = samples(store).statistics("x")["x"]
    assert held["num_trajectories"] == 4
    assert held["action"]["mask"] == [True] * 6 + [False]
    assert held["action"]["q99"][0] == pytest.approx(0.01)


def test_changed_images_keep_their_size_and_depend_on_the_generator_alone() -> None:
    image = np.random.default_rng(0).integers(0, 255, (28, 28, 3), dtype=np.uint8)
    first, same, other = (augmented(image, Augmentation(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == image.shape
    assert first.dtype == np.uint8
    assert (first == same).all()
    assert (first != other).any()


def settings(steps: int) -> TrainingSettings:
    return TrainingSettings(steps=steps, batch=8, learning_rate=3e-3, held_out=0.25, validate_every=steps, clip=1.0)


def test_a_network_learns_what_its_image_tells(store: Any, miniature: Any, tmp_path: Path) -> None:
    data = samples(store)
    learner = OpenVLALearner.from_nothing(miniature.SETTINGS, data.statistics(DATA_SET), Augmentation(hue=0.0), seed=0)
    outcome = train(learner, data, data, settings(120), tmp_path, record={"data": "made up"}, checkpoint_every=1000)
    assert outcome.validation["token_accuracy"] > 0.9
    assert outcome.validation["position_error_m"] < 0.002
    agent = make_agent(f"tiny_vla:{tmp_path / WEIGHTS_FILE}")
    for sideways in (0, 1):
        scenario = Scenario(task="close_box")
        agent.reset(EpisodeContext(scenario=scenario, instruction="move there", rng=scenario.rng("agent")))
        image = np.full((40, 40, 3), 30, np.uint8)
        image[..., sideways] = 220
        action = agent.act({"front_rgb": image})
        assert action[sideways] == pytest.approx(0.01, abs=2e-3)
        assert action[1 - sideways] == pytest.approx(0.0, abs=2e-3)


def test_an_answer_for_several_control_steps_is_learned_as_one_and_made_in_parts(
    store: Any, miniature: Any, tmp_path: Path
) -> None:
    every, half = samples(store), read_delta_samples(store, store.scenarios(), "front", 28, 2)
    assert (len(every), len(half)) == (4 * 11, 4 * 6)
    assert half.actions[0, :3] == pytest.approx(2 * every.actions[0, :3])
    slower = replace(miniature.SETTINGS, control_steps=2)
    learner = OpenVLALearner.from_nothing(slower, half.statistics(DATA_SET), Augmentation(), seed=0)
    train(learner, half, None, settings(2), tmp_path, record={"data": "made up"}, checkpoint_every=1000)
    agent = make_agent(f"tiny_vla:{tmp_path / WEIGHTS_FILE}")
    scenario = Scenario(task="close_box")
    agent.reset(EpisodeContext(scenario=scenario, instruction="move there", rng=scenario.rng("agent")))
    seen = [np.full((40, 40, 3), 80 * number, np.uint8) for number in range(3)]
    actions = [agent.act({"front_rgb": image}) for image in seen]
    assert (actions[0] == actions[1]).all(), "the second part belongs to the first image's answer"
    memory = agent.begin(EpisodeContext(scenario=scenario, instruction="move there", rng=scenario.rng("agent")))
    assert (agent.act_batch([memory], [{"front_rgb": seen[2]}])[0] == actions[2]).all()


def test_losses_do_not_depend_on_what_fills_up(store: Any, miniature: Any) -> None:
    data = samples(store)
    learner = OpenVLALearner.from_nothing(miniature.SETTINGS, data.statistics(DATA_SET), Augmentation(), seed=0)
    learner.module.eval()
    batch = learner.batch(data, np.array([0, 1]), np.random.default_rng(0), augment=False)
    pixels, tokens, labels, present = batch.pixels, batch.tokens, batch.labels, batch.present
    longer = [torch.nn.functional.pad(t, (0, 3), value=v) for t, v in ((tokens, 7), (labels, -100), (present, False))]
    with torch.no_grad():
        plain, _ = learner.network.loss(pixels, tokens, labels, present)
        padded, _ = learner.network.loss(pixels, *longer)
    assert padded.item() == pytest.approx(plain.item(), abs=1e-5)


def test_a_published_model_is_changed_merged_and_saved_with_all_its_entries(store: Any, miniature: Any, tmp_path: Path) -> None:
    pytest.importorskip("peft", reason="fine-tuning needs peft: pip install 'hamster-bench[openvla]'")
    source = miniature.folder(tmp_path / "model")
    data = samples(store)
    learner = LoraLearner(load(source), data.statistics(DATA_SET), LoraSettings(rank=4, alpha=8), Augmentation(), seed=0)
    assert all("lora" in name for name in learner.module.state_dict())
    before = {name: value.clone() for name, value in learner.network.state_dict().items() if "lora" not in name}
    train(learner, data, None, settings(6), tmp_path, record={"data": "made up"}, checkpoint_every=1000)
    after = learner.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    images = pixel_values(data.rgb[:1])
    tokens = torch.tensor([[1, 5, 6]])
    with torch.inference_mode():
        changed = learner.network(images, tokens)
    learner.merge(tmp_path / "merged", source)
    merged = load(tmp_path / "merged")
    assert list(merged.statistics) == [DATA_SET]
    with torch.inference_mode():
        assert torch.allclose(merged.network(images, tokens), changed, atol=1e-4)
        assert not torch.allclose(load(source).network(images, tokens), changed, atol=1e-3)
    names = json.loads((tmp_path / "merged" / "model.safetensors.index.json").read_text())["weight_map"]
    assert set(names) == set(miniature.entries())


def test_the_command_trains_and_goes_on(store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "openvla", "--demos", str(store.directory), "--out", str(tmp_path / "out"), "--steps", "1", "--batch", "2"]
    words += ["--no-tensorboard", "--device", "cpu", "--threads", "1", "--held-out", "0.25"]
    assert main(words) == 0
    assert "token_accuracy" in capsys.readouterr().out
    assert main(words) == 0
    assert "nothing left to do" in capsys.readouterr().out
    assert make_agent(f"tiny_vla:{tmp_path / 'out' / WEIGHTS_FILE}").action_mode == "delta_pose"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--path", "oracle"], "without paths"),
        (["--config", "lora"], "--model"),
        (["--merge", "x"], "--config lora"),
        (["--cameras", "front,wrist"], "one camera"),
    ],
)
def test_options_that_do_not_fit_are_refused(more: list[str], said: str, store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "openvla", "--demos", str(store.directory), "--out", "nowhere", *more]) == 2
    assert said in capsys.readouterr().err
