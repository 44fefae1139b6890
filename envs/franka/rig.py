"""The open cameras of a cell with their calibrations: pictures in the form of the observation contract."""

from __future__ import annotations

import time
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.franka import kinematics
from hamster_bench.envs.franka.calibration.record import Calibration
from hamster_bench.envs.franka.cameras import CAMERA_KINDS, CameraFrame, CameraSource, fitted
from hamster_bench.envs.franka.cell import Cell
from hamster_bench.envs.franka.errors import CalibrationError, CameraError
from hamster_bench.errors import UnknownNameError
from hamster_bench.geometry import Camera, matrix_from_pose

# A camera that gives no new picture within this time has stopped.
_TIMEOUT = 2.0
# Focal lengths of device and calibration may differ by this share: factory calibration against ours.
_FOCAL_TOLERANCE = 0.03


class View(NamedTuple):
    """A picture of a camera and where it was taken from.

    Attributes:
        frame: at the size observed.
        camera: its intrinsics and pose.
        native: the picture as it came.
        age: of the picture when it was read [s].
    """

    frame: CameraFrame
    camera: Camera
    native: CameraFrame
    age: float


class CameraRig:
    """Some of a cell's cameras, open.

    Args:
        cell: the cell.
        names: which cameras.
        image_size: (height, width) of what is observed [pixel].
        check_calibration: refuse calibrations that are too old or of another camera.

    Raises:
        UnknownNameError: the cell has no such camera.
        CalibrationError: one has no usable calibration.
        CameraError: one cannot be opened.
    """

    def __init__(self, cell: Cell, names: Iterable[str], image_size: tuple[int, int], *, check_calibration: bool = True) -> None:
        self._T_world_base = matrix_from_pose(cell.T_world_base)
        self._image_size = image_size
        self._sources: dict[str, CameraSource] = {}
        self.calibrations: dict[str, Calibration] = {}
        wanted = list(names)
        for name in wanted:
            if name not in cell.cameras:
                raise UnknownNameError("camera of the cell", name, cell.cameras)
            # Before anything is opened: what is missing is said at once.
            self.calibrations[name] = Calibration.load(cell.cameras[name].calibration)
        try:
            for name in wanted:
                entry = cell.cameras[name]
                open_camera = CAMERA_KINDS.get(entry.kind)
                try:
                    self._sources[name] = open_camera(**entry.options)
                except TypeError as error:
                    raise CameraError(f"the options of camera {name!r} do not fit its kind {entry.kind!r}: {error}") from error
                if check_calibration:
                    self.calibrations[name].check(serial=self._sources[name].serial, oldest_days=cell.safety.calibration_age_days)
        except BaseException:
            self.close()
            raise

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the open cameras."""
        return tuple(self._sources)

    def look(self, name: str, joints: NDArray[np.float64], newer_than: float = 0.0) -> View:
        """What a camera sees.

        Args:
            name: of the camera.
            joints: (7,) joint angles [rad] now, for cameras on the arm.
            newer_than: moment that the picture must be newer than, clock of `time.monotonic`.

        Raises:
            CameraError: no picture came.
            CalibrationError: the camera's pictures are not those it was calibrated with.
        """
        native = self._sources[name].read(newer_than, _TIMEOUT)
        calibration = self.calibrations[name]
        if native.depth.shape != (calibration.height, calibration.width):
            raise CalibrationError(
                f"camera {name!r} gives {native.depth.shape[1]} x {native.depth.shape[0]} pixels, its calibration is for "
                f"{calibration.width} x {calibration.height}"
            )
        focal, calibrated = native.intrinsics[0, 0], calibration.intrinsics[0][0]
        if abs(focal / calibrated - 1.0) > _FOCAL_TOLERANCE:
            raise CalibrationError(
                f"camera {name!r} has a focal length of {focal:.1f} pixels, its calibration says {calibrated:.1f}"
            )
        frame = fitted(native, *self._image_size)
        height, width = self._image_size
        camera = Camera(width, height, frame.intrinsics, self.pose(name, joints))
        return View(frame, camera, native, time.monotonic() - native.stamp)

    def pose(self, name: str, joints: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where a camera is, (4, 4), world frame."""
        calibration = self.calibrations[name]
        if calibration.mounting == "static":
            return self._T_world_base @ calibration.pose
        posed: NDArray[np.float64] = self._T_world_base @ kinematics.link_frames(joints)[0, 7] @ calibration.pose
        return posed

    def close(self) -> None:
        """Closes all cameras."""
        for source in self._sources.values():
            source.close()
        self._sources.clear()

    def __enter__(self) -> CameraRig:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
