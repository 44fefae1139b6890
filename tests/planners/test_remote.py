"""Planners behind a network, over real sockets: what they send, what they make of answers, and what servers can do to them."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import multiprocessing
import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hamster_bench.cli.main import main
from hamster_bench.errors import InvalidOptionError, MissingDependencyError, PlannerError
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.paths import Path2D, parse_answer
from hamster_bench.planners import PlannerContext, Proposal, make_planner
from hamster_bench.planners.pacing import reserve
from hamster_bench.planners.prompts import hamster_prompt
from tests.planners.misbehaving import (
    ANSWER,
    Behaviour,
    breaks_off,
    drips,
    fails,
    floods,
    hangs,
    hangs_up,
    knows_only,
    misbehaving,
    repeats_the_key,
    says,
)
from tests.planners.test_planners import context

SHARED = Path(__file__).resolve().parents[3] / "shared" / "parity" / "hamster_prompt.json"
IMAGE = np.random.default_rng(0).integers(0, 255, (60, 100, 3), dtype=np.uint8)
PICTURE = PlannerContext.of_picture(IMAGE, "stack the cups")
KEY = "sk-test-4f9ad1c2e07b"
HURRY = "timeout=0.3,retries=1,backoff=0.01,max_wait=1"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("HAMSTER_BENCH_CACHE", str(folder))
    for name in list(os.environ):
        if name.startswith("OPENAI_") or name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name)
    return folder


def hamster(server: Any, options: str = "", given: PlannerContext = PICTURE) -> Proposal:
    planner = make_planner(f"hamster:url={server.url},{HURRY}{',' if options else ''}{options}")
    proposal = planner.propose(IMAGE, "stack the cups", given)
    assert isinstance(proposal, Proposal)
    return proposal


def sent_pixels(seen: Any) -> tuple[str, np.ndarray[Any, Any]]:
    kind, _, data = seen.body["messages"][0]["content"][0]["image_url"]["url"].partition(";base64,")
    return kind, np.array(Image.open(io.BytesIO(base64.b64decode(data))))


def test_hamsters_request_is_the_published_one() -> None:
    with misbehaving(says()) as server:
        hamster(server)
        (seen,) = server.seen
    kind, pixels = sent_pixels(seen)
    (message,) = seen.body.pop("messages")
    assert seen.path == "/chat/completions"
    assert message["role"] == "user"
    assert [part["type"] for part in message["content"]] == ["image_url", "text"]
    assert "<quest>stack the cups</quest>" in message["content"][1]["text"]
    assert seen.body == {
        "model": "HAMSTER_dev",
        "max_tokens": 128,
        "temperature": 0.0,
        "top_p": 0.95,
        "num_beams": 1,
        "use_cache": False,
    }
    assert kind == "data:image/jpeg"
    assert pixels.shape == IMAGE.shape


@pytest.mark.skipif(not SHARED.is_file(), reason="the reference file hamster_prompt.json is not here")
def test_hamsters_prompt_is_the_published_text() -> None:
    facts = json.loads(SHARED.read_text(encoding="utf-8"))
    assert hamster_prompt("open {the} box") == facts["text"].replace("{quest}", "open {the} box")


@pytest.mark.parametrize("as_list", [True, False])
def test_answers_come_as_list_or_text(as_list: bool) -> None:
    with misbehaving(says(as_list=as_list, usage={"prompt_tokens": 300, "completion_tokens": 41})) as server:
        proposal = hamster(server)
    assert proposal.path == parse_answer(ANSWER).path
    record = dict(proposal.record)
    assert record.pop("latency_s") > 0.0
    assert record == {
        "planner": "hamster",
        "model": "HAMSTER_dev",
        "answer": ANSWER,
        "verdict": "path",
        "repairs": [],
        "finish_reason": "stop",
        "prompt_tokens": 300,
        "answer_tokens": 41,
        "cached": False,
        "attempts": [{"model": "HAMSTER_dev", "verdict": "answered", "status": 200}],
    }


@pytest.mark.parametrize("status", [400, 404, 422, 500])
@pytest.mark.parametrize(("asked", "known"), [("HAMSTER_dev", "Hamster_dev"), ("Hamster_dev", "HAMSTER_dev")])
def test_the_other_spelling_is_tried_when_one_is_refused(asked: str, known: str, status: int) -> None:
    with misbehaving(knows_only(known, status)) as server:
        record = hamster(server, f"model={asked}").record
        assert [seen.body["model"] for seen in server.seen] == [asked, known]
    assert record["model"] == known
    assert [attempt["model"] for attempt in record["attempts"]] == [asked, known]


def test_a_crop_is_sent_and_its_answer_refers_to_the_whole_image() -> None:
    with misbehaving(says()) as server:
        proposal = hamster(server, "fit=crop,format=png")
        kind, pixels = sent_pixels(server.seen[0])
    assert kind == "data:image/png"
    assert np.array_equal(pixels, IMAGE[:, 20:80])
    # 60 of 100 columns, from column 20; all rows.
    expected = parse_answer(ANSWER).path.points * [0.6, 1.0] + [0.2, 0.0]
    assert proposal.path is not None
    np.testing.assert_allclose(proposal.path.points, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("option", "observed", "first"), [("closed", True, False), ("open", False, True), ("observed", True, True)]
)
def test_the_gripper_starts_as_the_option_says(option: str, observed: bool, first: bool) -> None:
    with misbehaving(says("<ans>[(0.1, 0.2), (0.3, 0.4)]</ans>")) as server:
        proposal = hamster(server, f"start={option}", context(gripper_open=observed))
    assert proposal.path is not None
    assert proposal.path.gripper_open.tolist() == [first, first]


def openai(server: Any, options: str, given: PlannerContext, image: Any = IMAGE) -> Proposal:
    planner = make_planner(f"openai:url={server.url}/v1,model=any,{HURRY},{options}")
    proposal = planner.propose(image, "stack the cups", given)
    assert isinstance(proposal, Proposal)
    return proposal


def test_the_zero_shot_prompt_tells_where_the_gripper_is_and_the_path_starts_there() -> None:
    given = context()
    assert given.camera is not None
    x, y = (given.camera.project([[0.0, 0.0, 1.0]])[0][0] / (200, 100)).tolist()
    with misbehaving(says("<ans>[(0.9, 0.8), <action>Close Gripper</action>]</ans>", as_list=False)) as server:
        proposal = openai(server, "key_env=", given, np.zeros((100, 200, 3), np.uint8))
        (seen,) = server.seen
    assert seen.path == "/v1/chat/completions"
    text = seen.body["messages"][0]["content"][1]["text"]
    for needed in ("stack the cups", f"({x:.3f}, {y:.3f})", "do not repeat", "<ans>", "<action>Open Gripper</action>", "few"):
        assert needed in text
    assert "num_beams" not in seen.body
    assert proposal.path == Path2D([(x, y), (0.9, 0.8)], [True, False])


def test_without_a_known_position_the_prompt_is_silent_on_it() -> None:
    with misbehaving(says()) as server:
        hidden = replace(context(), gripper_pose=np.array([0.0, 0.0, 3.0, 0.0, 1.0, 0.0, 0.0]))
        for given in (PICTURE, hidden):
            proposal = openai(server, "key_env=,cache=no", given)
            assert proposal.path is not None
            assert len(proposal.path) == len(parse_answer(ANSWER).path)
        assert all("is at" not in seen.body["messages"][0]["content"][1]["text"] for seen in server.seen)


def test_newer_fields_and_silence_on_sampling_can_be_chosen() -> None:
    with misbehaving(says()) as server:
        openai(server, "key_env=,prompt=hamster,limit_field=max_completion_tokens,temperature=none,seed=3", PICTURE)
        body = server.seen[0].body
    assert body.pop("messages")[0]["content"][1]["text"] == hamster_prompt("stack the cups")
    assert body == {"model": "any", "max_completion_tokens": 512, "seed": 3}


FAULTS: dict[str, tuple[Behaviour, str, int]] = {
    "hanging": (hangs(), "timeout", 2),
    "dripping": (drips, "timeout", 2),
    "500": (fails(500), "server_error", 2),
    "502 in HTML": (fails(502, b"<html>bad gateway</html>"), "server_error", 2),
    "429": (fails(429, Retry_After="0.02"), "rate_limited", 2),
    "429 for long": (fails(429, Retry_After="3600"), "rate_limited", 1),
    "429 for ever": (fails(429, Retry_After="inf"), "rate_limited", 1),
    "429 and nonsense": (fails(429, Retry_After="soon"), "rate_limited", 2),
    "truncated": (breaks_off, "bad_response", 2),
    "hanging up": (hangs_up, "no_connection", 2),
    "flooding": (floods, "bad_response", 2),
    "no JSON": (fails(200, b"{nope"), "bad_response", 2),
    "deep JSON": (fails(200, b"[" * 200_000), "bad_response", 2),
    "no choices": (fails(200, {"choices": []}), "bad_response", 2),
    "a list": (fails(200, [1]), "bad_response", 2),
    "no text": (says(" "), "bad_response", 2),
    "wrong model": (knows_only("another", 404), "model_refused", 2),
    "401": (fails(401), "unauthorized", 1),
    "413": (fails(413), "request_refused", 1),
    "no path": (says("I cannot see any cup."), "answer_refused:no_points", 1),
    "wrong scale": (says("<ans>[(25, 50), (40, 60)]</ans>"), "answer_refused:out_of_range", 1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_a_planner_error_with_its_verdict(fault: str) -> None:
    behaviour, verdict, requests = FAULTS[fault]
    started = time.monotonic()
    with misbehaving(behaviour) as server, pytest.raises(PlannerError) as caught:
        hamster(server)
    assert time.monotonic() - started < 30.0  # nobody waits for ever
    record = caught.value.record
    assert record is not None
    assert record["verdict"] == verdict
    assert len(server.seen) == len(record["attempts"]) == requests
    json.dumps(record, allow_nan=False)
    if verdict.startswith("answer_refused"):
        assert record["answer"]
    else:
        assert record["answer"] is None
        assert verdict in str(caught.value)


def test_nobody_listening_is_a_planner_error() -> None:
    with misbehaving(says()) as server:
        pass
    with pytest.raises(PlannerError, match="no_connection"):
        hamster(server)


@pytest.mark.parametrize("fault", ["500", "429", "truncated", "hanging", "no JSON"])
def test_a_fault_that_passes_is_got_over(fault: str) -> None:
    with misbehaving(FAULTS[fault][0], says()) as server:
        record = hamster(server).record
    assert [attempt["verdict"] for attempt in record["attempts"]] == [FAULTS[fault][1], "answered"]


def test_a_slow_answer_in_time_is_an_answer() -> None:
    def slow(handler: Any, seen: Any) -> None:
        time.sleep(0.1)
        says()(handler, seen)

    with misbehaving(slow) as server:
        assert hamster(server).record["latency_s"] >= 0.1


def test_waits_double_up_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    asleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda delay, *more: waits.append(delay) or asleep(0.0, *more))
    with misbehaving(fails(500)) as server:
        planner = make_planner(f"hamster:url={server.url},retries=4,backoff=0.1,max_wait=0.2")
        with pytest.raises(PlannerError):
            planner.propose(IMAGE, "x", PICTURE)
    assert len(server.seen) == 5
    assert [wait for wait in waits if wait] == pytest.approx([0.1, 0.2, 0.2, 0.2])


def test_planners_work_where_an_event_loop_runs_already() -> None:
    async def notebook() -> Proposal:
        return hamster(server)

    with misbehaving(says()) as server:
        assert asyncio.run(notebook()).path is not None


def test_the_same_question_is_asked_once(own_cache: Path) -> None:
    with misbehaving(says(usage={"prompt_tokens": 300, "completion_tokens": 41})) as server:
        first, again = hamster(server), hamster(server)
        assert len(server.seen) == 1
        assert (first.record["cached"], again.record["cached"]) == (False, True)
        assert again.path == first.path
        for name in ("answer", "model", "prompt_tokens", "answer_tokens", "latency_s", "verdict"):
            assert again.record[name] == first.record[name]
    # Where the server stands, or whether it still does, makes no difference.
    assert hamster(server).record["cached"]


@pytest.mark.parametrize("change", ["temperature=0.5", "model=another", "fit=crop", "format=png", "quality=50", "max_tokens=64"])
def test_another_question_is_asked_anew(change: str) -> None:
    with misbehaving(says()) as server:
        hamster(server)
        assert not hamster(server, change).record["cached"]
        planner = make_planner(f"hamster:url={server.url}")
        for image, words in ((IMAGE + 1, "stack the cups"), (IMAGE, "stack the cups!")):
            proposal = planner.propose(image, words, PICTURE)
            assert isinstance(proposal, Proposal)
            assert not proposal.record["cached"]
        assert len(server.seen) == 4


def test_refused_answers_are_kept_too_but_faults_are_not() -> None:
    with misbehaving(fails(500), fails(500), says("no path")) as server:
        for cached in (None, False, True):
            with pytest.raises(PlannerError) as caught:
                hamster(server)
            assert caught.value.record is not None
            if cached is not None:
                assert caught.value.record["cached"] is cached
                assert caught.value.record["verdict"] == "answer_refused:no_points"
        assert len(server.seen) == 3


def test_a_damaged_entry_is_asked_for_again(own_cache: Path) -> None:
    with misbehaving(says()) as server:
        hamster(server)
        (entry,) = own_cache.rglob("*.json")
        for damage in (b"", b"{", b"[]", entry.read_bytes().replace(b"stack the cups", b"stack the caps")):
            entry.write_bytes(damage)
            assert not hamster(server).record["cached"]
            assert hamster(server).record["cached"]


def test_a_cache_that_cannot_be_written_keeps_nobody_from_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HAMSTER_BENCH_CACHE", str(tmp_path / "file" / "cache"))
    with misbehaving(says()) as server:
        assert [hamster(server).record["cached"] for _ in range(2)] == [False, False]
        assert hamster(server, "per_minute=6000").path is not None


def _ask_in_another_process(url: str, results: Any) -> None:
    proposal = make_planner(f"hamster:url={url},timeout=20").propose(IMAGE, "stack the cups", PICTURE)
    assert isinstance(proposal, Proposal)
    results.put(proposal.record["cached"])


def test_processes_that_ask_at_once_pay_once() -> None:
    def slow(handler: Any, seen: Any) -> None:
        time.sleep(0.5)
        says()(handler, seen)

    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    with misbehaving(slow) as server:
        workers = [spawn.Process(target=_ask_in_another_process, args=(server.url, results)) for _ in range(3)]
        for worker in workers:
            worker.start()
        cached = sorted(results.get(timeout=60) for _ in workers)
        for worker in workers:
            worker.join(20)
        assert len(server.seen) == 1
    assert cached == [False, True, True]


def test_requests_are_spaced_over_all_who_ask() -> None:
    waits: list[float] = []
    threads = [threading.Thread(target=lambda: waits.append(reserve("http://here", 60.0))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # One a second: the first at once, the others after it, less what has passed meanwhile.
    assert [round(wait) for wait in sorted(waits)] == [0, 1, 2, 3]
    assert reserve("http://there", 60.0) == 0.0
    assert reserve("http://here", 0.0) == 0.0


def test_the_rate_is_kept(own_cache: Path) -> None:
    with misbehaving(says()) as server:
        started = time.monotonic()
        for _ in range(3):
            hamster(server, "cache=no,per_minute=300")
        assert time.monotonic() - started >= 0.4


def everything_below(*folders: Path) -> bytes:
    return b"\n".join(file.read_bytes() for folder in folders for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("behaviour", [says(), repeats_the_key(200), repeats_the_key(401), repeats_the_key(500), hangs()])
def test_the_key_is_sent_and_found_nowhere_else(
    behaviour: Behaviour, own_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    for name in ("openai", "httpx2", "httpcore2"):
        caplog.set_level(logging.DEBUG, logger=name)
    told = ""
    with misbehaving(behaviour) as server:
        planner = make_planner(f"openai:url={server.url},model=any,key_env=MY_KEY,{HURRY}")
        try:
            proposal = planner.propose(IMAGE, "stack the cups", PICTURE)
            assert isinstance(proposal, Proposal)
            told = repr(proposal.record)
        except PlannerError as error:
            told = f"{error!r} {error.record} {error.__cause__!r}"
        assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in told
    assert KEY not in caplog.text
    assert KEY not in repr(vars(planner))
    assert KEY.encode() not in everything_below(own_cache)


def test_what_is_meant_for_openai_goes_to_no_other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "OPENAI_API_KEY": "sk-other",
        "OPENAI_ADMIN_KEY": "sk-admin",
        "OPENAI_ORG_ID": "org-secret",
        "OPENAI_PROJECT_ID": "proj-secret",
        "OPENAI_CUSTOM_HEADERS": "X-Gate: gate-secret\nAuthorization: Bearer auth-secret",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    with misbehaving(says()) as server:
        hamster(server)
        (seen,) = server.seen
    assert not [value for value in seen.headers.values() if "secret" in value or "sk-" in value]


def test_the_missing_library_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'hamster-bench\[planners\]'"):
        make_planner("hamster")


RUN = ("run", "--agents", "path_lift", "--tasks", "slide_block_to_target")


@pytest.mark.parametrize("rule", ["end", "continue"])
def test_a_run_goes_on_over_every_fault_and_keeps_the_key(
    rule: str, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    script = [hangs(), fails(500), fails(429), breaks_off, fails(200, b"{"), repeats_the_key(401), says("no path"), says()]
    verdicts = ["timeout", "server_error", "rate_limited", "bad_response", "bad_response", "unauthorized", "no path", None]
    with misbehaving(*script) as server:
        planner = f"openai:url={server.url},model=any,prompt=hamster,key_env=MY_KEY,timeout=0.3,retries=0"
        words = [*RUN, "--episodes", str(len(script)), "--out", str(tmp_path / "out"), "--path-planner", planner]
        assert main([*words, "--on-planner-error", rule]) == 0
        assert len(server.seen) == len(script)
        # Everything is recorded: the same command asks nothing more.
        assert main([*words, "--on-planner-error", rule]) == 0
        assert len(server.seen) == len(script)
    with ResultStore.for_reading(tmp_path / "out") as store:
        records = list(store.records())
    assert len(records) == len(script)
    for record, verdict in zip(records, verdicts, strict=True):
        assert (record.path_error is None) == (verdict is None)
        assert verdict is None or verdict in str(record.path_error)
        assert (record.path is None) == (verdict is not None)
        assert (record.kind == "planner_error") == (rule == "end" and verdict is not None)
    said = capfd.readouterr()
    assert KEY not in said.out + said.err
    assert KEY.encode() not in everything_below(tmp_path / "out", own_cache)


def test_a_run_with_a_misspelt_option_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*RUN, "--episodes", "1", "--out", str(tmp_path / "out"), "--path-planner", "hamster:urll=http://127.0.0.1:1"]
    assert main(words) == 2
    assert "Did you mean: url" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_odd_addresses_are_refused() -> None:
    for url in ("127.0.0.1:8000", "http://", "http://host:99999", "http://[::1", "file:///etc/passwd", ""):
        with pytest.raises(InvalidOptionError, match="url is"):
            make_planner(f"hamster:url={url}")
