"""Sheets, ratings and agreement."""

from __future__ import annotations

import csv
import http.client
import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import friedmanchisquare

from hamster_bench.cli.main import main
from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.leaderboards.ranking.agreement import agreement, kendall_w, krippendorff_alpha
from hamster_bench.leaderboards.ranking.ratings import Rating, add_rating, mid_ranks, ranks_of, read_ratings
from hamster_bench.leaderboards.ranking.server import make_server, next_item, rating_from_letters
from hamster_bench.leaderboards.ranking.sheet import Item, Sheet, read_sheet, write_sheet
from hamster_bench.paths import Path2D

PLANNERS = ("oracle", "noisy", "wrong")


def path(x: float) -> Path2D:
    return Path2D([[x, 0.2], [0.5, 0.8]], [True, False])


def make_sheet(folder: Path, count: int = 4) -> Sheet:
    folder.mkdir(exist_ok=True)
    for i in range(count):
        Image.fromarray(np.full((16, 16, 3), 30 * i, np.uint8)).save(folder / f"{i}.png")
    items = [
        Item(
            name=f"picture {i}",
            set="even" if i % 2 == 0 else "odd",
            picture=f"{i}.png",
            instruction=f"do {i}",
            paths={"oracle": path(0.1), "noisy": path(0.2), "wrong": None},
        )
        for i in range(count)
    ]
    write_sheet(folder, items, seed=3)
    return read_sheet(folder)


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    return make_sheet(tmp_path / "sheet")


def rate(sheet: Sheet, rater: str, **ranks: int) -> None:
    for item in sheet.items:
        add_rating(sheet, Rating(rater=rater, item=item.name, ranks=ranks))


def test_kendall_w_is_friedmans_statistic_scaled() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (6, 5))
    ranks = [list(mid_ranks(dict(enumerate(row.tolist()))).values()) for row in scores]
    chi_squared, _ = friedmanchisquare(*np.array(ranks).T)
    assert kendall_w(ranks) == pytest.approx(chi_squared / (6 * 4))


def test_kendall_w_from_none_to_all() -> None:
    assert kendall_w([[1, 2, 3]] * 4) == 1.0
    assert kendall_w([[1, 2, 3], [3, 2, 1]]) == 0.0
    assert math.isnan(kendall_w([[1, 2, 3]]))
    assert math.isnan(kendall_w([[2, 2, 2]] * 3))


def test_krippendorff_alpha_of_the_textbook() -> None:
    """Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), section E: 4 observers, 12 units, ordinal 0.815."""
    n = None
    observers = (
        (1, 2, 3, 3, 2, 1, 4, 1, 2, n, n, n),
        (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, n, 3),
        (n, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, n),
        (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, n),
    )
    units = [[value for value in unit if value is not None] for unit in zip(*observers, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.815, abs=5e-4)


def test_krippendorff_alpha_at_its_ends() -> None:
    assert krippendorff_alpha([[1, 1], [2, 2], [3, 3]]) == 1.0
    assert krippendorff_alpha([[1, 2], [2, 1]]) < 0
    assert math.isnan(krippendorff_alpha([[1], [2]]))
    assert math.isnan(krippendorff_alpha([[1, 1], [1, 1]]))


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 9), min_size=1, max_size=8))
def test_mid_ranks_keep_the_order_and_the_sum(given_ranks: dict[str, int]) -> None:
    ranks = mid_ranks(given_ranks)
    n = len(ranks)
    assert sum(ranks.values()) == pytest.approx(n * (n + 1) / 2)
    for a in ranks:
        for b in ranks:
            assert (ranks[a] < ranks[b]) == (given_ranks[a] < given_ranks[b])


def test_ratings_are_added_and_never_changed(sheet: Sheet) -> None:
    rate(sheet, "jo", oracle=1, noisy=2, wrong=3)
    before = (sheet.directory / "ratings.jsonl").read_bytes()
    rate(sheet, "jo", oracle=1, noisy=1, wrong=3)
    after = (sheet.directory / "ratings.jsonl").read_bytes()
    assert after.startswith(before)
    assert len(after.splitlines()) == 8
    latest = read_ratings(sheet)
    assert len(latest) == 4
    assert {rank.rank for rank in ranks_of(sheet, latest) if rank.planner == "noisy"} == {1.5}


def test_a_line_that_broke_off_costs_itself_alone(sheet: Sheet) -> None:
    rate(sheet, "jo", oracle=1, noisy=2, wrong=3)
    file = sheet.directory / "ratings.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    assert len(read_ratings(sheet)) == 3
    add_rating(sheet, Rating(rater="al", item="picture 0", ranks=dict.fromkeys(PLANNERS, 1)))
    assert [rating.rater for rating in read_ratings(sheet)] == ["jo", "jo", "jo", "al"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rater": ""}, "a rater needs a name"),
        ({"rater": "a\nb"}, "a rater needs a name"),
        ({"item": "another"}, "there is no picture"),
        ({"ranks": {"oracle": 1}}, "every path needs a rank"),
        ({"ranks": dict.fromkeys(PLANNERS, 4)}, "every path needs a rank"),
        ({"ranks": dict.fromkeys(PLANNERS, 0)}, "every path needs a rank"),
        ({"ranks": dict.fromkeys(PLANNERS, True)}, "every path needs a rank"),
    ],
)
def test_malformed_ratings_are_not_stored(sheet: Sheet, changes: dict[str, Any], said: str) -> None:
    values: dict[str, Any] = {"rater": "jo", "item": "picture 0", "ranks": dict.fromkeys(PLANNERS, 1)}
    with pytest.raises(InvalidOptionError, match=said):
        add_rating(sheet, Rating(**(values | changes)))
    assert not (sheet.directory / "ratings.jsonl").exists()


def test_orders_are_drawn_and_stay(sheet: Sheet) -> None:
    raters = [f"rater {i}" for i in range(40)]
    first = {tuple(sheet.order_of_paths(rater, 0)) for rater in raters}
    assert len(first) == 6
    assert len({tuple(sheet.order_of_items(rater)) for rater in raters}) > 10
    assert len({tuple(sheet.order_of_paths("jo", i)) for i in range(4)}) > 1
    assert sheet.order_of_paths("jo", 2) == read_sheet(sheet.directory).order_of_paths("jo", 2)


def test_letters_come_back_as_planners(sheet: Sheet) -> None:
    for number in range(4):
        order = sheet.order_of_paths("jo", number)
        rating = rating_from_letters(sheet, {"rater": "jo", "number": number, "ranks": {"A": 1, "B": 2, "C": 3}})
        assert rating.ranks == {planner: i + 1 for i, planner in enumerate(order)}


def test_what_a_rater_is_sent_names_no_planner(sheet: Sheet) -> None:
    sent = json.dumps(next_item(sheet, "jo"))
    assert not any(planner in sent for planner in PLANNERS)
    assert [entry["letter"] for entry in next_item(sheet, "jo")["item"]["paths"]] == ["A", "B", "C"]


def test_agreement_of_raters(sheet: Sheet) -> None:
    rate(sheet, "jo", oracle=1, noisy=2, wrong=3)
    assert agreement(ranks_of(sheet, read_ratings(sheet)))[2] == 0
    rate(sheet, "al", oracle=1, noisy=2, wrong=3)
    assert agreement(ranks_of(sheet, read_ratings(sheet))) == (1.0, 1.0, 4)


def test_a_sheet_is_not_replaced(sheet: Sheet) -> None:
    with pytest.raises(StoreError, match="has a sheet already"):
        write_sheet(sheet.directory, sheet.items, 0)


@pytest.mark.parametrize("text", ["", "[]", '{"seed": 0, "items": []}', '{"seed": 0, "items": [{"name": 1}]}'])
def test_what_is_no_sheet_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "sheet.json").write_text(text)
    with pytest.raises(StoreError):
        read_sheet(tmp_path)


def test_table_with_agreement_and_published_rows(sheet: Sheet, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rank", "table", str(sheet.directory)]) == 2
    assert "there are no ratings" in capsys.readouterr().err
    rate(sheet, "jo", oracle=1, noisy=2, wrong=3)
    rate(sheet, "al", oracle=1, noisy=1, wrong=3)
    assert main(["rank", "table", str(sheet.directory), "--published"]) == 0
    said = capsys.readouterr().out
    assert "1.25" in said
    assert "Krippendorff's alpha" in said
    assert "HAMSTER's VLM" in said
    rows = list(csv.DictReader((sheet.directory / "rankings.csv").read_text().splitlines()))
    assert len(rows) == 2 * 4 * 3
    assert main(["table", str(sheet.directory), "--form", "path_ranking"]) == 0


@pytest.fixture
def served(sheet: Sheet) -> Iterator[http.client.HTTPConnection]:
    server = make_server(sheet, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    yield connection
    connection.close()
    server.shutdown()
    server.server_close()
    thread.join()


def answer(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    sent = ({"Content-Type": "application/json"} if data is not None else {}) | headers
    connection.request(method, path, body=data, headers=sent)
    response = connection.getresponse()
    return response.status, response.read()


def test_server_takes_ratings(served: http.client.HTTPConnection, sheet: Sheet) -> None:
    assert answer(served, "GET", "/")[0] == 200
    assert answer(served, "GET", "/picture/1")[1].startswith(b"\x89PNG")
    status, text = answer(served, "GET", "/next?rater=jo")
    assert (status, json.loads(text)["done"]) == (200, 0)
    number = json.loads(text)["item"]["number"]
    status, text = answer(served, "POST", "/ratings", {"rater": "jo", "number": number, "ranks": {"A": 1, "B": 1, "C": 2}})
    assert (status, json.loads(text)["done"]) == (200, 1)
    assert [rating.item for rating in read_ratings(sheet)] == [sheet.items[number].name]


def test_server_refuses(served: http.client.HTTPConnection, sheet: Sheet) -> None:
    good = {"rater": "jo", "number": 0, "ranks": {"A": 1, "B": 1, "C": 2}}
    assert answer(served, "POST", "/ratings", good, Origin="http://evil.example")[0] == 403
    assert answer(served, "POST", "/ratings", good, Host="evil.example")[0] == 403
    assert answer(served, "POST", "/ratings", good | {"ranks": {"A": 1}})[0] == 400
    assert answer(served, "POST", "/ratings", good | {"number": 99})[0] == 400
    assert answer(served, "POST", "/ratings", b"[" * 10_000)[0] == 400
    assert answer(served, "POST", "/ratings", b"x" * 100_000)[0] == 413
    served.close()
    assert answer(served, "GET", "/picture/99")[0] == 404
    assert answer(served, "GET", "/../sheet.json")[0] == 404
    assert answer(served, "GET", "/sheet.json")[0] == 404
    assert not (sheet.directory / "ratings.jsonl").exists()


def test_a_sheet_of_tasks(tmp_path: Path) -> None:
    make = ["rank", "make", str(tmp_path / "r"), "--planners", "oracle,oracle_noisy:std=0.05,none", "--size", "64"]
    assert main([*make, "--tasks", "close_box", "--episodes", "1"]) == 0
    (item,) = read_sheet(tmp_path / "r").items
    assert item.name == "close_box-v0-no_var-e0-s0"
    assert item.paths["oracle"] is not None
    assert item.paths["oracle"] != item.paths["oracle_noisy:std=0.05"]
    assert item.paths["none"] is None
    assert main([*make, "--tasks", "close_box"]) == 2


def test_a_sheet_of_own_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "desk.jpg")
    (tmp_path / "list.json").write_text('[{"image": "desk.jpg", "instruction": "tidy up", "set": "real"}]')
    make = ["rank", "make", str(tmp_path / "r"), "--pictures", str(tmp_path / "list.json"), "--planners"]
    assert main([*make, "oracle,none"]) == 2
    assert "reads the running simulation" in capsys.readouterr().err
    (tmp_path / "list.json").write_text('[{"image": "desk.jpg"}]')
    assert main([*make, "none,none:"]) == 2
