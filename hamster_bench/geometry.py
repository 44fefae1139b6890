"""Poses, rotations and pinhole cameras.

Conventions, everywhere in the project:
    * a pose is 7 numbers ``x y z qx qy qz qw`` in metres, quaternion scalar last (``xyzw``);
    * ``T_a_b`` (4, 4) maps coordinates in frame b to coordinates in frame a;
    * a camera frame has x to the right of the image, y down and z forward (OpenCV);
    * image coordinates ``u`` (right) and ``v`` (down) are continuous: pixel (i, j) covers [i, i+1) x [j, j+1), its centre is at +0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def quat_xyzw_normalised(quat_xyzw: ArrayLike) -> FloatArray:
    """The quaternion(s) (..., 4) at unit length; a zero quaternion gives NaN."""
    quat = np.asarray(quat_xyzw, dtype=np.float64)
    length = np.linalg.norm(quat, axis=-1, keepdims=True)
    unit: FloatArray = np.full_like(quat, np.nan)
    np.divide(quat, length, out=unit, where=length > 0.0)
    return unit


def quat_xyzw_multiply(left_xyzw: ArrayLike, right_xyzw: ArrayLike) -> FloatArray:
    """Hamilton product (..., 4): the rotation ``right`` followed by ``left``."""
    x1, y1, z1, w1 = np.moveaxis(np.asarray(left_xyzw, dtype=np.float64), -1, 0)
    x2, y2, z2, w2 = np.moveaxis(np.asarray(right_xyzw, dtype=np.float64), -1, 0)
    return np.stack(
        [
            w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
            w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
            w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
            w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
        ],
        axis=-1,
    )


def quat_xyzw_inverse(quat_xyzw: ArrayLike) -> FloatArray:
    """Inverse of unit quaternion(s) (..., 4)."""
    inverse: FloatArray = np.asarray(quat_xyzw, dtype=np.float64) * np.array([-1.0, -1.0, -1.0, 1.0])
    return inverse


def quat_xyzw_from_axis_angle(axis: ArrayLike, angle: float) -> FloatArray:
    """Rotation by ``angle`` [rad] about ``axis`` (3,), which need not be of unit length."""
    unit = np.asarray(axis, dtype=np.float64)
    unit = unit / np.linalg.norm(unit)
    return np.concatenate([np.sin(angle / 2.0) * unit, [np.cos(angle / 2.0)]])


def quat_xyzw_from_matrix(rotation: ArrayLike) -> FloatArray:
    """Unit quaternion of a rotation matrix (3, 3), scalar part not negative.

    Takes the largest of the four components first, after Shepperd (1978), so it is accurate for every rotation.
    """
    m = np.asarray(rotation, dtype=np.float64)
    trace = m[0, 0] + m[1, 1] + m[2, 2]
    squares = np.array([m[0, 0], m[1, 1], m[2, 2], trace])
    i = int(np.argmax(squares))
    quat = np.empty(4)
    if i == 3:
        quat[:] = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], 1.0 + trace
    else:
        j, k = (i + 1) % 3, (i + 2) % 3
        quat[i] = 1.0 - trace + 2.0 * m[i, i]
        quat[j] = m[j, i] + m[i, j]
        quat[k] = m[k, i] + m[i, k]
        quat[3] = m[k, j] - m[j, k]
    quat /= np.linalg.norm(quat)
    return quat if quat[3] >= 0.0 else -quat


def matrix_from_quat_xyzw(quat_xyzw: ArrayLike) -> FloatArray:
    """Rotation matrix (..., 3, 3) of unit quaternion(s) (..., 4)."""
    x, y, z, w = np.moveaxis(np.asarray(quat_xyzw, dtype=np.float64), -1, 0)
    rows = [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)],
        [2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)],
        [2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quat_xyzw_slerp(start_xyzw: ArrayLike, end_xyzw: ArrayLike, fractions: ArrayLike) -> FloatArray:
    """Rotations (n, 4) at ``fractions`` (n,) of the shorter great arc from start to end."""
    start = np.asarray(start_xyzw, dtype=np.float64)
    end = np.asarray(end_xyzw, dtype=np.float64)
    fraction = np.atleast_1d(np.asarray(fractions, dtype=np.float64))[:, None]
    cosine = float(np.dot(start, end))
    if cosine < 0.0:
        end, cosine = -end, -cosine
    angle = float(np.arccos(min(cosine, 1.0)))
    if angle < 1e-6:
        return quat_xyzw_normalised((1.0 - fraction) * start + fraction * end)
    arc: FloatArray = (np.sin((1.0 - fraction) * angle) * start + np.sin(fraction * angle) * end) / np.sin(angle)
    return arc


def rotation_angle(first_xyzw: ArrayLike, second_xyzw: ArrayLike) -> float:
    """Angle [rad] between two orientations given as unit quaternions, in [0, pi]."""
    relative = quat_xyzw_multiply(quat_xyzw_inverse(first_xyzw), second_xyzw)
    return float(2.0 * np.arctan2(np.linalg.norm(relative[:3]), abs(relative[3])))


def quat_xyzw_from_euler_xyz(angles: ArrayLike) -> FloatArray:
    """Rotation by roll, pitch, yaw [rad] about the fixed axes x, then y, then z."""
    roll, pitch, yaw = np.asarray(angles, dtype=np.float64)
    about_x = quat_xyzw_from_axis_angle((1.0, 0.0, 0.0), roll)
    about_y = quat_xyzw_from_axis_angle((0.0, 1.0, 0.0), pitch)
    about_z = quat_xyzw_from_axis_angle((0.0, 0.0, 1.0), yaw)
    return quat_xyzw_multiply(about_z, quat_xyzw_multiply(about_y, about_x))


def euler_xyz_from_quat_xyzw(quat_xyzw: ArrayLike) -> FloatArray:
    """Roll, pitch, yaw (3,) [rad] about the fixed axes x, then y, then z, of a rotation; pitch lies within +-pi/2.

    Where pitch is +-pi/2 only the sum or difference of the others counts, and yaw is 0.
    """
    R = matrix_from_quat_xyzw(quat_xyzw)
    pitch = np.arcsin(np.clip(-R[2, 0], -1.0, 1.0))
    if abs(R[2, 0]) > 1.0 - 1e-12:
        return np.array([np.arctan2(-R[1, 2], R[1, 1]), pitch, 0.0])
    return np.array([np.arctan2(R[2, 1], R[2, 2]), pitch, np.arctan2(R[1, 0], R[0, 0])])


def matrix_from_pose(pose_xyzw: ArrayLike) -> FloatArray:
    """Homogeneous matrix (4, 4) of a pose (7,)."""
    pose = np.asarray(pose_xyzw, dtype=np.float64)
    matrix = np.eye(4)
    matrix[:3, :3] = matrix_from_quat_xyzw(pose[3:7])
    matrix[:3, 3] = pose[:3]
    return matrix


def pose_from_matrix(matrix: ArrayLike) -> FloatArray:
    """Pose (7,) ``x y z qx qy qz qw`` of a homogeneous matrix (4, 4)."""
    T = np.asarray(matrix, dtype=np.float64)
    return np.concatenate([T[:3, 3], quat_xyzw_from_matrix(T[:3, :3])])


def pose_compose(pose_a_b: ArrayLike, pose_b_c: ArrayLike) -> FloatArray:
    """Pose of c in a from the pose of b in a and that of c in b."""
    a_b = np.asarray(pose_a_b, dtype=np.float64)
    b_c = np.asarray(pose_b_c, dtype=np.float64)
    position = a_b[:3] + matrix_from_quat_xyzw(a_b[3:]) @ b_c[:3]
    return np.concatenate([position, quat_xyzw_normalised(quat_xyzw_multiply(a_b[3:], b_c[3:]))])


def pose_inverse(pose_a_b: ArrayLike) -> FloatArray:
    """Pose of a in b from the pose of b in a."""
    pose = np.asarray(pose_a_b, dtype=np.float64)
    inverse = quat_xyzw_inverse(pose[3:])
    return np.concatenate([-matrix_from_quat_xyzw(inverse) @ pose[:3], inverse])


@dataclass(frozen=True)
class Camera:
    """A pinhole camera at one moment.

    Attributes:
        width: image width [pixel].
        height: image height [pixel].
        intrinsics: (3, 3) float64, [pixel]; positive focal lengths, principal point in continuous image coordinates.
        T_world_camera: (4, 4) float64, camera to world, OpenCV axes.
    """

    width: int
    height: int
    intrinsics: FloatArray
    T_world_camera: FloatArray

    def project(self, points_world: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Image coordinates (n, 2) ``u, v`` [pixel] and depths (n,) [m] of world points (n, 3).

        Depth is planar, along the optical axis. Points behind the camera have a depth of at most 0 and image coordinates of NaN.
        """
        points = np.atleast_2d(np.asarray(points_world, dtype=np.float64))
        rotation = self.T_world_camera[:3, :3]
        in_camera = (points - self.T_world_camera[:3, 3]) @ rotation
        depth = in_camera[:, 2]
        homogeneous = in_camera @ self.intrinsics.T
        with np.errstate(invalid="ignore", divide="ignore"):
            uv = homogeneous[:, :2] / depth[:, None]
        uv[depth <= 0.0] = np.nan
        return uv, depth

    def rays(self, uv: ArrayLike) -> FloatArray:
        """World directions (n, 3) through image coordinates (n, 2), scaled to unit planar depth."""
        coordinates = np.atleast_2d(np.asarray(uv, dtype=np.float64))
        homogeneous = np.concatenate([coordinates, np.ones((len(coordinates), 1))], axis=1)
        in_camera = homogeneous @ np.linalg.inv(self.intrinsics).T
        directions: FloatArray = in_camera @ self.T_world_camera[:3, :3].T
        return directions

    def lift(self, uv: ArrayLike, depth: ArrayLike) -> FloatArray:
        """World points (n, 3) at image coordinates (n, 2) and planar depths (n,) [m]."""
        points: FloatArray = self.T_world_camera[:3, 3] + self.rays(uv) * np.asarray(depth, dtype=np.float64).reshape(-1, 1)
        return points

    def point_cloud(self, depth: ArrayLike) -> FloatArray:
        """World points (height, width, 3) [m] of a planar depth image (height, width) [m]."""
        image = np.asarray(depth, dtype=np.float64)
        v, u = np.mgrid[0 : self.height, 0 : self.width]
        uv = np.stack([u.ravel() + 0.5, v.ravel() + 0.5], axis=1)
        return self.lift(uv, image.ravel()).reshape(self.height, self.width, 3)


def pinhole_intrinsics(width: int, height: int, vertical_fov: float) -> FloatArray:
    """Intrinsics (3, 3) of a camera with square pixels and its axis through the image centre.

    Args:
        width: [pixel].
        height: [pixel].
        vertical_fov: full vertical field of view [rad].
    """
    focal = 0.5 * height / np.tan(0.5 * vertical_fov)
    return np.array([[focal, 0.0, 0.5 * width], [0.0, focal, 0.5 * height], [0.0, 0.0, 1.0]])
