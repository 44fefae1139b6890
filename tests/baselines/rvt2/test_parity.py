"""``hamster-bench parity rvt2``: the recorded networks, and files in which one thing is off."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the network needs PyTorch: pip install 'hamster-bench[torch]'")

from hamster_bench.cli import parity_rvt2  # noqa: E402
from hamster_bench.cli.main import main  # noqa: E402

FOLDER = Path(__file__).parents[4] / "shared" / "parity"
FIXTURE = FOLDER / "rvt2_public_nolang_concat.npz"
needs_fixture = pytest.mark.skipif(not FIXTURE.exists(), reason="the original's recorded numbers are not here")


def parity(file):
    return main(["parity", "rvt2", str(file)])


def arrays_of(file):
    with np.load(file) as data:
        return {name: data[name] for name in data.files}


def changed(tmp_path, **changes):
    arrays = arrays_of(FIXTURE)
    for name, change in changes.items():
        arrays[name] = change(arrays[name].copy())
    file = tmp_path / "changed.npz"
    np.savez(file, **arrays)
    return file


def off_by(amount):
    def change(array):
        array.flat[0] += amount
        return array

    return change


@pytest.mark.slow
@needs_fixture
@pytest.mark.parametrize("name", ["rvt2_public.npz", "rvt2_public_nolang_concat.npz"])
def test_the_original_is_met(name, capsys):
    assert parity(FOLDER / name) == 0
    printed = capsys.readouterr().out
    assert "FAIL" not in printed
    inputs = ("trn_zoom_noise", "trn_rot_xy", "aug_u01", "aug_points")
    recorded = {
        name
        for name in arrays_of(FOLDER / name)
        if name.startswith(("inf_", "trn_", "aug_", "cfg_")) or name.endswith(("_out", "_img", "_maps", "_bins", "_pixels"))
        if not name.startswith((*inputs, "look_pixels"))
    }
    assert len(recorded) > 45
    assert [name for name in sorted(recorded) if f"  {name} " not in printed] == []


@pytest.mark.slow
@needs_fixture
def test_every_number_that_is_off_fails_and_no_other(tmp_path, capsys):
    def half_of_a_view(images):
        images[0, 0, 3, :28] += 0.01
        return images

    wrong = {
        "inf_pc0": off_by(1e-4),
        "inf_img1": half_of_a_view,
        "inf_feat_y": off_by(np.nan),
        "inf_position": off_by(1e-3),
        "inf_gripper": off_by(1),
        "look_out": off_by(1e-4),
        "rot_bins": off_by(1),
        "trn_heat2": off_by(1e-3),
        "trn_total_loss": lambda value: value * np.float32(1.0003),
        "trn_grad.mvt2.feat_fc_x.4.bias": lambda gradient: gradient * np.float32(1.001),
        "trn_bn_running_mean_after": off_by(0.1),
        "aug_out_position": off_by(1e-4),
    }
    # The other of the two quaternions of a rotation is no difference.
    file = changed(tmp_path, **wrong, inf_quat_xyzw=np.negative)
    assert parity(file) == 1
    failed = [line.split()[1] for line in capsys.readouterr().out.splitlines() if "FAIL" in line]
    # Views that are off give other heat maps, and bins other rotations.
    following = {"inf_heat1", "inf_wpt1_cube", "inf_wpt_cube", "rot_back_quat_xyzw"}
    assert sorted(set(failed) - following) == sorted(wrong)


@needs_fixture
def test_the_whole_policy_decides_as_recorded():
    arrays = arrays_of(FIXTURE)
    network = parity_rvt2.recorded_network(arrays)
    decision = network.decide(parity_rvt2.recorded_situation(arrays, network))
    poses = decision.keyposes()
    assert np.allclose(poses[:, :3], arrays["inf_position"], atol=1e-6)
    assert np.allclose(poses[:, 3:7], arrays["inf_quat_xyzw"], atol=1e-6)
    assert np.array_equal(poses[:, 7:], np.concatenate([arrays["inf_gripper"], arrays["inf_collision"]], -1))


@needs_fixture
def test_weights_of_another_network_are_named(tmp_path, capsys):
    assert parity(changed(tmp_path, **{"weights.mvt1.up0.net_out.4.bias": lambda bias: np.repeat(bias, 2)})) == 2
    assert "another shape: mvt1.up0.net_out.4.bias (2,) instead of (1,)" in capsys.readouterr().err


@needs_fixture
def test_variants_that_do_not_exist_here_are_refused(tmp_path, capsys):
    def single_stage(config):
        text = bytes(config).replace(b'"stage_two": true', b'"stage_two": false')
        return np.frombuffer(text, np.uint8)

    assert parity(changed(tmp_path, config_json=single_stage)) == 2
    assert "stage_two = False" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"not an archive"])
def test_other_files_are_refused(content, tmp_path, capsys):
    file = tmp_path / "file.npz"
    file.write_bytes(content)
    assert parity(file) == 2
    assert "holds no recorded network of RVT-2" in capsys.readouterr().err
