from rlbench.backend.exceptions import BoundaryError, TaskEnvironmentError, WaypointError


class TaskEnvironment:
    def __init__(self, pyrep, robot, scene, task, *rest):
        self._pyrep, self._robot, self._scene, self._task, self._variation_number = pyrep, robot, scene, task, 0
        self._scene.load(task)
        self._pyrep.start()

    def set_variation(self, v):
        if v >= self.variation_count():
            raise TaskEnvironmentError(f"Requested variation {v}, but there are only {self.variation_count()} variations.")
        self._variation_number = v

    def variation_count(self):
        return self._task.variation_count()

    def reset(self, demo=None):
        self._scene.reset()
        try:
            texts = self._scene.init_episode(self._variation_number, max_attempts=40, randomly_place=True)
        except (BoundaryError, WaypointError) as error:
            raise TaskEnvironmentError(f"Could not place the task {self._task.get_name()} in the scene.") from error
        return texts, self._scene.get_observation()
