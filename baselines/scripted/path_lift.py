"""The lifted path: follows the 2D path with the depth image and plain geometry, without learning.

It is what a careful engineer gets from the path and one depth image, and so the bar that a learned low-level policy has to clear. It
reads neither the task's name nor the instruction nor anything privileged, and it never looks again. Its rules (large things swing, small
things are stacked centred, rings go over posts) are nevertheless a person's knowledge of table-top tasks such as these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode, AgentNeeds, EpisodeContext
from hamster_bench.baselines.scripted.surface import LOWEST_TIP, TABLE_HEIGHT, Grasp, Surface
from hamster_bench.envs.contract import WORKSPACE_LOWER, WORKSPACE_UPPER
from hamster_bench.errors import AgentError, AgentStopped
from hamster_bench.geometry import Camera, quat_xyzw_from_axis_angle, quat_xyzw_multiply
from hamster_bench.paths import Path2D, path_from_arrays

FloatArray = NDArray[np.float64]

# RLBench's protocol gives a policy 25 keyposes an episode.
MAX_KEYPOSES = 25

# Height [m] above a grasp or a release at which the gripper arrives and leaves; a hand's finger length.
_APPROACH = 0.1
# Height [m] of the tip above the table while pushing: below the middle of anything worth pushing.
_PUSH_HEIGHT = 0.02
# Room [m] between a carried object and what it passes over, and under it when it is let go.
_CARRY_CLEARANCE = 0.03
_RELEASE_CLEARANCE = 0.005
# What is larger than this [m] is not carried; it is furniture that turns or slides.
_LARGEST_CARRIED = 0.2
# Keyposes stay this far [m] inside the workspace.
_MARGIN = 0.002

_UP = np.array([0.0, 0.0, 1.0])
_TOWARDS_CAMERA = np.array([1.0, 0.0, 0.0])  # the front camera looks at the robot along -x, and down

_DOWN_XYZW = np.array([0.0, 1.0, 0.0, 0.0])


class PathLiftAgent:
    """Lifts the path to 3D on its first action, then executes it keypose by keypose with the gripper pointing down.

    * Where the path closes the gripper on something small that fits between the fingers, it grasps from above, carries it over
      everything in between, and lets go on the path's opening point: where the thing comes to rest, or centred on a small thing or a
      post below.
    * Where the path closes the gripper on the edge of something large, it holds the edge and follows the path in the upright plane
      that faces the camera.
    * Where the path closes the gripper on nothing it can hold, or never closes it, it pushes: closed fingers follow the path close to
      the table, or, when the contact lies higher, in that upright plane.
    """

    action_mode: ActionMode = "keypose"
    needs = AgentNeeds(cameras=("front",), path="points")

    def __init__(self) -> None:
        self._pending: list[FloatArray] | None = None
        self._ready = False

    def reset(self, context: EpisodeContext) -> None:
        """Forgets the last path."""
        self._pending, self._ready = None, True

    def act(self, observation: Mapping[str, Any]) -> FloatArray:
        """The next keypose (9,).

        Raises:
            AgentError: there was no reset before, or the observation has no path arrays.
            AgentStopped: ``no_path`` when there is no path, ``path_done`` when it has been executed.
        """
        if not self._ready:
            raise AgentError("path_lift must be reset before it acts")
        if self._pending is None:
            self._pending = self._lift(observation)
        if not self._pending:
            raise AgentStopped("path_done", "path_lift has executed the whole path")
        return self._pending.pop(0)

    def _lift(self, observation: Mapping[str, Any]) -> list[FloatArray]:
        if "path" not in observation:
            raise AgentError("path_lift needs the path in the observation; wrap the environment in PathPoints")
        path = path_from_arrays(observation["path"], observation["path_mask"])
        if path is None:
            raise AgentStopped("no_path", "path_lift has no path to follow")
        height, width = observation["front_depth"].shape
        camera = Camera(width, height, observation["front_intrinsics"], observation["front_extrinsics"])
        return lifted_keyposes(path, observation["front_depth"], camera)


def lifted_keyposes(path: Path2D, depth: NDArray[np.float32], camera: Camera) -> list[FloatArray]:
    """Keyposes (9,) that execute a path, at most 25.

    Args:
        path: in the image of ``camera``.
        depth: (H, W) [m], planar, of the same image.
        camera: the camera.
    """
    surface = Surface(depth, camera)
    uv = path.points * (camera.width, camera.height)  # (n, 2)
    closings = [int(i) for i in path.gripper_changes if not path.gripper_open[i]]
    openings = [int(i) for i in path.gripper_changes if path.gripper_open[i]]
    if not closings:
        # The first point is where the gripper is, not where it should work.
        return _pushed(surface, uv[min(1, len(uv) - 1) :])[:MAX_KEYPOSES]
    keyposes: list[FloatArray] = []
    for closing in closings:
        opening = next((i for i in openings if i > closing), None)
        span = uv[closing : len(path) if opening is None else opening + 1]
        keyposes += _handle(surface, span, lets_go=opening is not None)
    return keyposes[:MAX_KEYPOSES]


def _handle(surface: Surface, uv: FloatArray, lets_go: bool) -> list[FloatArray]:
    """Keyposes for one stretch of the path (n, 2) [pixel] on which the gripper is closed."""
    contact = surface.contact(uv[0])
    grasp = surface.grasp(uv[0]) if surface.is_object(contact) else None
    if grasp is None:
        return _pushed(surface, uv)
    thing = surface.thing(grasp.position[:2])
    if thing is not None and thing.extent > _LARGEST_CARRIED:
        return _swing(grasp, _met(surface, uv[1:], grasp.position, _TOWARDS_CAMERA), lets_go)
    return _carry(surface, uv, grasp, lets_go)


def _carry(surface: Surface, uv: FloatArray, grasp: Grasp, lets_go: bool) -> list[FloatArray]:
    """Takes a small thing up, over everything on the way, and down on what is below the end of the path."""
    held_depth = grasp.position[2] - TABLE_HEIGHT
    keyposes = _taken(grasp)
    goal = _release(surface, uv[-1], grasp, held_depth) if len(uv) > 1 else None
    if goal is None:
        return [*keyposes, _keypose(_raised(grasp.position, _APPROACH), grasp.yaw, 0.0, contact=True)]
    yaw = grasp.yaw
    peg = surface.peg(goal)
    if peg is not None:
        # What is set down on a post goes over its middle, its sides in line with the post's.
        goal = np.array([*peg.position[:2], surface.nearest_on_ray(uv[-1], peg.position[:2])[2]])
        yaw += (peg.yaw - yaw + 0.25 * np.pi) % (0.5 * np.pi) - 0.25 * np.pi
    passed = surface.highest_between(grasp.position[:2], goal[:2]) + held_depth + _CARRY_CLEARANCE
    lift = max(passed, goal[2] + _CARRY_CLEARANCE, grasp.position[2] + _APPROACH)
    keyposes.append(_keypose(np.array([*grasp.position[:2], lift]), grasp.yaw, 0.0, contact=True))
    keyposes.append(_keypose(np.array([*goal[:2], lift]), yaw, 0.0, contact=True))
    return keyposes + _released(goal, yaw) if lets_go else keyposes


def _release(surface: Surface, uv: FloatArray, grasp: Grasp, held_depth: float) -> FloatArray | None:
    """Where to let go (3,) on the ray of the path's opening point (2,) [pixel].

    Over the table and over large things that is where the held object comes to rest. Over a small thing it is where the middle of
    the held object is above the middle of that thing: one stacks things and puts them into one another centred.
    """
    held = surface.thing(grasp.position[:2])
    offset = np.zeros(2) if held is None else held.middle - grasp.position[:2]
    place = surface.resting_place(uv, held_depth + _RELEASE_CLEARANCE, offset)
    if place is None:
        return None
    for below in (surface.thing(place[:2]), surface.thing(place[:2] + offset)):
        if below is not None and below.extent <= _LARGEST_CARRIED:
            return surface.nearest_on_ray(uv, below.middle - offset)
    return place


def _swing(grasp: Grasp, track: list[FloatArray], lets_go: bool) -> list[FloatArray]:
    """Takes the edge of something large, which will hang on a hinge or slide, and moves it along the path."""
    keyposes = _taken(grasp) + [_keypose(place, grasp.yaw, 0.0, contact=True) for place in track]
    return keyposes + _released(track[-1], grasp.yaw) if lets_go and track else keyposes


def _pushed(surface: Surface, uv: FloatArray) -> list[FloatArray]:
    """Follows the path with closed fingers: near the table, or upright where it begins on something too large to hold."""
    contact = surface.contact(uv[0])
    if surface.is_object(contact):
        track = _met(surface, uv, contact, _TOWARDS_CAMERA)
    else:
        track = _met(surface, uv, np.array([0.0, 0.0, TABLE_HEIGHT + _PUSH_HEIGHT]), _UP)
    if not track:
        return []
    first, last = _raised(track[0], _APPROACH), _raised(track[-1], _APPROACH)
    pushing = [_keypose(place, 0.0, 0.0, contact=True) for place in track]
    return [_keypose(first, 0.0, 0.0), *pushing, _keypose(last, 0.0, 0.0, contact=True)]


def _taken(grasp: Grasp) -> list[FloatArray]:
    above = _raised(grasp.position, _APPROACH)
    return [_keypose(above, grasp.yaw, 1.0), _keypose(grasp.position, grasp.yaw, 0.0, contact=True)]


def _released(place: FloatArray, yaw: float) -> list[FloatArray]:
    return [_keypose(place, yaw, 1.0, contact=True), _keypose(_raised(place, _APPROACH), yaw, 1.0, contact=True)]


def _met(surface: Surface, uv: FloatArray, point: FloatArray, normal: FloatArray) -> list[FloatArray]:
    """Where the rays of a stretch of the path meet a plane, inside the workspace; rays that miss it are left out."""
    places = (surface.on_plane(pixel, point, normal) for pixel in uv)
    return [_in_workspace(place) for place in places if place is not None]


def _raised(position: FloatArray, by: float) -> FloatArray:
    raised: FloatArray = position + np.array([0.0, 0.0, by])
    return raised


def _in_workspace(position: FloatArray) -> FloatArray:
    lowest = np.maximum(WORKSPACE_LOWER + _MARGIN, (-np.inf, -np.inf, TABLE_HEIGHT + LOWEST_TIP))
    inside: FloatArray = np.clip(position, lowest, WORKSPACE_UPPER - _MARGIN)
    return inside


def _keypose(position: FloatArray, yaw: float, gripper_open: float, contact: bool = False) -> FloatArray:
    """A keypose (9,) pointing down; ``contact`` moves touch things on purpose, so they ignore collisions."""
    quat_xyzw = quat_xyzw_multiply(quat_xyzw_from_axis_angle((0.0, 0.0, 1.0), yaw), _DOWN_XYZW)
    keypose: FloatArray = np.concatenate([_in_workspace(position), quat_xyzw, [gripper_open, float(contact)]])
    return keypose
