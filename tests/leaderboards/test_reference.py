"""Published figures are those that were published."""

from __future__ import annotations

from pathlib import Path

import pytest

from hamster_bench.envs.factors import columns
from hamster_bench.errors import UnknownNameError
from hamster_bench.leaderboards.reference import reference_for, references
from hamster_bench.leaderboards.variation_table import AVERAGE

FACTS = Path(__file__).resolve().parents[3] / "shared" / "facts" / "paper_results.yaml"


def test_variation_columns_are_ours() -> None:
    for row in reference_for("variations").rows.values():
        assert set(row) == {AVERAGE, *columns()}


def test_every_figure_is_possible_and_has_a_source() -> None:
    for form, reference in references().items():
        assert "arXiv 2502.05485" in reference.source
        assert reference.conditions
        limits = (1.0, 4.0) if form == "path_ranking" else (0.0, 1.0)
        assert all(limits[0] <= value <= limits[1] for row in reference.rows.values() for value, _ in row.values())


def test_a_form_without_published_figures_says_which_have_some() -> None:
    with pytest.raises(UnknownNameError, match=r"'task_types'.*variations"):
        reference_for("task_types")


@pytest.mark.skipif(not FACTS.is_file(), reason="the collected figures lie in ../shared, which this checkout lacks")
def test_figures_are_those_collected_from_the_paper() -> None:
    yaml = pytest.importorskip("yaml", reason="the collected figures are YAML")
    facts = yaml.safe_load(FACTS.read_text())
    table = facts["colosseum_table3"]
    assert {name: {c: list(v) for c, v in row.items()} for name, row in reference_for("variations").rows.items()} == {
        "3D-DA": table["3d_da"],
        "HAMSTER + 3D-DA": table["hamster_3d_da"],
    }
    ranks = facts["path_ranking_table5"]
    ours = [[value for value, _ in row.values()] for row in reference_for("path_ranking").rows.values()]
    assert ours == [figures for name, figures in ranks.items() if name != "columns"]
    assert all(list(row) == [*ranks["columns"][:2], "all"] for row in reference_for("path_ranking").rows.values())
    second_hand = facts["demonstration_efficiency_table1"]["second_hand"]
    rows = reference_for("demonstrations").rows
    ours = [rows["3D-DA"]["100 %"], rows["HAMSTER + 3D-DA"]["50 %"], rows["HAMSTER + 3D-DA"]["100 %"]]
    assert [value for value, _ in ours] == list(second_hand.values())
    robot = facts["real_robot_average_success_score"]
    ours = [row["avg"][0] for row in reference_for("trials").rows.values()]
    assert ours == [robot[name] for name in ("hamster_3d_da", "hamster_rvt2", "openvla", "rvt2", "3d_da")]
