"""RealSense cameras: live, from a recording, or any other source of their framesets."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.franka.cameras.source import CameraFrame
from hamster_bench.envs.franka.errors import CameraError
from hamster_bench.errors import MissingDependencyError

# Auto exposure needs about a second to settle.
_WARM_UP_FRAMES = 30
# RealSense counts pixels from their middles, this project from their edges.
_PIXEL_MIDDLE = 0.5
# Distortion below this moves no pixel of a VGA picture by half a pixel.
_NEGLIGIBLE_DISTORTION = 2e-3


class Framesets(Protocol):
    """Where framesets come from: a pipeline, or a syncer fed by somebody else."""

    def wait(self, seconds: float) -> Any:
        """The next frameset with colour and depth.

        Raises:
            RuntimeError: none came in time.
        """
        ...

    def close(self) -> None:
        """Ends the stream."""
        ...


def import_realsense() -> Any:
    """The maker's library.

    Raises:
        MissingDependencyError: it, or a system library it needs, is missing.
    """
    try:
        import pyrealsense2
    except ImportError as error:
        hint = (
            "it needs the system library libusb-1.0: apt-get install -y libusb-1.0-0"
            if "libusb" in str(error)
            else "install it with: pip install 'hamster-bench[realsense]'"
        )
        raise MissingDependencyError(f"RealSense cameras need pyrealsense2 ({error}); {hint}") from error
    return pyrealsense2


class RealSenseSource:
    """Aligned colour and depth of a RealSense camera.

    Args:
        framesets: where they come from.
        serial: of the camera.
        fixed_clock: the framesets carry no time of this machine (recordings): the time they arrive counts.
    """

    def __init__(self, framesets: Framesets, serial: str, *, fixed_clock: bool = False) -> None:
        self._realsense = import_realsense()
        self._framesets = framesets
        self._serial = serial
        self._fixed_clock = fixed_clock
        self._align = self._realsense.align(self._realsense.stream.color)
        self._last = -1

    @property
    def serial(self) -> str:
        """Serial number."""
        return self._serial

    def read(self, newer_than: float, timeout: float) -> CameraFrame:
        """The first picture taken after a moment.

        Raises:
            CameraError: none came in time, or the stream stands still.
        """
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0.0:
            try:
                frameset = self._framesets.wait(left)
            except RuntimeError as error:
                raise CameraError(f"camera {self._serial} sends no pictures: {error}") from error
            frame = self._convert(self._align.process(frameset))
            if frame is not None and frame.number != self._last and frame.stamp >= newer_than:
                self._last = frame.number
                return frame
        raise CameraError(f"camera {self._serial} has sent no new picture for {timeout:g} s; its stream stands still")

    def close(self) -> None:
        """Ends the stream."""
        self._framesets.close()

    def _convert(self, frameset: Any) -> CameraFrame | None:
        colour, depth = frameset.get_color_frame(), frameset.get_depth_frame()
        if not colour or not depth:
            return None
        profile = colour.get_profile().as_video_stream_profile().get_intrinsics()
        intrinsics = np.array(
            [[profile.fx, 0.0, profile.ppx + _PIXEL_MIDDLE], [0.0, profile.fy, profile.ppy + _PIXEL_MIDDLE], [0.0, 0.0, 1.0]]
        )
        rgb = np.array(colour.get_data(), dtype=np.uint8)
        metres = np.array(depth.get_data(), dtype=np.float32) * np.float32(depth.get_units())
        if np.abs(profile.coeffs).max() > _NEGLIGIBLE_DISTORTION:
            rgb, metres = undistorted(rgb, metres, intrinsics, np.array(profile.coeffs))
        return CameraFrame(rgb, metres, intrinsics, self._stamp(colour), int(colour.get_frame_number()))

    def _stamp(self, frame: Any) -> float:
        """When the picture was taken, by this machine's monotonic clock."""
        now = time.monotonic()
        domain = frame.get_frame_timestamp_domain()
        if self._fixed_clock or domain == self._realsense.timestamp_domain.hardware_clock:
            return now
        age = time.time() - float(frame.get_timestamp()) / 1000.0
        return now - max(0.0, age)


def undistorted(
    rgb: NDArray[np.uint8], depth: NDArray[np.float32], intrinsics: NDArray[np.float64], distortion: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Picture and depth as a camera without distortion would have seen them, with the same intrinsics.

    Args:
        rgb: (H, W, 3).
        depth: (H, W) [m].
        intrinsics: (3, 3), continuous image coordinates.
        distortion: (5,) coefficients of Brown and Conrady: k1, k2, p1, p2, k3.
    """
    from hamster_bench.envs.franka.calibration.opencv import import_opencv

    cv2 = import_opencv()
    height, width = depth.shape
    matrix = intrinsics.copy()
    matrix[:2, 2] -= _PIXEL_MIDDLE
    columns, rows = cv2.initUndistortRectifyMap(matrix, distortion, None, matrix, (width, height), cv2.CV_32FC1)
    colours = cv2.remap(rgb, columns, rows, cv2.INTER_LINEAR)
    return colours, cv2.remap(depth, columns, rows, cv2.INTER_NEAREST)


class _Pipeline:
    def __init__(self, pipeline: Any) -> None:
        self._pipeline: Any = pipeline

    def wait(self, seconds: float) -> Any:
        return self._pipeline.wait_for_frames(max(1, int(seconds * 1000)))

    def close(self) -> None:
        if self._pipeline is not None:
            with contextlib.suppress(RuntimeError):
                self._pipeline.stop()
            self._pipeline = None


def open_device(
    *,
    serial: str,
    width: int = 640,
    height: int = 480,
    fps: int = 30,
    exposure: float | None = None,
    white_balance: float | None = None,
) -> RealSenseSource:
    """A camera on this machine.

    Args:
        serial: serial number.
        width: of both streams [pixel].
        height: of both streams [pixel].
        fps: pictures a second.
        exposure: of the colour sensor, fixed [us]; None leaves it automatic.
        white_balance: of the colour sensor, fixed [K]; None leaves it automatic.

    Raises:
        CameraError: it cannot be opened.
        MissingDependencyError: the library is missing.
    """
    realsense = import_realsense()
    pipeline, config = realsense.pipeline(), realsense.config()
    config.enable_device(serial)
    config.enable_stream(realsense.stream.depth, width, height, realsense.format.z16, fps)
    config.enable_stream(realsense.stream.color, width, height, realsense.format.rgb8, fps)
    try:
        profile = pipeline.start(config)
    except RuntimeError as error:
        raise CameraError(
            f"the RealSense camera {serial} cannot be opened: {error}; is it plugged in, with the maker's udev rules?"
        ) from error
    sensor = profile.get_device().first_color_sensor()
    for option, automatic, value in (
        (realsense.option.exposure, realsense.option.enable_auto_exposure, exposure),
        (realsense.option.white_balance, realsense.option.enable_auto_white_balance, white_balance),
    ):
        if value is not None:
            sensor.set_option(automatic, 0)
            sensor.set_option(option, value)
    framesets = _Pipeline(pipeline)
    with contextlib.suppress(RuntimeError):
        for _ in range(_WARM_UP_FRAMES):
            framesets.wait(1.0)
    return RealSenseSource(framesets, serial)


def open_recording(*, file: str) -> RealSenseSource:
    """A recording (``.db3``), picture after picture, as fast as it is read.

    Args:
        file: path of the recording.

    Raises:
        CameraError: it cannot be opened.
        MissingDependencyError: the library is missing.
    """
    realsense = import_realsense()
    if not Path(file).is_file():
        raise CameraError(f"there is no recording {file}")
    pipeline, config = realsense.pipeline(), realsense.config()
    config.enable_device_from_file(str(file), repeat_playback=False)
    try:
        profile = pipeline.start(config)
    except RuntimeError as error:
        raise CameraError(f"the recording {file} cannot be played: {error}") from error
    device = profile.get_device()
    device.as_playback().set_real_time(False)
    # Recordings of software devices have none.
    number = realsense.camera_info.serial_number
    serial = device.get_info(number) if device.supports(number) else Path(file).stem
    return RealSenseSource(_Pipeline(pipeline), serial, fixed_clock=True)
