class EndEffectorPoseViaPlanning:
    def __init__(self, absolute_mode=True, frame="world", collision_checking=False):
        pass

    def set_control_mode(self, robot):
        robot.arm.set_control_loop_enabled(True)
