"""Tables, comparisons and the site of a hundred thousand records, beside raw SQLite and JSON over the same records in the same process.

python -m tests.benchmarks.boards [--agents 8] [--episodes 80] [--site]

Processor time, since other programs may run. With ``--site`` the site is built, too, and every kind of page opened in a headless Chromium,
beside an empty page. Nothing here passes or fails by a clock.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hamster_bench.cli.main import main as hamster_bench
from hamster_bench.envs.factors import FACTORS, columns
from hamster_bench.envs.tasks import TASKS
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.track import Track
from hamster_bench.paths import Path2D
from hamster_bench.scenario import Scenario

PAGES = (
    "index.html",
    "success.html",
    "success.html?view=rows",
    "compare.html?a=0&b=1",
    "compare.html?a=0&b=1&t=-2",
    "factors.html",
    "factor-tab_tex.html",
    "tasks.html",
    "task-close_box.html",
    "episodes.html?a=0",
    "episode.html?p=0&a=0&s=close_box-v0-no_var-e0-s0",
    "cell.html?p=0&a=0&t=-1&f=0",
    "method.html",
)


def fill(folder: Path, agents: int, episodes: int) -> int:
    """Made-up records of every task and defined factor; one of each through the store, its copies by SQL, which syncs once."""
    protocol = make_protocol("hamster")
    path = Path2D([[0.5, 0.1], [0.4, 0.5], [0.7, 0.6]], [True, False, True])
    proposals = json.dumps([{"step": 0, "path": json.loads(path.to_json()), "error": None, "record": None}])
    way = Track(Path2D(np.linspace([0.5, 0.1], [0.7, 0.6], 20), [True] * 20)).to_text()
    with ResultStore.for_writing(folder) as store:
        run = store.start_run(protocol, {})
        for task in TASKS.names():
            for factor in columns():
                if FACTORS.get(factor).is_defined(TASKS.get(task)):
                    store.add(
                        run,
                        EpisodeRecord(
                            agent="agent_0",
                            agent_fingerprint="f" * 12,
                            protocol=protocol.fingerprint,
                            scenario=Scenario(task=task, factor=factor),
                            outcome="failure",
                            kind="step_limit",
                            instruction="do it",
                            path=path.to_json(),
                            proposals=proposals,
                            track=way,
                            oracle_path=Track(path).to_text(),
                            versions={"hamster_bench": "0.1.0", "mujoco": "4.0", "python": "3.11", "renderer": "egl"},
                        ),
                    )
    rng = np.random.default_rng(0)
    with contextlib.closing(sqlite3.connect(folder / "results.sqlite")) as raw, raw:
        cursor = raw.execute("SELECT * FROM episodes")
        names = [column[0] for column in cursor.description]
        place = {name: i for i, name in enumerate(names)}
        added = []
        for row in cursor.fetchall():
            for agent in range(agents):
                for episode in range(episodes):
                    if agent == episode == 0:
                        continue
                    copy = list(row)
                    copy[place["id"]] = None
                    copy[place["agent"]], copy[place["episode"]] = f"agent_{agent}", episode
                    copy[place["scenario"]] = copy[place["scenario"]].replace("-e0-", f"-e{episode}-")
                    if rng.uniform() < 0.1 + 0.8 * agent / agents:
                        copy[place["outcome"]], copy[place["kind"]] = "success", None
                    added.append(copy)
        raw.executemany(f"INSERT INTO episodes VALUES ({', '.join('?' * len(names))})", added)
        return int(raw.execute("SELECT COUNT(*) FROM episodes").fetchone()[0])


def cpu(action: Callable[[], object]) -> float:
    """Processor time of an action [s], by what it prints unheard."""
    start = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        action()
    return time.process_time() - start


def raw_count(folder: Path) -> None:
    """What a table needs at least: every outcome read and counted."""
    with contextlib.closing(sqlite3.connect(folder / "results.sqlite")) as raw:
        Counter(raw.execute("SELECT task, agent, factor, seed, outcome, kind FROM episodes").fetchall())


def raw_export(folder: Path) -> None:
    """What a site needs at least: every record read, encoded and packed, once."""
    with contextlib.closing(sqlite3.connect(folder / "results.sqlite")) as raw, gzip.open(folder / "raw.gz", "wb", 1) as packed:
        cursor = raw.execute("SELECT * FROM episodes")
        names = [column[0] for column in cursor.description]
        for row in cursor.fetchall():
            packed.write(json.dumps(dict(zip(names, row, strict=True))).encode())


def report(what: str, ours: float, raw: float, unit: str = "s") -> None:
    """Prints one line: our figure, the raw one, and their ratio."""
    print(f"{what:40s} {ours:9.2f} {unit}   raw {raw:9.2f} {unit}   ratio {ours / raw:6.1f}", flush=True)


def pages(site: Path) -> None:
    """Every kind of page, as often as it takes for a median, beside an empty page."""
    from tests.leaderboards.site.browser import Tab, chromium

    (site / "empty.html").write_text("<!doctype html><title>empty</title>", encoding="utf-8")
    with chromium() as browser:

        def load(page: str) -> float:
            def once() -> float:
                tab = Tab(browser)
                start = time.perf_counter()
                tab.open(f"{site.as_uri()}/{page}")
                return 1e3 * (time.perf_counter() - start)

            return float(np.median([once() for _ in range(3)]))

        empty = load("empty.html")
        for page in PAGES:
            report(page, load(page), empty, "ms")


def main() -> None:
    """Prints every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=8)
    parser.add_argument("--episodes", type=int, default=80)
    parser.add_argument("--site", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "board"
        print(f"{fill(folder, arguments.agents, arguments.episodes):,} records")
        count = cpu(lambda: raw_count(folder))
        report("table", cpu(lambda: hamster_bench(["table", str(folder)])), count)
        report("compare --agents", cpu(lambda: hamster_bench(["compare", str(folder), "--agents", "agent_0,agent_1"])), count)
        report("compare --agent", cpu(lambda: hamster_bench(["compare", str(folder), "--agent", "agent_0"])), count)
        if arguments.site:
            site = Path(made) / "site"
            words = ["leaderboard", "build", str(folder), "--out", str(site), "--pictures", "0"]
            report("leaderboard build", cpu(lambda: hamster_bench(words)), cpu(lambda: raw_export(folder)))
            sizes = sorted(((file.stat().st_size, file.name) for file in site.rglob("*.js")), reverse=True)
            print(f"largest script a page loads: {sizes[0][1]}, {sizes[0][0] / 1e3:.0f} kB")
            pages(site)


if __name__ == "__main__":
    main()
