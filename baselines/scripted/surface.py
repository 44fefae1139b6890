"""What one depth image tells about a table top: contacts, heights, and how to grasp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.envs.contract import WORKSPACE_LOWER, WORKSPACE_UPPER
from hamster_bench.geometry import Camera
from hamster_bench.paths.simplify import distances_to_segment

FloatArray = NDArray[np.float64]

# Height [m] of the plane that objects of all tasks stand on; it is also the lower limit of the workspace.
TABLE_HEIGHT = float(WORKSPACE_LOWER[2])

# Objects end below this height above the table [m]; what is higher belongs to the robot.
_OBJECT_CEILING = 0.55

# What is lower above the table [m] is table: cloth, markings, rounding of depths.
_FLAT = 0.006

# Cell of the height map [m]; pixels of a 128 x 128 front image are 7 to 13 mm apart on level ground.
_CELL = 0.01

# Half the width [m] of the corridor that a hand with an object takes.
_CORRIDOR = 0.04

# The fingers open 0.08 m; this is the widest object [m] that they pass with a little room.
_WIDEST_GRASP = 0.07

# Radii [m] of the neighbourhood in which a grasp is sought, the largest first: a whole object, an edge, a rim.
_NEIGHBOURHOODS = (0.045, 0.03, 0.02)

# Depth below the visible top [m] at which the fingers close.
_GRASP_DEPTH = 0.02

# Thickness [m] of the slice below the top that shows an outline; further down only the side towards the camera is seen.
_TOP_SLICE = 0.01

# An object that spans more than this multiple of the radius of a neighbourhood may go on outside it.
_PARTIAL = 1.5

# Fewer points than this say nothing about a shape.
_FEWEST_POINTS = 4

# Horizontal directions (n, 2) in which widths are measured, 5 degrees apart; the opposite ones have the same widths.
_ANGLES = np.arange(36) * np.pi / 36.0
_DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)

# Lowest height above the table [m] for the tip, so that the fingers do not touch the table.
LOWEST_TIP = 0.008


@dataclass(frozen=True)
class Grasp:
    """A grasp from above.

    Attributes:
        position: (3,) [m], of the gripper tip, world frame.
        yaw: [rad], turn about the world's z axis of a gripper that points down with its fingers along y.
    """

    position: FloatArray
    yaw: float


@dataclass(frozen=True)
class Thing:
    """Something that stands on the table.

    Attributes:
        middle: (2,) [m], world frame, middle of what is seen of its top.
        extent: largest horizontal size [m], along x or y.
    """

    middle: FloatArray
    extent: float


class Surface:
    """The visible surface of the scene.

    Args:
        depth: (H, W) [m], planar.
        camera: the camera of the depth image.
    """

    def __init__(self, depth: ArrayLike, camera: Camera) -> None:
        self._camera = camera
        self._cloud = camera.point_cloud(depth)
        points = self._cloud.reshape(-1, 3)
        on_table = (points[:, :2] >= WORKSPACE_LOWER[:2]).all(axis=1) & (points[:, :2] <= WORKSPACE_UPPER[:2]).all(axis=1)
        self._objects = points[on_table & (np.abs(points[:, 2] - TABLE_HEIGHT) < _OBJECT_CEILING)]
        self._heights = self._height_map()

    def contact(self, uv: ArrayLike) -> FloatArray:
        """The surface point (3,) [m] seen at image coordinates (2,), the nearest to the camera of the 3 x 3 pixels there."""
        u, v = np.asarray(uv, dtype=np.float64)
        column = int(np.clip(u, 0, self._camera.width - 1))
        row = int(np.clip(v, 0, self._camera.height - 1))
        window = self._cloud[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].reshape(-1, 3)
        nearest = np.argmin(np.linalg.norm(window - self._camera.T_world_camera[:3, 3], axis=1))
        point: FloatArray = window[nearest]
        return point

    def is_object(self, point: FloatArray) -> bool:
        """Whether a surface point (3,) lies on, or within 3 cm of, something that stands on the table."""
        return bool(point[2] - TABLE_HEIGHT < _OBJECT_CEILING) and self._top(point, _NEIGHBOURHOODS[1]) is not None

    def thing(self, xy: FloatArray) -> Thing | None:
        """The connected thing that stands at a place (2,) on the table, or None where nothing does."""
        raised = self._heights > TABLE_HEIGHT + _FLAT
        # Cells up to two apart belong together: between pixels that are 13 mm apart some stay empty.
        reach = [(a, b) for a in range(-2, 3) for b in range(-2, 3)]
        first, second = ((xy - WORKSPACE_LOWER[:2]) / _CELL).astype(np.intp).tolist()
        pending = [(first + a, second + b) for a, b in reach]
        seen: set[tuple[int, int]] = set()
        while pending:
            i, j = pending.pop()
            if (i, j) in seen or not (0 <= i < raised.shape[0] and 0 <= j < raised.shape[1]) or not raised[i, j]:
                continue
            seen.add((i, j))
            pending += [(i + a, j + b) for a, b in reach]
        if not seen:
            return None
        cells = np.array(sorted(seen))  # (n, 2)
        heights = self._heights[cells[:, 0], cells[:, 1]]
        top = cells[heights >= heights.max() - _TOP_SLICE]
        middle = WORKSPACE_LOWER[:2] + _CELL * (0.5 * (top.min(axis=0) + top.max(axis=0)) + 0.5)
        return Thing(middle, float(np.ptp(cells, axis=0).max() + 1) * _CELL)

    def height(self, xy: FloatArray) -> FloatArray:
        """Visible heights (n,) [m], world frame, at places (n, 2); the table's where nothing is seen."""
        cells = ((xy - WORKSPACE_LOWER[:2]) / _CELL).astype(np.intp)
        inside = ((cells >= 0) & (cells < self._heights.shape)).all(axis=1)
        heights = np.full(len(xy), TABLE_HEIGHT)
        heights[inside] = self._heights[cells[inside, 0], cells[inside, 1]]
        return heights

    def highest_between(self, start: FloatArray, end: FloatArray) -> float:
        """Height [m], world frame, of the highest seen point in a hand's corridor from one place (2,) to another."""
        inside = distances_to_segment(self._objects[:, :2], start, end) <= _CORRIDOR
        return float(self._objects[inside, 2].max(initial=TABLE_HEIGHT))

    def on_plane(self, uv: ArrayLike, point: ArrayLike, normal: ArrayLike) -> FloatArray | None:
        """Where the ray through image coordinates (2,) meets a plane, (3,) [m], or None when it runs along it or away from it."""
        origin, ray = self._camera.T_world_camera[:3, 3], self._camera.rays(uv)[0]
        along = float(ray @ np.asarray(normal))
        # Below about 12 degrees between ray and plane, a pixel's error becomes centimetres.
        if abs(along) < 0.2 * np.linalg.norm(ray):
            return None
        distance = float((np.asarray(point) - origin) @ np.asarray(normal)) / along
        met: FloatArray = origin + distance * ray
        return met if distance > 0.0 else None

    def nearest_on_ray(self, uv: ArrayLike, xy: FloatArray) -> FloatArray:
        """The point (3,) [m] on the ray through image coordinates (2,) that is horizontally nearest to a place (2,)."""
        origin, ray = self._camera.T_world_camera[:3, 3], self._camera.rays(uv)[0]
        nearest: FloatArray = origin + ((xy - origin[:2]) @ ray[:2]) / (ray[:2] @ ray[:2]) * ray
        return nearest

    def resting_place(self, uv: ArrayLike, clearance: float, offset: ArrayLike = (0.0, 0.0)) -> FloatArray | None:
        """Where on the ray through image coordinates (2,) a held object comes to rest on what is below it.

        Follows the ray from the camera until the height above the visible surface, below the tip or below the middle of the held object,
        is no more than ``clearance``.

        Args:
            uv: image coordinates of the gripper tip [pixel].
            clearance: height [m] of the tip above the lowest point of what it holds.
            offset: (2,) [m], world frame, from the tip to the middle of what it holds.
        """
        origin, ray = self._camera.T_world_camera[:3, 3], self._camera.rays(uv)[0]
        if ray[2] >= 0.0:
            return None
        bottom = (TABLE_HEIGHT - origin[2]) / ray[2]
        track = origin + np.linspace(0.3, 1.0, 500)[:, None] * bottom * ray
        below = np.maximum(self.height(track[:, :2]), self.height(track[:, :2] + np.asarray(offset)))
        resting = track[:, 2] - below <= clearance
        resting &= (track >= WORKSPACE_LOWER).all(axis=1) & (track <= WORKSPACE_UPPER).all(axis=1)
        place: FloatArray = track[int(np.argmax(resting))]
        return place if resting.any() else None

    def grasp(self, uv: ArrayLike) -> Grasp | None:
        """A grasp from above of what is seen at image coordinates (2,), or None when nothing there fits between the fingers.

        In neighbourhoods of falling size it looks for one in which the object is narrower than the opened fingers and does not fill the
        neighbourhood. The fingers close along the narrowest horizontal direction of what is seen there, at its middle; along the other
        direction they stay on the ray of the image coordinates, unless the whole object is no larger than the opened fingers.
        """
        place = self._grasp_place(uv)
        for radius in _NEIGHBOURHOODS:
            top = self._top(place, radius)
            if top is None:
                continue
            outline = _outline(top)
            if outline.size[0] <= min(_WIDEST_GRASP, _PARTIAL * radius):
                middle = outline.middle
                thing = self.thing(place[:2])
                if thing is None or thing.extent > _WIDEST_GRASP + _CELL:
                    middle = place[:2] + ((middle - place[:2]) @ outline.side) * outline.side
                return Grasp(np.array([*middle, _grasp_height(top)]), outline.yaw)
        return None

    def _grasp_place(self, uv: ArrayLike) -> FloatArray:
        """Where the ray through image coordinates (2,) reaches the height at which fingers close on what it meets, (3,) [m].

        The ray meets the visible surface first and the gripper tip lies behind it, a few centimetres further on.
        """
        contact = self.contact(uv)
        top = self._top(contact, _NEIGHBOURHOODS[0])
        if top is None:
            return contact
        inner = self.on_plane(uv, (0.0, 0.0, _grasp_height(top)), (0.0, 0.0, 1.0))
        if inner is None or self._top(inner, _NEIGHBOURHOODS[-1]) is None:
            return contact
        return inner

    def peg(self, place: FloatArray) -> Grasp | None:
        """The middle of the top of something slender under a place (3,) and how its sides stand, or None when there is no such thing."""
        radius = _NEIGHBOURHOODS[1]
        top = self._top(place, radius)
        if top is None:
            return None
        outline = _outline(top)
        if max(outline.size) > _PARTIAL * radius:
            return None
        return Grasp(np.array([*outline.middle, top[:, 2].max()]), outline.yaw)

    def _top(self, place: FloatArray, radius: float) -> FloatArray | None:
        """The uppermost seen points (n, 3) of what stands within a horizontal distance of a place (3,), or None when it is too little."""
        near = np.linalg.norm(self._objects[:, :2] - place[:2], axis=1) <= radius
        part = self._objects[near & (self._objects[:, 2] > TABLE_HEIGHT + _FLAT)]
        if len(part) < _FEWEST_POINTS:
            return None
        top: FloatArray = part[part[:, 2] >= part[:, 2].max() - _TOP_SLICE]
        return top

    def _height_map(self) -> FloatArray:
        """Highest visible point of every cell of the workspace [m], the table's height where nothing is seen."""
        shape = np.ceil((WORKSPACE_UPPER[:2] - WORKSPACE_LOWER[:2]) / _CELL).astype(np.intp) + 1
        heights = np.full(shape, TABLE_HEIGHT)
        cells = ((self._objects[:, :2] - WORKSPACE_LOWER[:2]) / _CELL).astype(np.intp)
        np.maximum.at(heights, (cells[:, 0], cells[:, 1]), self._objects[:, 2])
        return heights


def _grasp_height(top: FloatArray) -> float:
    """Height [m], world frame, of the tip for grasping what has these uppermost points (n, 3)."""
    return max(float(top[:, 2].max()) - _GRASP_DEPTH, TABLE_HEIGHT + LOWEST_TIP)


class _Outline(NamedTuple):
    """The upright rectangle round some points.

    Attributes:
        side: (2,) the horizontal unit direction in which the points are least wide.
        middle: (2,) [m], world frame.
        size: [m], along ``side`` and across it.
        yaw: [rad] in [-pi/2, pi/2), of a gripper whose fingers lie along ``side``; either sense of it will do.
    """

    side: FloatArray
    middle: FloatArray
    size: tuple[float, float]
    yaw: float


def _outline(points: FloatArray) -> _Outline:
    along = points[:, :2] @ _DIRECTIONS.T  # (n, directions)
    side = _DIRECTIONS[int(np.argmin(np.ptp(along, axis=0)))]
    axes = np.array([side, (-side[1], side[0])])
    coordinates = points[:, :2] @ axes.T
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    yaw = np.arctan2(side[1], side[0]) - 0.5 * np.pi
    size = high - low
    return _Outline(side, 0.5 * (low + high) @ axes, (float(size[0]), float(size[1])), float(yaw))
