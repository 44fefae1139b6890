"""The filter: what it lets through stays within every limit, whatever is asked of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hamster_bench.envs.franka import kinematics
from hamster_bench.envs.franka.arm_client import ArmClient
from hamster_bench.envs.franka.cell import suggested_cell
from hamster_bench.envs.franka.errors import FrankaError
from hamster_bench.envs.franka.log import EventLog
from hamster_bench.envs.franka.models import ARM_MODELS
from hamster_bench.envs.franka.safety.config import SafetyConfig
from hamster_bench.envs.franka.safety.filter import SafetyFilter, Verdict
from hamster_bench.envs.franka.safety.guard import Guard
from hamster_bench.envs.franka.simulated_controller.process import SimulatedController
from hamster_bench.geometry import quat_xyzw_from_axis_angle, quat_xyzw_multiply, rotation_angle
from tests.envs.franka.simulated import PATIENT, ScriptedOperator

MODEL = ARM_MODELS.get("fr3")
JOINTS = np.array([0.0, 0.3, 0.0, -1.8, 0.0, 2.1, 0.7854])
CONFIG = dataclasses.replace(
    suggested_cell("test", "127.0.0.1", {}).safety, first_run=False, keypose_distance=0.6, rate_fraction=0.2, **PATIENT
)
# Rounding of the wire and of the library's filter [m], [rad].
ROUNDING = 1e-4


def adversarial(rng: np.random.Generator, joints: NDArray[np.float64]) -> tuple[str, Any]:
    """A command as a careless or hostile policy might give it."""
    kind = str(rng.choice(["keypose", "delta", "joint"], p=[0.4, 0.3, 0.3]))
    here = kinematics.tip_pose(joints)
    if kind == "joint":
        command: Any = joints + rng.uniform(-1.0, 1.0, 7) * rng.choice([0.02, 0.2, 3.0], p=[0.6, 0.3, 0.1])
    else:
        command = here.copy()
        command[:3] += rng.uniform(-1.0, 1.0, 3) * rng.choice([0.02, 0.1, 1.0, 1e6], p=[0.5, 0.2, 0.28, 0.02])
        turn = quat_xyzw_from_axis_angle(rng.standard_normal(3), rng.choice([0.05, 0.3, np.pi], p=[0.6, 0.2, 0.2]))
        command[3:] = quat_xyzw_multiply(turn, command[3:])
        if kind == "keypose" and rng.random() < 0.95:
            # Keyposes take their time; most of these are refused.
            command[:3] = rng.uniform(-2.0, 2.0, 3)
        if rng.random() < 0.05:
            command[3:] *= rng.choice([-1.0, 0.0, 2.0])
    spoil = rng.random()
    if spoil < 0.05:
        command[rng.integers(len(command))] = rng.choice([np.nan, np.inf, -np.inf, 1e300])
    elif spoil < 0.07:
        command = rng.choice(np.array([None, "up", b"\0", [1.0, 2.0], [[0.0] * 7], {}, True], dtype=object))
    return kind, command


class TestGeometry:
    def test_orientation_cone(self) -> None:
        safety = SafetyFilter(dataclasses.replace(CONFIG, orientation_cone=np.deg2rad(20.0)), MODEL)
        tilted = kinematics.tip_pose(JOINTS)
        tilted[3:] = quat_xyzw_multiply(quat_xyzw_from_axis_angle((0.0, 1.0, 0.0), np.deg2rad(40.0)), tilted[3:])
        verdict = safety.keypose(tilted, JOINTS)
        assert verdict.refusal is not None
        assert verdict.refusal.rule == "S3"

    def test_forbidden_boxes_are_driven_around_or_refused(self) -> None:
        here = kinematics.tip_pose(JOINTS)
        target = here.copy()
        target[1] += 0.25
        middle, half = 0.5 * (here[:3] + target[:3]), np.array([0.3, 0.02, 0.03])
        assert len(SafetyFilter(CONFIG, MODEL).keypose(target, JOINTS).segments) == 1
        boxed = dataclasses.replace(
            CONFIG,
            forbidden_boxes=((tuple(middle - half), tuple(middle + half)),),
            keypose_distance=1.0,
        )
        safety = SafetyFilter(boxed, MODEL)
        verdict = safety.keypose(target, JOINTS)
        for segment in verdict.segments:
            tips = kinematics.tip_frames(segment.path)[:, :3, 3]
            lower, upper = (np.array(corner) for corner in boxed.forbidden_boxes[0])
            assert not ((tips > lower) & (tips < upper)).all(axis=1).any()

    def test_the_hand_keeps_off_the_table(self) -> None:
        low = dataclasses.replace(CONFIG, table_height=float(kinematics.tip_pose(JOINTS)[2]) - 0.02)
        tilted = kinematics.tip_pose(JOINTS)
        tilted[3:] = quat_xyzw_multiply(quat_xyzw_from_axis_angle((1.0, 0.0, 0.0), np.deg2rad(55.0)), tilted[3:])
        verdict = SafetyFilter(low, MODEL).keypose(tilted, JOINTS)
        assert verdict.refusal is not None
        assert verdict.refusal.reason == "path_not_found"

    @pytest.mark.parametrize("way", [1.0, -1.0])
    def test_half_a_turn_of_the_gripper_goes_the_way_that_is_open(self, way: float) -> None:
        target = kinematics.tip_pose(JOINTS)
        target[3:] = quat_xyzw_multiply(quat_xyzw_from_axis_angle((0.0, 0.0, 1.0), way * np.pi), target[3:])
        verdict = SafetyFilter(CONFIG, MODEL).keypose(target, JOINTS)
        assert verdict.accepted, verdict.refusal
        reached = kinematics.tip_pose(verdict.segments[-1].joints)
        assert np.abs(reached[:3] - target[:3]).max() < 1e-6
        assert rotation_angle(reached[3:], target[3:]) < 1e-6
        for segment in verdict.segments:
            within_limits(segment.path, CONFIG)

    def test_clipping_is_explicit_and_told(self) -> None:
        outside = kinematics.tip_pose(JOINTS)
        outside[2] = 1.2
        assert not SafetyFilter(CONFIG, MODEL).keypose(outside, JOINTS).accepted
        clipping = SafetyFilter(dataclasses.replace(CONFIG, outside="clip", keypose_distance=1.5), MODEL)
        verdict = clipping.keypose(outside, JOINTS)
        if verdict.accepted:
            assert verdict.clipped
            assert verdict.segments[-1].pose[2] <= CONFIG.workspace_upper[2] + ROUNDING

    def test_paths_stay_inside_along_their_whole_length(self) -> None:
        safety = SafetyFilter(CONFIG, MODEL)
        rng = np.random.default_rng(1)
        accepted = 0
        for _ in range(60):
            target = kinematics.tip_pose(JOINTS)
            target[:3] += rng.uniform(-0.3, 0.3, 3)
            verdict = safety.keypose(target, JOINTS)
            accepted += verdict.accepted
            for segment in verdict.segments:
                within_limits(segment.path, CONFIG)
        assert accepted > 20


def within_limits(path: NDArray[np.float64], config: SafetyConfig) -> None:
    tips = kinematics.tip_frames(path[1:])[:, :3, 3]
    assert (tips >= np.array(config.workspace_lower) - ROUNDING).all()
    assert (tips <= np.array(config.workspace_upper) + ROUNDING).all()
    assert (tips[:, 2] >= config.table_height + config.minimum_height - ROUNDING).all()
    assert (path[1:] >= MODEL.joint_lower + config.joint_margin - ROUNDING).all()
    assert (path[1:] <= MODEL.joint_upper - config.joint_margin + ROUNDING).all()


def verdict_of(safety: SafetyFilter, kind: str, command: Any, joints: NDArray[np.float64]) -> Verdict:
    if kind == "keypose":
        return safety.keypose(command, joints)
    if kind == "delta":
        return safety.delta(command, joints, kinematics.tip_pose(joints))
    return safety.joint(command, joints, joints)


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_whatever_is_asked_what_is_let_through_is_within_limits(count: int) -> None:
    safety = SafetyFilter(CONFIG, MODEL)
    rng = np.random.default_rng(count)
    joints, accepted, refused = JOINTS, 0, set()
    for _ in range(count):
        kind, command = adversarial(rng, joints)
        verdict = verdict_of(safety, kind, command, joints)
        if verdict.refusal is not None:
            refused.add(verdict.refusal.rule)
            continue
        accepted += 1
        for segment in verdict.segments:
            within_limits(segment.path, CONFIG)
            assert 0.0 < segment.factor <= 1.0
        joints = verdict.segments[-1].joints
    assert accepted > count / 20
    assert {"S3", "S4", "S5", "S7"} <= refused


@pytest.mark.parametrize("count", [300, pytest.param(100_000, marks=pytest.mark.slow)])
def test_no_command_that_reaches_the_controller_is_outside_box_range_or_rate(count: int, controller: SimulatedController) -> None:
    controller.order("place", joints=JOINTS.tolist())
    client = ArmClient(controller.host)
    safety = SafetyFilter(CONFIG, MODEL, client.state().T_flange_ee)
    guard = Guard(client, safety, mode="live", operator=ScriptedOperator(), log=EventLog())
    rng = np.random.default_rng(7)
    target_joints, target_pose, accepted = JOINTS, kinematics.tip_pose(JOINTS), 0
    try:
        guard.arm()
        for _ in range(count):
            joints = guard.read().commanded_joints
            kind, command = adversarial(rng, joints)
            guard.beat(5.0)
            if kind == "keypose":
                # From rest only, as the environment does.
                verdict = safety.keypose(command, joints) if client.moving is None else Verdict(None)
                if verdict.segments and guard.carry_out(verdict) == "contact":
                    raise AssertionError("nothing is there to be touched")
            elif kind == "delta":
                verdict = safety.delta(command, joints, target_pose)
                if verdict.accepted:
                    guard.stream(verdict)
            else:
                verdict = safety.joint(command, joints, target_joints)
                if verdict.accepted:
                    guard.stream(verdict)
            if verdict.accepted and verdict.segments:
                accepted += 1
                target_joints, target_pose = verdict.segments[-1].joints, verdict.segments[-1].pose
        guard.settle()
        status = controller.status()
    except FrankaError as error:
        raise AssertionError(f"{error}; {controller.status()}") from error
    finally:
        guard.close()
    assert status["errors"] == []
    assert accepted > count / 20
    extremes = {name: np.array(value) for name, value in status["extremes"].items()}
    assert extremes["ticks"] > 500
    lower, upper = np.array(CONFIG.workspace_lower), np.array(CONFIG.workspace_upper)
    lower[2] = CONFIG.lowest_tip
    assert (extremes["tip_lower"] >= lower - ROUNDING).all(), (extremes["tip_lower"], lower)
    assert (extremes["tip_upper"] <= upper + ROUNDING).all(), (extremes["tip_upper"], upper)
    # Half of the margin is left for what the library's motions stray from the line that was checked.
    assert (extremes["joint_lower"] >= MODEL.joint_lower + 0.5 * CONFIG.joint_margin).all()
    assert (extremes["joint_upper"] <= MODEL.joint_upper - 0.5 * CONFIG.joint_margin).all()
    # Rates stay below the ceilings by far; the share that is set holds for joints and tip alike.
    assert (extremes["joint_speed"] <= MODEL.joint_velocity * 0.3).all(), extremes["joint_speed"] / MODEL.joint_velocity
    assert extremes["tip_speed"] <= CONFIG.tip_speed * 1.1
    assert extremes["tip_tilt"] <= CONFIG.orientation_cone + 0.05
