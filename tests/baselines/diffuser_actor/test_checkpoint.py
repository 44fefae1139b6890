"""Checkpoints: the published layout, this project's own, and what is wrong with a file, by name."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="checkpoints need PyTorch: pip install 'hamster-bench[torch]'")

from safetensors.torch import save_file  # noqa: E402

from hamster_bench.baselines.diffuser_actor.backbones import ClipResNet50  # noqa: E402
from hamster_bench.baselines.diffuser_actor.checkpoint import (  # noqa: E402
    load,
    load_clip_trunk,
    load_own,
    load_published,
    network_of,
    save_own,
    unused_entries,
)
from hamster_bench.baselines.diffuser_actor.network import DiffuserActor  # noqa: E402
from hamster_bench.baselines.diffuser_actor.settings import SETTINGS  # noqa: E402
from hamster_bench.errors import InvalidOptionError, StoreError  # noqa: E402

ENTRIES = Path(__file__).parents[4] / "shared" / "facts" / "models_checkpoint_entries.json"
PERACT = SETTINGS.get("peract")
TINY = replace(SETTINGS.get("small"), width=12, heads=2)


@pytest.fixture(scope="module")
def published():
    """The published names with tensors of one number, seen as the published shapes."""
    if not ENTRIES.exists():
        pytest.skip("the list of published entries is not here")
    shapes = json.loads(ENTRIES.read_text(encoding="utf-8"))["3d_diffuser_actor_c120"]
    assert len(shapes) == 621
    counted = {
        name: torch.tensor(0) if not shape else torch.tensor(0.01 * (i % 7)).expand(shape)
        for i, (name, shape) in enumerate(shapes.items())
    }
    return counted


def write(tmp_path, entries, prefix="module."):
    file = tmp_path / "diffuser_actor_peract.pth"
    weight = {prefix + name: entry for name, entry in entries.items()}
    torch.save({"weight": weight, "optimizer": {"state": {}, "param_groups": []}, "iter": 600000, "best_loss": 0.5}, file)
    return file


def test_the_published_layout_loads(published, tmp_path):
    checkpoint = load(write(tmp_path, published))
    settings, state = checkpoint.network.settings, checkpoint.network.state_dict()
    assert settings == PERACT
    assert settings.quaternion_order == "wxyz"
    assert not checkpoint.network.training
    assert set(published) == set(state) | set(unused_entries(settings))
    for name, entry in state.items():
        assert torch.equal(entry, published[name].to(entry.dtype)), name


def test_the_quaternion_order_is_a_setting_of_the_caller(published):
    network = network_of(published, replace(PERACT, quaternion_order="xyzw"), "here")
    assert network.settings.quaternion_order == "xyzw"


RENAMED = [
    "encoder.backbone.layer3.2.bn2.running_var",
    "encoder.backbone.attnpool.q_proj.bias",
    "encoder.goal_gripper_embed.weight",
    "encoder.feature_pyramid.layer_blocks.0.0.weight",
    "prediction_head.traj_lang_attention.0.layers.0.norm_122.bias",
    "prediction_head.openess_predictor.2.weight",
]


@pytest.mark.parametrize("name", RENAMED)
def test_a_renamed_entry_is_named(published, name, tmp_path):
    entries = {name + "s" if old == name else old: entry for old, entry in published.items()}
    with pytest.raises(StoreError) as caught:
        load_published(write(tmp_path, entries))
    assert f"missing: {name};" in str(caught.value)
    assert f"unexpected: {name}s" in str(caught.value)
    assert "another shape" not in str(caught.value)


@pytest.mark.parametrize("name", RENAMED)
def test_a_misshapen_entry_is_named(published, name, tmp_path):
    shape = tuple(published[name].shape)
    with pytest.raises(StoreError) as caught:
        load_published(write(tmp_path, published | {name: torch.zeros(*shape, 2)}))
    assert f"another shape: {name} {(*shape, 2)} instead of {shape}" in str(caught.value)
    assert "missing" not in str(caught.value)


def test_missing_and_unexpected_entries_are_listed_but_not_endlessly(published):
    with pytest.raises(StoreError, match=r"missing: encoder\.backbone\.conv1\.weight, .* and 327 more$") as caught:
        network_of({name: entry for name, entry in published.items() if "backbone" not in name}, PERACT, "here")
    assert "unexpected" not in str(caught.value)


def test_names_of_older_torchvision_are_understood(published):
    old = {name.replace("_blocks.2.0.", "_blocks.2."): entry for name, entry in published.items()}
    assert set(old) != set(published)
    assert isinstance(network_of(old, PERACT, "here"), DiffuserActor)


def test_files_without_the_prefix_and_of_other_settings_load(published, tmp_path):
    narrow = replace(PERACT, width=60, heads=6, history=1)
    with torch.device("meta"):
        shapes = {name: tuple(entry.shape) for name, entry in DiffuserActor(narrow).state_dict().items()} | unused_entries(narrow)
    file = write(tmp_path, {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}, prefix="")
    assert load_published(file, narrow).network.settings == narrow
    with pytest.raises(StoreError, match="60 does not go with the published 8 heads"):
        load_published(file)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_pickles_are_not_run(tmp_path):
    file = tmp_path / "evil.pth"
    torch.save({"weight": Evil(tmp_path / "broken_in")}, file)
    with pytest.raises(StoreError, match="cannot be read as a torch file of tensors"):
        load_published(file)
    assert not (tmp_path / "broken_in").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04"])
@pytest.mark.parametrize("name", ["file.pth", "file.safetensors"])
def test_other_files_are_refused(content, name, tmp_path):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(StoreError, match=name):
        load(file)


def test_missing_files_are_refused(tmp_path):
    for name in ("none.pth", "none.safetensors"):
        with pytest.raises(StoreError, match=name):
            load(tmp_path / name)


def test_torch_files_without_weights_are_refused(tmp_path):
    file = tmp_path / "file.pth"
    for content in ({"state": {}}, {"weight": 3}, {"weight": {"a": 3}}, [1, 2]):
        torch.save(content, file)
        with pytest.raises(StoreError, match=r"file\.pth"):
            load_published(file)


def test_what_is_written_is_read_again(tmp_path):
    network = DiffuserActor(TINY)
    file = tmp_path / "policy.safetensors"
    save_own(file, network, {"git_commit": "abc", "steps": 3})
    save_own(file, network, {"git_commit": "abc", "steps": 4})
    checkpoint = load(file)
    assert checkpoint.network.settings == TINY
    assert checkpoint.training == {"git_commit": "abc", "steps": 4}
    for name, entry in network.state_dict().items():
        assert torch.equal(checkpoint.network.state_dict()[name], entry)
    assert {p.dtype for p in checkpoint.network.parameters()} == {torch.float32}
    assert all(p.requires_grad for p in checkpoint.network.parameters())
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(InvalidOptionError, match="has its settings inside"):
        load(file, TINY)


def test_weights_stored_in_half_precision_are_computed_with_in_single(tmp_path):
    network = DiffuserActor(TINY)
    save_own(tmp_path / "half.safetensors", network.half(), {})
    read = load_own(tmp_path / "half.safetensors").network
    assert {entry.dtype for entry in read.state_dict().values()} == {torch.float32}
    assert torch.equal(read.prediction_head.traj_encoder.weight, network.prediction_head.traj_encoder.weight.float())


def test_own_files_with_wrong_entries_are_refused(tmp_path):
    file = tmp_path / "policy.safetensors"
    network = DiffuserActor(TINY)
    save_own(file, network, {})
    header = {
        "hamster_bench": json.dumps(
            {"format": "hamster_bench.diffuser_actor/1", "settings": json.loads(TINY.to_json()), "training": {}}
        )
    }
    entries = network.state_dict()
    entries["encoder.instruction_encoder.bia"] = entries.pop("encoder.instruction_encoder.bias")
    save_file(entries, file, header)
    with pytest.raises(
        StoreError, match=r"missing: encoder.instruction_encoder.bias; unexpected: encoder.instruction_encoder.bia$"
    ):
        load_own(file)
    save_file(
        network.state_dict(), file, {"hamster_bench": header["hamster_bench"].replace("diffuser_actor/1", "diffuser_actor/9")}
    )
    with pytest.raises(StoreError, match="diffuser_actor/9"):
        load_own(file)
    save_file(network.state_dict(), file)
    with pytest.raises(StoreError, match="no checkpoint of diffuser_actor"):
        load_own(file)


def test_names_and_places_that_cannot_be_written_are_refused(tmp_path):
    network = DiffuserActor(TINY)
    with pytest.raises(InvalidOptionError, match=r"\.safetensors"):
        save_own(tmp_path / "policy.pth", network, {})
    with pytest.raises(StoreError, match="cannot be written"):
        save_own(tmp_path / "none" / "policy.safetensors", network, {})


@pytest.mark.parametrize("prefix", ["", "visual."])
def test_clip_weights_come_from_a_local_file(prefix, tmp_path):
    theirs, ours = ClipResNet50(), ClipResNet50()
    more = {"visual.attnpool.c_proj.bias": torch.zeros(4), "logit_scale": torch.zeros(())}
    file = tmp_path / "clip.safetensors"
    save_file({prefix + name: entry for name, entry in theirs.state_dict().items()} | more, file)
    load_clip_trunk(ours, file)
    assert torch.equal(ours.layer4[2].conv3.weight, theirs.layer4[2].conv3.weight)
    save_file({name: entry for name, entry in theirs.state_dict().items() if name != "layer2.0.bn1.bias"}, file)
    with pytest.raises(StoreError, match=r"missing: layer2\.0\.bn1\.bias$"):
        load_clip_trunk(ours, file)


def test_absent_clip_weights_are_asked_for(tmp_path, monkeypatch):
    pytest.importorskip("huggingface_hub", reason="the hub's cache is looked into with huggingface_hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(StoreError, match=r"huggingface-cli download timm/resnet50_clip\.openai"):
        load_clip_trunk(ClipResNet50())
