"""The only way to the arm: states of arming, the watchdog, and the one stop (rules S1, S2, S8, S9, S10, S11).

Whatever moves is a `Verdict` of the filter. The guard looks once more whether it may be carried out, does it, and watches over it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from types import FrameType
from typing import Any, Literal

import numpy as np

from hamster_bench.envs.franka import kinematics
from hamster_bench.envs.franka.arm_client import ArmClient, ArmState
from hamster_bench.envs.franka.errors import FrankaError, NotArmedError, RobotFaultError
from hamster_bench.envs.franka.log import EventLog
from hamster_bench.envs.franka.operator import Operator
from hamster_bench.envs.franka.safety.config import RATE_CAP
from hamster_bench.envs.franka.safety.filter import SafetyFilter, Segment, Verdict
from hamster_bench.envs.franka.safety.rules import ALL_RULES, ActiveRules
from hamster_bench.geometry import rotation_angle

RunMode = Literal["dry_run", "step", "live"]
RUN_MODES: tuple[RunMode, ...] = ("dry_run", "step", "live")

ARM_WORD = "arm"
_RECOVER_WORD = "recover"
_STEP_WORD = "go"
# How often a running motion and the watchdog look around [s].
_LOOK = 0.01
# A motion has reached its goal within this [m], [rad].
_REACHED, _REACHED_ANGLE = 2e-3, 1e-2
# A robot whose clock stands still for this long [s] while it moves has gone.
_LINK_TIMEOUT = 1.0
# States are kept for this long [s].
_KEPT = 1.0
# The fingers take 16 s at the lowest speed that a configuration may name.
_HAND_TIMEOUT = 20.0
# A path that begins further than this [rad] from where the arm is has been checked for another arm.
_START_TOLERANCE = 0.02


class GuardState(StrEnum):
    """Where the guard stands."""

    DISCONNECTED = "disconnected"
    CONNECTED = "connected"
    ARMED = "armed"
    MOVING = "moving"
    FAULTED = "faulted"
    STOPPED = "stopped"


class Guard:
    """Stands between everything else and one arm.

    Args:
        client: the arm.
        safety: the filter.
        mode: ``"dry_run"``, ``"step"`` (asks before every action) or ``"live"``.
        operator: the person; without one nothing is ever armed.
        log: takes every event.
        states: takes the arm's state, about a hundred times a second while it is armed.
        rules: which rules are in force; all but in tests.

    Attributes:
        client: the arm.
        safety: the filter.
        mode: how it runs.
        state: where it stands.
        fault: short cause of the last stop or fault, or None.
    """

    def __init__(
        self,
        client: ArmClient,
        safety: SafetyFilter,
        *,
        mode: RunMode,
        operator: Operator | None,
        log: EventLog,
        states: EventLog | None = None,
        rules: ActiveRules = ALL_RULES,
    ) -> None:
        self.client = client
        self.safety = safety
        self.mode: RunMode = mode
        self.operator = operator
        self.log = log
        self.states = states
        self.state = GuardState.CONNECTED
        self.fault: str | None = None
        self._rules = rules
        self._recoveries = 0
        self._payload = 0.0
        self._steps = -1
        self._hand_motion: Any = None
        self._clock = (0.0, 0.0)
        self._goal: Segment | None = None
        self._heartbeat = time.monotonic()
        self._deadline = safety.config.keypose_deadline
        self._lock = threading.RLock()
        self._states: deque[ArmState] = deque()
        self._closed = threading.Event()
        self._signals: dict[int, Any] = {}
        config = safety.config
        client.set_limits(safety.limits)
        if "S6" in rules:
            client.set_thresholds(config.torque_threshold, config.force_threshold)
        self._watch = threading.Thread(target=self._watch_over, name="franka-watchdog", daemon=True)
        self._watch.start()

    @property
    def dry(self) -> bool:
        """Whether motions are thought of only."""
        return self.mode == "dry_run" and "S2" in self._rules

    @property
    def armed(self) -> bool:
        """Whether the arm may move."""
        return self.state in (GuardState.ARMED, GuardState.MOVING)

    def read(self) -> ArmState:
        """The arm now; a fault it reports is noticed here.

        Raises:
            RobotFaultError: the link has gone; the guard is faulted then.
        """
        try:
            before = time.monotonic()
            state = self.client.state()
        except RobotFaultError as error:
            self.enter_fault(error.fault, str(error))
            raise
        if "S8" in self._rules and self.armed and state.received - before > self.safety.config.state_age:
            self.stop("stale_state", f"the arm's state took {state.received - before:.3f} s")
        self._check_link(state)
        self._keep(state)
        if "S10" in self._rules:
            self._look_for_faults(state)
        return state

    def _check_link(self, state: ArmState) -> None:
        """In the middle of a motion the library goes on giving the last state when no new one comes.

        Raises:
            RobotFaultError: the robot's clock has stood still for too long.
        """
        if state.time != self._clock[0] or self.client.moving is None:
            self._clock = (state.time, state.received)
        elif state.received - self._clock[1] > _LINK_TIMEOUT:
            message = f"no new state for {state.received - self._clock[1]:.1f} s; look at robot and cable, then connect anew"
            self.enter_fault("link_lost", message)
            raise RobotFaultError("link_lost", message)

    def begin_episode(self) -> None:
        """A new episode may recover from a reflex again, and counts its steps anew."""
        self._recoveries, self._steps = 0, -1

    def arm(self) -> None:
        """Asks the operator and arms.

        Raises:
            NotArmedError: there is no operator, or none that agrees; or the robot is not ready.
        """
        if self.dry:
            return
        state = self.read()
        if "S10" in self._rules and (state.mode != "idle" or state.errors):
            said = f"mode {state.mode}{', errors ' + ', '.join(state.errors) if state.errors else ''}"
            raise NotArmedError(f"the robot is not ready to be armed: {said}; recover first")
        if "S1" in self._rules:
            if self.operator is None:
                raise NotArmedError(
                    "nobody can arm the robot: give an operator, who is asked and answers; there is no default that agrees"
                )
            question = f"Arm the robot at {self.client.host}? It will move. Is everybody clear and the user stop at hand?"
            if not self.operator.confirm(question, ARM_WORD):
                raise NotArmedError("the operator has not agreed to arm the robot")
            if self.safety.config.rate_fraction > RATE_CAP and "S5" in self._rules:
                share = 100.0 * self.safety.config.rate_fraction
                if not self.operator.confirm(
                    f"The rates are set to {share:.0f} % of what the arm can do. Really?", f"{share:.0f}"
                ):
                    raise NotArmedError(f"the operator has not agreed to {share:.0f} % of the arm's rates")
        self._catch_signals()
        self.fault = None
        self.beat(self.safety.config.keypose_deadline)
        self.state = GuardState.ARMED
        self.log.note("armed", config=self.safety.config.digest)

    def disarm(self, reason: str) -> None:
        """Takes the right to move back; a motion that runs is stopped."""
        if self.client.moving is not None:
            self.client.stop()
        if self.armed or self.state is GuardState.STOPPED:
            self.state = GuardState.CONNECTED
            self.log.note("disarmed", reason=reason)
        self._release_signals()

    def recover(self) -> None:
        """Recovers from a fault after the operator has agreed; a user stop has to be released first.

        Raises:
            NotArmedError: the operator has not agreed.
            RobotFaultError: the robot does not recover.
        """
        state = self.client.state()
        if state.mode == "user_stopped" and "S10" in self._rules:
            raise RobotFaultError("user_stop", "the user stop is pressed; release it, and look why it was pressed")
        if state.mode == "idle" and not state.errors:
            self.state = GuardState.CONNECTED
            return
        if self.dry:
            raise RobotFaultError("reflex", f"the robot is in mode {state.mode}; recover it by hand, a dry run does not")
        if self.operator is None or not self.operator.confirm(
            f"The robot stopped ({self.fault or state.mode}). Recover?", _RECOVER_WORD
        ):
            raise NotArmedError("the operator has not agreed to recover the robot")
        self._recover()

    def beat(self, deadline: float | None = None) -> None:
        """A sign of life from whoever decides; the next is due within the deadline [s]."""
        self._heartbeat = time.monotonic()
        if deadline is not None:
            self._deadline = deadline

    def count_step(self, number: int) -> None:
        """Takes the number of a step; they count up within an episode.

        Raises:
            FrankaError: this one does not.
        """
        if "S7" in self._rules and number != self._steps + 1:
            raise FrankaError(f"step {number} follows step {self._steps}; the steps of an episode count up by one")
        self._steps = number

    def carry_out(self, verdict: Verdict) -> str | None:
        """Makes the motions of an accepted command, one after the other, and waits for their end.

        Returns:
            None, or why it did not come to the end: ``"contact"``, ``"operator"`` or the fault.

        Raises:
            NotArmedError: the arm is not armed.
        """
        if not self._may_move(verdict):
            return None if self.dry else "operator"
        for segment in verdict.segments:
            ending = self._carry_out_one(segment)
            if ending is not None:
                return ending
        return None

    def stream(self, verdict: Verdict) -> str | None:
        """Starts the motion of an accepted command, or bends the one that runs, and does not wait.

        Returns:
            None, or why nothing was started.

        Raises:
            NotArmedError: the arm is not armed.
        """
        if not self._may_move(verdict):
            return None if self.dry else "operator"
        if self.client.moving is not None and self._goal is not None and self._ended():
            self.state = GuardState.ARMED
            if self._stopped_short():
                return "contact"
        for segment in verdict.segments:
            if self.client.moving not in (None, segment.kind):
                self._settle()
            self._start(segment)
        return None

    def settle(self) -> str | None:
        """Waits for the end of a streamed motion; None or why it was ended."""
        return self._settle()

    def move_hand(self, width: float) -> None:
        """Opens or closes the fingers to a width [m] without holding anything."""
        if self._may_use_hand():
            self._wait_for_hand(self.client.start_hand(width, self.safety.config.gripper_speed))

    def grasp(self, object_mass: float | None = None) -> bool:
        """Closes the fingers on whatever is between them; whether they hold something.

        Args:
            object_mass: of what will be held [kg], where it is known.
        """
        config = self.safety.config
        force = config.gripper_force
        if object_mass is not None and object_mass > config.heavy_object and "S6" in self._rules and not self.dry:
            self._set_payload(object_mass)
        verdict = self.safety.grasp(force, object_mass, self._payload)
        if verdict.refusal is not None:
            self.log.note("refused", rule=verdict.refusal.rule, message=verdict.refusal.message)
            return False
        if not self._may_use_hand():
            return False
        self.log.note("grasp", force=force)
        return self._wait_for_hand(self.client.start_grasp(config.gripper_speed, force))

    def release(self, width: float) -> None:
        """Opens the fingers to a width [m]; what was held is no payload any more."""
        self.move_hand(width)
        if self._payload and not self.dry and self.armed:
            self._set_payload(0.0)

    def start_hand(self, wants_open: bool, width: float, object_mass: float | None = None) -> None:
        """Starts opening the fingers to a width [m], or closing them on whatever is between them, and waits for nothing."""
        config = self.safety.config
        verdict = self.safety.grasp(config.gripper_force, object_mass, self._payload)
        if verdict.refusal is not None and not wants_open:
            self.log.note("refused", rule=verdict.refusal.rule, message=verdict.refusal.message)
            return
        if not self._may_use_hand():
            return
        if wants_open:
            self._hand_motion = self.client.start_hand(width, config.gripper_speed)
        else:
            self.log.note("grasp", force=config.gripper_force)
            self._hand_motion = self.client.start_grasp(config.gripper_speed, config.gripper_force)

    def stop(self, reason: str, message: str = "") -> None:
        """The one stop: a gentle stop, after a second a hard one, then disarmed. From any thread; it raises nothing."""
        with self._lock:
            if self.state in (GuardState.DISCONNECTED, GuardState.FAULTED):
                return
            was_armed = self.armed
            if was_armed or self.client.moving is not None:
                self.state = GuardState.STOPPED
                self.fault = reason
            try:
                if self.client.moving is not None:
                    self.client.stop()
                if was_armed and self.safety.config.release_on_stop:
                    self.client.start_hand(0.08, self.safety.config.gripper_speed)
            except FrankaError as error:
                message = f"{message} {error}".strip()
            if was_armed:
                self.log.note("stop", reason=reason, message=message, states=self._last_second())
            self._release_signals()

    def enter_fault(self, fault: str, message: str) -> None:
        """The robot has stopped by itself."""
        with self._lock:
            if self.state is GuardState.FAULTED and self.fault == fault:
                return
            self.state, self.fault = GuardState.FAULTED, fault
            self.log.note("fault", fault=fault, message=message, states=self._last_second())
            self._release_signals()

    @contextlib.contextmanager
    def stopping(self, what: str) -> Iterator[None]:
        """Whatever is raised inside stops the arm on its way out."""
        try:
            yield
        except BaseException as error:
            if "S9" in self._rules:
                self.stop(
                    "interrupted" if isinstance(error, KeyboardInterrupt | SystemExit) else "exception", f"{what}: {error!r}"
                )
            raise

    def close(self) -> None:
        """Stops, disarms and lets go of the robot; may be called twice."""
        if self.state is GuardState.DISCONNECTED:
            return
        self._closed.set()
        if "S9" in self._rules:
            self.stop("close")
        self._watch.join(2.0)
        self._release_signals()
        lost = self.fault == "link_lost"
        self.state = GuardState.DISCONNECTED
        self.client.close(lost=lost)

    def _may_move(self, verdict: Verdict) -> bool:
        """Whether an accepted command is to be carried out.

        Raises:
            FrankaError: the command was refused by the filter, or was checked for an arm that stands elsewhere.
            NotArmedError: the arm is not armed.
        """
        if verdict.refusal is not None:
            raise FrankaError(f"a refused command must not be carried out ({verdict.refusal.message})")
        if self.dry:
            self.log.note("dry_run", segments=[(s.kind, s.pose, s.factor) for s in verdict.segments])
            return False
        if "S1" in self._rules and not self.armed:
            raise NotArmedError(
                f"the arm is {self.state.value}{f' ({self.fault})' if self.fault else ''}, not armed; reset arms it after the operator has "
                "agreed"
            )
        if self.mode == "step" and "S2" in self._rules:
            listed = "; ".join(f"{s.kind} to {np.round(s.pose[:3], 3).tolist()}" for s in verdict.segments)
            if self.operator is None or not self.operator.confirm(f"Next: {listed or 'nothing'}. Go?", _STEP_WORD):
                self.log.note("operator_refused", segments=listed)
                return False
            self.beat()
        return True

    def _may_use_hand(self) -> bool:
        if self.dry:
            self.log.note("dry_run", hand=True)
            return False
        if "S1" in self._rules and not self.armed:
            raise NotArmedError(f"the arm is {self.state.value}, not armed; the hand does not move either")
        return True

    def _start(self, segment: Segment) -> None:
        config = self.safety.config
        reaction = config.reaction_force if "S6" in self._rules else None
        with self._lock:
            if "S1" in self._rules and not self.armed:
                raise NotArmedError(f"the arm was {self.state.value} ({self.fault}) before the motion began")
            try:
                if segment.kind == "line":
                    self.client.start_line(segment.pose, float(segment.joints[2]), segment.factor, reaction)
                else:
                    self.client.start_joints(segment.joints, segment.factor, reaction)
            except RobotFaultError as error:
                self.enter_fault(error.fault, str(error))
                raise
            self.state, self._goal = GuardState.MOVING, segment

    def _carry_out_one(self, segment: Segment) -> str | None:
        if self.client.moving is not None:
            self._settle()
        try:
            here = self.client.state().commanded_joints
        except RobotFaultError as error:
            return self._after_fault(error)
        if float(np.abs(here - segment.path[0]).max()) > _START_TOLERANCE:
            raise FrankaError("the arm does not stand where the motion was checked from; read its state anew")
        self._start(segment)
        return self._settle()

    def _settle(self) -> str | None:
        """Waits for the end of the running motion; None or why it was ended."""
        began: float | None = None
        try:
            while self.client.moving is not None and not self.client.join(_LOOK):
                # A motion under way is a decision being carried out.
                self.beat()
                if self.state is GuardState.STOPPED:
                    break
                state = self.client.state()
                self._check_link(state)
                # By the robot's clock, which a simulated one that waits for its client may stretch; one that stands still is a lost link.
                began = state.time if began is None else began
                if "S8" in self._rules and state.time - began > self.safety.config.motion_timeout:
                    self.stop("motion_timeout", f"a motion took longer than {self.safety.config.motion_timeout:g} s")
        except RobotFaultError as error:
            # The one stop ends motions from outside, which the library reports as an error of the motion.
            if self.state is not GuardState.STOPPED:
                return self._after_fault(error)
        if self.state is GuardState.STOPPED:
            # The stop may come from the watchdog; it has ended when the arm is at rest.
            with self._lock:
                return self.fault
        self.state = GuardState.ARMED if self.armed else self.state
        self.beat()
        return "contact" if self._stopped_short() else None

    def _ended(self) -> bool:
        """Whether the running motion has come to its end by now.

        Raises:
            RobotFaultError: the robot has ended it.
        """
        try:
            return self.client.join(0.0)
        except RobotFaultError as error:
            self._goal = None
            self.enter_fault(error.fault, str(error))
            raise

    def _stopped_short(self) -> bool:
        """Whether the motion that has ended did not reach its goal: only the gentle stop at a contact ends motions so."""
        goal, self._goal = self._goal, None
        if goal is None:
            return False
        here = kinematics.tip_pose(self.client.state().commanded_joints)
        far = float(np.linalg.norm(here[:3] - goal.pose[:3])) > _REACHED
        return far or rotation_angle(here[3:], goal.pose[3:]) > _REACHED_ANGLE

    def _after_fault(self, error: RobotFaultError) -> str:
        """Recovers from a reflex where the configuration allows it, once an episode; otherwise the guard is faulted."""
        config = self.safety.config
        allowed = config.automatic_recovery and self._recoveries == 0
        if "S10" not in self._rules:
            allowed = True
        if error.fault == "reflex" and allowed:
            self._recoveries += 1
            self.log.note("reflex", message=str(error), states=self._last_second())
            with contextlib.suppress(RobotFaultError):
                self.client.recover()
                self.state = GuardState.ARMED
                self.log.note("recovered", automatic=True)
                return "contact"
        self.enter_fault(error.fault, str(error))
        return error.fault

    def _recover(self) -> None:
        self.client.recover()
        self.state, self.fault = GuardState.CONNECTED, None
        self.log.note("recovered", automatic=False)

    def _look_for_faults(self, state: ArmState) -> None:
        if state.mode == "user_stopped":
            self.enter_fault("user_stop", "the user stop is pressed")
        elif state.mode == "reflex" or state.errors:
            self.enter_fault("reflex", f"errors: {', '.join(state.errors) or 'none named'}")

    def _set_payload(self, mass: float) -> None:
        self.client.set_load(mass)
        self._payload = mass
        self.log.note("payload", mass=mass)

    def _wait_for_hand(self, motion: Any) -> bool:
        deadline = time.monotonic() + _HAND_TIMEOUT
        while not motion.wait(_LOOK):
            self.beat()
            if time.monotonic() > deadline or self.state is GuardState.STOPPED:
                self.client.stop_hand()
                break
        succeeded = bool(motion.get())
        self.log.note("hand", succeeded=succeeded)
        self.beat()
        return succeeded

    def _watch_over(self) -> None:
        """The watchdog: a heartbeat that stays away stops the arm."""
        while not self._closed.wait(_LOOK):
            if not self.armed:
                continue
            self._record_state()
            if (
                "S9" in self._rules
                and self.state is GuardState.MOVING
                and self.operator is not None
                and self.operator.wants_stop()
            ):
                self.stop("operator", "the operator has asked to stop")
            if "S8" in self._rules and time.monotonic() - self._heartbeat > self._deadline:
                self.stop("watchdog", f"no new action within {self._deadline:g} s")

    def _record_state(self) -> None:
        """Keeps the arm's state, about a hundred times a second while it is armed."""
        try:
            state = self.client.state()
        except RobotFaultError as error:
            if not self._closed.is_set():
                self.enter_fault(error.fault, str(error))
            return
        self._keep(state)
        if self.states is not None:
            self.states.note(
                "state",
                robot_time=state.time,
                joints=state.joints,
                joint_velocities=state.joint_velocities,
                external_torques=state.external_torques,
                wrench=state.wrench,
                mode=state.mode,
                errors=state.errors,
                success_rate=state.success_rate,
            )

    def _keep(self, state: ArmState) -> None:
        self._states.append(state)
        while self._states and state.received - self._states[0].received > _KEPT:
            self._states.popleft()

    def _last_second(self) -> list[dict[str, Any]]:
        return [
            {"time": s.time, "joints": s.joints, "wrench": s.wrench, "mode": s.mode, "errors": s.errors}
            for s in list(self._states)
        ]

    def _catch_signals(self) -> None:
        """Ctrl-C and SIGTERM stop the arm before anything else follows from them."""
        if self._signals or threading.current_thread() is not threading.main_thread() or "S9" not in self._rules:
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            self._signals[number] = signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        before = self._signals.get(number)
        self.stop("signal", signal.Signals(number).name)
        if callable(before):
            before(number, frame)
        elif number == signal.SIGTERM:
            raise SystemExit(128 + number)

    def _release_signals(self) -> None:
        if not self._signals or threading.current_thread() is not threading.main_thread():
            return
        signals, self._signals = self._signals, {}
        for number, before in signals.items():
            signal.signal(number, before)
