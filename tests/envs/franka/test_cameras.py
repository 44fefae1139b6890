"""Cameras: frames in the form of the contract, streams that stand still, and the message of a missing library."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hamster_bench.envs.franka.cameras.realsense import RealSenseSource, import_realsense, undistorted
from hamster_bench.envs.franka.cameras.source import CameraFrame, fitted
from hamster_bench.envs.franka.errors import CameraError
from hamster_bench.errors import MissingDependencyError
from hamster_bench.geometry import Camera


@pytest.fixture(scope="module")
def realsense() -> Any:
    return pytest.importorskip(
        "pyrealsense2",
        reason="RealSense's library or libusb-1.0 is not installed: pip install '.[realsense]'",
        exc_type=ImportError,
    )


class SoftwareCamera:
    """A RealSense device made of numbers: the maker's software device."""

    def __init__(self, realsense: Any) -> None:
        self.realsense = realsense
        self.device = realsense.software_device()
        self.size, self.number, self.streaming = (48, 64), 0, True
        self.colour_sensor, self.depth_sensor = self.device.add_sensor("colour"), self.device.add_sensor("depth")
        self.profiles = []
        for sensor, kind, uid, bpp, form in (
            (self.depth_sensor, realsense.stream.depth, 0, 2, realsense.format.z16),
            (self.colour_sensor, realsense.stream.color, 1, 3, realsense.format.rgb8),
        ):
            stream = realsense.video_stream()
            stream.type, stream.index, stream.uid, stream.width, stream.height = kind, 0, uid, self.size[1], self.size[0]
            stream.fps, stream.bpp, stream.fmt = 30, bpp, form
            intrinsics = realsense.intrinsics()
            intrinsics.width, intrinsics.height = self.size[1], self.size[0]
            intrinsics.fx = intrinsics.fy = 60.0
            intrinsics.ppx, intrinsics.ppy = 31.5, 23.5
            intrinsics.model, intrinsics.coeffs = realsense.distortion.none, [0.0] * 5
            stream.intrinsics = intrinsics
            self.profiles.append(sensor.add_video_stream(stream))
        same = realsense.extrinsics()
        same.rotation, same.translation = [1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0], [0.0, 0.0, 0.0]
        self.profiles[0].register_extrinsics_to(self.profiles[1], same)
        self.profiles[1].register_extrinsics_to(self.profiles[0], same)
        self.device.create_matcher(realsense.matchers.default)
        self.syncer = realsense.syncer()
        for sensor, profile in ((self.depth_sensor, self.profiles[0]), (self.colour_sensor, self.profiles[1])):
            sensor.open(profile)
            sensor.start(self.syncer)

    def push(self) -> None:
        self.number += 1
        now = 1000.0 * time.time()
        for sensor, profile, data, bpp in (
            (self.depth_sensor, self.profiles[0], np.full(self.size, 1500, np.uint16), 2),
            (self.colour_sensor, self.profiles[1], np.full((*self.size, 3), 7 * self.number % 256, np.uint8), 3),
        ):
            frame = self.realsense.software_video_frame()
            frame.pixels, frame.stride, frame.bpp = data, self.size[1] * bpp, bpp
            frame.timestamp, frame.domain = now, self.realsense.timestamp_domain.system_time
            frame.frame_number, frame.profile = self.number, profile.as_video_stream_profile()
            if bpp == 2:
                frame.depth_units = 0.001
            sensor.on_video_frame(frame)

    def wait(self, seconds: float) -> Any:
        for _ in range(50):
            if self.streaming:
                self.push()
            time.sleep(0.02)
            frameset = self.syncer.poll_for_frames()
            if frameset and frameset.size() == 2:
                return frameset
        raise RuntimeError("Frame didn't arrive within the time")

    def close(self) -> None:
        self.streaming = False


class TestRealSense:
    def test_depth_is_in_metres_and_pixels_are_counted_from_their_edges(self, realsense: Any) -> None:
        source = RealSenseSource(SoftwareCamera(realsense), "software")
        frame = source.read(0.0, 2.0)
        assert frame.depth.dtype == np.float32
        # Alignment leaves a rim of pixels without a measurement.
        assert np.median(frame.depth) == pytest.approx(1.5)
        assert (frame.depth > 0.0).mean() > 0.9
        assert np.allclose(frame.intrinsics, [[60.0, 0.0, 32.0], [0.0, 60.0, 24.0], [0.0, 0.0, 1.0]])
        assert frame.rgb.shape == (48, 64, 3)
        camera = Camera(64, 48, frame.intrinsics, np.eye(4))
        assert np.allclose(camera.point_cloud(frame.depth)[24, 32], [0.5 * 1.5 / 60, 0.5 * 1.5 / 60, 1.5])

    def test_pictures_are_newer_than_asked_for_and_never_twice_the_same(self, realsense: Any) -> None:
        source = RealSenseSource(SoftwareCamera(realsense), "software")
        first = source.read(0.0, 2.0)
        now = time.monotonic()
        second = source.read(now, 2.0)
        assert second.stamp >= now
        assert second.number > first.number

    def test_a_stream_that_stands_still_is_said(self, realsense: Any) -> None:
        device = SoftwareCamera(realsense)
        source = RealSenseSource(device, "software")
        source.read(0.0, 2.0)
        device.streaming = False
        with pytest.raises(CameraError, match=r"no pictures|still"):
            source.read(time.monotonic(), 0.5)

    def test_a_recording_plays_through_the_pipeline(self, realsense: Any, tmp_path: Any) -> None:
        from hamster_bench.envs.franka.cameras.realsense import open_recording

        device = SoftwareCamera(realsense)
        file = tmp_path / "recorded.db3"
        try:
            recorder = realsense.recorder(str(file), device.device)
        except RuntimeError as error:
            pytest.skip(f"this build cannot record software devices: {error}")
        for _ in range(10):
            device.push()
            time.sleep(0.03)
        recorder.pause()
        del recorder, device
        try:
            source = open_recording(file=str(file))
        except CameraError as error:
            pytest.skip(f"this build cannot play what it recorded: {error}")
        frame = source.read(0.0, 2.0)
        assert np.median(frame.depth) == pytest.approx(1.5)
        source.close()

    def test_no_recording(self, realsense: Any) -> None:
        from hamster_bench.envs.franka.cameras.realsense import open_recording

        with pytest.raises(CameraError, match="no recording"):
            open_recording(file="nowhere.db3")


@pytest.mark.parametrize(("said", "hint"), [("libusb-1.0.so.0: cannot open", "apt-get install"), ("No module", r"\[realsense\]")])
def test_a_missing_library_is_named(said: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
            if name == "pyrealsense2":
                raise ImportError(said)

    monkeypatch.delitem(sys.modules, "pyrealsense2", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(MissingDependencyError, match=hint):
        import_realsense()


class TestFitting:
    @pytest.mark.parametrize("size", [(128, 128), (480, 640), (96, 128), (200, 100), (600, 800)])
    def test_the_same_point_stays_the_same_point(self, size: tuple[int, int]) -> None:
        intrinsics = np.array([[500.0, 0.0, 322.0], [0.0, 502.0, 239.0], [0.0, 0.0, 1.0]])
        rng = np.random.default_rng(0)
        rgb = rng.integers(0, 255, (480, 640, 3), dtype=np.uint8)
        v, u = np.mgrid[0:480, 0:640]
        depth = (1.0 + 0.001 * u + 0.0005 * v).astype(np.float32)
        frame = fitted(CameraFrame(rgb, depth, intrinsics, 0.0, 1), *size)
        assert frame.rgb.shape == (*size, 3)
        assert frame.depth.shape == size
        before, after = Camera(640, 480, intrinsics, np.eye(4)), Camera(size[1], size[0], frame.intrinsics, np.eye(4))
        row, column = size[0] // 3, size[1] // 2
        point = after.lift([[column + 0.5, row + 0.5]], [frame.depth[row, column]])
        (uv,), _ = before.project(point)
        assert abs(depth[int(uv[1]), int(uv[0])] - frame.depth[row, column]) < 0.002

    def test_same_size_is_left_alone(self) -> None:
        rgb, depth = np.zeros((48, 64, 3), np.uint8), np.ones((48, 64), np.float32)
        frame = CameraFrame(rgb, depth, np.eye(3), 0.0, 1)
        assert np.array_equal(fitted(frame, 48, 64).intrinsics, np.eye(3))


def test_distortion_is_taken_out() -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed: pip install '.[franka]'")
    intrinsics = np.array([[200.0, 0.0, 160.0], [0.0, 200.0, 120.0], [0.0, 0.0, 1.0]])
    distortion = np.array([0.1, -0.05, 0.001, 0.001, 0.0])
    points = np.array([[0.3, 0.2, 1.0], [-0.4, 0.1, 1.0], [0.2, -0.3, 1.0]])
    matrix = intrinsics.copy()
    matrix[:2, 2] -= 0.5
    seen = cv2.projectPoints(points, np.zeros(3), np.zeros(3), matrix, distortion)[0].reshape(-1, 2)
    rgb = np.zeros((240, 320, 3), np.uint8)
    for x, y in seen:
        cv2.circle(rgb, (round(x), round(y)), 3, (255, 255, 255), -1)
    straight, depth = undistorted(rgb, np.ones((240, 320), np.float32), intrinsics, distortion)
    assert depth.dtype == np.float32
    for u, v in points[:, :2] * 200.0 + (160.0, 120.0):
        assert straight[int(v), int(u)].max() > 100


def test_a_simulated_camera_is_a_camera(start: Callable[..., Any]) -> None:
    from hamster_bench.envs.franka.cameras.simulated import open_simulated

    controller = start(task="pick_and_place", image_size=(60, 80))
    source = open_simulated(host=controller.host, port=controller.control_port)
    frame = source.read(0.0, 1.0)
    assert frame.rgb.shape == (60, 80, 3)
    assert 0.5 < float(np.median(frame.depth)) < 4.0
    controller.close()
    with pytest.raises(CameraError):
        source.read(0.0, 1.0)
    source.close()
