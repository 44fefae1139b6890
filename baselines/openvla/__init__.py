"""OpenVLA: one network from an image and an instruction to the change of the gripper's pose, as tokens of a language model."""
