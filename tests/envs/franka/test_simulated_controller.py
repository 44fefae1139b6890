"""The simulated controller through the real client library, over sockets, in lock-step."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from hamster_bench.envs.franka import arm_client, kinematics
from hamster_bench.envs.franka.arm_client import ArmClient
from hamster_bench.envs.franka.errors import FrankaError, RobotFaultError, RobotIncompatibleError, RobotUnreachableError
from hamster_bench.envs.franka.models import ARM_MODELS
from hamster_bench.envs.franka.safety.filter import SafetyFilter
from hamster_bench.envs.franka.scheduling import highest_priority, priority_kept
from hamster_bench.envs.franka.simulated_controller.process import SimulatedController, SimulatedControllerError
from hamster_bench.envs.franka.simulated_controller.server import Settings
from hamster_bench.errors import InvalidOptionError, UnknownNameError
from hamster_bench.geometry import rotation_angle
from tests.envs.franka.simulated import cell_of, eventually, free_host, realtime_threads

JOINTS = np.array([0.0, 0.1752, 0.0, -1.2, 0.0, 1.4, 0.7854])


@pytest.fixture
def arm(controller: SimulatedController) -> Iterator[ArmClient]:
    controller.order("place", joints=JOINTS.tolist())
    client = ArmClient(controller.host)
    client.set_limits(SafetyFilter(cell_of(controller).safety, ARM_MODELS.get("fr3")).limits)
    yield client
    with contextlib.suppress(RobotFaultError):
        client.stop()
    client.close()


class TestConnection:
    def test_what_connects_learns_the_model(self, controller: SimulatedController, arm: ArmClient) -> None:
        lower, upper = arm.joint_limits()
        assert np.allclose(lower, ARM_MODELS.get("fr3").joint_lower)
        assert np.allclose(upper, ARM_MODELS.get("fr3").joint_upper)
        assert controller.status()["requests"]["GET_ROBOT_MODEL"] == 3

    def test_another_protocol_is_refused(self, start: Callable[..., SimulatedController]) -> None:
        controller = start(protocol=5)
        with pytest.raises(RobotIncompatibleError, match="5"):
            ArmClient(controller.host)

    def test_nobody_at_the_address(self, franky: Any) -> None:
        with pytest.raises(RobotUnreachableError, match="does not answer"):
            ArmClient(free_host())

    def test_refused_connection(self, controller: SimulatedController) -> None:
        controller.order("refuse_connections", refusing=True)
        with pytest.raises((RobotUnreachableError, FrankaError)):
            ArmClient(controller.host)

    def test_real_time_is_enforced_where_it_is_asked_for(self, controller: SimulatedController, franky: Any) -> None:
        with open("/sys/kernel/realtime") if os.path.exists("/sys/kernel/realtime") else contextlib.nullcontext() as realtime:
            if realtime is not None and realtime.read().strip() == "1":
                pytest.skip("this kernel is a real-time one")
        with pytest.raises(FrankaError, match="real time"):
            ArmClient(controller.host, enforce_realtime=True)

    def test_it_listens_on_loopback_only(self) -> None:
        with pytest.raises(InvalidOptionError, match="loopback"):
            Settings(host="192.168.0.1")
        with pytest.raises(UnknownNameError, match="lock_step"):
            Settings(pacing="lockstep")  # type: ignore[arg-type]
        with pytest.raises(InvalidOptionError, match="real_time"):
            Settings(pacing="lock_step", realtime_priority=True)

    def test_a_taken_address_is_said(self, controller: SimulatedController) -> None:
        with pytest.raises(SimulatedControllerError, match="in use"):
            SimulatedController(Settings(host=controller.host))

    def test_a_wrong_order_is_refused(self, controller: SimulatedController) -> None:
        with pytest.raises(SimulatedControllerError, match="press_user_stop"):
            controller.order("press_user_stpo")


class TestMotion:
    def test_joint_motion_ends_where_it_shall(self, arm: ArmClient, controller: SimulatedController) -> None:
        target = JOINTS + np.array([0.1, -0.05, 0.05, -0.1, 0.1, 0.1, -0.1])
        arm.start_joints(target, 1.0, None)
        assert arm.join(60.0)
        assert np.abs(arm.state().joints - target).max() < 1e-3
        assert np.abs(np.array(controller.status()["joint_positions"]) - target).max() < 1e-3

    def test_keypose_ends_where_it_shall_on_the_way_that_was_checked(
        self, arm: ArmClient, controller: SimulatedController
    ) -> None:
        safety = SafetyFilter(cell_of(controller).safety, ARM_MODELS.get("fr3"), arm.state().T_flange_ee)
        target = kinematics.tip_pose(JOINTS)
        target[:3] += (0.08, -0.06, -0.05)
        (segment,) = safety.keypose(target, JOINTS).segments
        arm.start_line(segment.pose, float(segment.joints[2]), segment.factor, None)
        assert arm.join(60.0)
        reached = kinematics.tip_pose(arm.state().joints)
        assert np.abs(reached[:3] - target[:3]).max() < 1e-3
        assert rotation_angle(reached[3:], target[3:]) < 1e-3
        assert np.abs(arm.state().joints - segment.joints).max() < 1e-3
        extremes = controller.status()["extremes"]
        assert (np.array(extremes["joint_speed"]) < safety.limits.joint_velocity * 1.01).all()
        assert extremes["tip_speed"] < safety.config.tip_speed * 1.01

    def test_measured_state_is_the_controllers(self, arm: ArmClient, controller: SimulatedController) -> None:
        assert np.abs(arm.state().joints - np.array(controller.status()["joint_positions"])).max() < 1e-5

    def test_target_can_be_replaced_in_mid_motion(self, arm: ArmClient) -> None:
        for share in np.linspace(0.1, 1.0, 10):
            arm.start_joints(JOINTS + 0.1 * share, 1.0, None)
            time.sleep(0.005)
        assert arm.join(60.0)
        assert np.abs(arm.state().joints - (JOINTS + 0.1)).max() < 1e-3

    def test_another_kind_of_motion_must_wait(self, arm: ArmClient) -> None:
        arm.start_joints(JOINTS + 0.3, 1.0, None)
        with pytest.raises(FrankaError, match="another kind"):
            arm.start_line(kinematics.tip_pose(JOINTS), 0.0, 1.0, None)

    def test_join_tells_when_time_is_up(self, arm: ArmClient) -> None:
        arm.start_joints(JOINTS + 0.4, 0.05, None)
        assert not arm.join(0.02)

    @pytest.mark.parametrize("line", [True, False])
    def test_graceful_stop_leaves_the_arm_idle_and_ready(
        self, arm: ArmClient, controller: SimulatedController, line: bool
    ) -> None:
        if line:
            target = kinematics.tip_pose(JOINTS)
            target[2] -= 0.2
            arm.start_line(target, 0.0, 0.1, None)
        else:
            arm.start_joints(JOINTS + 0.4, 0.1, None)
        assert eventually(lambda: controller.status()["extremes"]["ticks"] > 100)
        arm.stop()
        status = controller.status()
        assert (status["mode"], status["errors"]) == ("idle", [])
        arm.start_joints(np.array(status["joint_positions"]) + 0.02, 1.0, None)
        assert arm.join(60.0)

    def test_neither_side_runs_before_other_processes(self, arm: ArmClient, controller: SimulatedController) -> None:
        arm.start_joints(JOINTS + 0.4, 0.02, None)
        # The thread of a motion has its priority before its first command.
        assert eventually(lambda: controller.status()["extremes"]["ticks"] > 10)
        assert realtime_threads(os.getpid()) == []
        assert realtime_threads(controller.pid) == []

    def test_beside_a_robot_the_thread_of_a_motion_does_and_no_other(
        self, controller: SimulatedController, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with highest_priority():
            allowed = realtime_threads(os.getpid()) != []
        if not allowed:
            pytest.skip("this user has no right to real-time priority")
        monkeypatch.setattr(arm_client, "_LOOPBACK", "an address like any other")
        arm = ArmClient(controller.host, enforce_realtime=False)
        arm.start_joints(JOINTS + 0.4, 0.02, None)
        assert eventually(lambda: controller.status()["extremes"]["ticks"] > 10)
        (thread,) = realtime_threads(os.getpid())
        assert thread != threading.get_native_id()
        arm.stop()
        arm.close()

    def test_same_commands_take_the_same_ticks(self, arm: ArmClient, controller: SimulatedController) -> None:
        counts = []
        for _ in range(2):
            controller.order("place", joints=JOINTS.tolist())
            controller.order("reset_extremes")
            arm.start_joints(JOINTS + 0.05, 1.0, None)
            assert arm.join(60.0)
            counts.append(controller.status()["extremes"]["ticks"])
        assert abs(counts[0] - counts[1]) <= 2


class TestFaults:
    def test_contact_is_a_reflex_until_recovered(self, arm: ArmClient, controller: SimulatedController) -> None:
        arm.set_thresholds(15.0, 20.0)
        controller.order("push", wrench=[0.0, 0.0, 40.0, 0.0, 0.0, 0.0])
        arm.start_joints(JOINTS + 0.2, 1.0, None)
        with pytest.raises(RobotFaultError, match="reflex") as caught:
            arm.join(60.0)
        assert caught.value.fault == "reflex"
        assert arm.state().errors == ("cartesian_reflex",)
        arm.start_joints(JOINTS, 1.0, None)
        with pytest.raises(RobotFaultError):
            arm.join(60.0)
        controller.order("push", wrench=[0.0] * 6)
        arm.recover()
        assert arm.state().errors == ()

    def test_user_stop_holds_until_released(self, arm: ArmClient, controller: SimulatedController) -> None:
        controller.order("press_user_stop")
        with pytest.raises(RobotFaultError) as caught:
            arm.recover()
        assert caught.value.fault == "user_stop"
        assert arm.state().mode == "user_stopped"
        controller.order("release_user_stop")
        arm.recover()
        assert arm.state().mode == "idle"

    def test_motion_out_of_range_is_broken_off(self, arm: ArmClient, controller: SimulatedController) -> None:
        near = JOINTS.copy()
        near[6] = 3.0
        controller.order("place", joints=near.tolist())
        beyond = near.copy()
        beyond[6] = 3.2
        arm.start_joints(beyond, 1.0, None)
        with pytest.raises(RobotFaultError, match="position_limits"):
            arm.join(60.0)

    def test_few_lost_commands_are_bridged_and_many_break_off(self, arm: ArmClient, controller: SimulatedController) -> None:
        controller.order("ignore_commands", count=5)
        arm.start_joints(JOINTS + 0.05, 0.3, None)
        assert arm.join(60.0)
        arm.start_joints(JOINTS + 0.4, 0.02, None)
        assert eventually(lambda: controller.status()["extremes"]["ticks"] > 500)
        controller.order("ignore_commands", count=40)
        with pytest.raises(RobotFaultError) as caught:
            arm.join(60.0)
        assert caught.value.fault == "communication"

    def test_refused_motion(self, arm: ArmClient, controller: SimulatedController) -> None:
        controller.order("reject_moves", count=1)
        arm.start_joints(JOINTS + 0.05, 1.0, None)
        with pytest.raises(RobotFaultError):
            arm.join(60.0)
        arm.start_joints(JOINTS + 0.05, 1.0, None)
        assert arm.join(60.0)

    def test_recovery_by_hand(self, arm: ArmClient, controller: SimulatedController) -> None:
        controller.order("manual_recovery", needed=True)
        with pytest.raises(RobotFaultError):
            arm.recover()

    def test_guiding_moves_the_arm_and_shows(self, arm: ArmClient, controller: SimulatedController) -> None:
        controller.order("guide", joints=(JOINTS - 0.1).tolist(), seconds=600.0)
        assert eventually(lambda: arm.state().mode == "guiding" and bool((arm.state().joints < JOINTS).all()))
        controller.order("guide", joints=(JOINTS + 0.1).tolist(), seconds=0.1)
        assert eventually(lambda: arm.state().mode == "idle")
        assert np.abs(arm.state().joints - (JOINTS + 0.1)).max() < 1e-6

    def test_a_frozen_client_breaks_the_motion_off_in_real_time(self, start: Callable[..., SimulatedController]) -> None:
        controller = start(pacing="real_time")
        program = textwrap.dedent(f"""
            import numpy as np
            from hamster_bench.envs.franka.arm_client import ArmClient
            arm = ArmClient("{controller.host}")
            arm.start_joints(arm.state().joints + 0.5, 0.002, None)
            print("moving", flush=True)
            arm.join(600.0)
        """)
        client = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."}
        )
        try:
            assert client.stdout is not None
            assert client.stdout.readline().strip() == "moving"
            assert eventually(lambda: controller.status()["extremes"]["ticks"] > 10)
            client.send_signal(signal.SIGSTOP)
            assert eventually(lambda: controller.status()["errors"] == ["communication_constraints"])
        finally:
            client.kill()
            client.communicate()


class TestHand:
    def test_moves(self, arm: ArmClient, controller: SimulatedController) -> None:
        assert arm.start_hand(0.03, 0.1).get()
        assert arm.hand_state().width == pytest.approx(0.03)
        assert arm.start_hand(0.08, 0.1).get()

    def test_grasps_an_object_and_not_nothing(self, arm: ArmClient, controller: SimulatedController) -> None:
        assert not arm.start_grasp(0.1, 20.0).get()
        arm.start_hand(0.08, 0.1).get()
        controller.order("object", width=0.05)
        assert arm.start_grasp(0.1, 20.0).get()
        assert eventually(lambda: arm.hand_state().is_grasped)
        assert arm.hand_state().width == pytest.approx(0.05)
        assert controller.status()["grasp_forces"] == [20.0, 20.0]

    def test_stops_in_mid_motion(self, arm: ArmClient, controller: SimulatedController) -> None:
        motion = arm.start_hand(0.0, 0.005)
        assert eventually(lambda: controller.status()["width"] < 0.08)
        arm.stop_hand()
        # The library's two threads compete for the connection: the stop may come after the motion has ended.
        stopped = not motion.get()
        assert controller.status()["hand_requests"]["STOP"] == 1
        assert stopped == (0.0 < controller.status()["width"] < 0.08)

    def test_fingers_come_to_rest_before_the_hand_is_let_go_of(self, controller: SimulatedController) -> None:
        client = ArmClient(controller.host)
        client.start_hand(0.0, 0.02)
        client.close()
        status = controller.status()
        assert status["width"] == 0.0 or status["hand_requests"]["STOP"] > 0


class TestDynamics:
    def test_torque_control_tracks(self, start: Callable[..., SimulatedController], franky: Any) -> None:
        controller = start(plant="dynamic", start=tuple(JOINTS.tolist()))
        with priority_kept():
            robot = franky.Robot(controller.host, realtime_config=franky.RealtimeConfig.Ignore)
        target = robot.current_cartesian_state.pose.end_effector_pose
        goal = franky.Affine(target.translation + np.array([0.02, 0.01, -0.02]), target.quaternion)
        with franky.CartesianImpedanceTracker(
            robot, translational_stiffness=800.0, rotational_stiffness=40.0, period=0.02
        ) as tracker:
            # Four seconds of the robot's time.
            until = controller.status()["message_id"] + 4000
            while controller.status()["message_id"] < until and tracker.tick():
                tracker.set_target(goal)
            held = robot.current_cartesian_state.pose.end_effector_pose
        assert controller.status()["moves"] == [[2, 4]]
        assert np.linalg.norm(held.translation - goal.translation) < 1e-3
        assert rotation_angle(held.quaternion, goal.quaternion) < 1e-3

    def test_position_control_tracks(self, start: Callable[..., SimulatedController]) -> None:
        controller = start(plant="dynamic", start=tuple(JOINTS.tolist()))
        arm = ArmClient(controller.host)
        arm.set_limits(SafetyFilter(cell_of(controller).safety, ARM_MODELS.get("fr3")).limits)
        arm.start_joints(JOINTS + 0.1, 1.0, None)
        assert arm.join(60.0)
        # Position control of the arm itself settles after the last command.
        assert eventually(lambda: bool(np.abs(arm.state().joints - (JOINTS + 0.1)).max() < 1e-3))


@pytest.mark.slow
def test_an_independent_simulation_agrees() -> None:
    """The client that works with our controller works with another author's in the same way."""
    pytest.importorskip("franky_sim", reason="the independent simulation is not installed: pip install franky-sim")
    host = free_host()
    with subprocess.Popen(
        [sys.executable, "-m", "franky_sim.run_server", "--simulator", "mujoco", "--hostname", host], stdout=subprocess.DEVNULL
    ) as server:
        try:
            arm, deadline = None, time.monotonic() + 60.0
            while arm is None and time.monotonic() < deadline:
                with contextlib.suppress(FrankaError):
                    arm = ArmClient(host)
                time.sleep(0.5)
            assert arm is not None
            target = arm.state().joints + 0.05
            arm.start_joints(target, 0.2, None)
            assert arm.join(60.0)
            assert eventually(lambda: bool(np.abs(arm.state().joints - target).max() < 0.03))
            assert np.abs(arm.joint_limits()[0] - ARM_MODELS.get("fr3").joint_lower).max() < 0.2
        finally:
            server.kill()
