"""The built-in planner with the weights that are shipped."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hamster_bench.cli.main import main
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import InvalidOptionError, StoreError, UnknownNameError
from hamster_bench.evaluation.planner_score import by_cell, score_planner
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.paths import parse_answer
from hamster_bench.planners import PathPlanner, PlannerContext, Proposal, make_planner
from hamster_bench.planners.sketch.inference import SketchModel
from hamster_bench.planners.sketch.planner import SketchPlanner
from hamster_bench.planners.sketch.tokens import MAX_POINTS
from hamster_bench.planners.sketch.weights import Weights, read_weights, write_weights

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def planner() -> PathPlanner:
    return make_planner("sketch")


def propose(planner: PathPlanner, image: NDArray[np.uint8], instruction: str) -> Proposal:
    proposal = planner.propose(image, instruction, PlannerContext.of_picture(image, instruction))
    assert isinstance(proposal, Proposal)
    return proposal


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_shipped_model_is_small() -> None:
    with resources.as_file(resources.files("hamster_bench.planners.sketch") / "weights.safetensors") as file:
        assert file.stat().st_size <= 12_000_000
    assert read_weights().parameter_count <= 10_000_000


def test_planning_needs_no_learning_framework() -> None:
    program = (
        "import sys, numpy as np; sys.modules['torch'] = None\n"
        "from hamster_bench.planners import PlannerContext, make_planner\n"
        "image = np.zeros((128, 128, 3), np.uint8)\n"
        "print(len(make_planner('sketch').propose(image, 'close box', PlannerContext.of_picture(image, 'close box')).path))"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) >= 2


@settings(max_examples=40)
@given(height=st.integers(1, 300), width=st.integers(1, 300), instruction=st.text(max_size=300), seed=st.integers(0, 2**32 - 1))
def test_any_image_and_any_words_get_an_answer_in_the_grammar(height: int, width: int, instruction: str, seed: int) -> None:
    proposal = propose(SHARED, noise(height, width, seed), instruction)
    read = parse_answer(proposal.record["answer"])
    assert read.repairs == ()
    assert read.path == proposal.path
    assert 2 <= len(read.path) <= MAX_POINTS


SHARED = make_planner("sketch")


def test_the_same_question_gets_the_same_answer(planner: PathPlanner) -> None:
    first = propose(planner, noise(128, 128), "close box")
    propose(planner, noise(64, 96, 1), "stack the cups")
    assert propose(planner, noise(128, 128), "close box") == first
    assert propose(SketchPlanner(), noise(128, 128), "close box") == first


def test_the_answer_depends_on_image_and_words(planner: PathPlanner) -> None:
    import gymnasium

    env = gymnasium.make("hamster_bench/slide_block_to_target-v0", image_size=128)
    first = env.reset(seed=1)[0]["front_rgb"]
    second = env.reset(seed=2)[0]["front_rgb"]
    env.close()
    words = TASKS.get("slide_block_to_target").instructions(0)[0]
    base = propose(planner, first, words).path
    assert propose(planner, second, words).path != base
    assert propose(planner, first, "close box").path != base


def test_a_larger_picture_of_the_same_scene_gets_nearly_the_same_path(planner: PathPlanner) -> None:
    import gymnasium

    words = TASKS.get("close_box").instructions(0)[0]
    changes = []
    for size in (128, 512):
        env = gymnasium.make("hamster_bench/close_box-v0", image_size=size)
        observation, _ = env.reset(seed=3)
        env.close()
        path = propose(planner, observation["front_rgb"], words).path
        assert path is not None
        changes.append(path.points[path.gripper_changes])
    np.testing.assert_allclose(changes[0], changes[1], atol=0.05)


@pytest.mark.parametrize(
    ("image", "instruction"),
    [
        (np.zeros((8, 8), np.uint8), "close box"),
        (np.zeros((8, 8, 4), np.uint8), "close box"),
        (np.zeros((8, 8, 3), np.float32), "close box"),
        (np.zeros((0, 8, 3), np.uint8), "close box"),
        (np.zeros((8, 8, 3), np.uint8), 3),
    ],
)
def test_what_is_no_image_or_no_text_is_refused(planner: PathPlanner, image: NDArray[np.uint8], instruction: str) -> None:
    with pytest.raises(InvalidOptionError):
        planner.propose(image, instruction, PlannerContext(scenario=None, rng=np.random.default_rng(0)))


def test_weights_can_be_named(tmp_path: Path) -> None:
    shipped = read_weights()
    file = tmp_path / "mine.safetensors"
    changed = {name: array * np.float16(1.1) if name == "pointer.weight" else array for name, array in shipped.arrays.items()}
    write_weights(file, Weights(shipped.architecture, shipped.vocabulary, changed, {"seed": 1}))
    proposal = propose(make_planner(f"sketch:weights={file}"), noise(128, 128), "close box")
    assert proposal.record["weights"] != propose(make_planner("sketch"), noise(128, 128), "close box").record["weights"]
    assert read_weights(file).training == {"seed": 1}


def test_files_that_hold_no_weights_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    with pytest.raises(StoreError, match="cannot be read"):
        make_planner(f"sketch:weights={file}")
    shipped = resources.files("hamster_bench.planners.sketch").joinpath("weights.safetensors").read_bytes()
    for content in (b"", b"\x80\x04K\x01.", shipped[:1000], shipped[:-1000], b"\xff" * 100):
        file.write_bytes(content)
        with pytest.raises(StoreError, match="cannot be read"):
            make_planner(f"sketch:weights={file}")
    with pytest.raises(UnknownNameError, match="weights"):
        make_planner(f"sketch:weight={file}")


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    file = tmp_path / "weights.safetensors"
    save_file({"x": np.zeros(3, np.float32)}, file)
    with pytest.raises(StoreError, match="no weights of the sketch planner"):
        read_weights(file)
    save_file({"x": np.zeros(3, np.float32)}, file, {"hamster_bench": '{"format": "hamster_bench.sketch/1", "architecture": []}'})
    with pytest.raises(StoreError, match="damaged header"):
        read_weights(file)
    shipped = read_weights()
    lacking = {name: array for name, array in shipped.arrays.items() if name != "pointer.bias"}
    with pytest.raises(StoreError, match=r"pointer\.bias"):
        SketchModel(Weights(shipped.architecture, shipped.vocabulary, lacking, {}))


def test_the_command_line_plans_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    picture, drawn = tmp_path / "picture.png", tmp_path / "drawn.png"
    Image.fromarray(noise(90, 160)).save(picture)
    assert main(["plan", str(picture), "close the box", "--planner", "sketch", "--out", str(drawn)]) == 0
    assert capsys.readouterr().out.startswith("answer: <ans>[(")
    with Image.open(drawn) as image:
        assert image.size == (160, 90)


def scores(episodes: int) -> dict[str, float]:
    asked = {
        "tasks": TASKS.names(),
        "episodes": episodes,
        "seed": 0,
        "factors": ("no_var",),
        "protocol": make_protocol("hamster"),
    }
    return {cell.task: cell.distance for cell in by_cell(list(score_planner(make_planner("sketch"), **asked)))}


@pytest.mark.slow
def test_it_finds_the_gripper_changes_of_most_tasks() -> None:
    distances = scores(episodes=50)
    assert len(distances) == 14
    assert sum(distance <= 0.06 for distance in distances.values()) >= 10, distances
