"""The planner as a whole: a scripted detector, a model behind a real socket, a real program."""

from __future__ import annotations

import http.server
import json
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamster_bench.errors import InvalidOptionError, PlannerError, UnknownNameError
from hamster_bench.paths.path import Path2D
from hamster_bench.planners import PathPlanner, PlannerContext, Proposal, make_planner
from hamster_bench.planners.chat import Connection
from hamster_bench.planners.code_as_policies.detection import Detection
from hamster_bench.planners.code_as_policies.planner import CodeAsPoliciesPlanner
from hamster_bench.planners.code_as_policies.program import NoPathError, find_program, poses_to_path
from hamster_bench.planners.code_as_policies.proposing import propose_by_code
from hamster_bench.planners.code_as_policies.sandbox.limits import Limits

IMAGE = np.zeros((96, 128, 3), np.uint8)
PROGRAM = """
# Above the lid, then close on it and fold it over.
lid = (0.2, 0.3, 0.4, 0.5)
x, y = (lid[0] + lid[2]) / 2, (lid[1] + lid[3]) / 2
robot_poses = [(x, y - 0.2, 1), (x, y, 0), (0.75, 0.5, 1)]
"""
PATH = Path2D([(0.3, 0.2), (0.3, 0.4), (0.75, 0.5)], [True, False, True])


class Scripted:
    """A detector that sees what it is told to."""

    def __init__(self, *seen: Detection) -> None:
        self.seen = seen
        self.asked: list[tuple[str, ...]] = []

    def detect(self, image_rgb, queries):
        self.asked.append(tuple(queries))
        return [detection for detection in self.seen if detection.label in queries]


LID = Detection("lid", 0.75, (0.2, 0.3, 0.4, 0.5))


def propose(answer, detector=None, **options) -> Proposal:
    return propose_by_code(
        IMAGE, "close the lid on the box", detector=detector or Scripted(LID), ask=lambda text: {"answer": answer}, **options
    )


def test_a_program_becomes_a_path_and_everything_is_recorded():
    asked = []

    def ask(text):
        asked.append(text)
        return {"answer": f"First the lid.\n<code>{PROGRAM}</code>", "model": "m", "cached": False}

    detector = Scripted(LID, Detection("lid", 0.5, (0.21, 0.3, 0.4, 0.5)))
    proposal = propose_by_code(IMAGE, "close the lid on the box", detector=detector, ask=ask)
    np.testing.assert_allclose(proposal.path.points, PATH.points)
    assert proposal.path.gripper_open.tolist() == [True, False, True]
    assert detector.asked == [("lid", "box")]
    assert "lid: (0.200, 0.300, 0.400, 0.500)" in asked[0]
    assert asked[0].count("- lid:") == 1
    record = dict(proposal.record)
    assert record.pop("operations") > 0
    assert record == {
        "planner": "code_as_policies",
        "queries": ["lid", "box"],
        "detections": [{"label": "lid", "score": 0.75, "box": [0.2, 0.3, 0.4, 0.5]}],
        "answer": f"First the lid.\n<code>{PROGRAM}</code>",
        "model": "m",
        "cached": False,
        "code": PROGRAM.strip("\n"),
        "repairs": [],
        "verdict": "path",
    }


@pytest.mark.parametrize(
    ("answer", "verdict", "line"),
    [
        ("I cannot help with that.", "no_code", None),
        ("<code></code>", "no_code", None),
        ("x" * 200_000, "answer_length", None),
        ("<code>import os\nos.remove('a')</code>", "forbidden", 1),
        ("<code>x = 1\nwhile True: x = 1</code>", "operations", 2),
        ("<code>robot_poses = [(0.5, 0.5, 1)]</code>", "too_few_points", None),
        ("<code>robot_poses = [(0.5, 0.5, 1), (5, 5, 0)]</code>", "out_of_range", None),
        ("<code>robot_poses = [(0.5, 0.5, 1), (0.4, 0.4, 3)]</code>", "bad_poses", None),
        ("<code>poses = [(0.5, 0.5, 1), (0.4, 0.4, 0)]</code>", "no_poses", None),
        ("<code>robot_poses = [(0.5, 0.5, 1), (0.4,", "syntax", 1),
    ],
)
def test_an_answer_without_a_path_is_a_planner_error_with_its_record(answer, verdict, line):
    with pytest.raises(PlannerError) as failed:
        propose(answer)
    record = failed.value.record
    assert record["verdict"] == f"answer_refused:{verdict}"
    assert record["line"] == line
    assert record["answer"] == answer
    assert record["message"]
    assert record["detections"]
    if "<code>" in answer:
        assert record["code"] in answer
    json.dumps(record, allow_nan=False)


def test_without_a_detection_nothing_is_asked():
    with pytest.raises(PlannerError, match="lid, box") as failed:
        propose_by_code(IMAGE, "close the lid on the box", detector=Scripted(), ask=lambda text: pytest.fail("was asked"))
    assert failed.value.record["verdict"] == "nothing_detected"


def test_no_answer_keeps_the_record_of_both():
    def ask(text):
        raise PlannerError("no connection", {"verdict": "no_connection", "answer": None})

    with pytest.raises(PlannerError, match="no connection") as failed:
        propose_by_code(IMAGE, "close the lid", detector=Scripted(LID), ask=ask)
    assert failed.value.record["verdict"] == "no_connection"
    assert failed.value.record["queries"] == ["lid"]


def test_limits_are_a_setting():
    assert propose(f"<code>{PROGRAM}</code>").path is not None
    with pytest.raises(PlannerError, match="operations"):
        propose(f"<code>{PROGRAM}</code>", limits=Limits(operations=5))


@pytest.mark.parametrize(
    ("answer", "code", "repairs"),
    [
        ("<code>a = 1</code>", "a = 1", ()),
        ("<CODE>\na = 1\n</Code> b", "a = 1", ()),
        ("I put it between <code> and </code>:\n<code>\na = 1\n</code>", "a = 1", ()),
        ("<code>\n```python\na = 1\n```\n</code>", "a = 1", ()),
        ("<code>\na = 1\nb = 2", "a = 1\nb = 2", ("unclosed_code",)),
        ("Here:\n```python\na = 1\n```\nDone.", "a = 1", ("no_code_tag",)),
        ("```\na\n```\nand\n```py\nb\n```", "b", ("no_code_tag",)),
        ("\u0130<code>a</code>", "a", ()),
    ],
)
def test_the_program_is_found_in_the_answer(answer, code, repairs):
    program = find_program(answer)
    assert (program.code, program.repairs) == (code, repairs)


@given(st.lists(st.sampled_from(["<code>", "</code>", "```", "```python\n", "a = 1\n", " ", "<", "\x00", "é"]), max_size=20))
def test_any_answer_holds_a_program_or_none(parts):
    try:
        code = find_program("".join(parts)).code
    except NoPathError as error:
        reason = error.reason
    else:
        reason = None
        assert code.strip()
    assert reason in (None, "no_code")


def test_poses_a_little_outside_are_moved_to_the_border():
    path, repairs = poses_to_path(((-0.1, 0.5, True), (0.5, 1.05, False)))
    assert path == Path2D([(0.0, 0.5), (0.5, 1.0)], [True, False])
    assert repairs == ("clipped",)
    with pytest.raises(NoPathError, match="pose 1"):
        poses_to_path(((0.1, 0.5, True), (0.5, 1.11, False)))


@pytest.fixture
def server():
    """An OpenAI-style endpoint that answers one program and keeps what it was sent."""
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": f"<code>{PROGRAM}</code>"}}
            usage = {"prompt_tokens": 300, "completion_tokens": 90, "total_tokens": 390}
            body = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
            sent = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/v1", requests
        running.shutdown()
        thread.join()


def planner_or_skip(text):
    for package in ("openai", "torch", "transformers", "scipy"):
        pytest.importorskip(package, reason=f"the planner needs {package}")
    return make_planner(text)


def test_by_name_over_a_socket(server, monkeypatch, tmp_path):
    url, requests = server
    planner = planner_or_skip(f"code_as_policies:model=m,url={url},key_env=,cache=no,detector={tmp_path},per_query=2")
    assert isinstance(planner, PathPlanner)
    assert not planner.privileged
    monkeypatch.setattr(planner, "_detector", Scripted(LID))
    context = PlannerContext(scenario=None, rng=np.random.default_rng(0))
    proposal = planner.propose(IMAGE, "close the lid on the box", context)
    np.testing.assert_allclose(proposal.path.points, PATH.points)
    assert proposal.record["prompt_tokens"] == 300
    assert proposal.record["answer_tokens"] == 90
    assert not proposal.record["cached"]
    [request] = requests
    assert request["model"] == "m"
    assert request["max_tokens"] == 1024
    [message] = request["messages"]
    assert [part["type"] for part in message["content"]] == ["text"]
    assert "lid: (0.200" in message["content"][0]["text"]


def test_options_are_tested_when_the_planner_is_made():
    with pytest.raises(InvalidOptionError, match="model"):
        planner_or_skip("code_as_policies")
    with pytest.raises(UnknownNameError, match="threshold"):
        planner_or_skip("code_as_policies:model=m,treshold=0.1")
    with pytest.raises(InvalidOptionError, match="per_query"):
        planner_or_skip("code_as_policies:model=m,key_env=,per_query=0")
    with pytest.raises(InvalidOptionError, match="threshold"):
        CodeAsPoliciesPlanner(model="m", connection=Connection(url="http://127.0.0.1:1"), threshold=2.0)
