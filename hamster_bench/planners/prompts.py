"""What vision-language models are asked."""

from __future__ import annotations

# The text HAMSTER's planner was trained on; its server answers well to this wording alone.
_HAMSTER = """
In the image, please execute the command described in <quest>{quest}</quest>.
Provide a sequence of points denoting the trajectory of a robot gripper to achieve the goal.
Format your answer as a list of tuples enclosed by <ans> and </ans> tags. For example:
<ans>[(0.25, 0.32), (0.32, 0.17), (0.13, 0.24), <action>Open Gripper</action>, (0.74, 0.21), <action>Close Gripper</action>, ...]</ans>
The tuple denotes point x and y location of the end effector in the image. The action tags indicate gripper actions.
Coordinates should be floats between 0 and 1, representing relative positions.
Remember to provide points between <ans> and </ans> tags and think step by step."""

# The zero-shot planner of RT-Trajectory as HAMSTER compared with it: keypoints, the grammar with an example, the present position.
_RT_TRAJECTORY = """You see what a robot arm with a two-finger gripper has in front of it. Its task: {quest}

Plan how the gripper should travel through this image to do the task. Give only the keypoints of its trajectory; a few well-placed \
ones are enough.
Write each keypoint as a tuple (x, y) of floats from 0 to 1: x is the position of the end effector as a fraction of the image's width \
from the left, y as a fraction of its height from the top.
Where the gripper has to grasp, write <action>Close Gripper</action> after the keypoint at which it closes; where it has to let go, \
write <action>Open Gripper</action> after the keypoint at which it opens.
{position}Put the whole list between <ans> and </ans>, like this:
<ans>[(0.42, 0.61), <action>Close Gripper</action>, (0.42, 0.35), (0.71, 0.58), <action>Open Gripper</action>]</ans>
Think about where the objects of the task are before you answer."""
_POSITION = (
    "The gripper is at ({x:.3f}, {y:.3f}) now. Start with the point it should go to next; do not repeat the present position.\n"
)


def hamster_prompt(instruction: str) -> str:
    """The text part of a request to HAMSTER's planner."""
    return _HAMSTER.replace("{quest}", instruction)


def rt_trajectory_prompt(instruction: str, gripper_xy: tuple[float, float] | None) -> str:
    """The text part of RT-Trajectory's zero-shot request, in words of our own.

    Args:
        instruction: the task in words.
        gripper_xy: where the gripper is in the image [fraction], or None when that is unknown or out of sight.
    """
    position = "" if gripper_xy is None else _POSITION.format(x=gripper_xy[0], y=gripper_xy[1])
    return _RT_TRAJECTORY.replace("{position}", position).replace("{quest}", instruction)
