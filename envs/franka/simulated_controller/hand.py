"""The Franka Hand's service: width, speed, what stands between the fingers, and when a grasp counts."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hamster_bench.envs.franka.simulated_controller import wire
from hamster_bench.envs.franka.simulated_controller.service import Message
from hamster_bench.envs.franka.simulated_controller.wire import HandCommand, HandStatus

MAX_WIDTH = 0.08
# Time of one tick of the hand [s].
TICK = 0.01
_HOMING_SPEED = 0.05
_AT_GOAL = 1e-9
# A Move that an object stops further than this from its goal [m] is no success.
_MOVE_TOLERANCE = 1e-3
_TEMPERATURE = 25
_ANSWER = struct.Struct("<H")


class BetweenFingers(Protocol):
    """The world as the hand meets it."""

    def object_width(self) -> float | None:
        """Width [m] at which closing fingers meet something, or None where there is nothing."""
        ...

    def closed_on_object(self) -> None:
        """The fingers have closed on it."""
        ...

    def opened(self) -> None:
        """The fingers have begun to open."""
        ...


@dataclass
class FixedObject:
    """An object of a given width that is always between the fingers, or nothing."""

    width: float | None = None

    def object_width(self) -> float | None:
        """The width."""
        return self.width

    def closed_on_object(self) -> None:
        """Nothing follows."""

    def opened(self) -> None:
        """Nothing follows."""


@dataclass
class _Goal:
    message: Message
    width: float
    speed: float
    stop_at: float | None = None
    tolerance: tuple[float, float] | None = None
    homing: bool = False


class HandController:
    """One hand.

    Args:
        world: what may stand between the fingers.
        reply: sends the answer to a request.
        send: sends a state.
        set_peer: told the port of a client that has connected.

    Attributes:
        width: between the fingers [m].
        is_grasped: whether something is held.
        requests: how often each request came.
    """

    def __init__(
        self,
        world: BetweenFingers,
        reply: Callable[[int, int, bytes], None],
        send: Callable[[bytes], None],
        set_peer: Callable[[int], None],
    ) -> None:
        self.width = MAX_WIDTH
        self.is_grasped = False
        self.requests: Counter[str] = Counter()
        self.world = world
        self.forces: list[float] = []
        self._reply, self._send, self._set_peer = reply, send, set_peer
        self._goal: _Goal | None = None
        self._message_id = 1

    @property
    def moving(self) -> bool:
        """Whether the fingers are on their way."""
        return self._goal is not None

    def handle(self, message: Message) -> None:
        """Answers a request, or begins the motion at whose end it is answered."""
        try:
            command = HandCommand(message.command)
        except ValueError:
            self.requests["unknown"] += 1
            return
        self.requests[command.name] += 1
        if command is HandCommand.CONNECT:
            protocol, port = wire.CONNECT.unpack_from(message.payload)
            fits = protocol == wire.HAND_PROTOCOL
            self._reply(message.command, message.request, struct.pack("<HH", 0 if fits else 1, wire.HAND_PROTOCOL))
            if fits:
                self._set_peer(port)
        elif command is HandCommand.STOP:
            self._abort()
            self._answer(message, HandStatus.SUCCESS)
        else:
            self._abort()
            self._begin(command, message)

    def client_has_gone(self) -> None:
        """A client that has left takes its motion with it."""
        self._goal = None

    def tick(self) -> None:
        """Ten milliseconds of the hand's time."""
        if self._goal is not None:
            self._move(self._goal)
        self._message_id += round(TICK * 1000)
        self._send(wire.HAND_STATE.pack(self._message_id, self.width, MAX_WIDTH, self.is_grasped, _TEMPERATURE))

    def _begin(self, command: HandCommand, message: Message) -> None:
        if command is HandCommand.HOMING:
            goal = _Goal(message, MAX_WIDTH, _HOMING_SPEED, homing=True)
        elif command is HandCommand.GRASP:
            width, inner, outer, speed, force = wire.GRASP.unpack(message.payload)
            self.forces.append(force)
            goal = _Goal(message, width, speed, tolerance=(inner, outer))
        else:
            width, speed = wire.HAND_MOVE.unpack(message.payload)
            goal = _Goal(message, width, speed)
        if not (0.0 <= goal.width <= MAX_WIDTH and goal.speed > 0.0):
            self._answer(message, HandStatus.FAILED)
            return
        if goal.width < self.width:
            object_width = self.world.object_width()
            if object_width is not None and goal.width < object_width <= self.width:
                goal.stop_at = object_width
        else:
            self.is_grasped = False
            self.world.opened()
        self._goal = goal

    def _move(self, goal: _Goal) -> None:
        end = goal.width if goal.stop_at is None else goal.stop_at
        step = goal.speed * TICK
        self.width = max(self.width - step, end) if end < self.width else min(self.width + step, end)
        if abs(self.width - end) > _AT_GOAL:
            return
        self.width, self._goal = end, None
        if goal.stop_at is not None:
            self.world.closed_on_object()
        if goal.tolerance is None:
            missed = abs(self.width - goal.width) > _MOVE_TOLERANCE
            self._answer(goal.message, HandStatus.UNSUCCESSFUL if missed else HandStatus.SUCCESS)
            return
        inner, outer = goal.tolerance
        self.is_grasped = goal.stop_at is not None and goal.width - inner <= self.width <= goal.width + outer
        self._answer(goal.message, HandStatus.SUCCESS if self.is_grasped else HandStatus.UNSUCCESSFUL)

    def _abort(self) -> None:
        if self._goal is not None:
            goal, self._goal = self._goal, None
            self._answer(goal.message, HandStatus.ABORTED)

    def _answer(self, message: Message, status: HandStatus) -> None:
        self._reply(message.command, message.request, _ANSWER.pack(status))
