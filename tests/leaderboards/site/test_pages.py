"""The site and the page of raters in a headless Chromium."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.leaderboards.ranking.ratings import read_ratings
from hamster_bench.leaderboards.ranking.server import make_server as make_rank_server
from hamster_bench.leaderboards.ranking.sheet import Item, read_sheet, write_sheet
from hamster_bench.leaderboards.site.board import make_board
from hamster_bench.leaderboards.site.build import Media, Words, build_site
from hamster_bench.leaderboards.site.server import make_server
from hamster_bench.paths import Path2D
from tests.leaderboards.site.boards import HOSTILE, PROTOCOL, followed, records, source
from tests.leaderboards.site.browser import PHONE, Tab, chromium

EPISODE = "close_box-v0-tab_tex-e0-s0"
CONTROL = "close_box-v0-no_var-e0-s0"
PAGES = (
    "index.html",
    "success.html",
    "success.html?view=rows",
    "compare.html?a=1&b=2",
    "compare.html?a=1&b=2&t=-2",
    "factors.html",
    "factor-tab_tex.html",
    "tasks.html",
    "task-close_box.html",
    "episodes.html?a=1",
    f"episode.html?p=0&a=1&s={EPISODE}",
    "cell.html?p=0&a=1&t=-1&f=0",
    "method.html",
    "episode.html?p=1&a=3&s=close_box-v0-no_var-e0-s0",
    "cell.html?p=1&a=3&t=-1&f=0",
    "episodes.html?p=1&a=3",
    "success.html?p=1",
    "compare.html?p=1&a=1&b=3",
)


@contextmanager
def serving(server: Any) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


def write_video(file: Path) -> None:
    import imageio_ffmpeg

    writer = imageio_ffmpeg.write_frames(str(file), (64, 64), fps=20, codec="libx264", macro_block_size=2)
    writer.send(None)
    for i in range(40):
        writer.send(np.full((64, 64, 3), 6 * i, np.uint8).tobytes())
    writer.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(folder / "a.jpg")
    write_video(folder / "a.mp4")
    groups = [records("able", 0.9, 60), followed(records("bold", 0.5, 60)), records(HOSTILE, 0.1, 5)]
    # Long words are what makes pages wider than phones.
    noisy = make_protocol("hamster", path_planner="oracle_noisy:std=0.03125")
    other = records(
        "some.package.of.policies:LongestPolicy", 0.0, 2, protocol=noisy.fingerprint, kind="invalid_action:outside_workspace"
    )
    build_site(
        make_board([source(*groups), source(followed(other), title="more", protocol=noisy)], privileged={"able"}),
        folder / "site",
        title="Board <1>",
        words=Words(tasks={"close_box": "Close it."}, factors={"tab_tex": ("the table", "uniform")}),
        media=Media(
            pictures={(PROTOCOL.fingerprint, scenario): folder / "a.jpg" for scenario in (EPISODE, CONTROL)},
            videos={(PROTOCOL.fingerprint, "able", "f" * 12, EPISODE): folder / "a.mp4"},
        ),
    )
    return folder / "site"


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"viewport": PHONE, "color_scheme": "dark"}], ids=["desktop", "phone, dark"])
def test_every_page_from_a_file(browser: Any, site: Path, options: dict[str, Any]) -> None:
    tab = Tab(browser, **options)
    for page in PAGES:
        tab.open(f"{site.as_uri()}/{page}")
        assert tab.complaints == [], page
        assert not tab.is_wider_than_the_screen(), page
        shown = tab.page.inner_text("main")
        assert not re.search(r"cannot be shown|false|undefined|NaN|\[object", shown), page
        assert tab.serious_faults() == [], page


@pytest.mark.slow
def test_every_page_from_the_server(browser: Any, site: Path) -> None:
    with serving(make_server(site, "127.0.0.1", 0)) as address:
        tab = Tab(browser)
        for page in PAGES:
            tab.open(f"{address}/{page}")
            assert tab.complaints == [], page
        assert "Board <1>" in tab.page.inner_text("header")


def cells(page: Any, column: int) -> list[str]:
    return [text.split("\n")[0].strip() for text in page.locator(f"tbody tr > :nth-child({column})").all_inner_texts()]


def test_sort_and_filter(browser: Any, site: Path) -> None:
    page = Tab(browser).open(f"{site.as_uri()}/success.html?view=rows")
    figures = [float(text) for text in cells(page, 4)]
    assert figures == sorted(figures, reverse=True)
    page.get_by_role("button", name="Success %").click()
    assert [float(text) for text in cells(page, 4)] == sorted(figures)
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Success")
    page.get_by_label("Agent contains").fill("BOL")
    page.get_by_role("combobox", name="Factor").select_option("tab_tex")
    assert {tuple(row) for row in zip(cells(page, 1), cells(page, 3), strict=True)} == {("bold", "tab_tex")}
    page.get_by_label("Agent contains").fill("no such agent")
    assert page.locator("tbody tr").count() == 0


def test_published_rows_are_marked(browser: Any, site: Path) -> None:
    page = Tab(browser).open(f"{site.as_uri()}/success.html")
    assert page.locator("tr.published th").all_inner_texts() == ["HAMSTER + 3D-DA published", "3D-DA published"]
    page.get_by_label("published rows").uncheck()
    assert page.locator("tr.published").count() == 0


def test_compare(browser: Any, site: Path) -> None:
    page = Tab(browser).open(f"{site.as_uri()}/compare.html?a=1&b=2")
    assert page.locator("h2").inner_text() == "able less bold"
    one_way = cells(page, 2)
    assert all(text.startswith("+") for text in one_way)
    page.get_by_label("First agent").select_option("bold")
    page.get_by_label("Second agent").select_option("able")
    assert cells(page, 2) == [text.replace("+", "\N{MINUS SIGN}") for text in one_way]
    page.get_by_label("Second agent").select_option("bold")
    assert page.locator("#status").inner_text() == "Choose two different agents."


def test_a_figure_leads_to_its_episodes_and_a_video_that_plays(browser: Any, site: Path) -> None:
    tab = Tab(browser)
    page = tab.open(f"{site.as_uri()}/success.html?view=rows&q=able")
    page.locator("tbody tr", has_text="close_box").filter(has_text="tab_tex").locator("a.strong").click()
    page.get_by_role("link", name="all 60 of them").click()
    page.wait_for_selector("tbody tr")
    assert page.locator("tbody tr").count() == 50
    page.get_by_role("button", name="Next").click()
    assert page.locator("tbody tr").count() == 10
    page.get_by_role("button", name="Previous").click()
    page.get_by_role("link", name=EPISODE, exact=True).click()
    page.wait_for_selector("video")
    assert page.locator(".canvas polyline").count() == 3
    assert page.locator(".canvas img").evaluate("image => image.complete && image.naturalWidth > 0")
    page.evaluate("document.querySelector('video').play()")
    deadline = time.monotonic() + 20
    while page.evaluate("document.querySelector('video').currentTime") < 0.1 and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert page.evaluate("document.querySelector('video').currentTime") >= 0.1
    page.get_by_role("link", name=CONTROL, exact=True).click()
    page.get_by_role("heading", name=CONTROL).wait_for()
    assert tab.complaints == []


def test_names_stay_texts(browser: Any, site: Path) -> None:
    tab = Tab(browser)
    tab.page.on("dialog", lambda dialog: pytest.fail("a name ran as a script"))
    for page in ("index.html", "success.html", "episodes.html?a=0", f"episode.html?a=0&s={CONTROL}", "compare.html?a=0&b=1"):
        tab.open(f"{site.as_uri()}/{page}")
        assert HOSTILE in tab.page.inner_text("main")
    assert tab.complaints == []


@pytest.mark.parametrize("query", ["", "?p=7&a=-1&s=x", "?s=%3Cscript%3E", "?s=close_box-v0-no_var-e999-s0", "?a=1&t=99&f=99"])
def test_addresses_that_name_nothing(browser: Any, site: Path, query: str) -> None:
    tab = Tab(browser)
    for page in ("episode.html", "cell.html", "success.html", "compare.html", "episodes.html"):
        tab.open(f"{site.as_uri()}/{page}{query}")
        assert tab.complaints == []
        assert len(tab.page.inner_text("main")) > 80


def test_raters_rank_with_the_keyboard(browser: Any, tmp_path: Path) -> None:
    Image.fromarray(np.full((32, 32, 3), 120, np.uint8)).save(tmp_path / "0.png")
    path = Path2D([[0.2, 0.2], [0.5, 0.8]], [True, False])
    items = [
        Item(name=f"{i}", set="", picture="0.png", instruction=f"do <b>{i}</b>", paths={"x": path, "y": path, "z": None})
        for i in range(2)
    ]
    write_sheet(tmp_path, items, seed=0)
    sheet = read_sheet(tmp_path)
    with serving(make_rank_server(sheet, "127.0.0.1", 0)) as address:
        tab = Tab(browser, viewport=PHONE)
        page = tab.open(f"{address}/")
        assert tab.serious_faults() == []
        page.get_by_label("Your name").fill("Jo")
        page.keyboard.press("Enter")
        for i in range(2):
            page.get_by_text(f"{i} of 2 done").wait_for()
            assert "<b>" in page.inner_text("#instruction")
            assert tab.serious_faults() == []
            assert not tab.is_wider_than_the_screen()
            for letter, rank in (("A", 1), ("B", 1), ("C", 3)):
                page.get_by_label(f"Path {letter}: rank {rank}").focus()
                page.keyboard.press("Space")
            page.keyboard.press("Enter")
        page.get_by_text("Thank you: all 2 pictures are ranked.").wait_for()
        assert tab.complaints == []
    ratings = read_ratings(sheet)
    assert [sorted(rating.ranks.values()) for rating in ratings] == [[1, 1, 3]] * 2
    assert {rating.rater for rating in ratings} == {"Jo"}
