"""The table of camera views: success with the camera in its place, with the camera moved, and through other cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hamster_bench.errors import StoreError
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.leaderboards.grid import Grid, Row
from hamster_bench.leaderboards.measures import IsDefined, Measure, always_defined, with_interval
from hamster_bench.leaderboards.notes import success_notes
from hamster_bench.leaderboards.table import SuccessTable
from hamster_bench.scenario import CONTROL_FACTOR

CAMERA_FACTOR = "cam_pos"


def camera_grids(
    tables: Sequence[SuccessTable], *, measure: Measure = with_interval, is_defined: IsDefined = always_defined
) -> tuple[Grid, ...]:
    """One grid for each set of protocols that differ in their cameras alone.

    A row is one agent under one protocol, whose fingerprint it shows, so no figure mixes protocols. Columns are the control and the
    factor that moves the camera.

    Args:
        tables: success, one table for each protocol.
        measure: how a figure is stated.
        is_defined: whether a factor is defined for a task.

    Raises:
        StoreError: there are neither records with a moved camera nor protocols that differ in their cameras alone.
    """
    families: dict[Protocol, list[SuccessTable]] = {}
    for table in tables:
        families.setdefault(replace(table.protocol, name="", cameras=(), image_size=(1, 1)), []).append(table)
    grids = [
        _grid(family, measure, is_defined)
        for family in families.values()
        if len(family) > 1 or CAMERA_FACTOR in family[0].factors
    ]
    if not grids:
        raise StoreError(
            f"no records tell views apart: run the factor {CAMERA_FACTOR} beside {CONTROL_FACTOR}, or a protocol with other cameras"
        )
    return tuple(grids)


def _grid(family: Sequence[SuccessTable], measure: Measure, is_defined: IsDefined) -> Grid:
    factors = [name for name in (CONTROL_FACTOR, CAMERA_FACTOR) if any(name in table.factors for table in family)]
    rows = []
    for table in family:
        protocol = table.protocol
        view = f"{'+'.join(protocol.cameras)} {protocol.image_size[0]} x {protocol.image_size[1]}"
        rows += [
            Row(
                labels=(agent, view, protocol.fingerprint),
                entries=tuple(measure(table, agent, table.tasks, (name,), is_defined) for name in factors),
                fingerprint=protocol.fingerprint,
            )
            for agent in table.agents
        ]
    differing = len({table.tasks for table in family}) > 1
    views = f"{CAMERA_FACTOR} moves and turns the cameras in every episode, the same scenarios otherwise. Means are over tasks."
    return Grid(
        title=f"Success by camera view, protocol {', '.join(dict.fromkeys(table.protocol.label for table in family))}",
        labels=("agent", "view", "protocol fingerprint"),
        columns=tuple(factors),
        column_kind="factor",
        rows=tuple(sorted(rows, key=lambda row: row.labels[0])),
        notes=(
            *success_notes(family, rows, measure, counted=True),
            views,
            *(["Rows of different protocols are over different tasks."] if differing else []),
        ),
        protocol=", ".join(dict.fromkeys(table.protocol.label for table in family)),
        counted=True,
    )
