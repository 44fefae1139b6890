"""The limits of one cell, as data: validated once, frozen, copied into every log. No value has a default where it is read (rule S14)."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

import numpy as np

from hamster_bench.envs.franka.errors import CellError
from hamster_bench.envs.franka.safety.rules import ALL_RULES, ActiveRules
from hamster_bench.errors import UnknownNameError

Outside = Literal["reject", "clip"]
Triple = tuple[float, float, float]
Box = tuple[Triple, Triple]

# Above this share of the arm's ceilings a second confirmation is asked for.
RATE_CAP = 0.3
# No configuration goes beyond these: torque [N m], force [N], gripper force [N], speed of the tip [m/s].
_TORQUE_CEILING = 40.0
_FORCE_CEILING = 60.0
_GRIPPER_FORCE_CEILING = 70.0
_TIP_SPEED_CEILING = 1.0
FIRST_RUN_TIP_SPEED = 0.05


@dataclass(frozen=True, kw_only=True)
class SafetyConfig:
    """What the rules count with. Lengths in m, angles in rad, times in s; positions in the robot's base frame.

    Attributes:
        workspace_lower: lowest corner of the box that the tip stays in.
        workspace_upper: highest corner of the box that the tip stays in.
        forbidden_boxes: boxes (lowest corner, highest corner) that no point of hand, flange or elbow may enter.
        table_height: z of the table's top.
        minimum_height: of the tip above the table; other points of the arm keep it too.
        outside: ``"reject"`` or ``"clip"``: what happens to a target outside the box.
        orientation_cone: largest angle of the gripper's axis from straight down; pi allows every orientation.
        joint_margin: distance kept from the ends of the joint ranges.
        joint_jump: largest change of a joint between points of a path that are at most 1 cm apart.
        manipulability_floor: lowest allowed manipulability of the arm (sqrt det J J^T of the tip).
        rate_fraction: share of the arm's ceilings of speed, acceleration and jerk.
        tip_speed: largest speed of the tip.
        first_run: whether this set-up runs for the first time: the tip then moves at 5 cm/s at most.
        delta_position: largest change of position in a step of ``delta_pose``.
        delta_rotation: largest change of orientation in a step of ``delta_pose``.
        delta_joint: largest change of a joint in a step of ``joint_position``.
        keypose_distance: largest distance of a keypose from where the tip is.
        torque_threshold: external joint torque that makes the controller stop by reflex [N m].
        force_threshold: external force that makes the controller stop by reflex [N].
        reaction_force: external force at which the motion is stopped gently, below the reflex [N].
        gripper_force: largest force of a grasp [N].
        gripper_speed: of the fingers [m/s].
        heavy_object: mass [kg] from which an object's mass must be set as payload before it is grasped.
        streaming_deadline: time without a new action after which a streamed motion is stopped.
        keypose_deadline: time without a new keypose after which the arm is disarmed.
        motion_timeout: time, by the robot's clock, after which a motion that has not ended is stopped.
        camera_age: largest age of a picture.
        state_age: largest age of the arm's state.
        automatic_recovery: whether one reflex in an episode is recovered from without asking.
        release_on_stop: whether a stop opens the hand; otherwise it keeps what it holds.
        calibration_age_days: largest age of a camera's calibration [days].
    """

    workspace_lower: Triple
    workspace_upper: Triple
    forbidden_boxes: tuple[Box, ...]
    table_height: float
    minimum_height: float
    outside: Outside
    orientation_cone: float
    joint_margin: float
    joint_jump: float
    manipulability_floor: float
    rate_fraction: float
    tip_speed: float
    first_run: bool
    delta_position: float
    delta_rotation: float
    delta_joint: float
    keypose_distance: float
    torque_threshold: float
    force_threshold: float
    reaction_force: float
    gripper_force: float
    gripper_speed: float
    heavy_object: float
    streaming_deadline: float
    keypose_deadline: float
    motion_timeout: float
    camera_age: float
    state_age: float
    automatic_recovery: bool
    release_on_stop: bool
    calibration_age_days: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "bool":
                if not isinstance(value, bool):
                    raise CellError(f"safety.{field.name} must be true or false, got {value!r}")
            elif field.type == "float":
                object.__setattr__(self, field.name, _number(field.name, value))
        for name in ("workspace_lower", "workspace_upper"):
            object.__setattr__(self, name, _triple(name, getattr(self, name)))
        object.__setattr__(self, "forbidden_boxes", _boxes(self.forbidden_boxes))
        if self.outside not in get_args(Outside):
            raise UnknownNameError("safety.outside", self.outside, get_args(Outside))
        if not (np.array(self.workspace_lower) < np.array(self.workspace_upper)).all():
            raise CellError(f"safety.workspace_lower {self.workspace_lower} must be below workspace_upper {self.workspace_upper}")
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not low <= value <= high:
                raise CellError(f"safety.{name} must be from {low:g} to {high:g}, got {value:g}")
        if not self.reaction_force < self.force_threshold:
            raise CellError(
                f"safety.reaction_force {self.reaction_force:g} N must be below force_threshold {self.force_threshold:g} N: the gentle "
                "stop has to come before the reflex"
            )
        if self.table_height + self.minimum_height >= self.workspace_upper[2]:
            raise CellError("safety.workspace_upper lies below the minimum height above the table")

    @property
    def highest_tip_speed(self) -> float:
        """The speed that counts [m/s]: on a first run 5 cm/s at most."""
        return min(self.tip_speed, FIRST_RUN_TIP_SPEED) if self.first_run else self.tip_speed

    @property
    def lowest_tip(self) -> float:
        """Lowest z of the tip [m]."""
        return max(self.workspace_lower[2], self.table_height + self.minimum_height)

    @property
    def digest(self) -> str:
        """12 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    @classmethod
    def from_dict(cls, values: object, rules: ActiveRules = ALL_RULES) -> SafetyConfig:
        """The configuration of a parsed file.

        Args:
            values: as they were parsed.
            rules: rules in force; all but in tests of the rules.

        Raises:
            CellError: a value is missing, of the wrong kind or out of range.
            UnknownNameError: there is a value of another name.
        """
        if not isinstance(values, Mapping):
            raise CellError(f"the safety section must be an object with {len(fields(cls))} values, got {type(values).__name__}")
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise UnknownNameError("safety value", name, known)
        missing = [name for name in known if name not in values]
        if missing and "S14" in rules:
            raise CellError(
                f"the safety section lacks {', '.join(missing)}; nothing is guessed: take the values from "
                "'hamster-bench franka cell' and check each"
            )
        return cls(**{name: values[name] for name in known if name in values})

    def to_dict(self) -> dict[str, Any]:
        """As values JSON can hold; `from_dict` reads them back."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return values


_RANGES = (
    ("minimum_height", 0.0, 0.5),
    ("orientation_cone", 0.0, math.pi),
    ("joint_margin", 0.0, 0.5),
    ("joint_jump", 0.01, 0.5),
    ("manipulability_floor", 0.0, 0.2),
    ("rate_fraction", 0.005, 1.0),
    ("tip_speed", 0.005, _TIP_SPEED_CEILING),
    ("delta_position", 0.001, 0.1),
    ("delta_rotation", 0.01, 0.6),
    ("delta_joint", 0.005, 0.5),
    ("keypose_distance", 0.01, 1.5),
    ("torque_threshold", 1.0, _TORQUE_CEILING),
    ("force_threshold", 2.0, _FORCE_CEILING),
    ("reaction_force", 1.0, _FORCE_CEILING),
    ("gripper_force", 1.0, _GRIPPER_FORCE_CEILING),
    ("gripper_speed", 0.005, 0.1),
    ("heavy_object", 0.0, 3.0),
    ("streaming_deadline", 0.02, 5.0),
    ("keypose_deadline", 0.02, 600.0),
    ("motion_timeout", 0.1, 120.0),
    ("camera_age", 0.01, 5.0),
    ("state_age", 0.002, 1.0),
    ("calibration_age_days", 0.1, 3650.0),
)


def suggested(*, workspace_lower: Triple, workspace_upper: Triple, table_height: float) -> SafetyConfig:
    """Values to start a cell's configuration from; they are written to a file for a person to check, never filled in silently."""
    return SafetyConfig(
        workspace_lower=workspace_lower,
        workspace_upper=workspace_upper,
        forbidden_boxes=(),
        table_height=table_height,
        minimum_height=0.010,
        outside="reject",
        orientation_cone=math.radians(60.0),
        joint_margin=0.1,
        joint_jump=0.2,
        manipulability_floor=0.01,
        rate_fraction=0.1,
        tip_speed=0.25,
        first_run=True,
        delta_position=0.05,
        delta_rotation=math.radians(15.0),
        delta_joint=0.2,
        keypose_distance=0.5,
        torque_threshold=15.0,
        force_threshold=20.0,
        reaction_force=12.0,
        gripper_force=20.0,
        gripper_speed=0.05,
        heavy_object=0.3,
        streaming_deadline=0.5,
        keypose_deadline=30.0,
        motion_timeout=30.0,
        camera_age=0.1,
        state_age=0.05,
        automatic_recovery=False,
        release_on_stop=False,
        calibration_age_days=30.0,
    )


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CellError(f"safety.{name} must be a finite number, got {value!r}")
    return float(value)


def _triple(name: str, value: object) -> Triple:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise CellError(f"safety.{name} must be three numbers x, y, z [m], got {value!r}")
    x, y, z = (_number(name, part) for part in value)
    return x, y, z


def _boxes(value: object) -> tuple[Box, ...]:
    if not isinstance(value, list | tuple):
        raise CellError(f"safety.forbidden_boxes must be a list of boxes, got {value!r}")
    boxes = []
    for box in value:
        if not isinstance(box, list | tuple) or len(box) != 2:
            raise CellError(f"a forbidden box is a lowest and a highest corner, got {box!r}")
        lower, upper = (_triple("forbidden_boxes", corner) for corner in box)
        if not all(a < b for a, b in zip(lower, upper, strict=True)):
            raise CellError(f"the lowest corner of a forbidden box must be below the highest, got {box!r}")
        boxes.append((lower, upper))
    return tuple(boxes)
