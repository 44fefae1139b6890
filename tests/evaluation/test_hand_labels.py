"""Hand labels: reading them, agreement with the program, and the published check."""

from __future__ import annotations

from pathlib import Path

import pytest

from hamster_bench.cli.main import main
from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.evaluation.attribution import CAUSES
from hamster_bench.evaluation.hand_labels import HandLabel, agreement, read_labels
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.scenario import Scenario

CHECK = Path(__file__).parents[2] / "results" / "attribution"


@pytest.mark.parametrize(("name", "episodes", "share", "kappa"), [("tuning", 60, 0.85, 0.77), ("fresh", 40, 0.85, 0.77)])
def test_the_published_agreement_follows_from_the_published_records(name: str, episodes: int, share: float, kappa: float) -> None:
    labels = read_labels(CHECK / f"labels_{name}.csv")
    with ResultStore.for_reading(CHECK) as store:
        found = agreement(labels, store.records())
    assert len(labels) == sum(found.counts.values()) == episodes
    assert found.share.mean == pytest.approx(share)
    assert found.kappa.mean == pytest.approx(kappa, abs=0.005)
    assert len(found.disagreed) == round((1 - share) * episodes)
    # Every cause occurs in both samples, and many tasks.
    assert {label.label for label in labels} == set(CAUSES)
    assert len({Scenario.from_id(label.scenario).task for label in labels}) >= 12
    text = (CHECK / "README.md").read_text(encoding="utf-8")
    low, high = (round(100 * limit) for limit in found.share[1:])
    limits = " to ".join(f"{limit:.2f}" for limit in found.kappa[1:])
    assert f"| `labels_{name}.csv` | {episodes} | {100 * share:.0f} % ({low} to {high}) | {kappa:.2f} ({limits}) |" in text


def test_the_command_prints_the_agreement(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["failures", str(CHECK), "--labels", str(CHECK / "labels_fresh.csv"), "--list"]) == 0
    said = capsys.readouterr().out
    assert "40 episodes: they agree on 85 % (71 to 93); Cohen's kappa 0.77 (0.60 to 0.93)" in said
    assert said.count(", not ") == 6


HEADER = "scenario,agent,protocol,label\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scenario,agent,label\n", "lacks the column 'protocol'"),
        (HEADER, "has no labels"),
        (f"{HEADER}a-v0-no_var-e0-s0,x,p,bad luck\n", "line 2: a label is path_prediction"),
        (f"{HEADER}a-v0-no_var-e0-s0,x,p\n", "a label is"),
        (HEADER + 2 * "a-v0-no_var-e0-s0,x,p,execution\n", "labels an episode twice"),
    ],
)
def test_files_that_are_no_labels(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(InvalidOptionError, match=said):
        read_labels(tmp_path / "labels.csv")
    with pytest.raises(InvalidOptionError, match="cannot be read"):
        read_labels(tmp_path / "none.csv")


def test_labels_of_what_was_not_recorded() -> None:
    with pytest.raises(StoreError, match="no record of x on a-v0-no_var-e0-s0"):
        agreement([HandLabel("a-v0-no_var-e0-s0", "x", "p", "execution")], [])
