"""Factors in an evaluation: which cells are planned, what is recorded, and what a protocol says of materials."""

from __future__ import annotations

import json
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from PIL import Image

import hamster_bench  # noqa: F401 - registers the environments
from hamster_bench.cli.main import main
from hamster_bench.envs.factors import columns, defined_factors
from hamster_bench.envs.factors.episode import draws_from_json
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import InvalidOptionError, UndefinedCellError, UnknownNameError
from hamster_bench.evaluation.materials import texture_folder
from hamster_bench.evaluation.plan import make_plan
from hamster_bench.evaluation.protocol import Protocol, make_protocol
from hamster_bench.evaluation.store import ResultStore


def test_undefined_cells_are_refused_or_left_out() -> None:
    wanted = {"agents": ["expert"], "tasks": TASKS.names(), "episodes": 1, "factors": columns()}
    with pytest.raises(
        UndefinedCellError, match=r"man_obj_tex is not defined for close_box; defined are no_var, bac_tex, .*tab_tex"
    ):
        make_plan(**wanted)  # type: ignore[arg-type]
    plan = make_plan(**wanted, skip_undefined=True)  # type: ignore[arg-type]
    assert {(p.scenario.task, p.scenario.factor) for p in plan} == {
        (name, factor) for name in TASKS.names() for factor in columns() if factor in defined_factors(TASKS.get(name))
    }
    assert len(plan) == 14 + 144 + 14


def test_a_run_records_draws_that_reproduce_the_scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name, color in (("red.png", "red"), ("green.png", "green")):
        Image.new("RGB", (8, 8), color).save(pictures / name)
    command = [
        "run",
        "--agents",
        "expert",
        "--tasks",
        "slide_block_to_target",
        "--episodes",
        "1",
        "--out",
        str(tmp_path / "runs"),
    ]
    command += ["--factors", "no_var,tab_tex,rlb_and_col", "--textures", str(pictures), "--compat", "one_draw"]
    assert main(command) == 0
    with ResultStore.for_reading(tmp_path / "runs") as store:
        records = {record.scenario.factor: record for record in store.records()}
        (protocol,) = store.protocols().values()
    assert records["no_var"].draws is None
    assert json.loads(records["tab_tex"].draws or "")["tab_tex"]["texture"] in ("red.png", "green.png")
    assert protocol.textures == texture_folder(pictures)
    assert "compat=one_draw" in protocol.label
    assert main(["replay", str(tmp_path / "runs"), records["rlb_and_col"].scenario.id]) == 0

    env = gymnasium.make("hamster_bench/slide_block_to_target-v0", image_size=64, textures=pictures, compat=protocol.compat)
    scenario = records["rlb_and_col"].scenario
    drawn, info = env.reset(options={"scenario": scenario})
    assert info["draws"] == draws_from_json(records["rlb_and_col"].draws or "")
    again, _ = env.reset(options={"scenario": scenario, "draws": draws_from_json(records["rlb_and_col"].draws or "")})
    assert np.array_equal(drawn["front_rgb"], again["front_rgb"])
    env.close()


def test_refusals_come_before_anything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["run", "--agents", "expert", "--tasks", "close_box", "--episodes", "1", "--out", str(tmp_path / "runs")]
    empty = tmp_path / "empty"
    empty.mkdir()
    for extra, text in (
        (["--factors", "rlb_var"], "rlb_var is not defined for close_box; defined are"),
        (["--factors", "tab_textur"], "Did you mean: tab_tex"),
        (["--textures", str(empty)], "holds no picture"),
        (["--distractors", str(tmp_path / "nowhere")], "cannot be read"),
        (["--compat", "colloseum"], "Did you mean: colosseum"),
    ):
        assert main([*base, *extra]) == 2
        assert text in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_materials_and_switches_are_part_of_the_fingerprint_and_their_place_is_not(tmp_path: Path) -> None:
    for folder in ("here", "there", "other"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (4, 4), "red" if folder != "other" else "blue").save(tmp_path / folder / "a.png")
    here, there, other = (
        make_protocol("hamster", textures=texture_folder(tmp_path / name)) for name in ("here", "there", "other")
    )
    preset = make_protocol("hamster")
    assert len({preset.fingerprint, here.fingerprint, other.fingerprint}) == 3
    assert here.fingerprint == there.fingerprint
    assert Protocol.from_json(here.to_json()) == here
    assert make_protocol("hamster", compat=("one_draw", "paint_wins")) == make_protocol("hamster", compat="paint_wins,one_draw")
    assert make_protocol("hamster", compat="colosseum").fingerprint != preset.fingerprint
    with pytest.raises(UnknownNameError, match="compat switch"):
        make_protocol("hamster", compat="everything")
    with pytest.raises(InvalidOptionError, match="no picture"):
        texture_folder(tmp_path)
