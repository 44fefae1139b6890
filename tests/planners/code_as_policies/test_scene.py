"""What the model is told of a scene: queries, detections, prompt."""

from __future__ import annotations

import numpy as np
import pytest

from hamster_bench.errors import InvalidOptionError, MissingDependencyError
from hamster_bench.planners.code_as_policies import owlv2
from hamster_bench.planners.code_as_policies.detection import Detection, distinct
from hamster_bench.planners.code_as_policies.owlv2 import OwlV2Detector
from hamster_bench.planners.code_as_policies.prompt import code_prompt
from hamster_bench.planners.code_as_policies.queries import noun_phrases


@pytest.mark.parametrize(
    ("instruction", "phrases"),
    [
        ("close box", ("box",)),
        ("Shut the laptop lid!", ("laptop lid",)),
        ("put the ring on the red spoke", ("ring", "red spoke")),
        ("grill the chicken", ("chicken",)),
        ("put the chicken on the grill", ("chicken", "grill")),
        ("use the stick to push the hockey ball into the goal", ("stick", "hockey ball", "goal")),
        ("put the money away in the safe on the bottom shelf", ("money", "safe", "bottom shelf")),
        ("stack the wine bottle to the left of the rack", ("wine bottle", "rack")),
        ("grasping each end of the rope in turn, leave the rope straight on the table", ("rope", "table")),
        ("put the remaining two cups on top of the maroon cup", ("cups", "maroon cup")),
        ("stack", ("stack",)),
        ("move left", ("move left",)),
        ("?!", ()),
        ("", ()),
    ],
)
def test_queries_are_the_things_an_instruction_names(instruction, phrases):
    assert noun_phrases(instruction) == phrases


def test_of_boxes_that_overlap_the_surest_stays():
    sure = Detection("lid", 0.9, (0.1, 0.1, 0.5, 0.5))
    same = Detection("lid", 0.8, (0.12, 0.1, 0.5, 0.5))
    elsewhere = Detection("lid", 0.3, (0.6, 0.6, 0.9, 0.9))
    also = Detection("lid", 0.2, (0.0, 0.6, 0.2, 0.9))
    other = Detection("box", 0.5, (0.1, 0.1, 0.5, 0.5))
    assert distinct([also, same, other, sure, elsewhere], per_label=2) == [sure, other, elsewhere]
    assert distinct([also, same, other, sure, elsewhere], per_label=9) == [sure, other, elsewhere, also]


def test_the_prompt_says_what_has_to_be_said():
    text = code_prompt(
        "close the {scene} box", [Detection("box", 0.7, (0.1, 0.25, 0.5, 0.98765)), Detection("lid", 0.4, (0, 0, 1, 1))]
    )
    assert "The task: close the {scene} box\n" in text
    assert "- box: (0.100, 0.250, 0.500, 0.988)\n- lid: (0.000, 0.000, 1.000, 1.000)\n" in text
    told = ("(x, y, gripper)", "1 where it is open", "only be open or closed", "centred at (0.5, 0.5)", "downwards")
    asked = ("<code>", "</code>", "comment for each step", "numpy or the standard library", "self-contained", "robot_poses")
    for needed in told + asked:
        assert needed in text


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder with a very small OWLv2 of random weights."""
    torch = pytest.importorskip("torch", reason="the detector needs torch")
    transformers = pytest.importorskip("transformers", reason="the detector needs transformers")
    pytest.importorskip("scipy", reason="the detector needs scipy")
    folder = tmp_path_factory.mktemp("owlv2")
    letters = [chr(code) for code in range(33, 127)]
    # Token 0 marks a query as padding, and the last token of all ends a text.
    tokens = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    merges = [("b", "o"), ("bo", "x</w>"), ("l", "i"), ("li", "d</w>")]
    for left, right in merges:
        vocabulary.setdefault(left + right, 0)
    vocabulary = {token: i for i, token in enumerate([*list(vocabulary)[:-6], *list(vocabulary)[-4:], *tokens[-2:]])}
    transformers.CLIPTokenizer(vocab=vocabulary, merges=merges, pad_token="!", model_max_length=16).save_pretrained(folder)
    text = {
        **{"vocab_size": len(vocabulary), "max_position_embeddings": 16, "pad_token_id": 0},
        **{"bos_token_id": len(vocabulary) - 2, "eos_token_id": len(vocabulary) - 1},
    }
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.Owlv2Config(
        text_config=small | text, vision_config=small | {"image_size": 64, "patch_size": 16}, projection_dim=16
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.Owlv2ForObjectDetection(config)
    with torch.no_grad():
        # Boxes near the middle of their patches.
        for parameter in model.box_head.parameters():
            parameter.mul_(0.1)
    model.save_pretrained(folder)
    transformers.Owlv2ImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def image(height, width):
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)


def test_owlv2_gives_boxes_in_fractions_of_the_image(weights):
    detector = OwlV2Detector(str(weights), threshold=0.0)
    square = detector.detect(image(64, 64), ["box", "lid"])
    # One box for each of the 16 patches, under the better of the two queries.
    assert len(square) == 16
    assert {detection.label for detection in square} <= {"box", "lid"}
    assert all(0.0 < detection.score < 1.0 for detection in square)
    assert all(0.0 <= low < high <= 1.0 for d in square for low, high in (d.box[::2], d.box[1::2]))
    centres = np.array([((d.box[0] + d.box[2]) / 2, (d.box[1] + d.box[3]) / 2) for d in square])
    assert centres.min() < 0.35
    assert centres.max() > 0.65
    assert detector.detect(image(64, 64), ["box", "lid"]) == square
    assert detector.detect(image(64, 64), []) == []


def test_owlv2_knows_of_its_padding(weights):
    wide = image(32, 64)
    # The model sees a square, so the lower half of what it sees is none of the image.
    padded = np.vstack([wide, np.zeros_like(wide)])
    seen = OwlV2Detector(str(weights), threshold=0.0).detect(padded, ["box"])
    told = OwlV2Detector(str(weights), threshold=0.0).detect(wide, ["box"])
    expected = [(d.score, np.clip(np.array(d.box) * (1, 2, 1, 2), 0.0, 1.0)) for d in seen if d.box[1] < 0.5]
    assert 0 < len(told) == len(expected) < 16
    for detection, (score, box) in zip(told, expected, strict=True):
        assert detection.score == pytest.approx(score, abs=1e-6)
        np.testing.assert_allclose(detection.box, box, atol=1e-5)


def test_a_higher_threshold_leaves_the_surer_ones(weights):
    everything = OwlV2Detector(str(weights), threshold=0.0).detect(image(64, 64), ["box"])
    limit = float(np.median([detection.score for detection in everything]))
    surer = OwlV2Detector(str(weights), threshold=limit).detect(image(64, 64), ["box"])
    assert surer == [detection for detection in everything if detection.score > limit]
    assert 0 < len(surer) < len(everything)


def test_weights_that_are_not_here_are_named(tmp_path, weights):
    with pytest.raises(MissingDependencyError, match="hf download google/owlv2-base-patch16-ensemble"):
        OwlV2Detector(str(tmp_path)).detect(image(8, 8), ["box"])


def test_packages_that_are_not_here_are_named(monkeypatch):
    monkeypatch.setattr(owlv2, "_PACKAGES", ("no_such_package_at_all",))
    with pytest.raises(MissingDependencyError, match=r"pip install 'hamster-bench\[detector\]'"):
        OwlV2Detector()


@pytest.mark.parametrize("threshold", [-0.1, 1.0, float("nan")])
def test_an_impossible_threshold_is_refused(threshold):
    with pytest.raises(InvalidOptionError, match="threshold"):
        OwlV2Detector(threshold=threshold)
