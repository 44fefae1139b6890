"""Path wrappers around an environment made of functions, and around the real one."""

import functools
import pickle
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import hamster_bench  # noqa: F401 - registers the environments
from hamster_bench.envs.contract import action_space, observation_space
from hamster_bench.envs.wrappers import PathChannels, PathOverlay, PathPoints
from hamster_bench.errors import InvalidOptionError, PathError, PlannerError, UnknownNameError
from hamster_bench.geometry import pinhole_intrinsics
from hamster_bench.paths import Path2D, draw_path, path_from_arrays
from hamster_bench.planners import PlannerContext, Proposal
from hamster_bench.planners.refresh import RefreshRule
from hamster_bench.scenario import Scenario

PATH = Path2D([[0.25, 0.25], [0.5, 0.75], [0.75, 0.25]], [1, 0, 1])
REAL = "hamster_bench/slide_block_to_target-v0"


class FunctionEnv(gymnasium.Env):
    """The observation contract, with made-up images that change at every step."""

    def __init__(self, cameras=("front",), oracle=None, action_mode="keypose", script=()):
        self.action_mode = action_mode
        self.script = script  # changes of info and of the gripper's opening, and whether the episode ends, step by step
        self.observation_space = observation_space(cameras, 48, 64)
        self.action_space = action_space("keypose")
        self.cameras = cameras
        self.oracle = oracle
        self.steps = 0

    def observe(self):
        observation = {
            "joint_positions": np.zeros(7),
            "joint_velocities": np.zeros(7),
            "gripper_pose": np.array([0.3, 0.0, 1.4, 0.0, 1.0, 0.0, 0.0]),
            "gripper_open": np.ones(1),
            "instruction": "push the block",
        }
        for camera in self.cameras:
            observation[f"{camera}_rgb"] = np.full((48, 64, 3), self.steps, np.uint8)
            observation[f"{camera}_depth"] = np.ones((48, 64), np.float32)
            observation[f"{camera}_intrinsics"] = pinhole_intrinsics(64, 48, 0.7)
            observation[f"{camera}_extrinsics"] = np.eye(4)
        return observation

    def info(self):
        return {"instruction": "push the block", "scenario": Scenario(task="slide_block_to_target", seed=3).id}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 1
        return self.observe(), self.info()

    def step(self, action):
        self.steps += 1
        observation, info = self.observe(), self.info() | {"failure": None}
        event = self.script[self.steps - 2] if self.steps - 2 < len(self.script) else {}
        observation["gripper_open"] = np.array([event.get("gripper", 1.0)])
        info["failure"] = event.get("failure")
        return observation, 0.0, event.get("ended", False), False, info


class FixedPlanner:
    """Answers always the same, or raises it, and remembers what it was asked."""

    def __init__(self, answer, privileged=False):
        self.answer = answer
        self.privileged = privileged
        self.asked = []

    def propose(self, image_rgb, instruction, context):
        self.asked.append((image_rgb, instruction, context))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class UncopyablePlanner(FixedPlanner):
    def __deepcopy__(self, memo):
        raise TypeError("holds a connection")


WRAPPERS = (PathPoints, PathOverlay, PathChannels)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_the_planner_is_asked_once_an_episode_with_the_first_image(wrapper):
    planner = FixedPlanner(PATH)
    env = wrapper(FunctionEnv(), planner)
    _, info = env.reset()
    ages = [info["path_age"]]
    for _ in range(3):
        *_, info = env.step(env.action_space.sample())
        ages.append(info["path_age"])
        assert info["path"] == PATH
        assert info["path_error"] is None
    assert ages == [0, 1, 2, 3]
    assert len(planner.asked) == 1
    image, instruction, context = planner.asked[0]
    assert (image == 1).all()
    assert instruction == "push the block"
    assert isinstance(context, PlannerContext)
    assert (context.camera.width, context.camera.height) == (64, 48)
    assert context.gripper_open is True
    assert context.gripper_pose[:3].tolist() == [0.3, 0.0, 1.4]
    env.reset()
    assert len(planner.asked) == 2
    assert env.step(env.action_space.sample())[-1]["path_age"] == 1


class SeriesPlanner(FixedPlanner):
    """Answers one after the other."""

    def propose(self, image_rgb, instruction, context):
        self.asked.append((image_rgb, instruction, context))
        answer = self.answer[len(self.asked) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def numbered(i):
    return Path2D([[0.1, 0.1], [0.9, i / 10]], [1, 1])


def play(env, steps):
    """The infos of a reset and of so many steps."""
    infos = [env.reset()[1]]
    for _ in range(steps):
        infos.append(env.step(env.action_space.sample())[-1])
    return infos


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_new_path_comes_every_so_many_keyposes(wrapper):
    planner = SeriesPlanner([numbered(i) for i in range(4)])
    infos = play(wrapper(FunctionEnv(), planner, refresh="every_2_keyposes"), 6)
    assert [info["path_age"] for info in infos] == [0, 1, 0, 1, 0, 1, 0]
    assert [info["path_proposals"] for info in infos] == [1, 1, 2, 2, 3, 3, 4]
    assert [info["path"] for info in infos] == [numbered(i) for i in (0, 0, 1, 1, 2, 2, 3)]
    # The planner sees the image of the moment, without the path.
    assert [int(image.max()) for image, *_ in planner.asked] == [1, 3, 5, 7]
    assert all((image == image[0, 0]).all() for image, *_ in planner.asked)


def test_keyposes_that_were_not_reached_do_not_count():
    script = [{"failure": "ik_unreachable"}, {}, {"failure": "path_not_found"}, {}]
    planner = SeriesPlanner([numbered(i) for i in range(3)])
    infos = play(PathPoints(FunctionEnv(script=script), planner, refresh="every_2_keyposes"), 4)
    assert [info["path_proposals"] for info in infos] == [1, 1, 1, 1, 2]
    assert [info["path_age"] for info in infos] == [0, 1, 2, 3, 0]


def test_a_new_path_comes_when_the_gripper_changes():
    script = [{"gripper": opening} for opening in (1.0, 0.0, 0.1, 0.0, 1.0)]
    planner = SeriesPlanner([numbered(i) for i in range(3)])
    infos = play(PathOverlay(FunctionEnv(script=script), planner, refresh="gripper_change"), 5)
    assert [info["path_age"] for info in infos] == [0, 1, 0, 1, 2, 0]
    assert [context.gripper_open for *_, context in planner.asked] == [True, False, True]


def test_nobody_is_asked_when_the_episode_has_ended():
    planner = SeriesPlanner([numbered(0)])
    infos = play(PathPoints(FunctionEnv(script=[{"gripper": 0.0, "ended": True}]), planner, refresh="gripper_change"), 1)
    assert [info["path_proposals"] for info in infos] == [1, 1]


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_refresh_that_fails_keeps_the_path_and_is_told(wrapper):
    planner = SeriesPlanner([numbered(0), PlannerError("no connection", {"tries": 3}), numbered(2)])
    infos = play(wrapper(FunctionEnv(), planner, refresh="every_1_keyposes"), 2)
    assert [info["path"] for info in infos] == [numbered(0), numbered(0), numbered(2)]
    assert [info["path_age"] for info in infos] == [0, 1, 0]
    assert [info["path_error"] for info in infos] == [None, "PlannerError: no connection", None]
    assert [info["path_record"] and dict(info["path_record"]) for info in infos] == [None, {"tries": 3}, None]


def test_a_refresh_that_fits_no_array_keeps_the_path():
    planner = SeriesPlanner([PATH, Proposal(Path2D(np.full((40, 2), 0.5), np.arange(40) % 2), {"answer": "long"})])
    env = PathPoints(FunctionEnv(), planner, refresh="every_1_keyposes")
    env.reset()
    observation, *_, info = env.step(env.action_space.sample())
    assert info["path"] == PATH
    assert path_from_arrays(observation["path"], observation["path_mask"]).gripper_open.tolist() == [True, False, True]
    assert "39 gripper changes" in info["path_error"]
    assert dict(info["path_record"]) == {"answer": "long"}


def test_a_planner_may_have_nothing_more_to_offer():
    planner = SeriesPlanner([PATH, None])
    env = PathChannels(FunctionEnv(), planner, refresh="every_1_keyposes")
    assert env.reset()[0]["front_path"].any()
    observation, *_, info = env.step(env.action_space.sample())
    assert (info["path"], info["path_error"], info["path_age"]) == (None, None, 0)
    assert not observation["front_path"].any()


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_what_the_planner_said_is_passed_on(wrapper):
    record = {"answer": "<ans>...</ans>", "repairs": ["clipped"], "latency_s": 0.2, "cached": False}
    env = wrapper(FunctionEnv(), FixedPlanner(Proposal(PATH, record)))
    infos = play(env, 1)
    for info in infos:
        assert dict(info["path_record"]) == record
        assert dict(pickle.loads(pickle.dumps(info["path_record"]))) == record
    failing = wrapper(FunctionEnv(), FixedPlanner(PlannerError("refused", {"answer": "no"})))
    info = failing.reset()[1]
    assert (info["path"], info["path_error"], dict(info["path_record"])) == (None, "PlannerError: refused", {"answer": "no"})


def test_records_hold_what_json_can():
    for value in (float("nan"), {1, 2}, PATH, b"bytes"):
        with pytest.raises(InvalidOptionError, match="JSON"):
            Proposal(PATH, {"value": value})


def test_noise_of_a_second_proposal_is_not_that_of_the_first():
    class Drawing(FixedPlanner):
        def propose(self, image_rgb, instruction, context):
            self.asked.append(context.rng.random())
            return PATH

    planner = Drawing(None)
    env = PathPoints(FunctionEnv(), planner, refresh="every_1_keyposes")
    play(env, 2)
    play(env, 2)
    assert len(set(planner.asked[:3])) == 3
    assert planner.asked[:3] == planner.asked[3:]


@pytest.mark.parametrize("outer", WRAPPERS)
def test_an_outer_wrapper_follows_the_refreshes_of_an_inner_one(outer):
    planner = SeriesPlanner([Proposal(numbered(0), {"n": 0}), Proposal(numbered(1), {"n": 1})])
    env = outer(PathPoints(FunctionEnv(), planner, refresh="every_2_keyposes"), planner=None)
    infos = play(env, 3)
    assert [info["path"] for info in infos] == [numbered(i) for i in (0, 0, 1, 1)]
    assert [info["path_age"] for info in infos] == [0, 1, 0, 1]
    assert [info["path_record"]["n"] for info in infos] == [0, 0, 1, 1]


def test_channels_are_the_path_on_black_beside_the_image():
    env = PathChannels(FunctionEnv(cameras=("front", "wrist")), FixedPlanner(PATH), style="paper")
    black = np.zeros((48, 64, 3), np.uint8)
    for act in (lambda: env.reset()[0], lambda: env.step(env.action_space.sample())[0]):
        observation = act()
        assert observation in env.observation_space
        assert (observation["front_path"] == draw_path(black, PATH, "paper")).all()
        assert (observation["front_rgb"] == env.unwrapped.steps).all()
        assert "wrist_path" not in observation
        assert np.concatenate([observation["front_rgb"], observation["front_path"]], axis=2).shape == (48, 64, 6)
        observation["front_path"][:] = 7


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("rule", ["always", "every_0_keyposes", "every__keyposes", "every_2", "every_2_keyposes ", 3, None, ""])
def test_unknown_rules_are_refused_at_once(wrapper, rule):
    with pytest.raises(InvalidOptionError, match="every_K_keyposes"):
        wrapper(FunctionEnv(), "none", refresh=rule)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_rules_that_do_not_go_with_the_environment_are_refused_at_once(wrapper):
    with pytest.raises(InvalidOptionError, match="joint_position"):
        wrapper(FunctionEnv(action_mode="joint_position"), "none", refresh="every_2_keyposes")
    wrapper(FunctionEnv(action_mode="joint_position"), "none", refresh="gripper_change")
    with pytest.raises(InvalidOptionError, match="further inside"):
        wrapper(PathPoints(FunctionEnv(), "none"), None, refresh="gripper_change")


def test_rules_are_read_from_their_names():
    assert RefreshRule.parse("first_frame") == RefreshRule()
    assert RefreshRule.parse("every_12_keyposes") == RefreshRule(every_keyposes=12)
    assert RefreshRule.parse("gripper_change") == RefreshRule(on_gripper_change=True)


def test_planners_draw_from_the_scenario_alone():
    planner = FixedPlanner(PATH)
    env = PathPoints(FunctionEnv(), planner)
    env.reset(seed=1)
    env.reset(seed=2)
    first, second = (context.rng.random(4).tolist() for *_, context in planner.asked)
    assert first == second == Scenario(task="slide_block_to_target", seed=3).rng("planner").random(4).tolist()


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_only_privileged_planners_see_the_oracle(wrapper):
    oracle = object()
    for privileged in (False, True):
        planner = FixedPlanner(PATH, privileged)
        wrapper(FunctionEnv(oracle=oracle), planner).reset()
        assert planner.asked[0][2].oracle is (oracle if privileged else None)


def test_points_are_added_to_every_observation():
    env = PathPoints(FunctionEnv(), FixedPlanner(PATH))
    observation, _ = env.reset()
    later = env.step(env.action_space.sample())[0]
    for given in (observation, later):
        assert given in env.observation_space
        np.testing.assert_allclose(path_from_arrays(given["path"], given["path_mask"]).points, PATH.points)
    observation["path"][:] = 0.0
    assert env.step(env.action_space.sample())[0]["path"].any()


def test_the_overlay_draws_on_its_camera_alone():
    env = PathOverlay(FunctionEnv(cameras=("front", "wrist")), FixedPlanner(PATH), style="paper")
    for act in (lambda: env.reset()[0], lambda: env.step(env.action_space.sample())[0]):
        observation = act()
        plain = np.full((48, 64, 3), env.unwrapped.steps, np.uint8)
        assert observation in env.observation_space
        assert (observation["front_rgb"] == draw_path(plain, PATH, "paper")).all()
        assert (observation["wrist_rgb"] == plain).all()


@pytest.mark.parametrize("answer", [None, PathError("the server is silent")])
def test_an_episode_without_a_path_goes_on(answer):
    env = PathOverlay(PathPoints(FunctionEnv(), FixedPlanner(answer)), FixedPlanner(answer))
    observation, info = env.reset()
    *_, later = env.step(env.action_space.sample())
    for given in (info, later):
        assert given["path"] is None
        assert given["path_error"] == (None if answer is None else "PathError: the server is silent")
    assert not observation["path_mask"].any()
    assert not observation["path"].any()
    assert (observation["front_rgb"] == 1).all()


def test_a_failure_does_not_outlive_its_episode():
    planner = FixedPlanner(PathError("busy"))
    env = PathPoints(FunctionEnv(), planner)
    env.reset()
    planner.answer = PATH
    observation, info = env.reset()
    assert info["path_error"] is None
    assert observation["path_mask"].sum() == 3
    planner.answer = None
    observation, info = env.reset()
    assert info["path"] is None
    assert not observation["path_mask"].any()


def test_a_path_that_fits_no_array_is_a_recorded_failure():
    env = PathPoints(FunctionEnv(), FixedPlanner(Path2D(np.full((40, 2), 0.5), np.arange(40) % 2)))
    observation, info = env.reset()
    assert info["path"] is None
    assert "39 gripper changes" in info["path_error"]
    assert not observation["path_mask"].any()


def test_faults_of_a_planner_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        PathPoints(FunctionEnv(), FixedPlanner(ZeroDivisionError())).reset()


def test_an_outer_wrapper_can_use_the_path_of_an_inner_one():
    planner = FixedPlanner(PATH)
    env = PathOverlay(PathPoints(FunctionEnv(), planner), planner=None)
    observation, info = env.reset()
    assert len(planner.asked) == 1
    assert info["path"] == PATH
    assert (observation["front_rgb"] == draw_path(np.ones((48, 64, 3), np.uint8), PATH)).all()


def test_without_an_inner_path_a_planner_is_asked_for():
    with pytest.raises(InvalidOptionError, match="name a planner"):
        PathOverlay(FunctionEnv(), planner=None).reset()


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrong_arguments_are_refused_at_once(wrapper):
    with pytest.raises(InvalidOptionError, match="it has: front"):
        wrapper(FunctionEnv(), "oracle", camera="wrist")
    with pytest.raises(InvalidOptionError, match="it has: none"):
        wrapper(FunctionEnv(cameras=()), "oracle")
    with pytest.raises(UnknownNameError, match="oracle"):
        wrapper(FunctionEnv(), "orcale")
    with pytest.raises(InvalidOptionError, match="planner must be"):
        wrapper(FunctionEnv(), 7)
    with pytest.raises(InvalidOptionError, match=r"spaces\.Dict"):
        wrapper(gymnasium.make("CartPole-v1"), "oracle")


@pytest.mark.parametrize("wrapper", [PathOverlay, PathChannels])
def test_unknown_styles_are_refused_at_once(wrapper):
    with pytest.raises(UnknownNameError, match="hamster, paper"):
        wrapper(FunctionEnv(), "none", style="crayon")


def test_planners_that_cannot_be_copied_are_fine():
    env = PathPoints(FunctionEnv(), UncopyablePlanner(PATH))
    assert env.reset()[1]["path"] == PATH


def test_an_engine_without_an_oracle_is_a_planner_failure():
    env = FunctionEnv()
    del env.oracle
    _, info = PathPoints(env, "oracle").reset()
    assert "oracle" in info["path_error"]


def wrapped_real_env(planner="oracle"):
    env = gymnasium.make(REAL, image_size=64)
    return PathOverlay(PathChannels(PathPoints(env, planner, refresh="every_2_keyposes"), planner=None), planner=None)


def test_the_stack_can_be_rebuilt_from_its_spec():
    env = wrapped_real_env()
    spec = gymnasium.envs.registration.EnvSpec.from_json(env.spec.to_json())
    again = gymnasium.make(spec)
    first, second = env.reset(seed=5)[0], again.reset(seed=5)[0]
    assert (first["front_rgb"] == second["front_rgb"]).all()
    assert (first["path"] == second["path"]).all()
    assert (first["front_path"] == second["front_path"]).all()
    assert first["path_mask"].sum() >= 2
    env.close()
    again.close()


def test_the_oracle_path_of_a_push_starts_at_the_gripper_and_closes_once():
    env = PathPoints(gymnasium.make(REAL, image_size=64), "oracle")
    observation, info = env.reset(options={"scenario": Scenario(task="slide_block_to_target", seed=1000)})
    camera = env.unwrapped.camera("front")
    tip = camera.project(observation["gripper_pose"][:3])[0][0] / 64
    np.testing.assert_allclose(info["path"].points[0], tip, atol=1e-9)
    assert info["path"].gripper_open.tolist() == [True, False, False]
    env.close()


def test_gymnasiums_checker_has_no_complaint():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env(
            PathOverlay(PathChannels(FunctionEnv(), FixedPlanner(Proposal(PATH, {"n": 1}))), planner=None), skip_render_check=True
        )
    # By contract joint positions and poses are unbounded and actions have units. The checker advises against checking wrapped
    # environments, which is the point here; and this one was not made from a registered spec.
    expected = ("infinity", "symmetric and normalized", "wrapper applied", "spec")
    messages = [str(warning.message) for warning in caught]
    assert [message for message in messages if not any(words in message for words in expected)] == []


def test_vectorised_environments_carry_paths_across_processes():
    # Specs, not functions of this file: a spawned process cannot import a test module.
    stacks = [wrapped_real_env("oracle"), wrapped_real_env("none")]
    makers = [functools.partial(gymnasium.make, stack.spec) for stack in stacks]
    for stack in stacks:
        stack.close()
    env = gymnasium.vector.AsyncVectorEnv(makers, context="spawn")
    try:
        observations, info = env.reset(seed=[3, 4])
        assert observations["path_mask"].sum(axis=1).tolist()[1] == 0
        assert observations["path_mask"].sum(axis=1).tolist()[0] >= 2
        assert isinstance(info["path"][0], Path2D)
        assert info["path"][1] is None
        *_, info = env.step(np.array([env.single_action_space.sample() for _ in makers]))
        assert info["path_age"].tolist() == [1, 1]
    finally:
        env.close()
