"""Programs of the kind the prompt asks for: the same poses as Python itself gives."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from hamster_bench.planners.code_as_policies.sandbox.limits import Limits, Reason
from hamster_bench.planners.code_as_policies.sandbox.process import run_program
from hamster_bench.planners.code_as_policies.sandbox.worker import run

PROGRAMS = {
    "append loop": """
import numpy as np

# The cup and where it goes.
cup = (0.312, 0.440, 0.520, 0.711)
target = {"x": 0.8, "y": 0.25}
robot_poses = []

# Step 1: above the cup, open.
x, y = (cup[0] + cup[2]) / 2, cup[1] - 0.05
robot_poses.append((x, y, 1))
# Step 2: down and grasp.
robot_poses.append((x, (cup[1] + cup[3]) / 2, 0))
# Step 3: carry it in a straight line.
for t in np.linspace(0.25, 1.0, 4):
    robot_poses.append((float(x + t * (target["x"] - x)), y + t * (target["y"] - y), 0))
# Step 4: let go.
robot_poses.append((target["x"], target["y"], 1))
print(f"{len(robot_poses)} poses, the last at {robot_poses[-1][0]:.2f}", sep="")
""",
    "arc with helpers": """
import math
from typing import List, Tuple

def center(box: Tuple[float, ...]) -> Tuple[float, float]:
    '''Middle of a box.'''
    left, top, right, bottom = box
    return (left + right) / 2, (top + bottom) / 2

def arc(cx, cy, radius, start, end, *, steps=6, gripper=0) -> List[tuple]:
    points = []
    for i in range(steps):
        angle = start + (end - start) * i / (steps - 1)
        points.append((cx + radius * math.cos(angle), cy - radius * math.sin(angle), gripper))
    return points

def main():
    global robot_poses
    hinge = center((0.4, 0.5, 0.6, 0.7))
    poses = [(hinge[0] + 0.2, hinge[1], 1)]
    poses += arc(*hinge, 0.2, 0.0, math.pi * 0.9, gripper=0)
    poses.extend([(poses[-1][0], max(0.0, poses[-1][1] - 0.1), 1)])
    robot_poses = poses

robot_poses: List[Tuple[float, float, int]] = []
if __name__ == "__main__":
    main()
""",
    "arrays": """
import numpy as np
a, b = np.array([0.2, 0.3]), np.array([0.8, 0.6])
path = a + np.linspace(0, 1, 6)[:, None] * (b - a)
path[:, 1] -= 0.1 * np.sin(np.linspace(0, np.pi, len(path)))
gripper = np.where(np.arange(6) < 2, 1, 0)
gripper[-1] = 1
robot_poses = np.column_stack((np.clip(path, 0.0, 1.0), gripper)).tolist()
robot_poses = [(p[0], p[1], int(p[2])) for p in robot_poses]
""",
    "while and wiggle": """
import numpy as np
robot_poses, x, side = [(0.2, 0.5, 1)], 0.2, 1
while x < 0.8:
    x += 0.1
    if side > 0:
        y = 0.45
    elif side == 0:
        continue
    else:
        y = 0.55
    side = -side
    robot_poses.append((min(x, 0.8), y, 0))
    if len(robot_poses) > 20: break
else:
    robot_poses.append((0.8, 0.5, 1))
""",
    "comprehensions and sorting": """
boxes = {"lid": (0.5, 0.3, 0.7, 0.5), "box": (0.4, 0.6, 0.6, 0.8), "mug": (0.1, 0.1, 0.2, 0.2)}
centers = {name: ((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for name, b in boxes.items() if name != "mug"}
order = sorted(centers, key=lambda name: centers[name][1], reverse=True)
robot_poses = [(x, y, 1 if i == 0 else 0) for i, (x, y) in enumerate(centers[name] for name in order)]
first, *rest = robot_poses
robot_poses = [first, *rest, (rest[-1][0], rest[-1][1] / 2, True)]
""",
    "closures and recursion": """
def halving(n):
    return [] if n == 0 else [0.5 ** n] + halving(n - 1)

def mover(gripper):
    count = 0
    def move(x, y=0.5):
        nonlocal count
        count += 1
        return (x, y, gripper if count > 1 else 1)
    return move

move = mover(0)
robot_poses = list(map(move, halving(4)))
robot_poses[1:2] = [(0.3, 0.3, 0), (0.31, 0.3, 0)]
del robot_poses[0]
robot_poses = tuple(robot_poses)
""",
}


def in_this_process(code: str) -> dict:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run(code, Limits())


@pytest.mark.parametrize("code", PROGRAMS.values(), ids=PROGRAMS)
def test_programs_give_what_python_gives(code):
    # Our own programs, so Python may run them.
    python = subprocess.run(
        [sys.executable, "-I", "-"],
        input=code + "\nprint([[float(v) for v in pose] for pose in robot_poses])",
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [[float(v) for v in row.split(",")] for row in python.stdout.splitlines()[-1].strip("[]").split("], [")]
    poses = [[x, y, float(gripper)] for x, y, gripper in run_program(code).poses]
    np.testing.assert_allclose(poses, expected, rtol=0.0, atol=1e-15)
    assert len(poses) > 2


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7 // 2 + -7 % 3 + 2 ** -1", 7 // 2 + -7 % 3 + 2**-1),
        ("1 < 2 < 3 and not 3 < 2", True),
        ("0 or 0.25", 0.25),
        ("(1, 2) < (1, 3)", True),
        ("[1, 2] <= [1, 2] and not [2] < [1, 5]", True),
        ("float('nan') >= 1 or float('nan') < 1", False),
        ("3 in [1, 2, 3] and 'b' in 'abc' and 'k' in {'k': 1}", True),
        ("round(2.675, 2)", 2.67),
        ("sum([0.1] * 3)", sum([0.1] * 3)),
        ("max([3, 1], key=lambda v: -v)", 1),
        ("min(0.3, 0.2)", 0.2),
        ("len('abc'[::-1]) + len(range(0, 10, 3))", 7),
        ("np.linalg.norm([0.3, 0.4])", 0.5),
        ("np.linalg.norm(np.array([[3.0, 4.0], [6.0, 8.0]]), axis=1)[1]", 10.0),
        ("np.mean([[1, 2], [3, 4]], axis=0)[1]", 3.0),
        ("np.array([1, 2, 3])[np.array([True, False, True])].sum()", 4),
        ("np.array([0.1, 0.9]).reshape(-1, 1).shape[0]", 2),
        ("np.array([[1, 2], [3, 4]]).T[0, 1]", 3),
        ("np.interp(0.5, [0, 1], [2, 4])", 3.0),
        ("np.hypot(3, 4)", 5.0),
        ("np.vstack([[1, 2], [3, 4]])[1, 0]", 3),
        ("(np.array([1.0, 2.0]) @ np.array([3.0, 4.0]))", 11.0),
        ("np.arange(0.0, 1.0, 0.25)[-1]", 0.75),
        ("np.round(np.array([0.126]), 2)[0]", 0.13),
        ("np.deg2rad(180) - np.pi", 0.0),
        ("math.hypot(3, 4) + math.dist((0, 0), (3, 4))", 10.0),
        ("math.atan2(1, 1) * 4 - math.pi", 0.0),
        ("int('7') + int(2.9) + float('0.5')", 9.5),
        ("[a * b for a in (1, 2) for b in (3, 4) if a != b][-1]", 8),
        ("(lambda a, *b, c=3: a + len(b) + c)(1, 2, 2)", 6),
        ("{**{}} if False else 1", None),
        ("dict(a=1, b=2)['b'] + {'x': 5}.get('y', 4)", 6),
        ("[p for p in zip('ab', [1, 2])][1][1]", 2),
        ("'a,b'.split(',')[1].upper() == 'B'", True),
        ("len(f'{0.5:>8.2f}{True!r}')", 12),
        ("1 if np.allclose([0.1 + 0.2], 0.3) else 0", 1),
    ],
)
def test_expressions_mean_what_python_says(expression, value):
    reply = in_this_process(f"import math\nimport numpy as np\nrobot_poses = [({expression}, 0, 1)]")
    if value is None:
        assert reply["reason"] == Reason.FORBIDDEN
    else:
        assert reply["poses"] == [[float(value), 0.0, 1.0]]


def test_lists_and_arrays_are_shared_and_changed_in_place_as_in_python():
    reply = in_this_process(
        "import numpy as np\n"
        "a = b = [1]\na += [2]\nc = np.zeros(2)\nd = c\nd += 1\nc[0] = 5\n"
        "e = np.arange(4.0)\ne[1:3] *= 2\n"
        "robot_poses = [(len(b), d[0] + c[1], 1), (e[2], e[3], 0)]"
    )
    assert reply["poses"] == [[2.0, 6.0, 1.0], [4.0, 3.0, 0.0]]


# Names, constants and constructs of which hostile programs are made, strewn over programs that work.
PIECES = st.sampled_from(
    [
        *"()[]{},.:=+-*/%@<>!~'\"\\#\n\t ",
        *(
            "__class__",
            ".__class__",
            "__import__('os')",
            "getattr",
            "eval",
            "exec",
            "open",
            "lambda x: x(x)",
            "import os",
            "10**10",
        ),
        *(
            "**",
            "while True:",
            "def f():",
            "yield",
            "try:",
            "class A:",
            "@f",
            "np.load",
            ".tofile",
            "f'{",
            "'a'*10**9",
            "[0]*10**9",
        ),
        *(
            "np.zeros(10**10)",
            "range(10**12)",
            "robot_poses",
            "None",
            "0x" + "f" * 40,
            "1e999",
            "\x00",
            "é",
            "\U0001f600",
            "...",
            "*_",
        ),
    ]
)


@st.composite
def mutated(draw):
    code = draw(st.sampled_from(list(PROGRAMS.values())))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(code)))
        end = min(len(code), start + draw(st.integers(0, 20)))
        code = code[:start] + "".join(draw(st.lists(PIECES, max_size=3))) + code[end:]
    return code


@settings(max_examples=250)
@given(mutated())
def test_a_mutated_program_ends_in_poses_or_a_reason(code):
    reply = in_this_process(code)
    if "poses" in reply:
        assert all(math.isfinite(v) for pose in reply["poses"] for v in pose)
        assert all(pose[2] in (0.0, 1.0) for pose in reply["poses"])
    else:
        assert Reason(reply["reason"]) in set(Reason)
        assert len(reply["message"]) <= 400
    # One charge may pass the budget by the longest collection there can be.
    assert reply["operations"] <= Limits().operations + 10 * Limits().length


@settings(max_examples=100)
@given(st.text(max_size=200))
def test_any_text_ends_in_a_reason(code):
    assert Reason(in_this_process(code)["reason"]) in set(Reason)
