"""``hamster-bench parity diffuser_actor``: the recorded network, and files in which one thing is off."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the network needs PyTorch: pip install 'hamster-bench[torch]'")

from hamster_bench.cli.main import main

FIXTURE = Path(__file__).parents[4] / "shared" / "parity" / "diffuser_actor_public.npz"
needs_fixture = pytest.mark.skipif(not FIXTURE.exists(), reason="the original's recorded numbers are not here")


def parity(file):
    return main(["parity", "diffuser_actor", str(file)])


def changed(tmp_path, **changes):
    with np.load(FIXTURE) as data:
        arrays = {name: data[name] for name in data.files}
    for name, change in changes.items():
        arrays[name] = change(arrays[name].copy())
    file = tmp_path / "changed.npz"
    np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    return file


def off_by(amount):
    def change(array):
        array.flat[0] += amount
        return array

    return change


@pytest.mark.slow
@needs_fixture
def test_the_original_is_met(capsys):
    assert parity(FIXTURE) == 0
    printed = capsys.readouterr().out
    assert "FAIL" not in printed
    with np.load(FIXTURE) as data:
        recorded = {name for name in data.files if name.split("_")[0] in ("mid", "smp", "smpx") and "noise" not in name}
        recorded |= {name for name in data.files if name.endswith(("_out", "_value")) or "_grad." in name or "_prev_" in name}
    assert len(recorded) > 35
    assert [name for name in sorted(recorded) if f"  {name} " not in printed] == []


@pytest.mark.slow
@needs_fixture
def test_every_number_that_is_off_fails_and_no_other(tmp_path, capsys):
    wrong = {
        "mid_fps_indices": off_by(1),
        "den_out": off_by(4e-5),
        "nolang_den_out": off_by(np.nan),
        "smp_action": off_by(3e-5),
        "loss_value": lambda value: value * np.float32(1.0003),
        "sched_rot_betas": off_by(1e-4),
        "rot_6d": off_by(1e-4),
    }
    # The other of the two quaternions of a rotation is no difference.
    file = changed(tmp_path, **wrong, rot_raw6d_quat_wxyz=np.negative)
    assert parity(file) == 1
    failed = [line.split()[1] for line in capsys.readouterr().out.splitlines() if "FAIL" in line]
    assert sorted(failed) == sorted(wrong)


@needs_fixture
def test_weights_of_another_network_are_named(tmp_path, capsys):
    name = "weights.prediction_head.traj_encoder.weight"
    assert parity(changed(tmp_path, **{name: lambda weight: weight[:, :7]})) == 2
    assert "another shape: prediction_head.traj_encoder.weight (60, 7) instead of (60, 9)" in capsys.readouterr().err


@needs_fixture
def test_variants_that_do_not_exist_here_are_refused(tmp_path, capsys):
    def enhanced(config):
        text = bytes(config).replace(b'"lang_enhanced": false', b'"lang_enhanced": true')
        return np.frombuffer(text, np.uint8)

    assert parity(changed(tmp_path, config_json=enhanced)) == 2
    assert "lang_enhanced = True" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"{}", b"PK\x03\x04"])
def test_other_files_are_refused(content, tmp_path, capsys):
    file = tmp_path / "file.npz"
    file.write_bytes(content)
    assert parity(file) == 2
    assert "no recorded network" in capsys.readouterr().err
    np.savez(file, config_json=np.array([{}], dtype=object))
    assert parity(file) == 2
    assert parity(tmp_path / "none.npz") == 2
