"""The calibration of a camera, as a file."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.franka.errors import CalibrationError

Mounting = Literal["static", "flange"]
_DAY = 86400.0


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Where a camera is, and how well that is known.

    Attributes:
        serial: of the camera.
        width: of the pictures it holds for [pixel].
        height: of the pictures it holds for [pixel].
        intrinsics: (3, 3) [pixel], continuous image coordinates.
        mounting: ``"static"``: beside the robot; ``"flange"``: on the arm's flange or hand.
        T_mount_camera: (4, 4) camera (OpenCV axes) in the robot's base, or in its flange.
        made: time [s since 1970].
        method: how it was found.
        board: what was looked at.
        views: number of views.
        residuals: how far the views disagree: ``reprojection`` [pixel], ``translation`` [m], ``rotation`` [rad], and others.
    """

    serial: str
    width: int
    height: int
    intrinsics: list[list[float]]
    mounting: Mounting
    T_mount_camera: list[list[float]]
    made: float
    method: str
    board: str
    views: int
    residuals: dict[str, float]

    def __post_init__(self) -> None:
        if self.mounting not in get_args(Mounting):
            raise CalibrationError(f"mounting must be one of {', '.join(get_args(Mounting))}, got {self.mounting!r}")
        for name, shape in (("intrinsics", (3, 3)), ("T_mount_camera", (4, 4))):
            try:
                matrix = np.array(getattr(self, name), dtype=np.float64)
            except (TypeError, ValueError) as error:
                raise CalibrationError(f"{name} must be a matrix of numbers") from error
            if matrix.shape != shape or not np.isfinite(matrix).all():
                raise CalibrationError(f"{name} must be a finite {shape} matrix, got shape {matrix.shape}")
        rotation = self.pose[:3, :3]
        if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-4) or np.linalg.det(rotation) < 0.0:
            raise CalibrationError("T_mount_camera is no rigid motion")

    @property
    def pose(self) -> NDArray[np.float64]:
        """``T_mount_camera`` (4, 4)."""
        return np.array(self.T_mount_camera, dtype=np.float64)

    @property
    def age_days(self) -> float:
        """How old it is [days]."""
        return (time.time() - self.made) / _DAY

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """The calibration of a file.

        Raises:
            CalibrationError: there is none, or it is not understood.
        """
        try:
            values: Any = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CalibrationError(
                f"the calibration {path} is missing; make it with 'hamster-bench franka calibrate', see docs/franka.md"
            ) from None
        except (OSError, ValueError) as error:
            raise CalibrationError(f"the calibration {path} cannot be read: {error}") from error
        known = {field.name for field in fields(cls)}
        if not isinstance(values, Mapping) or set(values) != known:
            raise CalibrationError(f"the calibration {path} must have the values {', '.join(sorted(known))}")
        return cls(**values)

    def save(self, path: Path) -> None:
        """Writes it; a file that is there is kept beside it under its date.

        Raises:
            CalibrationError: it cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                path.rename(path.with_name(f"{path.stem}-{int(path.stat().st_mtime_ns)}{path.suffix}"))
            path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise CalibrationError(f"the calibration {path} cannot be written: {error}") from error

    def check(self, *, serial: str, oldest_days: float) -> None:
        """Makes sure that it holds for a camera now.

        Raises:
            CalibrationError: it is of another camera, or too old.
        """
        if self.serial != serial:
            raise CalibrationError(f"the calibration is of camera {self.serial!r}, the camera is {serial!r}; calibrate this one")
        if self.age_days > oldest_days:
            raise CalibrationError(
                f"the calibration of camera {serial!r} is {self.age_days:.0f} days old; at most {oldest_days:g} are allowed, calibrate anew"
            )
