"""OpenCV, imported where it is used."""

from __future__ import annotations

from typing import Any

from hamster_bench.errors import MissingDependencyError


def import_opencv() -> Any:
    """OpenCV with its hand-eye calibration.

    Raises:
        MissingDependencyError: it is not installed, or is a version that lacks what is needed.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError(
            f"calibration needs OpenCV ({error}); install it with: pip install 'hamster-bench[franka]'"
        ) from error
    if not hasattr(cv2, "calibrateHandEye"):
        raise MissingDependencyError(
            f"OpenCV {cv2.__version__} does not offer hand-eye calibration to Python; install a 4.x: "
            "pip install 'opencv-python-headless>=4.8,<5'"
        )
    return cv2
