"""Checkpoints: the published layout with its settings, this project's own, and what is wrong with a file, by name."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="checkpoints need PyTorch: pip install 'hamster-bench[torch]'")

from hamster_bench.baselines.rvt2.checkpoint import load, load_published, network_of, save_own  # noqa: E402
from hamster_bench.baselines.rvt2.network import Rvt2  # noqa: E402
from hamster_bench.baselines.rvt2.settings import SETTINGS  # noqa: E402
from hamster_bench.errors import InvalidOptionError, StoreError  # noqa: E402

ENTRIES = Path(__file__).parents[4] / "shared" / "facts" / "models_checkpoint_entries.json"
PERACT = SETTINGS.get("peract")
TINY = replace(SETTINGS.get("small"), view_size=28, patch_channels=8, width=24, heads=2, head_width=12, layers=2)


@pytest.fixture(scope="module")
def published():
    """The published names with tensors of one number, seen as the published shapes."""
    if not ENTRIES.exists():
        pytest.skip("the list of published entries is not here")
    shapes = json.loads(ENTRIES.read_text(encoding="utf-8"))["rvt2"]
    assert len(shapes) == 276
    return {
        name: torch.tensor(3) if not shape else torch.tensor(0.01 * (i % 7)).expand(shape)
        for i, (name, shape) in enumerate(shapes.items())
    }


def write(folder, entries, prefix="", network=None, training=None):
    file = folder / "model_99.pth"
    state = {prefix + name: entry for name, entry in entries.items()}
    torch.save({"epoch": 99, "model_state": state, "optimizer_state": {"state": {}}, "lr_sched_state": {}}, file)
    for name, text in (("mvt_cfg.yaml", network), ("exp_cfg.yaml", training)):
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_published_layout_loads(published, prefix, tmp_path):
    checkpoint = load(write(tmp_path, published, prefix))
    state = checkpoint.network.state_dict()
    assert checkpoint.network.settings == PERACT
    assert not checkpoint.network.training
    assert set(published) == set(state)
    for name, entry in state.items():
        assert torch.equal(entry, published[name].to(entry.dtype)), name


@pytest.mark.parametrize(
    "name",
    ["mvt1.pos_encoding", "mvt2.layers.7.1.fn.net.2.bias", "mvt2.feat_fc_init_bn.running_var", "mvt1.up0.net_mask.2.weight"],
)
def test_a_renamed_or_misshapen_entry_is_named(published, name, tmp_path):
    renamed = {name + "s" if old == name else old: entry for old, entry in published.items()}
    with pytest.raises(StoreError) as caught:
        load_published(write(tmp_path, renamed))
    assert f"missing: {name};" in str(caught.value)
    assert f"unexpected: {name}s" in str(caught.value)
    shape = tuple(published[name].shape)
    with pytest.raises(StoreError) as caught:
        network_of(published | {name: torch.zeros(*shape, 2)}, PERACT, "here")
    assert f"another shape: {name} {(*shape, 2)} instead of {shape}" in str(caught.value)


def test_settings_beside_the_weights_say_what_they_are(tmp_path):
    small = replace(
        PERACT, view_size=28, patch_channels=8, width=24, heads=2, head_width=12, layers=2, text="none", color_channels=6
    )
    network = "{img_size: 28, im_channels: 8, attn_dim: 24, attn_heads: 2, attn_dim_head: 12, depth: 2, add_lang: false, img_feat_dim: 6}"
    training = "exp_id: mine\nrvt: {place_with_mean: false}\nepochs: 15\n"
    entries = Rvt2(small).state_dict()
    checkpoint = load(write(tmp_path, entries, network=network, training=training))
    assert checkpoint.network.settings == small
    assert checkpoint.training["epochs"] == 15
    (tmp_path / "exp_cfg.yaml").write_text("rvt: {place_with_mean: true}", encoding="utf-8")
    with pytest.raises(StoreError, match="place_with_mean = True"):
        load(tmp_path / "model_99.pth")
    (tmp_path / "exp_cfg.yaml").unlink()
    (tmp_path / "mvt_cfg.yaml").write_text(network.replace("add_lang", "stage_two: false, add_lang"), encoding="utf-8")
    with pytest.raises(StoreError, match=r"mvt_cfg\.yaml: .*stage_two = False"):
        load(tmp_path / "model_99.pth")
    assert load(tmp_path / "model_99.pth", small).network.settings == small


@pytest.mark.parametrize("text", ["a: [", "3", "!!python/object/apply:os.mkdir [broken_in]"])
def test_settings_that_are_none_are_refused_and_never_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = write(tmp_path, {"a": torch.zeros(1)}, network=text)
    with pytest.raises(StoreError, match=r"mvt_cfg\.yaml"):
        load(file)
    assert not (tmp_path / "broken_in").exists()


def test_what_is_written_is_read_again(tmp_path):
    network = Rvt2(TINY)
    file = tmp_path / "policy.safetensors"
    save_own(file, TINY, network.state_dict(), {"steps": 4})
    checkpoint = load(file)
    assert checkpoint.network.settings == TINY
    assert checkpoint.training == {"steps": 4}
    for name, entry in network.state_dict().items():
        assert torch.equal(checkpoint.network.state_dict()[name], entry)
    with pytest.raises(InvalidOptionError, match="has its settings inside"):
        load(file, TINY)
    with pytest.raises(InvalidOptionError, match=r"\.safetensors"):
        save_own(tmp_path / "policy.pth", TINY, network.state_dict(), {})


def test_other_files_are_refused(tmp_path):
    from hamster_bench.baselines.parts.weights import write_own

    for content in ({"state": {}}, {"model_state": 3}, {"model_state": {"a": 3}}):
        torch.save(content, tmp_path / "file.pth")
        with pytest.raises(StoreError, match="no weights under 'model_state'"):
            load(tmp_path / "file.pth")
    write_own(tmp_path / "other.safetensors", "diffuser_actor", {"a": torch.zeros(1)}, "{}", {})
    with pytest.raises(StoreError, match="no checkpoint of rvt2"):
        load(tmp_path / "other.safetensors")
    write_own(tmp_path / "wrong.safetensors", "rvt2", {"a": torch.zeros(1)}, '{"zoom": -1}', {})
    with pytest.raises(StoreError, match="zoom"):
        load(tmp_path / "wrong.safetensors")
