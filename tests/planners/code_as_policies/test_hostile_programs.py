"""Programs from outside: what is not offered is refused, what is too much is stopped, each with its reason."""

from __future__ import annotations

import builtins
import socket
import subprocess
import time
import warnings

import numpy as np
import pytest

from hamster_bench.planners.code_as_policies.sandbox.limits import Limits, Reason, Stopped
from hamster_bench.planners.code_as_policies.sandbox.process import run_program
from hamster_bench.planners.code_as_policies.sandbox.worker import run

NUMPY = "import numpy as np\n"

FORBIDDEN = {
    "import os": "import os\nos.system('true')",
    "import sys": "import sys",
    "import subprocess": "from subprocess import run",
    "import socket": "import socket as numpy",
    "import submodule": "import numpy.ctypeslib",
    "import from submodule": "from numpy.lib import npyio",
    "import star": "from math import *",
    "import relative": "from . import worker",
    "import in a function": "def f():\n    import os\n    return os\nf()",
    "import builtins": "__import__('os')",
    "dunder attribute": "().__class__.__bases__[0].__subclasses__()",
    "dunder of a function": "def f(): pass\nf.__globals__",
    "dunder of a lambda": "(lambda: 0).__code__",
    "dunder of a builtin": "len.__self__",
    "dunder of a module": "import math\nmath.__loader__",
    "dunder in another alphabet": "().__\U0001d41class__",
    "private attribute": NUMPY + "np._core",
    "dunder name": "__builtins__",
    "dunder target": "__name__ = 1",
    "dunder in an f-string": "f'{().__class__}'",
    "dunder in nested f-string": "x = 1\nf'{x:{().__class__}}'",
    "dunder in a format specification": "x = 1\nf'{x:__class__}'",
    "format method": "'{0.__class__}'.format(1)",
    "format_map": "'{a.__class__}'.format_map({'a': 1})",
    "format function": "format(1, '0.2f')",
    "format method through a variable": "f = 'a{0.__class__}'.format\nf(1)",
    "getattr": "getattr((), '__class__')",
    "setattr": "setattr(1, 'a', 2)",
    "hasattr": "hasattr(1, 'a')",
    "vars": "vars()",
    "globals": "globals()['__builtins__']",
    "type": "type('A', (), {})",
    "object": "object()",
    "super": "super()",
    "eval": "eval('1')",
    "exec": "exec('1')",
    "compile": "compile('1', 'a', 'eval')",
    "open": "open('/etc/passwd')",
    "input": "input()",
    "breakpoint": "breakpoint()",
    "np.load": NUMPY + "np.load('/tmp/a.npy')",
    "np.save": NUMPY + "np.save('/tmp/a.npy', np.zeros(3))",
    "np.savetxt": NUMPY + "np.savetxt('/tmp/a', np.zeros(3))",
    "np.fromfile": NUMPY + "np.fromfile('/etc/passwd')",
    "np.genfromtxt": NUMPY + "np.genfromtxt('/etc/passwd')",
    "np.memmap": NUMPY + "np.memmap('/etc/passwd')",
    "np.ctypeslib": NUMPY + "np.ctypeslib.load_library('libc.so.6', '/')",
    "np.frompyfunc": NUMPY + "np.frompyfunc(len, 1, 1)",
    "np.vectorize": NUMPY + "np.vectorize(len)",
    "np.random": NUMPY + "np.random.rand()",
    "np.lib": NUMPY + "np.lib.format",
    "np.f2py": NUMPY + "np.f2py",
    "np.sys through a module": NUMPY + "np.core.multiarray.sys",
    "array tofile": NUMPY + "np.zeros(3).tofile('/tmp/a')",
    "array dump": NUMPY + "np.zeros(3).dump('/tmp/a')",
    "array ctypes": NUMPY + "np.zeros(3).ctypes",
    "array data": NUMPY + "np.zeros(3).data",
    "array base": NUMPY + "np.zeros(3).T.base",
    "array dtype": NUMPY + "np.zeros(3).dtype",
    "array resize": NUMPY + "np.zeros(3).resize(10**9)",
    "out argument": NUMPY + "np.sin(np.zeros(3), out=np.zeros(3))",
    "like argument": NUMPY + "np.array([1.0], like=1)",
    "linalg member": NUMPY + "np.linalg.linalg",
    "math member": "import math\nmath.factorial(10**6)",
    "generator": "def f():\n    yield 1\nf().gi_frame",
    "yield from": "def f():\n    yield from [1]",
    "generator expression frame": "(x for x in [1]).gi_frame",
    "try": "try:\n    1 / 0\nexcept Exception as e:\n    e.__traceback__.tb_frame",
    "with": "with open('/etc/passwd') as f:\n    pass",
    "class": "class A:\n    pass",
    "class with a metaclass": "class A(metaclass=len): pass",
    "decorator": "@print\ndef f(): pass",
    "async": "async def f(): pass",
    "await": "async def f():\n    await f()",
    "match": "match 1:\n    case int(): pass",
    "walrus": "(x := 1)",
    "set": "{1, 2}",
    "bytes": "b'abc'",
    "attribute target": "def f(): pass\nf.x = 1",
    "delete attribute": "def f(): pass\ndel f.x",
    "augmented attribute": "def f(): pass\nf.x += 1",
    "keyword arguments of a call": "print(**{'file': 1})",
    "keyword arguments of a def": "def f(**k): pass",
    "print to a file": "print('a', file=1)",
    "list dunder through a lambda": "(lambda f: f.__class__)(1)",
    "sort on attributes": "sorted([1], cmp=1)",
    "frame": "def f(): return f.f_back\nf()",
    "code": "def f(): return f.func_code\nf()",
}

TOO_MUCH = {
    "endless loop": (Reason.OPERATIONS, "while True:\n    pass"),
    "endless loop without a body": (Reason.OPERATIONS, "while 1: 1"),
    "list that grows while it is read": (Reason.SIZE, "x = [1]\nfor a in x: x.append(a)"),
    "list that turns while it is read": (Reason.OPERATIONS, "x = [1, 2]\ni = 0\nwhile x:\n    x.append(x.pop(0))"),
    "nested loops": (Reason.OPERATIONS, "for a in range(10**9):\n    for b in range(10**9):\n        c = a * b"),
    "range in C": (Reason.OPERATIONS, "x = sum(range(10**12))"),
    "any in C": (Reason.OPERATIONS, "all(range(1, 10**12))"),
    "recursion": (Reason.RECURSION, "def f(n):\n    return f(n + 1)\nf(0)"),
    "mutual recursion of lambdas": (Reason.RECURSION, "f = lambda n: g(n)\ng = lambda n: f(n)\nf(0)"),
    "the Y combinator": (Reason.RECURSION, "(lambda x: x(x))(lambda x: x(x))"),
    "recursion through sort": (Reason.RECURSION, "def f(x):\n    return sorted([1, 2], key=f)\nf(0)"),
    "recursion through map": (Reason.RECURSION, "def f(x):\n    return map(f, [x])\nf(0)"),
    "long function made again and again": (
        Reason.OPERATIONS,
        "while True:\n def f():\n" + "  x=1\n" * 1200,
    ),
    "function of many parameters": (
        Reason.OPERATIONS,
        f"def f({', '.join(f'a{i}=0' for i in range(1000))}): pass\nwhile True: f()",
    ),
    "long target of a comprehension": (Reason.OPERATIONS, f"while True: [0 for ({'a, ' * 1500}) in []]"),
    "long key": (Reason.PROGRAM_ERROR, "d = {}\nd.pop(('a' * 9999,) * 9999)"),
    "exponential recursion": (Reason.OPERATIONS, "def f(n):\n    return f(n - 1) + f(n - 1) if n else 1\nf(35)"),
    "list in itself, compared": (Reason.RECURSION, "x = [0]\nx.append(x)\ny = [0]\ny.append(y)\nx == y"),
    "list in itself, written": (Reason.RECURSION, "x = []\nx.append(x)\nstr(x)"),
    "list in itself, as an array": (Reason.PROGRAM_ERROR, NUMPY + "x = []\nx.append(x)\nnp.array(x)"),
    "lists of lists, compared": (Reason.OPERATIONS, "x = y = 1\nfor i in range(60):\n    x, y = [x, x], [y, y]\nx == y"),
    "lists of lists, written": (Reason.OPERATIONS, "x = 1\nfor i in range(60):\n    x = [x, x]\nf'{x}'"),
    "lists of lists, in an error": (Reason.PROGRAM_ERROR, "x = 1\nfor i in range(60):\n    x = (x, x)\n{}[x]"),
    "integer power": (Reason.SIZE, "10**10**8"),
    "integer power by pow": (Reason.SIZE, "pow(10, 10**8)"),
    "integer power in place": (Reason.SIZE, "x = 2\nwhile True:\n    x **= 2"),
    "integer shift": (Reason.SIZE, "1 << 10**12"),
    "integer product": (Reason.SIZE, "x = 3\nfor i in range(1000):\n    x = x * x"),
    "integer rounding": (Reason.PROGRAM_ERROR, "round(5, -10**9)"),
    "integer of a float": (Reason.SIZE, "int(1e300)"),
    "integer of a text": (Reason.PROGRAM_ERROR, "int('9' * 5000)"),
    "list repetition": (Reason.SIZE, "[0] * 10**12"),
    "list repetition in place": (Reason.SIZE, "x = [0]\nx *= 10**12"),
    "list doubling": (Reason.SIZE, "x = [0]\nfor i in range(60): x += x"),
    "list extending": (Reason.SIZE, "x = [0]\nfor i in range(60): x.extend(x)"),
    "list slice growing": (Reason.SIZE, "x = [0]\nfor i in range(60): x[0:0] = x"),
    "list of a range": (Reason.SIZE, "list(range(10**12))"),
    "starred range": (Reason.SIZE, "[*range(10**12)]"),
    "starred argument": (Reason.SIZE, "print(*range(10**12))"),
    "unpacked range": (Reason.SIZE, "a, *b = range(10**12)"),
    "sorted range": (Reason.SIZE, "sorted(range(10**12))"),
    "zip of ranges": (Reason.SIZE, "zip(range(10**12), range(10**12))"),
    "comprehension": (Reason.SIZE, "[a for a in range(10**9)]"),
    "dict comprehension": (Reason.SIZE, "{a: a for a in range(10**9)}"),
    "dict growing": (Reason.SIZE, "d = {}\nfor i in range(10**9): d[i] = i"),
    "text repetition": (Reason.SIZE, "'a' * 10**12"),
    "text doubling": (Reason.SIZE, "x = 'a'\nfor i in range(60): x = x + x"),
    "text joining": (Reason.SIZE, "('a' * 1000).join(['b' * 1000] * 100)"),
    "text width": (Reason.FORBIDDEN, "f'{1:>1000000000}'"),
    "text width computed": (Reason.FORBIDDEN, "w = 10**9\nf'{1:>{w}}'"),
    "text precision": (Reason.FORBIDDEN, "f'{1.0:.1000000000f}'"),
    "text by percent": (Reason.PROGRAM_ERROR, "'%1000000000d' % 1"),
    "np.zeros": (Reason.SIZE, NUMPY + "np.zeros(10**12)"),
    "np.zeros of a shape": (Reason.SIZE, NUMPY + "np.zeros((10**6, 10**6))"),
    "np.full": (Reason.SIZE, NUMPY + "np.full(10**12, 1.0)"),
    "np.linspace": (Reason.SIZE, NUMPY + "np.linspace(0, 1, 10**12)"),
    "np.linspace of arrays": (Reason.SIZE, NUMPY + "np.linspace(np.zeros(1000), 1, 1000)"),
    "np.arange": (Reason.SIZE, NUMPY + "np.arange(0, 1, 1e-15)"),
    "np.arange to infinity": (Reason.PROGRAM_ERROR, NUMPY + "np.arange(0, np.inf)"),
    "np.repeat": (Reason.SIZE, NUMPY + "np.repeat([1], 10**12)"),
    "np.tile": (Reason.SIZE, NUMPY + "np.tile([1], (10**6, 10**6))"),
    "np.outer": (Reason.SIZE, NUMPY + "np.outer(np.ones(9999), np.ones(9999))"),
    "broadcasting": (Reason.SIZE, NUMPY + "np.ones((9999, 1)) + np.ones((1, 9999))"),
    "broadcasting by a comparison": (Reason.SIZE, NUMPY + "np.ones((9999, 1)) < np.ones((1, 9999))"),
    "broadcasting by a function": (Reason.SIZE, NUMPY + "np.hypot(np.ones((9999, 1)), np.ones((1, 9999)))"),
    "matrix product": (Reason.OPERATIONS, NUMPY + "np.ones((9999, 1)) @ np.ones((1, 9999))"),
    "look-up by an array": (Reason.SIZE, NUMPY + "np.ones((1, 9999))[[0] * 9999]"),
    "look-up by arrays": (Reason.SIZE, NUMPY + "np.ones((2, 2, 2000))[[0] * 9999, [1] * 9999]"),
    "arrays one after another": (Reason.OPERATIONS, NUMPY + "x = []\nwhile True: x.append(np.zeros(9999))"),
    "array doubling": (Reason.SIZE, NUMPY + "x = np.zeros(1)\nwhile True: x = np.append(x, x)"),
    "stack of arrays": (Reason.SIZE, NUMPY + "x = np.zeros(5000)\nnp.stack([x] * 5000)"),
    "deep nesting": (Reason.SYNTAX, "(" * 7000 + ")" * 7000),
    "deep signs": (Reason.SYNTAX, "x = " + "-" * 9000 + "1"),
    "deep sum": (Reason.SIZE, "x = " + "+".join("1" * 300)),
    "deep attributes": (Reason.SIZE, "x" + ".a" * 300),
    "deep blocks": (Reason.SYNTAX, "\n".join(" " * i + "if 1:" for i in range(150))),
    "many statements": (Reason.SIZE, "x = 1\n" * 2500),
    "long integer": (Reason.SYNTAX, "x = " + "9" * 9000),
    "long hexadecimal integer": (Reason.FORBIDDEN, "x = 0x" + "f" * 9000),
    "null byte": (Reason.SYNTAX, "x = 1\x00"),
    "lone surrogate": (Reason.SYNTAX, "x = '\ud800'"),
    "long program": (Reason.CODE_LENGTH, "#" * 20_000),
}

WRONG_RESULT = {
    "none": (Reason.NO_POSES, "poses = []"),
    "only in a function": (Reason.NO_POSES, "def f():\n    robot_poses = [(0, 0, 1)]\nf()"),
    "empty": (Reason.BAD_POSES, "robot_poses = []"),
    "text": (Reason.BAD_POSES, "robot_poses = 'abc'"),
    "function": (Reason.BAD_POSES, "def robot_poses(): pass"),
    "pairs": (Reason.BAD_POSES, "robot_poses = [(0.1, 0.2)]"),
    "text in a pose": (Reason.BAD_POSES, "robot_poses = [(0.1, 0.2, 'open')]"),
    "half open": (Reason.BAD_POSES, "robot_poses = [(0.1, 0.2, 0.5)]"),
    "not a number": (Reason.BAD_POSES, "import math\nrobot_poses = [(math.nan, 0.2, 1)]"),
    "infinite": (Reason.BAD_POSES, "robot_poses = [(1e999, 0.2, 1)]"),
    "too many": (Reason.BAD_POSES, "robot_poses = [(0.1, 0.2, 1)] * 1001"),
    "itself": (Reason.BAD_POSES, "robot_poses = []\nrobot_poses.append(robot_poses)"),
    "flat array": (Reason.BAD_POSES, NUMPY + "robot_poses = np.zeros(3)"),
    "deep array": (Reason.BAD_POSES, NUMPY + "robot_poses = np.zeros((2, 3, 3))"),
    "division by zero": (Reason.PROGRAM_ERROR, "1 / 0"),
    "assertion": (Reason.PROGRAM_ERROR, "assert 1 > 2, 'too small'"),
    "raise": (Reason.PROGRAM_ERROR, "raise ValueError('no')"),
    "unknown name": (Reason.PROGRAM_ERROR, "robot_poses = [start]"),
    "no Python": (Reason.SYNTAX, "robot_poses = [(0.1, 0.2"),
    "return outside": (Reason.SYNTAX, "return 1"),
}


def reply_to(code: str) -> dict:
    """What the process would answer, worked out in this one."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run(code, Limits())


@pytest.fixture
def no_way_out(monkeypatch):
    """Anything that opens, connects or starts something fails the test."""

    def escaped(*_, **__):
        raise AssertionError("the program reached the outside")

    for module, name in ((builtins, "open"), (builtins, "eval"), (builtins, "exec"), (socket, "socket"), (subprocess, "Popen")):
        monkeypatch.setattr(module, name, escaped)


@pytest.mark.parametrize("code", FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_is_not_offered_is_refused(code, no_way_out):
    # Within a function and a branch as well as alone.
    nested = "def outer():\n" + "\n".join("    " + line for line in code.splitlines()) + "\nif 1:\n    outer()"
    replies = [reply_to(code), reply_to(nested)]
    assert replies[0]["reason"] == Reason.FORBIDDEN
    assert replies[0]["line"] >= 1
    assert replies[1]["reason"] in (Reason.FORBIDDEN, Reason.SYNTAX)


@pytest.mark.parametrize(("reason", "code"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_is_too_much_is_stopped(reason, code, no_way_out):
    started = time.process_time()
    reply = reply_to(code)
    assert reply["reason"] == reason, reply
    # A budget of operations is worth well under a second; 20 leaves room for the slowest machine.
    assert time.process_time() - started < 20.0


@pytest.mark.parametrize(("reason", "code"), WRONG_RESULT.values(), ids=WRONG_RESULT)
def test_what_is_no_result_is_refused(reason, code, no_way_out):
    assert reply_to(code)["reason"] == reason


def test_a_program_stops_at_the_same_operation_every_time():
    code = "x = 0\nwhile True:\n    x += 1"
    assert reply_to(code) == reply_to(code)


@pytest.mark.parametrize(
    ("code", "reason", "line"),
    [
        ("x = 1\nimport os\nos.system('touch /tmp/escaped')", Reason.FORBIDDEN, 2),
        ("x = 1\ny = x.__class__", Reason.FORBIDDEN, 2),
        ("while True:\n    pass", Reason.OPERATIONS, 2),
        ("def f(n):\n    return f(n + 1)\nf(0)", Reason.RECURSION, 2),
        ("x = [0]\nx = x * 10**12", Reason.SIZE, 2),
        (NUMPY + "x = np.zeros(10**12)", Reason.SIZE, 2),
        ("(" * 7000 + ")" * 7000, Reason.SYNTAX, None),
        ("x = " + "-" * 9000 + "1", Reason.SYNTAX, None),
        ("x = []\nx.append(x)\ny = []\ny.append(y)\nx == y", Reason.RECURSION, 5),
        ("robot_poses = [(0.1, 0.2, 2)]", Reason.BAD_POSES, None),
        ("x = 1\nx / 0", Reason.PROGRAM_ERROR, 2),
        ("#" * 20_000, Reason.CODE_LENGTH, None),
    ],
)
def test_the_process_reports_the_reason_and_the_line(code, reason, line):
    with pytest.raises(Stopped) as stopped:
        run_program(code)
    assert stopped.value.reason == reason
    assert line is None or stopped.value.line == line
    assert stopped.value.message


def test_the_budget_is_a_setting():
    code = "robot_poses = [(i / 100, 0.5, 1) for i in range(100)]"
    assert len(run_program(code).poses) == 100
    with pytest.raises(Stopped, match="more than 50 operations"):
        run_program(code, Limits(operations=50))
