"""The network: what it takes and gives, what it does not depend on, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the network needs PyTorch: pip install 'hamster-bench[torch]'")

from hamster_bench.baselines.parts.text import word_numbers  # noqa: E402
from hamster_bench.baselines.rvt2.augmentation import augment  # noqa: E402
from hamster_bench.baselines.rvt2.network import Rvt2, Situation, Target, TrainingNoise  # noqa: E402
from hamster_bench.baselines.rvt2.rotations import rotation_bins  # noqa: E402
from hamster_bench.baselines.rvt2.settings import SETTINGS, Rvt2Settings, published_settings  # noqa: E402
from hamster_bench.errors import InvalidOptionError  # noqa: E402

TINY = replace(
    SETTINGS.get("small"), view_size=28, patch_channels=8, width=24, heads=2, head_width=12, layers=2, splat_radius=0.1
)


def situation(settings, batch=2, count=200):
    low, high = torch.tensor(settings.workspace)
    instruction = {
        "none": None,
        "learned": word_numbers(["close the box", "open the jar"])[:batch],
        "clip": torch.randn(batch, 7, 512),
    }[settings.text]
    return Situation(
        low + torch.rand(batch, count, 3) * (high - low),
        torch.rand(batch, count, settings.color_channels),
        torch.rand(batch, 4),
        instruction,
    )


def target(settings, batch=2):
    low, high = torch.tensor(settings.workspace)
    return Target(
        low + (0.2 + 0.6 * torch.rand(batch, 3)) * (high - low),
        torch.randint(0, settings.rotation_bins, (batch, 3)),
        torch.randint(0, 2, (batch,)),
        torch.randint(0, 2, (batch,)),
    )


@pytest.mark.parametrize("text", ["none", "learned", "clip"])
@pytest.mark.parametrize("color_channels", [3, 6])
def test_every_option_decides_and_learns(text, color_channels):
    settings = replace(TINY, text=text, color_channels=color_channels)
    network = Rvt2(settings)
    seen = situation(settings)
    loss = network.training_pass(seen, target(settings), TrainingNoise.drawn(torch.Generator().manual_seed(0), 2)).losses().total
    loss.backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []
    decision = network.eval().decide(seen)
    low, high = np.array(settings.workspace)
    poses = decision.keyposes()
    assert poses.shape == (2, 9)
    assert decision.finite
    assert ((poses[:, :3] >= low - 0.2) & (poses[:, :3] <= high + 0.2)).all()
    assert np.allclose(np.linalg.norm(poses[:, 3:7], axis=1), 1.0)
    assert set(poses[:, 7:].flatten()) <= {0.0, 1.0}


def test_the_sizes_are_the_published_ones():
    with torch.device("meta"):
        counts = {
            (text, channels): sum(p.numel() for p in Rvt2(Rvt2Settings(text=text, color_channels=channels)).parameters())
            for text, channels in (("clip", 3), ("none", 3), ("none", 6))
        }
    assert {key: round(count / 1e6, 2) for key, count in counts.items()} == {
        ("clip", 3): 72.29,
        ("none", 3): 72.16,
        ("none", 6): 72.23,
    }


def test_what_lies_outside_the_workspace_does_not_count():
    network = Rvt2(TINY).eval()
    seen = situation(TINY)
    far = seen.points.new_tensor([[[9.0, 0.0, 1.0], [torch.nan, 0.0, 1.0], [0.0, torch.inf, 1.0]]]).expand(2, -1, -1)
    more = replace(
        seen, points=torch.cat((far, seen.points), 1), colors=torch.cat((torch.rand(2, 3, TINY.color_channels), seen.colors), 1)
    )
    assert np.array_equal(network.decide(seen).keyposes(), network.decide(more).keyposes())
    empty = replace(seen, points=torch.full_like(seen.points, torch.nan))
    assert network.decide(empty).finite


def test_situations_of_a_batch_do_not_see_each_other():
    network = Rvt2(TINY).eval()
    seen = situation(TINY)
    both = network.decide(seen).keyposes()
    for i in range(2):
        one = Situation(*(value[i : i + 1] for value in vars(seen).values()))
        assert np.array_equal(network.decide(one).keyposes(), both[i : i + 1])


def test_instructions_and_states_are_looked_at():
    network = Rvt2(TINY).eval()
    seen = situation(TINY)
    images = network.views(network.in_cube(seen.points), seen.colors)

    def heat(state, instruction):
        return network.mvt1(images, state, network.words(instruction))[1]

    own = heat(seen.state, seen.instruction)
    assert not torch.allclose(own, heat(seen.state + 1, seen.instruction))
    assert not torch.allclose(own, heat(seen.state, seen.instruction.flip(0)))
    with pytest.raises(ValueError, match="reads instructions"):
        network.words(None)


def test_one_scene_is_learned_by_heart():
    optimizers = pytest.importorskip("pytorch_optimizer", reason="LAMB needs: pip install pytorch-optimizer")
    network = Rvt2(replace(TINY, text="none"))
    seen, wanted = situation(network.settings), target(network.settings)
    optimiser = optimizers.Lamb(network.parameters(), lr=0.03)
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(30):
        loss = network.training_pass(seen, wanted, TrainingNoise.drawn(generator, 2)).losses().total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.7 * losses[0]


def test_the_target_moves_with_the_scene():
    workspace = torch.tensor(TINY.workspace)
    position = torch.tensor([[0.2, 0.1, 1.0], [0.69, -0.45, 0.7]])
    quat = torch.nn.functional.normalize(torch.tensor([[0.1, 0.9, -0.2, 0.3], [0.0, 1.0, 0.0, 0.0]]), dim=-1)
    u01 = torch.tensor([[0.2, 0.9, 0.5, 0.0], [0.99, 0.01, 0.7, 0.8]])
    # A point that is the target stays it; one a step ahead of it stays ahead.
    points = torch.stack((position, position + torch.tensor([0.1, 0.0, 0.0])), 1)
    made = augment(points, position, quat, workspace, u01)
    assert torch.allclose(made.points[:, 0], made.position, atol=1e-6)
    angles = (1 - 2 * u01[:, 3]) * torch.pi / 4
    ahead = 0.1 * torch.stack((angles.cos(), angles.sin(), torch.zeros(2)), -1)
    assert torch.allclose(made.points[:, 1] - made.position, ahead, atol=1e-6)
    assert ((made.position >= workspace[0]) & (made.position <= workspace[1])).all()
    turns = rotation_bins(made.quat_xyzw.numpy(), 72) - rotation_bins(quat.numpy(), 72)
    assert (turns[0] % 72).tolist() == [0, 0, 9]
    still = augment(points, position, quat, workspace, torch.full((2, 4), 0.5))
    assert torch.equal(still.points, points)
    assert torch.equal(still.quat_xyzw, quat)


@pytest.mark.parametrize(
    "wrong",
    [
        {"view_size": 100},
        {"view_size": 14},
        {"color_channels": 4},
        {"layers": 3},
        {"heads": 0},
        {"text": "bert"},
        {"zoom": 1.0},
        {"splat_radius": 1.5},
        {"patch_channels": 6},
        {"cameras": ()},
        {"workspace": ((0, 0, 0), (1, 1, 0))},
        {"dropout": 1.0},
    ],
)
def test_wrong_settings_are_refused_by_name(wrong):
    with pytest.raises(InvalidOptionError, match=next(iter(wrong))):
        replace(TINY, **wrong)


def test_settings_are_read_as_they_were_written():
    assert Rvt2Settings.from_json(TINY.to_json()) == TINY
    for text in ("[]", "{", '{"colour": 3}', '{"zoom": "much"}', '{"layers": 2.5}'):
        with pytest.raises(InvalidOptionError, match=r"rvt2|colour|zoom|layers"):
            Rvt2Settings.from_json(text)


def test_published_settings_are_translated():
    read = published_settings(
        {"img_size": 112, "add_lang": False, "attn_heads": 4, "img_aug_2": 0.05, "st_sca": 2}, Rvt2Settings()
    )
    assert (read.view_size, read.text, read.heads, read.zoom) == (112, "none", 4, 2)
    with pytest.raises(InvalidOptionError, match="rot_ver = 0"):
        published_settings({"rot_ver": 0}, Rvt2Settings())
