"""How the policy learns: batches, augmentation, several noise levels at once."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install 'hamster-bench[torch]'")

from hamster_bench.baselines.diffuser_actor.learner import DiffuserActorLearner, LearningSettings, resized, world_points  # noqa: E402
from hamster_bench.baselines.diffuser_actor.network import DiffuserActor, Situation  # noqa: E402
from hamster_bench.baselines.diffuser_actor.settings import SETTINGS  # noqa: E402
from hamster_bench.baselines.parts.text import word_numbers  # noqa: E402
from hamster_bench.baselines.training.settings import TrainingSettings  # noqa: E402
from hamster_bench.geometry import Camera  # noqa: E402

TINY = replace(SETTINGS.get("small"), width=12, heads=2, image_size=(32, 48), diffusion_steps=10, sampling_steps=None)


def test_several_noise_levels_cost_one_encoding_and_change_no_loss():
    network = DiffuserActor(TINY).eval()
    low, high = torch.tensor(TINY.workspace)
    points = low[:, None, None] + torch.rand(2, 1, 3, 32, 48) * (high - low)[:, None, None]
    situation = Situation(torch.rand(2, 1, 3, 32, 48), points, word_numbers(["push", "pull"]), torch.full((2, 3, 3), 0.3))
    target = torch.tensor([[[0.3, 0.1, 0.9, 0, 1, 0, 0, 1]], [[0.1, 0.0, 1.1, 1, 0, 0, 0, 0]]], dtype=torch.float32)
    noise, steps = torch.randn(6, 1, 9), torch.randint(0, 10, (6,))
    encoded = []
    network.encoder.register_forward_hook(lambda *_: encoded.append(1))
    with torch.no_grad():
        together = network.losses(situation, target, noise, steps)
        assert len(encoded) == 1
        apart = [network.losses(situation, target, noise[[k, 3 + k]], steps[[k, 3 + k]]) for k in range(3)]
    for part in ("position", "rotation", "opening"):
        mean = torch.stack([getattr(losses, part) for losses in apart]).mean()
        assert torch.allclose(getattr(together, part), mean, atol=1e-5), part


def test_world_points_are_those_of_the_camera():
    rng = np.random.default_rng(0)
    depth = rng.uniform(0.5, 2.0, (1, 1, 20, 30)).astype(np.float32)
    intrinsics = np.array([[40.0, 0, 15], [0, 41, 10], [0, 0, 1]])
    extrinsics = np.eye(4)
    extrinsics[:3, :3], extrinsics[:3, 3] = np.linalg.qr(rng.normal(size=(3, 3)))[0], (0.1, 0.2, 0.3)
    if np.linalg.det(extrinsics[:3, :3]) < 0:
        extrinsics[:3, 0] *= -1
    found = world_points(depth, intrinsics[None, None], extrinsics[None, None])
    expected = Camera(30, 20, intrinsics, extrinsics).point_cloud(depth[0, 0])
    assert np.allclose(found[0, 0].permute(1, 2, 0).numpy(), expected, atol=1e-5)


def test_resizing_keeps_colours_with_their_points():
    v, u = torch.meshgrid(torch.arange(24.0), torch.arange(32.0), indexing="ij")
    image = torch.stack((u, v, u + v))[None, None].repeat(4, 2, 1, 1, 1)
    colours, points = resized(image, 10.0 * image, (0.6, 1.6), np.random.default_rng(3))
    assert colours.shape == image.shape
    assert torch.equal(points, 10.0 * colours)
    assert torch.equal(colours[:, 0], colours[:, 1]), "all cameras of an item are resized alike"
    steps = (colours[:, 0, 0, 12, 1:] - colours[:, 0, 0, 12, :-1]).abs().mean(-1)
    assert len(torch.unique(steps)) > 1, "every item has a factor of its own"
    same = resized(image, 10.0 * image, (1.0, 1.0), np.random.default_rng(3))
    assert torch.equal(same[0], image)


def test_a_frozen_backbone_keeps_its_weights_and_its_statistics_follow_the_data(tmp_path):
    from hamster_bench.baselines.diffuser_actor.backbones import ClipResNet50

    file = tmp_path / "clip.pt"
    torch.save(ClipResNet50().state_dict(), file)
    settings = replace(TINY, backbone="clip", point_features=False, image_size=(64, 64))
    learner = DiffuserActorLearner(settings, LearningSettings(), clip_trunk=file)
    training = TrainingSettings(steps=1, batch=2, learning_rate=1e-3)
    optimiser = learner.optimiser(training)
    before = {name: value.clone() for name, value in learner.module.state_dict().items()}
    low, high = torch.tensor(settings.workspace)
    points = low[:, None, None] + torch.rand(2, 1, 3, 64, 64) * (high - low)[:, None, None]
    situation = Situation(torch.rand(2, 1, 3, 64, 64), points, word_numbers(["push", "pull"]), torch.full((2, 3, 3), 0.3))
    target = torch.tensor([[[0.3, 0.1, 0.9, 0, 1, 0, 0, 1]], [[0.1, 0.0, 1.1, 1, 0, 0, 0, 0]]], dtype=torch.float32)
    learner.module.train()
    learner.losses((situation, target), torch.Generator().manual_seed(0))["loss"].backward()
    optimiser.step()
    changed = {name for name, value in learner.module.state_dict().items() if not torch.equal(value, before[name])}
    of_backbone = {name for name in changed if name.startswith("encoder.backbone.")}
    assert of_backbone, "running statistics"
    assert all("running_" in name or "num_batches" in name for name in of_backbone)
    assert changed - of_backbone
    optimised = {id(p) for group in optimiser.param_groups for p in group["params"]}
    assert not optimised & {id(p) for p in learner.network.encoder.backbone.parameters()}
