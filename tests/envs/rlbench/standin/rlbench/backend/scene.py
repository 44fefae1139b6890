from __future__ import annotations

import numpy as np
from pyrep.backend import world
from pyrep.objects.vision_sensor import VisionSensor

from rlbench.backend.exceptions import BoundaryError, WaypointError
from rlbench.backend.observation import Observation

_CAMERAS = {
    "left_shoulder": "cam_over_shoulder_left",
    "right_shoulder": "cam_over_shoulder_right",
    "overhead": "cam_overhead",
    "wrist": "cam_wrist",
    "front": "cam_front",
}


class Scene:
    def __init__(self, pyrep, robot, obs_config, robot_setup="panda"):
        self.pyrep, self.robot, self._obs_config, self.task = pyrep, robot, obs_config, None
        self._start = robot.arm.get_joint_positions()
        self._has_init_task = False
        self._sensors = {}
        for name, sensor in _CAMERAS.items():
            config = getattr(obs_config, f"{name}_camera")
            if not (config.rgb or config.depth or config.point_cloud):
                VisionSensor(sensor).remove()
                continue
            self._sensors[name] = VisionSensor(sensor)
            self._sensors[name].set_explicit_handling(1)
            self._sensors[name].set_resolution(config.image_size)
            self._sensors[name].set_render_mode(config.render_mode)

    def load(self, task):
        self.pyrep.import_model(f"{task.name}.ttm")
        self._initial_task_state = task.get_state()
        self.task, self._has_init_task = task, False

    def unload(self):
        if self.task is not None:
            self.robot.gripper.release()
            if self._has_init_task:
                self.task.cleanup_()
            self.task.unload()
        self.task = None

    def init_task(self):
        self.task.init_task()
        self._initial_task_state = self.task.get_state()
        self._has_init_task = True

    def reset(self):
        self.robot.gripper.release()
        self.robot.gripper.set_joint_positions([0.04, 0.04])
        self.robot.gripper.set_joint_target_velocities([0.0, 0.0])
        self.robot.arm.set_joint_positions(self._start, disable_dynamics=True)
        if self.task is not None and self._has_init_task:
            self.task.cleanup_()
            self.task.restore_state(self._initial_task_state)

    def init_episode(self, index, randomly_place=True, max_attempts=5, place_demo=False):
        if not self._has_init_task:
            self.init_task()
        self._attempts = 0
        while self._attempts < max_attempts:
            texts = self.task.init_episode(index)
            try:
                if randomly_place:
                    base = self.task.get_base()
                    place = np.random.uniform([0.2, -0.1], [0.35, 0.1])
                    base.set_position([*place, 0.752])
                    if world.fault_placement():
                        raise BoundaryError
                self.task.validate()
                break
            except (BoundaryError, WaypointError):
                self.task.cleanup_()
                self.task.restore_state(self._initial_task_state)
                self._attempts += 1
                if self._attempts >= max_attempts:
                    raise
        for _ in range(10):
            self.pyrep.step()
        return texts

    def step(self):
        self.pyrep.step()
        self.task.step()

    def check_target_in_workspace(self, target):
        x, y, z = target
        return -0.275 < x < 0.775 and -0.655 < y < 0.655 and 0.752 < z < 1.752

    def get_observation(self):
        config, fields, misc = self._obs_config, {}, {}
        for name, sensor in self._sensors.items():
            camera = getattr(config, f"{name}_camera")
            if camera.rgb or camera.depth:
                sensor.handle_explicitly()
            fields[f"{name}_rgb"] = (sensor.capture_rgb() * 255).astype(np.uint8) if camera.rgb else None
            fields[f"{name}_depth"] = sensor.capture_depth(camera.depth_in_meters) if camera.depth else None
            fields[f"{name}_mask"] = (
                np.full((camera.image_size[1], camera.image_size[0]), 3.0, np.float32) if camera.mask else None
            )
            misc[f"{name}_camera_extrinsics"] = sensor.get_matrix()
            misc[f"{name}_camera_intrinsics"] = sensor.get_intrinsic_matrix()
            misc[f"{name}_camera_near"] = sensor.get_near_clipping_plane()
            misc[f"{name}_camera_far"] = sensor.get_far_clipping_plane()
        return Observation(
            joint_positions=np.array(self.robot.arm.get_joint_positions()) if config.joint_positions else None,
            joint_velocities=np.array(self.robot.arm.get_joint_velocities()) if config.joint_velocities else None,
            gripper_open=(1.0 if self.robot.gripper.get_open_amount()[0] > 0.9 else 0.0) if config.gripper_open else None,
            gripper_pose=np.array(self.robot.arm.get_tip().get_pose()) if config.gripper_pose else None,
            misc=misc,
            **fields,
        )
