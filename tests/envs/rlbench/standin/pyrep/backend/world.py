"""What is in the stand-in's scene, and how it moves."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from hamster_bench.envs.mujoco.kinematics import START_JOINTS, make_arm
from hamster_bench.geometry import pose_compose, pose_inverse

JOINT4 = 0.0689
arm = None
joints = np.zeros(7)
velocities = np.zeros(7)
targets = np.zeros(7)
fingers = 0.04
finger_velocity = 0.0
poses: dict[str, np.ndarray] = {}
parents: dict[str, str | None] = {}
kinds: dict[str, str] = {}
colors: dict[str, tuple[float, ...]] = {}
collidable: dict[str, bool] = {}
extensions: dict[str, str] = {}
paths: dict[str, np.ndarray] = {}
angles: dict[str, float] = {}
attached: str | None = None
holding: np.ndarray | None = None
steps = 0
render_modes: dict[str, object] = {}
explicit: set[str] = set()
FRONT = np.array([[0, -0.4226, -0.9063, 1.35], [-1, 0, 0, 0], [0, 0.9063, -0.4226, 1.58], [0, 0, 0, 1.0]])


def fault(place: str) -> None:
    """Does what the test has asked for, once, at the n-th time of a place."""
    file = os.environ.get("STANDIN_FAULT")
    if not file or not Path(file).exists():
        return
    plan = json.loads(Path(file).read_text())
    if plan["at"] != place:
        return
    plan["after"] -= 1
    Path(file).write_text(json.dumps(plan))
    if plan["after"] >= 0:
        return
    Path(file).unlink()
    if plan["kind"] == "crash":
        print("segmentation fault follows", flush=True)
        os.kill(os.getpid(), 11)
    if plan["kind"] == "exit":
        os._exit(7)
    if plan["kind"] == "hang":
        time.sleep(10**6)
    if plan["kind"] == "raise":
        raise RuntimeError("The call failed on the V-REP side. Return value: -1")
    if plan["kind"] == "flood":
        for _ in range(200):
            sys.stdout.write("noise " * 20000 + "\n")
        sys.stdout.flush()


def start() -> None:
    global arm, attached, steps, fingers
    arm = make_arm()
    poses.clear(), parents.clear(), kinds.clear(), paths.clear(), angles.clear(), colors.clear()
    render_modes.clear(), explicit.clear()
    attached, steps, fingers = None, 0, 0.04
    set_joints(START_JOINTS)
    for name in ("cam_front", "cam_over_shoulder_left", "cam_over_shoulder_right", "cam_overhead", "cam_wrist"):
        for suffix in ("", "_mask"):
            poses[name + suffix], kinds[name + suffix] = np.array([1.35, 0, 1.58, 0, 0, 0, 1.0]), "camera"
            parents[name + suffix] = None
    poses["diningTable_visible"], kinds["diningTable_visible"] = np.array([0.1, 0, 0.375, 0, 0, 0, 1.0]), "shape"
    parents["diningTable_visible"] = None
    colors["diningTable_visible"] = (0.6, 0.5, 0.3)


def set_joints(values) -> None:
    joints[:] = values
    targets[:] = values
    velocities[:] = 0.0


def tip_pose() -> np.ndarray:
    return arm.tip_pose(joints)


def pose(name: str) -> np.ndarray:
    return tip_pose() if name == "Panda_tip" else poses[name].copy()


def children(name: str) -> list[str]:
    found = []
    for child, parent in parents.items():
        if parent == name:
            found += [child, *children(child)]
    return found


def move(name: str, to: np.ndarray) -> None:
    change = pose_compose(to, pose_inverse(poses[name]))
    for moved in children(name):
        poses[moved] = pose_compose(change, poses[moved])
    poses[name] = np.array(to, dtype=float)


def add(name: str, kind: str, parent: str | None, at, extension: str = "") -> None:
    poses[name] = np.array(at, dtype=float) if parent is None else pose_compose(poses[parent], np.array(at, dtype=float))
    parents[name], kinds[name], extensions[name] = parent, kind, extension
    collidable[name], colors[name] = True, (0.5, 0.5, 0.5)


DOWN = (0.0, 1.0, 0.0, 0.0)


def load_task(name: str):
    from pyrep.objects.dummy import Dummy

    add(name, "dummy", None, (0.25, 0.0, 0.752, 0, 0, 0, 1))
    if name == "slide_block_to_target":
        add("block", "shape", name, (0.0, -0.1, 0.025, 0, 0, 0, 1))
        add("target", "shape", name, (0.0, 0.1, 0.0, 0, 0, 0, 1))
        add("waypoint0", "dummy", name, (0.0, -0.18, 0.03, *DOWN), "close_gripper(0.5)")
        add("waypoint1", "dummy", name, (0.0, 0.07, 0.03, *DOWN), "ignore_collisions")
    elif name == "close_box":
        add("box_base", "shape", name, (0.0, 0.1, 0.07, 0, 0, 0, 1))
        add("box_lid", "shape", name, (0.0, -0.1, 0.2, 0, 0, 0, 1))
        add("waypoint0", "dummy", name, (0.0, -0.2, 0.3, *DOWN))
        add("waypoint1", "dummy", name, (0.0, -0.15, 0.25, *DOWN), "close_gripper()")
        add("waypoint2", "path", name, (0, 0, 0, 0, 0, 0, 1), "ignore_collisions")
        paths["waypoint2"] = np.array([[0.0, -0.15 + 0.2 * t, 0.25 + 0.1 * np.sin(np.pi * t)] for t in np.linspace(0, 1, 21)])
        angles["box_lid"] = 2.36
    else:
        add("cube", "shape", name, (0.0, 0.0, 0.03, 0, 0, 0, 1))
        add("handle", "shape", name, (0.0, 0.0, 0.1, 0, 0, 0, 1))
        add("waypoint0", "dummy", name, (0.0, 0.0, 0.1, *DOWN), "linear")
    return Dummy(name)


def unload(name: str) -> None:
    for gone in (*children(name), name):
        for table in (poses, parents, kinds, collidable, colors, extensions, paths, angles):
            table.pop(gone, None)


def save() -> bytes:
    return json.dumps({"poses": {name: list(value) for name, value in poses.items()}, "angles": angles}).encode()


def restore(tree: bytes) -> None:
    held = json.loads(tree)
    for name, value in held["poses"].items():
        if name in poses and kinds[name] != "camera":
            poses[name] = np.array(value)
    angles.update({name: value for name, value in held["angles"].items() if name in angles})


def step() -> None:
    global steps, fingers
    steps += 1
    before = joints.copy()
    joints[:] = joints + np.clip(targets - joints, -0.11, 0.11)
    velocities[:] = (joints - before) / 0.05
    fingers = float(np.clip(fingers + finger_velocity * 0.05, 0.0, 0.04))
    tip = tip_pose()[:3]
    if "block" in poses:
        gap = poses["block"][:3] - tip
        if np.linalg.norm(gap[:2]) < 0.05 and abs(gap[2]) < 0.05:
            moved = poses["block"].copy()
            moved[:2] = tip[:2] + gap[:2] / max(np.linalg.norm(gap[:2]), 1e-6) * 0.05
            move("block", moved)
    if "box_lid" in angles and fingers < 0.01:
        end = pose_compose(poses["waypoint2"], np.array([*paths["waypoint2"][-1], 0, 0, 0, 1]))[:3]
        if np.linalg.norm(end - tip) < 0.02:
            angles["box_lid"] = -0.25


def touched() -> str | None:
    """What the arm touches: the handle, always, where there is one."""
    return "handle" if collidable.get("handle") else None


def objects():
    from pyrep.objects.object import Object

    return [Object.get_object(name) for name in list(poses)]


def fault_placement() -> bool:
    """Whether a try to place the task fails: so many tries as the file says, or all of them."""
    file = Path(os.environ.get("STANDIN_NO_PLACE") or "/nowhere")
    if not file.exists():
        return False
    left = file.read_text()
    if left == "0":
        return False
    if left:
        file.write_text(str(int(left) - 1))
    return True
