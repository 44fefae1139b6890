"""What a factor is not asked to do: undefined cells, foreign draws, useless folders, unknown switches."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from PIL import Image

import hamster_bench  # noqa: F401
from hamster_bench.errors import HamsterBenchError, InvalidOptionError, ResetNeededError, UndefinedCellError, UnknownNameError
from hamster_bench.scenario import Scenario
from tests.envs.factors.cells import Bench, assert_equal_starts

_STAY = np.array([0.3, 0.0, 1.2, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench("stack_cups")
    yield made
    made.close()


def test_an_undefined_cell_is_refused_with_the_defined_ones(bench: Bench) -> None:
    with pytest.raises(
        UndefinedCellError, match=r"rec_obj_siz is not defined for stack_cups; defined are no_var, bac_tex, .*man_obj_siz"
    ):
        bench.reset("rec_obj_siz")


def test_a_misspelt_factor_is_answered_with_close_ones(bench: Bench) -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean: .*tab_col"):
        bench.reset("tab_colour")


_OBJECT = {"kind": "banana", "scale": 1.0, "area": "spawn_boundary0", "pose_base": [0.0, 0.3, -0.002, 0.0, 0.0, 0.0, 1.0]}
_COLORS = {"cup1_visual": "red", "cup2_visual": "blue", "cup3_visual": "lime"}


@pytest.mark.parametrize(
    ("factor", "draws"),
    [
        ("tab_col", {"lig_col": {"rgb": [0.1, 0.2, 0.3]}}),
        ("tab_col", {"tab_col": {"rgb": [0.1, 0.2, 0.3]}, "lig_col": {"rgb": [0.1, 0.2, 0.3]}}),
        ("tab_col", {}),
        ("no_var", {"tab_col": {"rgb": [0.1, 0.2, 0.3]}}),
        ("tab_col", {"tab_col": {}}),
        ("tab_col", {"tab_col": None}),
        ("tab_col", {"tab_col": {"rgb": [0.1, 0.2]}}),
        ("tab_col", {"tab_col": {"rgb": ["red", 0.2, 0.3]}}),
        ("tab_col", {"tab_col": {"rgb": [math.nan, 0.2, 0.3]}}),
        ("tab_col", {"tab_col": {"rgb": [2.0, 0.2, 0.3]}}),
        ("lig_col", {"lig_col": {"rgb": [math.inf, 0.2, 0.3]}}),
        ("tab_col", ["tab_col"]),
        ("tab_col", "tab_col"),
        ("tab_col", 3),
        ("tab_tex", {"tab_tex": {"texture": "wood_99"}}),
        ("tab_tex", {"tab_tex": {"texture": 3}}),
        ("cam_pos", {"cam_pos": {"front": {"offset": [0.1, 0.0, 0.0]}}}),
        ("cam_pos", {"cam_pos": {"back": {"offset": [0.1, 0.0, 0.0], "turn": [0.0, 0.0, 0.0]}}}),
        ("cam_pos", {"cam_pos": {"front": {"offset": [math.nan, 0.0, 0.0], "turn": [0.0, 0.0, 0.0]}}}),
        ("man_obj_col", {"man_obj_col": {"colors": _COLORS | {"cup3_visual": "beige"}}}),
        ("man_obj_col", {"man_obj_col": {"colors": {"cup1_visual": "red"}}}),
        ("man_obj_col", {"man_obj_col": {"colours": _COLORS}}),
        ("man_obj_col", {"man_obj_col": {"colors": _COLORS | {"Wall1": "red"}}}),
        ("man_obj_siz", {"man_obj_siz": {"scales": {"cup1": 0.8, "cup2": 0.8, "cup3": 0.0}}}),
        ("man_obj_siz", {"man_obj_siz": {"scales": {"cup1": 0.8, "cup2": 0.8, "cup3": -1.0}}}),
        ("man_obj_siz", {"man_obj_siz": {"scales": {"cup1": 0.8, "cup2": 0.8, "cup3": math.nan}}}),
        ("man_obj_siz", {"man_obj_siz": {"scales": {"cup1": 0.8, "cup2": 0.8, "cup3": "0.8"}}}),
        ("man_obj_siz", {"man_obj_siz": {"scales": {"cup1": 0.8}}}),
        ("man_obj_tex", {"man_obj_tex": {"textures": {"cup1_visual": "wood_03", "cup9_visual": "wood_03"}}}),
        ("distractor", {"distractor": {"objects": [_OBJECT | {"kind": "unicorn"}]}}),
        ("distractor", {"distractor": {"objects": [_OBJECT | {"scale": 0.9}]}}),
        ("distractor", {"distractor": {"objects": [_OBJECT | {"pose_base": [0.0, 0.3]}]}}),
        ("distractor", {"distractor": {"objects": [_OBJECT | {"pose_base": [math.nan] * 7}]}}),
        ("distractor", {"distractor": {"objects": [_OBJECT] * 20}}),
    ],
    ids=str,
)
def test_draws_that_are_none_of_the_factors_are_refused_and_leave_no_trace(bench: Bench, factor: str, draws: Any) -> None:
    with pytest.raises(HamsterBenchError) as refused:
        bench.reset(factor, draws=draws)
    assert isinstance(refused.value, InvalidOptionError | UnknownNameError), refused.value
    with pytest.raises(ResetNeededError):
        bench.env.step(_STAY)
    assert_equal_starts(bench.reset("no_var"), bench.controls[0, 0])


def test_draws_without_their_scenario_are_refused(bench: Bench) -> None:
    with pytest.raises(InvalidOptionError, match="scenario"):
        bench.env.reset(options={"draws": {}})


def test_the_message_on_unknown_reset_options_names_all_that_exist(bench: Bench) -> None:
    with pytest.raises(InvalidOptionError, match=r"scenario.*variation.*draws"):
        bench.env.reset(options={"episode": 3})


def test_an_undefined_cell_leaves_the_running_episode_alone(bench: Bench) -> None:
    start = bench.reset("tab_col")
    with pytest.raises(UndefinedCellError):
        bench.reset("mass")
    assert bench.env.scenario == Scenario(task="stack_cups", factor="tab_col")
    assert np.array_equal(bench.env.state(), start.state)


def _make(**options: Any) -> Any:
    return gymnasium.make("hamster_bench/slide_block_to_target-v0", **options)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, color in (("blue.png", (0, 0, 255)), ("green.JPG", (0, 255, 0))):
        Image.new("RGB", (40, 30), color).save(folder / name)
    return folder


def box_obj(half: float) -> str:
    corners = [(x, y, z) for x in (-half, half) for y in (-half, half) for z in (-half, half)]
    sides = [(1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4)]
    lines = [f"v {x} {y} {z}" for x, y, z in corners]
    return "\n".join(lines + [f"f {a} {b} {c}\nf {a} {c} {d}" for a, b, c, d in sides]) + "\n"


def pyramid_stl(edge: float) -> bytes:
    points = np.array([[0, 0, 0], [edge, 0, 0], [0, edge, 0], [0, 0, edge]], np.float32)
    faces = [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]
    body = b"".join(struct.pack("<12fH", 0, 0, 0, *points[list(face)].ravel(), 0) for face in faces)
    return b"\0" * 80 + struct.pack("<I", len(faces)) + body


@pytest.fixture
def meshes(tmp_path: Path) -> Path:
    folder = tmp_path / "meshes"
    folder.mkdir()
    (folder / "box.obj").write_text(box_obj(0.03), encoding="ascii")
    (folder / "pyramid.STL").write_bytes(pyramid_stl(0.08))
    (folder / "notes.txt").write_text("passed over", encoding="ascii")
    return folder


def test_textures_come_from_a_users_folder(pictures: Path) -> None:
    env: Any = _make(textures=str(pictures)).unwrapped
    seen = set()
    for episode in range(12):
        scenario = Scenario(task="slide_block_to_target", factor="tab_tex", episode=episode)
        observation, info = env.reset(options={"scenario": scenario})
        name = info["draws"]["tab_tex"]["texture"]
        seen.add(name)
        table = np.median(observation["front_rgb"][64:].reshape(-1, 3), axis=0)
        assert int(np.argmax(table)) == {"blue.png": 2, "green.JPG": 1}[name]
        assert sorted(table)[1] < 20
    assert seen == {"blue.png", "green.JPG"}
    env.close()


def test_distractors_come_from_a_users_folder(meshes: Path) -> None:
    env: Any = _make(distractors=meshes, segmentation=True).unwrapped
    kinds = set()
    for episode in range(6):
        scenario = Scenario(task="slide_block_to_target", factor="distractor", episode=episode)
        observation, info = env.reset(options={"scenario": scenario})
        kinds |= {thing["kind"] for thing in info["draws"]["distractor"]["objects"]}
        data, slots = env.simulation.data, env.simulation.scene.slots
        assert {env.simulation.scene.model.body(slot.name).id for slot in slots} <= set(
            np.unique(observation["front_segmentation"])
        )
        before = data.xpos[[slot.body for slot in slots]].copy()
        for _ in range(10):
            env.simulation.controller.step(env.simulation.controller.joints, 1.0)
        assert np.abs(data.xpos[[slot.body for slot in slots]] - before).max() < 2e-3
    assert kinds == {"box.obj", "pyramid.STL"}
    env.close()


def _truncated(folder: Path) -> bytes:
    Image.effect_noise((64, 64), 80).convert("RGB").save(folder / "noise.png")
    whole = (folder / "noise.png").read_bytes()
    (folder / "noise.png").unlink()
    return whole[: len(whole) // 2]


@pytest.mark.parametrize("content", [b"", b"no picture at all", "truncated"], ids=["empty", "text", "truncated"])
def test_a_broken_picture_is_named_before_anything_is_built(pictures: Path, content: Any) -> None:
    (pictures / "broken.png").write_bytes(_truncated(pictures) if content == "truncated" else content)
    with pytest.raises(InvalidOptionError, match=r"broken\.png.*cannot be read.*Repair it or take it out"):
        _make(textures=pictures)


def test_a_huge_picture_is_named_before_anything_is_built(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5000)
    Image.new("RGB", (200, 200)).save(pictures / "huge.png")
    with pytest.raises(InvalidOptionError, match=r"huge\.png.*cannot be read"):
        _make(textures=pictures)


def _flat_obj() -> str:
    return "v 0 0 0\nv 0.1 0 0\nv 0 0.1 0\nv 0.1 0.1 0\nf 1 2 3\nf 2 4 3\nf 1 3 2\nf 2 3 4\n"


def _many_triangles() -> str:
    count = 160
    xs = np.linspace(0.0, 0.1, count)
    lines = [f"v {x:.5f} {y:.5f} {0.02 * math.sin(40 * x) + 0.02:.5f}" for x in xs for y in xs]
    for i in range(count - 1):
        for j in range(count - 1):
            a = i * count + j + 1
            lines.append(f"f {a} {a + 1} {a + count}\nf {a + 1} {a + count + 1} {a + count}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("broken.obj", "", "cannot be read"),
        ("broken.obj", "hello", "cannot be read"),
        ("broken.stl", "\0" * 90, "cannot be read"),
        ("broken.ply", "ply\nformat ascii 1.0\n", "cannot be read"),
        ("broken.obj", _flat_obj(), "cannot be read"),
        ("broken.obj", "v nan 0 0\n" + box_obj(0.03), "cannot be read"),
        ("broken.obj", box_obj(30.0), "60 m large.*in metres"),
        ("broken.obj", box_obj(0.0001), "in metres"),
        ("broken.obj", _many_triangles(), "triangles"),
    ],
    ids=["empty", "text", "cut stl", "cut ply", "flat", "not a number", "in millimetres", "tiny", "too many triangles"],
)
def test_a_broken_mesh_is_named_before_anything_is_built(meshes: Path, name: str, content: str, reason: str) -> None:
    (meshes / name).write_text(content, encoding="ascii")
    with pytest.raises(InvalidOptionError, match=rf"{name} cannot be read.*Repair it or take it out") as refused:
        _make(distractors=meshes)
    assert re.search(reason, str(refused.value))


@pytest.mark.parametrize("option", ["textures", "distractors"])
def test_folders_without_anything_usable_are_refused_before_anything_is_built(option: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionError, match=r"holds no .*file names must end with"):
        _make(**{option: tmp_path})
    with pytest.raises(InvalidOptionError, match="cannot be read: No such file"):
        _make(**{option: tmp_path / "missing"})
    (tmp_path / "file").touch()
    with pytest.raises(InvalidOptionError, match="cannot be read: Not a directory"):
        _make(**{option: tmp_path / "file"})
    with pytest.raises(InvalidOptionError, match=option):
        _make(**{option: 3})


def test_an_unknown_switch_is_refused_with_all_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean: .*one_stream.*Available: colosseum, "):
        _make(compat="one_streams")
    with pytest.raises(UnknownNameError):
        _make(compat=["paint_wins", "nonsense"])
