"""The network by what must hold for any weights: symmetries, shortcuts that change nothing, learning."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the network needs PyTorch: pip install 'hamster-bench[torch]'")

from hamster_bench.baselines.diffuser_actor.attention import KeysValues, MultiheadAttention, rotary_code  # noqa: E402
from hamster_bench.baselines.diffuser_actor.farthest_points import farthest_points  # noqa: E402
from hamster_bench.baselines.diffuser_actor.network import DiffuserActor, SamplingNoise, Situation  # noqa: E402
from hamster_bench.baselines.diffuser_actor.rotations import (  # noqa: E402
    decoded_rotation,
    encoded_rotation,
    matrix_from_quat_wxyz,
    quat_wxyz_from_matrix,
)
from hamster_bench.baselines.diffuser_actor.schedules import (  # noqa: E402
    position_schedule,
    rotation_schedule,
    sampling_steps,
)
from hamster_bench.baselines.diffuser_actor.settings import SETTINGS, DiffuserActorSettings  # noqa: E402
from hamster_bench.baselines.parts.text import word_numbers  # noqa: E402
from hamster_bench.errors import InvalidOptionError, UnknownNameError  # noqa: E402

TINY = replace(
    SETTINGS.get("small"), width=24, heads=2, image_size=(48, 32), diffusion_steps=10, sampling_steps=None, sampler="ddpm"
)


def network(settings=TINY):
    """A network in which nothing is zero, as after training."""
    made = DiffuserActor(settings).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return made


def situation(settings=TINY, batch=2):
    low, high = torch.tensor(settings.workspace)
    size = (batch, len(settings.cameras), 3, *settings.image_size)
    return Situation(
        rgb=torch.rand(size),
        points=low[:, None, None] + torch.rand(size) * (high - low)[:, None, None],
        instruction=word_numbers(["close the box", "put it left of the cup"][:batch]),
        history=low + torch.rand(batch, settings.history, 3) * (high - low),
    )


def noise(settings=TINY, steps=None, batch=2, length=1):
    return SamplingNoise.drawn(np.random.default_rng(3), settings, steps, batch, length)


@pytest.mark.parametrize("order", ["xyzw", "wxyz"])
@pytest.mark.parametrize("rotation", ["6d", "quaternion"])
def test_rotations_survive_being_encoded(order, rotation):
    quat = torch.randn(200, 4)
    # Half turns, where the scalar part vanishes, and the identity.
    quat[:4] = torch.eye(4)
    unit = torch.nn.functional.normalize(quat, dim=-1)
    back = decoded_rotation(encoded_rotation(3.0 * quat, order, rotation), order, rotation)
    assert ((back * unit).sum(-1).abs() > 1 - 1e-6).all()


def test_the_order_of_a_quaternion_matters():
    quat = torch.tensor([0.5, 0.1, 0.7, 0.3])
    assert not torch.allclose(encoded_rotation(quat, "xyzw", "6d"), encoded_rotation(quat, "wxyz", "6d"), atol=0.1)
    turn_about_x_wxyz = torch.tensor([np.cos(0.4), np.sin(0.4), 0.0, 0.0], dtype=torch.float32)
    matrix = matrix_from_quat_wxyz(turn_about_x_wxyz)
    assert torch.allclose(
        matrix @ torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0.0, np.cos(0.8), np.sin(0.8)], dtype=torch.float32)
    )
    assert torch.allclose(quat_wxyz_from_matrix(matrix), turn_about_x_wxyz)


def test_schedules_leave_what_the_original_leaves():
    assert float(position_schedule(100).signal[-1]) == pytest.approx(0.485, abs=5e-4)
    assert float(rotation_schedule(100).signal[-1]) == pytest.approx(2.4e-7, rel=0.05)
    assert float(rotation_schedule(100).betas.max()) == pytest.approx(0.999)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
@pytest.mark.parametrize("schedule", [position_schedule(10), rotation_schedule(10)])
def test_with_the_true_noise_known_a_step_arrives_where_it_should(sampler, schedule):
    clean, true_noise = torch.rand(5, 3) * 2 - 1, torch.randn(5, 3)
    steps = torch.full((5,), 6)
    there = schedule.noised(clean, true_noise, steps)
    back = schedule.coefficients(6, -1, sampler).apply(there, true_noise, torch.randn(5, 3))
    assert torch.allclose(back, clean, atol=1e-5)
    if sampler == "ddim":
        between = schedule.coefficients(6, 2, sampler).apply(there, true_noise, torch.randn(5, 3))
        assert torch.allclose(between, schedule.noised(clean, true_noise, torch.full((5,), 2)), atol=1e-5)


def test_sampling_steps_start_at_the_noisiest():
    assert sampling_steps(20, 20) == tuple(range(19, -1, -1))
    for count in range(1, 100):
        steps = sampling_steps(100, count)
        assert steps[0] == 99
        assert len(set(steps)) == count
        assert list(steps) == sorted(steps, reverse=True)
    for count in (0, 101):
        with pytest.raises(ValueError, match="between 1 and 100"):
            sampling_steps(100, count)


def test_attention_sees_where_tokens_are_relative_to_each_other_only():
    attention = MultiheadAttention(24, 2).eval()
    tokens, query = torch.randn(1, 30, 24), torch.randn(1, 4, 24)
    points, asked_from = torch.rand(1, 30, 3), torch.rand(1, 4, 3)

    def gathered(shift):
        seen = attention.keys_values(tokens, rotary_code(points + shift, 24))
        return attention(query, seen, rotary_code(asked_from + shift, 24))

    moved = torch.tensor([0.7, -0.3, 0.2])
    assert torch.allclose(gathered(torch.zeros(3)), gathered(moved), atol=1e-5)
    seen = attention.keys_values(tokens, rotary_code(points + moved, 24))
    assert not torch.allclose(gathered(torch.zeros(3)), attention(query, seen, rotary_code(asked_from, 24)), atol=1e-4)


def test_attention_is_that_of_the_textbook():
    attention = MultiheadAttention(24, 2).eval()
    tokens, query = torch.randn(1, 30, 24), torch.randn(1, 4, 24)
    theirs = torch.nn.MultiheadAttention(24, 2, batch_first=True).eval()
    theirs.load_state_dict(attention.state_dict())
    assert torch.allclose(attention(query, attention.keys_values(tokens)), theirs(query, tokens, tokens)[0], atol=1e-6)


def test_farthest_points_are_those_of_the_definition():
    features = torch.randn(2, 60, 7)
    chosen = farthest_points(features, 25)
    for row, points in zip(chosen.tolist(), features.double(), strict=True):
        assert row[0] == 0
        for i in range(1, 25):
            nearest = (points[:, None] - points[row[:i]]).norm(dim=-1).min(1).values
            assert row[i] == int(nearest.argmax())


@pytest.mark.parametrize("length", [1, 3])
def test_what_is_kept_between_steps_changes_nothing(length):
    net, seen, given = network(), situation(), noise(length=length)
    sampled = net.sample(seen, given)

    # The same without keeping anything: every step encodes everything again.
    poses = given.start
    for i, step in enumerate(range(9, -1, -1)):
        with torch.no_grad():
            estimate = net.denoise(poses, torch.full((2,), step), net.encode(seen))
        position = net.position_schedule.coefficients(step, step - 1, "ddpm")
        rotation = net.rotation_schedule.coefficients(step, step - 1, "ddpm")
        poses = torch.cat(
            (
                position.apply(poses[..., :3], estimate.position_noise, given.steps[i, ..., :3]),
                rotation.apply(poses[..., 3:], estimate.rotation_noise, given.steps[i, ..., 3:]),
            ),
            -1,
        )
    assert torch.allclose(sampled[..., :3], net.in_metres(poses[..., :3]), atol=1e-5)
    assert torch.allclose(sampled[..., 7:], estimate.open_logit.sigmoid(), atol=1e-5)


def test_tokens_that_nobody_wants_are_not_missed():
    net = network()
    stack = net.prediction_head.rotation_self_attn
    tokens, code = torch.randn(2, 20, 24), rotary_code(torch.rand(2, 20, 3), 24)
    modulations = stack.modulations(torch.randn(2, 1, 24))
    with torch.no_grad():
        everything = stack.attend_among(tokens, code, modulations)
        assert torch.allclose(stack.attend_among(tokens, code, modulations, wanted=3), everything[:, :3], atol=1e-6)


def test_samples_are_poses_and_depend_on_what_is_seen():
    net, seen = network(), situation()
    sampled = net.sample(seen, noise())
    assert torch.allclose(sampled[..., 3:7].norm(dim=-1), torch.ones(2, 1), atol=1e-5)
    assert ((sampled[..., 7] >= 0) & (sampled[..., 7] <= 1)).all()
    assert torch.equal(sampled, net.sample(seen, noise()))
    for changed in (
        replace(seen, rgb=seen.rgb.flip(-1)),
        replace(seen, points=seen.points + 0.2),
        replace(seen, instruction=word_numbers(["open the box", "put it right of the cup"])),
        replace(seen, history=seen.history + 0.2),
    ):
        assert not torch.allclose(net.sample(changed, noise()), sampled, atol=1e-5)
    assert torch.equal(net.sample(replace(seen, history=torch.cat((seen.history, torch.rand(2, 3, 4)), -1)), noise()), sampled)


@pytest.mark.parametrize(
    "changes",
    [
        {"rotation": "quaternion"},
        {"text": "none"},
        {"history": 1},
        {"cameras": ("front", "wrist")},
        {"backbone": "clip", "image_size": (32, 32)},
        {"width": 60, "heads": 6},
        {"sampler": "ddim", "sampling_steps": 4},
    ],
)
def test_settings_make_other_networks(changes):
    settings = replace(TINY, **changes)
    assert DiffuserActorSettings.from_json(settings.to_json()) == settings
    sampled = network(settings).sample(situation(settings), noise(settings))
    assert sampled.shape == (2, 1, 8)
    assert torch.isfinite(sampled).all()


@pytest.mark.parametrize(("sampler", "steps"), [("ddpm", 10), ("ddim", 10), ("ddim", 3)])
def test_with_a_denoiser_that_knows_the_answer_sampling_finds_it(sampler, steps):
    schedule, goal = position_schedule(10), torch.tensor([0.3, -0.2, 0.5])
    position = torch.randn(50, 3)
    chosen = sampling_steps(10, steps)
    for step, following in zip(chosen, (*chosen[1:], -1), strict=True):
        signal = schedule.signal[step]
        right = (position - signal.sqrt() * goal) / (1 - signal).sqrt()
        position = schedule.coefficients(step, following, sampler).apply(position, right, torch.randn(50, 3))
    assert torch.allclose(position, goal.expand_as(position), atol=1e-4)


def test_words_are_told_apart_and_punctuation_is_not():
    same, other = word_numbers(["Close the box.", "close  the BOX", "close the jar"])[[0, 1]], word_numbers(["close the jar"])
    assert torch.equal(same[0], same[1])
    assert not torch.equal(same[0], other[0])
    assert word_numbers(["word " * 100]).shape == (1, 32)


def test_the_network_can_fit_what_it_is_shown():
    net, seen = DiffuserActor(TINY).train(), situation()
    target = torch.tensor([[[0.2, 0.1, 0.9, 0, 1, 0, 0, 1]], [[0.4, -0.2, 1.2, 1, 0, 0, 0, 0]]], dtype=torch.float32)
    added, steps = torch.randn(2, 1, 9), torch.tensor([2, 7])
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(40):
        loss = net.loss(seen, target, added, steps)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
    # Every parameter takes part; one that never has a gradient would be dead weight.
    assert [name for name, p in net.named_parameters() if p.requires_grad and p.grad is None] == []


def test_the_clip_backbone_is_frozen():
    net = DiffuserActor(replace(TINY, backbone="clip", image_size=(32, 32)))
    assert not any(p.requires_grad for p in net.encoder.backbone.parameters())
    assert all(p.requires_grad for p in net.encoder.feature_pyramid.parameters())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": 50}, "multiple of 6"),
        ({"heads": 7}, "heads = 7"),
        ({"backbone": "resnet"}, "clip, compact"),
        ({"history": 0}, "history"),
        ({"image_size": (16, 128)}, "at least 32"),
        ({"cameras": ()}, "at least one camera"),
        ({"workspace": ((0, 0, 0), (1, 0, 1))}, "workspace"),
        ({"sampling_steps": 11}, "between 1 and diffusion_steps = 10"),
    ],
)
def test_settings_that_make_no_network_are_refused(changes, said):
    with pytest.raises(InvalidOptionError, match=said):
        replace(TINY, **changes)


def test_settings_are_read_strictly():
    with pytest.raises(InvalidOptionError, match="widht"):
        DiffuserActorSettings.from_json('{"widht": 60}')
    with pytest.raises(InvalidOptionError, match="no settings"):
        DiffuserActorSettings.from_json("[")
    with pytest.raises(UnknownNameError, match="Did you mean: small"):
        SETTINGS.get("smal")


def test_keys_and_values_are_aligned_without_changing_anything():
    attention = MultiheadAttention(60, 6).eval()
    seen = attention.keys_values(torch.randn(1, 8, 60))
    assert isinstance(seen, KeysValues)
    assert seen.keys.shape == (1, 6, 8, 16)
    assert (seen.keys[..., 10:] == 0).all()
