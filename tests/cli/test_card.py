"""``hamster-bench card``: what a checkpoint tells of itself, beside what records tell of it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="checkpoints need PyTorch: pip install 'hamster-bench[torch]'")

from hamster_bench.agent import make_agent
from hamster_bench.cli.main import REFUSED, main
from hamster_bench.evaluation.protocol import Protocol, make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.scenario import Scenario

AGENTS = ("3d_da", "hamster_3d_da", "rvt2", "hamster_rvt2", "hamster_rvt2_concat")
SKETCH = make_protocol("hamster", path_planner="sketch")


def results(directory: Path, checkpoint: str, *protocols: Protocol) -> Path:
    with ResultStore.for_writing(directory) as store:
        for protocol in protocols:
            run = store.start_run(protocol, {})
            for episode in range(4):
                record = EpisodeRecord(
                    agent="hamster_rvt2",
                    agent_fingerprint="f",
                    protocol=protocol.fingerprint,
                    scenario=Scenario(task="stack_cups", factor="tab_tex", episode=episode),
                    outcome="success" if episode else "failure",
                    kind=None if episode else "step_limit",
                    path='{"points": []}',
                    checkpoint=checkpoint,
                    versions={"python": "3.11"},
                )
                store.add(run, record)
    return directory


@pytest.mark.parametrize("agent", AGENTS)
def test_a_card_says_what_the_file_says(agent: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = make_agent(agent)
    assert main(["card", agent]) == 0
    card = capsys.readouterr().out
    assert card.startswith(f"# {agent}\n")
    assert made.checkpoint_fingerprint in card  # type: ignore[attr-defined]
    assert "close\\_box" in card
    assert ("a 2D path" in card) == agent.startswith("hamster")
    assert ("of the oracle" in card) == agent.startswith("hamster")
    assert "## Results" not in card


def test_results_are_those_of_this_checkpoint_with_the_paths_of_each_planner(tmp_path: Path) -> None:
    fingerprint = make_agent("hamster_rvt2").checkpoint_fingerprint  # type: ignore[attr-defined]
    directory = results(tmp_path / "own", fingerprint, make_protocol("hamster"), SKETCH)
    assert main(["card", "hamster_rvt2", "--results", str(directory), "--markdown", str(tmp_path / "card.md")]) == 0
    card = (tmp_path / "card.md").read_text(encoding="utf-8")
    (header,) = (line for line in card.splitlines() if line.startswith("| factor"))
    assert f"oracle {make_protocol('hamster').fingerprint}" in header
    assert f"sketch {SKETCH.fingerprint}" in header
    (row,) = (line for line in card.splitlines() if line.startswith("| tab\\_tex"))
    assert row.count("75.0 [") == 2


def test_another_checkpoints_results_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = results(tmp_path / "other", "0123456789ab", SKETCH)
    assert main(["card", "hamster_rvt2", "--results", str(directory), "--markdown", str(tmp_path / "card.md")]) == REFUSED
    assert "no record" in capsys.readouterr().err
    assert not (tmp_path / "card.md").exists()


@pytest.mark.parametrize(("agent", "said"), [("expert", "has no checkpoint"), ("3d_da:nowhere.safetensors", "nowhere")])
def test_an_agent_without_a_card_is_refused(agent: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", agent]) == REFUSED
    assert said in capsys.readouterr().err
