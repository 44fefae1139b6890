"""Kinematics of the arm without any simulator, for many joint states at once.

Panda and FR3 have the same joint origins (maker's DH table). Frames: ``base`` is link 0, ``flange`` the last link's end, ``hand`` the
Franka Hand turned by -45 degrees about the flange's axis, ``tip`` the point between the fingers that observations and actions speak of
(the tip frame of RLBench's Panda, 0.1102 m beyond the hand's origin and turned by 180 degrees about the tool axis).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.geometry import matrix_from_pose, matrix_from_quat_xyzw, pose_from_matrix, quat_xyzw_slerp

FloatArray = NDArray[np.float64]

# Joint i's frame in that of joint i - 1 before it turns: position [m] and rotation about x in quarter turns.
_ORIGINS = (
    ((0.0, 0.0, 0.333), 0),
    ((0.0, 0.0, 0.0), -1),
    ((0.0, -0.316, 0.0), 1),
    ((0.0825, 0.0, 0.0), 1),
    ((-0.0825, 0.384, 0.0), -1),
    ((0.0, 0.0, 0.0), 1),
    ((0.088, 0.0, 0.0), 1),
)
FLANGE_LENGTH = 0.107
TIP_LENGTH = 0.1102
# The maker's end effector frame of the Franka Hand lies here beyond the hand's origin.
HAND_END_EFFECTOR_LENGTH = 0.1034


def _origin(xyz: tuple[float, float, float], quarter_turns: int) -> FloatArray:
    cosine, sine = (1.0, 0.0) if quarter_turns == 0 else (0.0, float(quarter_turns))
    matrix = np.eye(4)
    matrix[1:3, 1:3] = [[cosine, -sine], [sine, cosine]]
    matrix[:3, 3] = xyz
    return matrix


def _about_z(angle: float, z: float) -> FloatArray:
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[2, 3] = z
    return matrix


JOINT_ORIGINS: FloatArray = np.array([_origin(*origin) for origin in _ORIGINS])
T_FLANGE_HAND: FloatArray = _about_z(-0.25 * np.pi, 0.0)
T_FLANGE_TIP: FloatArray = T_FLANGE_HAND @ _about_z(np.pi, TIP_LENGTH)
# What the controller calls F_T_NE with the Franka Hand mounted.
T_FLANGE_HAND_END_EFFECTOR: FloatArray = T_FLANGE_HAND @ _about_z(0.0, HAND_END_EFFECTOR_LENGTH)
_T_JOINT7_FLANGE: FloatArray = _about_z(0.0, FLANGE_LENGTH)

_ELBOW_JOINT = 2
_ITERATIONS = 12
# Newton's steps end below these [m], [rad].
_CONVERGED = 1e-9
# What the iteration may leave: [m] and [rad] together.
_TOLERANCE = 1e-6
# Samples solved side by side; the next ones start from the last of these.
_CHUNK = 8
# Longer Newton steps [rad] mean that the path has come to a singularity.
_LARGEST_STEP = 1.0


def link_frames(joints: ArrayLike) -> FloatArray:
    """Frames of the seven joints and of the flange in the base frame, (n, 8, 4, 4), at joint angles (n, 7) [rad]."""
    angles = np.atleast_2d(np.asarray(joints, dtype=np.float64))
    cosines, sines = np.cos(angles), np.sin(angles)
    frames = np.empty((len(angles), 8, 4, 4))
    frame = np.broadcast_to(np.eye(4), (len(angles), 4, 4))
    for number in range(7):
        before = frame @ JOINT_ORIGINS[number]
        frame = frames[:, number]
        cosine, sine = cosines[:, number, None], sines[:, number, None]
        frame[:, :, 0] = before[:, :, 0] * cosine + before[:, :, 1] * sine
        frame[:, :, 1] = before[:, :, 1] * cosine - before[:, :, 0] * sine
        frame[:, :, 2:] = before[:, :, 2:]
    frames[:, 7] = frame @ _T_JOINT7_FLANGE
    return frames


def tip_frames(joints: ArrayLike) -> FloatArray:
    """Tip frames in the base frame, (n, 4, 4), at joint angles (n, 7) [rad]."""
    frames: FloatArray = link_frames(joints)[:, 7] @ T_FLANGE_TIP
    return frames


def tip_pose(joints: ArrayLike) -> FloatArray:
    """Pose (7,) of the tip in the base frame at joint angles (7,) [rad]."""
    return pose_from_matrix(tip_frames(joints)[0])


def jacobians(frames: FloatArray, points: FloatArray) -> FloatArray:
    """Geometric Jacobians (n, 6, 7), linear part first, of points (n, 3) fixed to the flange.

    Args:
        frames: (n, 8, 4, 4), of `link_frames`.
        points: (n, 3) [m], base frame.
    """
    axes, origins = frames[:, :7, :3, 2], frames[:, :7, :3, 3]
    found = np.empty((len(frames), 6, 7))
    found[:, :3] = np.cross(axes, points[:, None] - origins).transpose(0, 2, 1)
    found[:, 3:] = axes.transpose(0, 2, 1)
    return found


def manipulability(joints: ArrayLike) -> FloatArray:
    """Yoshikawa's measure sqrt(det J J^T) of the tip, (n,), at joint angles (n, 7); 0 where the arm is singular."""
    frames = link_frames(joints)
    J = jacobians(frames, (frames[:, 7] @ T_FLANGE_TIP)[:, :3, 3])
    determinants: FloatArray = np.sqrt(np.maximum(np.linalg.det(J @ J.transpose(0, 2, 1)), 0.0))
    return determinants


def rotation_vectors(rotations: FloatArray) -> FloatArray:
    """Rotation vectors (n, 3) [rad] of rotation matrices (n, 3, 3), for angles below pi."""
    w = 0.5 * np.stack(
        [
            rotations[:, 2, 1] - rotations[:, 1, 2],
            rotations[:, 0, 2] - rotations[:, 2, 0],
            rotations[:, 1, 0] - rotations[:, 0, 1],
        ],
        axis=1,
    )
    sine = np.linalg.norm(w, axis=1)
    cosine = 0.5 * (np.trace(rotations, axis1=1, axis2=2) - 1.0)
    scale = np.ones_like(sine)
    np.divide(np.arctan2(sine, cosine), sine, out=scale, where=sine > 1e-9)
    vectors: FloatArray = w * scale[:, None]
    return vectors


def line(start: ArrayLike, end: ArrayLike, count: int) -> FloatArray:
    """Frames (count, 4, 4) evenly spaced on the straight line between two poses (7,), turning at an even rate; without the start."""
    first, last = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    fractions = np.arange(1, count + 1) / count
    frames = np.broadcast_to(np.eye(4), (count, 4, 4)).copy()
    frames[:, :3, 3] = first[:3] + fractions[:, None] * (last[:3] - first[:3])
    frames[:, :3, :3] = matrix_from_quat_xyzw(quat_xyzw_slerp(first[3:], last[3:], fractions))
    return frames


def follow(frames: FloatArray, elbow: FloatArray, joints: ArrayLike) -> FloatArray | None:
    """Joint angles (n, 7) that lead the tip through frames (n, 4, 4) of a path, joint 3 at given angles (n,), or None.

    With joint 3 given the arm has no freedom left, so this is what the controller does with a Cartesian motion and an elbow. Newton's
    method on all seven conditions, a few frames side by side, each few starting where the last ended; joint limits do not count.

    Args:
        frames: of the tip in the base frame, close together.
        elbow: angles of joint 3 [rad].
        joints: (7,) angles [rad] before the first frame.
    """
    found = np.empty((len(frames), 7))
    last = np.asarray(joints, dtype=np.float64)
    for begin in range(0, len(frames), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        angles = np.repeat(last[None], len(frames[part]), axis=0)
        solved = _solve(frames[part], elbow[part], angles)
        if solved is None:
            return None
        found[part] = solved
        last = solved[-1]
    return found


def _solve(frames: FloatArray, elbow: FloatArray, angles: FloatArray) -> FloatArray | None:
    conditions = np.zeros((len(frames), 7, 7))
    conditions[:, 6, _ELBOW_JOINT] = 1.0
    error = np.empty((len(frames), 7))
    for _ in range(_ITERATIONS):
        links = link_frames(angles)
        tips = links[:, 7] @ T_FLANGE_TIP
        error[:, :3] = frames[:, :3, 3] - tips[:, :3, 3]
        error[:, 3:6] = rotation_vectors(frames[:, :3, :3] @ tips[:, :3, :3].transpose(0, 2, 1))
        error[:, 6] = elbow - angles[:, _ELBOW_JOINT]
        if float(np.abs(error).max()) < _CONVERGED:
            return angles
        conditions[:, :6] = jacobians(links, tips[:, :3, 3])
        try:
            step = np.linalg.solve(conditions, error[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            return None
        if not np.abs(step).max() < _LARGEST_STEP:
            return None
        angles = angles + step
    return angles if float(np.abs(error).max()) < _TOLERANCE else None


def frame_of(pose: ArrayLike) -> FloatArray:
    """Frame (4, 4) of a pose (7,)."""
    return matrix_from_pose(pose)
