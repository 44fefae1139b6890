"""Tables by task type, demonstrations, camera and rank."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import InvalidOptionError, StoreError, UnknownNameError
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.evaluation.statistics import mean_over_strata
from hamster_bench.leaderboards.agent_sheet import Training, read_agent_sheet
from hamster_bench.leaderboards.camera_table import camera_grids
from hamster_bench.leaderboards.demonstration_table import demonstration_grid
from hamster_bench.leaderboards.formats import to_csv, to_text
from hamster_bench.leaderboards.ranking_table import Rank, ranking_grid, read_rankings
from hamster_bench.leaderboards.table import success_table
from hamster_bench.leaderboards.task_type_table import TASK_TYPES, task_type_grid
from tests.leaderboards.made_up import HAMSTER, records


def test_every_task_has_one_type() -> None:
    assert sorted(task for tasks in TASK_TYPES.values() for task in tasks) == sorted(TASKS.names())


def test_types_are_means_over_their_tasks_and_unknown_tasks_stand_apart() -> None:
    made = [*records("hockey", "x", "ss"), *records("reach_and_drag", "x", "ffff"), *records("wipe_desk", "x", "s")]
    grid = task_type_grid(success_table([*made, *records("my_task", "x", "f")], HAMSTER))
    assert grid.columns == ("tool", "surface_contact", "other")
    tool = grid.rows[0].entries[0]
    assert (tool.value, tool.low, tool.high) == mean_over_strata([2, 0], [2, 4])
    with pytest.raises(UnknownNameError, match="factor with records 'tab_tex'"):
        task_type_grid(success_table(made, HAMSTER), factor="tab_tex")


def trained(method: str, share: float) -> Training:
    return Training(method=method, demonstrations=int(100 * share), share=share)


def test_demonstrations_are_columns_and_methods_rows() -> None:
    made = [*records("a", "da", "sfff"), *records("a", "da_half", "ffff"), *records("a", "expert", "s")]
    table = success_table([*made, *records("a", "hamster_half", "ssff")], HAMSTER)
    trainings = {"da": trained("3D-DA", 1.0), "da_half": trained("3D-DA", 0.5), "hamster_half": trained("HAMSTER", 0.5)}
    grid = demonstration_grid(table, trainings=trainings)
    assert grid.columns == ("50 %", "100 %")
    assert {row.labels[0]: [entry.value for entry in row.entries] for row in grid.rows} == {
        "3D-DA": [0.0, 0.25],
        "HAMSTER": [0.5, None],
    }
    assert "Left out, because it is not known what they were trained on: expert." in grid.notes


def test_demonstrations_without_or_with_doubled_descriptions_are_refused() -> None:
    table = success_table([*records("a", "x", "s"), *records("a", "y", "s")], HAMSTER)
    with pytest.raises(InvalidOptionError, match=r"none of the agents with records \(x, y\)"):
        demonstration_grid(table, trainings={"z": trained("Z", 1.0)})
    with pytest.raises(InvalidOptionError, match="'x' and 'y' are both described as Z with a share of 1"):
        demonstration_grid(table, trainings={"x": trained("Z", 1.0), "y": trained("Z", 1.0)})


def test_agent_sheet_is_read(tmp_path: Path) -> None:
    file = tmp_path / "agents.toml"
    file.write_text('[agents."mine:Agent"]\nmethod = "Mine"\ndemonstrations = 50\nshare = 0.5\n')
    assert read_agent_sheet(file) == {"mine:Agent": trained("Mine", 0.5)}
    file.write_text(file.read_text() + "steps = 7000\n")
    assert read_agent_sheet(file)["mine:Agent"].steps == 7000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[agents", "is not TOML"),
        ("x = 1", "must hold tables of agents"),
        ("agents = 3", "must hold tables of agents"),
        ("[agents.a]\nmethod = 'm'\n", "agent 'a' must have method, demonstrations and share"),
        ("[agents.a]\nmethod = ''\ndemonstrations = 1\nshare = 1", "method must be a text"),
        ("[agents.a]\nmethod = 'm'\ndemonstrations = -1\nshare = 1", "demonstrations must be a whole number from 0, got -1"),
        ("[agents.a]\nmethod = 'm'\ndemonstrations = 1\nshare = 1\nsteps = 'x'", "steps must be a whole number from 0, got 'x'"),
        ("[agents.a]\nmethod = 'm'\ndemonstrations = true\nshare = 1", "demonstrations must be a whole number"),
        ("[agents.a]\nmethod = 'm'\ndemonstrations = 1\nshare = 50", "share must be a number from 0 to 1, got 50"),
        ("[agents.a]\nmethod = 'm'\ndemonstrations = 1\nshare = nan", "share must be a number from 0 to 1"),
    ],
)
def test_agent_sheet_of_another_form_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "agents.toml").write_text(text)
    with pytest.raises(InvalidOptionError, match=said):
        read_agent_sheet(tmp_path / "agents.toml")
    with pytest.raises(InvalidOptionError, match="cannot be read"):
        read_agent_sheet(tmp_path / "none.toml")


def test_cameras_are_rows_each_under_one_protocol() -> None:
    wrist = make_protocol("hamster", cameras=("wrist",))
    friction = make_protocol("hamster", grasp="friction")
    tables = [
        success_table(
            [*records("a", "x", "ss"), *records("a", "x", "sf", "cam_pos"), *records("a", "x", "f", "tab_tex")], HAMSTER
        ),
        success_table(records("a", "x", "ff", protocol=wrist), wrist),
        success_table(records("a", "x", "ff", protocol=friction), friction),
    ]
    (grid,) = camera_grids(tables)
    assert grid.columns == ("no_var", "cam_pos")
    assert [(row.labels, [entry.value for entry in row.entries]) for row in grid.rows] == [
        (("x", "front 128 x 128", HAMSTER.fingerprint), [1.0, 0.5]),
        (("x", "wrist 128 x 128", wrist.fingerprint), [0.0, None]),
    ]
    rows = list(csv.DictReader(io.StringIO(to_csv([grid]))))
    assert [(row["fingerprint"], row["factor"], row["success"]) for row in rows] == [
        (HAMSTER.fingerprint, "no_var", "1.0"),
        (HAMSTER.fingerprint, "cam_pos", "0.5"),
        (wrist.fingerprint, "no_var", "0.0"),
        (wrist.fingerprint, "cam_pos", ""),
    ]
    with pytest.raises(StoreError, match="no records tell views apart"):
        camera_grids(tables[2:])


def ranks(rater: str, picture: str, set_: str, **by_planner: float) -> list[Rank]:
    return [Rank(rater=rater, picture=picture, set=set_, planner=planner, rank=rank) for planner, rank in by_planner.items()]


def test_ranks_are_means_over_pictures() -> None:
    said = [
        *ranks("r1", "1", "real", a=1, b=2),
        *ranks("r2", "1", "real", a=1.5, b=1.5),
        *ranks("r1", "2", "made", a=2, b=1),
        *ranks("r1", "3", "made", a=1, b=2),
    ]
    grid = ranking_grid(said)
    assert grid.columns == ("real", "made", "all")
    a, b = grid.rows
    assert [entry.value for entry in a.entries] == pytest.approx([1.25, 1.5, (1.25 + 2 + 1) / 3])
    assert [entry.n for entry in a.entries] == [1, 2, 3]
    assert a.entries[0].low is None
    assert (a.entries[2].low, a.entries[2].high) == (1.0, 2.0)
    assert [x.value + y.value for x, y in zip(a.entries, b.entries, strict=True) if x.value and y.value] == pytest.approx(
        [3.0] * 3
    )
    text = to_text([grid])
    assert "1.42 [1.00, 2.00]" in text
    assert "2 raters; pictures: real 1, made 2, all 3." in text
    assert to_csv([grid]).splitlines()[0].split(",")[4] == "mean_rank"


def test_interval_of_a_mean_rank_is_over_pictures() -> None:
    said = [r for i in range(10) for rater in "rst" for r in ranks(rater, str(i), "", a=1 + i % 2, b=2 - i % 2)]
    (entry,) = ranking_grid(said).rows[0].entries
    half = 1.959963984540054 * np.std([1, 2] * 5, ddof=1) / np.sqrt(10)
    assert (entry.value, entry.low, entry.high, entry.n) == pytest.approx((1.5, 1.5 - half, 1.5 + half, 10))


def test_incomplete_ranks_are_refused() -> None:
    with pytest.raises(InvalidOptionError, match="no ranks"):
        ranking_grid([])
    with pytest.raises(InvalidOptionError, match="'r1' ranked a in picture '2'"):
        ranking_grid([*ranks("r1", "1", "", a=1, b=2), *ranks("r1", "2", "", a=1)])


def test_rankings_are_read_and_faults_are_named(tmp_path: Path) -> None:
    file = tmp_path / "rankings.csv"
    file.write_text("rater,picture,set,planner,rank\nr,1,,a,1\nr,1,,b,2.5\n")
    assert [(r.planner, r.rank, r.set) for r in read_rankings(file)] == [("a", 1.0, ""), ("b", 2.5, "")]
    for line, said in (
        ("r,1,,a,0", "line 2: rank must be"),
        ("r,1,,a,x", "got 'x'"),
        (",1,,a,1", "rater is empty"),
        ("r", "picture is"),
    ):
        file.write_text(f"rater,picture,set,planner,rank\n{line}\n")
        with pytest.raises(InvalidOptionError, match=said):
            read_rankings(file)
    file.write_text("rater,rank\n")
    with pytest.raises(InvalidOptionError, match="with the columns"):
        read_rankings(file)
    with pytest.raises(InvalidOptionError, match="cannot be read"):
        read_rankings(tmp_path / "none.csv")
