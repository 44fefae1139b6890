"""The robot service's state machine: one tick is a millisecond of robot time.

It knows neither sockets nor clocks. Requests come in by `ArmController.handle`, commands of a running motion by `ArmController.tick`; what
goes out passes through the two functions it is given. The steps of a motion are those of the maker's controller: started, states in the
new mode, one command for each state, *finished*, idle state, answer.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.franka.kinematics import T_FLANGE_HAND_END_EFFECTOR, T_FLANGE_TIP
from hamster_bench.envs.franka.models import ArmModel
from hamster_bench.envs.franka.simulated_controller import wire
from hamster_bench.envs.franka.simulated_controller.extremes import Extremes
from hamster_bench.envs.franka.simulated_controller.plant import MILLISECOND, Plant, end_effector, rotated, rotation_vector
from hamster_bench.envs.franka.simulated_controller.service import Message
from hamster_bench.envs.franka.simulated_controller.urdf import urdf
from hamster_bench.envs.franka.simulated_controller.wire import (
    ErrorFlag,
    Generator,
    MoveStatus,
    RecoveryStatus,
    RobotCommand,
    RobotMode,
)

FloatArray = NDArray[np.float64]

# How far the first command may lie from where the arm stands [rad], [m].
_START_JOINT = 1e-3
_START_CARTESIAN = 5e-3
# The state carries 32-bit reals and the client filters what it reads back, so that right commands carry noise of about 1e-7 rad: 0.15
# rad/s^2 in acceleration. Less tolerance than this fails right motions now and then.
_JOINT_ACCELERATION_TOLERANCE = 0.25
_TRANSLATION_ACCELERATION_TOLERANCE = 0.5
_ROTATION_ACCELERATION_TOLERANCE = 1.0
_SPEED_TOLERANCE = 1.001
# Largest change of torque in a tick [N m]: 1000 N m/s, and rounding.
_TORQUE_STEP = 1.01
# As many commands missing in a row break the motion off.
MOST_MISSING = 20

_OK = b"\0"


@dataclass
class _Motion:
    request: int
    controller: int
    generator: int
    start: int
    answered: bool = False
    missing: int = 0
    elbow: float = 0.0
    followed: bool = False


@dataclass
class _Guidance:
    """A person leads the arm from one place to another."""

    start: FloatArray
    end: FloatArray
    ticks: int
    done: int = 0


class ArmController:
    """One arm.

    Args:
        model: its limits.
        plant: what moves.
        reply: sends the answer to a request: command, number of the request, payload.
        send: sends a state.
        set_peer: told the port of a client that has connected.
        protocol: number that is told to clients; those of another number are refused.
        enforce_rates: whether velocities and accelerations are checked. Commands that come late look like jumps, so a controller that does
            not wait for its client leaves this out.

    Attributes:
        plant: what moves.
        message_id: milliseconds of robot time.
        errors: (41,) flags.
        mode: of the robot.
        wrench: (6,) external force and moment at the end effector, base frame [N], [N m].
        requests: how often each request came.
        moves: (controller, generator) of every motion that was started.
        extremes: the furthest that was commanded.
        thresholds: (52,) of the last SetCollisionBehavior, or None.
        reject_moves: how many Moves are still to be refused.
        needs_manual_recovery: answer recoveries with *manual recovery needed*.
    """

    def __init__(
        self,
        model: ArmModel,
        plant: Plant,
        reply: Callable[[int, int, bytes], None],
        send: Callable[[bytes], None],
        set_peer: Callable[[int], None],
        *,
        protocol: int = wire.PROTOCOL,
        enforce_rates: bool = True,
    ) -> None:
        self.plant = plant
        self.message_id = 1
        self.errors = np.zeros(wire.ERROR_COUNT, np.uint8)
        self.mode = RobotMode.IDLE
        self.wrench = np.zeros(6)
        self.requests: Counter[str] = Counter()
        self.moves: list[tuple[int, int]] = []
        self.extremes = Extremes()
        self.thresholds: FloatArray | None = None
        self.reject_moves = 0
        self.needs_manual_recovery = False
        self._model = model
        self._reply, self._send, self._set_peer = reply, send, set_peer
        self._protocol = protocol
        self._enforce_rates = enforce_rates
        self._reflex_reason = np.zeros(wire.ERROR_COUNT, np.uint8)
        self._motion: _Motion | None = None
        self._guidance: _Guidance | None = None
        # What position control holds: the last commanded joint angles with their derivatives.
        self._q_d, self._dq_d, self._ddq_d = plant.q.copy(), np.zeros(7), np.zeros(7)
        self._torque = np.zeros(7)
        # The commanded frame of Cartesian motions with its derivatives.
        self._frame_c, self._twist_c, self._twist_rate_c = np.eye(4), np.zeros(6), np.zeros(6)
        self._T_ee_k = np.eye(4)
        self._known: tuple[FloatArray, FloatArray, FloatArray] | None = None
        self._set_end_effector(np.eye(4))
        self._load = (0.0, np.zeros(3), np.zeros(9))
        self._impedance: dict[str, list[float]] = {}
        self._state = np.zeros((), wire.STATE)
        self._sent_id = 0

    @property
    def moving(self) -> bool:
        """Whether a motion runs."""
        return self._motion is not None

    @property
    def waits_for(self) -> tuple[int, int] | None:
        """While a motion runs: the lowest message number a command may answer, and that of the state sent last."""
        return None if self._motion is None else (self._motion.start, self._sent_id)

    @property
    def has_been_answered(self) -> bool:
        """Whether the running motion has had its first command."""
        return self._motion is not None and self._motion.answered

    def handle(self, message: Message) -> None:
        """Answers a request."""
        try:
            command = RobotCommand(message.command)
        except ValueError:
            self.requests["unknown"] += 1
            return
        self.requests[command.name] += 1
        payload = message.payload
        if command is RobotCommand.CONNECT:
            protocol, port = wire.CONNECT.unpack_from(payload)
            fits = protocol == self._protocol
            self._answer(message, struct.pack("<BH", 0 if fits else 1, self._protocol))
            if fits:
                self._set_peer(port)
        elif command is RobotCommand.MOVE:
            self._begin(message)
        elif command is RobotCommand.STOP_MOVE:
            self._answer(message, _OK)
            self._end(MoveStatus.PREEMPTED)
        elif command is RobotCommand.AUTOMATIC_ERROR_RECOVERY:
            self._recover(message)
        elif command is RobotCommand.GET_ROBOT_MODEL:
            self._answer(message, _OK + urdf(self._model).encode())
        else:
            self._set(command, payload)
            self._answer(message, _OK)

    def client_has_gone(self) -> None:
        """The motion of a client that has left ends."""
        if self._motion is not None:
            self._motion = None
            self.mode = RobotMode.IDLE
        self._hold()

    def tick(self, command: Any | None = None) -> None:
        """A millisecond of robot time.

        Args:
            command: of the running motion, of type `wire.COMMAND`; None where none came.
        """
        motion = self._motion
        if motion is None:
            self._idle()
        elif command is not None:
            motion.answered, motion.missing = True, 0
            self._apply(motion, command)
        elif motion.answered:
            motion.missing += 1
            if motion.missing >= MOST_MISSING:
                self._fault(ErrorFlag.COMMUNICATION_CONSTRAINTS)
            else:
                self._apply(motion, None)
        self.message_id += 1
        self.send_state()

    def press_user_stop(self) -> None:
        """Somebody presses the user stop."""
        self.mode = RobotMode.USER_STOPPED
        self._guidance = None
        self._end(MoveStatus.EMERGENCY, RobotMode.USER_STOPPED)

    def release_user_stop(self) -> None:
        """Somebody releases the user stop."""
        if self.mode == RobotMode.USER_STOPPED:
            self.mode = RobotMode.IDLE

    def guide(self, joints: FloatArray, seconds: float) -> None:
        """A person takes the arm by hand and leads it to joint angles (7,) within this time."""
        self.mode = RobotMode.GUIDING
        self._guidance = _Guidance(self.plant.q.copy(), joints.copy(), max(1, round(seconds / MILLISECOND)))

    def place(self, joints: FloatArray) -> None:
        """Puts the arm at rest at joint angles (7,), without any motion."""
        self.plant.place(joints)
        self._hold()

    def reset(self) -> None:
        """As if it had just been switched on, where the arm stands; a client's motion is broken off."""
        self._end(MoveStatus.ABORTED)
        self.mode, self.errors[:], self._reflex_reason[:] = RobotMode.IDLE, 0, 0
        self._guidance = None
        self.wrench = np.zeros(6)
        self.reject_moves, self.needs_manual_recovery = 0, False
        self.thresholds, self._load = None, (0.0, np.zeros(3), np.zeros(9))
        self.requests.clear()
        self.moves.clear()
        self.extremes = Extremes()
        self._hold()

    def status(self) -> dict[str, Any]:
        """What tests and people ask of the controller, as values JSON can hold."""
        return {
            "message_id": self.message_id,
            "mode": self.mode.name.lower(),
            "errors": [_flag_name(i) for i in np.flatnonzero(self.errors).tolist()],
            "joint_positions": self.plant.q.tolist(),
            "joint_velocities": self.plant.dq.tolist(),
            "requests": dict(self.requests),
            "moves": [list(move) for move in self.moves],
            "extremes": self.extremes.report(),
            "thresholds": None if self.thresholds is None else self.thresholds.tolist(),
            "load": self._load[0],
            "impedance": self._impedance,
        }

    def _answer(self, message: Message, payload: bytes) -> None:
        self._reply(message.command, message.request, payload)

    def _set(self, command: RobotCommand, payload: bytes) -> None:
        values = np.frombuffer(payload, "<f8") if len(payload) % 8 == 0 else np.zeros(0)
        if command is RobotCommand.SET_COLLISION_BEHAVIOR:
            self.thresholds = values.copy()
        elif command is RobotCommand.SET_NE_TO_EE:
            self._set_end_effector(_matrix(values))
        elif command is RobotCommand.SET_EE_TO_K:
            self._T_ee_k = _matrix(values)
        elif command is RobotCommand.SET_LOAD:
            self._load = (float(values[0]), values[1:4].copy(), values[4:13].copy())
        elif command in (RobotCommand.SET_JOINT_IMPEDANCE, RobotCommand.SET_CARTESIAN_IMPEDANCE):
            self._impedance[command.name.lower()] = values.tolist()

    def _recover(self, message: Message) -> None:
        if self.mode == RobotMode.USER_STOPPED:
            status = RecoveryStatus.EMERGENCY
        elif self.needs_manual_recovery:
            status = RecoveryStatus.MANUAL_RECOVERY_NEEDED
        else:
            status = RecoveryStatus.OK
            self.errors[:] = 0
            self.mode = RobotMode.IDLE
            self._hold()
            # A clean state goes out before the answer, or the client's next read shows the old errors.
            self.message_id += 1
            self.send_state()
        self._answer(message, struct.pack("<B", status))

    def _begin(self, message: Message) -> None:
        controller, generator, *_ = wire.MOVE.unpack(message.payload)
        impossible = self.mode != RobotMode.IDLE or self._motion is not None
        if controller == wire.TORQUE_CONTROLLER and not self.plant.has_torque:
            impossible = True
        if self.reject_moves > 0:
            self.reject_moves -= 1
            impossible = True
        if impossible:
            self._answer(message, struct.pack("<B", MoveStatus.NOT_POSSIBLE))
            return
        self._answer(message, struct.pack("<B", MoveStatus.STARTED))
        self.moves.append((controller, generator))
        self._reflex_reason[:] = 0
        self._motion = _Motion(message.request, controller, generator, start=self.message_id + 1, elbow=float(self._q_d[2]))
        self._dq_d, self._ddq_d = np.zeros(7), np.zeros(7)
        self._frame_c = self._end_effector(self._q_d)[0]
        self._twist_c, self._twist_rate_c = np.zeros(6), np.zeros(6)
        self._torque = np.zeros(7)
        self.mode = RobotMode.MOVE

    def _end(self, status: MoveStatus, mode: RobotMode = RobotMode.IDLE) -> None:
        motion, self._motion = self._motion, None
        if motion is None:
            return
        self.mode = mode
        if motion.controller == wire.TORQUE_CONTROLLER:
            self._hold()
        self._dq_d, self._ddq_d = np.zeros(7), np.zeros(7)
        self.message_id += 1
        self.send_state()
        self._reply(RobotCommand.MOVE, motion.request, struct.pack("<B", status))

    def _fault(self, flag: ErrorFlag) -> None:
        self.errors[flag] = self._reflex_reason[flag] = 1
        if self._motion is None:
            self.mode = RobotMode.REFLEX
        self._end(MoveStatus.REFLEX, RobotMode.REFLEX)

    def _hold(self) -> None:
        self._q_d, self._dq_d, self._ddq_d = self.plant.q.copy(), np.zeros(7), np.zeros(7)
        self._torque = np.zeros(7)

    def _idle(self) -> None:
        if self._guidance is not None:
            self._guidance.done += 1
            share = self._guidance.done / self._guidance.ticks
            smooth = share * share * (3.0 - 2.0 * share)
            self.plant.place(self._guidance.start + smooth * (self._guidance.end - self._guidance.start))
            self._hold()
            if self._guidance.done >= self._guidance.ticks:
                self._guidance = None
                self.mode = RobotMode.IDLE
            return
        self.plant.track(self._q_d, np.zeros(7))

    def _apply(self, motion: _Motion, command: Any | None) -> None:
        if self._touches_too_hard():
            return
        if command is not None and (command["motion_generation_finished"] or command["torque_command_finished"]):
            self._end(MoveStatus.OK)
            return
        if motion.controller == wire.TORQUE_CONTROLLER:
            self._drive(command)
            return
        target = self._target(motion, command)
        if target is None:
            return
        speeds = (target - self._q_d) / MILLISECOND
        accelerations = (speeds - self._dq_d) / MILLISECOND
        flag = self._violation(motion, target, speeds, accelerations)
        if flag is not None:
            self._fault(flag)
            return
        motion.followed = True
        self._q_d, self._dq_d, self._ddq_d = target, speeds, accelerations
        self.plant.track(target, speeds)
        frame, J = self._end_effector(target)
        tip = frame @ self._T_ee_tip
        speed = float(np.linalg.norm((J @ speeds)[:3]))
        self.extremes.note(target, speeds, accelerations, tip, speed)

    def _set_end_effector(self, T_ne_ee: FloatArray) -> None:
        self._T_ne_ee = T_ne_ee
        self._T_flange_ee: FloatArray = T_FLANGE_HAND_END_EFFECTOR @ T_ne_ee
        self._T_ee_tip: FloatArray = np.linalg.inv(self._T_flange_ee) @ T_FLANGE_TIP
        self._known = None

    def _end_effector(self, joints: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Frame and Jacobian at joint angles (7,); those asked for last are kept, since a tick asks more than once."""
        if self._known is None or not np.array_equal(self._known[0], joints):
            self._known = (joints.copy(), *end_effector(joints, self._T_flange_ee))
        return self._known[1], self._known[2]

    def _touches_too_hard(self) -> bool:
        """Whether the external wrench is above the upper thresholds; that is a reflex."""
        if self.thresholds is None or not self.wrench.any():
            return False
        torques = self._end_effector(self.plant.q)[1].T @ self.wrench
        if (np.abs(self.wrench) > self.thresholds[46:52]).any():
            self._fault(ErrorFlag.CARTESIAN_REFLEX)
        elif (np.abs(torques) > self.thresholds[21:28]).any():
            self._fault(ErrorFlag.JOINT_REFLEX)
        else:
            return False
        return True

    def _drive(self, command: Any | None) -> None:
        if command is not None:
            torque = np.array(command["tau_J_d"])
            if self._enforce_rates and (np.abs(torque - self._torque) > _TORQUE_STEP).any():
                self._fault(ErrorFlag.TORQUE_DISCONTINUITY)
                return
            self._torque = torque
        before = self.plant.dq
        self.plant.drive(self._torque)
        self._q_d, self._dq_d, self._ddq_d = self.plant.q.copy(), self.plant.dq.copy(), (self.plant.dq - before) / MILLISECOND
        if (self.plant.q < self._model.joint_lower).any() or (self.plant.q > self._model.joint_upper).any():
            self._fault(ErrorFlag.JOINT_POSITION_LIMITS)

    def _target(self, motion: _Motion, command: Any | None) -> FloatArray | None:
        """Joint angles (7,) for the end of the tick, or None after a fault."""
        if command is None:
            # The arm goes on as it went.
            extrapolated: FloatArray = self._q_d + self._dq_d * MILLISECOND
            return extrapolated
        if motion.generator == Generator.JOINT_POSITION:
            target = np.array(command["q_c"])
            if not motion.followed and not np.abs(target - self._q_d).max() <= _START_JOINT:
                self._fault(ErrorFlag.JOINT_START_POSE_INVALID)
                return None
            return target
        if motion.generator == Generator.JOINT_VELOCITY:
            integrated: FloatArray = self._q_d + np.array(command["dq_c"]) * MILLISECOND
            return integrated
        return self._cartesian_target(motion, command)

    def _cartesian_target(self, motion: _Motion, command: Any) -> FloatArray | None:
        if motion.generator == Generator.CARTESIAN_POSE:
            frame = _matrix(np.array(command["O_T_EE_c"]))
            if not motion.followed and not np.abs(frame - self._frame_c).max() <= _START_CARTESIAN:
                self._fault(ErrorFlag.CARTESIAN_START_POSE_INVALID)
                return None
            turn = rotation_vector(frame[:3, :3] @ self._frame_c[:3, :3].T)
            twist = np.concatenate([frame[:3, 3] - self._frame_c[:3, 3], turn]) / MILLISECOND
        else:
            twist = np.array(command["O_dP_EE_c"])
            frame = self._frame_c.copy()
            frame[:3, 3] += twist[:3] * MILLISECOND
            frame[:3, :3] = rotated(frame[:3, :3], twist[3:] * MILLISECOND)
        if command["valid_elbow"]:
            motion.elbow = float(command["elbow_c"][0])
        rate = (twist - self._twist_c) / MILLISECOND
        flag = self._cartesian_violation(twist, rate)
        if flag is not None:
            self._fault(flag)
            return None
        self._frame_c, self._twist_c, self._twist_rate_c = frame, twist, rate
        actual, J = self._end_effector(self._q_d)
        error = np.empty(7)
        error[:3] = frame[:3, 3] - actual[:3, 3]
        error[3:6] = rotation_vector(frame[:3, :3] @ actual[:3, :3].T)
        error[6] = motion.elbow - self._q_d[2]
        A = np.zeros((7, 7))
        A[:6], A[6, 2] = J, 1.0
        # Damped, so that a singular arm does not break the solver; the joint limits will tell.
        target: FloatArray = self._q_d + A.T @ np.linalg.solve(A @ A.T + 1e-8 * np.eye(7), error)
        return target

    def _cartesian_violation(self, twist: FloatArray, rate: FloatArray) -> ErrorFlag | None:
        if not self._enforce_rates:
            return None
        translation, rotation = self._model.translation, self._model.rotation
        if (
            np.linalg.norm(twist[:3]) > translation[0] * _SPEED_TOLERANCE
            or np.linalg.norm(twist[3:]) > rotation[0] * _SPEED_TOLERANCE
        ):
            return ErrorFlag.CARTESIAN_VELOCITY_LIMITS
        if (
            np.linalg.norm(rate[:3]) > translation[1] + _TRANSLATION_ACCELERATION_TOLERANCE
            or np.linalg.norm(rate[3:]) > rotation[1] + _ROTATION_ACCELERATION_TOLERANCE
        ):
            return ErrorFlag.CARTESIAN_VELOCITY_DISCONTINUITY
        return None

    def _violation(self, motion: _Motion, target: FloatArray, speeds: FloatArray, accelerations: FloatArray) -> ErrorFlag | None:
        cartesian = motion.generator >= Generator.CARTESIAN_POSE
        if not np.isfinite(target).all() or (target < self._model.joint_lower).any() or (target > self._model.joint_upper).any():
            return ErrorFlag.CARTESIAN_JOINT_POSITION_LIMITS if cartesian else ErrorFlag.JOINT_POSITION_LIMITS
        if not self._enforce_rates:
            return None
        if (np.abs(speeds) > self._model.joint_velocity * _SPEED_TOLERANCE).any():
            return ErrorFlag.CARTESIAN_JOINT_VELOCITY_LIMITS if cartesian else ErrorFlag.JOINT_VELOCITY_LIMITS
        if not cartesian and (np.abs(accelerations) > self._model.joint_acceleration + _JOINT_ACCELERATION_TOLERANCE).any():
            return ErrorFlag.JOINT_VELOCITY_DISCONTINUITY
        return None

    def send_state(self) -> None:
        """Sends the present state to the client."""
        state, motion = self._state, self._motion
        frame, J = self._end_effector(self.plant.q)
        cartesian = motion is not None and motion.generator in (Generator.CARTESIAN_POSE, Generator.CARTESIAN_VELOCITY)
        commanded = self._frame_c if cartesian else frame
        state["message_id"] = self.message_id
        state["O_T_EE"] = _column(frame)
        state["O_T_EE_d"] = state["O_T_EE_c"] = _column(commanded)
        state["F_T_EE"], state["EE_T_K"] = _column(self._T_flange_ee), _column(self._T_ee_k)
        state["F_T_NE"], state["NE_T_EE"] = _column(T_FLANGE_HAND_END_EFFECTOR), _column(self._T_ne_ee)
        # The Franka Hand's own.
        state["m_ee"], state["I_ee"], state["F_x_Cee"] = 0.73, _HAND_INERTIA, _HAND_CENTRE
        state["m_load"], state["F_x_Cload"], state["I_load"] = self._load
        elbow = (self._q_d[2], -1.0 if self._q_d[3] <= 0.0 else 1.0)
        state["elbow"] = state["elbow_d"] = state["elbow_c"] = elbow
        state["delbow_c"], state["ddelbow_c"] = (self._dq_d[2], 0.0), (self._ddq_d[2], 0.0)
        state["q"] = state["theta"] = self.plant.q
        state["dq"] = state["dtheta"] = self.plant.dq
        state["q_d"], state["dq_d"], state["ddq_d"] = self._q_d, self._dq_d, self._ddq_d
        state["tau_J"] = state["tau_J_d"] = self._torque
        state["O_ddP_O"] = (0.0, 0.0, -9.81)
        state["O_dP_EE_c"] = state["O_dP_EE_d"] = self._twist_c if cartesian else J @ self._dq_d
        state["O_ddP_EE_c"] = self._twist_rate_c if cartesian else 0.0
        state["O_F_ext_hat_K"] = self.wrench
        if self.wrench.any():
            state["tau_ext_hat_filtered"] = J.T @ self.wrench
            state["K_F_ext_hat_K"] = np.concatenate([frame[:3, :3].T @ self.wrench[:3], frame[:3, :3].T @ self.wrench[3:]])
        else:
            state["tau_ext_hat_filtered"] = state["K_F_ext_hat_K"] = 0.0
        state["errors"], state["reflex_reason"] = self.errors, self._reflex_reason
        state["robot_mode"] = self.mode
        if motion is None:
            state["motion_generator_mode"], state["controller_mode"] = 0, wire.IDLE_CONTROLLER
            state["control_command_success_rate"] = 0.0
        else:
            state["motion_generator_mode"], state["controller_mode"] = motion.generator + 1, motion.controller
            state["control_command_success_rate"] = 1.0 - motion.missing / MOST_MISSING
        self._sent_id = self.message_id
        self._send(state.tobytes())


_HAND_INERTIA = (0.001, 0.0, 0.0, 0.0, 0.0025, 0.0, 0.0, 0.0, 0.0017)
_HAND_CENTRE = (-0.01, 0.0, 0.03)


def _column(frame: FloatArray) -> FloatArray:
    return frame.T.reshape(16)


def _matrix(values: FloatArray) -> FloatArray:
    return values.reshape(4, 4).T.copy()


def _flag_name(index: int) -> str:
    try:
        return ErrorFlag(index).name.lower()
    except ValueError:
        return f"flag_{index}"
