"""From a task's scene file to a compiled model: room, robot and task in one, with everything looked up once."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.distractors import PROBE, Library, Slot, add_slots, find_slots
from hamster_bench.envs.mujoco.meshes import panda_assets
from hamster_bench.envs.mujoco.surfaces import Coat, add_coats, coats
from hamster_bench.envs.targets import SizeTargets
from hamster_bench.envs.task import DetectedCondition, JointCondition, Task
from hamster_bench.envs.tasks import scene_xml
from hamster_bench.errors import SceneError, UnknownNameError
from hamster_bench.geometry import quat_xyzw_normalised

TIMESTEP = 0.002

_ENGINE_FOLDER = resources.files("hamster_bench.envs.mujoco")
_OFFSCREEN_LIMIT = 2048
_EXTENSION = re.compile(r"(?P<name>[a-z_]+)(\((?P<amount>[0-9.]*)\))?")
_WAYPOINT = re.compile(r"waypoint(?P<index>\d+)(/(?P<point>\d+))?")
_ASSET_SUFFIXES = (".obj", ".stl", ".png")
_HAND = "panda_hand"
GRASP_VOLUME = "panda_grasp_volume"
_UPSTREAM_FRAME = "/upstream_frame"

# Upstream's default openings of the flags `open_gripper()` and `close_gripper()`.
_FULL_OPENING = {"open_gripper": 1.0, "close_gripper": 0.0}


@dataclass(frozen=True)
class WaypointSites:
    """Where a waypoint is kept in the model, and its flags.

    Attributes:
        name: upstream's name.
        sites: ids of its sites in order; one for a point, two or more for a path.
        is_path: whether it is a Cartesian path.
        ignore_collisions: its flag of that name.
        gripper: opening commanded after reaching it, or None.
    """

    name: str
    sites: tuple[int, ...]
    is_path: bool
    ignore_collisions: bool
    gripper: float | None


@dataclass(frozen=True)
class FreeBody:
    """A body that moves freely: its id and the addresses of its 7 positions and 6 velocities."""

    body: int
    qpos: int
    qvel: int


@dataclass(frozen=True)
class Scene:
    """A compiled scene and what the engine looks up in it.

    Attributes:
        model: the compiled model; poses of the task base and colours in it change at every reset.
        task: the task it shows.
        base: id of the task base body.
        free: free bodies of the task by name.
        waypoints: in the order of execution.
        volumes: detection volumes: site name (or name of an invisible geom) to the id of the geom that fills it.
        welds: graspable bodies: name to the id of the equality that attaches it to the hand.
        stored_joints: joint name to (address in qpos, stored value).
        solid: body name to the ids of its colliding geoms, those of its descendants included.
        removable: ids of the geoms that the task's removal rule can take away.
        straight: waypoints, named in the scene file's text ``straight``, that drag something along: layouts in which the motion to
            them cannot be a straight line are drawn again.
        ignored: (ngeom,) bool, geoms of the bodies that the scene file's text ``not_collidable`` names: motions are planned as if
            they were not there, as upstream does for its objects without the property "collidable".
        placement_box: min x, max x, min y, max y [m] of the task in its base frame, spawn areas included.
        task_geoms: ids of all geoms of the task, seen or not.
        surfaces: what covers the geoms of each surface that a factor may texture.
        upstream_frames: bodies whose frame is turned against that of the original's object: name to the quaternion xyzw (4,) of the
            original's frame in the body's.
        slots: bodies that can become distractors; they come after everything else in the model.
        library: the distractors they can become.
    """

    model: mujoco.MjModel
    task: Task
    base: int
    free: dict[str, FreeBody]
    waypoints: tuple[WaypointSites, ...]
    volumes: dict[str, int]
    welds: dict[str, int]
    stored_joints: dict[str, tuple[int, float]]
    solid: dict[str, tuple[int, ...]]
    removable: NDArray[np.intp]
    straight: frozenset[str]
    ignored: NDArray[np.bool_]
    placement_box: tuple[float, float, float, float]
    task_geoms: NDArray[np.intp]
    surfaces: dict[str, tuple[Coat, ...]]
    upstream_frames: dict[str, NDArray[np.float64]]
    slots: tuple[Slot, ...]
    library: Library | None

    def body(self, name: str) -> int:
        """Id of a body of the task.

        Raises:
            UnknownNameError: the scene has no such body.
        """
        return lookup(self.model, mujoco.mjtObj.mjOBJ_BODY, "body", name)

    def sites(self, waypoint: str) -> tuple[int, ...]:
        """Ids of the sites of a waypoint.

        Raises:
            UnknownNameError: the scene has no such waypoint.
        """
        for known in self.waypoints:
            if known.name == waypoint:
                return known.sites
        raise UnknownNameError("waypoint", waypoint, tuple(known.name for known in self.waypoints))


def lookup(model: mujoco.MjModel, kind: mujoco.mjtObj, word: str, name: str) -> int:
    """Id of a named element of the model.

    Raises:
        UnknownNameError: there is none of this name.
    """
    number = int(mujoco.mj_name2id(model, kind.value, name))
    if number < 0:
        counts = {
            "body": model.nbody,
            "geom": model.ngeom,
            "site": model.nsite,
            "camera": model.ncam,
            "joint": model.njnt,
            "light": model.nlight,
        }
        count = counts[word]
        names = (mujoco.mj_id2name(model, kind.value, i) for i in range(count))
        raise UnknownNameError(word, name, tuple(n for n in names if n))
    return number


def load_scene(task: Task, library: Library | None = None, slots: int = 0) -> Scene:
    """Compiles room, robot and the task's scene file into one model.

    Args:
        task: the task.
        library: distractors to have at hand, or None.
        slots: number of distractors there may be at once.

    Raises:
        SceneError: the scene file lacks something the task refers to, or does not compile.
        MissingDependencyError: the robot's meshes are not installed.
    """
    source = scene_xml(task)
    world, texts, numbers = _world(Path(source))
    task_sites = tuple(site.name for site in world.sites)
    task_joints = tuple(joint.name for joint in world.joints if not joint.name.startswith("panda_"))
    conditions = (*task.success, *task.success_by_variation)
    volumes = [GRASP_VOLUME, *(c.volume for c in conditions if isinstance(c, DetectedCondition))]
    if task.removal is not None:
        volumes.append(task.removal.volume)
    for name in dict.fromkeys(volumes):
        _add_volume_geom(world, name, source)
    for name in task.graspable:
        _add_weld(world, name, source)
    _give_own_meshes(world, task, source)
    surfaces = add_coats(world, task, source)
    slot_names = () if library is None else add_slots(world, library, slots)
    try:
        model = world.compile()
    except ValueError as error:
        raise SceneError(f"the scene of {task.name} does not compile: {error}") from error

    body_ids = {model.body(i).name: i for i in range(model.nbody)}
    for condition in conditions:
        if isinstance(condition, JointCondition) and condition.joint not in task_joints:
            raise SceneError(f"{source} has no joint {condition.joint!r}, which a success condition names")
        if isinstance(condition, DetectedCondition) and condition.object not in body_ids:
            raise SceneError(f"{source} has no body {condition.object!r}, which a success condition names")
    if task.name not in body_ids or "placement_box" not in numbers:
        raise SceneError(f"{source} needs a body named {task.name!r} (the task base) and a numeric named 'placement_box'")
    ignored = np.zeros(model.ngeom, dtype=bool)
    for name in texts.get("not_collidable", "").split():
        if name not in body_ids:
            raise SceneError(f"{source} has no body {name!r}, which its text 'not_collidable' names")
        ignored[list(_solid_geoms(model, body_ids[name]))] = True
    for name in volumes:
        site = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE.value, name))
        geom = _volume_geom(model, name)
        # A geom is made from the site's own pose, which a frame around it or Euler angles would not reach.
        if site >= 0 and not (
            np.allclose(model.site_pos[site], model.geom_pos[geom]) and np.allclose(model.site_quat[site], model.geom_quat[geom])
        ):
            raise SceneError(f"{source}: give the volume {name!r} a plain pos and quat in its body, no frame and no other angles")
    waypoints = _waypoints(model, task_sites, texts, source)
    straight = frozenset(texts.get("straight", "").split())
    if unknown := straight - {waypoint.name for waypoint in waypoints}:
        raise SceneError(f"{source} has no waypoint {', '.join(sorted(unknown))}, which its text 'straight' names")
    box = numbers["placement_box"]
    return Scene(
        model=model,
        task=task,
        base=body_ids[task.name],
        free=_free_bodies(model, task_joints),
        waypoints=waypoints,
        volumes={name: _volume_geom(model, name) for name in volumes},
        welds={name: model.equality(_weld_name(name)).id for name in task.graspable},
        stored_joints={
            name: (int(model.joint(name).qposadr[0]), float(numbers[name][0])) for name in task_joints if name in numbers
        },
        solid={name: _solid_geoms(model, number) for name, number in body_ids.items()},
        removable=np.flatnonzero(
            np.isin(model.geom_bodyid, [body_ids[name] for name in (task.removal.objects if task.removal else ())])
        ),
        straight=straight,
        ignored=ignored,
        placement_box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        task_geoms=np.flatnonzero(np.isin(model.geom_bodyid, _task_bodies(model, slot_names))),
        surfaces=coats(model, surfaces),
        upstream_frames=_upstream_frames(numbers, body_ids, source),
        slots=find_slots(model, slot_names),
        library=library,
    )


def _upstream_frames(
    numbers: dict[str, NDArray[np.float64]], bodies: dict[str, int], source: str
) -> dict[str, NDArray[np.float64]]:
    frames = {}
    for name, quat_xyzw in numbers.items():
        body = name.removesuffix(_UPSTREAM_FRAME)
        if body != name:
            if body not in bodies or quat_xyzw.shape != (4,):
                raise SceneError(f"{source}: {name!r} must be four numbers, qx qy qz qw, and named after a body")
            frames[body] = quat_xyzw_normalised(quat_xyzw)
    return frames


def robot_alone(colliding: bool) -> mujoco.MjModel:
    """The robot without a scene and without what is only seen.

    Args:
        colliding: keep the collision shapes; without them it is kinematics and inertia only.
    """
    root = ET.fromstring(_robot_file().read_text(encoding="utf-8"))
    for section in root.findall("asset"):
        for mesh in section.findall("mesh"):
            if not (colliding and mesh.get("name", "").endswith("_collision")):
                section.remove(mesh)
    for parent in root.find("worldbody").iter("body"):  # type: ignore[union-attr]
        for geom in parent.findall("geom"):
            if not colliding or geom.get("class") == "panda_visual":
                parent.remove(geom)
    assets = panda_assets() if colliding else {}
    return mujoco.MjSpec.from_string(ET.tostring(root, encoding="unicode"), assets=assets).compile()


def _world(task_file: Path) -> tuple[mujoco.MjSpec, dict[str, str], dict[str, NDArray[np.float64]]]:
    """Room, robot and task as one uncompiled scene, with the texts and numbers of the task's ``<custom>`` section."""
    files = (_room_file(), _robot_file(), task_file)
    try:
        roots = [ET.fromstring(file.read_text(encoding="utf-8")) for file in files]
    except (ET.ParseError, OSError) as error:
        raise SceneError(f"{task_file} cannot be read: {error}") from error
    merged = ET.Element("mujoco", model="hamster_bench")
    for root in roots:
        for section in root:
            _merge(merged, section)
    assets = panda_assets()
    for file in (_room_file(), task_file):
        assets |= {path.name: path.read_bytes() for path in sorted(file.parent.iterdir()) if path.suffix in _ASSET_SUFFIXES}
    try:
        world = mujoco.MjSpec.from_string(ET.tostring(merged, encoding="unicode"), assets=assets)
    except ValueError as error:
        raise SceneError(f"{task_file} does not fit into the room: {error}") from error
    world.option.timestep = TIMESTEP
    world.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    world.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    world.option.impratio = 10.0
    # From 60 degrees of freedom on MuJoCo (4.0.0) takes sparse matrices unless told otherwise. Its solver then fails where a hand ploughs
    # through chess pieces: thousands of radians per second, not-a-numbers in 3 of 20 such episodes, none with dense ones.
    world.option.jacobian = mujoco.mjtJacobian.mjJAC_DENSE
    world.visual.global_.offwidth = _OFFSCREEN_LIMIT
    world.visual.global_.offheight = _OFFSCREEN_LIMIT
    # Clipping planes in metres: MuJoCo takes them in units of the model's extent.
    world.stat.extent = 1.0
    world.visual.map.znear = 0.01
    world.visual.map.zfar = 10.0
    custom = roots[-1].find("custom")
    texts = {} if custom is None else {e.get("name", ""): e.get("data", "") for e in custom.findall("text")}
    numbers = {} if custom is None else {e.get("name", ""): _numbers(e.get("data", "")) for e in custom.findall("numeric")}
    return world, texts, numbers


def _merge(merged: ET.Element, section: ET.Element) -> None:
    """Adds a top-level section of one file to the whole; MuJoCo's own attaching would rename every element."""
    same = next((e for e in merged if e.tag == section.tag), None)
    if same is None:
        same = ET.SubElement(merged, section.tag)
    same.attrib.update(section.attrib)
    same.extend(list(section))


def _numbers(text: str) -> NDArray[np.float64]:
    return np.array([float(word) for word in text.split()])


def _room_file() -> Path:
    return Path(str(_ENGINE_FOLDER / "assets" / "room.xml"))


def _robot_file() -> Path:
    return Path(str(_ENGINE_FOLDER / "panda.xml"))


def _volume_geom_name(site: str) -> str:
    return f"{site}/volume"


def _weld_name(body: str) -> str:
    return f"{body}/attached"


def _volume_geom(model: mujoco.MjModel, name: str) -> int:
    geom = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM.value, _volume_geom_name(name)))
    return geom if geom >= 0 else int(model.geom(name).id)


def _add_volume_geom(spec: mujoco.MjSpec, name: str, source: str) -> None:
    if spec.geom(name) is not None:
        return  # a volume of a shape that sites do not have is a geom in the scene file already
    site = spec.site(name)
    if site is None:
        raise SceneError(f"{source} has no site {name!r}, which a success condition names as detection volume")
    site.parent.add_geom(
        name=_volume_geom_name(name),
        type=site.type,
        size=site.size,
        pos=site.pos,
        quat=site.quat,
        contype=0,
        conaffinity=0,
        mass=0.0,
        group=5,
        rgba=[0.0, 0.0, 0.0, 0.0],
    )


def _add_weld(spec: mujoco.MjSpec, name: str, source: str) -> None:
    if spec.body(name) is None:
        raise SceneError(f"{source} has no body {name!r}, which the task declares graspable")
    weld = spec.add_equality(
        name=_weld_name(name),
        type=mujoco.mjtEq.mjEQ_WELD,
        objtype=mujoco.mjtObj.mjOBJ_BODY,
        name1=_HAND,
        name2=name,
        active=False,
        solref=[2.0 * TIMESTEP, 1.0],
        solimp=[0.99, 0.999, 0.001, 0.5, 2.0],
    )
    weld.data[10] = 1.0  # torque scale: rotation held as firmly as position


def _give_own_meshes(world: mujoco.MjSpec, task: Task, source: str) -> None:
    """Gives objects that are scaled each by itself meshes of their own: to be scaled is the mesh, not the geom."""
    for targets in task.factors.values():
        if isinstance(targets, SizeTargets) and not targets.same:
            used: set[str] = set()
            for name in targets.objects:
                if world.body(name) is None:
                    raise SceneError(f"{source} has no body {name!r}, which a variation factor names")
                for geom in world.body(name).geoms:
                    mesh = geom.meshname
                    if mesh in used:
                        geom.meshname = f"{mesh}/{name}"
                        shared = world.mesh(mesh)
                        world.add_mesh(name=geom.meshname, file=shared.file, inertia=shared.inertia, scale=shared.scale)
                    elif mesh:
                        used.add(mesh)


def _task_bodies(model: mujoco.MjModel, slots: tuple[str, ...]) -> list[int]:
    names = {number: model.body(number).name for number in range(1, model.nbody)}
    return [number for number, name in names.items() if not name.startswith("panda_") and name not in (*slots, PROBE)]


def _free_bodies(model: mujoco.MjModel, joints: tuple[str, ...]) -> dict[str, FreeBody]:
    free = {}
    for name in joints:
        joint = model.joint(name)
        if int(joint.type[0]) == int(mujoco.mjtJoint.mjJNT_FREE):
            body = int(joint.bodyid[0])
            free[model.body(body).name] = FreeBody(body, int(joint.qposadr[0]), int(joint.dofadr[0]))
    return free


def _solid_geoms(model: mujoco.MjModel, body: int) -> tuple[int, ...]:
    inside = {body}
    for child in range(body + 1, model.nbody):
        if int(model.body_parentid[child]) in inside:
            inside.add(child)
    solid = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    return tuple(int(g) for g in np.flatnonzero(solid & np.isin(model.geom_bodyid, list(inside))))


def _waypoints(model: mujoco.MjModel, sites: tuple[str, ...], texts: dict[str, str], source: str) -> tuple[WaypointSites, ...]:
    points: dict[int, dict[int, int]] = {}
    for name in sites:
        if match := _WAYPOINT.fullmatch(name):
            points.setdefault(int(match["index"]), {})[int(match["point"] or 0)] = model.site(name).id
    if sorted(points) != list(range(len(points))):
        raise SceneError(f"{source}: waypoints must be numbered from 0 without gaps, found {sorted(points)}")
    waypoints = []
    for index in sorted(points):
        name = f"waypoint{index}"
        is_path, ignore_collisions, gripper = _flags(texts.get(name, ""), f"{source}, {name}")
        ids = tuple(points[index][k] for k in sorted(points[index]))
        if is_path != (len(ids) > 1):
            raise SceneError(f"{source}: {name} has {len(ids)} site(s), but its flags say {'path' if is_path else 'point'}")
        waypoints.append(WaypointSites(name, ids, is_path, ignore_collisions, gripper))
    return tuple(waypoints)


def _flags(extension: str, where: str) -> tuple[bool, bool, float | None]:
    is_path = ignore_collisions = False
    gripper = None
    for part in filter(None, (part.strip() for part in extension.split(";"))):
        match = _EXTENSION.fullmatch(part)
        name = match["name"] if match else part
        if match and name in _FULL_OPENING:
            # Upstream: `open_gripper` wins when both are present.
            if not (name == "close_gripper" and gripper is not None and "open_gripper" in extension):
                gripper = float(match["amount"]) if match["amount"] else _FULL_OPENING[name]
        elif name == "path":
            is_path = True
        elif name == "ignore_collisions":
            ignore_collisions = True
        else:
            allowed = "path, ignore_collisions, open_gripper(x), close_gripper(x)"
            raise SceneError(f"{where}: unknown flag {part!r}; allowed: {allowed}")
    return is_path, ignore_collisions, gripper


def site_pose_on(model: mujoco.MjModel, data: mujoco.MjData, site: int, body: int) -> NDArray[np.float64]:
    """World pose (7,) ``x y z qx qy qz qw`` that a site would have if it were fixed to another body in the same way."""
    position, quat_wxyz = np.empty(3), np.empty(4)
    mujoco.mju_mulPose(position, quat_wxyz, data.xpos[body], data.xquat[body], model.site_pos[site], model.site_quat[site])
    return np.concatenate([position, quat_wxyz[[1, 2, 3, 0]]])


def site_pose(data: mujoco.MjData, site: int) -> NDArray[np.float64]:
    """World pose (7,) ``x y z qx qy qz qw`` of a site."""
    quat_wxyz = np.empty(4)
    mujoco.mju_mat2Quat(quat_wxyz, data.site_xmat[site])
    return np.concatenate([data.site_xpos[site], quat_wxyz[[1, 2, 3, 0]]])
