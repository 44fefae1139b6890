import inspect

import numpy as np
from pyrep.backend import world
from rlbench.backend.scene import Scene
from rlbench.environment import Environment


class VariationsManager:
    """Draws what the configuration says; a camera moves away from where it is when the factor is made."""

    def __init__(self, factors):
        self._factors, self._made = factors, []

    def on_init_task(self):
        self._made = [(factor, np.random.default_rng(factor.seed)) for factor in self._factors if factor.enabled]
        self._cameras = {name: pose.copy() for name, pose in world.poses.items() if name.startswith("cam_")}

    def on_init_episode(self):
        for factor, rng in self._made:
            if factor.variation == "object_color":
                for name in factor.targets:
                    world.colors[name] = tuple(rng.uniform(size=3))
            elif factor.variation == "table_texture":
                world.colors["diningTable_visible"] = tuple(rng.uniform(size=3))
            elif factor.variation == "camera_pose":
                moved = self._cameras["cam_front"].copy()
                moved[:3] += rng.uniform(-0.1, 0.1, size=3)
                world.poses["cam_front"] = moved
            elif factor.variation == "distractor_object":
                np.random.uniform(size=17)
            else:
                raise AssertionError(factor.variation)


class SceneExt(Scene):
    def __init__(self, pyrep, robot, obs_config, factors):
        super().__init__(pyrep, robot, obs_config)
        self._var_manager = VariationsManager(factors)

    def init_episode(self, index, randomly_place=True, max_attempts=5, place_demo=False):
        if not self._has_init_task:
            self._var_manager.on_init_task()
        self._var_manager.on_init_episode()
        return super().init_episode(index, randomly_place, max_attempts, place_demo)


class EnvironmentExt(Environment):
    def __init__(
        self,
        action_mode,
        dataset_root="",
        obs_config=None,
        headless=False,
        static_positions=False,
        robot_setup="panda",
        randomize_every=None,
        use_variations=True,
        frequency=1,
        vis_random_config=None,
        dyn_random_config=None,
        attach_grasped_objects=True,
        shaped_rewards=False,
        path_task_ttms="",
        env_config=None,
    ):
        if len(inspect.signature(Environment.__init__).parameters) not in (12, 13):
            raise RuntimeError("Unexpected number of arguments in Environment.__init__")
        super().__init__(action_mode, dataset_root, obs_config, headless)
        assert path_task_ttms
        self._env_config = env_config

    def _make_scene(self):
        if "scene" not in self._env_config:
            raise AttributeError("'dict' object has no attribute 'scene'")
        return SceneExt(self._pyrep, self._robot, self._obs_config, self._env_config.scene.factors)
