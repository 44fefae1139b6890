"""Cells of the matrix of factors, run through the public environment, and what tests compare of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import gymnasium
import mujoco
import numpy as np
from numpy.typing import NDArray

import hamster_bench  # noqa: F401  # registers the environments
from hamster_bench.envs.factors import defined_factors
from hamster_bench.envs.targets import ColorTargets, SizeTargets, TextureTargets
from hamster_bench.envs.task import Task
from hamster_bench.envs.tasks import TASKS
from hamster_bench.scenario import VARIATION_FACTORS, Scenario

FloatArray = NDArray[np.float64]

ALL_TASKS = TASKS.names()
# Every defined cell but the control.
CELLS = [(task, factor) for task in ALL_TASKS for factor in defined_factors(TASKS.get(task)) if factor != "no_var"]


@dataclass(frozen=True)
class Start:
    """The start of an episode.

    Attributes:
        images: every image of the front camera.
        qpos: positions, those of distractors left out.
        qvel: velocities, likewise.
        xpos: (n, 3) positions of bodies [m], likewise.
        xquat: (n, 4) orientations of bodies, likewise.
        state: the complete state.
        draws: what was drawn.
        instruction: the instruction.
    """

    images: dict[str, NDArray[Any]]
    qpos: FloatArray
    qvel: FloatArray
    xpos: FloatArray
    xquat: FloatArray
    state: FloatArray
    draws: dict[str, Any]
    instruction: str

    @property
    def rgb(self) -> NDArray[np.uint8]:
        return self.images["front_rgb"]

    @property
    def bodies(self) -> NDArray[np.int32]:
        """The body that every pixel shows."""
        return self.images["front_segmentation"]

    def changed(self, other: Start) -> NDArray[np.bool_]:
        """Pixels that differ by more than 3 % of the range in any channel."""
        difference = np.abs(self.rgb.astype(int) - other.rgb.astype(int)).max(axis=2)
        return np.asarray(difference > 8)


class Bench:
    """One environment, which knows what the control of a scenario looked like before any factor had acted."""

    def __init__(self, task: str, episodes: Iterable[int] = (0,), **options: Any) -> None:
        self.task: Task = TASKS.get(task)
        self.env: Any = gymnasium.make(f"hamster_bench/{task}-v0", **{"segmentation": True} | options).unwrapped
        model = self.env.simulation.scene.model
        self._alone: dict[tuple[str, int, int], Any] = {}
        self._sizes = model.nq, model.nv, model.nbody
        variations = sorted({0, self.task.variation_count - 1})
        self.controls = {(e, v): self.reset("no_var", e, v) for e in episodes for v in variations}
        self.model_digest = model_digest(model)

    @property
    def model(self) -> mujoco.MjModel:
        """The model of the running episode."""
        return self.env.simulation.scene.model

    @property
    def data(self) -> mujoco.MjData:
        """The state of the running episode."""
        return self.env.simulation.data

    def variation(self, factor: str) -> int:
        """The last variation for factors that draw it."""
        return self.task.variation_count - 1 if factor in VARIATION_FACTORS else 0

    def reset(self, factor: str, episode: int = 0, variation: int | None = None, draws: Any = None) -> Start:
        """Starts an episode."""
        chosen = self.variation(factor) if variation is None else variation
        options = {"scenario": Scenario(task=self.task.name, factor=factor, episode=episode, variation=chosen)}
        observation, info = self.env.reset(options=options if draws is None else options | {"draws": draws})
        nq, nv, nbody = self._sizes
        self._alone[factor, episode, chosen] = info["draws"]
        return Start(
            images={name: value for name, value in observation.items() if name.startswith("front_")},
            qpos=self.data.qpos[:nq].copy(),
            qvel=self.data.qvel[:nv].copy(),
            xpos=self.data.xpos[:nbody].copy(),
            xquat=self.data.xquat[:nbody].copy(),
            state=self.env.state(),
            draws=info["draws"],
            instruction=info["instruction"],
        )

    def alone(self, factor: str, episode: int, variation: int) -> Any:
        """What a factor draws when it acts alone."""
        key = (factor, episode, variation)
        return self._alone[key] if key in self._alone else self.reset(*key).draws

    def has_controls(self, episodes: Iterable[int]) -> bool:
        """Whether the controls of all these episodes are known."""
        return {episode for episode, _ in self.controls} >= set(episodes)

    def body_ids(self, names: Iterable[str]) -> set[int]:
        """Ids of bodies, or of the bodies of geoms, by name."""
        found = set()
        for name in names:
            geom = mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_GEOM.value, name)
            found.add(int(self.model.geom_bodyid[geom]) if geom >= 0 else self.model.body(name).id)
        return found

    def below(self, names: Iterable[str]) -> set[int]:
        """Ids of bodies and of everything fastened to them."""
        found = self.body_ids(names)
        for body in range(self.model.nbody):
            if int(self.model.body_parentid[body]) in found:
                found.add(body)
        return found

    def targets(self, factor: str) -> tuple[str, ...]:
        """Names of the objects that a colour, texture or size factor acts on."""
        found = self.task.factors[factor]
        assert isinstance(found, ColorTargets | TextureTargets | SizeTargets)
        return found.objects

    def lowest(self, names: Iterable[str]) -> float:
        """Height [m] of the lowest point of the colliding geoms of bodies and of everything fastened to them."""
        inside = self.below(names)
        solid = (self.model.geom_contype != 0) | (self.model.geom_conaffinity != 0)
        geoms = np.flatnonzero(solid & np.isin(self.model.geom_bodyid, list(inside)))
        return min(lowest_point(self.model, self.data, int(geom)) for geom in geoms)

    def close(self) -> None:
        self.env.close()


def assert_equal_starts(one: Start, other: Start) -> None:
    """Everything equal, bit for bit."""
    assert one.images.keys() == other.images.keys()
    for name, image in one.images.items():
        assert np.array_equal(image, other.images[name]), name
    assert np.array_equal(one.state, other.state)
    assert one.instruction == other.instruction


def model_digest(model: mujoco.MjModel) -> dict[str, str]:
    """A digest of every array of a model, but for pixels: textures that no material in use shows may keep what they had."""
    arrays = {name: getattr(model, name) for name in dir(model) if not name.startswith("_") and name != "tex_data"}
    arrays |= {f"stat.{name}": getattr(model.stat, name) for name in dir(model.stat) if not name.startswith("_")}
    arrays |= {f"opt.{name}": getattr(model.opt, name) for name in dir(model.opt) if not name.startswith("_")}
    return {
        name: hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        for name, value in arrays.items()
        if isinstance(value, np.ndarray | float | int)
    }


def lowest_point(model: mujoco.MjModel, data: mujoco.MjData, geom: int) -> float:
    """Height [m] of the lowest point of a geom, from its corners, vertices or round ends."""
    R, size, kind = data.geom_xmat[geom].reshape(3, 3), model.geom_size[geom], int(model.geom_type[geom])
    types = mujoco.mjtGeom
    if kind == int(types.mjGEOM_MESH):
        mesh = int(model.geom_dataid[geom])
        start = int(model.mesh_vertadr[mesh])
        points = model.mesh_vert[start : start + int(model.mesh_vertnum[mesh])].astype(np.float64)
        radius = 0.0
    elif kind == int(types.mjGEOM_BOX):
        points, radius = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T * size, 0.0
    elif kind == int(types.mjGEOM_CYLINDER):
        angles = np.linspace(0.0, 2.0 * np.pi, 3601)
        rim = size[0] * np.column_stack([np.cos(angles), np.sin(angles)])
        points = np.vstack([np.column_stack([rim, np.full(len(rim), z)]) for z in (-size[1], size[1])])
        radius = 0.0
    elif kind == int(types.mjGEOM_CAPSULE):
        points, radius = np.array([[0.0, 0.0, -size[1]], [0.0, 0.0, size[1]]]), float(size[0])
    else:
        assert kind == int(types.mjGEOM_SPHERE)
        points, radius = np.zeros((1, 3)), float(size[0])
    return float((points @ R[2]).min() + data.geom_xpos[geom, 2] - radius)
