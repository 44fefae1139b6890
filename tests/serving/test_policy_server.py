"""The policy server over real sockets."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from websockets.sync.client import connect

from hamster_bench.client import (
    CONVENTIONS,
    METADATA_KEY,
    AccessRefusedError,
    ConventionError,
    Declaration,
    Episode,
    MessageError,
    PolicyClient,
    PolicyError,
    PolicyFaultError,
    PolicyServer,
    PolicyStopped,
    ServerSettings,
    ServerTimeoutError,
    ServerUnreachableError,
)
from hamster_bench.client.codec import pack, unpack
from hamster_bench.client.server import serve_until_interrupted

DECLARATION = Declaration("counter", "delta_pose", ("front",), (8, 8), fingerprint="f1")
IMAGE = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)


class Counter:
    """Answers how often it has been asked in this episode, and what it saw."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1

    def reset(self, episode: Episode) -> None:
        if episode.instruction == "break":
            raise ValueError("cannot begin")
        self.count, self.episode = 0, episode

    def act(self, observation: Mapping[str, Any]) -> Any:
        self.count += 1
        if observation.get("say") == "stop":
            raise PolicyStopped("done", "nothing left")
        if observation.get("say") == "break":
            raise ValueError("cannot act")
        if observation.get("say") == "exit":
            raise SystemExit(1)
        return np.array([self.count, observation["front_rgb"].sum() if "front_rgb" in observation else 0.0])


class Batches:
    """Takes its time for a batch, however large, and says how large it was."""

    max_batch_size = 32

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause
        self.sizes: list[int] = []

    def begin(self, episode: Episode) -> list[str]:
        return [episode.instruction]

    def act_batch(self, states: Sequence[list[str]], observations: Sequence[Mapping[str, Any]]) -> list[Any]:
        time.sleep(self.pause)
        if any(o.get("say") == "break" for o in observations):
            raise ValueError("one of them")
        self.sizes.append(len(states))
        return [np.array([float(state[0])]) for state in states]


def server(policy: Any = Counter, **options: Any) -> PolicyServer:
    return PolicyServer(policy, DECLARATION, port=0, **options)


def test_metadata_come_first_and_answers_have_their_timing() -> None:
    with server() as running, PolicyClient(running.url) as client:
        assert Declaration.from_metadata(client.metadata) == DECLARATION
        client.reset("count")
        first = client.act({"front_rgb": IMAGE})
        assert first.actions.tolist() == [[1.0, float(IMAGE.sum())]]
        assert first.timing["infer_ms"] >= 0.0
        assert client.act({}).timing["prev_total_ms"] > 0.0
        client.reset("again")
        assert client.act({}).actions[0, 0] == 1.0


def test_a_client_that_only_knows_the_dialect_of_openpi_is_served() -> None:
    with server() as running, connect(running.url, compression=None, max_size=None) as raw:
        assert METADATA_KEY in unpack(raw.recv())
        raw.send(pack({"observation/image": IMAGE, "prompt": "count"}))
        answer = unpack(raw.recv())
        assert answer["actions"].shape == (1, 2)
        assert set(answer["server_timing"]) >= {"infer_ms"}


def test_the_health_path_answers_without_a_token() -> None:
    with server(token="secret") as running:
        connection = http.client.HTTPConnection(running.url.removeprefix("ws://"), timeout=20)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()


def test_every_connection_has_a_policy_of_its_own_and_keeps_it() -> None:
    Counter.made = 0
    with server() as running, PolicyClient(running.url) as one, PolicyClient(running.url) as other:
        for client in (one, other, one):
            client.reset("count")
        for _ in range(3):
            one.act({})
        assert one.act({}).actions[0, 0] == 4.0
        assert other.act({}).actions[0, 0] == 1.0
    assert Counter.made == 2


def test_requests_of_many_connections_become_batches_with_the_right_answers() -> None:
    policy = Batches(pause=0.02)
    with server(policy) as running:

        def play(number: int) -> list[float]:
            with PolicyClient(running.url) as client:
                client.reset(str(number))
                return [float(client.act({}).actions[0, 0]) for _ in range(8)]

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(play, range(16)))
    assert answers == [[float(number)] * 8 for number in range(16)]
    assert max(policy.sizes) > 4
    assert len(policy.sizes) < 16 * 8 / 3


def test_one_that_breaks_a_batch_does_not_break_the_others() -> None:
    policy = Batches(pause=0.05)
    with server(policy, settings=ServerSettings(batch_wait=0.5)) as running:
        started = threading.Barrier(4)

        def play(number: int) -> Any:
            with PolicyClient(running.url) as client:
                client.reset(str(number))
                started.wait()
                try:
                    return float(client.act({"say": "break"} if number == 2 else {}).actions[0, 0])
                except PolicyFaultError as error:
                    return str(error)

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(play, range(4)))
    assert [answers[number] for number in (0, 1, 3)] == [0.0, 1.0, 3.0]
    assert "ValueError: one of them" in answers[2]


@pytest.mark.parametrize(("say", "said"), [("break", "ValueError: cannot act"), ("exit", "SystemExit")])
def test_a_policy_that_breaks_is_named_and_the_server_goes_on(say: str, said: str) -> None:
    with server() as running:
        with PolicyClient(running.url) as client:
            client.reset("count")
            with pytest.raises(PolicyFaultError, match=said):
                client.act({"say": say})
            with pytest.raises(ServerUnreachableError):
                client.act({})
        with PolicyClient(running.url) as client, pytest.raises(PolicyFaultError, match="cannot begin"):
            client.reset("break")
        with PolicyClient(running.url) as client:
            client.reset("count")
            assert client.act({}).actions[0, 0] == 1.0


def test_a_policy_may_stop() -> None:
    with server() as running, PolicyClient(running.url) as client:
        client.reset("count")
        with pytest.raises(PolicyStopped, match="nothing left") as stopped:
            client.act({"say": "stop"})
        assert stopped.value.reason == "done"
        client.reset("the connection is still good")


@pytest.mark.parametrize("token", [None, "", "wrong", "secret2"])
def test_a_wrong_token_is_refused(token: str | None) -> None:
    with server(token="secret") as running:
        with pytest.raises(AccessRefusedError, match="token"):
            PolicyClient(running.url, token=token)
        PolicyClient(running.url, token="secret").close()


def test_messages_beyond_the_limit_are_refused_on_either_side() -> None:
    with server(settings=ServerSettings(max_message_bytes=1 << 16)) as running:
        with PolicyClient(running.url) as client:
            client.reset("count")
            with pytest.raises(MessageError, match="larger than the server's limit"):
                client.act({"front_rgb": np.zeros(100 << 20, np.uint8)})
        with PolicyClient(running.url, max_message_bytes=1000) as client:
            client.reset("count")
        with pytest.raises(MessageError, match="larger than this side's limit"):
            PolicyClient(running.url, max_message_bytes=100)


@pytest.mark.parametrize(
    "message", ["a text", b"", b"\xc1", pack([1, 2]), pack({"endpoint": "dance"}), pack({"endpoint": "reset", "seed": [-1]})]
)
def test_whoever_sends_nonsense_is_told_and_hung_up_on(message: Any) -> None:
    with server() as running:
        with connect(running.url) as raw:
            raw.recv()
            raw.send(message)
            assert isinstance(raw.recv(20), str)
        with PolicyClient(running.url) as client:
            client.reset("count")


def test_only_so_many_connections_are_taken() -> None:
    with server(settings=ServerSettings(max_connections=1)) as running:
        with PolicyClient(running.url), pytest.raises(ServerUnreachableError, match="503"):
            PolicyClient(running.url)
        PolicyClient(running.url, wait=20.0).close()


def test_a_client_that_asks_without_listening_has_one_request_under_way() -> None:
    policy = Batches(pause=0.05)
    with server(policy) as running, connect(running.url) as raw:
        raw.recv()
        raw.send(pack({"endpoint": "reset", "instruction": "7"}))
        for _ in range(5):
            raw.send(pack({}))
        assert [type(unpack(raw.recv(20))) for _ in range(6)] == [dict] * 6
    assert policy.sizes == [1] * 5


def test_who_does_not_answer_in_time_is_named() -> None:
    with server(Batches(pause=3.0)) as running, PolicyClient(running.url, timeout=0.3) as client:
        client.reset("1")
        with pytest.raises(ServerTimeoutError, match="no answer within"):
            client.act({})


def test_an_address_where_nobody_listens_is_waited_for() -> None:
    running = server()
    running.start()
    port = int(running.url.rpartition(":")[2])
    running.close()
    with pytest.raises(ServerUnreachableError, match="no policy server"):
        PolicyClient(f"ws://127.0.0.1:{port}")
    late = PolicyServer(Counter, DECLARATION, port=port)
    threading.Timer(0.5, late.start).start()
    PolicyClient(f"ws://127.0.0.1:{port}", wait=20.0).close()
    late.close()
    with pytest.raises(PolicyError, match="no address"):
        PolicyClient("here")


def test_a_port_that_is_taken_is_refused() -> None:
    with server() as running:
        again = PolicyServer(Counter, DECLARATION, port=int(running.url.rpartition(":")[2]))
        with pytest.raises(PolicyError, match="cannot listen"):
            again.start()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"protocol_version": 2}, "version 2"),
        ({"conventions": dict(CONVENTIONS) | {"quaternion": "wxyz"}}, "quaternion is 'wxyz' there and 'xyzw' here"),
        ({"conventions": None}, "conventions"),
        ({"actions": ["dx", "dy", "dz"]}, "delta_pose action"),
        ({"action_mode": "velocity"}, "velocity"),
        ({"cameras": "front"}, "cameras"),
        ({"image_size": [0, 8]}, "image_size"),
        ({"path": "curve"}, "curve"),
        ({"name": None}, "name"),
    ],
)
def test_other_conventions_are_refused_with_the_difference(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConventionError, match=said):
        Declaration.from_metadata({METADATA_KEY: DECLARATION.metadata() | change})


def test_a_server_that_does_not_describe_itself_is_refused() -> None:
    with pytest.raises(ConventionError, match="does not describe itself"):
        Declaration.from_metadata({"policy": "pi0"})


def test_seeds_make_the_same_numbers() -> None:
    assert Episode("", "", (1, 2)).rng.random() == Episode("", "", (1, 2)).rng.random() != Episode("", "", (1, 3)).rng.random()


def test_serving_ends_at_once_when_it_cannot_listen() -> None:
    with server() as running, pytest.raises(PolicyError):
        serve_until_interrupted(PolicyServer(Counter, DECLARATION, port=int(running.url.rpartition(":")[2])))
