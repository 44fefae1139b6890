from pyrep.const import RenderMode


class CameraConfig:
    def __init__(self):
        self.rgb = self.depth = self.point_cloud = self.mask = True
        self.image_size = (128, 128)
        self.render_mode = RenderMode.OPENGL3
        self.masks_as_one_channel, self.depth_in_meters = True, False

    def set_all(self, value):
        self.rgb = self.depth = self.point_cloud = self.mask = value


class ObservationConfig:
    def __init__(self):
        for name in ("left_shoulder", "right_shoulder", "overhead", "wrist", "front"):
            setattr(self, f"{name}_camera", CameraConfig())
        self.set_all_low_dim(True)

    def set_all_low_dim(self, value):
        for name in ("joint_velocities", "joint_positions", "joint_forces", "gripper_open", "gripper_pose", "task_low_dim_state"):
            setattr(self, name, value)
