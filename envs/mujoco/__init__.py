"""The embedded engine: physics, robot, planning and images on MuJoCo."""
