"""Training: what a batch is, that an interrupted training goes on bit for bit, and the command."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install 'hamster-bench[torch]'")
pytest.importorskip("pytorch_optimizer", reason="LAMB needs: pip install pytorch-optimizer")

from hamster_bench.baselines.rvt2.checkpoint import load  # noqa: E402
from hamster_bench.baselines.rvt2.learner import RECIPES, LearningSettings, Rvt2Learner, fitted_settings  # noqa: E402
from hamster_bench.baselines.rvt2.settings import SETTINGS  # noqa: E402
from hamster_bench.baselines.training.loop import STATE_FILE, WEIGHTS_FILE, train  # noqa: E402
from hamster_bench.baselines.training.samples import KeyposeSamples  # noqa: E402
from hamster_bench.baselines.training.settings import PathOverlaySettings, TrainingSettings  # noqa: E402
from hamster_bench.cli.main import main  # noqa: E402
from hamster_bench.errors import InvalidOptionError  # noqa: E402
from hamster_bench.paths import Path2D  # noqa: E402
from hamster_bench.scenario import Scenario  # noqa: E402

TINY = replace(
    SETTINGS.get("small"), image_size=(24, 32), view_size=28, patch_channels=8, width=24, heads=2, head_width=12, layers=2
)
SETTINGS_OF_TRAINING = TrainingSettings(
    steps=4, batch=3, learning_rate=0.01, schedule="cosine", warmup=1, average=0.5, held_out=0.0, validate_every=2
)
HEIGHT, WIDTH = 24, 32


@pytest.fixture
def samples():
    """A table seen from above; the next keypose is half a metre or so above some place of it."""
    count, rng = 6, np.random.default_rng(0)
    T_world_camera = np.diag([1.0, -1.0, -1.0, 1.0])
    T_world_camera[:3, 3] = [0.2, 0.0, 2.2]
    intrinsics = np.array([[60.0, 0, 16], [0, 60, 12], [0, 0, 1]])
    quat = rng.normal(size=(count, 4))
    targets = np.concatenate(
        [
            rng.uniform((0.0, -0.3, 0.9), (0.4, 0.3, 1.2), (count, 3)),
            quat / np.linalg.norm(quat, axis=1, keepdims=True),
            rng.integers(0, 2, (count, 2)),
        ],
        axis=1,
    )
    return KeyposeSamples(
        cameras=("front",),
        rgb=rng.integers(0, 256, (count, 1, HEIGHT, WIDTH, 3), dtype=np.uint8),
        depth=rng.uniform(1.0, 1.4, (count, 1, HEIGHT, WIDTH)).astype(np.float32),
        intrinsics=np.broadcast_to(intrinsics, (count, 1, 3, 3)),
        extrinsics=np.broadcast_to(T_world_camera, (count, 1, 4, 4)),
        poses=np.tile([0.2, 0.0, 1.4, 0.0, 1.0, 0.0, 0.0], (count, 3, 1)),
        gripper_open=np.array([True, False] * 3),
        done=np.array([0, 1, 2] * 2),
        targets=targets,
        episodes=np.array([0, 0, 0, 1, 1, 1]),
        scenarios=tuple(Scenario(task="close_box", seed=1000, episode=i) for i in range(2)),
        instructions=(("close the box", "shut the box"), ("open the jar",)),
        paths=({"front": Path2D(np.array([[0.1, 0.2], [0.8, 0.9]]), np.array([True, False]))}, {}),
    )


def learner(path=None, **changes):
    return Rvt2Learner(replace(TINY, **changes), LearningSettings(path=path), seed=3)


def test_a_batch_holds_the_demonstrated_keyposes(samples):
    situation, target = learner().batch(samples, np.array([4, 1]), np.random.default_rng(0), augment=False)
    assert situation.points.shape == (2, HEIGHT * WIDTH, 3)
    assert np.allclose(situation.state.numpy(), [[1, 0.04, 0.04, 1 - 2 / 24], [0, 0, 0, 1 - 2 / 24]])
    assert np.allclose(target.position.numpy(), samples.targets[[4, 1], :3])
    assert np.array_equal(target.gripper_open.numpy(), samples.targets[[4, 1], 7])
    assert np.array_equal(target.ignore_collisions.numpy(), samples.targets[[4, 1], 8])
    place = 10 * WIDTH + 20
    depth = samples.depth[4, 0, 10, 20]
    assert np.allclose(situation.points[0, place], [0.2 + 4.5 / 60 * depth, 1.5 / 60 * depth, 2.2 - depth], atol=1e-5)
    assert np.allclose(situation.colors[0, place] * 255, samples.rgb[4, 0, 10, 20])


def test_augmentation_moves_points_and_target_together(samples):
    made = [learner().batch(samples, np.arange(6), np.random.default_rng(1), augment=on) for on in (False, True)]
    (still, where), (moved, there) = made
    assert (where.position - there.position).norm(dim=-1).min() > 0.005
    distances = [(s.points - t.position[:, None]).norm(dim=-1) for s, t in ((still, where), (moved, there))]
    assert torch.allclose(*distances, atol=1e-5)


def test_paths_are_drawn_over_the_image_or_beside_it(samples):
    indices, path = np.array([0, 3]), PathOverlaySettings(noise=0.0)
    plain = learner().batch(samples, indices, np.random.default_rng(0), augment=False)[0].colors
    over = learner(path).batch(samples, indices, np.random.default_rng(0), augment=False)[0].colors
    beside = learner(path, color_channels=6).batch(samples, indices, np.random.default_rng(0), augment=False)[0].colors
    # The second episode has no path in the image.
    assert torch.equal(over[1], plain[1])
    assert beside[1, :, 3:].max() == 0.0
    drawn = (over[0] != plain[0]).any(-1)
    assert 10 < drawn.sum() < 600
    assert torch.equal(beside[..., :3], plain)
    assert torch.equal((beside[0, :, 3:] != 0).any(-1) | drawn, (beside[0, :, 3:] != 0).any(-1))
    with pytest.raises(InvalidOptionError, match="--path oracle"):
        learner(color_channels=6)


def test_an_interrupted_training_ends_with_the_same_bits(samples, tmp_path):
    record = {"data": {"fingerprint": "made up"}}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for directory in (whole, broken):
        directory.mkdir()
    outcome = train(learner(), samples, samples, SETTINGS_OF_TRAINING, whole, record=record)
    assert set(outcome.validation) == {"position_error_m", "within_1_cm", "rotation_error_deg", "opening_right"}

    def killed(progress):
        if progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(learner(), samples, None, SETTINGS_OF_TRAINING, broken, record=record, checkpoint_every=2, report=killed)
    done = train(learner(), samples, None, SETTINGS_OF_TRAINING, broken, record=record, checkpoint_every=2)
    assert done.first_step == 2
    assert (whole / WEIGHTS_FILE).read_bytes() == (broken / WEIGHTS_FILE).read_bytes()
    assert (broken / STATE_FILE).exists()
    held = load(whole / WEIGHTS_FILE)
    assert held.network.settings == TINY
    assert held.training["learning"]["path"] is None
    assert held.training["step"] == 4


def test_cameras_and_workspace_are_those_of_the_data(samples):
    samples.targets[0, :3] = [0.9, 0.0, 1.0]
    fitted = fitted_settings(TINY, samples)
    assert fitted.cameras == ("front",)
    assert fitted.workspace == ((-0.3, -0.5, 0.6), (0.94, 0.5, 1.6))
    with pytest.raises(InvalidOptionError, match="24 x 32"):
        fitted_settings(SETTINGS.get("small"), samples)


def test_the_published_training_is_there():
    paper = RECIPES.get("paper")
    assert paper.training.learning_rate == pytest.approx(1.25e-5 * paper.training.batch)
    assert (paper.training.rate(0), paper.training.rate(1999)) == (1 / 2000, 1.0)
    assert paper.training.rate(paper.training.steps) == pytest.approx(0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "agent"),
    [
        ([], "rvt2"),
        (["--path", "oracle"], "hamster_rvt2"),
        (["--path", "oracle", "--path-form", "channels"], "hamster_rvt2_concat"),
    ],
)
def test_the_command_trains_what_the_agent_runs(options, agent, tmp_path, capsys):
    from hamster_bench.agent import make_agent

    demos = tmp_path / "demos"
    collect = ["demos", "collect", "--tasks", "close_laptop_lid", "--episodes", "2", "--out", str(demos), "--images", "keyframes"]
    assert main(collect) == 0
    command = ["train", "rvt2", "--demos", str(demos), "--out", str(tmp_path / "run"), "--steps", "2", "--batch", "2"]
    assert main([*command, "--no-tensorboard", "--device", "cpu", *options]) == 0
    assert "2 steps on" in capsys.readouterr().out
    needs = make_agent(f"{agent}:checkpoint={tmp_path / 'run' / WEIGHTS_FILE}").needs
    assert needs.cameras == ("front",)


def test_a_form_needs_a_path(tmp_path, capsys):
    assert main(["train", "rvt2", "--demos", str(tmp_path), "--out", str(tmp_path), "--path-form", "channels"]) == 2
    assert "--path oracle" in capsys.readouterr().err
