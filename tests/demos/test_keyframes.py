from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamster_bench.demos.keyframes import KEYFRAME_RULES, Motion, motion_from, peract, peract_paths
from hamster_bench.errors import UnknownNameError

FIXTURE = Path(__file__).parents[2].parent / "shared" / "parity" / "keyposes_public.json"

episodes = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=60)


def motion(frames: list[tuple[bool, bool]]) -> Motion:
    return motion_from([float(is_open) for is_open, _ in frames], [[0.0 if still else 0.5] * 7 for _, still in frames])


def recorded_cases() -> list[Any]:
    if not FIXTURE.exists():
        return [pytest.param({}, marks=pytest.mark.skip(reason=f"recorded episodes are not there: {FIXTURE.name}"))]
    return list(json.loads(FIXTURE.read_text(encoding="utf-8"))["cases"])


@pytest.mark.parametrize("case", recorded_cases())
def test_recorded_episodes_have_the_original_keyframes(case: dict[str, Any]) -> None:
    recorded = motion_from(case["gripper_open"], case["joint_velocities"])
    assert peract(recorded).tolist() == case["keyposes"]
    if "keyposes_wrapping" in case:
        assert peract(recorded, wrap_around=True).tolist() == case["keyposes_wrapping"]


@given(episodes)
def test_every_change_of_the_gripper_and_the_last_frame_are_keyframes(frames: list[tuple[bool, bool]]) -> None:
    found = peract(motion(frames)).tolist()
    last = len(frames) - 1
    assert found[-1] == last
    changes = {i for i in range(1, last) if frames[i][0] != frames[i - 1][0]}
    assert changes - {last - 1} <= set(found)
    assert found == sorted(set(found))
    assert 0 not in found


def test_a_stop_counts_once() -> None:
    frames = [(True, False)] * 10 + [(True, True)] * 4 + [(True, False)] * 10
    assert peract(motion(frames)).tolist() == [10, 23]


def test_looking_back_round_the_end_differs_only_at_the_start() -> None:
    # The gripper ends closed: looking back from frame 1 to the end sees another state and forbids the stop.
    frames = [(True, False), (True, True), (True, True), (True, False), (True, False), (True, False), (False, False)]
    assert peract(motion(frames)).tolist() == [1, 6]
    assert peract(motion(frames), wrap_around=True).tolist() == [2, 6]


def wiping() -> Motion:
    """There and back again in lanes, without a stop, after an approach."""
    lanes = [(0.0, 0.0), (0.3, 0.0), (0.3, 0.05), (0.0, 0.05), (0.0, 0.1), (0.3, 0.1)]
    track = [np.linspace([-0.2, 0.0], [0.0, 0.0], 10, endpoint=False)]
    for start, end in zip(lanes[:-1], lanes[1:], strict=True):
        track.append(np.linspace(start, end, 12, endpoint=False))
    positions = np.concatenate([*track, [lanes[-1]]])
    count = len(positions)
    return Motion(
        np.zeros(count, bool),
        np.full((count, 7), 0.5),
        np.column_stack([positions, np.full(count, 0.8)]),
        np.arange(count) >= 10,
    )


def test_paths_keep_their_corners_only_under_the_second_rule() -> None:
    motion = wiping()
    assert motion.positions is not None
    assert len(peract(motion)) == 1
    corners = {tuple(np.round(motion.positions[frame, :2], 6)) for frame in peract_paths(motion)}
    assert {(0.3, 0.0), (0.3, 0.05), (0.0, 0.05), (0.0, 0.1), (0.3, 0.1)} <= corners
    assert len(corners) <= 8


def test_the_second_rule_needs_positions() -> None:
    with pytest.raises(ValueError, match="needs positions"):
        peract_paths(motion([(True, False)] * 5))


def test_rules_are_looked_up_by_name() -> None:
    assert KEYFRAME_RULES.get("peract_paths") is peract_paths
    with pytest.raises(UnknownNameError, match="Did you mean: peract"):
        KEYFRAME_RULES.get("perakt")
