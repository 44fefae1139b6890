"""The planner server over a real socket, with clients that exist: OpenAI's, and this project's own."""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from PIL import Image

from hamster_bench.errors import InvalidOptionError, PlannerError
from hamster_bench.paths import Path2D, parse_answer
from hamster_bench.planners import PlannerContext, Proposal, make_planner
from hamster_bench.serving import planner_server
from hamster_bench.serving.planner_server import PlannerServer
from tests.planners.misbehaving import serving

PATH = Path2D([(0.125, 0.3), (0.5, 0.75), (0.9, 0.1)], [True, False, True])
IMAGE = np.random.default_rng(0).integers(0, 255, (60, 100, 3), dtype=np.uint8)


class Fixed:
    """Answers always the same, or raises it, and remembers what it was asked."""

    privileged = False

    def __init__(self, answer: Any = PATH) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, str, PlannerContext]] = []
        self.at_once = 0
        self.most_at_once = 0

    def propose(self, image_rgb: Any, instruction: str, context: PlannerContext) -> Any:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.asked.append((image_rgb, instruction, context))
        time.sleep(0.01)
        self.at_once -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def running(answer: Any = PATH) -> Any:
    return serving(PlannerServer(Fixed(answer), "fixed", port=0))


def picture(image: Any = IMAGE, form: str = "PNG") -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, form)
    return f"data:image/{form.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def body(text: str = "<quest>stack</quest>", url: Any = None, **more: Any) -> dict[str, Any]:
    content = [{"type": "image_url", "image_url": {"url": picture() if url is None else url}}, {"type": "text", "text": text}]
    return {"model": "fixed", "messages": [{"role": "user", "content": content}]} | more


def post(server: PlannerServer, content: Any, path: str = "/chat/completions", **headers: str) -> tuple[int, dict[str, Any]]:
    return exchange(server, "POST", path, content if isinstance(content, bytes) else json.dumps(content), headers)


def get(server: PlannerServer, path: str) -> tuple[int, dict[str, Any]]:
    return exchange(server, "GET", path, None, {})


def exchange(
    server: PlannerServer, method: str, path: str, content: bytes | str | None, headers: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    with contextlib.closing(http.client.HTTPConnection(*server.server_address[:2], timeout=10)) as connection:
        connection.request(method, path, content, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAMSTER_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("below", ["", "/v1"])
def test_openais_own_client_is_answered(below: str) -> None:
    with running() as server:
        client = openai.OpenAI(api_key="none", base_url=f"{server.url}{below}", max_retries=0)
        request = body("In the image, do what is in <quest>stack the cups</quest>.", url=picture(form="JPEG"))
        completion = client.chat.completions.create(**request, max_tokens=128, extra_body={"num_beams": 1, "use_cache": False})
        assert {model.id for model in client.models.list()} == {"fixed", "HAMSTER_dev", "Hamster_dev"}
        client.close()
        ((_, instruction, context),) = server.planner.asked
    assert instruction == "stack the cups"
    assert context.scenario is None
    (part,) = completion.choices[0].message.content  # HAMSTER's server answers with a list of parts
    text = part["text"] if isinstance(part, dict) else part.text
    assert parse_answer(text).path == PATH
    assert completion.model == "fixed"


@pytest.mark.parametrize("model", ["HAMSTER_dev", "Hamster_dev", "fixed"])
def test_our_own_client_gets_the_path_the_planner_gave(model: str) -> None:
    with running() as server:
        planner = make_planner(f"hamster:url={server.url},model={model},format=png,retries=0,timeout=10")
        proposal = planner.propose(IMAGE, "stack the cups", PlannerContext.of_picture(IMAGE, "stack the cups"))
        ((image, instruction, _),) = server.planner.asked
    assert isinstance(proposal, Proposal)
    assert proposal.path == PATH
    assert instruction == "stack the cups"
    assert np.array_equal(image, IMAGE)


def test_proposals_and_single_points_are_answered_too() -> None:
    for answer, expected in ((Proposal(PATH, {"x": 1}), PATH), (Path2D([(0.5, 0.5)], [True]), Path2D([(0.5, 0.5)] * 2, [1, 1]))):
        with running(answer) as server:
            status, reply = post(server, body())
        assert status == 200
        assert parse_answer(reply["choices"][0]["message"]["content"][0]["text"]).path == expected


@pytest.mark.parametrize(
    ("answer", "said"),
    [(PlannerError("no model loaded"), "no model loaded"), (ValueError("oops"), "ValueError: oops"), (None, "has no path")],
)
def test_a_planner_that_fails_is_status_500_and_a_planner_error_at_the_client(answer: Any, said: str) -> None:
    with running(answer) as server:
        status, reply = post(server, body())
        assert status == 500
        assert said in reply["error"]
        planner = make_planner(f"hamster:url={server.url},retries=1,backoff=0.01,timeout=10")
        with pytest.raises(PlannerError, match="server_error") as caught:
            planner.propose(IMAGE, "stack the cups", PlannerContext.of_picture(IMAGE, "stack"))
        assert caught.value.record is not None
        assert said in caught.value.record["attempts"][0]["said"]


REFUSED: dict[str, tuple[Any, int, str]] = {
    "no JSON": (b"{", 400, "no JSON"),
    "deep JSON": (b"[" * 200_000, 400, "no JSON"),
    "a list": ([], 400, "JSON object"),
    "another model": (body(model="gpt"), 404, "available: fixed, HAMSTER_dev, Hamster_dev"),
    "no model": ({"messages": []}, 404, "no model"),
    "streaming": (body(stream=True), 400, "stream"),
    "no messages": ({"model": "fixed"}, 400, "messages"),
    "plain content": ({"model": "fixed", "messages": [{"role": "user", "content": "hello"}]}, 400, "parts"),
    "no image": (
        {"model": "fixed", "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
        400,
        "image_url",
    ),
    "an address": (body(url="http://127.0.0.1:1/x.png"), 400, "not followed"),
    "a file": (body(url="file:///etc/passwd"), 400, "not followed"),
    "no base64": (body(url="data:image/png;base64,%%%"), 400, "cannot be read"),
    "no picture": (body(url="data:image/png;base64,aGVsbG8="), 400, "cannot be read"),
    "half a picture": (body(url=picture()[:4000]), 400, "cannot be read"),
    "another format": (body(url=picture(form="GIF")), 400, "data:image"),
    "a disguise": (body(url=picture(form="GIF").replace("gif", "png")), 400, "cannot be read"),
    "a huge picture": (body(url=picture(np.zeros((1, 5000, 3), np.uint8))), 413, "4096"),
    "no instruction": (body("<quest> </quest>"), 400, "instruction"),
    "a long instruction": (body("x" * 5000), 400, "instruction"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_request_is_refused_with_the_reason(case: str) -> None:
    content, status, said = REFUSED[case]
    with running() as server:
        answered, reply = post(server, content)
        assert (answered, server.planner.asked) == (status, [])
        assert said in reply["error"]
        assert post(server, body())[0] == 200


def test_other_paths_and_methods() -> None:
    with running() as server:
        assert get(server, "/health") == (200, {"status": "ok", "models": ["fixed", "HAMSTER_dev", "Hamster_dev"]})
        assert get(server, "/v1/models/")[0] == 200
        assert get(server, "/chat/completions")[0] == 405
        assert get(server, "/etc/passwd")[0] == 404
        assert post(server, body(), "/completions")[0] == 404
        assert post(server, body(), "/v1/chat/completions?x=1")[0] == 200


def raw(server: PlannerServer, text: bytes) -> bytes:
    with socket.create_connection(server.server_address[:2], timeout=10) as connection:
        connection.sendall(text)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


def test_bodies_of_unknown_or_excessive_length_are_refused_unread() -> None:
    head = b"POST /chat/completions HTTP/1.1\r\nHost: x\r\n"
    with running() as server:
        for length, status in (
            (b"", b"411"),
            (b"Transfer-Encoding: chunked\r\n", b"411"),
            (b"Content-Length: -1\r\n", b"411"),
            (b"Content-Length: 17000000\r\n", b"413"),
            (b"Content-Length: " + b"9" * 5000 + b"\r\n", b"413"),
        ):
            assert raw(server, head + length + b"\r\n").startswith(b"HTTP/1.1 " + status)


def test_a_client_that_stops_sending_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner_server._Handler, "timeout", 0.2)
    with running() as server:
        assert raw(server, b"POST /chat/completions HTTP/1.1\r\nContent-Length: 100\r\n\r\n{") == b""
        assert raw(server, b"POST /chat") == b""
        assert post(server, body())[0] == 200


def test_more_connections_than_can_wait_are_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner_server, "_MOST_CONNECTIONS", 1)
    with running() as server:
        with socket.create_connection(server.server_address[:2], timeout=10) as idle:
            idle.sendall(b"POST")
            assert raw(server, b"") == b""
        # The place is free a moment after the idle client has gone.
        deadline, status = time.monotonic() + 10.0, 0
        while status != 200 and time.monotonic() < deadline:
            with contextlib.suppress(ConnectionError, http.client.HTTPException):
                status, _ = post(server, body())
        assert status == 200


def test_requests_at_once_are_answered_in_turn() -> None:
    statuses = []
    with running() as server:
        threads = [threading.Thread(target=lambda: statuses.append(post(server, body())[0])) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert server.planner.most_at_once == 1
    assert statuses == [200] * 12


def test_the_same_request_gets_the_same_draws() -> None:
    with running() as server:
        for text in ("a", "a", "b"):
            post(server, body(text))
        draws = [context.rng.random() for _, _, context in server.planner.asked]
    assert draws[0] == draws[1] != draws[2]


def test_planners_that_read_the_simulation_are_not_served() -> None:
    with pytest.raises(InvalidOptionError, match="'oracle' reads the running simulation"):
        PlannerServer(make_planner("oracle"), "oracle", port=0)


def test_a_port_in_use_is_said() -> None:
    with running() as server, pytest.raises(InvalidOptionError, match=r"cannot listen at 127\.0\.0\.1 port"):
        PlannerServer(Fixed(), "fixed", port=server.server_address[1])
    with pytest.raises(InvalidOptionError, match="cannot listen"):
        PlannerServer(Fixed(), "fixed", host="256.0.0.1", port=0)
    with pytest.raises(InvalidOptionError, match="cannot listen"):
        PlannerServer(Fixed(), "fixed", port=70000)
