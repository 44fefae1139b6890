"""This project's factors as THE COLOSSEUM's configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hamster_bench.envs.factors import FACTORS
from hamster_bench.envs.rlbench.colosseum_factors import ENTRIES, ORIGINAL_SEED, draw, factors_for, read_entries
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import InvalidOptionError, UndefinedCellError
from hamster_bench.scenario import Scenario

STANDIN = Path(__file__).parent / "standin" / "colosseum"
TASK = TASKS.get("slide_block_to_target")
SCENARIO = Scenario(task=TASK.name, episode=3)
ORIGINAL = frozenset({"one_stream", "one_draw"})


@pytest.fixture(scope="module")
def entries() -> list[dict[str, Any]]:
    return read_entries(STANDIN, TASK.name)


def seeds(scenario: Scenario, entries: list[dict[str, Any]], compat: frozenset[str] = frozenset()) -> dict[str, dict[str, int]]:
    return {name: drawn["seeds"] for name, drawn in draw(scenario, TASK, entries, compat).items()}


def test_every_single_factor_has_an_entry() -> None:
    single = {name for name in FACTORS.names() if FACTORS.get(name).apply is not None}
    assert set(ENTRIES) == single


def test_the_control_switches_everything_off(entries: list[dict[str, Any]]) -> None:
    assert draw(SCENARIO, TASK, entries, frozenset()) == {}
    assert not any(entry["enabled"] for entry in factors_for(entries, {}))


def test_a_factor_switches_its_entries_on_and_nothing_else(entries: list[dict[str, Any]]) -> None:
    configured = factors_for(entries, draw(replace(SCENARIO, factor="distractor"), TASK, entries, frozenset()))
    on = [entry for entry in configured if entry["enabled"]]
    assert [entry["variation"] for entry in on] == ["distractor_object"] * 2
    assert on[0]["seed"] != on[1]["seed"]
    # What is not touched stays as it is written, but for seeds, which are expressions there.
    for entry, written in zip(configured, entries, strict=True):
        assert {key: entry[key] for key in written if key not in ("enabled", "seed")} == {
            key: value for key, value in written.items() if key not in ("enabled", "seed")
        }
        assert isinstance(entry["seed"], int)


def test_every_episode_and_every_entry_draws_its_own(entries: list[dict[str, Any]]) -> None:
    drawn = [
        seed
        for episode in range(5)
        for found in seeds(replace(SCENARIO, factor="all_mixed", episode=episode), entries).values()
        for seed in found.values()
    ]
    assert len(set(drawn)) == len(drawn)
    assert seeds(replace(SCENARIO, factor="tab_tex"), entries) == seeds(replace(SCENARIO, factor="tab_tex"), entries)


def test_a_combination_draws_what_its_parts_draw_alone(entries: list[dict[str, Any]]) -> None:
    combined = seeds(replace(SCENARIO, factor="all_mixed"), entries)
    assert "friction" not in combined
    assert "friction" in seeds(replace(SCENARIO, factor="all_mixed"), entries, frozenset({"mixed_physics"}))
    for name in combined:
        assert seeds(replace(SCENARIO, factor=name), entries)[name] == combined[name]


def test_the_originals_seeds_come_back(entries: list[dict[str, Any]]) -> None:
    for episode in (0, 7):
        found = seeds(replace(SCENARIO, factor="all_mixed", episode=episode), entries, ORIGINAL)
        assert sorted(found.pop("distractor").values()) == [ORIGINAL_SEED, ORIGINAL_SEED + 1]
        assert {seed for drawn in found.values() for seed in drawn.values()} == {ORIGINAL_SEED}


@pytest.mark.parametrize(("switch", "same_streams", "same_episodes"), [("one_stream", True, False), ("one_draw", False, True)])
def test_single_switches(entries: list[dict[str, Any]], switch: str, same_streams: bool, same_episodes: bool) -> None:
    first, second = (seeds(replace(SCENARIO, factor="all_mixed", episode=e), entries, frozenset({switch})) for e in (1, 2))
    assert (first["tab_tex"]["2"] == first["tab_col"]["3"]) == same_streams
    assert (first == second) == same_episodes


def test_textures_of_the_users_own(entries: list[dict[str, Any]]) -> None:
    configured = factors_for(entries, {}, Path("/pictures"))
    assert [e["variation"] for e in configured if e.get("textures_folder") == "/pictures"] == ["object_texture", "table_texture"]


def test_a_factor_the_configuration_lacks_is_undefined(entries: list[dict[str, Any]]) -> None:
    with pytest.raises(UndefinedCellError, match="cam_pos"):
        draw(replace(SCENARIO, factor="bac_tex"), TASK, entries, frozenset())


@pytest.mark.parametrize(
    "draws",
    [
        {"tab_tex": {"seeds": {"0": 1}}},
        {"tab_tex": {"seeds": {"99": 1}}},
        {"tab_tex": {"seeds": {"2": "1"}}},
        {"tab_tex": {"seeds": {"2": -1}}},
        {"tab_tex": {}},
        {"tab_text": {"seeds": {}}, "tab_tex": 3},
    ],
)
def test_draws_that_no_scenario_made_are_refused(entries: list[dict[str, Any]], draws: dict[str, Any]) -> None:
    with pytest.raises(InvalidOptionError, match="do not fit"):
        factors_for(entries, draws)


def test_a_broken_configuration_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "assets" / "configs"
    folder.mkdir(parents=True)
    for text in ("", "env: 3", "env: {scene: {factors: [1]}}", ":::", "!!python/object/apply:os.getcwd []"):
        (folder / "close_box.yaml").write_text(text)
        with pytest.raises(InvalidOptionError, match="no configuration"):
            read_entries(tmp_path, "close_box")
