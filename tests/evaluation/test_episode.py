"""Every way an episode can end, through `run_episode` and `run`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from hamster_bench.agent import AgentNeeds, EpisodeContext, make_agent
from hamster_bench.errors import (
    ActionNotFiniteError,
    AgentError,
    AgentStopped,
    InvalidOptionError,
    MissingDependencyError,
    PathError,
    SimulatorFaultError,
    StoreError,
    UnknownNameError,
)
from hamster_bench.evaluation.episode import contestant, run_episode, unplayed
from hamster_bench.evaluation.plan import PlannedEpisode
from hamster_bench.evaluation.protocol import Protocol, StepCaps, check_needs, make_protocol
from hamster_bench.evaluation.record import EpisodeRecord, assets_digest
from hamster_bench.evaluation.runner import run
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.track import Track
from hamster_bench.paths import Path2D, frechet_distance
from hamster_bench.scenario import Scenario
from tests.evaluation.scripted import ScriptedAgent, ScriptedEnvironment

SCENARIO = Scenario(task="walk_left", episode=3)
HAMSTER = make_protocol("hamster")


def raising(error: BaseException) -> Callable[..., Any]:
    def function(*arguments: Any) -> Any:
        raise error

    return function


def setting(**changes: Any) -> Callable[..., None]:
    return lambda env, _: env.info.update(changes)


def play(
    agent: ScriptedAgent | None = None,
    env: ScriptedEnvironment | None = None,
    protocol: Protocol = HAMSTER,
    scenario: Scenario = SCENARIO,
) -> EpisodeRecord:
    return run_episode(env or ScriptedEnvironment(), contestant("scripted", agent or ScriptedAgent()), scenario, protocol)


def test_numpy_computes_on_one_thread_while_an_episode_is_played() -> None:
    def blas_threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    used: list[set[int]] = []
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        play(
            ScriptedAgent(on_reset=lambda context: used.append(blas_threads())),
            ScriptedEnvironment(on_step=lambda env, action: used.append(blas_threads())),
        )
        assert blas_threads() == before
    assert len(used) > 1
    assert all(threads == {1} for threads in used)


def test_success_is_recorded_with_all_it_took() -> None:
    full_speed = ScriptedAgent(lambda observation, rng: np.ones(1))
    record = play(full_speed)
    distance = SCENARIO.rng("layout").uniform(1.0, 12.0)
    assert (record.outcome, record.kind, record.message) == ("success", None, None)
    assert record.steps == round(distance)
    assert record.control_steps == 3 * record.steps
    assert record.episode_return == 1.0
    assert record.instruction == "walk to 0 in walk_left"
    assert (record.agent, record.protocol, record.scenario) == ("scripted", HAMSTER.fingerprint, SCENARIO)
    assert {"hamster_bench", "gymnasium", "numpy", "python", "mujoco"} <= set(record.versions)
    assert record.timings.act_wall > 0.0


def test_record_says_what_drew_the_images_if_any_were_drawn() -> None:
    env = ScriptedEnvironment()
    assert "renderer" not in play(env=env).versions
    env.renderer_name = None  # type: ignore[attr-defined]
    assert "renderer" not in play(env=env).versions
    env.renderer_name = "raycast"  # type: ignore[attr-defined]
    assert play(env=env).versions["renderer"] == "raycast"
    assert play(ScriptedAgent(raising(ValueError("bad act"))), env).versions["renderer"] == "raycast"


def test_idle_agent_meets_the_step_cap_of_its_action_mode() -> None:
    protocol = make_protocol("hamster", max_steps=StepCaps(keypose=7, joint_position=11))
    for mode, cap in (("keypose", 7), ("joint_position", 11)):
        record = play(ScriptedAgent(lambda observation, rng: np.zeros(1), action_mode=mode), protocol=protocol)  # type: ignore[arg-type]
        assert (record.outcome, record.kind, record.steps) == ("failure", "step_limit", cap)


@pytest.mark.parametrize("reason", ["ik_unreachable", "path_not_found", "outside_workspace"])
def test_motion_failure_ends_the_episode_when_the_protocol_says_so(reason: str) -> None:
    record = play(env=ScriptedEnvironment(on_step=setting(failure=reason)))
    assert (record.outcome, record.kind) == ("failure", f"motion_failure:{reason}")
    assert (record.steps, record.motion_failures) == (1, 1)


def test_motion_failure_is_counted_and_passed_when_the_protocol_says_so() -> None:
    protocol = make_protocol("hamster", on_motion_failure="continue")
    record = play(env=ScriptedEnvironment(on_step=setting(failure="path_not_found")), protocol=protocol)
    assert (record.outcome, record.kind) == ("failure", "step_limit")
    assert (record.steps, record.motion_failures) == (25, 25)


def test_retries_repeat_a_keypose_within_its_step() -> None:
    tries = []

    def fail_every_second(env: ScriptedEnvironment, action: Any) -> None:
        tries.append(float(action[0]))
        env.info["failure"] = "path_not_found" if len(tries) % 2 else None

    record = play(env=ScriptedEnvironment(on_step=fail_every_second), protocol=make_protocol("hamster", retries=1))
    assert record.outcome == "success"
    assert (len(tries), record.motion_failures) == (2 * record.steps, 0)
    assert tries[::2] == tries[1::2]
    assert record.control_steps == 3 * len(tries)


def keypose(ignore_collisions: float) -> Any:
    return lambda observation, rng: np.array([rng.uniform(0.2, 1.0), 0, 1, 0, 1, 0, 0, 1, ignore_collisions])


def flags_tried(given: float, rule: str, reason: str = "path_not_found", **changes: Any) -> tuple[EpisodeRecord, list[float]]:
    flags: list[float] = []

    def refuse_with_checks(env: ScriptedEnvironment, action: Any) -> None:
        flags.append(float(action[8]))
        env.info["failure"] = reason if action[8] <= 0.5 else None

    protocol = make_protocol("hamster", on_no_free_path=rule, **changes)
    return play(ScriptedAgent(keypose(given)), env=ScriptedEnvironment(on_step=refuse_with_checks), protocol=protocol), flags


def test_a_keypose_without_a_free_path_is_planned_once_more_without_checks() -> None:
    record, flags = flags_tried(0.0, "ignore_collisions")
    assert (record.outcome, record.motion_failures) == ("success", 0)
    assert flags == [0.0, 1.0] * record.steps
    record, flags = flags_tried(0.0, "fail")
    assert (record.kind, flags) == ("motion_failure:path_not_found", [0.0])
    record, flags = flags_tried(1.0, "ignore_collisions")
    assert (record.outcome, set(flags)) == ("success", {1.0})


def test_only_a_path_that_was_not_found_is_planned_without_checks() -> None:
    for reason in ("ik_unreachable", "outside_workspace", "contact"):
        record, flags = flags_tried(0.0, "ignore_collisions", reason)
        assert (record.kind, flags) == (f"motion_failure:{reason}", [0.0])


def test_each_try_of_a_keypose_is_made_with_checks_and_then_without() -> None:
    flags: list[float] = []

    def never(env: ScriptedEnvironment, action: Any) -> None:
        flags.append(float(action[8]))
        env.info["failure"] = "path_not_found"

    record = play(
        ScriptedAgent(keypose(0.2)),
        env=ScriptedEnvironment(on_step=never),
        protocol=make_protocol("hamster", on_no_free_path="ignore_collisions", retries=1),
    )
    assert (record.kind, record.steps, flags) == ("motion_failure:path_not_found", 1, [0.2, 1.0, 0.2, 1.0])


def test_refused_action_is_a_failure_with_its_reason() -> None:
    record = play(ScriptedAgent(lambda observation, rng: np.zeros(3)))
    assert (record.outcome, record.kind, record.steps) == ("failure", "invalid_action:wrong_shape", 0)
    record = play(env=ScriptedEnvironment(on_step=raising(ActionNotFiniteError("x = nan"))))
    assert (record.kind, record.message) == ("invalid_action:not_finite", "x = nan")


def test_agent_that_stops_has_failed_by_its_own_word() -> None:
    record = play(ScriptedAgent(raising(AgentStopped("no_path", "the path has ended"))))
    assert (record.outcome, record.kind, record.message) == ("failure", "agent_stopped:no_path", "the path has ended")


def test_environment_that_gives_up_is_recorded() -> None:
    def truncate(env: ScriptedEnvironment, action: Any) -> None:
        env.info["failure"], env.ended = "path_not_found", (False, True)

    record = play(env=ScriptedEnvironment(on_step=truncate), protocol=make_protocol("hamster", on_motion_failure="continue"))
    assert (record.outcome, record.kind, record.steps) == ("failure", "truncated", 1)


@pytest.mark.parametrize(
    ("agent", "env", "kind", "text"),
    [
        (ScriptedAgent(raising(ValueError("bad act"))), ScriptedEnvironment(), "agent_error", "ValueError: bad act"),
        (ScriptedAgent(on_reset=raising(KeyError("x"))), ScriptedEnvironment(), "agent_error", "KeyError: 'x'"),
        (ScriptedAgent(), ScriptedEnvironment(on_reset=raising(OSError("gone"))), "environment_error", "OSError: gone"),
        (ScriptedAgent(), ScriptedEnvironment(on_step=raising(OSError("gone"))), "environment_error", "OSError: gone"),
        (ScriptedAgent(), ScriptedEnvironment(on_reset=setting(is_success=True)), "environment_error", "solved already"),
        (ScriptedAgent(), ScriptedEnvironment(on_step=lambda env, _: env.info.pop("failure")), "environment_error", "KeyError"),
        (ScriptedAgent(raising(RecursionError("deep"))), ScriptedEnvironment(), "agent_error", "RecursionError: deep"),
        (ScriptedAgent(raising(SystemExit(3))), ScriptedEnvironment(), "agent_error", "SystemExit: 3"),
        (ScriptedAgent(on_reset=raising(SystemExit(3))), ScriptedEnvironment(), "agent_error", "SystemExit: 3"),
        (ScriptedAgent(), ScriptedEnvironment(on_step=raising(SystemExit("out"))), "environment_error", "SystemExit: out"),
    ],
)
def test_faults_are_errors_of_whoever_made_them(agent: ScriptedAgent, env: ScriptedEnvironment, kind: str, text: str) -> None:
    record = play(agent, env)
    assert (record.outcome, record.kind) == ("error", kind)
    assert record.message is not None
    assert text in record.message


def test_reward_that_is_no_number_is_a_fault_of_the_environment(tmp_path: Path) -> None:
    def spoil(env: ScriptedEnvironment, action: Any) -> None:
        env.info["failure"], env.reward = "path_not_found", float("nan")

    record = play(env=ScriptedEnvironment(on_step=spoil))
    assert (record.outcome, record.kind) == ("error", "environment_error")
    with ResultStore.for_writing(tmp_path) as store:
        store.add(store.start_run(HAMSTER, {}), record)


def test_messages_are_the_same_in_every_process_and_can_be_stored(tmp_path: Path) -> None:
    thing = object()
    record = play(ScriptedAgent(raising(ValueError(f"{thing} \udcff {'x' * 9000}"))))
    assert record.message is not None
    assert "<object object at 0x...> ?" in record.message
    assert len(record.message) < 2200
    assert "(test_episode.py:" in record.message
    with ResultStore.for_writing(tmp_path) as store:
        store.add(store.start_run(HAMSTER, {}), record)
        assert list(store.records()) == [record]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError(), MissingDependencyError("pip install x")])
def test_what_says_nothing_about_the_episode_passes_through(error: BaseException) -> None:
    for agent, env in (
        (ScriptedAgent(raising(error)), ScriptedEnvironment()),
        (ScriptedAgent(on_reset=raising(error)), ScriptedEnvironment()),
        (ScriptedAgent(), ScriptedEnvironment(on_reset=raising(error))),
        (ScriptedAgent(), ScriptedEnvironment(on_step=raising(error))),
    ):
        with pytest.raises(type(error)):
            play(agent, env)


def acting(*moves: float) -> ScriptedAgent:
    """Plays the moves and then stops."""
    left = list(moves)

    def decide(observation: Any, rng: np.random.Generator) -> Any:
        if not left:
            raise AgentStopped("done", "nothing left")
        return np.array([left.pop(0)])

    return ScriptedAgent(decide)


def walk(*moves: float, protocol: Protocol = HAMSTER, **info: Any) -> EpisodeRecord:
    """Positive moves solve the task, negative ones undo it."""

    def on_step(env: ScriptedEnvironment, action: Any) -> None:
        env.position = 1e-9 + float(action[0]) if action[0] > 0.0 else 9.0
        env.info.update(info)

    return play(acting(*moves), ScriptedEnvironment(on_step=on_step), protocol)


def test_success_is_latched_at_any_step_or_judged_at_the_last() -> None:
    last = make_protocol("hamster", success="last_step")
    assert last.fingerprint != HAMSTER.fingerprint
    assert (walk(-1, 0.1, -1).outcome, walk(-1, 0.1, -1).steps) == ("success", 2)
    undone = walk(-1, 0.1, -1, protocol=last)
    assert (undone.outcome, undone.kind, undone.steps, undone.episode_return) == ("failure", "agent_stopped:done", 3, 1.0)
    kept = walk(-1, 0.1, 0.1, protocol=last)
    assert (kept.outcome, kept.kind, kept.steps) == ("success", None, 3)
    capped = make_protocol("hamster", success="last_step", max_steps=StepCaps(keypose=2))
    assert walk(-1, 0.1, -1, protocol=capped).outcome == "success"
    assert walk(0.1, -1, 0.1, protocol=capped).kind == "step_limit"
    assert walk(0.1, -1, protocol=last, failure="path_not_found").kind == "motion_failure:path_not_found"


def test_refused_action_may_only_cost_its_step() -> None:
    def decide(observation: Any, rng: np.random.Generator) -> Any:
        return np.zeros(3 if rng.random() < 0.5 else 1)

    protocol = make_protocol("3d_da")
    record = play(ScriptedAgent(decide), protocol=protocol)
    assert (record.outcome, record.kind, record.steps) == ("failure", "step_limit", 25)
    assert record.message is not None
    assert "actions were refused, the last as invalid_action:wrong_shape: shape (3,)" in record.message
    assert record.control_steps < 3 * 25
    assert play(ScriptedAgent(lambda observation, rng: np.ones(1)), protocol=protocol).outcome == "success"


def test_stages_are_recorded_with_the_step_that_reached_them() -> None:
    def on_reset(env: ScriptedEnvironment, scenario: Scenario) -> None:
        env.info |= {"stages": (True, False, False), "stage": 0.0}

    def on_step(env: ScriptedEnvironment, action: Any) -> None:
        env.info |= {"stages": (True, env.position < 6.0, False), "stage": 0.5 if env.position < 6.0 else 0.0}

    env = ScriptedEnvironment(on_reset, on_step)
    idle_at_five = ScriptedAgent(lambda observation, rng: np.ones(1) * (observation["position"][0] > 5.0))
    record = play(idle_at_five, env)
    distance = SCENARIO.rng("layout").uniform(1.0, 12.0)
    assert record.stage == 0.5
    assert record.stages is not None
    assert json.loads(record.stages) == [0, int(max(0.0, np.ceil(distance - 6.0))) + 1, None]
    assert play().stage is None
    assert play().stages is None


def test_physics_that_broke_down_is_no_failure_of_the_agent() -> None:
    record = play(env=ScriptedEnvironment(on_step=raising(SimulatorFaultError("velocities"))))
    assert (record.outcome, record.kind) == ("error", "simulator_fault")


def test_load_and_checkpoint_are_recorded() -> None:
    class WithWeights(ScriptedAgent):
        checkpoint_fingerprint = "0123456789ab"

    record = play(WithWeights())
    assert record.checkpoint == "0123456789ab"
    assert play().checkpoint is None
    assert record.host.cpus is not None
    assert record.attempts == 1
    lost = unplayed(contestant("a", WithWeights()), SCENARIO, HAMSTER, "its process ended", kind="lost_worker", attempts=3)
    assert (lost.outcome, lost.kind, lost.message, lost.attempts, lost.checkpoint) == (
        "error",
        "lost_worker",
        "its process ended",
        3,
        "0123456789ab",
    )


def test_real_episode_records_ways_times_and_stages(tmp_path: Path) -> None:
    scenario = Scenario(task="close_box")
    with ResultStore.for_writing(tmp_path) as store:
        run([PlannedEpisode("path_lift", scenario)], store, HAMSTER, {"path_lift": make_agent("path_lift")})
        (record,) = store.records()
    assert record.outcome == "success"
    assert record.stage == 1.0
    assert record.track is not None
    assert record.oracle_path is not None
    assert record.path is not None
    way, solution = Track.from_text(record.track).path, Track.from_text(record.oracle_path).path
    # The planner is the oracle, and what it proposed is the same way, thinned further.
    assert frechet_distance(Path2D.from_json(record.path), solution) < 0.06
    assert frechet_distance(way, solution) < 0.15
    np.testing.assert_allclose(way.points[0], solution.points[0], atol=0.002)
    times = record.timings
    assert times.plan_wall is not None
    assert times.render_wall is not None
    assert times.simulate_wall is not None
    assert times.plan_wall > 0.0
    assert times.render_wall > 0.0
    assert times.simulate_wall > times.render_wall / 100
    assert times.plan_wall + times.simulate_wall + times.render_wall <= times.reset_wall + times.step_wall
    assert record.versions["assets"] == assets_digest()


def test_oracle_reaches_only_privileged_agents_and_the_rng_is_the_scenarios() -> None:
    seen: list[EpisodeContext] = []
    for needs in (AgentNeeds(), AgentNeeds(privileged=True)):
        play(ScriptedAgent(on_reset=seen.append, needs=needs))
    plain, privileged = seen
    assert (plain.oracle, privileged.oracle) == (None, "the oracle")
    assert (plain.scenario, plain.instruction) == (SCENARIO, "walk to 0 in walk_left")
    first = []
    play(ScriptedAgent(lambda observation, rng: first.append(rng.random()) or np.ones(1)))
    assert first[0] == SCENARIO.rng("agent").random()


@pytest.mark.parametrize(
    ("needs", "text"),
    [
        (AgentNeeds(cameras=("front", "wrist")), "needs the camera wrist"),
        (AgentNeeds(image_size=(256, 256)), "256 x 256"),
        (AgentNeeds(path="drawn"), "'none', 'points', 'overlay', 'channels'"),  # type: ignore[arg-type]
        (AgentNeeds(cameras="front"), "tuple of names"),  # type: ignore[arg-type]
        ({"cameras": ("front",)}, "as AgentNeeds"),
    ],
)
def test_needs_are_checked_before_anything_is_recorded(needs: AgentNeeds, text: str, tmp_path: Path) -> None:
    made = []
    with ResultStore.for_writing(tmp_path) as store:
        with pytest.raises(AgentError, match=text):
            run(
                [PlannedEpisode("picky", SCENARIO)],
                store,
                HAMSTER,
                {"picky": ScriptedAgent(needs=needs)},
                make_environment=lambda required, protocol: made.append(required) or ScriptedEnvironment(),  # type: ignore[func-returns-value]
            )
        assert store.runs() == []
    assert made == []


def test_unknown_engine_and_planner_are_refused_with_suggestions(tmp_path: Path) -> None:
    for change, close in (({"engine": "mujocco"}, "mujoco"), ({"path_planner": "orakel"}, "oracle")):
        with ResultStore.for_writing(tmp_path) as store, pytest.raises(UnknownNameError, match=f"Did you mean: {close}"):
            run([PlannedEpisode("a", SCENARIO)], store, make_protocol("hamster", **change), {"a": ScriptedAgent()})


class FakePlanner:
    """Stands in for a planner; what it does is set by each test."""

    privileged = False
    behave: Callable[..., Any] = staticmethod(lambda *arguments: None)

    def propose(self, image_rgb: Any, instruction: str, context: Any) -> Any:
        return type(self).behave(image_rgb, instruction, context)


PATH = Path2D([[0.1, 0.2], [0.3, 0.4]], [True, False])


def play_with_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behave: Callable[..., Any], form: str = "points", **rules: Any
) -> tuple[EpisodeRecord, list[Any]]:
    monkeypatch.setattr(FakePlanner, "behave", staticmethod(behave))
    seen: list[Any] = []
    agent = ScriptedAgent(
        lambda observation, rng: seen.append(observation) or np.ones(1),
        needs=AgentNeeds(path=form),  # type: ignore[arg-type]
    )
    protocol = make_protocol("hamster", **rules)
    monkeypatch.setattr("hamster_bench.evaluation.environment.make_planner", lambda name: FakePlanner())
    with ResultStore.for_writing(tmp_path) as store:
        run(
            [PlannedEpisode("follower", SCENARIO)],
            store,
            protocol,
            {"follower": agent},
            make_environment=lambda required, _: ScriptedEnvironment(),
        )
        (record,) = store.records()
    return record, seen


@pytest.mark.parametrize("form", ["points", "overlay", "channels"])
def test_path_comes_in_the_form_needed_and_is_recorded(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, seen = play_with_path(tmp_path, monkeypatch, lambda *arguments: PATH, form)
    assert record.outcome == "success"
    assert record.path is not None
    assert Path2D.from_json(record.path) == PATH
    if form == "points":
        np.testing.assert_allclose(seen[0]["path"][:2, :2], PATH.points, atol=1e-6)
    else:
        key = {"overlay": "front_rgb", "channels": "front_path"}[form]
        assert seen[0][key].any()
        assert seen[-1][key].any()


@pytest.mark.parametrize(
    ("behave", "text"),
    [
        (raising(PathError("no path in the answer")), "no path in the answer"),
        (raising(ZeroDivisionError("bug")), "ZeroDivisionError: bug"),
        (raising(SystemExit("out")), "SystemExit: out"),
        (lambda *arguments: "not a path", "got str"),
    ],
)
def test_planner_that_fails_is_an_error_of_the_planner(
    behave: Callable[..., Any], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, seen = play_with_path(tmp_path / "end", monkeypatch, behave)
    assert (record.outcome, record.kind, record.steps, seen) == ("error", "planner_error", 0, [])
    assert record.message is not None
    assert text in record.message
    record, seen = play_with_path(tmp_path / "continue", monkeypatch, behave, on_planner_error="continue")
    assert (record.outcome, record.path) == ("success", None)
    assert record.path_error is not None
    assert text in record.path_error
    assert not seen[0]["path_mask"].any()


def test_paths_are_refreshed_as_the_protocol_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    play_with_path(tmp_path / "kept", monkeypatch, lambda *arguments: asked.append(1) or PATH)  # type: ignore[func-returns-value]
    assert len(asked) == 1
    asked.clear()
    rule = {"path_refresh": "every_1_keyposes"}
    record, _ = play_with_path(tmp_path / "often", monkeypatch, lambda *arguments: asked.append(1) or PATH, **rule)  # type: ignore[func-returns-value]
    # At reset and after every action but the last.
    assert len(asked) == record.steps > 1
    assert record.proposals is not None
    proposals = json.loads(record.proposals)
    assert [entry["step"] for entry in proposals] == list(range(len(asked)))
    assert proposals[0]["path"] == json.loads(PATH.to_json())
    with pytest.raises(InvalidOptionError, match="every_K_keyposes"):
        make_protocol("hamster", path_refresh="sometimes")


def test_keyposes_are_counted_for_agents_of_keyposes_alone() -> None:
    protocol = make_protocol("hamster", path_refresh="every_3_keyposes")
    agent = ScriptedAgent(needs=AgentNeeds(path="points"))
    check_needs("follower", agent, protocol)
    servo = type("Servo", (), {"action_mode": "joint_position", "needs": AgentNeeds(path="points")})()
    with pytest.raises(AgentError, match="counts keyposes"):
        check_needs("servo", servo, protocol)
    check_needs("servo", servo, make_protocol("hamster", path_refresh="gripper_change"))


def test_planner_without_a_path_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, _ = play_with_path(tmp_path, monkeypatch, lambda *arguments: None)
    assert (record.outcome, record.path, record.path_error) == ("success", None, None)


def test_agent_fingerprint_is_its_own_or_of_what_it_is(tmp_path: Path) -> None:
    class WithCheckpoint(ScriptedAgent):
        fingerprint = "checkpoint-1"

    assert contestant("a", WithCheckpoint()).fingerprint == "checkpoint-1"
    plain = contestant("a", ScriptedAgent())
    assert plain.fingerprint == contestant("b", ScriptedAgent()).fingerprint
    assert plain.fingerprint != contestant("a", ScriptedAgent(needs=AgentNeeds(privileged=True))).fingerprint
    plan = [PlannedEpisode("a", SCENARIO)]
    with ResultStore.for_writing(tmp_path) as store:
        run(plan, store, HAMSTER, {"a": ScriptedAgent()}, make_environment=lambda required, _: ScriptedEnvironment())
        with pytest.raises(StoreError, match="another agent called 'a'"):
            run(plan, store, HAMSTER, {"a": WithCheckpoint()}, make_environment=lambda required, _: ScriptedEnvironment())
