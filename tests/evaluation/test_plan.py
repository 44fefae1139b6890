"""What a run is made of."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import HamsterBenchError, InvalidOptionError, UnknownNameError
from hamster_bench.evaluation.plan import make_plan
from hamster_bench.evaluation.protocol import Protocol, make_protocol


def plan(**changes: Any) -> tuple[Any, ...]:
    settings: dict[str, Any] = {"agents": ["a", "b"], "tasks": ["t", "u"], "episodes": 3, "variation_count": lambda task: 20}
    return make_plan(**(settings | changes))


def test_every_combination_is_planned_once_and_agents_meet_the_same_scenarios() -> None:
    episodes = plan(factors=["no_var", "rlb_var"])
    assert len(set(episodes)) == len(episodes) == 2 * 2 * 3 * 2
    by_agent = {name: {p.scenario for p in episodes if p.agent == name} for name in "ab"}
    assert by_agent["a"] == by_agent["b"]


def test_more_episodes_extend_a_plan() -> None:
    assert set(plan(episodes=3)) < set(plan(episodes=5))


def test_tasks_are_done_one_after_the_other() -> None:
    tasks = [p.scenario.task for p in plan()]
    assert tasks == sorted(tasks)


def test_control_stays_at_variation_zero_and_rlb_var_draws() -> None:
    episodes = plan(factors=["no_var", "rlb_var"], episodes=200, agents=["a"], tasks=["t"])
    drawn = {name: [p.scenario.variation for p in episodes if p.scenario.factor == name] for name in ("no_var", "rlb_var")}
    assert set(drawn["no_var"]) == {0}
    assert set(drawn["rlb_var"]) == set(range(20))
    assert max(Counter(drawn["rlb_var"]).values()) < 30
    assert drawn["rlb_var"] == [p.scenario.variation for p in plan(episodes=200, agents=["a"], tasks=["t"], variations="drawn")]


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"factors": ["no_varr"]}, UnknownNameError, "Did you mean: no_var"),
        ({"factors": ["friction_"]}, UnknownNameError, "unknown factor"),
        ({"variations": "zeroes"}, UnknownNameError, "Did you mean: zero"),
        ({"episodes": 0}, InvalidOptionError, "from 1"),
        ({"episodes": True}, InvalidOptionError, "from 1"),
        ({"agents": []}, InvalidOptionError, "at least one agent"),
        ({"tasks": ["t", "t"]}, InvalidOptionError, "more than once"),
        ({"seed": -1}, HamsterBenchError, "seed"),
        ({"seed": 2**63}, HamsterBenchError, "seed"),
        ({"episodes": 2**63}, InvalidOptionError, "at most 1000000 episodes"),
        ({"episodes": 250_001}, InvalidOptionError, "this one has 1000004"),
    ],
)
def test_nonsense_is_refused(changes: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        plan(**changes)


def test_unknown_task_is_answered_with_the_closest() -> None:
    name = TASKS.names()[0]
    with pytest.raises(UnknownNameError, match=f"Did you mean: {name}"):
        make_plan(agents=["a"], tasks=[name[:-1]], episodes=1)


def test_fingerprint_names_the_rules_and_nothing_else() -> None:
    preset = make_protocol("hamster")
    # Stored results are found by this text: if it changes, every store made so far becomes another protocol's.
    assert preset.fingerprint == "70a49c331e83"
    # What `hamster` was before a keypose without a free path was tried without checks.
    assert make_protocol("hamster", on_no_free_path="fail").fingerprint == "acdde6439fdd"
    assert make_protocol("hamster", name="other").fingerprint == preset.fingerprint
    assert len({make_protocol("hamster", **{k: v}).fingerprint for k, v in CHANGES.items()} | {preset.fingerprint}) == 1 + len(
        CHANGES
    )
    assert Protocol.from_json(preset.to_json()) == preset
    assert preset.label == "hamster"
    assert make_protocol("hamster", grasp="friction", retries=2).label == "hamster (grasp=friction, retries=2)"


def test_presets_are_what_the_papers_did() -> None:
    four = ("front", "left_shoulder", "right_shoulder", "wrist")
    for name, size, retries, failure in (("peract", (128, 128), 0, "end"), ("3d_da", (256, 256), 1, "continue")):
        preset = make_protocol(name)
        assert (preset.cameras, preset.image_size, preset.retries) == (four, size, retries)
        assert (preset.on_motion_failure, preset.on_invalid_action, preset.variations) == (failure, failure, "drawn")
        assert preset.on_no_free_path == ("ignore_collisions" if name == "peract" else "fail")
        assert (preset.max_steps.keypose, preset.success, preset.label) == (25, "any_step", name)
        assert Protocol.from_json(preset.to_json()) == preset
    assert len({make_protocol(name).fingerprint for name in ("hamster", "peract", "3d_da")}) == 3


CHANGES: dict[str, Any] = {
    "success": "last_step",
    "on_invalid_action": "continue",
    "engine": "other",
    "environment_version": 1,
    "grasp": "friction",
    "cameras": ("front", "wrist"),
    "image_size": (256, 256),
    "retries": 1,
    "on_motion_failure": "continue",
    "on_no_free_path": "fail",
    "path_planner": "none",
    "on_planner_error": "continue",
    "variations": "drawn",
}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"grasp": "attached"}, "Did you mean: attach"),
        ({"grap": "attach"}, "Did you mean: grasp"),
        ({"on_motion_failure": "contine"}, "Did you mean: continue"),
        ({"image_size": (128,)}, "image_size"),
        ({"image_size": (0, 128)}, "image_size"),
        ({"retries": -1}, "retries"),
    ],
)
def test_protocols_that_mean_nothing_are_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(HamsterBenchError, match=text):
        make_protocol("hamster", **changes)


def test_unknown_protocol_is_answered_with_the_closest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean: hamster"):
        make_protocol("hamsters")
