"""Every safety rule does something: with it a danger is averted, and without it the same danger comes about."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from hamster_bench.envs.franka import kinematics
from hamster_bench.envs.franka.arm_client import ArmClient, ArmState
from hamster_bench.envs.franka.cell import suggested_cell
from hamster_bench.envs.franka.environment import FrankaEnvironment
from hamster_bench.envs.franka.errors import (
    CellError,
    FrankaError,
    NotArmedError,
    PreflightError,
    RobotBusyError,
    RobotFaultError,
)
from hamster_bench.envs.franka.log import EventLog
from hamster_bench.envs.franka.models import ARM_MODELS
from hamster_bench.envs.franka.safety import homing
from hamster_bench.envs.franka.safety.config import SafetyConfig
from hamster_bench.envs.franka.safety.filter import SafetyFilter, Verdict
from hamster_bench.envs.franka.safety.guard import Guard, GuardState, RunMode
from hamster_bench.envs.franka.safety.rules import ALL_RULES, RULES, ActiveRules
from hamster_bench.envs.franka.simulated_controller.process import SimulatedController
from hamster_bench.errors import UnknownNameError
from tests.envs.franka.simulated import ScriptedOperator, cell_of, eventually

JOINTS = np.array([0.0, 0.1752, 0.0, -1.2, 0.0, 1.4, 0.7854])


def small_motion(safety: SafetyFilter) -> Verdict:
    return safety.travel(JOINTS + 0.02, JOINTS)


@contextlib.contextmanager
def guarded(
    controller: SimulatedController,
    rules: ActiveRules,
    mode: RunMode = "live",
    operator: ScriptedOperator | None = None,
    **safety: object,
) -> Iterator[Guard]:
    controller.order("place", joints=JOINTS.tolist())
    config = cell_of(controller, **safety).safety
    client = ArmClient(controller.host)
    made = SafetyFilter(config, ARM_MODELS.get("fr3"), client.state().T_flange_ee, rules)
    guard = Guard(client, made, mode=mode, operator=operator, log=EventLog(), rules=rules)
    try:
        yield guard
    finally:
        guard.close()


def motions(controller: SimulatedController) -> int:
    return len(controller.status()["moves"])


def stays_disarmed_without_confirmation(controller: SimulatedController, rules: ActiveRules) -> bool:
    before = motions(controller)
    with guarded(controller, rules) as guard, contextlib.suppress(NotArmedError):
        guard.carry_out(small_motion(guard.safety))
    return motions(controller) == before


def moves_nothing_in_a_dry_run(controller: SimulatedController, rules: ActiveRules) -> bool:
    before = motions(controller)
    with guarded(controller, rules, mode="dry_run", operator=ScriptedOperator()) as guard:
        guard.arm()
        guard.carry_out(small_motion(guard.safety))
        guard.move_hand(0.04)
    return motions(controller) == before


def stays_in_the_workspace(controller: SimulatedController, rules: ActiveRules) -> bool:
    config = cell_of(controller, workspace_upper=(0.6, 0.66, 1.0)).safety
    target = kinematics.tip_pose(JOINTS)
    target[0] = 0.63
    return not SafetyFilter(config, ARM_MODELS.get("fr3"), rules=rules).keypose(target, JOINTS).accepted


def keeps_off_joint_limits(controller: SimulatedController, rules: ActiveRules) -> bool:
    model = ARM_MODELS.get("fr3")
    near = JOINTS.copy()
    near[6] = model.joint_upper[6] - 0.05
    return not SafetyFilter(cell_of(controller).safety, model, rules=rules).travel(near, JOINTS).accepted


def refuses_large_steps(controller: SimulatedController, rules: ActiveRules) -> bool:
    here = kinematics.tip_pose(JOINTS)
    target = here.copy()
    target[2] -= 0.08
    return not SafetyFilter(cell_of(controller).safety, ARM_MODELS.get("fr3"), rules=rules).delta(target, JOINTS, here).accepted


def sets_thresholds_before_any_motion(controller: SimulatedController, rules: ActiveRules) -> bool:
    with guarded(controller, rules, force_threshold=18.0, torque_threshold=11.0):
        thresholds = controller.status()["thresholds"]
    return bool(thresholds[21] == 11.0 and thresholds[46] == 18.0)


def refuses_what_is_no_pose(controller: SimulatedController, rules: ActiveRules) -> bool:
    doubled = kinematics.tip_pose(JOINTS)
    doubled[3:] *= 2.0
    return not SafetyFilter(cell_of(controller).safety, ARM_MODELS.get("fr3"), rules=rules).keypose(doubled, JOINTS).accepted


def disarms_when_nobody_decides(controller: SimulatedController, rules: ActiveRules) -> bool:
    with guarded(controller, rules, operator=ScriptedOperator(), keypose_deadline=0.1) as guard:
        guard.arm()
        # Where the rule is in force the watchdog comes when the machine lets it; where it is not, this is how long it is waited for.
        patience = 60.0 if "S8" in rules else 0.5
        return eventually(lambda: not guard.armed, patience) and guard.fault == "watchdog"


def stops_on_the_way_out(controller: SimulatedController, rules: ActiveRules) -> bool:
    with guarded(controller, rules, operator=ScriptedOperator()) as guard:
        guard.arm()
        guard.stream(guard.safety.travel(JOINTS + 0.3, JOINTS))
        with contextlib.suppress(ZeroDivisionError), guard.stopping("step"):
            raise ZeroDivisionError
        stopped = guard.state is GuardState.STOPPED and guard.client.moving is None
        guard.client.stop()
        return stopped


def notices_the_user_stop(controller: SimulatedController, rules: ActiveRules) -> bool:
    with guarded(controller, rules, operator=ScriptedOperator()) as guard:
        guard.arm()
        controller.order("press_user_stop")
        guard.read()
        noticed = guard.state is GuardState.FAULTED and guard.fault == "user_stop"
        controller.order("release_user_stop")
        return noticed


def has_one_owner(controller: SimulatedController, rules: ActiveRules) -> bool:
    with contextlib.closing(FrankaEnvironment("stack_cups", cell=cell_of(controller), cameras=(), log="unused", rules=rules)):
        try:
            FrankaEnvironment("stack_cups", cell=cell_of(controller), cameras=(), rules=rules).close()
        except RobotBusyError:
            return True
    return False


def arms_no_unconfirmed_scene(controller: SimulatedController, rules: ActiveRules) -> bool:
    operator = ScriptedOperator(refuses=("scene",))
    options = {"cell": cell_of(controller), "cameras": (), "mode": "live", "operator": operator, "rules": rules}
    with contextlib.closing(FrankaEnvironment("stack_cups", **options)) as env:
        try:
            env.reset(seed=0)
        except NotArmedError:
            return not env.guard.armed
        return not env.guard.armed


def checks_before_it_arms(controller: SimulatedController, rules: ActiveRules) -> bool:
    operator = ScriptedOperator(refuses=("tested",))
    options = {"cell": cell_of(controller), "cameras": (), "mode": "live", "operator": operator, "rules": rules}
    with contextlib.closing(FrankaEnvironment("stack_cups", **options)) as env:
        try:
            env.reset(seed=0)
        except PreflightError:
            return not env.guard.armed
        return not env.guard.armed


def guesses_no_limit(controller: SimulatedController, rules: ActiveRules) -> bool:
    values = cell_of(controller).safety.to_dict()
    del values["force_threshold"]
    try:
        SafetyConfig.from_dict(values, rules)
    except CellError as error:
        return "force_threshold" in str(error)
    except TypeError:
        return False
    return False


PROBES: dict[str, Callable[[SimulatedController, ActiveRules], bool]] = {
    "S1": stays_disarmed_without_confirmation,
    "S2": moves_nothing_in_a_dry_run,
    "S3": stays_in_the_workspace,
    "S4": keeps_off_joint_limits,
    "S5": refuses_large_steps,
    "S6": sets_thresholds_before_any_motion,
    "S7": refuses_what_is_no_pose,
    "S8": disarms_when_nobody_decides,
    "S9": stops_on_the_way_out,
    "S10": notices_the_user_stop,
    "S11": has_one_owner,
    "S12": arms_no_unconfirmed_scene,
    "S13": checks_before_it_arms,
    "S14": guesses_no_limit,
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(homing, "LINK_CHECK", 0.05)
    monkeypatch.chdir(str(tmp_path))


def test_every_rule_has_a_probe() -> None:
    assert list(PROBES) == list(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_averts_what_comes_about_without_it(rule: str, controller: SimulatedController) -> None:
    assert PROBES[rule](controller, ALL_RULES), "the rule is in force and the danger came about"
    controller.order("reset")
    assert not PROBES[rule](controller, ActiveRules.except_for([rule])), "without the rule nothing is different"


def test_only_rules_that_exist_can_be_taken_away() -> None:
    with pytest.raises(UnknownNameError, match="S9"):
        ActiveRules.except_for(["S99"])


CONFIG = dataclasses.replace(suggested_cell("test", "127.0.0.1", {}).safety, state_age=1.0)


class StandingArm:
    """A client whose motion goes on and whose states are those it is given."""

    host, moving = "nowhere", "joints"

    def __init__(self) -> None:
        zeros = np.zeros(7)
        self.now = ArmState(
            received=0.0, time=0.0, joints=JOINTS, joint_velocities=zeros, commanded_joints=JOINTS, external_torques=zeros,
            wrench=np.zeros(6), mode="move", errors=(), last_errors=(), success_rate=1.0, T_flange_ee=np.eye(4), load=0.0,
        )  # fmt: skip

    def state(self) -> ArmState:
        return self.now

    def set_limits(self, limits: object) -> None:
        pass

    def set_thresholds(self, torque: float, force: float) -> None:
        pass

    def stop(self) -> None:
        pass

    def close(self, *, lost: bool = False) -> None:
        pass


class TestGuard:
    def test_rates_above_the_cap_ask_twice(self, controller: SimulatedController) -> None:
        operator = ScriptedOperator()
        with guarded(controller, ALL_RULES, operator=operator, rate_fraction=0.5) as guard:
            guard.arm()
        assert operator.asked == ["arm", "50"]

    def test_limits_are_set_explicitly(self, controller: SimulatedController) -> None:
        with guarded(controller, ALL_RULES, rate_fraction=0.1) as guard:
            robot = guard.client._robot
            assert np.allclose(robot.joint_velocity_limit.get(), 0.1 * ARM_MODELS.get("fr3").joint_velocity)
            assert np.allclose(robot.joint_acceleration_limit.get(), 1.0)
            assert robot.translation_velocity_limit.get() == pytest.approx(0.25 / np.sqrt(3.0))

    def test_first_runs_are_slow(self, controller: SimulatedController) -> None:
        with guarded(controller, ALL_RULES, first_run=True) as guard:
            assert guard.client._robot.translation_velocity_limit.get() == pytest.approx(0.05 / np.sqrt(3.0))

    def test_step_mode_asks_before_each_action(self, controller: SimulatedController) -> None:
        operator = ScriptedOperator(refuses=("go",))
        with guarded(controller, ALL_RULES, mode="step", operator=operator) as guard:
            guard.arm()
            before = motions(controller)
            assert guard.carry_out(small_motion(guard.safety)) == "operator"
            assert motions(controller) == before
            operator.refuses = ()
            assert guard.carry_out(small_motion(guard.safety)) is None
            assert motions(controller) == before + 1

    def test_a_motion_checked_from_elsewhere_is_not_made(self, controller: SimulatedController) -> None:
        with guarded(controller, ALL_RULES, operator=ScriptedOperator()) as guard:
            guard.arm()
            with pytest.raises(FrankaError, match="stand"):
                guard.carry_out(guard.safety.travel(JOINTS + 0.1, JOINTS + 0.05))

    def test_a_refused_command_is_never_carried_out(self, controller: SimulatedController) -> None:
        with guarded(controller, ALL_RULES, operator=ScriptedOperator()) as guard:
            guard.arm()
            refused = guard.safety.travel(np.full(7, np.nan), JOINTS)
            with pytest.raises(FrankaError, match="refused"):
                guard.carry_out(refused)

    def test_steps_count_up(self, controller: SimulatedController) -> None:
        with guarded(controller, ALL_RULES) as guard:
            guard.count_step(0)
            with pytest.raises(FrankaError, match="count up"):
                guard.count_step(2)

    def test_a_motion_that_takes_too_long_is_stopped(self, start: Callable[..., SimulatedController]) -> None:
        controller = start(pacing="paced")
        with guarded(controller, ALL_RULES, operator=ScriptedOperator(), motion_timeout=0.2, rate_fraction=0.01) as guard:
            guard.arm()
            assert guard.carry_out(guard.safety.travel(JOINTS + 0.3, JOINTS)) == "motion_timeout"
            assert not guard.armed

    def test_the_streaming_watchdog_stops_a_moving_arm(self, start: Callable[..., SimulatedController]) -> None:
        controller = start(pacing="paced")
        with guarded(controller, ALL_RULES, operator=ScriptedOperator(), streaming_deadline=0.1, rate_fraction=0.02) as guard:
            guard.arm()
            guard.beat(guard.safety.config.streaming_deadline)
            guard.stream(guard.safety.travel(JOINTS + 0.5, JOINTS))
            assert eventually(lambda: guard.fault == "watchdog")
            assert eventually(lambda: controller.status()["mode"] == "idle")
            assert np.abs(np.array(controller.status()["joint_positions"]) - JOINTS).max() < 0.45

    def test_the_operator_stops_a_moving_arm(self, start: Callable[..., SimulatedController]) -> None:
        controller = start(pacing="paced", start=tuple(JOINTS.tolist()))
        operator = ScriptedOperator()
        with guarded(controller, ALL_RULES, operator=operator, rate_fraction=0.02) as guard:
            guard.arm()
            operator.stops = True
            assert guard.carry_out(guard.safety.travel(JOINTS + 0.4, JOINTS)) == "operator"
            assert not guard.armed
            assert controller.status()["mode"] == "idle"

    def test_contact_stops_gently_before_the_reflex(self, controller: SimulatedController) -> None:
        with guarded(controller, ALL_RULES, operator=ScriptedOperator()) as guard:
            guard.arm()
            controller.order("push", wrench=[0.0, 0.0, 14.0, 0.0, 0.0, 0.0])
            assert guard.carry_out(guard.safety.travel(JOINTS + 0.2, JOINTS)) == "contact"
            assert guard.armed
            assert controller.status()["errors"] == []

    def test_a_reflex_is_not_recovered_from_by_itself(self, controller: SimulatedController) -> None:
        with guarded(controller, ALL_RULES, operator=ScriptedOperator(refuses=("recover",))) as guard:
            guard.arm()
            controller.order("push", wrench=[0.0, 0.0, 50.0, 0.0, 0.0, 0.0])
            assert guard.carry_out(small_motion(guard.safety)) == "reflex"
            assert guard.state is GuardState.FAULTED
            controller.order("push", wrench=[0.0] * 6)
            with pytest.raises(NotArmedError, match="agreed"):
                guard.recover()
            guard.operator = ScriptedOperator()
            guard.recover()
            guard.arm()
            assert guard.carry_out(small_motion(guard.safety)) is None
            (fault,) = guard.log.events("fault")
            assert fault["states"], "the last second before a fault is logged"

    def test_one_reflex_an_episode_is_recovered_from_if_configured(self, controller: SimulatedController) -> None:
        with guarded(controller, ALL_RULES, operator=ScriptedOperator(), automatic_recovery=True) as guard:
            guard.arm()
            controller.order("push", wrench=[0.0, 0.0, 50.0, 0.0, 0.0, 0.0])
            assert guard.carry_out(small_motion(guard.safety)) == "contact"
            assert guard.armed
            assert guard.carry_out(guard.safety.travel(JOINTS + 0.02, guard.read().commanded_joints)) == "reflex"
            assert guard.state is GuardState.FAULTED

    def test_a_user_stop_is_never_recovered_from_while_pressed(self, controller: SimulatedController) -> None:
        with guarded(controller, ALL_RULES, operator=ScriptedOperator()) as guard:
            controller.order("press_user_stop")
            with pytest.raises(FrankaError, match="release"):
                guard.recover()
            controller.order("release_user_stop")

    @pytest.mark.parametrize("moving", [True, False])
    def test_a_lost_link_is_noticed(self, moving: bool, start: Callable[..., SimulatedController]) -> None:
        controller = start(pacing="paced")
        with guarded(controller, ALL_RULES, operator=ScriptedOperator(), rate_fraction=0.05) as guard:
            guard.arm()
            if moving:
                guard.stream(guard.safety.travel(JOINTS + 0.5, JOINTS))
                assert eventually(lambda: controller.status()["extremes"]["ticks"] > 20)
            controller.order("freeze", seconds=600.0)
            if moving:
                assert guard.settle() == "link_lost"
            # An arm at rest is looked at by the watchdog alone.
            assert eventually(lambda: guard.state is GuardState.FAULTED)
            assert guard.fault == "link_lost"
            with pytest.raises(NotArmedError, match="link_lost"):
                guard.carry_out(small_motion(guard.safety))

    def test_a_link_counts_as_lost_after_a_second(self) -> None:
        arm = StandingArm()
        guard = Guard(arm, SafetyFilter(CONFIG, ARM_MODELS.get("fr3")), mode="live", operator=None, log=EventLog())  # type: ignore[arg-type]
        try:
            for robot_time, received in ((5.0, 10.0), (5.0, 10.99), (5.5, 11.4), (5.5, 12.39)):
                arm.now = dataclasses.replace(arm.now, time=robot_time, received=received)
                guard.read()
            arm.now = dataclasses.replace(arm.now, received=12.41)
            with pytest.raises(RobotFaultError, match="look at robot and cable"):
                guard.read()
            assert guard.fault == "link_lost"
        finally:
            guard.close()

    def test_heavy_objects_need_a_payload(self, controller: SimulatedController) -> None:
        with guarded(controller, ALL_RULES, operator=ScriptedOperator()) as guard:
            guard.arm()
            guard.grasp(object_mass=0.8)
            assert controller.status()["load"] == pytest.approx(0.8)
            guard.release(0.08)
            assert controller.status()["load"] == 0.0
            assert not guard.safety.grasp(20.0, 0.8, payload=0.0).accepted

    def test_grasps_are_no_stronger_than_configured(self, controller: SimulatedController) -> None:
        with guarded(controller, ALL_RULES, operator=ScriptedOperator(), gripper_force=9.0) as guard:
            guard.arm()
            guard.grasp()
            assert max(controller.status()["grasp_forces"]) == 9.0
            assert not guard.safety.grasp(12.0, None, 0.0).accepted


class TestConfig:
    def test_every_value_is_needed_and_known(self, controller: SimulatedController) -> None:
        values = cell_of(controller).safety.to_dict()
        assert SafetyConfig.from_dict(values).to_dict() == values
        for name in values:
            with pytest.raises(CellError, match=name):
                SafetyConfig.from_dict({k: v for k, v in values.items() if k != name})
        with pytest.raises(UnknownNameError, match="tip_speed"):
            SafetyConfig.from_dict(values | {"tip_sped": 0.1})

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("tip_speed", float("nan")),
            ("tip_speed", 7.0),
            ("force_threshold", 500.0),
            ("reaction_force", 30.0),
            ("outside", "ignore"),
            ("first_run", 1),
            ("workspace_lower", (1.0, 2.0)),
            ("workspace_lower", (2.0, 2.0, 2.0)),
            ("forbidden_boxes", [[[0, 0, 0], [0, 1, 1]]]),
            ("joint_margin", "0.1"),
        ],
    )
    def test_values_out_of_range_are_refused(self, name: str, value: object, controller: SimulatedController) -> None:
        with pytest.raises((CellError, UnknownNameError), match=name.split("_", maxsplit=1)[0]):
            SafetyConfig.from_dict(cell_of(controller).safety.to_dict() | {name: value})

    def test_it_is_frozen(self, controller: SimulatedController) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            cell_of(controller).safety.tip_speed = 1.0  # type: ignore[misc]
