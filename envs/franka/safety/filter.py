"""The filter that every command to the arm passes: geometry, joints, rates and inputs (rules S3, S4, S5, S6 of the hand, S7).

It moves nothing and remembers nothing: a command and the arm's state give a verdict, with the checked motion where the verdict is good. The
library's motions are not straight lines (see `MotionLimits`), so what is checked is the line with the room that they may stray.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.franka import kinematics
from hamster_bench.envs.franka.models import ArmModel
from hamster_bench.envs.franka.safety.config import RATE_CAP, SafetyConfig
from hamster_bench.envs.franka.safety.limits import MotionLimits
from hamster_bench.envs.franka.safety.rules import ALL_RULES, ActiveRules
from hamster_bench.geometry import matrix_from_quat_xyzw, pose_from_matrix, rotation_angle

FloatArray = NDArray[np.float64]

# Points of a path are at most this far apart [m], [rad].
SAMPLE_DISTANCE = 0.01
_SAMPLE_ANGLE = 0.05
# No command has a larger number; squares of much larger ones overflow.
_LARGEST_NUMBER = 1e9
# A float32 unit quaternion is off by about 1e-7.
_QUATERNION_TOLERANCE = 1e-4
# Poses that were read back from the arm may lie this much outside after rounding [m], [rad].
_ROUNDING = 1e-5
# Points of the Franka Hand besides its tip that are kept clear, in the hand's frame [m]: its housing is 204 mm wide, 63 mm thick and 66 mm
# high (maker's data sheet).
_HAND_POINTS = np.array(
    [
        [0.0, 0.102, 0.066, 1.0],
        [0.0, -0.102, 0.066, 1.0],
        [0.0315, 0.0, 0.066, 1.0],
        [-0.0315, 0.0, 0.066, 1.0],
        [0.0, 0.102, 0.0, 1.0],
        [0.0, -0.102, 0.0, 1.0],
    ]
)
# Joints 4 and 6 in the chain of frames: elbow and wrist.
_ELBOW_FRAME, _WRIST_FRAME, _FLANGE_FRAME = 3, 5, 7
# A smaller lift [m] is none.
_SMALLEST_LIFT = 1e-3
# Elbow angles tried besides the present one [rad].
_ELBOWS = (0.0, 0.3, -0.3, 0.6, -0.6)
# A straight line at this share of the set speeds or more is taken at once.
_GOOD_FACTOR = 0.25
# Motions slower than this share of the set speeds only occur beside singular poses.
_SLOWEST = 0.02
# How much faster than in step the tip can be when joints ramp up one by one.
_OUT_OF_STEP = 1.25
# Height above start and goal at which a keypose travels whose straight line is not free [m].
_TRAVEL_CLEARANCE = 0.08


class Refusal(NamedTuple):
    """Why a command was not let through.

    Attributes:
        rule: number of the rule.
        reason: short machine-readable cause, ``info["failure"]``.
        message: what was wrong and what is allowed.
    """

    rule: str
    reason: str
    message: str


@dataclass(frozen=True, eq=False)
class Segment:
    """One checked motion from rest to rest, or towards a target that may be changed.

    Attributes:
        kind: ``"line"``: the end effector on a straight line with a given elbow; ``"joints"``: all joints together.
        pose: (7,) pose of the tip at its end, base frame.
        joints: (7,) joint angles [rad] at its end.
        path: (n, 7) joint angles [rad] along it, the start first.
        factor: share of the set speeds, accelerations and jerks at which it is to be made, above 0 to 1.
        duration: how long it takes about [s].
    """

    kind: Literal["line", "joints"]
    pose: FloatArray
    joints: FloatArray
    path: FloatArray
    factor: float
    duration: float = 0.0


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the filter says of a command.

    Attributes:
        refusal: why it was refused, or None.
        segments: the checked motions, one after the other; none when it was refused.
        clipped: whether the target was moved into the workspace.
    """

    refusal: Refusal | None
    segments: tuple[Segment, ...] = ()
    clipped: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the command may be carried out."""
        return self.refusal is None


class _Refused(Exception):  # noqa: N818 - carries a verdict, no fault
    def __init__(self, rule: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(rule, reason, message)


# Makes and checks the segments of one way.
_Way = Callable[[], "tuple[Segment, ...]"]


class SafetyFilter:
    """The filter of one cell.

    Args:
        config: its limits.
        model: its arm.
        T_flange_ee: (4, 4) end effector frame that the controller is set to.
        rules: which rules are in force; all but in tests.

    Attributes:
        config: the limits.
        model: the arm.
        limits: what the library is told.
    """

    def __init__(
        self,
        config: SafetyConfig,
        model: ArmModel,
        T_flange_ee: FloatArray = kinematics.T_FLANGE_HAND_END_EFFECTOR,
        rules: ActiveRules = ALL_RULES,
    ) -> None:
        self.config = config
        self.model = model
        self.limits = MotionLimits.of(config, model) if "S5" in rules else MotionLimits.ceilings(model)
        self._rules = rules
        self._T_ee_tip: FloatArray = np.linalg.inv(T_flange_ee) @ kinematics.T_FLANGE_TIP
        self._T_tip_ee: FloatArray = np.asarray(np.linalg.inv(self._T_ee_tip), dtype=np.float64)
        self._lower = np.array(config.workspace_lower)
        self._lower[2] = config.lowest_tip
        self._upper = np.array(config.workspace_upper)
        self._forbidden = [(np.array(lower), np.array(upper)) for lower, upper in config.forbidden_boxes]
        self._lowest_link = config.table_height + config.minimum_height
        self._joint_lower = model.joint_lower + config.joint_margin
        self._joint_upper = model.joint_upper - config.joint_margin

    def keypose(self, pose: object, joints: FloatArray) -> Verdict:
        """A motion from rest to a pose (7,) of the tip in the base frame, by the first way that is free.

        The ways are the straight line; up, across and down; and all joints together.

        Args:
            pose: the target.
            joints: (7,) joint angles [rad] where the arm stands.
        """
        try:
            target, clipped = self._target(pose)
            here = kinematics.tip_pose(joints)
            if "S5" in self._rules:
                distance = float(np.linalg.norm(target[:3] - here[:3]))
                if distance > self.config.keypose_distance + _ROUNDING:
                    raise _Refused(
                        "S5",
                        "step_too_large",
                        f"the keypose is {distance:.3f} m away; at most {self.config.keypose_distance:g} m are allowed in a step",
                    )
            return Verdict(None, self._way(here, target, joints), clipped)
        except _Refused as refused:
            return Verdict(refused.refusal)

    def delta(self, pose: object, joints: FloatArray, last_pose: FloatArray) -> Verdict:
        """A new target (7,) of the tip for a motion that goes on.

        Args:
            pose: the target, base frame.
            joints: (7,) joint angles [rad] commanded now.
            last_pose: (7,) the target before.
        """
        try:
            target, clipped = self._target(pose)
            if "S5" in self._rules:
                distance = float(np.linalg.norm(target[:3] - last_pose[:3]))
                angle = rotation_angle(last_pose[3:], target[3:])
                if distance > self.config.delta_position + _ROUNDING or angle > self.config.delta_rotation + _ROUNDING:
                    raise _Refused(
                        "S5",
                        "step_too_large",
                        f"the step moves the target by {distance:.3f} m and {math.degrees(angle):.1f} degrees; at most "
                        f"{self.config.delta_position:g} m and {math.degrees(self.config.delta_rotation):.1f} degrees are allowed",
                    )
                self._check_lead(target, joints)
            segment = self._line(joints, target, float(joints[2]), streaming=True)
            return Verdict(None, (segment,), clipped)
        except _Refused as refused:
            return Verdict(refused.refusal)

    def joint(self, target: object, joints: FloatArray, last_joints: FloatArray) -> Verdict:
        """New joint targets (7,) for a motion that goes on.

        Args:
            target: the targets [rad].
            joints: (7,) joint angles [rad] commanded now.
            last_joints: (7,) the targets before.
        """
        try:
            angles = self._input(target, 7)
            if "S5" in self._rules:
                step = np.abs(angles - last_joints)
                if (step > self.config.delta_joint + _ROUNDING).any():
                    worst = int(np.argmax(step))
                    raise _Refused(
                        "S5",
                        "step_too_large",
                        f"the step moves joint {worst + 1} by {step[worst]:.3f} rad; at most {self.config.delta_joint:g} rad are allowed",
                    )
                self._check_lead(kinematics.tip_pose(angles), joints)
            return Verdict(None, (self._together(joints, angles, streaming=True),))
        except _Refused as refused:
            return Verdict(refused.refusal)

    def travel(self, target: object, joints: FloatArray) -> Verdict:
        """A motion of all joints from rest to joint angles (7,) [rad], however far: the way home."""
        try:
            return Verdict(None, (self._together(joints, self._input(target, 7)),))
        except _Refused as refused:
            return Verdict(refused.refusal)

    def lift(self, height: float, joints: FloatArray) -> Verdict:
        """A motion of the tip straight up by a height [m], from rest, or as far up as arm and workspace allow.

        None where that is not at all.
        """
        here = kinematics.tip_pose(joints)
        for share in (1.0, 0.5, 0.25):
            target = here.copy()
            target[2] = max(here[2], min(here[2] + share * height, self._upper[2] - _ROUNDING))
            if target[2] - here[2] < _SMALLEST_LIFT:
                break
            with contextlib.suppress(_Refused):
                return Verdict(None, (self._line(joints, target, float(joints[2])),))
        return Verdict(None)

    def grasp(self, force: float, object_mass: float | None, payload: float) -> Verdict:
        """A grasp.

        Args:
            force: [N].
            object_mass: of what will be held [kg], where it is known.
            payload: mass the controller has been told [kg].
        """
        if "S6" in self._rules:
            if not 0.0 < force <= self.config.gripper_force:
                return Verdict(
                    Refusal("S6", "gripper_force", f"a grasp of {force:g} N; at most {self.config.gripper_force:g} N are allowed")
                )
            if object_mass is not None and object_mass > self.config.heavy_object and abs(payload - object_mass) > 0.05:
                return Verdict(
                    Refusal(
                        "S6",
                        "payload",
                        f"the object weighs {object_mass:g} kg and the payload set is {payload:g} kg; set it first",
                    )
                )
        return Verdict(None)

    def _input(self, value: object, count: int) -> FloatArray:
        try:
            given = np.asarray(value)
            array = given.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise _Refused("S7", "wrong_shape", f"a command is {count} numbers, got {value!r}") from error
        if "S7" in self._rules and (given.dtype.kind not in "iuf" or array.shape != (count,)):
            raise _Refused("S7", "wrong_shape", f"a command is {count} numbers, got {given.dtype} of shape {array.shape}")
        if "S7" in self._rules and not np.isfinite(array).all():
            raise _Refused("S7", "not_finite", f"a command must be finite, got {array.tolist()}")
        if "S7" in self._rules and np.abs(array).max() > _LARGEST_NUMBER:
            raise _Refused("S7", "out_of_range", f"a command's numbers are metres and radians, got {array.tolist()}")
        return array

    def _target(self, pose: object) -> tuple[FloatArray, bool]:
        """The pose after the checks of its numbers and of where it lies, and whether it was moved into the workspace."""
        target = self._input(pose, 7).copy()
        norm = float(np.linalg.norm(target[3:]))
        if "S7" in self._rules and not abs(norm - 1.0) <= _QUATERNION_TOLERANCE:
            raise _Refused("S7", "not_unit_quaternion", f"the quaternion of a pose must have length 1, got {norm:.6g}")
        if norm > 0.0:
            target[3:] /= norm
        clipped = False
        if "S3" in self._rules:
            inside = np.clip(target[:3], self._lower, self._upper)
            if np.abs(inside - target[:3]).max() > _ROUNDING:
                if self.config.outside == "reject":
                    raise self._outside(target[:3])
                clipped = True
            target[:3] = inside
        return target, clipped

    def _outside(self, position: FloatArray) -> _Refused:
        box = ", ".join(f"{a} {lo:.3f} to {hi:.3f}" for a, lo, hi in zip("xyz", self._lower, self._upper, strict=True))
        return _Refused(
            "S3",
            "outside_workspace",
            f"the tip at {np.round(position, 3).tolist()} is outside the workspace ({box} m, base frame)",
        )

    def _check_lead(self, target: FloatArray, joints: FloatArray) -> None:
        lead = float(np.linalg.norm(target[:3] - kinematics.tip_pose(joints)[:3]))
        if lead > self.config.keypose_distance + _ROUNDING:
            raise _Refused(
                "S5",
                "step_too_large",
                f"the target is {lead:.3f} m ahead of the arm; at most {self.config.keypose_distance:g} m are allowed",
            )

    def _way(self, here: FloatArray, target: FloatArray, joints: FloatArray) -> tuple[Segment, ...]:
        """The straight line where the arm follows it well; else the quickest of all ways that are free.

        Raises:
            _Refused: none is; with what is wrong with the straight line.
        """
        first: _Refused | None = None
        found: list[tuple[Segment, ...]] = []
        for ways in (self._straight, self._over, self._by_joints):
            for way in ways(here, target, joints):
                try:
                    segments = way()
                except _Refused as refused:
                    first = first or refused
                    continue
                if len(segments) == 1 and segments[0].kind == "line" and segments[0].factor >= _GOOD_FACTOR:
                    return segments
                found.append(segments)
                break
        if not found:
            assert first is not None
            raise first
        return min(found, key=lambda segments: sum(segment.duration for segment in segments))

    def _straight(self, here: FloatArray, target: FloatArray, joints: FloatArray) -> Iterator[_Way]:
        for elbow in dict.fromkeys((float(joints[2]), *_ELBOWS)):

            def way(elbow: float = elbow) -> tuple[Segment, ...]:
                return (self._line(joints, target, elbow),)

            yield way

    def _over(self, here: FloatArray, target: FloatArray, joints: FloatArray) -> Iterator[_Way]:
        """Up, across and down."""
        height = min(max(here[2], target[2]) + _TRAVEL_CLEARANCE, float(self._upper[2]) - _ROUNDING)
        up, across = here.copy(), target.copy()
        up[2] = across[2] = height

        def way() -> tuple[Segment, ...]:
            segments, at = [], joints
            for pose in (up, across, target):
                segments.append(self._line(at, pose, float(joints[2])))
                at = segments[-1].joints
            return tuple(segments)

        yield way

    def _by_joints(self, here: FloatArray, target: FloatArray, joints: FloatArray) -> Iterator[_Way]:
        """All joints together, to the angles in which a straight line would end."""
        for elbow in dict.fromkeys((float(joints[2]), *_ELBOWS)):

            def way(elbow: float = elbow) -> tuple[Segment, ...]:
                end = self._solve(joints, target, elbow)[-1]
                return (self._together(joints, self._turned_back(end)),)

            yield way

    def _turned_back(self, joints: FloatArray) -> FloatArray:
        """The same arm with joints that lie beyond their range a whole turn back, where that lies within.

        Half a turn of the gripper goes either way round, and only one of them may be open.
        """
        for turn in (2.0 * np.pi, -2.0 * np.pi):
            beyond = (joints < self._joint_lower) | (joints > self._joint_upper)
            fits = (joints + turn >= self._joint_lower) & (joints + turn <= self._joint_upper)
            joints = np.where(beyond & fits, joints + turn, joints)
        return joints

    def _frames(self, joints: FloatArray, target: FloatArray, elbow: float) -> tuple[FloatArray, FloatArray]:
        """Frames of the tip (n, 4, 4) and elbows (n,) on the way of the end effector's straight line."""
        start = pose_from_matrix(kinematics.tip_frames(joints)[0] @ self._T_tip_ee)
        end = pose_from_matrix(kinematics.frame_of(target) @ self._T_tip_ee)
        count = max(
            1,
            math.ceil(float(np.linalg.norm(end[:3] - start[:3])) / SAMPLE_DISTANCE),
            math.ceil(rotation_angle(start[3:], end[3:]) / _SAMPLE_ANGLE),
            math.ceil(abs(elbow - float(joints[2])) / _SAMPLE_ANGLE),
        )
        frames = kinematics.line(start, end, count) @ self._T_ee_tip
        elbows = joints[2] + (elbow - joints[2]) * np.arange(1, count + 1) / count
        return frames, elbows

    def _solve(self, joints: FloatArray, target: FloatArray, elbow: float) -> FloatArray:
        frames, elbows = self._frames(joints, target, elbow)
        found = kinematics.follow(frames, elbows, joints)
        if found is None:
            raise _Refused("S4", "ik_unreachable", f"no joint angles bring the tip to {np.round(target, 3).tolist()} on this way")
        return found

    def _line(self, joints: FloatArray, target: FloatArray, elbow: float, *, streaming: bool = False) -> Segment:
        """A straight line of the end effector, checked.

        Raises:
            _Refused: it breaks a rule, or the arm cannot follow it.
        """
        frames, elbows = self._frames(joints, target, elbow)
        count = len(frames)
        fractions = np.arange(1, count + 1) / count
        start = kinematics.tip_frames(joints)[0]
        displacement = target[:3] - start[:3, 3]
        if streaming:
            stray = np.full((count, 3), self.limits.streaming_lag)
        else:
            # Axes of the hand, in which the library plans; both ends are met exactly.
            axes = start[:3, :3]
            lag = np.abs(axes) @ self.limits.translation_lag(axes.T @ displacement)
            stray = np.minimum(lag, np.minimum(fractions, 1.0 - fractions)[:, None] * np.linalg.norm(displacement))
        self._check_tips(frames, stray)
        found = kinematics.follow(frames, elbows, joints)
        if found is None:
            raise _Refused("S4", "ik_unreachable", f"no joint angles bring the tip to {np.round(target, 3).tolist()} on this way")
        path = np.concatenate([joints[None], found])
        self._check_joints(path)
        self._check_links(found, stray)
        factor, duration = self._factor(path, start[:3, :3], displacement, target, elbow)
        return Segment("line", target, path[-1].copy(), path, factor, duration)

    def _together(self, joints: FloatArray, target: FloatArray, *, streaming: bool = False) -> Segment:
        """All joints from where they are to where they shall be, arriving together; checked.

        Raises:
            _Refused: it breaks a rule.
        """
        self._check_joints(target[None], jumps=False)
        reach = float(np.linalg.norm(kinematics.tip_pose(target)[:3] - kinematics.tip_pose(joints)[:3]))
        count = max(1, math.ceil(reach / SAMPLE_DISTANCE), math.ceil(float(np.abs(target - joints).max()) / _SAMPLE_ANGLE))
        path = joints + np.linspace(0.0, 1.0, count + 1)[:, None] * (target - joints)
        frames = kinematics.link_frames(path[1:])
        tips = frames[:, 7] @ kinematics.T_FLANGE_TIP
        J = kinematics.jacobians(frames, tips[:, :3, 3])
        lag = (
            self.limits.joint_velocity**2 / (4.0 * self.limits.joint_acceleration)
            if streaming
            else self.limits.joint_lag(target - joints)
        )
        stray = np.abs(J[:, :3]) @ lag
        if not streaming:
            fractions = np.arange(1, count + 1) / count
            stray = np.minimum(stray, np.minimum(fractions, 1.0 - fractions)[:, None] * 2.0 * np.pi)
        self._check_tips(tips, stray)
        self._check_joints(path, jumps=False)
        self._check_links(path[1:], stray)
        factor = self._tip_factor(J[:, :3], target - joints, streaming)
        limits = self.limits
        duration = float(
            (np.abs(target - joints) / limits.joint_velocity + limits.joint_velocity / limits.joint_acceleration).max()
        )
        return Segment("joints", pose_from_matrix(tips[-1]), target.copy(), path, factor, duration / factor)

    def _tip_factor(self, J: FloatArray, displacement: FloatArray, streaming: bool) -> float:
        """Share of the set joint rates at which the tip is not faster than it may be.

        Args:
            J: (n, 3, 7) Jacobians of the tip along the way.
            displacement: (7,) of the joints [rad].
            streaming: the motion may begin at any speed.
        """
        if "S5" not in self._rules:
            return 1.0
        velocity = self.limits.joint_velocity
        if streaming:
            fastest = np.linalg.norm(np.abs(J) @ velocity, axis=1).max()
        else:
            slowest = float((np.abs(displacement) / velocity).max())
            if slowest < 1e-9:
                return 1.0
            # The joints do not keep step: the short ones cruise while the longest still gathers speed.
            fastest = _OUT_OF_STEP * np.linalg.norm(J @ displacement, axis=1).max() / slowest
        return min(1.0, self.config.highest_tip_speed / max(float(fastest), 1e-9))

    def _check_tips(self, frames: FloatArray, stray: FloatArray) -> None:
        if "S3" not in self._rules:
            return
        tips = frames[:, :3, 3]
        below, above = tips - stray < self._lower - _ROUNDING, tips + stray > self._upper + _ROUNDING
        if below.any() or above.any():
            worst = int(np.argmax((below | above).any(axis=1)))
            raise self._outside(tips[worst])
        # The tip's z axis points out of the fingers.
        tilt = np.arccos(np.clip(-frames[:, 2, 2], -1.0, 1.0))
        if (tilt > self.config.orientation_cone + 1e-3).any():
            raise _Refused(
                "S3",
                "outside_workspace",
                f"the gripper tilts by {math.degrees(float(tilt.max())):.0f} degrees from straight down; at most "
                f"{math.degrees(self.config.orientation_cone):.0f} degrees are allowed",
            )

    def _check_links(self, joints: FloatArray, stray: FloatArray) -> None:
        """Hand, flange, wrist and elbow against the table, and they and the tip against forbidden boxes."""
        if "S3" not in self._rules:
            return
        frames = kinematics.link_frames(joints)
        hand = (frames[:, _FLANGE_FRAME] @ kinematics.T_FLANGE_HAND @ _HAND_POINTS.T).transpose(0, 2, 1)[:, :, :3]
        chain = frames[:, [_ELBOW_FRAME, _WRIST_FRAME, _FLANGE_FRAME]][:, :, :3, 3]
        points = np.concatenate([hand, chain], axis=1)
        if (points[:, :, 2] < self._lowest_link).any():
            raise _Refused(
                "S3", "path_not_found", "hand or arm would come closer to the table than the minimum height on this way"
            )
        tips = (frames[:, _FLANGE_FRAME] @ kinematics.T_FLANGE_TIP)[:, None, :3, 3]
        everything = np.concatenate([points, tips], axis=1)
        room = stray.max(axis=1)[:, None, None] if len(stray) else 0.0
        for lower, upper in self._forbidden:
            inside = ((everything > lower - room) & (everything < upper + room)).all(axis=2)
            if inside.any():
                raise _Refused(
                    "S3",
                    "path_not_found",
                    f"the arm would enter the forbidden box {lower.tolist()} to {upper.tolist()} on this way",
                )

    def _check_joints(self, path: FloatArray, *, jumps: bool = True) -> None:
        if "S4" not in self._rules:
            return
        ends = path[1:] if len(path) > 1 else path
        outside = (ends < self._joint_lower - _ROUNDING) | (ends > self._joint_upper + _ROUNDING)
        if not np.isfinite(ends).all() or outside.any():
            worst = int(np.argmax(outside.any(axis=0)))
            raise _Refused(
                "S4",
                "ik_unreachable",
                f"joint {worst + 1} would leave {self._joint_lower[worst]:.3f} to {self._joint_upper[worst]:.3f} rad, the arm's range less "
                f"{self.config.joint_margin:g} rad",
            )
        if jumps and len(path) > 1 and float(np.abs(np.diff(path, axis=0)).max()) > self.config.joint_jump:
            raise _Refused(
                "S4", "ik_unreachable", f"a joint would jump by more than {self.config.joint_jump:g} rad within a centimetre"
            )
        lowest = float(kinematics.manipulability(ends).min())
        # An arm that stands badly may move to where it stands better.
        floor = self.config.manipulability_floor
        if lowest < floor and lowest < float(kinematics.manipulability(path[:1])[0]) - 1e-9:
            raise _Refused(
                "S4", "ik_unreachable", f"the arm would come near a singular pose (manipulability {lowest:.4f}, floor {floor:g})"
            )

    def _factor(
        self, path: FloatArray, axes: FloatArray, displacement: FloatArray, target: FloatArray, elbow: float
    ) -> tuple[float, float]:
        """Share of the set rates at which no joint is faster than its own limits on a straight line, and the time it takes then.

        Joint speeds follow from the course of the longest axis. Accelerations do not: the axes ramp up one by one, each as steeply as it
        may, so every axis that moves counts with its whole acceleration. The library does not see them in such motions; they may go up to
        the hard cap of all rates.

        Args:
            path: (n + 1, 7) joint angles [rad], evenly spaced.
            axes: (3, 3) axes of the hand at the start.
            displacement: (3,) of the tip, base frame [m].
            target: (7,) pose at the end.
            elbow: angle of joint 3 at the end [rad].
        """
        if "S5" not in self._rules or len(path) < 2:
            return 1.0, 0.0
        turn = axes.T @ matrix_from_quat_xyzw(target[3:])
        extents = np.abs(
            np.concatenate([axes.T @ displacement, kinematics.rotation_vectors(turn[None])[0], [elbow - float(path[0, 2])]])
        )
        limits = self.limits
        speeds = np.repeat([limits.translation[0], limits.rotation[0], limits.elbow[0]], (3, 3, 1))
        ramps = np.repeat([limits.translation[1], limits.rotation[1], limits.elbow[1]], (3, 3, 1))
        longest = int(np.argmax(extents / speeds))
        if extents[longest] < 1e-9:
            return 1.0, 0.0
        # A short way ends before the full speed is reached.
        speed = min(speeds[longest], math.sqrt(ramps[longest] * extents[longest])) / extents[longest]
        ramp = ramps[longest] / extents[longest]
        steps = len(path) - 1
        middles = (np.arange(steps) + 0.5) / steps
        # From rest to rest: slow at both ends.
        course = np.minimum(speed, np.sqrt(2.0 * ramp * np.minimum(middles, 1.0 - middles)))[:, None]
        slope = np.diff(path, axis=0) * steps
        curve = np.gradient(slope, axis=0) * steps if steps > 1 else np.zeros_like(slope)
        conditions = np.zeros((steps, 7, 7))
        frames = kinematics.link_frames(path[1:])
        J = kinematics.jacobians(frames, (frames[:, 7] @ kinematics.T_FLANGE_TIP)[:, :3, 3])
        conditions[:, :3], conditions[:, 3:6], conditions[:, 6, 2] = axes.T @ J[:, :3], axes.T @ J[:, 3:], 1.0
        inverse = np.abs(np.linalg.inv(conditions))
        ramping = inverse @ np.where(extents > 1e-6, ramps, 0.0)
        needed_speed = (np.abs(slope) * course / limits.joint_velocity).max()
        allowed = max(1.0, RATE_CAP / self.config.rate_fraction) * limits.joint_acceleration
        needed = (ramping + np.abs(curve) * course**2) / allowed
        factor = min(1.0, 1.0 / max(float(needed_speed), 1e-9), 1.0 / max(float(needed.max()), 1e-9))
        if factor < _SLOWEST:
            raise _Refused("S5", "ik_unreachable", "joints would be too fast on this way at any sensible speed of the tip")
        return factor, (1.0 / speed + speed / ramp) / factor
