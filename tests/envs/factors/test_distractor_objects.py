"""Every distractor object: a closed, coloured, sized thing that stays where it is put."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from itertools import combinations
from typing import Any

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamster_bench.envs.factors.distractor_objects import Box, Cylinder, DistractorObject, Hull, Sphere, make_object, object_names
from hamster_bench.envs.factors.distractor_objects.mjcf import COLLISION_GROUP, VISUAL_GROUP, add_to_spec
from hamster_bench.errors import InvalidOptionError, UnknownNameError

NAMES = object_names()
each_object = pytest.mark.parametrize("name", NAMES)

_FINGERPRINT = """
import hashlib, sys
from hamster_bench.envs.factors.distractor_objects import make_object, object_names
digest = hashlib.sha256()
for name in object_names():
    for part in make_object(name).parts:
        digest.update(part.vertices.tobytes() + part.faces.tobytes() + part.normals.tobytes() + repr(part.rgb).encode())
assert not {"mujoco", "scipy", "trimesh"} & set(sys.modules)
print(digest.hexdigest())
"""


def vertices(obj: DistractorObject) -> np.ndarray:
    return np.concatenate([part.vertices for part in obj.parts])


def on_a_table(*objects: DistractorObject) -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    spec.option.timestep = 0.002
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10.0
    spec.worldbody.add_geom(name="table", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1.0, 1.0, 0.1])
    for i, obj in enumerate(objects):
        add_to_spec(spec, obj, f"distractor{i}")
    return spec.compile()


def drift(model: mujoco.MjModel, height: float, tilt: float = 0.0, seconds: float = 1.0) -> tuple[float, float]:
    """How far [m] and by what angle [degrees] the object ends from its rest pose when let go a little off it."""
    data = mujoco.MjData(model)
    data.qpos[2] = height
    data.qpos[3:7] = [np.cos(tilt / 2), np.sin(tilt / 2) * 0.6, np.sin(tilt / 2) * 0.8, 0.0]
    for _ in range(round(seconds / model.opt.timestep)):
        mujoco.mj_step(model, data)
    angle = 2 * np.arccos(np.clip(abs(data.qpos[3]), 0.0, 1.0))
    return float(np.linalg.norm(data.qpos[:3])), float(np.rad2deg(angle))


def silhouette(model: mujoco.MjModel, group: int, obj: DistractorObject, towards: np.ndarray, cells: int = 40) -> tuple[Any, Any]:
    """Depth [m] and geom id of what a parallel beam meets, on a grid that covers the object; depth is -1 for a miss."""
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    groups = np.zeros(6, dtype=np.uint8)
    groups[group] = 1
    u = np.cross(towards, [0.0, 1.0, 0.0] if abs(towards[1]) < 0.5 else [0.0, 0.0, 1.0])
    u /= np.linalg.norm(u)
    v = np.cross(u, towards)
    middle = np.array([0.0, 0.0, obj.height / 2])
    reach_u, reach_v = 1.05 * np.abs((vertices(obj) - middle) @ np.stack([u, v], axis=1)).max(axis=0)
    depth, geoms = np.empty((cells, cells)), np.empty((cells, cells), dtype=int)
    geom = np.zeros(1, dtype=np.int32)
    steps = (np.arange(cells) + 0.5) / cells * 2 - 1
    for i, a in enumerate(steps):
        for j, b in enumerate(steps):
            start = middle + reach_u * a * u + reach_v * b * v - 0.5 * towards
            depth[i, j] = mujoco.mj_ray(model, data, start, towards, groups, 1, -1, geom)
            geoms[i, j] = geom[0]
    return depth, geoms


def test_there_are_enough_kinds() -> None:
    assert len(NAMES) >= 40
    assert len(set(NAMES)) == len(NAMES)
    assert not [name for name in NAMES if "spatula" in name or "wine" in name or "chess" in name]


@each_object
def test_sizes_and_frame(name: str) -> None:
    obj = make_object(name)
    points = vertices(obj)
    low, high = points.min(axis=0), points.max(axis=0)
    assert obj.name == name
    assert low[2] == pytest.approx(0.0, abs=1e-9)
    assert high[2] == pytest.approx(obj.height, abs=1e-9)
    assert low[:2] == pytest.approx(-high[:2], abs=1e-9)
    assert np.linalg.norm(points[:, :2], axis=1).max() == pytest.approx(obj.footprint_radius, abs=1e-9)
    assert 0.03 <= (high - low).max() <= 0.25


@each_object
def test_surfaces_are_closed_and_face_outwards(name: str) -> None:
    for part in make_object(name).parts:
        assert part.faces.min() >= 0
        assert part.faces.max() < len(part.vertices) == len(part.normals)
        _, welded = np.unique(np.round(part.vertices, 6), axis=0, return_inverse=True)
        faces = welded.reshape(-1)[part.faces]
        faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        there, back = np.sort(edges @ [1_000_000, 1]), np.sort(edges @ [1, 1_000_000])
        assert np.array_equal(there, back), "an edge without its neighbour"
        corners = part.vertices[part.faces]
        volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
        assert volume > 0.0
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        assert np.linalg.norm(part.normals, axis=1) == pytest.approx(1.0, abs=1e-6)
        agree = np.einsum("ij,ij->i", across, part.normals[part.faces].mean(axis=1)) >= 0.0
        area = np.linalg.norm(across, axis=1)
        assert area[agree].sum() >= 0.99 * area.sum()


@each_object
def test_few_triangles_and_plausible_mass(name: str) -> None:
    obj = make_object(name)
    assert sum(len(part.faces) for part in obj.parts) <= 1500
    assert 0.004 < obj.mass < 1.5
    # From foam to steel, hollow things being lighter than what they are made of.
    assert 25.0 < obj.mass / sum(shape.volume for shape in obj.collision) < 9000.0


@each_object
def test_every_colour_is_seen_from_above_the_table(name: str) -> None:
    obj = make_object(name)
    assert 1 <= len(obj.parts) <= 3
    for part in obj.parts:
        assert all(0.0 <= channel <= 1.0 for channel in part.rgb)
    for one, other in combinations(obj.parts, 2):
        assert np.abs(np.subtract(one.rgb, other.rgb)).max() > 0.1
    model = on_a_table(obj)
    seen = np.zeros(len(obj.parts), dtype=int)
    for towards in ((-1.0, 0.0, -0.5), (-0.6, 0.8, -0.8)):
        _, geoms = silhouette(model, VISUAL_GROUP, obj, np.array(towards) / np.linalg.norm(towards))
        seen += [np.count_nonzero(geoms == model.geom(f"distractor0/part{i}").id) for i in range(len(obj.parts))]
    assert seen.min() >= 3, dict(zip((part.rgb for part in obj.parts), seen, strict=True))


@each_object
@pytest.mark.parametrize("towards", [(0.0, 0.0, -1.0), (-1.0, 0.0, 0.0)], ids=["from above", "from the camera"])
def test_what_collides_is_where_it_is_seen(name: str, towards: tuple[float, float, float]) -> None:
    obj = make_object(name)
    model = on_a_table(obj)
    visual, _ = silhouette(model, VISUAL_GROUP, obj, np.array(towards))
    solid, _ = silhouette(model, COLLISION_GROUP, obj, np.array(towards))
    both, either = (visual >= 0) & (solid >= 0), (visual >= 0) | (solid >= 0)
    assert both.sum() >= 0.70 * either.sum()
    # Sunken lids and pages are the largest simplification.
    assert np.median(np.abs(visual - solid)[both]) < 0.0065


@each_object
def test_collision_shapes_stay_inside_the_bounding_box(name: str) -> None:
    obj = make_object(name)
    low, high = vertices(obj).min(axis=0), vertices(obj).max(axis=0)
    for shape in obj.collision:
        assert shape.volume > 0.0
        if isinstance(shape, Hull):
            points = shape.vertices
        elif isinstance(shape, Sphere):
            points = shape.position + shape.radius * np.concatenate([np.eye(3), -np.eye(3)])
        else:
            assert np.linalg.det(shape.R_object_shape) == pytest.approx(1.0)
            assert shape.R_object_shape @ shape.R_object_shape.T == pytest.approx(np.eye(3), abs=1e-12)
            if isinstance(shape, Box):
                local = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1).T * shape.half_size
            else:
                assert isinstance(shape, Cylinder)
                a = np.linspace(0.0, 2 * np.pi, 32)
                ring = np.column_stack([shape.radius * np.cos(a), shape.radius * np.sin(a), np.full(32, shape.half_length)])
                local = np.concatenate([ring, ring * [1, 1, -1]])
            points = shape.position + local @ shape.R_object_shape.T
        assert np.all(points >= low - 0.003)
        assert np.all(points <= high + 0.003)
        assert points[:, 2].min() >= -0.0015


@each_object
def test_stays_in_its_rest_pose(name: str) -> None:
    model = on_a_table(make_object(name))
    distance, angle = drift(model, height=0.0005)
    assert distance < 0.002
    assert angle < 3.0


@each_object
def test_comes_back_from_a_small_tilt(name: str) -> None:
    obj = make_object(name)
    tilt = np.deg2rad(1.0)
    distance, angle = drift(on_a_table(obj), height=0.0005 + obj.footprint_radius * np.sin(tilt), tilt=tilt)
    assert distance < 0.006
    assert angle < 3.0


@pytest.mark.parametrize("scale", [0.75, 1.25])
@pytest.mark.parametrize("name", ["cereal_box", "banana", "egg", "tennis_ball", "fork", "spray_cleaner", "toy_plane"])
def test_other_sizes_stand_too(name: str, scale: float) -> None:
    distance, angle = drift(on_a_table(make_object(name, scale)), height=0.0005)
    assert distance < 0.002
    assert angle < 3.0


def test_a_ball_that_was_touched_stops() -> None:
    model = on_a_table(make_object("tennis_ball"))
    data = mujoco.MjData(model)
    data.qvel[0], data.qvel[4] = 0.1, 0.1 / 0.033
    for _ in range(1500):
        mujoco.mj_step(model, data)
    assert np.linalg.norm(data.qvel) < 0.01
    assert 0.01 < data.qpos[0] < 0.1


@given(name=st.sampled_from(NAMES), scale=st.floats(0.5, 1.5))
def test_scale(name: str, scale: float) -> None:
    natural, scaled = make_object(name), make_object(name, scale)
    assert scaled.height == pytest.approx(scale * natural.height)
    assert scaled.footprint_radius == pytest.approx(scale * natural.footprint_radius)
    assert scaled.mass == pytest.approx(scale**3 * natural.mass)
    for one, other in zip(natural.parts, scaled.parts, strict=True):
        assert other.vertices == pytest.approx(scale * one.vertices, abs=1e-12)
        assert np.array_equal(other.faces, one.faces)
        assert np.array_equal(other.normals, one.normals)
    for shape, larger in zip(natural.collision, scaled.collision, strict=True):
        assert larger.volume == pytest.approx(scale**3 * shape.volume)


def test_same_bits_in_another_process_without_heavy_imports() -> None:
    digest = hashlib.sha256()
    for name in NAMES:
        for part in make_object(name).parts:
            digest.update(part.vertices.tobytes() + part.faces.tobytes() + part.normals.tobytes() + repr(part.rgb).encode())
    command = [sys.executable, "-c", _FINGERPRINT]
    result = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "11"})
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == digest.hexdigest()


def test_objects_do_not_share_their_arrays() -> None:
    first = make_object("mug")
    first.parts[0].vertices[:] = 0.0
    assert np.ptp(make_object("mug").parts[0].vertices) > 0.05


def test_unknown_kind_is_refused_with_the_closest_names() -> None:
    with pytest.raises(UnknownNameError, match="soup_can"):
        make_object("soup_cann")


@pytest.mark.parametrize("scale", [0.0, -1.0, 0.49, 1.51, np.nan, np.inf])
def test_impossible_scale_is_refused(scale: float) -> None:
    with pytest.raises(InvalidOptionError, match=r"from 0\.5 to 1\.5"):
        make_object("mug", scale)


def test_a_body_with_seen_and_colliding_geoms() -> None:
    first, second = make_object("toy_car"), make_object("toy_car", 0.8)
    model = on_a_table(first, second)
    assert model.nbody == 3
    for i, obj in enumerate((first, second)):
        body = model.body(f"distractor{i}")
        assert model.joint(f"distractor{i}").type[0] == mujoco.mjtJoint.mjJNT_FREE
        assert body.mass[0] == pytest.approx(obj.mass)
        geoms = np.flatnonzero(model.geom_bodyid == body.id)
        seen = geoms[model.geom_group[geoms] == VISUAL_GROUP]
        solid = geoms[model.geom_group[geoms] == COLLISION_GROUP]
        assert (len(seen), len(solid)) == (len(obj.parts), len(obj.collision))
        assert not model.geom_contype[seen].any()
        assert not model.geom_conaffinity[seen].any()
        assert model.geom_contype[solid].all()
        for part, geom in zip(obj.parts, seen, strict=True):
            assert model.geom_rgba[geom] == pytest.approx([*part.rgb, 1.0])


def test_a_name_cannot_be_used_twice() -> None:
    spec = mujoco.MjSpec()
    add_to_spec(spec, make_object("die"), "distractor")
    with pytest.raises(ValueError, match="distractor"):
        add_to_spec(spec, make_object("mug"), "distractor")
