"""Pictures for the site: who draws them makes no difference."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

import pytest

from hamster_bench.cli import leaderboard_media
from hamster_bench.leaderboards.site.board import make_board
from tests.leaderboards.site.boards import PROTOCOL, records, source


class Broken:
    """A pool whose processes end at once."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> Broken:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, *_: object) -> Any:
        raise BrokenExecutor


@pytest.mark.slow
def test_pictures_are_the_same_whoever_draws_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # What is not defined has no picture, and takes no other's.
    board = make_board([source(records("a", 0.5, 1))])
    monkeypatch.setattr(leaderboard_media, "physical_cores", lambda: 2)
    found = []
    for name, worth in (("one", 10**6), ("two", 1), ("broken", 1)):
        monkeypatch.setattr(leaderboard_media, "cache_directory", lambda name=name: tmp_path / name)
        monkeypatch.setattr(leaderboard_media, "_WORTH_PROCESSES", worth)
        if name == "broken":
            monkeypatch.setattr(leaderboard_media, "ProcessPoolExecutor", Broken)
        with pytest.warns(UserWarning, match="of close_box: the factor rlb_var is not defined"):
            found.append({key: file.read_bytes() for key, file in leaderboard_media.pictures(board, 1).items()})
    # Two tasks under the control and a texture, and stack_cups under rlb_var, which close_box does not have.
    assert len(found[0]) == 5
    assert found[0] == found[1] == found[2]
    assert {protocol for protocol, _ in found[0]} == {PROTOCOL.fingerprint}
