"""The rendered camera of a simulated controller, opened by the address of its control channel."""

from __future__ import annotations

import time

import numpy as np

from hamster_bench.envs.franka.cameras.source import CameraFrame
from hamster_bench.envs.franka.errors import CameraError
from hamster_bench.envs.franka.simulated_controller.process import SimulatedControllerError, open_channel


class SimulatedSource:
    """A camera in the scene around a simulated arm."""

    def __init__(self, host: str, port: int, camera: str) -> None:
        try:
            self._channel = open_channel(host, port)
        except OSError as error:
            raise CameraError(
                f"no simulated controller answers at {host}, port {port}: {error}; start one with 'hamster-bench franka simulate'"
            ) from error
        self._camera = camera

    @property
    def serial(self) -> str:
        """Name of the camera in the scene."""
        return f"simulated-{self._camera}"

    def read(self, newer_than: float, timeout: float) -> CameraFrame:
        """A picture drawn now; it is newer than any moment asked for.

        Raises:
            CameraError: the controller has gone.
        """
        try:
            said, (rgb, depth) = self._channel.order("frame", camera=self._camera)
        except (SimulatedControllerError, OSError, ValueError) as error:
            raise CameraError(f"the simulated camera {self._camera!r} gives no pictures: {error}") from error
        shape = (said["height"], said["width"])
        return CameraFrame(
            rgb=np.frombuffer(rgb, np.uint8).reshape(*shape, 3),
            depth=np.frombuffer(depth, "<f4").reshape(shape),
            intrinsics=np.array(said["intrinsics"]),
            # The stamp is that of the other process's wall clock.
            stamp=time.monotonic() - (time.time() - said["stamp"]),
            number=int(said["number"]),
        )

    def pose(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Where the camera is in the simulated world, (4, 4): what a calibration of it would find without error."""
        said, _ = self._channel.order("frame", camera=self._camera)
        return np.array(said["T_world_camera"])

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()


def open_simulated(*, host: str, port: int, camera: str = "front") -> SimulatedSource:
    """A camera of a simulated controller.

    Args:
        host: of the controller.
        port: of its control channel.
        camera: name of the camera in the scene.

    Raises:
        CameraError: nothing answers there.
    """
    return SimulatedSource(host, port, camera)
