"""Decisions of THE COLOSSEUM that can be switched back on, instructions that follow colours, and drawing without OpenGL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from hamster_bench.envs.colors import COLORS
from hamster_bench.envs.factors.contract import COMPAT_SWITCHES
from hamster_bench.envs.factors.episode import compat_switches
from hamster_bench.envs.factors.textures import load_texture
from hamster_bench.errors import UnknownNameError
from hamster_bench.scenario import Scenario
from tests.envs.factors.cells import Bench, assert_equal_starts

_RGB = dict(COLORS)
# The factor that paints the object which the instruction names by its colour.
_NAMED = {"stack_cups": "man_obj_col", "insert_onto_square_peg": "rec_obj_col"}


@pytest.fixture(scope="module", params=["stack_cups", "insert_onto_square_peg"])
def painted(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(request.param, episodes=range(6))
    yield made
    made.close()


def colors_of(bench: Bench, names: Any) -> dict[str, tuple[float, ...]]:
    """Colours of geoms in the running episode, to two digits."""
    return {name: tuple(np.round(bench.model.geom_rgba[bench.model.geom(name).id, :3].astype(float), 2)) for name in names}


def visible_geom(bench: Bench, name: str) -> str:
    """The geom of a name, or the first visible one of a body."""
    body = bench.model.body(bench.model.geom(name).bodyid[0]) if _has_geom(bench, name) else bench.model.body(name)
    if _has_geom(bench, name):
        return name
    first, count = int(body.geomadr[0]), int(body.geomnum[0])
    return str(next(bench.model.geom(g).name for g in range(first, first + count) if bench.model.geom_group[g] <= 2))


def _has_geom(bench: Bench, name: str) -> bool:
    return any(bench.model.geom(g).name == name for g in range(bench.model.ngeom))


def mentions(instruction: str) -> list[str]:
    return [name for name, _ in COLORS if name in instruction.split()]


def test_instructions_name_the_colour_that_is_seen_on_one_object_alone(painted: Bench) -> None:
    factor = _NAMED[painted.task.name]
    followed = 0
    for episode in range(6):
        start = painted.reset(factor, episode)
        for instruction in phrasings(painted, factor, episode):
            named = mentions(instruction)
            if named:
                (name,) = named
                colors = colors_of(painted, [visible_geom(painted, target) for target in painted.targets(factor)])
                assert list(colors.values()).count(tuple(np.round(_RGB[name], 2))) == 1
                (target,) = [t for t, color in start.draws[factor]["colors"].items() if color == name]
                assert target == goal(painted)
                followed += 1
        assert mentions(start.instruction) != mentions(painted.controls[episode, 0].instruction) or not mentions(
            start.instruction
        )
    assert followed >= 6


def phrasings(bench: Bench, factor: str, episode: int = 0, variation: int = 0) -> tuple[str, ...]:
    """All instructions of an episode, which runs afterwards."""
    scenario = Scenario(task=bench.task.name, factor=factor, episode=episode, variation=variation)
    _, info = bench.env.reset(options={"scenario": scenario})
    return tuple(info["instructions"])


def goal(bench: Bench) -> str:
    """The object that the goal of the running episode is about, from where its detection volumes are."""
    if bench.task.name == "stack_cups":
        return "cup2_visual"
    centre = bench.data.body("success_centre").xpos[:2]
    return min(bench.targets("rec_obj_col"), key=lambda name: float(np.linalg.norm(bench.data.body(name).xpos[:2] - centre)))


def test_a_variation_changes_what_is_painted_and_the_factor_paints_over_it(painted: Bench) -> None:
    factor = _NAMED[painted.task.name]
    start = painted.reset(factor, 0, variation=7)
    drawn = start.draws[factor]["colors"][goal(painted)]
    assert all(mentions(phrase) in ([], [drawn]) for phrase in phrasings(painted, factor, variation=7))


@pytest.fixture
def make() -> Iterator[Any]:
    made: list[Bench] = []

    def bench(task: str, **options: Any) -> Bench:
        made.append(Bench(task, **options))
        return made[-1]

    yield bench
    for one in made:
        one.close()


@pytest.mark.parametrize(("task", "factor"), _NAMED.items())
def test_paint_wins(make: Any, task: str, factor: str) -> None:
    bench = make(task, compat="paint_wins")
    start, control = bench.reset(factor), bench.controls[0, 0]
    assert np.array_equal(start.rgb, control.rgb)
    assert start.instruction == control.instruction
    # Colours that the task does not paint are there.
    other = bench.reset("tab_col")
    assert other.changed(control).any()


def test_paint_wins_on_what_a_task_paints_only(make: Any) -> None:
    bench = make("hockey", compat=["paint_wins"])
    ours = make("hockey")
    assert_equal_starts(bench.reset("man_obj_col"), ours.reset("man_obj_col"))


def test_plain_shapes_only(make: Any) -> None:
    upstream, ours = make("put_money_in_safe", compat="plain_shapes_only"), make("put_money_in_safe")
    draws = ours.reset("rec_obj_tex").draws
    assert upstream.reset("rec_obj_tex").draws == draws
    material = {}
    for name, bench in (("upstream", upstream), ("ours", ours)):
        control = bench.model.geom_matid.copy()
        bench.reset("no_var")
        control = bench.model.geom_matid.copy()
        bench.reset("rec_obj_tex")
        changed = np.flatnonzero(bench.model.geom_matid != control)
        material[name] = {bench.model.geom(int(g)).name for g in changed} | {
            bench.model.body(int(bench.model.geom_bodyid[g])).name for g in changed
        }
    assert "safe_door" in material["upstream"]
    assert "safe_body" not in material["upstream"]
    assert {"safe_door", "safe_body"} <= material["ours"]


def test_one_stream(make: Any) -> None:
    upstream, ours = make("reach_and_drag", compat="one_stream"), make("reach_and_drag")
    for episode in range(3):
        draws = upstream.reset("all_mixed", episode).draws
        assert draws["tab_tex"] == draws["bac_tex"]
        assert (
            draws["man_obj_tex"]["textures"]["stick"] == draws["rec_obj_tex"]["textures"]["cube"] == draws["tab_tex"]["texture"]
        )
        light, table = np.array(draws["lig_col"]["rgb"]) / 0.5, (np.array(draws["tab_col"]["rgb"]) - 0.25) / 0.75
        assert light == pytest.approx(table)
        other = ours.reset("all_mixed", episode).draws
        assert other["tab_tex"] != other["bac_tex"]


def test_one_draw(make: Any) -> None:
    bench = make("hockey", episodes=range(3), compat="one_draw")
    first = bench.reset("rlb_and_col", 0)
    again = bench.reset("rlb_and_col", 2)
    # Places of distractors depend on the layout, which is another.
    seen = {name: drawn for name, drawn in first.draws.items() if name != "distractor"}
    assert {name: drawn for name, drawn in again.draws.items() if name != "distractor"} == seen
    kinds = [[thing["kind"] for thing in start.draws["distractor"]["objects"]] for start in (first, again)]
    assert kinds[0] == kinds[1]
    assert not np.array_equal(first.qpos, again.qpos)


def test_mixed_physics(make: Any) -> None:
    upstream, ours = make("scoop_with_spatula", compat="mixed_physics"), make("scoop_with_spatula")
    start = upstream.reset("rlb_and_col")
    masses = start.draws["mass"]["masses"]
    for body, mass in masses.items():
        # Whatever the size that was drawn.
        assert upstream.model.body(body).mass[0] == pytest.approx(mass)
    assert not {"mass", "friction"} & set(ours.reset("rlb_and_col").draws)


def test_colosseum_stands_for_every_switch() -> None:
    assert compat_switches("colosseum") == frozenset(COMPAT_SWITCHES)
    assert compat_switches(None) == compat_switches("") == frozenset()
    assert compat_switches("one_draw, paint_wins") == compat_switches(["paint_wins", "one_draw"])
    with pytest.raises(UnknownNameError):
        compat_switches("one_draw,none_draw")


def test_every_switch_together_records_and_repeats(make: Any) -> None:
    bench = make("put_money_in_safe", compat="colosseum")
    start = bench.reset("rlb_and_col")
    assert_equal_starts(bench.reset("rlb_and_col", draws=json.loads(json.dumps(start.draws))), start)
    assert_equal_starts(bench.reset("no_var"), bench.controls[0, 0])


@pytest.fixture(scope="module")
def rays() -> Iterator[Bench]:
    made = Bench("stack_cups", renderer="raycast", image_size=64)
    yield made
    made.close()


def test_rays_show_the_mean_colour_of_textures(rays: Bench) -> None:
    table = rays.body_ids(["diningTable_visible"])
    shown, expected = [], []
    for episode in range(8):
        start = rays.reset("tab_tex", episode)
        texture = load_texture(start.draws["tab_tex"]["texture"])
        expected.append(texture.reshape(-1, 3).mean(axis=0))
        lower = np.zeros_like(start.bodies, dtype=bool)
        lower[40:] = True
        shown.append(np.median(start.rgb[lower & np.isin(start.bodies, list(table))], axis=0))
    ratio = np.array(shown) / np.array(expected)
    # One shade of white light for all: the table is level.
    assert ratio.std() < 0.05 * ratio.mean()


@pytest.mark.parametrize(
    "factor", ["bac_tex", "tab_tex", "tab_col", "man_obj_col", "man_obj_tex", "man_obj_siz", "cam_pos", "lig_col"]
)
def test_rays_show_the_factor_and_leave_nothing_behind(rays: Bench, factor: str) -> None:
    start = rays.reset(factor)
    assert start.changed(rays.controls[0, 0]).sum() >= 5
    assert_equal_starts(rays.reset(factor, draws=start.draws), start)
    assert_equal_starts(rays.reset("no_var"), rays.controls[0, 0])


def test_rays_show_the_colour_of_the_light(rays: Bench) -> None:
    red = rays.reset("lig_col", draws={"lig_col": {"rgb": [0.4, 0.0, 0.0]}}).rgb.astype(float)
    control = rays.controls[0, 0].rgb.astype(float)
    table = np.s_[45:, :, :]
    assert red[table][..., 0].mean() > control[table][..., 0].mean()
    assert red[table][..., 2].mean() < 0.7 * control[table][..., 2].mean()


def test_rays_meet_scaled_objects_where_they_are(rays: Bench) -> None:
    cups = rays.body_ids(["cup1", "cup2", "cup3"])
    areas = []
    for scale in (0.75, 1.25):
        draws = {"man_obj_siz": {"scales": dict.fromkeys(("cup1", "cup2", "cup3"), scale)}}
        areas.append(np.isin(rays.reset("man_obj_siz", draws=draws).bodies, list(cups)).sum())
    assert areas[1] / areas[0] == pytest.approx((1.25 / 0.75) ** 2, rel=0.25)


def test_rays_meet_distractors(rays: Bench) -> None:
    start = rays.reset("distractor")
    added = [rays.model.body(slot.name).id for slot in rays.env.simulation.scene.slots]
    for body in added:
        assert (start.bodies == body).any()
    assert not np.isin(rays.controls[0, 0].bodies, added).any()
    other = Bench("stack_cups", image_size=64)
    drawn = other.reset("distractor", draws=start.draws)
    assert (np.isin(drawn.bodies, added) == np.isin(start.bodies, added)).mean() > 0.995
    other.close()
