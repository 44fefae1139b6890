"""Errors of the robot's environment."""

from __future__ import annotations

from typing import Any

from hamster_bench.errors import HamsterBenchError


class FrankaError(HamsterBenchError):
    """Base of all errors of the robot's environment."""


class CellError(FrankaError):
    """A cell's configuration, or a file it names, is missing, incomplete or wrong; nothing was connected."""


class CalibrationError(CellError):
    """A camera has no calibration, or one that cannot be used: too old, of another camera, or not good enough."""


class RobotUnreachableError(FrankaError):
    """Nothing answers at the robot's address, or the link has gone."""


class RobotIncompatibleError(FrankaError):
    """The robot speaks another protocol than the client library, or is another arm than the cell says."""


class RobotBusyError(FrankaError):
    """Another process drives this robot."""


class RobotFaultError(FrankaError):
    """The robot stopped by itself: a reflex, the user stop, a broken link.

    Attributes:
        fault: short machine-readable cause, ``info["fault"]``.
    """

    def __init__(self, fault: str, message: str) -> None:
        self.fault = fault
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.fault, str(self))


class NotArmedError(FrankaError):
    """A motion was asked for while the arm is not armed."""


class PreflightError(FrankaError):
    """The checks before arming found something wrong."""


class CameraError(FrankaError):
    """A camera cannot be opened, or its pictures stopped."""
