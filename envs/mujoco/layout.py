"""Laying a scene out for an episode: the task's own arrangement, then the placement of its base."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.envs.layout import SceneLayout
from hamster_bench.envs.mujoco.scene import Scene, lookup
from hamster_bench.errors import InvalidOptionError, PlacementError, UnknownNameError
from hamster_bench.geometry import (
    pose_compose,
    pose_inverse,
    quat_xyzw_from_axis_angle,
    quat_xyzw_multiply,
    rotation_angle,
)

FloatArray = NDArray[np.float64]

TABLE_TOP = 0.750
"""Height [m] of the table top in the world."""

# RLBench's plane for task bases: centre [m] in the world and half sizes [m] in x and y.
PLANE_CENTRE = np.array([0.25, 0.0, 0.752])
PLANE_HALF_SIZE = np.array([0.325, 0.455])

# Tries of a whole placement in RLBench's reset, and of a single draw inside one try.
PLACEMENT_TRIES = 40
_DRAWS = 100

# A body on a joint can only be where the joint lets it be: largest deviation [m] and [rad] from the pose that was asked for.
_JOINT_POSITION_TOLERANCE = 0.01
_JOINT_ROTATION_TOLERANCE = 0.2


@dataclass
class Layout:
    """Edits one scene for one episode; the `SceneEditor` that tasks see.

    All poses are in the task base frame until `put` carries everything into the world.

    Attributes:
        scene: the scene to edit; its model is changed in place.
        data: the state to edit.
    """

    scene: Scene
    data: mujoco.MjData
    _poses: dict[str, FloatArray] = field(default_factory=dict)
    _moved: set[str] = field(default_factory=set)
    _jointed: dict[str, FloatArray] = field(default_factory=dict)
    _sampled: dict[str, list[FloatArray]] = field(default_factory=dict)

    def pose(self, body: str) -> FloatArray:
        """Present pose (7,) of a body in the task base frame."""
        number = self.scene.body(body)
        if body in self._poses:
            return self._poses[body].copy()
        model = self.scene.model
        pose = _pose(model.body_pos[number], model.body_quat[number])
        parent = int(model.body_parentid[number])
        while parent not in (0, self.scene.base):
            pose = pose_compose(_pose(model.body_pos[parent], model.body_quat[parent]), pose)
            parent = int(model.body_parentid[parent])
        return pose

    def set_pose(self, body: str, pose_base: ArrayLike) -> None:
        """Puts a body, fixed or free, to a pose (7,) in the task base frame."""
        pose = np.array(pose_base, dtype=np.float64)
        if body in self.scene.free:
            self._poses[body] = pose
            return
        self._moved.add(body)
        model = self.scene.model
        number = self.scene.body(body)
        parent = int(model.body_parentid[number])
        if parent not in (0, self.scene.base):
            pose = pose_compose(pose_inverse(self.pose(model.body(parent).name)), pose)
        model.body_pos[number] = pose[:3]
        model.body_quat[number] = pose[[6, 3, 4, 5]]

    def arrange_as(self, given: SceneLayout) -> None:
        """Arranges the objects that a layout names as it says, relative to its task base; `put` makes the rest of it true.

        Raises:
            UnknownNameError: the layout names what is no object of the task.
            InvalidOptionError: it names one whose place cannot be given.
        """
        model = self.scene.model
        check_names(self.scene, given)
        base_inverse = pose_inverse(np.array(given.base_pose))
        # Parents come before children, which are placed relative to them.
        for name, pose in sorted(given.object_poses.items(), key=lambda item: self.scene.body(item[0])):
            pose_base = pose_compose(base_inverse, pose_compose(np.array(pose), pose_inverse(_upstream_frame(self.scene, name))))
            if name not in self.scene.free and model.body_jntnum[self.scene.body(name)]:
                self._jointed[name] = pose_base
            else:
                self.set_pose(name, pose_base)

    def now(self) -> SceneLayout:
        """Where the task base and everything that moves, or was moved for this episode, is now."""
        model, data = self.scene.model, self.data

        def pose(body: int) -> tuple[float, ...]:
            frame = _upstream_frame(self.scene, model.body(body).name)
            return tuple(pose_compose(_pose(data.xpos[body], data.xquat[body]), frame).tolist())

        objects = {
            model.body(number).name: number
            for number in task_bodies(self.scene)
            if model.body_jntnum[number] or model.body(number).name in self._moved
        }
        return SceneLayout(pose(self.scene.base), {name: pose(number) for name, number in objects.items()})

    def set_color(self, name: str, rgb: ArrayLike) -> None:
        """Paints a geom, or every visible geom of a body, with ``rgb`` (3,)."""
        model, geoms = self.scene.model, self.visible_geoms(name)
        color = np.asarray(rgb, dtype=np.float32)
        # MuJoCo takes exactly (0.5, 0.5, 0.5, 1) for "no colour of its own" and would show the material's.
        model.geom_rgba[geoms, :3] = np.where((color == 0.5).all(), np.nextafter(np.float32(0.5), np.float32(1.0)), color)

    def visible_geoms(self, name: str) -> NDArray[np.intp]:
        """Ids of the geom of a name, or of the visible geoms on the body of that name.

        Raises:
            UnknownNameError: there is none.
        """
        model = self.scene.model
        geom = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM.value, name))
        if geom >= 0:
            return np.array([geom])
        geoms = np.flatnonzero((model.geom_bodyid == self.scene.body(name)) & (model.geom_group <= 2))
        if not len(geoms):
            raise UnknownNameError("visible geom", name, tuple(model.geom(i).name for i in range(model.ngeom)))
        return geoms

    def sample(
        self,
        body: str,
        area: str,
        rng: np.random.Generator,
        *,
        rotation: tuple[float, float] = (-np.pi, np.pi),
        min_distance: float = 0.01,
    ) -> None:
        """Moves a body to a random place on an area; see `SceneEditor.sample`."""
        model = self.scene.model
        site = lookup(model, mujoco.mjtObj.mjOBJ_SITE, "site", area)
        area_pose = pose_compose(
            self._parent_pose(int(model.site_bodyid[site])), _pose(model.site_pos[site], model.site_quat[site])
        )
        half = model.site_size[site, :2]
        stored = self.pose(body)
        radius = self._footprint_radius(body)
        others = self._sampled.setdefault(area, [])
        for _ in range(_DRAWS):
            xy = rng.uniform(-half, half)
            turn = quat_xyzw_from_axis_angle((0.0, 0.0, 1.0), rng.uniform(*rotation))
            if (np.abs(xy) + radius > half).any():
                continue
            if any(np.linalg.norm(xy - other[:2]) < radius + other[2] + min_distance for other in others):
                continue
            position = pose_compose(area_pose, np.array([*xy, 0.0, 0.0, 0.0, 0.0, 1.0]))[:3]
            position[2] = stored[2]
            others.append(np.array([*xy, radius]))
            self.set_pose(body, np.concatenate([position, quat_xyzw_multiply(turn, stored[3:])]))
            return
        raise PlacementError(f"no free place for {body!r} on {area!r} in {_DRAWS} draws")

    def put(self, base_pose_world: FloatArray) -> None:
        """Carries the base, and every free body with it, to a world pose (7,) of the task base, at rest."""
        model, data = self.scene.model, self.data
        model.body_pos[self.scene.base] = base_pose_world[:3]
        model.body_quat[self.scene.base] = base_pose_world[[6, 3, 4, 5]]
        for name, free in self.scene.free.items():
            pose = pose_compose(base_pose_world, self.pose(name))
            data.qpos[free.qpos : free.qpos + 3] = pose[:3]
            data.qpos[free.qpos + 3 : free.qpos + 7] = pose[[6, 3, 4, 5]]
            data.qvel[free.qvel : free.qvel + 6] = 0.0
        for address, value in self.scene.stored_joints.values():
            data.qpos[address] = value
        for name, pose_base in self._jointed.items():
            self._turn_joint(name, pose_compose(base_pose_world, pose_base))

    def _turn_joint(self, name: str, pose_world: FloatArray) -> None:
        """Moves the joint that carries a body so that the body comes as near to a pose (7,) as the joint lets it."""
        model, data = self.scene.model, self.data
        number = self.scene.body(name)
        joint, address = int(model.body_jntadr[number]), int(model.jnt_qposadr[model.body_jntadr[number]])
        parent = int(model.body_parentid[number])
        mujoco.mj_kinematics(model, data)
        unturned = pose_compose(
            _pose(data.xpos[parent], data.xquat[parent]), _pose(model.body_pos[number], model.body_quat[number])
        )
        change = pose_compose(pose_inverse(unturned), pose_world)
        axis, reference = model.jnt_axis[joint], float(model.qpos0[address])
        kind = int(model.jnt_type[joint])
        if kind == int(mujoco.mjtJoint.mjJNT_BALL):
            data.qpos[address : address + 4] = change[[6, 3, 4, 5]]
        elif kind == int(mujoco.mjtJoint.mjJNT_HINGE):
            # The part of the rotation about the axis; angles are counted from the joint's stored position, the shorter way round.
            angle = 2.0 * np.arctan2(float(change[3:6] @ axis), float(change[6]))
            stored = next((value for at, value in self.scene.stored_joints.values() if at == address), reference)
            data.qpos[address] = stored + _wrapped(reference + angle - stored)
        else:
            data.qpos[address] = reference + float(change[:3] @ axis)
        mujoco.mj_kinematics(model, data)
        reached = _pose(data.xpos[number], data.xquat[number])
        off, turned = float(np.linalg.norm(reached[:3] - pose_world[:3])), rotation_angle(reached[3:], pose_world[3:])
        if off > _JOINT_POSITION_TOLERANCE or turned > _JOINT_ROTATION_TOLERANCE:
            raise InvalidOptionError(
                f"{name} hangs on the joint {model.joint(joint).name!r}, which cannot bring it to the pose of the layout: it comes no "
                f"nearer than {off:.3f} m and {turned:.2f} rad; move what carries it too"
            )

    def _parent_pose(self, body: int) -> FloatArray:
        if body in (0, self.scene.base):
            return np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
        return self.pose(self.scene.model.body(body).name)

    def _footprint_radius(self, body: str) -> float:
        """Radius [m] about the body's origin that holds its colliding parts, seen from above."""
        model = self.scene.model
        number = self.scene.body(body)
        radius = 0.0
        for geom in self.scene.solid[body]:
            if int(model.geom_bodyid[geom]) == number:
                centre, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
                corners = centre + half * np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
                rotation = np.empty(9)
                mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
                in_body = corners @ rotation.reshape(3, 3).T + model.geom_pos[geom]
                radius = max(radius, float(np.linalg.norm(in_body[:, :2], axis=1).max()))
        return radius


def draw_base_pose(scene: Scene, rng: np.random.Generator) -> FloatArray | None:
    """A random world pose (7,) of the task base, or None when the drawn rotation does not fit the plane.

    RLBench's rule: a rotation is drawn from the task's bounds; the task's box, turned by it, must lie inside the plane when centred
    on it; then the position is uniform where it still does.
    """
    yaw = rng.uniform(*scene.task.base_rotation)
    min_x, max_x, min_y, max_y = scene.placement_box
    corners = np.array([[min_x, min_y], [min_x, max_y], [max_x, min_y], [max_x, max_y]])
    cosine, sine = np.cos(yaw), np.sin(yaw)
    turned = corners @ np.array([[cosine, sine], [-sine, cosine]])
    low, high = turned.min(axis=0), turned.max(axis=0)
    if (low < -PLANE_HALF_SIZE).any() or (high > PLANE_HALF_SIZE).any():
        return None
    offset = rng.uniform(-PLANE_HALF_SIZE - low, PLANE_HALF_SIZE - high)
    position = PLANE_CENTRE + np.array([*offset, 0.0])
    return np.concatenate([position, quat_xyzw_from_axis_angle((0.0, 0.0, 1.0), yaw)])


def place(layout: Layout, rng: np.random.Generator, accept: Callable[[], bool]) -> int:
    """Places the task base at random until a placement is accepted.

    Args:
        layout: the arranged scene.
        rng: the placement stream.
        accept: tells whether the placement just made will do.

    Returns:
        Number of placements tried, the accepted one included. Rotations that cannot fit are not counted, as in RLBench.

    Raises:
        PlacementError: nothing was accepted within RLBench's number of tries.
    """
    for attempt in range(1, PLACEMENT_TRIES + 1):
        pose = next((pose for _ in range(_DRAWS) if (pose := draw_base_pose(layout.scene, rng)) is not None), None)
        if pose is None:
            continue
        layout.put(pose)
        if accept():
            return attempt
    raise PlacementError(f"no valid placement of {layout.scene.task.name} in {PLACEMENT_TRIES} tries")


def task_bodies(scene: Scene) -> tuple[int, ...]:
    """Ids of the bodies of the task, apart from its base, in the order of the model: parents first."""
    model = scene.model
    roots = {scene.base, *(free.body for free in scene.free.values())}
    slots = {slot.body for slot in scene.slots}
    found = []
    for number in range(1, model.nbody):
        root = number
        while root and root not in roots:
            root = int(model.body_parentid[root])
        if root and number != scene.base and number not in slots:
            found.append(number)
    return tuple(found)


def check_names(scene: Scene, given: SceneLayout) -> None:
    """Refuses layouts that say where something stands that is none of the task's objects, or has several joints of its own.

    Raises:
        UnknownNameError: the layout names what is no object of the task.
        InvalidOptionError: it names one that moves on several joints.
    """
    model = scene.model
    names = {model.body(number).name: number for number in task_bodies(scene)}
    for name in given.object_poses:
        if name not in names:
            raise UnknownNameError(f"object of {scene.task.name}", name, names)
        carriers = [
            number for number in _carriers(scene, names[name]) if model.body_jntnum[number] and not _is_free(scene, number)
        ]
        if model.body_jntnum[names[name]] > 1:
            raise InvalidOptionError(f"{name} moves on several joints at once; a layout cannot place it")
        if carriers and not model.body_jntnum[names[name]]:
            raise InvalidOptionError(
                f"{name} is fixed to {model.body(carriers[0]).name}, which moves on a joint; place that instead"
            )


def _carriers(scene: Scene, number: int) -> list[int]:
    """Ids of the bodies between a body and the world, the nearest first."""
    found = []
    while number := int(scene.model.body_parentid[number]):
        found.append(number)
    return found


def _is_free(scene: Scene, number: int) -> bool:
    return any(free.body == number for free in scene.free.values())


def _upstream_frame(scene: Scene, body: str) -> FloatArray:
    """Pose (7,) of the frame that the original gives the object, in the body's frame; layouts speak of the original's."""
    turn = scene.upstream_frames.get(body)
    return np.concatenate([np.zeros(3), (0.0, 0.0, 0.0, 1.0) if turn is None else turn])


def _wrapped(angle: float) -> float:
    return float((angle + np.pi) % (2.0 * np.pi) - np.pi)


def _pose(position: ArrayLike, quat_wxyz: ArrayLike) -> FloatArray:
    w, x, y, z = np.asarray(quat_wxyz, dtype=np.float64)
    return np.array([*np.asarray(position, dtype=np.float64), x, y, z, w])
