"""The door of OpenVLA's official server, spoken by a server in another process."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hamster_bench.agent import EpisodeContext, make_agent
from hamster_bench.baselines.openvla.json_numpy import dumps, loads
from hamster_bench.baselines.openvla.motion import delta_poses
from hamster_bench.errors import AgentError, AgentUnavailableError, InvalidOptionError
from hamster_bench.evaluation.plan import make_plan
from hamster_bench.evaluation.protocol import StepCaps, make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.runner import run
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.scenario import Scenario

PROGRAM = Path(__file__).with_name("official_server.py")
TASK = "slide_block_to_target"
STEPS = 12
IMAGE = np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8)


@contextlib.contextmanager
def official(behaviour: str = "moves") -> Iterator[str]:
    server = subprocess.Popen([sys.executable, "-S", str(PROGRAM), behaviour], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()


def context(instruction: str = "close the box") -> EpisodeContext:
    scenario = Scenario(task=TASK)
    return EpisodeContext(scenario=scenario, instruction=instruction, rng=scenario.rng("agent"))


def play(folder: Path, text: str) -> EpisodeRecord:
    protocol = make_protocol("hamster", max_steps=StepCaps(delta_pose=STEPS), image_size=(32, 32))
    with ResultStore.for_writing(folder) as store:
        run(make_plan(agents=(text,), tasks=(TASK,), episodes=1), store, protocol, {text: make_agent(text)})
        (record,) = store.records()
    return record


@pytest.mark.parametrize("form", ["plain", "encoded", "oft"])
def test_a_whole_episode_is_driven(form: str, tmp_path: Path) -> None:
    with official() as url:
        record = play(tmp_path, f"openvla_rest:{url},form={form}")
    assert (record.outcome, record.kind, record.message) == ("failure", "step_limit", None)
    assert record.steps == record.control_steps == STEPS


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ("fails", "failed; its server's log says why"),
        ("blind", "same action for different images"),
        ("garbage", "no JSON"),
        ("text", "no JSON"),
        ("hangs", "no answer within 1 s"),
    ],
)
def test_what_goes_wrong_ends_in_the_record(behaviour: str, said: str, tmp_path: Path) -> None:
    with official(behaviour) as url:
        record = play(tmp_path, f"openvla_rest:{url},timeout={1 if behaviour == 'hangs' else 30}")
    assert (record.outcome, record.kind) == ("error", "agent_error")
    assert said in (record.message or "")


def test_answers_depend_on_image_and_instruction_and_are_those_of_the_server() -> None:
    with official() as url:
        agent = make_agent(f"openvla_rest:url={url},steps=2,probe=no")
        seen = {}
        for instruction in ("close the box", "open the box"):
            for shade in (0, 1):
                agent.reset(context(instruction))
                first, second = agent.act({"front_rgb": IMAGE + shade}), agent.act({"front_rgb": IMAGE})
                assert first.tolist() == second.tolist()
                seen[tuple(first)] = instruction
        assert len(seen) == 4


def test_a_model_without_the_data_set_says_error() -> None:
    with official() as url:
        agent = make_agent(f"openvla_rest:{url},key=unknown")
        with pytest.raises(AgentError, match="failed"):
            agent.reset(context())


def test_a_server_that_is_not_there_stops_the_run() -> None:
    with official() as url:
        pass
    agent = make_agent(f"openvla_rest:{url},wait=0.2")
    with pytest.raises(AgentUnavailableError, match="no server"):
        agent.reset(context())


@pytest.mark.parametrize(
    "text", ["openvla_rest:nowhere", "openvla_rest:http://h,steps=0", "openvla_rest:http://h,timeout=0", "openvla_rest:ftp://h"]
)
def test_impossible_options_are_refused(text: str) -> None:
    with pytest.raises(InvalidOptionError):
        make_agent(text)


def test_a_change_for_a_longer_time_is_made_in_parts_within_the_limits() -> None:
    parts = delta_poses([0.04, 0.0, -0.4, 0.1, 0.0, -2.0, 1.2], 4)
    assert parts.shape == (4, 7)
    assert parts[0].tolist() == pytest.approx([0.01, 0.0, -0.05, 0.025, 0.0, -0.25, 1.0])
    assert np.isnan(delta_poses([np.nan] * 7)).all()
    for answer in ([0.0] * 6, "left", [[0.0] * 7]):
        with pytest.raises(AgentError, match="7 numbers"):
            delta_poses(answer)


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.int64, np.float32, np.float64, np.bool_]), arrays.array_shapes(min_dims=0, min_side=0)
    )
)
def test_arrays_in_json_come_back(array: Any) -> None:
    back = loads(dumps({"a": array}))["a"]
    assert np.asarray(back).dtype == array.dtype
    assert np.asarray(back).tobytes() == array.tobytes()
    assert np.shape(back) == array.shape


@pytest.mark.parametrize(
    "held",
    [
        {"dtype": "|O", "shape": [1], "__numpy__": ""},
        {"dtype": "<f8", "shape": [2], "__numpy__": "AAAA"},
        {"dtype": "<f8", "shape": [-1], "__numpy__": ""},
        {"dtype": None, "shape": [1], "__numpy__": ""},
        {"dtype": "<f8", "shape": [1], "__numpy__": 7},
    ],
)
def test_arrays_that_are_none_are_refused(held: dict[str, Any]) -> None:
    with pytest.raises(AgentError, match="no JSON with arrays"):
        loads(json.dumps(held))
