"""What stands on a board, and its paired figures."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import io
import json
import re
from pathlib import Path

import pytest

from hamster_bench.errors import StoreError
from hamster_bench.evaluation.statistics import mcnemar_p, paired_difference
from hamster_bench.leaderboards.causes import cause_splits
from hamster_bench.leaderboards.measures import with_interval
from hamster_bench.leaderboards.record_json import record_from_json
from hamster_bench.leaderboards.site.board import make_board
from hamster_bench.leaderboards.site.build import MARK, build_site
from hamster_bench.leaderboards.site.data import DETAILS
from hamster_bench.leaderboards.site.pairs import PairedOutcomes, Pairs
from hamster_bench.leaderboards.sources import read_sources
from hamster_bench.leaderboards.table import success_table
from tests.leaderboards.site.boards import FACTORS, HOSTILE, PROTOCOL, TASKS, followed, records, source, store


def test_records_of_several_sources_stand_once() -> None:
    both = records("a", 0.5, 3)
    board = make_board([source(both), source(both, records("b", 0.9, 2), title="more")])
    assert board.repeated == len(both)
    assert [agent.label for agent in board.agents] == ["a", "b"]
    assert sum(map(len, board.sections[0].records.values())) == len(both) + 12


def test_records_that_disagree_are_no_board() -> None:
    first = records("a", 0.5, 2)
    other = [dataclasses.replace(first[0], steps=6), *first[1:]]
    with pytest.raises(StoreError, match="1 episodes have two records that disagree: a on close_box-v0-no_var-e0-s0"):
        make_board([source(first), source(other)])


def test_two_agents_of_one_name_are_told_apart() -> None:
    board = make_board([source(records("a", 0.2, 2)), source(records("a", 0.9, 2, agent_fingerprint="e" * 12))])
    assert [agent.label for agent in board.agents] == ["a (eeeeeeee)", "a (ffffffff)"]
    assert board.sections[0].table.agents == ("a (ffffffff)", "a (eeeeeeee)")


def test_protocols_have_sections_of_their_own() -> None:
    other = dataclasses.replace(PROTOCOL, name="other", retries=1)
    board = make_board(
        [source(records("a", 0.5, 3)), source(records("a", 0.5, 2, protocol=other.fingerprint), title="o", protocol=other)]
    )
    assert [section.protocol.name for section in board.sections] == ["hamster", "other"]
    assert board.repeated == 0


def test_pairs_are_counted_on_equal_scenarios_only() -> None:
    first, second = records("a", 0.8, 30), records("b", 0.4, 20)
    (section,) = make_board([source(first, second)]).sections
    won = {("a" if r in first else "b", r.scenario.id): r.outcome == "success" for r in [*first, *second]}
    compared = PairedOutcomes(section).agents("a", "b")
    assert {c.factor for c in compared} == set(FACTORS)
    for comparison in (c for c in compared if c.task is not None):
        scenarios = [r.scenario for r in second if (r.scenario.task, r.scenario.factor) == (comparison.task, comparison.factor)]
        outcomes = [(won["a", s.id], won["b", s.id]) for s in scenarios]
        expected = Pairs(*(outcomes.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))))
        assert comparison.pairs == expected
        difference, limits = paired_difference([expected.first_only], [expected.second_only], [expected.n])
        assert comparison.difference == pytest.approx((float(difference), float(limits.low), float(limits.high)))
        assert comparison.p == pytest.approx(float(mcnemar_p(expected.first_only, expected.second_only)))


def test_factors_are_compared_with_their_own_control() -> None:
    (section,) = make_board([source(records("a", 0.6, 40))]).sections
    effects = {c.factor: c for c in PairedOutcomes(section).factors_against_control("a") if c.task is None}
    assert set(effects) == {"tab_tex", "rlb_var"}
    assert effects["tab_tex"].pairs.first_only == 0
    assert effects["tab_tex"].difference.high < 0
    # Here the variation changes nothing, and control of variation 1 is variation 0.
    assert effects["rlb_var"].pairs.n == 80
    assert effects["rlb_var"].difference.mean == 0


def data(folder: Path, name: str) -> object:
    text = (folder / "data" / f"{name}.js").read_text(encoding="utf-8")
    match = re.fullmatch(r'HB\.put\("([\w/]+)",(.*)\);\n', text)
    assert match is not None
    assert match[1] == name
    return json.loads(match[2])


def test_every_record_is_on_the_site_once(tmp_path: Path) -> None:
    made = records("a", 0.5, DETAILS)
    build_site(make_board([source(made)]), tmp_path / "site", title="Board")
    shown = [row for t in range(2) for part in range(3) for row in data(tmp_path / "site", f"p0/a0t{t}d{part}")]  # type: ignore[attr-defined]
    assert sorted(row["scenario"] for row in shown) == sorted(r.scenario.id for r in made)
    assert len((tmp_path / "site" / "records" / f"records-{PROTOCOL.fingerprint}.csv").read_text().splitlines()) == len(made) + 1


def test_the_overview_has_the_mean_over_factors(tmp_path: Path) -> None:
    """As tables have it, of agents that have met several; the others have none."""
    several = records("several", 0.5, 6)
    single = [record for record in records("single", 0.5, 6) if record.scenario.factor == "no_var"]
    build_site(make_board([source(several, single)]), tmp_path / "site", title="B")
    text = (tmp_path / "site/index.html").read_text()
    rows = dict(re.findall(r'<tr><th scope="row">(several|single)</th>\s*(.*?)</tr>', text, re.S))
    factors = {record.scenario.factor for record in several}
    table = success_table(several, PROTOCOL)
    expected = with_interval(table, "several", table.tasks, table.factors)
    assert expected.value is not None
    assert f'<td class="number strong">{100 * expected.value:.1f}</td>' in rows["several"]
    assert (
        f'{100 * float(expected.low or 0):.1f} to {100 * float(expected.high or 0):.1f}</td><td class="number">{len(factors)}</td>'
        in (rows["several"])
    )
    assert rows["single"].count('<td class="number">\N{EN DASH}</td>') == 2
    build_site(make_board([source(single)]), tmp_path / "one", title="B")
    assert "All factors" not in (tmp_path / "one/index.html").read_text()


def test_causes_of_failures_stand_on_the_overview(tmp_path: Path) -> None:
    """They are those of the control: of the agent that strays all are its own, and a broken path counts as none."""
    lost, sound = followed(records("lost", 0.0, 6), gone=0.2), followed(records("sound", 0.0, 6))
    broken = dataclasses.replace(sound[0], proposals='[{"step":0,"path":{"points":[],"gripper_open":[]}}]')
    build_site(make_board([source(lost, [broken, *sound[1:]], records("blind", 0.0, 6))]), tmp_path / "site", title="B")
    text = (tmp_path / "site/index.html").read_text()
    section = text[text.index("Why episodes fail") :]
    rows = {row[0]: row[1:] for row in re.findall(r'<th scope="row">(.*?)</th>\s*(.*?)</tr>', section, re.S)}
    shares = {agent: re.findall(r'class="figure">([\d.]+) ', row) for agent, (row,) in rows.items()}
    assert shares == {"lost": ["0.0", "100.0", "0.0"], "sound": ["0.0", "0.0", "100.0"]}
    assert '<td class="number">12</td>' in rows["lost"][0]
    assert '<td class="number">11 of 12</td>' in rows["sound"][0]


def test_of_many_failures_some_are_looked_at() -> None:
    made = {"a": followed(records("a", 0.0, 20)), "b": followed(records("b", 0.0, 2)), "c": records("c", 0.0, 5)}
    a, b = cause_splits(made, most=40)
    assert (a.n, a.known, b.n, b.known) == (20, 120, 12, 12)
    assert a.share("execution").mean == 1.0
    assert [split.n for split in cause_splits(made, most=None)] == [120, 12]
    assert cause_splits({"c": made["c"]}) == ()


def test_downloads_are_the_records(tmp_path: Path) -> None:
    made = [*followed(records("a", 0.5, 4)), *records("=b", 0.5, 2)]
    build_site(make_board([source(made)]), tmp_path / "site", title="B")
    (packed,) = (tmp_path / "site/records").glob("*.jsonl.gz")
    lines = gzip.decompress(packed.read_bytes()).decode().splitlines()
    assert sorted(map(record_from_json, lines), key=str) == sorted(made, key=str)
    (table,) = (tmp_path / "site/records").glob("*.csv")
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
    assert {row["scenario"] for row in rows if row["agent"] == "a"} == {r.scenario.id for r in made if r.agent == "a"}
    assert {row["agent"] for row in rows} == {"a", "'=b"}
    for name, value in (("task", "close_box"), ("reset_wall", "0.0"), ("message", "")):
        assert rows[0][name] == value


def test_names_are_no_html_and_no_files(tmp_path: Path) -> None:
    build_site(make_board([source(records(HOSTILE, 0.5, 2))]), tmp_path / "site", title="A & <b>")
    for file in (tmp_path / "site").rglob("*"):
        assert re.fullmatch(r"[\w.-]+", file.name)
        if file.suffix in (".html", ".js") and file.parent.name != "static":
            assert "<img src=x" not in file.read_text(encoding="utf-8")
            assert "<b>" not in file.read_text(encoding="utf-8")


def test_the_site_needs_no_network(tmp_path: Path) -> None:
    build_site(make_board([source(records("a", 0.5, 2))]), tmp_path / "site", title="Board")
    texts = [f.read_text() for f in (tmp_path / "site").rglob("*") if f.suffix in (".html", ".js", ".css")]
    assert not any(re.search(r"(?:src|href)=\"(?:https?:)?//|@import|url\(|fetch\(|eval\(|innerHTML", text) for text in texts)


def test_the_same_records_make_the_same_site(tmp_path: Path) -> None:
    for name in ("one", "two"):
        build_site(make_board([source(records("a", 0.5, 2), records("b", 0.7, 2))]), tmp_path / name, title="Board")
    one, two = (
        {f.relative_to(tmp_path / n): f.read_bytes() for f in (tmp_path / n).rglob("*") if f.is_file()} for n in ("one", "two")
    )
    assert one == two


def test_only_a_site_is_replaced(tmp_path: Path) -> None:
    board = make_board([source(records("a", 0.5, 1))])
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    with pytest.raises(StoreError, match="something else than a site"):
        build_site(board, tmp_path / "photos", title="Board")
    assert [p.name for p in tmp_path.rglob("*")] == ["photos", "a.jpg"]
    build_site(board, tmp_path / "site", title="Board")
    build_site(make_board([source(records("new", 0.5, 1))]), tmp_path / "site", title="Board")
    assert (tmp_path / "site" / MARK).is_file()
    assert "new" in (tmp_path / "site" / "index.html").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["photos", "site"]


def test_sources_are_results_directories(tmp_path: Path) -> None:
    made = store(tmp_path / "results", records("a", 0.5, 1))
    (read,) = read_sources([made])
    assert (read.title, len(read.records)) == ("results", len(TASKS) * len(FACTORS))
    with pytest.raises(StoreError, match="there are no results"):
        read_sources([tmp_path / "nothing"])
