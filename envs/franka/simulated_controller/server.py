"""The running controller: both services, the scene around the arm, and the channel on which faults are ordered.

One thread moves everything; another answers the control channel, whose orders are carried out between two ticks.
"""

from __future__ import annotations

import json
import queue
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from hamster_bench.envs.franka.models import ARM_MODELS
from hamster_bench.envs.franka.simulated_controller import wire
from hamster_bench.envs.franka.simulated_controller.arm import ArmController
from hamster_bench.envs.franka.simulated_controller.hand import MAX_WIDTH, FixedObject, HandController
from hamster_bench.envs.franka.simulated_controller.hand import TICK as HAND_TICK
from hamster_bench.envs.franka.simulated_controller.plant import MILLISECOND, DynamicPlant, KinematicPlant, Plant
from hamster_bench.envs.franka.simulated_controller.service import Service
from hamster_bench.errors import InvalidOptionError, UnknownNameError

Pacing = Literal["lock_step", "paced", "real_time"]
PACINGS: tuple[Pacing, ...] = get_args(Pacing)
PlantName = Literal["kinematic", "dynamic"]
PLANTS: tuple[PlantName, ...] = get_args(PlantName)

# The embedded engine's start angles; the observation contract's start pose belongs to them.
START_JOINTS = (0.0, 0.1752, 0.0, -0.8042, 0.0, 1.2216, 0.7854)

# In lock-step the client is waited for this long [s]; the real time it has is a millisecond. That is for a client that has stopped: one on
# a busy machine must not be taken for it.
_PATIENCE = 10.0
# A lock-step tick waits no longer than this [s] for a client that has not yet answered at all.
_BEFORE_FIRST_ANSWER = 1e-3
# A controller that has fallen further behind the clock than this [s] does not catch up.
_FURTHEST_BEHIND = 0.05
# The hand is looked after every so many ticks of a motion.
_HAND_EVERY = 10
_ORDER_TIMEOUT = 50.0
_LARGEST_ORDER = 1 << 20
FRAME_HEADER = struct.Struct("<I")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a simulated controller runs.

    Attributes:
        host: loopback address; robots side by side take 127.0.0.2, 127.0.0.3 and so on, since the ports are fixed.
        model: name of the arm.
        plant: ``"kinematic"``: the arm is where it is told to be; ``"dynamic"``: the Panda's dynamics, needed for torque control.
        pacing: ``"lock_step"``: a tick waits for the client and then goes on at once; ``"paced"``: the same, never faster than the clock;
            ``"real_time"``: a tick a millisecond, commands that come late are missing.
        realtime_priority: run before ordinary processes where the system allows it; in real time only, since the other pacings wait.
        protocol: number that clients are told.
        start: joint angles (7,) [rad].
        object_width: of something that is always between the fingers [m], where there is no scene.
        hand_speedup: how much faster the hand's time runs than the clock.
        task: name of a task whose scene stands around the arm, or None.
        scenario: text id of its layout; None for the first of the task.
        image_size: (height, width) [pixel] of the scene's cameras.
    """

    host: str = "127.0.0.2"
    model: str = "fr3"
    plant: PlantName = "kinematic"
    pacing: Pacing = "lock_step"
    realtime_priority: bool = False
    protocol: int = wire.PROTOCOL
    start: tuple[float, ...] = START_JOINTS
    object_width: float | None = None
    hand_speedup: float = 1.0
    task: str | None = None
    scenario: str | None = None
    image_size: tuple[int, int] = (480, 640)

    def __post_init__(self) -> None:
        if not self.host.startswith("127."):
            raise InvalidOptionError(f"a simulated controller listens on loopback only (127.x.y.z), got {self.host!r}")
        for kind, name, choices in (("pacing", self.pacing, PACINGS), ("plant", self.plant, PLANTS)):
            if name not in choices:
                raise UnknownNameError(kind, name, choices)
        if self.realtime_priority and self.pacing != "real_time":
            raise InvalidOptionError(f"realtime_priority goes with pacing 'real_time'; {self.pacing!r} waits for the client")
        if len(self.start) != 7:
            raise InvalidOptionError(f"start must be 7 joint angles [rad], got {self.start!r}")
        if self.hand_speedup <= 0.0:
            raise InvalidOptionError(f"hand_speedup must be above 0, got {self.hand_speedup!r}")


@dataclass
class _Faults:
    """Disturbances of the link that are still to come."""

    ignored_commands: int = 0
    frozen_until: float = 0.0


@dataclass
class _Order:
    name: str
    arguments: dict[str, Any]
    answer: Future[Any] = field(default_factory=Future)


class ControllerServer:
    """A controller that runs in the calling thread until it is told to stop.

    Args:
        settings: how it runs.

    Raises:
        OSError: the address is taken or does not exist.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        model = ARM_MODELS.get(settings.model)
        start = np.array(settings.start)
        plant: Plant = DynamicPlant(start, model) if settings.plant == "dynamic" else KinematicPlant(start)
        self._scene: Any = None
        if settings.task is not None:
            from hamster_bench.envs.franka.simulated_controller.scene import CellScene
            from hamster_bench.envs.franka.tasks import scene_task
            from hamster_bench.scenario import Scenario

            task = scene_task(settings.task)
            scenario = Scenario(task=task.name) if settings.scenario is None else Scenario.from_id(settings.scenario)
            self._scene = CellScene(task, scenario)
        self._robot = Service(settings.host, wire.ROBOT_PORT, wire.ROBOT_HEADER)
        try:
            self._fingers = Service(settings.host, wire.HAND_PORT, wire.HAND_HEADER)
        except OSError:
            self._robot.close()
            raise
        self._control = socket.create_server((settings.host, 0))
        self.arm = ArmController(
            model,
            plant,
            self._robot.reply,
            self._robot.send_state,
            self._robot.set_peer,
            protocol=settings.protocol,
            enforce_rates=settings.pacing != "real_time",
        )
        world = FixedObject(settings.object_width) if self._scene is None else self._scene
        self.hand = HandController(world, self._fingers.reply, self._fingers.send_state, self._fingers.set_peer)
        self._orders: deque[_Order] = deque()
        self._told: list[_Order] = []
        self._faults = _Faults()
        self._stopping = False
        self._hand_time = time.perf_counter()
        self._scene_ticks = 0
        self._drawing: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()

    @property
    def control_port(self) -> int:
        """Port of the control channel."""
        return int(self._control.getsockname()[1])

    def run(self) -> None:
        """Serves until `stop` is called or ordered."""
        helpers = [threading.Thread(target=self._answer_orders, daemon=True)]
        if self._scene is not None:
            helpers.append(threading.Thread(target=self._draw, daemon=True))
        for helper in helpers:
            helper.start()
        try:
            self._serve()
        finally:
            self._drawing.put(None)
            self._control.close()
            self._robot.close()
            self._fingers.close()

    def stop(self) -> None:
        """Ends `run` soon; may be called from another thread or a signal handler."""
        self._stopping = True

    def _serve(self) -> None:
        due = time.perf_counter()
        ticks = 0
        while not self._stopping:
            self._carry_out_orders()
            self._wait_out_freeze()
            self._handle_requests()
            command = self._wait_for_command(due) if self.arm.moving else None
            self.arm.tick(command)
            self._answer_told()
            ticks += 1
            if not self.arm.moving or ticks % _HAND_EVERY == 0:
                self._look_after_hand()
            self._step_scene()
            due = self._pause(due)

    def _pause(self, due: float) -> float:
        """Waits for the next tick and gives the time it is due."""
        now = time.perf_counter()
        if self.arm.moving and self.settings.pacing == "lock_step":
            return now
        due = max(due + MILLISECOND, now - _FURTHEST_BEHIND)
        while now < due and not self._stopping:
            if self.arm.moving:
                if self.settings.pacing == "paced":
                    time.sleep(due - now)
                # In real time the waiting is done for the command.
                return due
            ready, _, _ = select.select([*self._robot.requests_from(), *self._fingers.requests_from()], [], [], due - now)
            if ready:
                self._handle_requests()
                if self.arm.moving:
                    return time.perf_counter()
            now = time.perf_counter()
        return due

    def _handle_requests(self) -> None:
        for message in self._robot.poll():
            self.arm.handle(message)
        if self._robot.gone:
            self.arm.client_has_gone()

    def _look_after_hand(self) -> None:
        for message in self._fingers.poll():
            self.hand.handle(message)
        if self._fingers.gone:
            self.hand.client_has_gone()
        period = HAND_TICK / self.settings.hand_speedup
        now = time.perf_counter()
        if now - self._hand_time > 10 * period + _FURTHEST_BEHIND:
            self._hand_time = now - period
        while now - self._hand_time >= period:
            self._hand_time += period
            self.hand.tick()
            if self._scene is not None and self.hand.moving and self.settings.hand_speedup > 1.0:
                # The fingers must not run ahead of the objects they touch.
                self._scene_ticks += round(HAND_TICK / MILLISECOND)

    def _step_scene(self) -> None:
        if self._scene is None:
            return
        from hamster_bench.envs.franka.simulated_controller.scene import STEP

        self._scene_ticks += 1
        if self._scene_ticks * MILLISECOND >= STEP:
            self._scene_ticks = 0
            self._scene.follow(self.arm.plant.q, self.hand.width)

    def _wait_for_command(self, due: float) -> Any | None:
        """The newest command that answers the state sent last (lock-step), or that has come by the time the tick is due."""
        real_time = self.settings.pacing == "real_time"
        now = time.perf_counter()
        if real_time:
            deadline = due
        else:
            deadline = now + (_PATIENCE if self.arm.has_been_answered else _BEFORE_FIRST_ANSWER)
        newest = None
        while self.arm.waits_for is not None:
            lowest, sent = self.arm.waits_for
            newest = self._received(lowest) or newest
            if newest is not None and not real_time and newest["message_id"] >= sent:
                break
            now = time.perf_counter()
            if now >= deadline:
                break
            sockets = [self._robot.datagrams, *self._robot.requests_from()]
            ready, _, _ = select.select(sockets, [], [], deadline - now)
            if any(one is not self._robot.datagrams for one in ready):
                self._handle_requests()
        if newest is not None and self._faults.ignored_commands > 0:
            self._faults.ignored_commands -= 1
            return None
        return newest

    def _received(self, lowest: int) -> Any | None:
        newest = None
        while True:
            try:
                datagram = self._robot.datagrams.recv(2048)
            except (BlockingIOError, OSError):
                return newest
            if len(datagram) == wire.COMMAND.itemsize:
                command = np.frombuffer(datagram, wire.COMMAND)[0]
                # A command left over from the last motion must not end the next one.
                if command["message_id"] >= lowest:
                    newest = command

    def _wait_out_freeze(self) -> None:
        while not self._stopping and time.perf_counter() < self._faults.frozen_until:
            time.sleep(0.01)
            self._carry_out_orders()

    def _carry_out_orders(self) -> None:
        while self._orders:
            order = self._orders.popleft()
            try:
                answer = _ORDERS[order.name](self, **order.arguments)
            except Exception as error:
                order.answer.set_exception(error)
                continue
            if order.name in _TOLD:
                self._told.append(order)
            else:
                order.answer.set_result(answer)

    def _answer_told(self) -> None:
        """Answers orders that change the state, now that one which says so is on its way."""
        for order in self._told:
            order.answer.set_result(None)
        self._told.clear()

    def _order(self, name: str, arguments: dict[str, Any]) -> Any:
        if name not in _ORDERS:
            raise UnknownNameError("order", name, _ORDERS)
        order = _Order(name, arguments)
        self._orders.append(order)
        return order.answer.result(timeout=_ORDER_TIMEOUT)

    def _answer_orders(self) -> None:
        while True:
            try:
                connection, _ = self._control.accept()
            except OSError:
                return
            threading.Thread(target=self._answer_one, args=(connection,), daemon=True).start()

    def _answer_one(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                blobs: list[bytes] = []
                try:
                    asked = json.loads(line)
                    name = str(asked.pop("order"))
                    if name == "frame":
                        order = _Order(name, asked)
                        self._drawing.put(order)
                        answer, blobs = order.answer.result(timeout=_ORDER_TIMEOUT)
                    else:
                        answer = self._order(name, asked)
                    said = {"ok": True, "answer": answer, "sizes": [len(blob) for blob in blobs]}
                except Exception as error:
                    said = {"ok": False, "error": f"{type(error).__name__}: {error}"}
                try:
                    connection.sendall(json.dumps(said).encode() + b"\n" + b"".join(blobs))
                except OSError:
                    return

    def _draw(self) -> None:
        """Draws the scene's pictures; OpenGL belongs to the thread that made it."""
        from hamster_bench.envs.franka.simulated_controller.scene import SceneCamera

        height, width = self.settings.image_size
        camera: Any = None
        number = 0
        while (order := self._drawing.get()) is not None:
            try:
                camera = camera or SceneCamera(self._scene, height, width)
                name = str(order.arguments.get("camera", "front"))
                pose = self._scene.camera(name, height, width)
                kept = _Order("take", {"take": camera.take})
                self._orders.append(kept)
                stamp = kept.answer.result(timeout=_ORDER_TIMEOUT)
                frame = camera.draw(name)
                number += 1
                described = {
                    "number": number,
                    "stamp": stamp,
                    "height": height,
                    "width": width,
                    "intrinsics": pose.intrinsics.tolist(),
                    "T_world_camera": pose.T_world_camera.tolist(),
                }
                blobs = [frame.rgb.tobytes(), np.asarray(frame.depth, dtype="<f4").tobytes()]
                order.answer.set_result((described, blobs))
            except Exception as error:
                order.answer.set_exception(error)
        if camera is not None:
            camera.close()


def _status(server: ControllerServer) -> dict[str, Any]:
    scene = server._scene
    return server.arm.status() | {
        "width": server.hand.width,
        "is_grasped": server.hand.is_grasped,
        "hand_requests": dict(server.hand.requests),
        "grasp_forces": server.hand.forces,
        "is_success": None if scene is None else scene.success(),
    }


def _set_wrench(server: ControllerServer, wrench: list[float]) -> None:
    given = np.array(wrench, dtype=np.float64)
    if given.shape != (6,) or not np.isfinite(given).all():
        raise InvalidOptionError(f"a wrench is 6 numbers [N], [N m], got {wrench!r}")
    server.arm.wrench = given


def _object(server: ControllerServer, width: float | None) -> None:
    if not isinstance(server.hand.world, FixedObject):
        raise InvalidOptionError("the objects of a scene are in the scene; only a hand without one can be given an object")
    server.hand.world.width = width


def _reset_scene(server: ControllerServer, scenario: str) -> None:
    from hamster_bench.scenario import Scenario

    if server._scene is None:
        raise InvalidOptionError("there is no scene; start the controller with a task")
    server._scene.reset(Scenario.from_id(scenario))


def _pose(server: ControllerServer, body: str) -> list[float]:
    if server._scene is None:
        raise InvalidOptionError("there is no scene; start the controller with a task")
    pose: list[float] = server._scene.pose(body).tolist()
    return pose


def _ignore_commands(server: ControllerServer, count: int) -> None:
    server._faults.ignored_commands = count


def _freeze(server: ControllerServer, seconds: float) -> None:
    server._faults.frozen_until = time.perf_counter() + seconds


def _refuse(server: ControllerServer, refusing: bool) -> None:
    server._robot.refusing = refusing


def _close_connection(server: ControllerServer) -> None:
    server._robot.drop()
    server.arm.client_has_gone()


def _reject_moves(server: ControllerServer, count: int) -> None:
    server.arm.reject_moves = count


def _manual_recovery(server: ControllerServer, needed: bool) -> None:
    server.arm.needs_manual_recovery = needed


def _reset(server: ControllerServer) -> None:
    server.arm.reset()
    server.arm.place(np.array(server.settings.start))
    server._faults = _Faults()
    server._robot.refusing = False
    server.hand.requests.clear()
    server.hand.forces.clear()
    server.hand.width, server.hand.is_grasped = MAX_WIDTH, False
    if isinstance(server.hand.world, FixedObject):
        server.hand.world.width = server.settings.object_width


def _reset_extremes(server: ControllerServer) -> None:
    server.arm.extremes = type(server.arm.extremes)()


# Orders that states tell of: whoever has the answer to one reads no state from before it.
_TOLD = ("place", "reset", "guide", "push", "press_user_stop", "release_user_stop")

_ORDERS: dict[str, Callable[..., Any]] = {
    "status": _status,
    "push": _set_wrench,
    "press_user_stop": lambda server: server.arm.press_user_stop(),
    "release_user_stop": lambda server: server.arm.release_user_stop(),
    "guide": lambda server, joints, seconds: server.arm.guide(np.array(joints, dtype=np.float64), float(seconds)),
    "place": lambda server, joints: server.arm.place(np.array(joints, dtype=np.float64)),
    "object": _object,
    "ignore_commands": _ignore_commands,
    "freeze": _freeze,
    "close_connection": _close_connection,
    "refuse_connections": _refuse,
    "reject_moves": _reject_moves,
    "manual_recovery": _manual_recovery,
    "pose": _pose,
    "reset_scene": _reset_scene,
    "reset": _reset,
    "reset_extremes": _reset_extremes,
    "take": lambda server, take: (take(), time.time())[1],
    "stop": lambda server: server.stop(),
}
