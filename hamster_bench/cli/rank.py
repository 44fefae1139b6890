"""``hamster-bench rank``: people rank the paths of several planners, without knowing whose they are."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.cli.options import names, whole_number, write_text
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import HamsterBenchError, InvalidOptionError, PlannerError, StoreError
from hamster_bench.evaluation.environment import Requirements, make_environment, path_camera, with_path
from hamster_bench.evaluation.plan import make_plan
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.leaderboards.formats import to_text
from hamster_bench.leaderboards.ranking.agreement import agreement
from hamster_bench.leaderboards.ranking.ratings import ranks_of, read_ratings
from hamster_bench.leaderboards.ranking.server import make_server
from hamster_bench.leaderboards.ranking.sheet import FILE_NAME, Item, read_sheet, write_sheet
from hamster_bench.leaderboards.ranking_table import FIELDS, Rank, ranking_grid
from hamster_bench.leaderboards.ranking_table import FILE_NAME as RANKINGS
from hamster_bench.leaderboards.reference import reference_for, with_reference
from hamster_bench.paths import Path2D
from hamster_bench.planners import PlannerContext, Proposal, make_planner
from hamster_bench.scenario import CONTROL_FACTOR, Scenario

_PICTURES = "pictures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="make|serve|table")
    making = parts.add_parser("make", help="ask the planners for paths and write the sheet that is ranked")
    making.add_argument("directory", type=Path, metavar="DIR", help="where to; must not hold a sheet")
    making.add_argument(
        "--planners", type=names, required=True, metavar="A,B", help="planners by name; options of one behind a colon"
    )
    making.add_argument("--tasks", type=names, metavar="A,B", help="tasks whose first images are shown")
    making.add_argument("--factors", type=names, default=(CONTROL_FACTOR,), metavar="A,B", help="factors (default no_var)")
    making.add_argument(
        "--episodes",
        type=whole_number("--episodes", 1),
        default=1,
        metavar="N",
        help="images of each task and factor (default 1)",
    )
    making.add_argument(
        "--pictures",
        type=Path,
        metavar="FILE.json",
        help='own pictures instead: a JSON list of {"image": FILE, "instruction": TEXT, "set": NAME}',
    )
    making.add_argument("--size", type=whole_number("--size", 32), default=512, metavar="PIXELS", help="edge of images of tasks")
    making.add_argument(
        "--seed",
        type=whole_number("--seed", 0),
        default=0,
        metavar="S",
        help="draws scenarios and the orders raters see (default 0)",
    )
    making.set_defaults(execute=_make)
    serving = parts.add_parser("serve", help="serve the page on which raters rank")
    serving.add_argument("directory", type=Path, metavar="DIR", help="made by 'hamster-bench rank make'")
    serving.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (default 127.0.0.1)")
    serving.add_argument("--port", type=whole_number("--port", 0), default=8001, metavar="N", help="port (default 8001; 0: any)")
    serving.set_defaults(execute=_serve)
    table = parts.add_parser("table", help="print mean ranks with intervals, and how far the raters agree")
    table.add_argument("directory", type=Path, metavar="DIR", help="made by 'hamster-bench rank make'")
    table.add_argument("--published", action="store_true", help="add the figures of the HAMSTER paper, marked")
    table.set_defaults(execute=_table)


def execute(arguments: argparse.Namespace) -> int:
    """Makes, serves or prints."""
    return int(arguments.execute(arguments))


def _make(arguments: argparse.Namespace) -> int:
    directory: Path = arguments.directory
    planners: tuple[str, ...] = arguments.planners
    if (arguments.tasks is None) == (arguments.pictures is None):
        raise InvalidOptionError("say what is shown: either --tasks or --pictures")
    if len(set(planners)) < len(planners) or len(planners) < 2:
        raise InvalidOptionError(f"name two planners or more, each once, got {','.join(planners)}")
    if (directory / FILE_NAME).exists():
        raise StoreError(f"{directory} has a sheet already, and ratings may rest on it; choose another directory")
    if arguments.pictures is not None:
        made = _of_pictures(arguments.pictures, planners)
    else:
        made = _of_tasks(arguments.tasks, arguments.factors, arguments.episodes, arguments.seed, planners, arguments.size)
    items = []
    try:
        (directory / _PICTURES).mkdir(parents=True, exist_ok=True)
        for number, (item, image_rgb) in enumerate(made):
            picture = f"{_PICTURES}/{number}.png"
            _save(image_rgb, directory / picture)
            items.append(replace(item, picture=picture))
    except OSError as error:
        raise StoreError(f"{directory} cannot be written: {error.strerror or error}") from error
    write_sheet(directory, items, arguments.seed)
    print(f"{directory}: {len(items)} pictures with the paths of {', '.join(planners)}")
    print(f"raters: hamster-bench rank serve {directory}")
    return 0


def _of_tasks(
    tasks: Sequence[str], factors: Sequence[str], episodes: int, seed: int, planners: Sequence[str], size: int
) -> Iterator[tuple[Item, NDArray[np.uint8]]]:
    protocols = [make_protocol("hamster", path_planner=planner, on_planner_error="continue") for planner in planners]
    for planner in planners:
        make_planner(planner)
    plan = make_plan(agents=("expert",), tasks=tasks, episodes=episodes, seed=seed, factors=factors)
    camera = path_camera(protocols[0])
    for task in tasks:
        TASKS.get(task)
        required = Requirements(task, "keypose", (camera,), "points")
        scenarios = [episode.scenario for episode in plan if episode.scenario.task == task]
        found: dict[Scenario, tuple[str, NDArray[np.uint8], dict[str, Path2D | None]]] = {}
        for planner, protocol in zip(planners, protocols, strict=True):
            with contextlib.closing(
                with_path(make_environment(required, protocol, image_size=(size, size)), required, protocol)
            ) as env:
                for scenario in scenarios:
                    observation, info = env.reset(options={"scenario": scenario})
                    image = np.array(observation[f"{camera}_rgb"])
                    found.setdefault(scenario, (str(info["instruction"]), image, {}))[2][planner] = info.get("path")
        for scenario, (instruction, image_rgb, paths) in found.items():
            yield Item(name=scenario.id, set=scenario.factor, picture="", instruction=instruction, paths=paths), image_rgb


def _of_pictures(file: Path, planners: Sequence[str]) -> Iterator[tuple[Item, NDArray[np.uint8]]]:
    from PIL import Image

    asked = {name: make_planner(name) for name in planners}
    for name, planner in asked.items():
        if planner.privileged:
            raise InvalidOptionError(f"path planner {name!r} reads the running simulation, which a picture does not have")
    for number, entry in enumerate(_read_list(file)):
        try:
            with Image.open(file.parent / entry["image"]) as picture:
                image_rgb = np.array(picture.convert("RGB"))
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise InvalidOptionError(f"{entry['image']} cannot be read as a picture: {error}") from error
        paths: dict[str, Path2D | None] = {}
        for name, planner in asked.items():
            with contextlib.suppress(PlannerError):
                answer = planner.propose(
                    image_rgb, entry["instruction"], PlannerContext.of_picture(image_rgb, entry["instruction"])
                )
                paths[name] = answer.path if isinstance(answer, Proposal) else answer
            paths.setdefault(name, None)
        item = Item(
            name=f"{number}: {entry['image']}",
            set=entry.get("set", ""),
            picture="",
            instruction=entry["instruction"],
            paths=paths,
        )
        yield item, image_rgb


def _read_list(file: Path) -> list[dict[str, str]]:
    try:
        entries: Any = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidOptionError(f"{file} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise InvalidOptionError(f"{file} is not JSON: {error}") from error
    good = isinstance(entries, list) and all(
        isinstance(entry, dict)
        and {"image", "instruction"} <= entry.keys() <= {"image", "instruction", "set"}
        and all(isinstance(value, str) for value in entry.values())
        for entry in entries
    )
    if not good or not entries:
        raise InvalidOptionError(f'{file} must be a JSON list of {{"image": FILE, "instruction": TEXT, "set": NAME}}')
    return list(entries)


def _save(image_rgb: NDArray[np.uint8], file: Path) -> None:
    from PIL import Image

    Image.fromarray(image_rgb).save(file, format="PNG")


def _serve(arguments: argparse.Namespace) -> int:
    sheet = read_sheet(arguments.directory)
    read_ratings(sheet)
    server = make_server(sheet, arguments.host, arguments.port, log=lambda line: print(line, flush=True))
    with server:
        print(f"http://{arguments.host}:{server.server_address[1]}/ (Ctrl-C ends it; every rating is saved at once)", flush=True)
        # That is how it is meant to end.
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0


def _table(arguments: argparse.Namespace) -> int:
    sheet = read_sheet(arguments.directory)
    ranks = ranks_of(sheet, read_ratings(sheet))
    if not ranks:
        raise HamsterBenchError(
            f"there are no ratings in {sheet.directory} yet; 'hamster-bench rank serve {sheet.directory}' takes them"
        )
    grid = ranking_grid(ranks)
    if arguments.published:
        grid = with_reference(grid, reference_for("path_ranking"))
    print(to_text([grid]), end="")
    w, alpha, shared = agreement(ranks)
    if shared:
        print(
            f"Agreement on the {shared} pictures with several raters: Kendall's W {_figure(w)} (mean over pictures), Krippendorff's alpha "
            f"{_figure(alpha)} (ordinal). 1: all agree; 0: no more than chance."
        )
    else:
        print("Agreement: no picture was ranked by several raters yet.")
    write_text(sheet.directory / RANKINGS, _csv(ranks))
    print(f"written to {sheet.directory / RANKINGS}")
    return 0


def _figure(value: float) -> str:
    return "not defined" if math.isnan(value) else f"{value:.2f}"


def _csv(ranks: Sequence[Rank]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(FIELDS)
    writer.writerows([rank.rater, rank.picture, rank.set, rank.planner, rank.rank] for rank in ranks)
    return stream.getvalue()
