"""Agents that decide for several episodes at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hamster_bench.agent import Agent, AgentNeeds, BatchedAgent, EpisodeContext
from hamster_bench.errors import AgentError
from hamster_bench.evaluation.episode import contestant
from hamster_bench.evaluation.runner import run
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.workers.settings import WorkerSettings
from hamster_bench.evaluation.workers.supervisor import facts_of
from tests.evaluation.scripted import ScriptedAgent, scripted_plan
from tests.evaluation.workers import faults
from tests.evaluation.workers.faults import HAMSTER, BatchedWalker, make_environment, plan_faults, play, players

FOUR = WorkerSettings(count=4)
PLAN = scripted_plan(10, ("batched", "walker"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where faults are planned and batches noted."""
    made = tmp_path / "faults"
    made.mkdir()
    monkeypatch.setenv(faults.FOLDER, str(made))
    return made


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The records of one process."""
    return play(tmp_path_factory.mktemp("alone"), PLAN)


def batch_sizes(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "batches").read_text().split()]


def test_batches_of_any_make_up_change_nothing(tmp_path: Path, folder: Path, alone: list[dict[str, Any]]) -> None:
    assert isinstance(BatchedWalker(), BatchedAgent)
    assert play(tmp_path / "four", PLAN, FOUR) == alone
    sizes = batch_sizes(folder)
    assert max(sizes) > 1, "nothing was batched"
    assert max(sizes) <= 4
    # Every way in which an episode of a served agent can end.
    kinds = {record["kind"] for record in alone if record["agent"] == "batched"}
    assert {None, "agent_error", "agent_stopped:tired"} <= kinds
    messages = {record["message"] for record in alone if record["kind"] == "agent_error"}
    assert {str(message).partition(" (")[0] for message in messages} == {
        "ValueError: cannot begin this one",
        "ValueError: cannot go on with this one",
    }


@pytest.mark.slow
def test_inference_process_that_breaks_is_replaced_and_blames_nobody_wrongly(
    tmp_path: Path, folder: Path, alone: list[dict[str, Any]]
) -> None:
    ids = sorted({planned.scenario.id for planned in PLAN if planned.scenario.episode not in (3, 5, 7)})
    poison = ids[4]
    plan_faults(folder, {f"batch-{ids[1]}": ["kill"], f"batch-{ids[8]}": ["freeze"], f"batch-{poison}": ["segfault"] * 9})
    with ResultStore.for_writing(tmp_path / "broken") as store:
        settings = WorkerSettings(count=4, time_limit=2.0, tries=2)
        options: dict[str, Any] = {"make_environment": make_environment, "make_agent": faults.make_agent, "workers": settings}
        summary = run(PLAN, store, HAMSTER, players(PLAN), **options)
        found = store.comparable_records()
    (record,) = summary.set_aside
    assert (record.agent, record.scenario.id, record.kind) == ("batched", poison, "poisoned")
    assert record.message == "set aside after 2 tries: inference: killed by SIGSEGV"
    differing = [ours for ours, theirs in zip(found, alone, strict=True) if ours != theirs]
    assert [(ours["agent"], ours["scenario"]) for ours in differing] == [("batched", poison)]


class Privileged(BatchedWalker):
    needs = AgentNeeds(privileged=True)


class Unlimited(BatchedWalker):
    max_batch_size = 0


def test_agents_that_read_the_oracle_stay_with_their_environment() -> None:
    assert facts_of(contestant("batched", BatchedWalker())).batch == 8
    assert facts_of(contestant("privileged", Privileged())).batch == 0
    assert facts_of(contestant("scripted", ScriptedAgent())).batch == 0
    with pytest.raises(AgentError, match="max_batch_size 0"):
        facts_of(contestant("unlimited", Unlimited()))


class TorchAgent:
    """A torch network on float32 that promises nothing for batches and is therefore asked for one episode at a time."""

    action_mode = "keypose"
    needs = AgentNeeds(cameras=("front",))
    max_batch_size = 1

    def __init__(self) -> None:
        self._network: Any = None
        self._episode: Any = None

    def reset(self, context: EpisodeContext) -> None:
        self._episode = self.begin(context)

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        return self.act_batch([self._episode], [observation])[0]

    def begin(self, context: EpisodeContext) -> dict[str, Any]:
        return {"rng": context.rng}

    def act_batch(self, episodes: Sequence[Any], observations: Sequence[Mapping[str, Any]]) -> list[NDArray[np.float64]]:
        import torch

        if self._network is None:
            generator = torch.Generator().manual_seed(0)
            self._network = torch.nn.Linear(193, 1)
            torch.nn.init.normal_(self._network.weight, std=0.05, generator=generator)
            torch.nn.init.zeros_(self._network.bias)
        rows = [np.append(seen["front_rgb"].ravel() / 255.0, seen["position"]).astype(np.float32) for seen in observations]
        with torch.inference_mode():
            out = torch.sigmoid(self._network(torch.from_numpy(np.stack(rows)))).double().numpy()
        return [0.3 + 0.6 * value + episode["rng"].uniform(0.0, 0.1, 1) for value, episode in zip(out, episodes, strict=True)]


def make_torch_agent(name: str) -> Agent:
    return TorchAgent()  # type: ignore[return-value]


@pytest.mark.slow
def test_torch_agent_served_to_workers_makes_the_records_of_one_process(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra [torch] is not installed")
    plan = scripted_plan(6, ("net",))
    found = []
    for name, settings in (("one", None), ("two", WorkerSettings(count=2))):
        with ResultStore.for_writing(tmp_path / name) as store:
            options: dict[str, Any] = {"make_environment": make_environment, "make_agent": make_torch_agent, "workers": settings}
            run(plan, store, HAMSTER, {"net": make_torch_agent("net")}, **options)
            found.append(store.comparable_records())
    assert found[0] == found[1]
    assert "success" in {record["outcome"] for record in found[0]}
