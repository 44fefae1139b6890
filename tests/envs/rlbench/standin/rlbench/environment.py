from pyrep import PyRep

from rlbench.backend.robot import Arm, Gripper, Robot
from rlbench.backend.scene import Scene
from rlbench.task_environment import TaskEnvironment


class Environment:
    def __init__(
        self,
        action_mode,
        dataset_root="",
        obs_config=None,
        headless=False,
        static_positions=False,
        robot_setup="panda",
        randomize_every=None,
        frequency=1,
        visual_randomization_config=None,
        dynamics_randomization_config=None,
        attach_grasped_objects=True,
        shaped_rewards=False,
    ):
        self._action_mode, self._obs_config, self._headless = action_mode, obs_config, headless
        self._pyrep = self._scene = self._robot = None

    def launch(self):
        if self._pyrep is not None:
            raise RuntimeError("Already called launch!")
        assert self._headless
        self._pyrep = PyRep()
        self._pyrep.launch("task_design.ttt", headless=True)
        self._robot = Robot(Arm(), Gripper())
        self._scene = self._make_scene()
        self._action_mode.arm_action_mode.set_control_mode(self._robot)

    def _make_scene(self):
        return Scene(self._pyrep, self._robot, self._obs_config, "panda")

    def shutdown(self):
        if self._pyrep is not None:
            self._pyrep.shutdown()
        self._pyrep = None

    def get_task(self, task_class):
        if isinstance(task_class, str):
            raise TypeError("'str' object is not callable")
        if self._pyrep is None:
            self.launch()
        self._scene.unload()
        return TaskEnvironment(self._pyrep, self._robot, self._scene, task_class(self._pyrep, self._robot), self._action_mode)
