"""What the model is told: RT-Trajectory's second form, by code, in words of our own.

Gu et al.: RT-Trajectory (2023), https://arxiv.org/abs/2311.01977, after Liang et al.: Code as Policies (2022),
https://arxiv.org/abs/2209.07753.
"""

from __future__ import annotations

from collections.abc import Sequence

from hamster_bench.planners.code_as_policies.detection import Detection

_PROMPT = """\
Write a short Python program that says how a robot arm should move to do a task.

The task: {instruction}

The scene, as an object detector sees it. Each line is an object and its bounding box (left, top, right, bottom):
{scene}

How the arm is commanded:
- It goes through a list of 2D poses (x, y, gripper), one after the other.
- The workspace is the unit square centred at (0.5, 0.5). x grows to the right, y grows downwards; bounding boxes are in the same \
coordinates.
- The gripper can only be open or closed: gripper is 1 where it is open and 0 where it is closed. It holds an object by closing on it \
and lets go of it by opening.

The program:
- stands between <code> and </code>, and nothing else does;
- has a comment for each step that says what the step is for;
- may use numpy or the standard library, of which it will hardly need more than math; it reads no files and defines no classes;
- is self-contained: whatever it calls it defines or imports itself;
- leaves a variable robot_poses, a list of (x, y, gripper) tuples."""


def code_prompt(instruction: str, detections: Sequence[Detection]) -> str:
    """The whole text of a request.

    Args:
        instruction: the task in words.
        detections: the scene.
    """
    scene = "\n".join(f"- {detection.label}: ({', '.join(f'{edge:.3f}' for edge in detection.box)})" for detection in detections)
    return _PROMPT.replace("{scene}", scene).replace("{instruction}", instruction)
