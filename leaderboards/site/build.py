"""Writes the site of a leaderboard."""

from __future__ import annotations

import csv
import gzip
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from importlib import resources
from operator import attrgetter
from pathlib import Path
from typing import Any

from hamster_bench.errors import StoreError
from hamster_bench.evaluation.record import EpisodeRecord, Timings
from hamster_bench.leaderboards.reference import reference_for
from hamster_bench.leaderboards.site.board import Board, Section
from hamster_bench.leaderboards.site.data import DataFile, comparison_files, data_files, detail_files
from hamster_bench.leaderboards.site.pages import Page, render_pages
from hamster_bench.leaderboards.site.pairs import PairedOutcomes

# A file that tells a site from somebody's own directory, which is never replaced.
MARK = "hamster-bench-site.txt"

# Columns of the CSV file, what does not fit a line left out, and where a record has them.
_NOT_IN_CSV = ("path", "draws", "proposals", "track", "oracle_path", "timings", "host", "versions")
_SOURCES = {
    **{f.name: f.name for f in fields(EpisodeRecord) if f.name not in _NOT_IN_CSV},
    "scenario": "scenario.id",
    **{name: f"scenario.{name}" for name in ("task", "variation", "factor", "episode", "seed")},
    **{f.name: f"timings.{f.name}" for f in fields(Timings)},
}

_FORMULAS = frozenset("=+-@\t\r")


@dataclass(frozen=True, kw_only=True)
class Words:
    """What tasks and factors are, for people to read.

    Attributes:
        tasks: by name, what is to be done.
        factors: by name, what changes, and how it is drawn.
    """

    tasks: Mapping[str, str] = field(default_factory=dict)
    factors: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Media:
    """Pictures and videos, made elsewhere.

    Attributes:
        pictures: first camera image of a scenario, JPEG, by fingerprint of the protocol and id of the scenario.
        videos: MP4 of an episode, by fingerprint of the protocol, name and fingerprint of the agent, and id of the scenario.
    """

    pictures: Mapping[tuple[str, str], Path] = field(default_factory=dict)
    videos: Mapping[tuple[str, str, str, str], Path] = field(default_factory=dict)


def build_site(board: Board, out: Path, *, title: str, words: Words | None = None, media: Media | None = None) -> int:
    """Writes a site that needs nothing but a browser.

    Args:
        board: what is shown.
        out: directory to make; a site that is there already is replaced, once the new one is complete.
        title: what the board is called.
        words: what tasks and factors are.
        media: pictures and videos.

    Returns:
        Number of files.

    Raises:
        StoreError: the directory holds something else, or cannot be written.
    """
    if out.exists() and not (out / MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise StoreError(f"{out} is not replaced: it holds something else than a site; choose another directory")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        try:
            _write(board, unfinished, title, words or Words(), media or Media())
            count = sum(1 for path in unfinished.rglob("*") if path.is_file())
            unfinished.chmod(0o755)
            _replace(unfinished, out)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error.strerror or error}") from error
    return count


def _replace(new: Path, out: Path) -> None:
    if not out.exists():
        new.rename(out)
        return
    old = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.old."))
    out.rename(old / "site")
    new.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _write(board: Board, folder: Path, title: str, words: Words, media: Media) -> None:
    (folder / MARK).write_text("Written by 'hamster-bench leaderboard build', which replaces it.\n", encoding="utf-8")
    static = resources.files("hamster_bench.leaderboards.site") / "static"
    (folder / "static").mkdir()
    for file in static.iterdir():
        (folder / "static" / file.name).write_bytes(file.read_bytes())
    shown = _copy_media(board, media, folder)
    published = _published()
    outcomes = [PairedOutcomes(section) for section in board.sections]
    data = folder / "data"
    for p in range(len(board.sections)):
        (data / f"p{p}").mkdir(parents=True)
    _write_scripts(data_files(board, shown, published), data)
    _write_scripts(comparison_files(board, outcomes), data)
    (folder / "records").mkdir()
    downloads = []
    for p, section in enumerate(board.sections):
        with _downloads(section, folder / "records") as write:
            _write_scripts(detail_files(board, p, write), data)
        downloads.append(_sizes(section, folder / "records"))
    pages: Sequence[Page] = render_pages(
        board,
        outcomes,
        title=title,
        tasks=words.tasks,
        factors=words.factors,
        media=shown,
        published=published,
        downloads=downloads,
    )
    for page in pages:
        (folder / page.file).write_text(page.text, encoding="utf-8")


def _published() -> dict[str, Any]:
    reference = reference_for("variations")
    return {"source": reference.source, "conditions": reference.conditions, "rows": reference.rows}


def _copy_media(board: Board, media: Media, folder: Path) -> dict[str, Any]:
    """Copies what belongs to episodes of the board; gives its paths on the site, by the numbers the pages use."""
    pictures: list[dict[str, str]] = []
    videos: list[dict[str, str]] = []
    for p, section in enumerate(board.sections):
        fingerprint = section.protocol.fingerprint
        target = folder / "media" / f"p{p}"
        target.mkdir(parents=True)
        pictures.append({})
        videos.append({})
        for (protocol, scenario), file in media.pictures.items():
            if protocol == fingerprint:
                pictures[p][scenario] = f"media/p{p}/{scenario}.jpg"
                shutil.copyfile(file, folder / pictures[p][scenario])
        for a, agent in enumerate(board.agents):
            for (protocol, name, agent_fingerprint, scenario), file in media.videos.items():
                if (protocol, name, agent_fingerprint) == (fingerprint, agent.name, agent.fingerprint):
                    videos[p][f"{a}/{scenario}"] = f"media/p{p}/a{a}-{scenario}.mp4"
                    shutil.copyfile(file, folder / videos[p][f"{a}/{scenario}"])
    return {"pictures": pictures, "videos": videos}


def _write_scripts(files: Iterator[DataFile], data: Path) -> None:
    for name, text in files:
        (data / f"{name}.js").write_text(text, encoding="utf-8")


def _files(section: Section, folder: Path) -> tuple[Path, Path]:
    fingerprint = section.protocol.fingerprint
    return folder / f"records-{fingerprint}.csv", folder / f"records-{fingerprint}.jsonl.gz"


@contextmanager
def _downloads(section: Section, folder: Path) -> Iterator[Callable[[Sequence[EpisodeRecord], Sequence[str]], None]]:
    """A sink for records and their lines of JSON, which it writes as they are; and for each record a line of CSV."""
    csv_file, json_file = _files(section, folder)
    figures = attrgetter(*_SOURCES.values())
    with (
        csv_file.open("w", encoding="utf-8", newline="") as stream,
        # No time stamp: the same records make the same file.
        gzip.GzipFile(json_file, "wb", compresslevel=1, mtime=0) as lines,
    ):
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(_SOURCES)

        def write(records: Sequence[EpisodeRecord], texts: Sequence[str]) -> None:
            table.writerows(_row(list(figures(record))) for record in records)
            lines.write(("\n".join(texts) + "\n").encode())

        yield write


def _sizes(section: Section, folder: Path) -> dict[str, Any]:
    csv_file, json_file = _files(section, folder)
    return {
        "fingerprint": section.protocol.fingerprint,
        "csv": f"records/{csv_file.name}",
        "csv_bytes": csv_file.stat().st_size,
        "json": f"records/{json_file.name}",
        "json_bytes": json_file.stat().st_size,
    }


def _row(values: list[Any]) -> list[Any]:
    """Keeps spreadsheets from taking a text for a formula."""
    for i, value in enumerate(values):
        if type(value) is str and value[:1] in _FORMULAS:
            values[i] = f"'{value}"
    return values
