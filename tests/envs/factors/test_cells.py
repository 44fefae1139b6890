"""What holds for every cell of the matrix: the control's start, another picture, a record that does it again, and nothing left over."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from hamster_bench.envs.factors.episode import single_factors
from hamster_bench.envs.targets import SizeTargets
from tests.envs.factors.cells import CELLS, Bench, Start, assert_equal_starts, model_digest

# Here the RLBench variation is another goal in an unchanged scene.
_GOAL_ONLY = ("meat_on_grill", "place_wine_at_rack_location", "put_money_in_safe")
_UNSEEN = ("friction", "mass")
_SIZES = ("man_obj_siz", "rec_obj_siz")
_ON_OBJECTS = ("man_obj_col", "man_obj_tex", "rec_obj_col", "rec_obj_tex")
_COMBINED = ("rlb_and_col", "all_mixed")
# Pixels of the 128 x 128 front image that change at least where everything is meant to change.
_LEAST_PIXELS = {"bac_tex": 4000, "tab_tex": 4000, "tab_col": 4000, "lig_col": 800, "cam_pos": 1500}
_LEAST_COMBINED = 12_000
# Share of an object's pixels.
_LEAST_SHARE = 0.2

SLOW_EPISODES = range(1, 11)


class Benches:
    """The bench of one task at a time: cells come in the order of tasks."""

    def __init__(self) -> None:
        self._bench: Bench | None = None

    def __call__(self, task: str, episodes: Iterable[int]) -> Bench:
        if self._bench is None or self._bench.task.name != task or not self._bench.has_controls(episodes):
            self.close()
            self._bench = Bench(task, episodes)
        return self._bench

    def close(self) -> None:
        if self._bench is not None:
            self._bench.close()
            self._bench = None


@pytest.fixture(scope="module")
def benches() -> Iterator[Benches]:
    kept = Benches()
    yield kept
    kept.close()


@pytest.mark.parametrize(("task", "factor"), CELLS)
def test_a_cell_is_its_control_with_one_thing_changed(benches: Benches, task: str, factor: str) -> None:
    check_cell(benches(task, [0]), factor, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "factor"), CELLS)
def test_ten_scenarios_of_a_cell_are_their_controls_with_one_thing_changed(benches: Benches, task: str, factor: str) -> None:
    for episode in SLOW_EPISODES:
        check_cell(benches(task, SLOW_EPISODES), factor, episode)


@pytest.mark.parametrize("task", ["hockey", "put_money_in_safe", "setup_chess", "stack_cups"])
def test_a_fresh_environment_does_again_what_was_recorded(task: str) -> None:
    one, other = Bench(task, episodes=()), Bench(task, episodes=())
    start = one.reset("rlb_and_col")
    assert_equal_starts(other.reset("rlb_and_col", draws=json.loads(json.dumps(start.draws))), start)
    one.close()
    other.close()


_ELSEWHERE = """
import sys
from tests.envs.factors.test_cells import fingerprint
for task in sys.argv[1:]:
    print(fingerprint(task))
"""


def test_another_process_draws_the_same_and_shows_the_same() -> None:
    tasks = ("reach_and_drag", "insert_onto_square_peg")
    done = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE, *tasks],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "3"},
    )
    assert done.stdout.split() == [fingerprint(task) for task in tasks]


def fingerprint(task: str) -> str:
    """Digest of draws, state and images of two cells in a fresh environment."""
    bench = Bench(task, episodes=())
    digest = hashlib.sha256()
    for factor in ("rlb_and_col", "man_obj_siz"):
        start = bench.reset(factor, episode=2)
        digest.update(json.dumps(start.draws).encode() + start.state.tobytes())
        for image in start.images.values():
            digest.update(np.ascontiguousarray(image).tobytes())
    bench.close()
    return digest.hexdigest()


def check_cell(bench: Bench, factor: str, episode: int) -> None:
    """Everything that is promised of a scenario with a factor."""
    control = bench.controls[episode, bench.variation(factor)]
    start = bench.reset(factor, episode)
    standing = heights(bench, start)

    assert tuple(start.draws) == single_factors(factor, bench.task)
    text = json.dumps(start.draws, allow_nan=False)
    assert json.loads(text) == start.draws
    assert is_plain(start.draws)
    if factor in _COMBINED:
        check_company(bench, factor, episode, start)

    check_start(bench, start, control)
    if factor in _UNSEEN:
        assert_equal_images(start, control)
        check_physics(bench, start.draws)
    elif factor == "rlb_var":
        check_variation(start, control, bench.controls[episode, 0], bench.task.name in _GOAL_ONLY)
    elif factor in _COMBINED:
        assert start.changed(control).sum() >= _LEAST_COMBINED
    else:
        check_image(bench, factor, start, control)

    if factor == "distractor":
        digest = model_digest(bench.model)
        bench.reset("rlb_and_col", episode)
    assert_equal_starts(bench.reset(factor, episode, draws=json.loads(text)), start)
    if factor == "distractor":
        assert model_digest(bench.model) == digest

    back = bench.reset("no_var", episode, bench.variation(factor))
    assert_equal_starts(back, control)
    digest = model_digest(bench.model)
    assert {name for name in digest if digest[name] != bench.model_digest[name]} <= _LAID_OUT

    tolerance = 1e-3 if any(settles for settles, _ in standing.values()) else 1e-6
    for names, (_, height) in standing.items():
        assert height == pytest.approx(bench.lowest(names), abs=tolerance), names


def heights(bench: Bench, start: Start) -> dict[tuple[str, ...], tuple[bool, float]]:
    """Whether what is scaled settles, and the height of its lowest point, by the names of what stands as one."""
    found = {}
    for factor in set(_SIZES) & set(start.draws):
        targets = bench.task.factors[factor]
        assert isinstance(targets, SizeTargets)
        for names in (targets.objects,) if targets.together else [(name,) for name in targets.objects]:
            found[names] = (targets.settles, bench.lowest(names))
    return found


def check_company(bench: Bench, factor: str, episode: int, start: Start) -> None:
    """Every part of a combined factor draws what it draws alone."""
    for part, drawn in start.draws.items():
        if (bench.task.name, part) in CELLS:
            assert bench.alone(part, episode, bench.variation(factor)) == {part: drawn}
    bench.reset(factor, episode)


# What a control's layout itself changes.
_LAID_OUT = {"body_pos", "body_quat", "geom_rgba"}


def is_plain(value: Any) -> bool:
    """Whether JSON gives back exactly this, types included."""
    if isinstance(value, dict):
        return all(type(name) is str and is_plain(inner) for name, inner in value.items())
    if isinstance(value, list):
        return all(is_plain(inner) for inner in value)
    return value is None or type(value) in {bool, int, float, str}


def assert_equal_images(one: Start, other: Start) -> None:
    for name, image in one.images.items():
        assert np.array_equal(image, other.images[name]), name


def check_start(bench: Bench, start: Start, control: Start) -> None:
    """Robot and objects start as in the control; scaled ones stand where they stood, turned as they were."""
    sizes = {name: bench.task.factors[name] for name in _SIZES if name in start.draws}
    scaled: set[int] = set()
    settled: set[int] = set()
    for targets in sizes.values():
        assert isinstance(targets, SizeTargets)
        scaled |= bench.below([*targets.objects, *targets.along])
        if targets.settles:
            leaning = [other.leaning for other in bench.task.factors.values() if isinstance(other, SizeTargets)]
            settled |= bench.below([*targets.objects, *(name for entries in leaning for name, _, _ in entries)])

    if sizes:
        # Frames that only carry waypoints follow the scaled objects.
        shaped = bench.model.geom_bodyid[bench.model.geom_group <= 3]
        scaled |= {body for body in range(bench.model.nbody) if body not in shaped}
    moved_xpos = np.isin(np.arange(len(start.xpos)), list(scaled | settled))
    assert np.array_equal(start.xpos[~moved_xpos], control.xpos[~moved_xpos])
    turned = np.isin(np.arange(len(start.xpos)), list(settled))
    assert np.array_equal(start.xquat[~turned], control.xquat[~turned])

    moved_qpos, moved_qvel = np.zeros(len(start.qpos), bool), np.zeros(len(start.qvel), bool)
    model = bench.model
    for joint in range(model.njnt):
        kind, body = int(model.jnt_type[joint]), int(model.jnt_bodyid[joint])
        address, dof = int(model.jnt_qposadr[joint]), int(model.jnt_dofadr[joint])
        if kind == 0 and body in settled:
            moved_qpos[address : address + 7] = moved_qvel[dof : dof + 6] = True
        elif kind == 0 and body in scaled:
            moved_qpos[address : address + 3] = True
        elif kind == 2 and body in scaled:
            moved_qpos[address] = True
    assert np.array_equal(start.qpos[~moved_qpos], control.qpos[~moved_qpos])
    assert np.array_equal(start.qvel[~moved_qvel], control.qvel[~moved_qvel])


def check_image(bench: Bench, factor: str, start: Start, control: Start) -> None:
    """The picture changes, and only where the factor acts."""
    changed = start.changed(control)
    if factor in _LEAST_PIXELS:
        assert changed.sum() >= _LEAST_PIXELS[factor]
        if factor in {"bac_tex", "tab_tex", "tab_col"}:
            assert np.array_equal(start.bodies, control.bodies)
            room = bench.body_ids(["Wall1", "Wall2", "Wall3", "Wall4"] if factor == "bac_tex" else ["diningTable_visible"])
            through = set(bench.model.geom_bodyid[bench.model.geom_rgba[:, 3] < 1.0].tolist())
            assert np.isin(start.bodies[changed], list(room | through)).all()
        return
    if factor == "distractor":
        added = [bench.model.body(slot.name).id for slot in bench.env.simulation.scene.slots]
        for body in added:
            seen = start.bodies == body
            # One may stand behind another.
            assert not seen.any() or changed[seen].mean() >= _LEAST_SHARE, f"{seen.sum()} pixels"
        assert np.isin(start.bodies, added).any()
        elsewhere = ~np.isin(start.bodies, added)
        assert np.array_equal(start.rgb[elsewhere], control.rgb[elsewhere])
        return
    if factor in _ON_OBJECTS:
        seen = np.isin(control.bodies, list(bench.body_ids(bench.targets(factor))))
        assert changed[seen].mean() >= _LEAST_SHARE, f"{seen.sum()} pixels"
    else:
        targets = bench.task.factors[factor]
        assert isinstance(targets, SizeTargets)
        leaning = [name for other in _SIZES for name in _leaning(bench, other)] if targets.settles else []
        bodies = list(bench.below([*targets.objects, *targets.along, *leaning]))
        seen = np.isin(control.bodies, bodies) | np.isin(start.bodies, bodies)
        # Near their own size nothing need change; `test_scaling` looks at the ends of the ranges.
        if max(abs(scale - 1.0) for scale in start.draws[factor]["scales"].values()) > 0.15:
            assert changed[seen].any()
    assert np.array_equal(start.rgb[~seen], control.rgb[~seen])


def _leaning(bench: Bench, factor: str) -> list[str]:
    targets = bench.task.factors.get(factor)
    return [name for name, _, _ in targets.leaning] if isinstance(targets, SizeTargets) else []


def check_variation(start: Start, control: Start, first: Start, goal_only: bool) -> None:
    """The scene of this variation's control, and another than that of variation 0 unless only the goal is another."""
    assert_equal_images(start, control)
    if goal_only:
        assert_equal_images(start, first)
        assert start.instruction != first.instruction
    else:
        assert start.changed(first).sum() >= 30


def check_physics(bench: Bench, draws: dict[str, Any]) -> None:
    """Masses and frictions are what was drawn."""
    for body, mass in draws.get("mass", {}).get("masses", {}).items():
        assert bench.model.body(body).mass[0] == pytest.approx(mass)
    for body, coefficient in draws.get("friction", {}).get("frictions", {}).items():
        solid = (bench.model.geom_contype != 0) | (bench.model.geom_conaffinity != 0)
        geoms = np.flatnonzero(solid & np.isin(bench.model.geom_bodyid, list(bench.below([body]))))
        assert len(geoms)
        assert bench.model.geom_friction[geoms, 0] == pytest.approx(coefficient)
