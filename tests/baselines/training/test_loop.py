"""The training loop: what it promises of order, of interruptions and of several processes."""

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hamster_bench.baselines.training.loop import STATE_FILE, WEIGHTS_FILE, indices_of, train
from hamster_bench.baselines.training.metrics import Tables
from hamster_bench.baselines.training.samples import read_samples, split
from hamster_bench.errors import InvalidOptionError, StoreError

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(__file__).with_name("made_up.py")


@pytest.fixture
def run(store, made_up):
    def trained(directory, *, learning=None, data=None, keep_every=None, **changes):
        settings = made_up.settings(**changes)
        learned, measured = split(store.scenarios(), settings.held_out)
        samples = read_samples(store, learned, ("front",))
        held_out = read_samples(store, measured, ("front",)) if measured else None
        directory.mkdir(exist_ok=True)
        learner = made_up.learner(samples, **(learning or {}))
        return train(
            learner,
            samples,
            held_out,
            settings,
            directory,
            record={"data": data or store.fingerprint()},
            sinks=lambda done: [Tables(directory, done)],
            checkpoint_every=4,
            keep_every=keep_every,
        )

    return trained


def rows(file):
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def environment():
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}


def test_every_sample_comes_once_before_any_comes_again(made_up):
    settings = made_up.settings(steps=9, batch=4)
    drawn = np.concatenate([indices_of(step, 6, settings) for step in range(9)])
    for epoch in drawn.reshape(-1, 6):
        assert sorted(epoch) == list(range(6))
    assert not np.array_equal(drawn[:6], drawn[6:12])
    assert np.array_equal(indices_of(3, 6, settings), drawn[12:16])


@pytest.mark.slow
def test_it_learns(run, tmp_path):
    run(tmp_path / "run", steps=400, held_out=0.0, learning_rate=3e-3, learning={"noise_levels": 8})
    errors = [float(row["position"]) for row in rows(tmp_path / "run" / "training.csv")]
    knowing_nothing = np.sqrt(2.0 / np.pi)  # the mean size of the standard normal noise that is to be guessed
    assert np.mean(errors[:80]) > knowing_nothing
    assert np.mean(errors[-80:]) < 0.95 * knowing_nothing


def test_figures_and_weights_are_written(run, tmp_path, made_up):
    outcome = run(tmp_path / "run")
    table = rows(tmp_path / "run" / "training.csv")
    assert [int(row["step"]) for row in table] == list(range(1, 13))
    assert float(table[0]["learning_rate"]) == pytest.approx(1e-3 / 3)
    assert float(table[-1]["learning_rate"]) < 2e-4
    measured = rows(tmp_path / "run" / "validation.csv")
    assert [int(row["step"]) for row in measured] == [5, 10, 12]
    assert {"position_error_m", "rotation_error_deg", "opening_right"} < set(measured[0])
    assert outcome.validation == {name: float(value) for name, value in measured[-1].items() if name != "step"}
    assert 0.0 <= outcome.waited < outcome.seconds

    from hamster_bench.baselines.diffuser_actor.checkpoint import load

    held = load(tmp_path / "run" / WEIGHTS_FILE)
    assert held.training["step"] == 12
    assert held.training["settings"]["batch"] == 4
    assert held.network.settings.image_size == (made_up.SIZE, made_up.SIZE)


def test_weights_on_the_way_are_kept_on_request(run, tmp_path):
    run(tmp_path / "few", steps=6)
    run(tmp_path / "run", keep_every=6)
    assert sorted(file.name for file in (tmp_path / "run").glob("weights*")) == [
        "weights.safetensors",
        "weights_000006.safetensors",
        "weights_000012.safetensors",
    ]
    assert [file.name for file in (tmp_path / "few").glob("weights*")] == ["weights.safetensors"]

    from hamster_bench.baselines.diffuser_actor.checkpoint import load

    midway, last = (load(tmp_path / "run" / f"weights_{step:06d}.safetensors") for step in (6, 12))
    assert (midway.training["step"], last.training["step"]) == (6, 12)
    final = load(tmp_path / "run" / WEIGHTS_FILE).network.state_dict()
    assert all(bool((value == final[name]).all()) for name, value in last.network.state_dict().items())
    assert any(bool((value != final[name]).any()) for name, value in midway.network.state_dict().items())


def test_mixed_precision_trains_and_keeps_weights_in_full(run, tmp_path):
    run(tmp_path / "half", steps=4, precision="bfloat16")
    run(tmp_path / "full", steps=4)
    half, full = (rows(tmp_path / name / "training.csv") for name in ("half", "full"))
    for one, other in zip(half, full, strict=True):
        assert one["loss"] != other["loss"]
        assert float(one["loss"]) == pytest.approx(float(other["loss"]), rel=0.05)

    from hamster_bench.baselines.diffuser_actor.checkpoint import load

    held = load(tmp_path / "half" / WEIGHTS_FILE)
    assert {str(p.dtype) for p in held.network.parameters()} == {"torch.float32"}


def test_nothing_is_left_to_do_the_second_time(run, tmp_path):
    run(tmp_path / "run")
    before = {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()}
    outcome = run(tmp_path / "run")
    assert (outcome.first_step, outcome.steps) == (12, 12)
    assert {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()} == before


def test_another_training_is_not_gone_on_with(run, tmp_path):
    run(tmp_path / "run", steps=4)
    for changes, said in (
        ({"seed": 1}, "settings"),
        ({"learning": {"noise_levels": 3}}, "configuration"),
        ({"data": "other demonstrations"}, "data"),
    ):
        with pytest.raises(StoreError, match=f"differs in {said}"):
            run(tmp_path / "run", **({"steps": 4} | changes))


def test_a_damaged_state_is_named(run, tmp_path):
    run(tmp_path / "run", steps=4)
    state = tmp_path / "run" / STATE_FILE
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(StoreError, match=r"state\.safetensors is no state of a training"):
        run(tmp_path / "run", steps=4)


def test_a_batch_must_be_divisible(made_up, samples, tmp_path):
    from hamster_bench.baselines.training.processes import Place

    with pytest.raises(InvalidOptionError, match="among 3 processes"):
        train(made_up.learner(samples), samples, None, made_up.settings(), tmp_path, record={}, place=Place(0, 3))


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_bit_for_bit(store, tmp_path):
    def command(out):
        return [sys.executable, str(PROGRAM), str(store.directory), str(out), "60", "7"]

    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    subprocess.run(command(undisturbed), env=environment(), check=True, capture_output=True, timeout=300)
    moments = sorted(random.Random(0).sample(range(3, 58), 5))
    for moment in moments:
        with subprocess.Popen(command(killed), env=environment(), stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                if int(line) >= moment:
                    # Anywhere within a step, also while files are written.
                    process.send_signal(signal.SIGKILL)
                    break
        assert process.returncode == -signal.SIGKILL
    subprocess.run(command(killed), env=environment(), check=True, capture_output=True, timeout=300)
    for name in ("training.csv", "validation.csv", WEIGHTS_FILE, STATE_FILE):
        assert (killed / name).read_bytes() == (undisturbed / name).read_bytes(), name


@pytest.mark.slow
def test_two_processes_keep_equal_weights(store, tmp_path):
    pytest.importorskip("torch.distributed")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    arguments = [str(PROGRAM), str(store.directory), str(tmp_path / "both"), "6", "3"]
    done = subprocess.run([*launch, *arguments], env=environment(), check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    first, second = ((tmp_path / "both" / f"rank{rank}.txt").read_text() for rank in (0, 1))
    assert first == second
    table = rows(tmp_path / "both" / "training.csv")
    assert [int(row["step"]) for row in table] == list(range(1, 7))
    assert all(np.isfinite(float(row["loss"])) for row in table)
    # Half of a training by two is continued by two, and by nobody else.
    again = subprocess.run([*launch, *arguments], env=environment(), check=False, capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    alone = subprocess.run([sys.executable, *arguments], env=environment(), check=False, capture_output=True, text=True)
    assert alone.returncode != 0
    assert "differs in settings" in alone.stderr
    shutil.rmtree(tmp_path / "both")
