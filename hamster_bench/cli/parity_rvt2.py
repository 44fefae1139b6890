"""Parity with RVT-2: a whole network with given weights, from clouds to decisions, and its losses' gradients."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hamster_bench.cli.parity import Figure
from hamster_bench.cli.parity_arrays import (
    Arrays,
    absolute,
    compared,
    different,
    largest,
    of_shape,
    relative,
    same_rotation,
    tensor,
)

if TYPE_CHECKING:
    from torch import Tensor

    from hamster_bench.baselines.rvt2.network import Rvt2, Situation

# Share of pixels that may differ: a point on the border of two pixels falls to either side by the order of operations.
_PIXELS = 1e-3
# A channel that differs by more makes a pixel another one.
_CHANNEL = 1e-4
# A pixel that differs shifts the mean that all depths of its view are counted from, by no more than this.
_MEAN_DEPTH = 1e-3
_EMPTY_DEPTH = -1.0
# Heat maps, whose spread is 3 to 8, and logits of the heads.
_LOGITS = 1e-4
# Losses and gradients, relative to the largest number.
_LOSS = 1e-4
# Points [cube units and m], maps and rotations are a few float32 operations long.
_SHORT = 1e-5

_WEIGHTS, _GRADIENT = "weights.", "trn_grad."
_LOSSES = ("trans_loss", "rot_loss_x", "rot_loss_y", "rot_loss_z", "grip_loss", "collision_loss")


def compare(file: Path) -> Sequence[Figure]:
    """Compares with an archive of weights, inputs, intermediate and final results, and ``config_json`` with the sizes.

    Raises:
        InvalidOptionError: the file cannot be read, is of another form, or is of a variant of the network that does not exist here.
        StoreError: its weights are not those of the network it describes.
        MissingDependencyError: PyTorch is not installed.
    """
    return compared(file, _figures, "RVT-2 (NPZ with 'config_json', 'weights.*', 'in_*', 'inf_*' and so on)", needs_torch=True)


def _figures(arrays: Arrays) -> Iterator[Figure]:
    network = recorded_network(arrays)
    situation = recorded_situation(arrays, network)
    yield from _cloud_figures(arrays, network, situation)
    yield from _view_figures(arrays, network, situation)
    yield from _decision_figures(arrays, network, situation)
    yield from _part_figures(arrays, network)
    yield from _rotation_figures(arrays, network)
    yield from _augmentation_figures(arrays, network)
    yield from _training_figures(arrays, network, situation)


def recorded_network(arrays: Arrays) -> Rvt2:
    """The network with the weights and sizes of the archive.

    Raises:
        InvalidOptionError: it is of a variant that does not exist here.
        StoreError: the weights are not those of the network it describes.
    """
    from hamster_bench.baselines.rvt2.checkpoint import network_of
    from hamster_bench.baselines.rvt2.settings import SETTINGS, published_settings

    config: Mapping[str, Any] = json.loads(bytes(arrays["config_json"]))
    # Recorded without dropout, whatever the settings say.
    settings = replace(published_settings(config, SETTINGS.get("peract")), dropout=0.0)
    weights = {name.removeprefix(_WEIGHTS): tensor(arrays, name) for name in arrays if name.startswith(_WEIGHTS)}
    return network_of(weights, settings, "the recorded network")


def recorded_situation(arrays: Arrays, network: Rvt2) -> Situation:
    """What the policy sees in the archive."""
    import torch

    from hamster_bench.baselines.rvt2.network import Situation

    settings = network.settings
    images = ("rgb", "path") if settings.color_channels == 6 else ("rgb",)

    def pixels(name: str) -> Tensor:
        return tensor(arrays, name)[:, 0].flatten(2).transpose(1, 2)

    colors = [torch.cat([pixels(f"in_{camera}_{image}") for image in images], -1) for camera in settings.cameras]
    return Situation(
        torch.cat([pixels(f"in_{camera}_point_cloud") for camera in settings.cameras], 1),
        torch.cat(colors, 1).float() / 255.0,
        tensor(arrays, "in_low_dim_state")[:, 0],
        None if settings.text == "none" else tensor(arrays, "in_lang_goal_embs")[:, 0],
    )


def _cloud_figures(arrays: Arrays, network: Rvt2, situation: Situation) -> Iterator[Figure]:
    import torch

    cloud = network.in_cube(situation.points)
    for item, (points, colors) in enumerate(zip(cloud, situation.colors, strict=True)):
        inside = torch.isfinite(points).all(-1)
        recorded = len(arrays[f"inf_pc{item}"])
        if int(inside.sum()) != recorded:
            detail = f"{int(inside.sum())} points inside the workspace, {recorded} recorded"
            yield Figure(f"inf_pc{item}", float("inf"), _SHORT, detail=detail)
            continue
        yield absolute(arrays, f"inf_pc{item}", points[inside], _SHORT)
        yield absolute(arrays, f"inf_feat{item}", colors[inside], _SHORT)


def _view_figures(arrays: Arrays, network: Rvt2, situation: Situation) -> Iterator[Figure]:
    from hamster_bench.baselines.rvt2.renderer import render
    from hamster_bench.baselines.rvt2.views import location_channels, pixels

    settings = network.settings
    yield absolute(arrays, "cfg_pixel_loc", location_channels(settings.view_size), _SHORT)
    projected = pixels(tensor(arrays, "proj_points"), settings.view_size).transpose(1, 2)
    yield relative(arrays, "proj_pixels", projected, _SHORT)
    if "rend_img" in arrays:
        points, features = tensor(arrays, "rend_points")[None], tensor(arrays, "rend_feats")[None]
        drawn = render(points, features, arrays["rend_img"].shape[1], settings.splat_radius)[0]
        yield _images(arrays, "rend_img", drawn.movedim(1, -1), channel=-1)
    cloud = network.in_cube(situation.points)
    yield _images(arrays, "inf_img1", network.views(cloud, situation.colors), channel=2)
    cloud = network.zoomed(cloud, tensor(arrays, "inf_wpt1_cube"))
    yield _images(arrays, "inf_img2", network.views(cloud, situation.colors), channel=2)


def _decision_figures(arrays: Arrays, network: Rvt2, situation: Situation) -> Iterator[Figure]:
    """Of the recorded views, as a pixel of ours may be another one."""
    import torch

    from hamster_bench.baselines.rvt2.heat_maps import best_points, probabilities

    with torch.inference_mode():
        words = network.words(situation.instruction)
        _, heat = network.mvt1(tensor(arrays, "inf_img1"), situation.state, words)
        yield absolute(arrays, "inf_heat1", heat, _LOGITS)
        centre = best_points(probabilities(heat))
        yield absolute(arrays, "inf_wpt1_cube", centre, _SHORT)
        features, heat = network.mvt2(tensor(arrays, "inf_img2"), situation.state, words)
        yield absolute(arrays, "inf_heat2", heat, _LOGITS)
        point = best_points(probabilities(heat))
        yield absolute(arrays, "inf_wpt2_stage_cube", point, _SHORT)
        yield absolute(arrays, "inf_wpt_cube", point / network.settings.zoom + centre, _SHORT)
        pose = network.mvt2.pose_logits(features, point)
        for axis in "xyz":
            yield absolute(arrays, f"inf_feat_{axis}", getattr(pose, axis), _LOGITS)
        yield absolute(arrays, "inf_feat_ex_rot", torch.cat((pose.gripper, pose.collision), -1), _LOGITS)
        decision = network.decision(point, centre, pose)
    yield absolute(arrays, "inf_position", decision.position, _SHORT)
    yield same_rotation(arrays, "inf_quat_xyzw", decision.keyposes()[:, 3:7], _SHORT)
    yield different(arrays, "inf_gripper", decision.gripper_open[:, None])
    yield different(arrays, "inf_collision", decision.ignore_collisions[:, None])


def _part_figures(arrays: Arrays, network: Rvt2) -> Iterator[Figure]:
    import torch

    from hamster_bench.baselines.rvt2.heat_maps import look_up, target_maps

    with torch.inference_mode():
        yield absolute(arrays, "look_out", look_up(tensor(arrays, "look_map"), tensor(arrays, "look_pixels")), _SHORT)
        yield absolute(arrays, "up_out", network.mvt1.up0(tensor(arrays, "up_in")), _LOGITS)
        maps = target_maps(tensor(arrays, "hm_points"), arrays["hm_maps"].shape[-1])
        yield absolute(arrays, "hm_maps", maps, _SHORT)


def _rotation_figures(arrays: Arrays, network: Rvt2) -> Iterator[Figure]:
    from hamster_bench.baselines.rvt2.rotations import quat_xyzw_from_bins, rotation_bins

    bins = network.settings.rotation_bins
    yield different(arrays, "rot_bins", rotation_bins(arrays["rot_quat_xyzw"], bins))
    yield same_rotation(arrays, "rot_back_quat_xyzw", quat_xyzw_from_bins(arrays["rot_bins"], bins), _SHORT)


def _augmentation_figures(arrays: Arrays, network: Rvt2) -> Iterator[Figure]:
    import torch

    from hamster_bench.baselines.rvt2.augmentation import augment

    pose = tensor(arrays, "in_gripper_pose")[:, 0]
    u01 = torch.cat((tensor(arrays, "aug_u01_xyz"), tensor(arrays, "aug_u01_rpy")[:, 2:]), -1)
    made = augment(tensor(arrays, "aug_points"), pose[:, :3], pose[:, 3:], network.workspace, u01)
    yield absolute(arrays, "aug_out_points", made.points, _SHORT)
    yield absolute(arrays, "aug_out_position", made.position, _SHORT)
    yield same_rotation(arrays, "aug_out_quat_xyzw", made.quat_xyzw, _SHORT)


def _training_figures(arrays: Arrays, network: Rvt2, situation: Situation) -> Iterator[Figure]:
    import torch

    from hamster_bench.baselines.rvt2.network import Target, TrainingNoise

    indices = tensor(arrays, "in_rot_grip_action_indicies")[:, 0]
    target = Target(
        tensor(arrays, "in_gripper_pose")[:, 0, :3],
        indices[:, :3],
        indices[:, 3],
        tensor(arrays, "in_ignore_collisions")[:, 0, 0],
    )
    noise = TrainingNoise(tensor(arrays, "trn_zoom_noise_u01"), tensor(arrays, "trn_rot_xy_offset"))
    norm = network.mvt2.feat_fc_init_bn
    before = norm.running_mean.numpy().astype(np.float64)
    # A batch norm over two samples enlarges rounding errors a hundred times. In double precision there are none of ours.
    for stage in (network.mvt1, network.mvt2):
        stage.double().train()
    done = network.training_pass(situation, target, noise)
    losses = done.losses()
    losses.total.backward()
    with torch.no_grad():
        views = done.heat.shape[1] // 2
        yield absolute(arrays, "trn_zoom_centre_cube", done.centre, _SHORT)
        yield absolute(arrays, "trn_target_maps", done.targets.flatten(2).transpose(1, 2), _SHORT)
        yield absolute(arrays, "trn_heat1", done.heat[:, :views].detach(), _LOGITS)
        yield absolute(arrays, "trn_heat2", done.heat[:, views:].detach(), _LOGITS)
        for axis in "xyz":
            yield absolute(arrays, f"trn_feat_{axis}", getattr(done.pose, axis).detach(), _LOGITS)
        yield absolute(arrays, "trn_feat_ex_rot", torch.cat((done.pose.gripper, done.pose.collision), -1), _LOGITS)
        for name, value in zip(_LOSSES, vars(losses).values(), strict=True):
            yield relative(arrays, f"trn_{name}", value.detach(), _LOSS)
        yield relative(arrays, "trn_total_loss", losses.total.detach(), _LOSS)
    entries = dict(network.named_parameters())
    for name in arrays:
        if name.startswith(_GRADIENT):
            gradient = entries[name.removeprefix(_GRADIENT)].grad
            yield relative(arrays, name, torch.zeros(arrays[name].shape) if gradient is None else gradient, _LOSS)
    if "trn_bn_running_mean_after" in arrays:
        recorded = of_shape(arrays, "trn_bn_running_mean_after", before)
        if np.array_equal(recorded, before):
            # A copy of the weights' own entry says nothing of what the pass made of it.
            yield Figure("trn_bn_running_mean_after", 0.0, _LOGITS, detail="recorded as before the pass")
        else:
            yield absolute(arrays, "trn_bn_running_mean_after", norm.running_mean, _LOGITS)


def _images(arrays: Arrays, name: str, found: Tensor, channel: int) -> Figure:
    """Share of pixels that differ between rendered views, whose depth is the last along the axis of channels."""
    expected = np.moveaxis(of_shape(arrays, name, found), channel, -1)
    apart = np.moveaxis(found.numpy().astype(np.float64), channel, -1) - expected
    for view in np.ndindex(*apart.shape[:-3]):
        depth, filled = apart[view][..., -1], expected[view][..., -1] != _EMPTY_DEPTH
        offset = float(np.median(depth[filled])) if filled.any() else 0.0
        depth[filled] -= offset if abs(offset) <= _MEAN_DEPTH else 0.0
    differing = ~(np.abs(apart).max(-1) <= _CHANNEL)
    return Figure(name, float(differing.mean()), _PIXELS, " of the pixels", f"up to {largest(apart):.1e} apart")
