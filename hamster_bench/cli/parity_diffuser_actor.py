"""Parity with 3D Diffuser Actor: a whole network with given weights, from colours to sampled poses, and its losses' gradients."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.cli.parity import Figure
from hamster_bench.cli.parity_arrays import Arrays, absolute, compared, of_shape, relative, tensor
from hamster_bench.errors import InvalidOptionError

if TYPE_CHECKING:
    from torch import Tensor

    from hamster_bench.baselines.diffuser_actor.network import DiffuserActor, Situation
    from hamster_bench.baselines.diffuser_actor.settings import DiffuserActorSettings

# Stages inside the network, relative to the largest number of the stage.
_STAGE = 2e-4
# Estimates of one pass. A shift of the whole cloud by 1 cm changes them by 2e-4.
_ESTIMATE = 2e-5
# Sampled poses [m] and quaternion parts.
_ACTION = 1e-5
# Losses and gradients, relative to the largest number.
_LOSS = 1e-4
# Schedules and rotations are a few float32 operations long.
_SHORT = 1e-5

_WEIGHTS = "weights."
_BACKBONE = "encoder.backbone."
_LANGUAGE = ("encoder.instruction_encoder.", "encoder.vl_attention.", "prediction_head.traj_lang_attention.")
# What a file may say of the network besides its sizes, as far as it is implemented.
_IMPLEMENTED: Mapping[str, Any] = {"rotation": "6D", "lang_enhanced": False, "relative": False, "feature_level": "res3"}


def compare(file: Path) -> Sequence[Figure]:
    """Compares with an archive of weights, inputs, intermediate and final results, and ``config_json`` with the sizes.

    Raises:
        InvalidOptionError: the file cannot be read, is of another form, or is of a variant of the network that does not exist here.
        StoreError: its weights are not those of the network it describes.
        MissingDependencyError: PyTorch is not installed.
    """
    return compared(
        file, _figures, "3D Diffuser Actor (NPZ with 'config_json', 'weights.*', 'in_*', 'den_*' and so on)", needs_torch=True
    )


def _figures(arrays: Arrays) -> Iterator[Figure]:
    from hamster_bench.baselines.diffuser_actor.checkpoint import network_of
    from hamster_bench.baselines.diffuser_actor.network import Situation

    config: Mapping[str, Any] = json.loads(bytes(arrays["config_json"]))
    settings = _settings(config, arrays)
    network = network_of(_weights(arrays, settings, int(config["backbone_seed"])), settings, "the recorded network")
    situation = Situation(
        tensor(arrays, "in_rgb"),
        tensor(arrays, "in_pcd"),
        None if settings.text == "none" else tensor(arrays, "in_instruction"),
        tensor(arrays, "in_curr_gripper"),
    )
    yield from _image_figures(arrays, network, situation)
    yield from _context_figures(arrays, network, situation)
    yield from _loss_figures(arrays, network, situation)
    yield from _sampling_figures(arrays, network, situation)
    yield from _schedule_figures(arrays, network)
    yield from _rotation_figures(arrays)


def _settings(config: Mapping[str, Any], arrays: Arrays) -> DiffuserActorSettings:
    from hamster_bench.baselines.diffuser_actor.settings import DiffuserActorSettings

    for name, implemented in _IMPLEMENTED.items():
        if config.get(name, implemented) != implemented:
            raise InvalidOptionError(f"the file's network has {name} = {config[name]!r}; here it can only be {implemented!r}")
    low, high = arrays["cfg_bounds"].tolist()
    height, width = config["image_hw"]
    return DiffuserActorSettings(
        width=config["embedding_dim"],
        heads=config["num_attn_heads"],
        cameras=tuple(f"camera{i}" for i in range(config["cameras"])),
        image_size=(height, width),
        history=config["nhist"],
        diffusion_steps=config["diffusion_timesteps"],
        quaternion_order=config["quaternion_format"],
        text="clip" if config.get("use_instruction", True) else "none",
        text_layers=config["num_vis_ins_attn_layers"],
        context_share=config["fps_subsampling_factor"],
        workspace=(tuple(low), tuple(high)),
    )


def _weights(arrays: Arrays, settings: DiffuserActorSettings, seed: int) -> dict[str, Tensor]:
    """The state dictionary: what the file holds, the backbone by its rule, and zeros for what takes no part and is not there."""
    import torch

    from hamster_bench.baselines.diffuser_actor.backbones import ClipResNet50
    from hamster_bench.baselines.diffuser_actor.checkpoint import unused_entries

    entries = {name: torch.zeros(()).expand(shape) for name, shape in unused_entries(settings).items()}
    with torch.device("meta"):
        trunk = ClipResNet50().state_dict()
    for name, entry in trunk.items():
        entries[_BACKBONE + name] = torch.from_numpy(backbone_entry(name, tuple(entry.shape), seed))
    given = {name.removeprefix(_WEIGHTS): tensor(arrays, name) for name in arrays if name.startswith(_WEIGHTS)}
    if settings.text == "none":
        given = {name: entry for name, entry in given.items() if not name.startswith(_LANGUAGE)}
    return entries | given


def backbone_entry(name: str, shape: tuple[int, ...], seed: int) -> NDArray[Any]:
    """An entry of the backbone, which is too large for the file, by the rule the originals' numbers were made with.

    Args:
        name: without ``encoder.backbone.``.
        shape: of the entry.
        seed: ``backbone_seed`` of the file.
    """
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    numbers = np.random.RandomState(zlib.crc32(name.encode()) ^ seed).standard_normal(shape)
    if len(shape) == 4:
        numbers *= np.sqrt(2.0 / (shape[1] * shape[2] * shape[3]))
    elif name.endswith("running_var"):
        numbers = 1.0 + 0.1 * np.abs(numbers)
    elif name.endswith(("running_mean", "bias")):
        numbers *= 0.1
    else:
        numbers = (1.0 + 0.1 * numbers) * (0.5 if ".bn3." in name else 1.0)
    return numbers.astype(np.float32)


def _image_figures(arrays: Arrays, network: DiffuserActor, situation: Situation) -> Iterator[Figure]:
    import torch

    from hamster_bench.baselines.diffuser_actor.backbones import ClipResNet50, normalised_colours
    from hamster_bench.baselines.diffuser_actor.rotations import encoded_rotation

    backbone = network.encoder.backbone
    if not isinstance(backbone, ClipResNet50):
        raise TypeError("the recorded network has another backbone")
    with torch.inference_mode():
        images = normalised_colours(situation.rgb.flatten(0, 1))
        stages = backbone.stages(images)
        yield _stage(arrays, "mid_rgb_normalised", images)
        for number, stage in enumerate(stages, start=1):
            name = f"mid_res{number}"
            yield _stage(arrays, name, stage) if name in arrays else _stage(arrays, f"{name}_image0", stage[:1])
        yield _stage(arrays, "mid_fpn_res3", network.encoder.image_features(situation.rgb.flatten(0, 1)))
        history = situation.history
        rotation = encoded_rotation(history[..., 3:7], network.settings.quaternion_order, network.settings.rotation)
        yield _stage(arrays, "mid_curr_gripper_9d", torch.cat((network.normalised(history[..., :3]), rotation), -1))


def _context_figures(arrays: Arrays, network: DiffuserActor, situation: Situation) -> Iterator[Figure]:
    import torch

    from hamster_bench.baselines.diffuser_actor.attention import rotary_code
    from hamster_bench.baselines.diffuser_actor.network import Situation

    with torch.inference_mode():
        context = network.encode(situation)
        yield _stage(arrays, "mid_context_feats", context.tokens)
        yield _stage(arrays, "mid_context_xyz", context.points)
        if context.words is not None:
            yield _stage(arrays, "mid_instr_feats", context.words)
        yield _stage(arrays, "mid_gripper_history_feats", context.history)
        expected = of_shape(arrays, "mid_fps_indices", context.sampled)
        different = int((context.sampled.numpy() != expected).sum())
        yield Figure("mid_fps_indices", different, 0, f" of {expected.size}")
        yield _stage(arrays, "mid_fps_feats", context.sampled_tokens().transpose(0, 1))
        code = rotary_code(context.sampled_points()[:, : arrays["mid_fps_rope_first4"].shape[1]], network.settings.width)
        both = torch.view_as_real(code.repeat_interleave(2, -1))
        yield _stage(arrays, "mid_fps_rope_first4", both)

        steps = tensor(arrays, "den_timesteps")
        without = network.encode(Situation(situation.rgb, situation.points, None, situation.history))
        for name, poses, seen in (("den", "den", context), ("denx", "denx", context), ("nolang_den", "den", without)):
            if f"{name}_out" in arrays:
                estimate = network.denoise(tensor(arrays, f"{poses}_traj"), steps, seen)
                yield absolute(arrays, f"{name}_out", torch.cat(estimate, -1), _ESTIMATE)


def _loss_figures(arrays: Arrays, network: DiffuserActor, situation: Situation) -> Iterator[Figure]:
    import torch

    entries = dict(network.named_parameters())
    for kind, target in (("loss", "in_gt_keypose"), ("lossx", "in_gt_traj")):
        if f"{kind}_value" not in arrays:
            continue
        network.zero_grad(set_to_none=True)
        noise, steps = tensor(arrays, f"{kind}_noise"), tensor(arrays, f"{kind}_timesteps")
        loss = network.loss(situation, tensor(arrays, target), noise, steps)
        loss.backward()
        yield relative(arrays, f"{kind}_value", loss.detach(), _LOSS)
        prefix = f"{kind}_grad."
        for name in arrays:
            if name.startswith(prefix):
                entry = entries.get(name.removeprefix(prefix))
                # What takes no part has no gradient here and one of zero there.
                gradient = torch.zeros(arrays[name].shape) if entry is None or entry.grad is None else entry.grad
                yield relative(arrays, name, gradient, _LOSS)
    network.zero_grad(set_to_none=True)


def _sampling_figures(arrays: Arrays, network: DiffuserActor, situation: Situation) -> Iterator[Figure]:
    import torch

    from hamster_bench.baselines.diffuser_actor.network import SamplingNoise

    for kind in ("smp", "smpx"):
        if f"{kind}_action" not in arrays:
            continue
        # By the diffusion step there, in the order of use here.
        steps = torch.cat((tensor(arrays, f"{kind}_step_noise_pos"), tensor(arrays, f"{kind}_step_noise_rot")), -1).flip(0)
        action = network.sample(situation, SamplingNoise(tensor(arrays, f"{kind}_init_noise"), steps), "ddpm")
        yield absolute(arrays, f"{kind}_action", action, _ACTION)


def _schedule_figures(arrays: Arrays, network: DiffuserActor) -> Iterator[Figure]:
    from hamster_bench.baselines.diffuser_actor.schedules import sampling_steps

    steps = network.settings.diffusion_steps
    clean, noise, at = (tensor(arrays, f"sched_{name}") for name in ("x0", "eps", "t"))
    for name, schedule in (("sched_pos", network.position_schedule), ("sched_rot", network.rotation_schedule)):
        yield absolute(arrays, f"{name}_betas", schedule.betas, _SHORT)
        yield absolute(arrays, f"{name}_alphas_cumprod", schedule.signal, _SHORT)
        yield absolute(arrays, f"{name}_timesteps", np.array(sampling_steps(steps, steps)), 0)
        yield absolute(arrays, f"{name}_noised", schedule.noised(clean, noise, at), _SHORT)
        for step, where in ((steps // 2, "half"), (0, "0")):
            coefficients = schedule.coefficients(step, step - 1, "ddpm")
            following = coefficients.apply(clean, noise, tensor(arrays, f"{name}_step_z"))
            yield absolute(arrays, f"{name}_step_prev_at_{where}", following, _SHORT)


def _rotation_figures(arrays: Arrays) -> Iterator[Figure]:
    from hamster_bench.baselines.diffuser_actor.rotations import (
        matrix_from_quat_wxyz,
        matrix_from_six,
        quat_wxyz_from_matrix,
        six_from_matrix,
    )

    matrix = matrix_from_quat_wxyz(tensor(arrays, "rot_quat_wxyz"))
    yield absolute(arrays, "rot_matrix", matrix, _SHORT)
    yield absolute(arrays, "rot_6d", six_from_matrix(matrix), _SHORT)
    made = matrix_from_six(tensor(arrays, "rot_raw6d"))
    yield absolute(arrays, "rot_raw6d_matrix", made, _SHORT)
    quat = quat_wxyz_from_matrix(made).numpy()
    expected = of_shape(arrays, "rot_raw6d_quat_wxyz", quat)
    # A quaternion and its negative are the same rotation.
    apart = np.minimum(np.abs(quat - expected).max(-1), np.abs(quat + expected).max(-1))
    yield Figure("rot_raw6d_quat_wxyz", float(apart.max()), _SHORT)


def _stage(arrays: Arrays, name: str, found: Any) -> Figure:
    return relative(arrays, name, found, _STAGE)
