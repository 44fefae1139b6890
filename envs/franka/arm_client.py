"""The narrow door to the arm: everything that is asked of the client library franky is asked here.

Poses are those of the tip, in the robot's base frame. Nothing is checked here but that the link lives: commands come from
`hamster_bench.envs.franka.safety.guard`, which lets none through that the filter has not passed.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.franka import kinematics
from hamster_bench.envs.franka.errors import FrankaError, RobotFaultError, RobotIncompatibleError, RobotUnreachableError
from hamster_bench.envs.franka.safety.limits import MotionLimits
from hamster_bench.envs.franka.scheduling import highest_priority, priority_kept
from hamster_bench.errors import MissingDependencyError
from hamster_bench.geometry import matrix_from_pose

FloatArray = NDArray[np.float64]
MotionKind = Literal["line", "joints"]

_MODES = {
    "Other": "other",
    "Idle": "idle",
    "Move": "move",
    "Guiding": "guiding",
    "Reflex": "reflex",
    "UserStopped": "user_stopped",
    "AutomaticErrorRecovery": "automatic_recovery",
}
# Seconds a graceful stop may take before the hard one, and how long the library's own end of a motion is waited for then.
_STOP_TIMEOUT = 1.0
_HARD_STOP_TIMEOUT = 10.0
# Seconds that fingers on their way may take when the robot is let go of, and as long again after they are stopped.
_FINGER_TIMEOUT = 5.0
_LOOPBACK = "127."


@dataclass(frozen=True, eq=False)
class ArmState:
    """The arm at one moment.

    Attributes:
        received: when it came [s], clock of `time.monotonic`.
        time: the robot's own clock [s].
        joints: (7,) measured joint angles [rad].
        joint_velocities: (7,) measured [rad/s].
        commanded_joints: (7,) joint angles that the controller holds or goes through [rad].
        external_torques: (7,) [N m].
        wrench: (6,) external force [N] and moment [N m] at the end effector, base frame.
        mode: ``"idle"``, ``"move"``, ``"guiding"``, ``"reflex"``, ``"user_stopped"``, ``"automatic_recovery"`` or ``"other"``.
        errors: names of present errors.
        last_errors: names of the errors that ended the last motion.
        success_rate: share of commands that arrived in time, of the last tenth of a second.
        T_flange_ee: (4, 4) end effector frame that the controller is set to.
        load: mass of the payload set [kg].
    """

    received: float
    time: float
    joints: FloatArray
    joint_velocities: FloatArray
    commanded_joints: FloatArray
    external_torques: FloatArray
    wrench: FloatArray
    mode: str
    errors: tuple[str, ...]
    last_errors: tuple[str, ...]
    success_rate: float
    T_flange_ee: FloatArray
    load: float


@dataclass(frozen=True)
class HandState:
    """The hand at one moment: width [m], largest width [m], whether it holds something of the width it was told."""

    width: float
    max_width: float
    is_grasped: bool


class HandMotion(Protocol):
    """A motion of the hand that has been started."""

    def wait(self, seconds: float) -> bool:
        """Whether it ends within this time."""
        ...

    def get(self) -> bool:
        """Whether it succeeded."""
        ...


def import_franky() -> Any:
    """The client library.

    Raises:
        MissingDependencyError: it is not installed or cannot be loaded.
    """
    try:
        import franky
    except ImportError as error:
        raise MissingDependencyError(
            f"the Franka arm needs the client library franky ({error}); install it with: "
            "pip install 'hamster-bench[franka]'. Its wheels are for Linux with glibc 2.34 or newer (Debian 12, Ubuntu 22.04)"
        ) from error
    return franky


class ArmClient:
    """A connection to an arm and its hand.

    Args:
        host: address of the robot.
        enforce_realtime: refuse a kernel without real-time priority; None enforces it everywhere but on loopback. Motions
            take real-time priority where it is enforced or the robot is not on loopback, the thread that calls never does.
        hand: whether there is a Franka Hand.

    Raises:
        MissingDependencyError: the client library is not installed.
        RobotUnreachableError: nothing answers at the address.
        RobotIncompatibleError: the robot speaks another protocol than the library.
        FrankaError: the machine cannot drive a robot in real time.
    """

    def __init__(self, host: str, *, enforce_realtime: bool | None = None, hand: bool = True) -> None:
        self._franky = import_franky()
        self.host = host
        self._lock = threading.RLock()
        self._kind: MotionKind | None = None
        loopback = host.startswith(_LOOPBACK)
        enforce = not loopback if enforce_realtime is None else enforce_realtime
        self._fingers: list[_HandMotion] = []
        # Whether the library's objects must not be destroyed: the link has gone, or a motion has not ended.
        self._abandoned = False
        self._realtime = enforce or not loopback
        config = self._franky.RealtimeConfig.Enforce if enforce else self._franky.RealtimeConfig.Ignore
        with self._connecting("the robot"), priority_kept():
            self._robot = self._franky.Robot(host, realtime_config=config)
        self._hand = None
        if hand:
            with self._connecting("the hand"):
                self._hand = self._franky.Gripper(host)
        self._T_tip_ee: FloatArray = np.linalg.inv(kinematics.T_FLANGE_TIP) @ self.state().T_flange_ee

    @contextlib.contextmanager
    def _connecting(self, what: str) -> Iterator[None]:
        franky = self._franky
        try:
            yield
        except franky.IncompatibleVersionException as error:
            raise RobotIncompatibleError(
                f"{what} at {self.host} and the client library speak different protocols ({_one_line(error)}). The wheel on PyPI serves an "
                "FR3 with system version 5.9 or newer; for other robots install franky-control from its own index, see docs/franka.md"
            ) from error
        except franky.RealtimeException as error:
            raise FrankaError(
                f"this machine cannot drive a robot in real time ({_one_line(error)}): it needs a PREEMPT_RT kernel and the right to "
                "real-time priority, see docs/franka.md; a cell's 'enforce_realtime': false goes without, at the price of aborted motions"
            ) from error
        except (franky.NetworkException, franky.ProtocolException) as error:
            raise RobotUnreachableError(
                f"{what} at {self.host} does not answer ({_one_line(error)}). Is it on, is the address right, "
                f"is FCI activated in Desk, and "
                "does no other program drive it?"
            ) from error

    def joint_limits(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest joint angles (7,) [rad] that the robot itself publishes."""
        import xml.etree.ElementTree as ET

        limits = []
        for joint in ET.fromstring(self._robot.model_urdf).iter("joint"):
            limit = joint.find("limit")
            if joint.get("type") == "revolute" and limit is not None:
                limits.append((float(limit.get("lower", "nan")), float(limit.get("upper", "nan"))))
        array = np.array(limits[:7])
        return array[:, 0], array[:, 1]

    def state(self) -> ArmState:
        """The arm now.

        Raises:
            RobotFaultError: the link has gone.
        """
        with self._lock, self._linked():
            state = self._robot.state
        return ArmState(
            received=time.monotonic(),
            time=float(state.time.to_sec()),
            joints=np.array(state.q, dtype=np.float64),
            joint_velocities=np.array(state.dq, dtype=np.float64),
            commanded_joints=np.array(state.q_d, dtype=np.float64),
            external_torques=np.array(state.tau_ext_hat_filtered, dtype=np.float64),
            wrench=_vector(state.O_F_ext_hat_K),
            mode=_MODES.get(state.robot_mode.name, "other"),
            errors=_names(state.current_errors),
            last_errors=_names(state.last_motion_errors),
            success_rate=float(state.control_command_success_rate),
            T_flange_ee=np.array(state.F_T_EE.matrix, dtype=np.float64),
            load=float(state.m_load),
        )

    def set_limits(self, limits: MotionLimits) -> None:
        """Sets every limit of motions. Those that the library starts with are another arm's."""
        robot = self._robot
        for name, values in (("translation", limits.translation), ("rotation", limits.rotation), ("elbow", limits.elbow)):
            for part, value in zip(("velocity", "acceleration", "jerk"), values, strict=True):
                limit = getattr(robot, f"{name}_{part}_limit")
                limit.set(min(float(value), float(limit.max)))
        for part, vector in (
            ("velocity", limits.joint_velocity),
            ("acceleration", limits.joint_acceleration),
            ("jerk", limits.joint_jerk),
        ):
            limit = getattr(robot, f"joint_{part}_limit")
            limit.set(np.minimum(vector, np.array(limit.max)))

    def set_thresholds(self, torque: float, force: float) -> None:
        """Sets the external torque [N m] and force [N] above which the controller stops by reflex."""
        with self._linked():
            self._robot.set_collision_behavior([torque] * 7, [force] * 6)

    def set_load(self, mass: float) -> None:
        """Tells the controller the mass [kg] of a payload in the hand, as a point at the tip."""
        with self._linked():
            self._robot.set_load(mass, [0.0, 0.0, kinematics.TIP_LENGTH], [0.0] * 9)

    def start_line(self, pose: FloatArray, elbow: float, factor: float, reaction_force: float | None) -> None:
        """Starts, or bends a running, straight motion of the end effector.

        Args:
            pose: (7,) of the tip at its end.
            elbow: angle of joint 3 at its end [rad].
            factor: share of the set limits.
            reaction_force: external force [N] at which the motion stops gently, or None.
        """
        franky = self._franky
        T_base_ee = matrix_from_pose(pose) @ self._T_tip_ee
        target = franky.CartesianState(franky.RobotPose(franky.Affine(T_base_ee), franky.ElbowState(float(elbow))))
        motion = franky.CartesianMotion(target, relative_dynamics_factor=franky.RelativeDynamicsFactor(factor))
        self._start("line", motion, franky.CartesianStopMotion(), reaction_force)

    def start_joints(self, joints: FloatArray, factor: float, reaction_force: float | None) -> None:
        """Starts, or bends a running, motion of all joints to angles (7,) [rad]."""
        franky = self._franky
        target = franky.JointState([float(angle) for angle in joints])
        motion = franky.JointMotion(target, relative_dynamics_factor=franky.RelativeDynamicsFactor(factor))
        self._start("joints", motion, franky.JointStopMotion(), reaction_force)

    def start_rest(self, seconds: float) -> None:
        """Holds still under control for a while, to see how many commands arrive in time."""
        franky = self._franky
        rest = [0.0] * 7
        held = franky.JointVelocityWaypoint(rest, hold_target_duration=franky.Duration(round(seconds * 1000)))
        self._move(franky.JointVelocityWaypointMotion([held, franky.JointVelocityWaypoint(rest)]))

    @property
    def moving(self) -> MotionKind | None:
        """What kind of motion runs, or None."""
        return self._kind

    def join(self, seconds: float) -> bool:
        """Waits for the running motion at most this long; whether it has ended.

        Raises:
            RobotFaultError: the robot has ended it.
        """
        with self._linked():
            ended = bool(self._robot.join_motion(seconds))
        if ended:
            self._kind = None
        return ended

    def stop(self) -> None:
        """Brings the arm to rest: gently, and hard when that takes more than a second. Raises nothing but on a lost link."""
        kind, franky = self._kind, self._franky
        try:
            if kind is not None:
                with self._lock, contextlib.suppress(RobotFaultError):
                    stop = franky.CartesianStopMotion() if kind == "line" else franky.JointStopMotion()
                    self._move(stop)
                    if self.join(_STOP_TIMEOUT):
                        return
            with contextlib.suppress(RobotFaultError), self._linked():
                self._robot.stop()
            # Without this the next motion would raise what this one has left.
            with contextlib.suppress(RobotFaultError):
                self._abandoned |= not self.join(_HARD_STOP_TIMEOUT)
        finally:
            self._kind = None

    def recover(self) -> None:
        """Recovers from a reflex.

        Raises:
            RobotFaultError: the robot does not: its user stop is pressed, or it wants a person.
        """
        with self._lock, self._linked():
            self._robot.recover_from_errors()

    def hand_state(self) -> HandState:
        """The hand now."""
        with self._linked():
            state = self._the_hand.state
        return HandState(float(state.width), float(state.max_width), bool(state.is_grasped))

    def start_hand(self, width: float, speed: float) -> HandMotion:
        """Starts moving the fingers to a width [m]."""
        return self._watched(self._the_hand.move_async(width, speed))

    def start_grasp(self, speed: float, force: float) -> HandMotion:
        """Starts closing the fingers on whatever is between them."""
        future = self._the_hand.grasp_async(0.0, speed, force, epsilon_inner=0.005, epsilon_outer=0.08)
        return self._watched(future)

    def stop_hand(self) -> None:
        """Stops the fingers."""
        with self._linked():
            self._the_hand.stop()

    def close(self, *, lost: bool = False) -> None:
        """Lets go of the robot.

        Args:
            lost: the link has gone. The library's objects wait for the robot when they are destroyed, if need be for ever, so they are
                left to the end of the process; so are those whose motion has not ended. Fingers on their way come to their end first.
        """
        if not lost and not self._abandoned:
            self._abandoned = not self._fingers_rest()
        if lost or self._abandoned:
            for kept in (self._robot, self._hand):
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
        self._robot = self._hand = None

    def _watched(self, future: Any) -> _HandMotion:
        """Keeps a motion of the fingers until it has ended: the library's object must outlive it, and destroying its future would wait."""
        motion = _HandMotion(self._franky, future)
        self._fingers = [*(other for other in self._fingers if not other.wait(0.0)), motion]
        return motion

    def _fingers_rest(self) -> bool:
        """Waits until the fingers rest, and stops them where that takes long; whether they do."""
        for motion in self._fingers:
            if not motion.wait(_FINGER_TIMEOUT):
                with contextlib.suppress(RobotFaultError):
                    self.stop_hand()
                if not motion.wait(_FINGER_TIMEOUT):
                    return False
        return True

    @property
    def _the_hand(self) -> Any:
        if self._hand is None:
            raise FrankaError('the cell has no hand: its configuration says "hand": false')
        return self._hand

    def _start(self, kind: MotionKind, motion: Any, stop: Any, reaction_force: float | None) -> None:
        if reaction_force is not None:
            # No Python is called from it: the library's thread would wait for the interpreter, and the interpreter for the thread.
            motion.add_reaction(self._franky.Reaction(self._force_above(reaction_force), stop))
        if self._kind not in (None, kind):
            raise FrankaError("a motion of another kind runs; it must end first")
        self._move(motion)
        self._kind = kind

    def _move(self, motion: Any) -> None:
        """Starts a motion, or gives the running one a new course; its thread has the priority of the one that starts it."""
        priority: contextlib.AbstractContextManager[None] = highest_priority() if self._realtime else contextlib.nullcontext()
        with self._lock, self._linked(), priority:
            self._robot.move(motion, asynchronous=True)

    def _force_above(self, force: float) -> Any:
        measure = self._franky.Measure
        condition = None
        for axis in (measure.FORCE_X, measure.FORCE_Y, measure.FORCE_Z):
            beyond = (axis > force) | (axis < -force)
            condition = beyond if condition is None else condition | beyond
        return condition

    @contextlib.contextmanager
    def _linked(self) -> Iterator[None]:
        """Turns the library's exceptions into faults."""
        franky = self._franky
        if self._robot is None:
            raise RobotFaultError("link_lost", f"the connection to {self.host} is closed")
        try:
            yield
        except franky.NetworkException as error:
            self._kind, self._abandoned = None, True
            raise RobotFaultError("link_lost", f"the link to {self.host} has gone: {_one_line(error)}; connect anew") from error
        except franky.ControlException as error:
            self._kind = None
            raise RobotFaultError(_fault_of(str(error)), f"the robot has ended the motion: {_one_line(error)}") from error
        except franky.CommandException as error:
            self._kind = None
            raise RobotFaultError(_fault_of(str(error), "rejected"), f"the robot has refused: {_one_line(error)}") from error
        except (franky.ProtocolException, franky.InvalidOperationException) as error:
            self._kind = None
            raise RobotFaultError("library", f"the client library failed: {_one_line(error)}") from error
        except RuntimeError as error:
            # What the library's own network layer throws comes as it is.
            lost = "net" in str(error).lower().split()
            self._kind, self._abandoned = None, self._abandoned or lost
            fault, what = ("link_lost", f"the link to {self.host} has gone") if lost else ("library", "the client library failed")
            raise RobotFaultError(fault, f"{what}: {_one_line(error)}; connect anew") from error


class _HandMotion:
    def __init__(self, franky: Any, future: Any) -> None:
        self._franky, self._future = franky, future

    def wait(self, seconds: float) -> bool:
        return bool(self._future.wait(seconds))

    def get(self) -> bool:
        try:
            return bool(self._future.get())
        except self._franky.CommandException:
            # That is how the library tells of a motion that was stopped.
            return False


def _names(errors: Any) -> tuple[str, ...]:
    """The library prints its flags as a JSON list of names."""
    try:
        return tuple(json.loads(str(errors)))
    except ValueError:
        return (str(errors),)


def _fault_of(text: str, otherwise: str = "aborted") -> str:
    lowered = text.lower()
    if "user stop" in lowered or "emergency" in lowered:
        return "user_stop"
    if "communication_constraints" in lowered:
        return "communication"
    if "reflex" in lowered:
        return "reflex"
    if "preempted" in lowered:
        return "stopped"
    return otherwise


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _vector(value: Any) -> FloatArray:
    """A wrench or twist of the library as six numbers."""
    if hasattr(value, "vector_repr"):
        value = value.vector_repr
    return np.array(value, dtype=np.float64).reshape(-1)
