"""The variation factors for people to read: which exists for which task, on what it acts, and what it looks like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.factors import FACTORS, columns, defined_factors
from hamster_bench.envs.factors.contract import COMPAT_SWITCHES
from hamster_bench.envs.registration import environment_id
from hamster_bench.envs.targets import (
    ColorTargets,
    FactorTargets,
    FrictionTargets,
    MassTargets,
    SizeTargets,
    SpawnAreas,
    TextureTargets,
)
from hamster_bench.envs.tasks import TASKS
from hamster_bench.scenario import VARIATION_FACTORS, Scenario

_CAMERA = "front"
_HEADING = 24  # height of the line of column names [pixel]
_NAMES = 210  # width of the column of task names [pixel]
_GAP = 4  # [pixel]
_FONT_SIZE = 14  # [pixel]
# A number of names longer than this is told by the first and the last.
_LISTED = 4


def matrix_text() -> str:
    """The matrix of defined cells, aligned for a terminal, with what each factor changes and the compat switches."""
    header, *rows = _matrix()
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (header, *rows)]
    width = max(map(len, FACTORS.names()))
    factors = [f"{name:<{width}}  {FACTORS.get(name).summary}; {FACTORS.get(name).distribution}" for name in FACTORS.names()[1:]]
    width = max(map(len, COMPAT_SWITCHES))
    switches = [f"{name:<{width}}  {meaning}" for name, meaning in COMPAT_SWITCHES.items()]
    return "\n".join([*lines, "", "x: defined", "", *factors, "", "--compat (colosseum: all of them):", *switches]) + "\n"


def matrix_page() -> str:
    """The same as a Markdown page, with the parameters of every task."""
    header, *rows = _matrix()
    parts = [
        "# Which factor exists for which task",
        "Written by `hamster-bench factors --out`. x: defined; a table prints - in other cells and averages over the defined ones only.",
        _table(header, [[row[0], *(cell.replace(".", "-") for cell in row[1:])] for row in rows]),
        "## What the factors change",
        _table(
            ["factor", "changes", "drawn"],
            [[f"`{name}`", FACTORS.get(name).summary, FACTORS.get(name).distribution] for name in FACTORS],
        ),
        "## On what they act",
    ]
    for name in TASKS.names():
        task = TASKS.get(name)
        rows = [[f"`{factor}`", *_describe(targets)] for factor, targets in task.factors.items()]
        parts += [f"### {name}", _table(["factor", "objects", "drawn"], rows)]
    return "\n\n".join(parts) + "\n"


def factor_sheet(file: Path, *, tasks: Sequence[str], size: int = 128, episode: int = 0) -> None:
    """Writes a picture of tasks x columns of the variation table: front views after reset, one row for each task.

    Args:
        file: JPEG file, replaced if it exists.
        tasks: names of tasks.
        size: edge of a view [pixel].
        episode: number of the episode that is shown; factors that draw the RLBench variation show the one drawn for it.

    Raises:
        UnknownNameError: there is no such task.
        RenderingUnavailableError: images cannot be drawn on this machine.
    """
    from PIL import Image, ImageDraw, ImageFont

    names = columns()
    width, height = _NAMES + len(names) * (size + _GAP), _HEADING + len(tasks) * (size + _GAP)
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_FONT_SIZE)
    for column, name in enumerate(names):
        draw.text((_NAMES + column * (size + _GAP) + size / 2, _HEADING / 2), name, fill="black", font=font, anchor="mm")
    for row, task in enumerate(tasks):
        top = _HEADING + row * (size + _GAP)
        draw.text((_NAMES - 2 * _GAP, top + size / 2), task, fill="black", font=font, anchor="rm")
        for factor, picture in _views(task, size, episode):
            sheet.paste(Image.fromarray(picture), (_NAMES + names.index(factor) * (size + _GAP), top))
    sheet.save(file, format="JPEG", quality=80, optimize=True)


def _views(name: str, size: int, episode: int) -> Iterable[tuple[str, NDArray[np.uint8]]]:
    task = TASKS.get(name)
    options: dict[str, Any] = {"cameras": (_CAMERA,), "image_size": size}
    env = gymnasium.make(environment_id(name), **options)
    try:
        for factor in columns():
            if factor in defined_factors(task):
                scenario = Scenario(task=name, factor=factor, episode=episode)
                drawn = int(scenario.rng("variation").integers(task.variation_count))
                variation = drawn if factor in VARIATION_FACTORS else 0
                chosen = Scenario(task=name, factor=factor, episode=episode, variation=variation)
                observation, _ = env.reset(options={"scenario": chosen})
                yield factor, np.array(observation[f"{_CAMERA}_rgb"])
    finally:
        env.close()


def _matrix() -> list[list[str]]:
    names = FACTORS.names()
    rows = [["task", *names]]
    for task in TASKS.names():
        defined = defined_factors(TASKS.get(task))
        rows.append([task, *("x" if name in defined else "." for name in names)])
    return rows


def _describe(targets: FactorTargets) -> list[str]:
    """Objects and range of a target."""
    if isinstance(targets, ColorTargets):
        named = "; the instruction follows one of them" if targets.named else ""
        return [_names(targets.objects), f"{'one colour for all' if targets.same else 'a colour each'}{named}"]
    if isinstance(targets, TextureTargets):
        return [_names(targets.objects), "a texture each" if targets.alone else "a texture each; in combined factors only"]
    if isinstance(targets, SizeTargets):
        each = "one scale for all" if targets.same else "a scale each"
        return [_names(targets.objects), f"{targets.low:g} to {targets.high:g}, {each}"]
    if isinstance(targets, SpawnAreas):
        skipped = f"; without {', '.join(targets.lookalikes)}" if targets.lookalikes else ""
        return [", ".join(f"{count} on `{area}`" for area, count in targets.areas), f"kind, size and place each{skipped}"]
    if isinstance(targets, FrictionTargets):
        return [_names(targets.objects), f"{targets.low:g} to {targets.high:g}, one for all"]
    assert isinstance(targets, MassTargets)
    return [
        _names([body for body, _, _ in targets.ranges]),
        ", ".join(f"{low:g} to {high:g} kg" for _, low, high in targets.ranges),
    ]


def _names(names: Sequence[str]) -> str:
    if len(names) <= _LISTED:
        return ", ".join(f"`{name}`" for name in names)
    return f"{len(names)}: `{names[0]}` to `{names[-1]}`"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (header, *rows)]
    lines.insert(1, "|" + "---|" * len(header))
    return "\n".join(lines)
