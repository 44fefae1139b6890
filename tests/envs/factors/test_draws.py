"""What the factors draw over many episodes, against the distributions they state."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from hamster_bench.envs.colors import COLORS
from hamster_bench.envs.factors import FACTORS
from hamster_bench.envs.factors.contract import Materials, Setting
from hamster_bench.envs.factors.distractor_objects import object_names
from hamster_bench.envs.factors.episode import draw_factors
from hamster_bench.envs.factors.textures import texture_names
from hamster_bench.envs.targets import MassTargets, SizeTargets, SpawnAreas
from hamster_bench.scenario import Scenario
from tests.envs.factors.cells import Bench

DRAWS = 2000
LEAST_P = 1e-3

_SETTINGS: dict[str, Setting] = {}
_DRAWN: dict[tuple[str, str], list[Any]] = {}


@pytest.fixture(scope="module", autouse=True)
def _settings() -> Iterator[None]:
    yield
    _SETTINGS.clear()
    _DRAWN.clear()


def setting(task: str) -> Setting:
    """A control's scene with room for distractors, as a factor finds it."""
    if task not in _SETTINGS:
        bench = Bench(task, episodes=(), cameras=(), segmentation=False)
        bench.reset("distractor", draws=None)
        bench.env.simulation.continue_from(bench.env._plain.simulation)
        _SETTINGS[task] = Setting(bench.task, bench.env.simulation.factor_scene(), Materials())
    return _SETTINGS[task]


def drawn(task: str, factor: str) -> list[Any]:
    """The draws of 2,000 episodes."""
    if (task, factor) not in _DRAWN:
        draw = FACTORS.get(factor).draw
        assert draw is not None
        where = setting(task)
        scenarios = (Scenario(task=task, factor=factor, episode=episode, seed=1) for episode in range(DRAWS))
        _DRAWN[task, factor] = [draw(where, scenario.rng(f"factor/{factor}")) for scenario in scenarios]
    return _DRAWN[task, factor]


def assert_uniform_over(values: Sequence[Any], choices: Sequence[Any]) -> None:
    counts = Counter(values)
    assert set(counts) <= set(choices)
    assert stats.chisquare([counts[choice] for choice in choices]).pvalue > LEAST_P


def assert_uniform_between(values: Sequence[float], low: float, high: float) -> None:
    assert stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue > LEAST_P


def assert_independent(one: Sequence[float], other: Sequence[float], least: float = LEAST_P) -> None:
    """By the counts of 4 x 4 quarters of both."""
    quarters = [np.searchsorted(np.quantile(v, [0.25, 0.5, 0.75]), v) for v in (np.asarray(one), np.asarray(other))]
    table = np.zeros((4, 4))
    np.add.at(table, (quarters[0], quarters[1]), 1)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    assert stats.chi2_contingency(table).pvalue > least


def test_these_checks_can_fail() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(size=DRAWS)
    with pytest.raises(AssertionError):
        assert_uniform_between(x**1.1, 0.0, 1.0)
    with pytest.raises(AssertionError):
        assert_uniform_over((x * 21.5).astype(int).clip(max=19).tolist(), range(20))
    with pytest.raises(AssertionError):
        assert_independent(x, x + 2.0 * rng.uniform(size=DRAWS))


@pytest.mark.parametrize("factor", ["bac_tex", "tab_tex"])
def test_surface_textures_are_uniform_over_the_library(factor: str) -> None:
    assert_uniform_over([draw["texture"] for draw in drawn("hockey", factor)], texture_names())


@pytest.mark.parametrize(
    ("task", "factor"),
    [("reach_and_drag", "man_obj_tex"), ("insert_onto_square_peg", "rec_obj_tex"), ("put_money_in_safe", "man_obj_tex")],
)
def test_object_textures_are_uniform_and_each_its_own(task: str, factor: str) -> None:
    draws = [draw["textures"] for draw in drawn(task, factor)]
    index = {name: number for number, name in enumerate(texture_names())}
    for target in draws[0]:
        assert_uniform_over([draw[target] for draw in draws], texture_names())
    for one, other in itertools.combinations(draws[0], 2):
        assert_independent([index[draw[one]] for draw in draws], [index[draw[other]] for draw in draws])


@pytest.mark.parametrize(("factor", "low", "high"), [("tab_col", 0.25, 1.0), ("lig_col", 0.0, 0.5)])
def test_channels_are_uniform_and_independent(factor: str, low: float, high: float) -> None:
    channels = np.array([draw["rgb"] for draw in drawn("hockey", factor)]).T
    for channel in channels:
        assert_uniform_between(channel, low, high)
    for one, other in itertools.combinations(channels, 2):
        assert_independent(one, other)


def test_cameras_move_uniformly_and_each_by_itself() -> None:
    draws = drawn("hockey", "cam_pos")
    assert set(draws[0]) == {"front", "left_shoulder", "right_shoulder"}
    moves = [np.array([draw[camera][kind] for draw in draws])[:, axis] for camera, kind, axis in _moves(draws[0])]
    for (_, kind, _), values in zip(_moves(draws[0]), moves, strict=True):
        reach = {"offset": 0.1, "turn": 0.05}[kind]
        assert_uniform_between(values, -reach, reach)
    pairs = list(itertools.combinations(moves, 2))
    for one, other in pairs:
        assert_independent(one, other, LEAST_P / len(pairs))


def _moves(draw: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(camera, kind, axis) for camera in draw for kind in ("offset", "turn") for axis in range(3)]


@pytest.mark.parametrize(
    ("task", "factor"),
    [
        ("reach_and_drag", "man_obj_col"),
        ("reach_and_drag", "rec_obj_col"),
        ("scoop_with_spatula", "man_obj_col"),
        ("wipe_desk", "man_obj_col"),
    ],
)
def test_colours_are_uniform_over_those_unlike_the_objects_own(task: str, factor: str) -> None:
    draws = [draw["colors"] for draw in drawn(task, factor)]
    for target in draws[0]:
        assert_uniform_over([draw[target] for draw in draws], unlike(task, target))


def unlike(task: str, target: str) -> list[str]:
    """Colours of the table further from an object's own than a quarter of a channel."""
    own = setting(task).scene.color(target)
    found = [name for name, rgb in COLORS if np.linalg.norm(np.subtract(rgb, own)) > 0.25]
    assert len(found) >= 17
    return found


def test_one_colour_for_all_notes() -> None:
    draws = [draw["colors"] for draw in drawn("put_money_in_safe", "man_obj_col")]
    assert all(len(set(draw.values())) == 1 for draw in draws)
    assert_uniform_over([draw["dollar_stack"] for draw in draws], unlike("put_money_in_safe", "dollar_stack"))


def test_no_other_object_gets_the_colour_that_the_instruction_names() -> None:
    draws = [draw["colors"] for draw in drawn("stack_cups", "man_obj_col")]
    assert_uniform_over([draw["cup2_visual"] for draw in draws], unlike("stack_cups", "cup2_visual"))
    for cup in ("cup1_visual", "cup3_visual"):
        assert not any(draw[cup] == draw["cup2_visual"] for draw in draws)
        allowed, named = unlike("stack_cups", cup), unlike("stack_cups", "cup2_visual")
        left = {taken: [color for color in allowed if color != taken] for taken in named}
        expected = [DRAWS / len(named) * sum(1 / len(left[t]) for t in named if color in left[t]) for color in allowed]
        counts = Counter(draw[cup] for draw in draws)
        assert stats.chisquare([counts[color] for color in allowed], expected).pvalue > LEAST_P


@pytest.mark.parametrize(
    ("task", "factor"),
    [
        ("reach_and_drag", "man_obj_siz"),
        ("reach_and_drag", "rec_obj_siz"),
        ("insert_onto_square_peg", "man_obj_siz"),
        ("insert_onto_square_peg", "rec_obj_siz"),
        ("stack_cups", "man_obj_siz"),
        ("setup_chess", "man_obj_siz"),
    ],
)
def test_scales_are_uniform_in_the_tasks_range(task: str, factor: str) -> None:
    draws = [draw["scales"] for draw in drawn(task, factor)]
    targets = setting(task).task.factors[factor]
    assert isinstance(targets, SizeTargets)
    assert set(draws[0]) == set(targets.objects)
    if targets.same:
        assert all(len(set(draw.values())) == 1 for draw in draws)
    else:
        pairs = list(itertools.combinations(targets.objects, 2))[:40]
        for one, other in pairs:
            assert_independent([d[one] for d in draws], [d[other] for d in draws], LEAST_P / len(pairs))
    for body in targets.objects[:6]:
        assert_uniform_between([draw[body] for draw in draws], targets.low, targets.high)


def test_masses_and_frictions_are_uniform_in_their_ranges() -> None:
    masses = [draw["masses"] for draw in drawn("scoop_with_spatula", "mass")]
    targets = setting("scoop_with_spatula").task.factors["mass"]
    assert isinstance(targets, MassTargets)
    for body, low, high in targets.ranges:
        assert_uniform_between([draw[body] for draw in masses], low, high)
    (one, *_), (other, *_) = targets.ranges
    assert_independent([draw[one] for draw in masses], [draw[other] for draw in masses])
    frictions = [draw["frictions"] for draw in drawn("scoop_with_spatula", "friction")]
    assert all(len(set(draw.values())) == 1 for draw in frictions)
    assert_uniform_between([draw["Cuboid"] for draw in frictions], 0.75, 1.0)


@pytest.mark.parametrize("task", ["reach_and_drag", "insert_onto_square_peg", pytest.param("wipe_desk", marks=pytest.mark.slow)])
def test_distractors_are_uniform_over_kinds_and_sizes(task: str) -> None:
    draws = [draw["objects"] for draw in drawn(task, "distractor")]
    targets = setting(task).task.factors["distractor"]
    assert isinstance(targets, SpawnAreas)
    areas = [area for area, count in targets.areas for _ in range(count)]
    kinds = [name for name in object_names() if name not in targets.lookalikes]
    for number, area in enumerate(areas):
        assert {draw[number]["area"] for draw in draws} == {area}
        assert_uniform_over([draw[number]["kind"] for draw in draws], kinds)
        assert_uniform_over([draw[number]["scale"] for draw in draws], (0.8, 1.0, 1.2))
    assert_independent(*([kinds.index(draw[number]["kind"]) for draw in draws] for number in (0, 1)))


def number_of(factor: str, draw: Any) -> NDArray[np.float64]:
    """The first thing that is drawn, as a number."""
    textures = {name: number for number, name in enumerate(texture_names())}
    colors = {name: number for number, (name, _) in enumerate(COLORS)}
    kinds = {name: number for number, name in enumerate(object_names())}
    value: Any = draw
    while isinstance(value, dict | list):
        value = next(iter(value.values())) if isinstance(value, dict) else value[0]
    for table in (textures, colors, kinds):
        if isinstance(value, str) and value in table:
            return np.float64(table[value])  # type: ignore[return-value]
    assert isinstance(value, float), (factor, value)
    return np.float64(value)  # type: ignore[return-value]


def test_all_factors_draw_independently_of_each_other() -> None:
    factors = [name for name in FACTORS if FACTORS.get(name).draw is not None]
    numbers = {name: [number_of(name, draw) for draw in drawn("reach_and_drag", name)] for name in factors}
    assert len(numbers) == 14
    pairs = list(itertools.combinations(numbers.values(), 2))
    for one, other in pairs:
        assert_independent(one, other, LEAST_P / len(pairs))


def test_factors_that_draw_the_same_kind_of_thing_do_not_move_in_step() -> None:
    for one, other in (("tab_tex", "bac_tex"), ("man_obj_col", "rec_obj_col"), ("man_obj_siz", "rec_obj_siz")):
        pairs = [[number_of(name, draw) for draw in drawn("reach_and_drag", name)] for name in (one, other)]
        assert_independent(*pairs)
    light, table = (np.array([draw["rgb"] for draw in drawn("reach_and_drag", name)]).ravel() for name in ("lig_col", "tab_col"))
    assert stats.pearsonr(light, table).pvalue > LEAST_P


def test_one_more_factor_in_a_combination_shifts_no_other() -> None:
    where = setting("reach_and_drag")
    more = Setting(where.task, where.scene, Materials(compat=frozenset({"mixed_physics"})))
    for episode in range(5):
        scenario = Scenario(task="reach_and_drag", factor="rlb_and_col", episode=episode)
        without, together = draw_factors(scenario, where), draw_factors(scenario, more)
        assert set(together) - set(without) == {"friction", "mass"}
        assert {name: together[name] for name in without} == without


def test_draws_depend_on_task_episode_and_seed_and_on_nothing_else() -> None:
    where = setting("reach_and_drag")
    base = Scenario(task="reach_and_drag", factor="tab_col", episode=3, seed=5)
    same = Scenario(task="reach_and_drag", factor="rlb_and_col", variation=7, episode=3, seed=5)
    first = draw_factors(base, where)["tab_col"]
    assert draw_factors(same, where)["tab_col"] == first
    for other in (
        Scenario(task="reach_and_drag", factor="tab_col", episode=4, seed=5),
        Scenario(task="reach_and_drag", factor="tab_col", episode=3, seed=6),
        Scenario(task="hockey", factor="tab_col", episode=3, seed=5),
    ):
        assert draw_factors(other, where)["tab_col"] != first


def test_what_a_reset_reports_is_what_its_stream_draws() -> None:
    bench = Bench("reach_and_drag", episodes=(), cameras=(), segmentation=False)
    for factor in ("man_obj_col", "tab_tex", "cam_pos", "man_obj_siz"):
        draw = FACTORS.get(factor).draw
        assert draw is not None
        expected = draw(setting("reach_and_drag"), Scenario(task="reach_and_drag", episode=6).rng(f"factor/{factor}"))
        assert bench.reset(factor, episode=6).draws == {factor: expected}
    bench.close()
