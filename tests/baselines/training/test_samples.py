"""What policies learn from."""

import numpy as np
import pytest

from hamster_bench.baselines.training.samples import overlaid, read_samples, split
from hamster_bench.errors import StoreError, UnknownNameError
from hamster_bench.paths import draw_path


def test_every_situation_comes_with_the_keypose_that_follows(store, samples, made_up):
    assert len(samples) == 8 * len(made_up.KEYFRAMES)
    seen = (0, *made_up.KEYFRAMES[:-1])
    for index in range(len(samples)):
        demo = store.read(samples.scenarios[samples.episodes[index]])
        done = int(samples.done[index])
        assert np.array_equal(samples.targets[index], demo.keyposes("peract")[done])
        assert np.array_equal(samples.rgb[index, 0], demo.images["front"].rgb[done])
        assert samples.gripper_open[index] == demo.steps.gripper_open[seen[done]]
        before = [seen[max(done - back, 0)] for back in (2, 1, 0)]
        assert np.array_equal(samples.poses[index], demo.steps.gripper_pose[before])


def test_of_every_task_the_last_demonstrations_are_held_out(store):
    learned, measured = split(store.scenarios(), 0.25)
    assert sorted(scenario.id for scenario in measured) == ["close_box-v0-no_var-e3-s1000", "hockey-v0-no_var-e3-s1000"]
    assert not set(learned) & set(measured)
    assert len(learned) + len(measured) == len(store)
    assert split(store.scenarios(), 0.0)[1] == ()


def test_the_path_is_drawn_over_every_image_of_the_episode(samples):
    indices = np.arange(3)
    plain = overlaid(samples, indices, np.random.default_rng(0), noise=0.0)
    for index in indices:
        path = samples.paths[samples.episodes[index]]["front"]
        assert np.array_equal(plain[index, 0], draw_path(samples.rgb[index, 0], path))
    moved = overlaid(samples, indices, np.random.default_rng(0), noise=0.05)
    assert not np.array_equal(moved, plain)
    assert np.array_equal(moved, overlaid(samples, indices, np.random.default_rng(0), noise=0.05))
    assert not np.array_equal(moved, overlaid(samples, indices, np.random.default_rng(1), noise=0.05))
    assert not np.array_equal(plain, samples.rgb[indices]), "the samples themselves must stay as they are"


def test_what_was_not_recorded_is_refused(store):
    with pytest.raises(UnknownNameError, match="wrist"):
        read_samples(store, store.scenarios(), ("wrist",))
    with pytest.raises(UnknownNameError, match="keyframe rule"):
        read_samples(store, store.scenarios(), ("front",), rule="peract_paths")
    with pytest.raises(StoreError, match="no demonstration"):
        read_samples(store, (), ("front",))
