"""How variation factors read and change a scene of this engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.envs.factors.contract import DistractorPlacement
from hamster_bench.envs.mujoco.distractors import PROBE, fill_slots
from hamster_bench.envs.mujoco.edits import ModelEdits
from hamster_bench.envs.mujoco.keepout import KeepOut
from hamster_bench.envs.mujoco.layout import Layout
from hamster_bench.envs.mujoco.scaling import scale_bodies
from hamster_bench.envs.mujoco.scene import Scene, WaypointSites, lookup
from hamster_bench.envs.mujoco.surfaces import pixels_for
from hamster_bench.envs.targets import SizeTargets
from hamster_bench.errors import UnknownNameError
from hamster_bench.geometry import pose_compose, pose_inverse

FloatArray = NDArray[np.float64]

# The three lights that upstream's factor turns.
_LIGHTS = ("DefaultLightA", "DefaultLightB", "DefaultLightD")
_FRONT = "front"
# Share of the half edge of a square image in which an object's middle must lie.
_VIEW = 0.9
_VISIBLE_GROUPS = np.array([1, 1, 1, 0, 0, 0], np.uint8)
# Half a turn about the viewing axis and about x lead from MuJoCo's camera frame (x right, y up, looking along -z) to upstream's
# (x left, y up, looking along z), whose Euler angles the factor adds to.
_UPSTREAM_AXES = np.diag([-1.0, 1.0, -1.0])


@dataclass(frozen=True, eq=False)
class EpisodeScene:
    """The `FactorScene` of one episode.

    Attributes:
        scene: the scene; its model is changed in place.
        data: its state.
        edits: takes the changes back at the next reset.
        layout: the arranged scene.
        solution: the scripted solution; computed anew after objects were scaled.
        solve_again: computes the solution for the layout as it is now.
        settle: lets everything but the robot come to rest.
        free_space: what has to stay free; asked for only where distractors are placed.
        surface_height: of the table above the task base frame [m].
    """

    scene: Scene
    data: mujoco.MjData
    edits: ModelEdits
    layout: Layout
    solution: Callable[[], Sequence[tuple[WaypointSites, int | None]]]
    solve_again: Callable[[], None]
    settle: Callable[[], None]
    free_space: Callable[[], KeepOut]
    surface_height: float

    def pose(self, body: str) -> FloatArray:
        """Pose (7,) of a body in the task base frame, as laid out."""
        return self.layout.pose(body)

    def color(self, name: str) -> FloatArray:
        """Colour (3,) of a geom, or of the first visible geom of a body."""
        geom = self.layout.visible_geoms(name)[0]
        color: FloatArray = self.scene.model.geom_rgba[geom, :3].astype(np.float64)
        return color

    def set_color(self, name: str, rgb: ArrayLike) -> None:
        """Paints a geom, or every visible geom of a body."""
        self.layout.set_color(name, rgb)

    def set_texture(self, name: str, pixels: NDArray[np.uint8]) -> None:
        """Covers a surface with a picture in place of its colour."""
        if name not in self.scene.surfaces:
            raise UnknownNameError("surface for textures", name, self.scene.surfaces)
        materials, colors = self.edits.array("geom_matid"), self.edits.array("geom_rgba")
        for coat in self.scene.surfaces[name]:
            materials[coat.geom] = coat.material
            colors[coat.geom, :3] = 1.0
            self.edits.paint_texture(coat.texture, pixels_for(self.scene.model, coat.texture, pixels))

    def set_table_color(self, rgb: ArrayLike) -> None:
        """Paints the table top; its own pattern goes, a texture that was set stays."""
        (coat,) = self.scene.surfaces["table"]
        if int(self.scene.model.geom_matid[coat.geom]) != coat.material:
            self.edits.array("geom_matid")[coat.geom] = -1
        self.edits.array("geom_rgba")[coat.geom, :3] = rgb

    def set_lights(self, rgb: ArrayLike) -> None:
        """Diffuse and specular colour (3,) of the room's three lights."""
        lights = [lookup(self.scene.model, mujoco.mjtObj.mjOBJ_LIGHT, "light", name) for name in _LIGHTS]
        self.edits.array("light_diffuse")[lights] = rgb
        self.edits.array("light_specular")[lights] = rgb

    def move_camera(self, name: str, offset: ArrayLike, turn: ArrayLike) -> None:
        """Moves a fixed camera by (3,) [m] along the world axes and adds (3,) [rad] to its Euler angles."""
        camera = lookup(self.scene.model, mujoco.mjtObj.mjOBJ_CAMERA, "camera", name)
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, self.scene.model.cam_quat[camera])
        angles = _euler_xyz(rotation.reshape(3, 3) @ _UPSTREAM_AXES) + np.asarray(turn, dtype=np.float64)
        quat_wxyz = np.empty(4)
        mujoco.mju_mat2Quat(quat_wxyz, (_matrix_from_euler_xyz(angles) @ _UPSTREAM_AXES).ravel())
        self.edits.array("cam_pos")[camera] += np.asarray(offset, dtype=np.float64)
        self.edits.array("cam_quat")[camera] = quat_wxyz

    def scale(self, targets: SizeTargets, scales: Mapping[str, float]) -> None:
        """Scales bodies in the way the targets say."""
        shifts = scale_bodies(self.scene, self.data, self.edits, targets, scales, self.solution())
        turned_back = self.data.xmat[self.scene.base].reshape(3, 3).T
        for name, shift in shifts.items():
            if name in self.scene.free:
                pose = self.layout.pose(name)
                pose[:3] += turned_back @ shift
                self.layout.set_pose(name, pose)
        self.solve_again()
        if targets.settles:
            self.settle()

    def set_friction(self, body: str, coefficient: float) -> None:
        """Sliding friction of all colliding parts of a body."""
        geoms = list(self._solid(body))
        self.edits.array("geom_friction")[geoms, 0] = coefficient

    def set_mass(self, body: str, mass: float) -> None:
        """Mass [kg] of a body; its inertia changes in proportion."""
        number = self.scene.body(body)
        ratio = mass / float(self.scene.model.body_mass[number])
        self.edits.array("body_mass")[number] = mass
        self.edits.array("body_inertia")[number] *= ratio
        self.edits.update_constants()

    def area_half_size(self, area: str) -> tuple[float, float]:
        """Half sizes [m] of a box site, along its x and y."""
        size = self.scene.model.site_size[self._site(area)]
        return float(size[0]), float(size[1])

    def on_area(self, area: str, x: float, y: float) -> FloatArray:
        """Pose (7,) in the task base frame of an upright object that stands on the table at a place of a box site."""
        site = self._site(area)
        T_world_area = np.array([*self.data.site_xpos[site], *_quat_xyzw(self.data.site_xmat[site])])
        T_base_area = pose_compose(pose_inverse(self._base()), T_world_area)
        place = pose_compose(T_base_area, np.array([x, y, 0.0, 0.0, 0.0, 0.0, 1.0]))
        return np.array([place[0], place[1], self.surface_height, 0.0, 0.0, 0.0, 1.0])

    def is_free(self, pose_base: ArrayLike, radius: float, height: float) -> bool:
        """Whether an upright cylinder touches nothing of the task and keeps clear of the scripted solution."""
        bottom = pose_compose(self._base(), pose_base)[:3]
        return self.free_space().is_free(bottom, radius, height) and not self._touches_task(bottom, radius, height)

    def is_seen(self, pose_base: ArrayLike, height: float) -> bool:
        """Whether the front camera sees the middle of an upright object."""
        model, data = self.scene.model, self.data
        middle = pose_compose(self._base(), pose_base)[:3] + np.array([0.0, 0.0, height / 2])
        camera = lookup(model, mujoco.mjtObj.mjOBJ_CAMERA, "camera", _FRONT)
        ray = middle - data.cam_xpos[camera]
        x, y, z = data.cam_xmat[camera].reshape(3, 3).T @ ray
        edge = _VIEW * np.tan(0.5 * np.deg2rad(float(model.cam_fovy[camera])))
        if z >= 0.0 or max(abs(x), abs(y)) > -z * edge:
            return False
        hit = np.zeros(1, np.int32)
        # In units of the ray's own length.
        distance = mujoco.mj_ray(model, data, data.cam_xpos[camera], ray, _VISIBLE_GROUPS, 1, -1, hit)
        return bool(distance < 0.0 or distance > 1.0)

    def add_distractors(self, placements: Sequence[DistractorPlacement], folder: Path | None) -> None:
        """Puts objects on the table."""
        library = self.scene.library
        assert library is not None
        assert library.folder == folder
        assert len(placements) <= len(self.scene.slots)
        base = self._base()
        poses = [pose_compose(base, np.array(placement.pose_base)) for placement in placements]
        filled = list(zip(self.scene.slots, placements, poses, strict=False))
        fill_slots(self.scene.model, self.data, self.edits, library, filled)
        self.edits.update_constants()
        mujoco.mj_kinematics(self.scene.model, self.data)

    def _touches_task(self, bottom: FloatArray, radius: float, height: float) -> bool:
        model, data = self.scene.model, self.data
        probe = lookup(model, mujoco.mjtObj.mjOBJ_GEOM, "geom", PROBE)
        stored = model.geom_size[probe].copy()
        model.geom_size[probe, :2] = radius, height / 2
        centre = bottom + np.array([0.0, 0.0, height / 2])
        data.geom_xpos[probe] = centre
        data.geom_xmat[probe] = np.eye(3).ravel()
        reach = float(np.hypot(radius, height / 2))
        geoms = self.scene.task_geoms
        near = np.linalg.norm(data.geom_xpos[geoms] - centre, axis=1) < model.geom_rbound[geoms] + reach
        touches = any(mujoco.mj_geomDistance(model, data, probe, int(geom), 1.0, None) <= 0.0 for geom in geoms[near])
        model.geom_size[probe] = stored
        return touches

    def _solid(self, body: str) -> tuple[int, ...]:
        self.scene.body(body)
        return self.scene.solid[body]

    def _site(self, area: str) -> int:
        return lookup(self.scene.model, mujoco.mjtObj.mjOBJ_SITE, "site", area)

    def _base(self) -> FloatArray:
        w, x, y, z = self.data.xquat[self.scene.base]
        return np.array([*self.data.xpos[self.scene.base], x, y, z, w])


def _quat_xyzw(rotation: FloatArray) -> FloatArray:
    quat_wxyz = np.empty(4)
    mujoco.mju_mat2Quat(quat_wxyz, rotation)
    return quat_wxyz[[1, 2, 3, 0]]


def _euler_xyz(rotation: FloatArray) -> FloatArray:
    """Angles (3,) [rad] of R = Rx(a) Ry(b) Rz(c), CoppeliaSim's convention; b away from a right angle."""
    return np.array(
        [
            np.arctan2(-rotation[1, 2], rotation[2, 2]),
            np.arcsin(np.clip(rotation[0, 2], -1.0, 1.0)),
            np.arctan2(-rotation[0, 1], rotation[0, 0]),
        ]
    )


def _matrix_from_euler_xyz(angles: FloatArray) -> FloatArray:
    (sa, sb, sc), (ca, cb, cc) = np.sin(angles), np.cos(angles)
    Rx = np.array([[1.0, 0.0, 0.0], [0.0, ca, -sa], [0.0, sa, ca]])
    Ry = np.array([[cb, 0.0, sb], [0.0, 1.0, 0.0], [-sb, 0.0, cb]])
    Rz = np.array([[cc, -sc, 0.0], [sc, cc, 0.0], [0.0, 0.0, 1.0]])
    product: FloatArray = Rx @ Ry @ Rz
    return product
