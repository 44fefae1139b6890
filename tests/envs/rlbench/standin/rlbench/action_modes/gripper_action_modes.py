class Discrete:
    def __init__(self, attach_grasped_objects=True, detach_before_open=True):
        self._attach = attach_grasped_objects

    def action(self, scene, action):
        assert action.shape == (1,)
        is_open = 1.0 if all(x > 0.9 for x in scene.robot.gripper.get_open_amount()) else 0.0
        wanted = float(action[0] > 0.5)
        if is_open != wanted:
            if wanted == 0.0 and self._attach:
                for thing in scene.task.get_graspable_objects():
                    scene.robot.gripper.grasp(thing)
            else:
                scene.robot.gripper.release()
            done = False
            while not done:
                done = scene.robot.gripper.actuate(wanted, velocity=0.2)
                scene.pyrep.step()
                scene.task.step()
