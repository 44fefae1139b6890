"""Writes the site of a leaderboard."""

from __future__ import annotations

import csv
import gzip
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from hamster_bench.errors import StoreError
from hamster_bench.leaderboards.record_json import record_to_dict, record_to_json
from hamster_bench.leaderboards.reference import reference_for
from hamster_bench.leaderboards.site.board import Board, Section
from hamster_bench.leaderboards.site.data import comparison_files, data_files
from hamster_bench.leaderboards.site.pages import Page, render_pages
from hamster_bench.leaderboards.site.pairs import PairedOutcomes

# A file that tells a site from somebody's own directory, which is never replaced.
MARK = "hamster-bench-site.txt"
_NOT_IN_CSV = ("path", "draws", "proposals", "track", "oracle_path", "timings", "host", "versions")


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
    for files in (data_files(board, shown, published), comparison_files(board, outcomes)):
        for name, text in files:
            (data / f"{name}.js").write_text(text, encoding="utf-8")
    (folder / "records").mkdir()
    downloads = [_downloads(section, folder / "records") for section in board.sections]
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


def _downloads(section: Section, folder: Path) -> dict[str, Any]:
    """Writes every record as CSV, without what does not fit a line, and complete as JSON lines."""
    fingerprint = section.protocol.fingerprint
    csv_file, json_file = folder / f"records-{fingerprint}.csv", folder / f"records-{fingerprint}.jsonl.gz"
    with (
        csv_file.open("w", encoding="utf-8", newline="") as table,
        # No time stamp: the same records make the same file.
        gzip.GzipFile(json_file, "wb", compresslevel=1, mtime=0) as lines,
    ):
        writer = None
        for records in section.records.values():
            for record in records:
                scenario = record.scenario
                values = {name: value for name, value in record_to_dict(record).items() if name not in _NOT_IN_CSV}
                values |= {
                    "task": scenario.task,
                    "variation": scenario.variation,
                    "factor": scenario.factor,
                    "episode": scenario.episode,
                    "seed": scenario.seed,
                    **vars(record.timings),
                }
                if writer is None:
                    writer = csv.DictWriter(table, values, lineterminator="\n")
                    writer.writeheader()
                writer.writerow({name: _cell(value) for name, value in values.items()})
                lines.write(record_to_json(record).encode() + b"\n")
    return {
        "fingerprint": fingerprint,
        "csv": f"records/{csv_file.name}",
        "csv_bytes": csv_file.stat().st_size,
        "json": f"records/{json_file.name}",
        "json_bytes": json_file.stat().st_size,
    }


def _cell(value: Any) -> Any:
    """Keeps spreadsheets from taking a text for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
