"""A cell: which robot, which cameras, where they are, and what is allowed there. One file, complete, read once (rule S14)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hamster_bench.envs.franka.errors import CellError
from hamster_bench.envs.franka.models import ARM_MODELS
from hamster_bench.envs.franka.safety.config import SafetyConfig, suggested
from hamster_bench.errors import UnknownNameError

VERSION = 1
# Environment variable that names the cell where none is given.
CELL_VARIABLE = "HAMSTER_BENCH_CELL"

# The base of the embedded engine's robot: a cell that is laid out alike shows policies the same coordinates.
SIMULATION_BASE = (-0.268, -0.0064, 0.75, 0.0, 0.0, 0.0, 1.0)
SIMULATION_HOME = (0.0, 0.1752, 0.0, -0.8042, 0.0, 1.2216, 0.7854)

_KEYS = (
    "version",
    "name",
    "host",
    "arm",
    "enforce_realtime",
    "hand",
    "T_world_base",
    "home_joints",
    "cameras",
    "log",
    "safety",
)
_CAMERA_KEYS = ("kind", "calibration", "options")


@dataclass(frozen=True, kw_only=True)
class CameraEntry:
    """One camera of a cell.

    Attributes:
        kind: which source it is; see `hamster_bench.envs.franka.cameras`.
        calibration: file of its calibration.
        options: what its kind needs to open it.
    """

    kind: str
    calibration: Path
    options: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell's configuration.

    Attributes:
        name: of the cell, for logs.
        host: address of the robot.
        arm: name of the arm's model.
        enforce_realtime: refuse a kernel without real-time priority; null enforces it everywhere but on loopback.
        hand: whether there is a Franka Hand.
        T_world_base: pose (7,) of the robot's base in the world that policies think in.
        home_joints: (7,) [rad] where episodes start.
        cameras: by the name policies know them by.
        log: folder of logs.
        safety: the limits.
        source: the file it was read from.
    """

    name: str
    host: str
    arm: str
    enforce_realtime: bool | None
    hand: bool
    T_world_base: tuple[float, ...]
    home_joints: tuple[float, ...]
    cameras: dict[str, CameraEntry]
    log: Path
    safety: SafetyConfig
    source: Path | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or not isinstance(self.host, str) or not self.host:
            raise CellError("a cell needs a name and the host of its robot")
        ARM_MODELS.get(self.arm)
        if not isinstance(self.hand, bool) or not isinstance(self.enforce_realtime, bool | None):
            raise CellError("'hand' must be true or false, 'enforce_realtime' true, false or null")
        pose = np.array(self.T_world_base, dtype=np.float64)
        if pose.shape != (7,) or not np.isfinite(pose).all() or abs(float(np.linalg.norm(pose[3:])) - 1.0) > 1e-4:
            raise CellError(f"T_world_base must be x y z qx qy qz qw with a unit quaternion, got {self.T_world_base!r}")
        home = np.array(self.home_joints, dtype=np.float64)
        model, margin = ARM_MODELS.get(self.arm), self.safety.joint_margin
        if home.shape != (7,) or not np.isfinite(home).all():
            raise CellError(f"home_joints must be 7 angles [rad], got {self.home_joints!r}")
        if (home < model.joint_lower + margin).any() or (home > model.joint_upper - margin).any():
            raise CellError(f"home_joints {self.home_joints} leave the range of {self.arm} less the margin of {margin:g} rad")

    @classmethod
    def load(cls, path: str | Path) -> Cell:
        """The cell of a file; paths in it are relative to its folder.

        Raises:
            CellError: the file cannot be read, or lacks a value, or has a wrong one.
            UnknownNameError: it has a value of another name.
        """
        file = Path(path)
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CellError(
                f"the cell {file} cannot be read: {error}; 'hamster-bench franka cell' writes one to fill in"
            ) from error
        _check_keys("the cell", values, _KEYS)
        if values["version"] != VERSION:
            raise CellError(f"the cell {file} has version {values['version']!r}; this program reads version {VERSION}")
        cameras = {}
        if not isinstance(values["cameras"], Mapping):
            raise CellError("'cameras' must be an object of cameras by name")
        for name, entry in values["cameras"].items():
            _check_keys(f"camera {name!r}", entry, _CAMERA_KEYS)
            if not isinstance(entry["options"], Mapping):
                raise CellError(f"'options' of camera {name!r} must be an object")
            cameras[name] = CameraEntry(
                kind=str(entry["kind"]), calibration=file.parent / str(entry["calibration"]), options=dict(entry["options"])
            )
        return cls(
            name=values["name"],
            host=values["host"],
            arm=values["arm"],
            enforce_realtime=values["enforce_realtime"],
            hand=values["hand"],
            T_world_base=_numbers("T_world_base", values["T_world_base"]),
            home_joints=_numbers("home_joints", values["home_joints"]),
            cameras=cameras,
            log=file.parent / str(values["log"]),
            safety=SafetyConfig.from_dict(values["safety"]),
            source=file,
        )

    def to_dict(self) -> dict[str, Any]:
        """As values JSON can hold, with paths as they are."""
        return {
            "version": VERSION,
            "name": self.name,
            "host": self.host,
            "arm": self.arm,
            "enforce_realtime": self.enforce_realtime,
            "hand": self.hand,
            "T_world_base": list(self.T_world_base),
            "home_joints": list(self.home_joints),
            "cameras": {
                name: {"kind": entry.kind, "calibration": str(entry.calibration), "options": entry.options}
                for name, entry in self.cameras.items()
            },
            "log": str(self.log),
            "safety": self.safety.to_dict(),
        }


def suggested_cell(name: str, host: str, cameras: Mapping[str, CameraEntry], **safety: Any) -> Cell:
    """A cell to start from, laid out like the embedded engine's: the robot on the table, the workspace in front of it.

    Args:
        name: of the cell.
        host: of the robot.
        cameras: by name.
        safety: values that differ from the suggested ones.
    """
    from dataclasses import replace

    # The workspace of the action contract in the base frame.
    base = np.array(SIMULATION_BASE[:3])
    lower, upper = np.array([-0.275, -0.655, 0.752]) - base, np.array([0.775, 0.655, 1.752]) - base
    limits = suggested(
        workspace_lower=tuple(np.round(lower, 4).tolist()), workspace_upper=tuple(np.round(upper, 4).tolist()), table_height=0.0
    )
    return Cell(
        name=name,
        host=host,
        arm="fr3",
        enforce_realtime=None,
        hand=True,
        T_world_base=SIMULATION_BASE,
        home_joints=SIMULATION_HOME,
        cameras=dict(cameras),
        log=Path("logs"),
        safety=replace(limits, **safety),
    )


def _check_keys(what: str, values: object, known: tuple[str, ...]) -> None:
    if not isinstance(values, Mapping):
        raise CellError(f"{what} must be an object, got {type(values).__name__}")
    for key in values:
        if key not in known:
            raise UnknownNameError(f"value of {what}", key, known)
    missing = [key for key in known if key not in values]
    if missing:
        raise CellError(f"{what} lacks {', '.join(missing)}; nothing is guessed")


def _numbers(name: str, value: object) -> tuple[float, ...]:
    if not isinstance(value, list) or any(isinstance(v, bool) or not isinstance(v, int | float) for v in value):
        raise CellError(f"{name} must be a list of numbers, got {value!r}")
    return tuple(float(v) for v in value)
