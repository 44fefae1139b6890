"""Training of the built-in planner."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install 'hamster-bench[torch]'")

from hamster_bench.cli.main import main  # noqa: E402
from hamster_bench.errors import InvalidOptionError, StoreError  # noqa: E402
from hamster_bench.paths import Path2D  # noqa: E402
from hamster_bench.planners.sketch.augment import augmented, seen_in  # noqa: E402
from hamster_bench.planners.sketch.examples import TrainingSet, TrainingSettings  # noqa: E402
from hamster_bench.planners.sketch.inference import SketchModel  # noqa: E402
from hamster_bench.planners.sketch.network import SketchNetwork  # noqa: E402
from hamster_bench.planners.sketch.settings import Architecture  # noqa: E402
from hamster_bench.planners.sketch.tokens import Vocabulary, path_of, tokens_of  # noqa: E402
from hamster_bench.planners.sketch.training import Progress, train  # noqa: E402
from hamster_bench.planners.sketch.weights import Weights, read_weights  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
TINY = Architecture(channels=(8, 8, 16, 32), width=32, heads=2, encoder_layers=1, decoder_layers=1, pointer_width=16)
SETTINGS = TrainingSettings(
    steps=150, batch=2, learning_rate=3e-3, warmup=10, average=0.9, augment=False, point_noise=0.0, architecture=TINY
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other's turn on a busy machine make minutes of seconds."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def two_pictures() -> TrainingSet:
    """A white square each, and paths from a corner to it; the words differ, too."""
    images = np.zeros((2, 128, 128, 3), np.uint8)
    images[0, 20:40, 90:110] = 255
    images[1, 90:110, 30:50] = 255
    paths = [
        Path2D([(0.5, 0.03), (0.78, 0.23), (0.6, 0.6)], [True, False, False]),
        Path2D([(0.5, 0.03), (0.31, 0.78)], [True, True]),
    ]
    return TrainingSet(images, [("take the block",), ("touch it", "push it")], paths)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Progress]]:
    file = tmp_path_factory.mktemp("training") / "weights.safetensors"
    seen: list[Progress] = []
    train(two_pictures(), SETTINGS, file, report=seen.append)
    return file, seen


def test_training_learns_two_pictures_by_heart(trained: tuple[Path, list[Progress]]) -> None:
    file, seen = trained
    assert [progress.step for progress in seen] == list(range(1, SETTINGS.steps + 1))
    assert seen[-1].loss < 0.6 * seen[0].loss
    model, data = SketchModel(read_weights(file)), two_pictures()
    for image, instructions, path in zip(data.images, data.instructions, data.paths, strict=True):
        answered = path_of(model.answer(image, instructions[0]))
        np.testing.assert_array_equal(answered.gripper_open, path.gripper_open)
        np.testing.assert_allclose(answered.points, path.points, atol=0.03)


def test_the_network_and_its_numpy_form_say_the_same(trained: tuple[Path, list[Progress]]) -> None:
    """The decoded answer is fed to the network; at every place it must think the chosen token the most likely."""
    for weights in (read_weights(trained[0]), read_weights()):
        network = SketchNetwork(weights.architecture, len(weights.vocabulary)).eval()
        state = network.state_dict()
        network.load_state_dict(
            {
                name: torch.from_numpy(weights.arrays[name].astype(np.float32)) if name in weights.arrays else state[name]
                for name in state
            }
        )
        model = SketchModel(weights)
        image = np.random.default_rng(1).integers(0, 256, (128, 128, 3), dtype=np.uint8)
        words = weights.vocabulary.encode("take the cup")
        pixels = torch.from_numpy(image.astype(np.float32) / 255.0 * 2.0 - 1.0).permute(2, 0, 1)[None]
        with torch.no_grad():
            memory, cells = network.encode(pixels, torch.from_numpy(words)[None])
        ours, our_cells = model._encode(image.astype(np.float32) / np.float32(255.0) * 2.0 - 1.0, words)
        np.testing.assert_allclose(ours, memory[0].numpy(), atol=2e-3)
        np.testing.assert_allclose(our_cells, cells[0].numpy(), atol=2e-3)
        answer = model.answer(image, "take the cup")
        with torch.no_grad():
            logits = network.decode(
                memory, cells, torch.from_numpy(answer.kinds)[None], torch.from_numpy(answer.points.astype(np.float32))[None]
            )[0].numpy()
        for row, kind, point in zip(logits, answer.kinds, answer.points, strict=True):
            if kind == 0:
                column, line = divmod(int(np.argmax(row[:1024])), 32)[::-1]
                assert np.abs(point * 32 - (column + 0.5, line + 0.5)).max() <= 2.5


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    short = replace(SETTINGS, steps=4)
    files = [tmp_path / name for name in ("a", "b", "c")]
    for file, settings in zip(files, (short, short, replace(short, seed=1)), strict=True):
        train(two_pictures(), settings, file)
    a, b, c = (file.read_bytes() for file in files)
    assert a == b
    assert a != c


def test_training_that_is_interrupted_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    settings = replace(SETTINGS, steps=9, augment=True, unknown_words=0.3, dropout=0.1, point_noise=0.02)
    whole, parts, checkpoint = tmp_path / "whole", tmp_path / "parts", tmp_path / "checkpoint"
    train(two_pictures(), settings, whole)

    def stop(progress: Progress) -> None:
        if progress.step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(two_pictures(), settings, parts, checkpoint=checkpoint, checkpoint_every=5, report=stop)
    steps: list[int] = []
    train(
        two_pictures(),
        settings,
        parts,
        checkpoint=checkpoint,
        checkpoint_every=5,
        report=lambda progress: steps.append(progress.step),
    )
    assert steps == [6, 7, 8, 9]
    assert parts.read_bytes() == whole.read_bytes()


def test_training_goes_on_from_a_trained_model_and_learns_new_words(trained: tuple[Path, list[Progress]], tmp_path: Path) -> None:
    start, data = read_weights(trained[0]), two_pictures()
    data = TrainingSet(data.images, [("grab the block",), ("touch it",)], data.paths)
    seen: list[Progress] = []
    train(data, replace(SETTINGS, steps=3, learning_rate=1e-4), tmp_path / "out", start=start, report=seen.append)
    assert seen[0].loss < 1.3 * trained[1][-1].loss
    after = read_weights(tmp_path / "out")
    assert after.vocabulary.words == (*start.vocabulary.words, "grab")
    assert after.training["start"] == start.digest
    with pytest.raises(InvalidOptionError, match="architecture"):
        train(data, replace(SETTINGS, architecture=Architecture()), tmp_path / "out", start=start)


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    train(two_pictures(), replace(SETTINGS, steps=1), tmp_path / "out", checkpoint=checkpoint)
    with pytest.raises(StoreError, match="another training"):
        train(two_pictures(), replace(SETTINGS, steps=2), tmp_path / "out", checkpoint=checkpoint)
    for content in (b"\x80\x04K\x01.", checkpoint.read_bytes()[:-10]):
        checkpoint.write_bytes(content)
        with pytest.raises(StoreError, match="no checkpoint"):
            train(two_pictures(), replace(SETTINGS, steps=1), tmp_path / "out", checkpoint=checkpoint)


def test_augmentation_moves_the_path_with_the_picture() -> None:
    """A bright square stays under its point, whatever the view."""
    rng = np.random.default_rng(0)
    image = np.zeros((128, 128, 3), np.uint8)
    image[60:68, 40:48] = 255
    centre = np.array([[44 / 128, 64 / 128]])
    moved = 0
    for _ in range(50):
        picture, view = augmented(image, rng)
        assert picture.shape == image.shape
        assert 0.0 <= picture.min() <= picture.max() <= 1.0
        (x, y) = seen_in(view, centre)[0]
        brightness = picture.mean(axis=2)
        bright = np.argwhere(brightness > (brightness.max() + np.median(brightness)) / 2) + 0.5
        np.testing.assert_allclose(bright.mean(axis=0) / 128, (y, x), atol=0.012)
        moved += bool(view.scale != 1.0)
    assert 30 < moved < 50


@pytest.mark.parametrize("change", [{"steps": 0}, {"batch": True}, {"learning_rate": float("nan")}, {"learning_rate": 0.0}])
def test_settings_that_make_no_sense_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(InvalidOptionError, match=next(iter(change))):
        replace(SETTINGS, **change)


def test_training_data_must_fit_together() -> None:
    data = two_pictures()
    with pytest.raises(InvalidOptionError, match="nothing to learn"):
        TrainingSet(data.images[:0], [], [])
    with pytest.raises(InvalidOptionError, match="128"):
        TrainingSet(data.images[:, :64], data.instructions, data.paths)
    with pytest.raises(InvalidOptionError, match="1 paths"):
        TrainingSet(data.images, data.instructions, data.paths[:1])


def test_the_commands_make_a_planner_from_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, weights = tmp_path / "data", tmp_path / "mine.safetensors"
    export = ["export", "vqa", "--tasks", "slide_block_to_target", "--episodes", "3", "--image-size", "64", "--out", str(data)]
    assert main(export) == 0
    assert "15 questions about 3 pictures" in capsys.readouterr().out
    words = ["train", "sketch", "--data", str(data), "--out", str(weights), "--steps", "2", "--batch", "2", "--threads", "1"]
    assert main(words) == 0
    assert "trained on 3 pictures" in capsys.readouterr().out
    assert main(words) == 0  # finished already
    assert main([*words, "--start", str(weights)]) == 2  # the checkpoint is of the training without
    assert "start differ" in capsys.readouterr().err
    score = ["score-planner", "--tasks", "slide_block_to_target", "--episodes", "2", "--planner"]
    assert main([*score, f"sketch:weights={weights}", "--csv", str(tmp_path / "scores.csv")]) == 0
    assert "| slide_block_to_target | 2 | " in capsys.readouterr().out
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 3


def test_without_pytorch_the_command_names_the_remedy(tmp_path: Path) -> None:
    program = (
        "import sys, importlib.util; find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'torch' else find(name, *more)\n"
        "from hamster_bench.cli.main import main\n"
        f"sys.exit(main(['train', 'sketch', '--data', 'x', '--out', {str(tmp_path / 'w')!r}]))"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "pip install 'hamster-bench[torch]'" in result.stderr
    assert not any(tmp_path.iterdir())


def test_the_vocabulary_is_that_of_the_data(trained: tuple[Path, list[Progress]]) -> None:
    weights: Weights = read_weights(trained[0])
    assert weights.vocabulary.words == ("block", "it", "push", "take", "the", "touch")
    assert isinstance(weights.vocabulary, Vocabulary)
    assert all(len(pair) == 2 for pair in itertools.pairwise(tokens_of(two_pictures().paths[0]).points))
