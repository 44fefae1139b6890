"""Training that begins with the weights of another."""

import hashlib
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install 'hamster-bench[torch]'")

from hamster_bench.baselines.diffuser_actor.checkpoint import load  # noqa: E402
from hamster_bench.baselines.diffuser_actor.learner import DiffuserActorLearner, LearningSettings  # noqa: E402
from hamster_bench.baselines.training.loop import WEIGHTS_FILE, train  # noqa: E402
from hamster_bench.baselines.training.samples import read_samples  # noqa: E402
from hamster_bench.baselines.training.start import start_from  # noqa: E402
from hamster_bench.errors import InvalidOptionError, StoreError  # noqa: E402


@pytest.fixture
def samples(store):
    return read_samples(store, store.scenarios(), ("front",))


@pytest.fixture
def trained(samples, made_up, tmp_path):
    """A checkpoint of three steps."""
    (tmp_path / "first").mkdir()
    learner = made_up.learner(samples)
    train(learner, samples, None, made_up.settings(steps=3), tmp_path / "first", record={"data": "x"})
    return tmp_path / "first" / WEIGHTS_FILE


def test_the_network_begins_with_the_weights_of_the_checkpoint(trained, samples, made_up, tmp_path):
    learner = made_up.learner(samples, seed=1)
    started = start_from(learner, trained)
    assert started == {"checkpoint": hashlib.sha256(trained.read_bytes()).hexdigest()[:12], "steps": 3}
    held = load(trained).network.state_dict()
    assert all(torch.equal(entry, held[name]) for name, entry in learner.module.state_dict().items())
    (tmp_path / "second").mkdir()
    train(learner, samples, None, made_up.settings(steps=2), tmp_path / "second", record={"data": "x", "started_from": started})
    file = tmp_path / "second" / WEIGHTS_FILE
    assert load(file).training["started_from"] == started
    # A third round has the steps of both behind it.
    assert start_from(made_up.learner(samples), file)["steps"] == 5


def test_a_training_from_other_weights_is_another_training(trained, samples, made_up, tmp_path):
    (tmp_path / "second").mkdir()
    settings = made_up.settings(steps=2)
    train(made_up.learner(samples), samples, None, settings, tmp_path / "second", record={"data": "x"})
    learner = made_up.learner(samples)
    started = start_from(learner, trained)
    with pytest.raises(StoreError, match="started_from"):
        train(learner, samples, None, settings, tmp_path / "second", record={"data": "x", "started_from": started})


def test_another_network_is_refused_with_what_differs(trained, samples, made_up):
    other = DiffuserActorLearner(replace(made_up.learner(samples).settings, width=24), LearningSettings())
    with pytest.raises(InvalidOptionError, match=r"width \(12 there, 24 here\)"):
        start_from(other, trained)


def test_a_box_of_positions_may_differ(trained, samples, made_up):
    moved = replace(made_up.learner(samples).settings, workspace=((-1.0, -1.0, 0.0), (1.0, 1.0, 2.0)))
    assert start_from(DiffuserActorLearner(moved, LearningSettings()), trained)["steps"] == 3


def test_what_is_no_checkpoint_of_the_policy_is_refused(samples, made_up, tmp_path):
    (tmp_path / "other.safetensors").write_bytes(b"nothing")
    for file in (tmp_path / "other.safetensors", tmp_path / "nowhere.safetensors"):
        with pytest.raises(StoreError, match="no checkpoint of diffuser_actor"):
            start_from(made_up.learner(samples), file)
