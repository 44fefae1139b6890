"""Matched comparisons from stores: pairing, effects that are known, errors, and what is refused."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hamster_bench.cli.main import main
from hamster_bench.errors import InvalidOptionError, StoreError, UnknownNameError
from hamster_bench.evaluation.outcomes import EpisodeOutcome, read_outcomes
from hamster_bench.evaluation.protocol import Protocol, make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.statistics import holm, mcnemar_p, paired_difference
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.comparison import (
    Comparison,
    Contestant,
    Source,
    compare_agents,
    compare_planners,
    factor_effects,
)
from hamster_bench.leaderboards.comparison_formats import MEAN, to_csv, to_latex, to_markdown, to_text
from hamster_bench.scenario import VARIATION_FACTORS, Scenario

HAMSTER = make_protocol("hamster")
FRICTION = make_protocol("hamster", grasp="friction")
TASKS = tuple(f"task_{i}" for i in range(14))
LETTERS = {"s": "success", "f": "failure", "e": "error"}


def outcomes(
    agent: str, letters: str, *, task: str = "a", factor: str = "no_var", variation: int = 0, start: int = 0, seed: int = 0
) -> list[EpisodeOutcome]:
    """One outcome for each letter: s(uccess), f(ailure), e(rror)."""
    return [
        EpisodeOutcome(agent, task, variation, factor, start + i, seed, LETTERS[letter])  # type: ignore[arg-type]
        for i, letter in enumerate(letters)
    ]


def source(*groups: Iterable[EpisodeOutcome], protocol: Protocol = HAMSTER, name: str = "runs/x") -> Source:
    listed = [outcome for group in groups for outcome in group]
    fingerprint = protocol.fingerprint
    return Source(
        name=name,
        protocols={fingerprint: protocol},
        outcomes={fingerprint: listed},
        versions={fingerprint: ['{"python": "3.11"}']},
    )


def agents(where: Source, *names: str) -> list[Contestant]:
    return [Contestant(where, name) for name in names]


def written(directory: Path, made: Iterable[EpisodeOutcome], protocol: Protocol = HAMSTER) -> Path:
    with ResultStore.for_writing(directory) as store:
        run = store.start_run(protocol, {})
        for outcome in made:
            kind = {"success": None, "failure": "step_limit", "error": "agent_error"}[outcome.outcome]
            record = EpisodeRecord(
                agent=outcome.agent,
                agent_fingerprint="f",
                protocol=protocol.fingerprint,
                scenario=outcome.scenario,
                outcome=outcome.outcome,
                kind=kind,
                versions={"python": "3.11"},
            )
            store.add(run, record)
    return directory


def only(comparisons: tuple[Comparison, ...]) -> Comparison:
    (comparison,) = comparisons
    return comparison


def test_agents_are_paired_by_scenario_and_lone_scenarios_are_counted() -> None:
    where = source(outcomes("x", "sssff"), outcomes("y", "sfsfs", start=1), outcomes("y", "s", seed=7))
    effect = only(compare_agents(agents(where, "x", "y"))).means[0]
    # Episodes 1 to 4: x s s f f, y s f s f.
    assert (effect.pairs, effect.both, effect.first_only, effect.second_only) == (4, 1, 1, 1)
    assert effect.without_partner == (1, 2)
    assert effect.difference.mean == 0.0
    assert "no_var: scenarios without a partner, left out: 1 of x, 2 of y." in to_text(compare_agents(agents(where, "x", "y")))


def test_figures_are_those_of_the_statistics() -> None:
    where = source(
        outcomes("x", "ssssssff", task="a"),
        outcomes("y", "sfffssfs", task="a"),
        outcomes("x", "ssss", task="b"),
        outcomes("y", "fffs", task="b"),
    )
    comparison = only(compare_agents(agents(where, "x", "y")))
    effect = comparison.means[0]
    difference, interval = paired_difference([3, 3], [1, 0], [8, 4])
    assert effect.difference == pytest.approx([float(difference), float(interval.low), float(interval.high)])
    assert effect.p == float(mcnemar_p(6, 1))
    assert effect.bootstrap is None
    assert [task.task for task in comparison.by_task] == ["a", "b"]
    assert [task.p for task in comparison.by_task] == [float(mcnemar_p(3, 1)), float(mcnemar_p(3, 0))]
    assert [task.p_holm for task in comparison.by_task] == holm([task.p for task in comparison.by_task]).tolist()
    assert "the difference weighs tasks equally, the test weighs pairs equally" in to_text([comparison])


def test_the_family_of_holm_is_every_mean() -> None:
    where = source(
        *(outcomes("x", "s" * 10, factor=factor) for factor in ("no_var", "tab_col", "tab_tex")),
        outcomes("y", "f" * 10),
        outcomes("y", "ffffffffss", factor="tab_col"),
        outcomes("y", "ssssssssff", factor="tab_tex"),
    )
    means = only(compare_agents(agents(where, "x", "y"))).means
    assert [effect.factor for effect in means] == ["no_var", "tab_col", "tab_tex"]
    assert [effect.p_holm for effect in means] == holm([effect.p for effect in means]).tolist()
    assert means[0].p_holm == 3 * means[0].p


def test_factors_are_paired_with_their_controls() -> None:
    where = source(
        outcomes("x", "ssssf"),
        outcomes("x", "sffff", factor="tab_tex"),
        # Drawn variations, whose control is at variation 0.
        outcomes("x", "f", factor="rlb_var", variation=2),
        outcomes("x", "s", factor="rlb_var", start=1),
        outcomes("x", "ff", factor="rlb_and_col", variation=5, start=3),
        outcomes("x", "s", factor="rlb_and_col", variation=1, start=9),
    )
    means = {effect.factor: effect for effect in only(factor_effects(Contestant(where, "x"))).means}
    assert list(means) == ["rlb_and_col", "rlb_var", "tab_tex"]
    counted = {name: (e.pairs, e.first_only, e.second_only, e.without_partner) for name, e in means.items()}
    assert counted == {"tab_tex": (5, 0, 3, (0, 0)), "rlb_var": (2, 0, 1, (0, 3)), "rlb_and_col": (2, 0, 1, (1, 3))}
    assert means["tab_tex"].difference.mean == pytest.approx(-0.6)
    assert (means["rlb_var"].first, means["rlb_var"].second) == ("rlb_var", "no_var")


def test_partners_are_those_that_scenarios_name() -> None:
    for factor in ("tab_tex", *sorted(VARIATION_FACTORS)):
        scenario = Scenario(task="a", factor=factor, variation=3, episode=1)
        control = scenario.control()
        where = source(
            outcomes("x", "s", variation=control.variation, start=1), outcomes("x", "f", factor=factor, variation=3, start=1)
        )
        assert only(factor_effects(Contestant(where, "x"))).means[0].pairs == 1


def test_variation_factors_have_no_control_where_controls_vary() -> None:
    drawn = make_protocol("hamster", variations="drawn")
    where = source(
        outcomes("x", "ss"),
        outcomes("x", "sf", factor="rlb_var"),
        outcomes("x", "ff", factor="tab_tex"),
        protocol=drawn,
    )
    comparison = only(factor_effects(Contestant(where, "x")))
    assert [effect.factor for effect in comparison.means] == ["tab_tex"]
    assert "rlb_var: left out, this protocol draws the RLBench variation of the controls, too." in to_text([comparison])
    with pytest.raises(InvalidOptionError, match="rlb_var cannot be compared"):
        factor_effects(Contestant(where, "x"), ["rlb_var"])


def test_errors_are_reported_both_ways() -> None:
    where = source(outcomes("x", "sssse"), outcomes("y", "fsfes"))
    comparison = only(compare_agents(agents(where, "x", "y")))
    counted, without = comparison.means[0], comparison.means_without_errors[0]
    assert (counted.pairs, counted.pairs_with_errors, counted.first_only, counted.second_only) == (5, 2, 3, 1)
    assert (without.pairs, without.pairs_with_errors, without.first_only, without.second_only) == (3, 0, 2, 0)
    text = to_text([comparison])
    assert "Pairs with errors left out" in text
    assert "5 (2 with errors)" in text
    rows = [row for row in csv.DictReader(io.StringIO(to_csv([comparison]))) if row["task"] == MEAN]
    assert [(row["errors"], row["pairs"]) for row in rows] == [("not_successful", "5"), ("left_out", "3")]
    clean = only(compare_agents(agents(source(outcomes("x", "ss"), outcomes("y", "sf")), "x", "y")))
    assert "errors" not in to_text([clean]).lower()
    assert clean.means_without_errors[0].difference == clean.means[0].difference


def test_arms_all_of_whose_pairs_broke_have_no_figure_without_errors() -> None:
    comparison = only(compare_agents(agents(source(outcomes("x", "ee"), outcomes("y", "ss")), "x", "y")))
    assert comparison.means_without_errors[0].pairs == 0
    assert "-" in to_text([comparison])
    assert to_csv([comparison]).count("left_out") == 1


def planted(effects: dict[str, float], episodes: int = 25, seed: int = 0) -> Source:
    """Outcomes that a latent difficulty of each scenario decides, so that arms are matched as in a simulator."""
    rng = np.random.default_rng(seed)
    made = []
    for task, rate in zip(TASKS, rng.uniform(0.4, 0.9, len(TASKS)), strict=True):
        luck = rng.random(episodes)
        for factor, effect in effects.items():
            fresh = np.where(rng.random(episodes) < 0.1, rng.random(episodes), luck)
            letters = "".join("s" if u < rate + effect else "f" for u in fresh)
            made.append(outcomes("x", letters, task=task, factor=factor))
    return source(*made)


def test_known_effects_are_recovered_and_an_unpaired_analysis_is_wider() -> None:
    truth = {"no_var": 0.0, "bac_tex": 0.0, "man_obj_tex": -0.1, "rlb_and_col": -0.3, "tab_col": 0.08}
    worlds = [only(factor_effects(Contestant(planted(truth, seed=seed), "x"))) for seed in range(20)]
    effects = [effect for world in worlds for effect in world.means]
    held = [e.difference.low <= truth[e.factor] <= e.difference.high for e in effects]
    assert np.mean(held) >= 0.9
    for factor, expected in truth.items():
        found = [e.difference.mean for e in effects if e.factor == factor]
        assert not found or np.mean(found) == pytest.approx(expected, abs=0.02)
    paired = np.array([e.difference.high - e.difference.low for e in effects])
    unpaired = np.array([e.unpaired.high - e.unpaired.low for e in effects])
    assert (paired < unpaired).all()
    assert np.mean(paired / unpaired) < 0.75
    significant = {f: np.mean([e.p_holm <= 0.05 for e in effects if e.factor == f]) for f in truth if f != "no_var"}
    assert significant["bac_tex"] <= 0.1
    assert min(significant["man_obj_tex"], significant["rlb_and_col"]) >= 0.9
    shown = [e for e in effects if e.bootstrap is not None]
    assert shown
    for e in shown:
        assert e.bootstrap is not None
        assert e.bootstrap.high - e.bootstrap.low == pytest.approx(e.difference.high - e.difference.low, rel=0.25)


def rivals(factors: Iterable[str], *, seed: int = 0, episodes: int = 20, gain: float = 0.2) -> list[EpisodeOutcome]:
    """Agents x and y on the same scenarios, y better; how either fares on a layout is the same under every factor."""
    rng = np.random.default_rng(seed)
    made = []
    for task in ("a", "b", "c"):
        for agent, rate in (("x", 0.4), ("y", 0.4 + gain)):
            letters = "".join(np.where(rng.random(episodes) < rate, "s", "f"))
            made += [outcome for factor in factors for outcome in outcomes(agent, letters, task=task, factor=factor)]
    return made


def test_the_average_over_factors_is_of_layouts_not_of_episodes() -> None:
    one = only(compare_agents(agents(source(rivals(["no_var"], episodes=40)), "x", "y")))
    many = only(compare_agents(agents(source(rivals(["no_var", "tab_col", "tab_tex", "cam_pos"], episodes=40)), "x", "y")))
    assert one.averages == ()
    (single,), (average,) = one.means, many.averages
    assert (average.factors, average.tasks, average.pairs, average.layouts) == (4, 3, 480, 120)
    assert (average.first_only, average.second_only) == (4 * single.first_only, 4 * single.second_only)
    # Three factors more under which everything comes out as before are no further evidence.
    assert average.difference == pytest.approx(single.difference.mean)
    assert average.bootstrap is not None
    assert single.bootstrap is not None
    assert average.bootstrap == pytest.approx([float(single.bootstrap.low), float(single.bootstrap.high)])
    assert average.p == pytest.approx(single.p, abs=0.01)
    assert average.p_holm == average.p
    # As if they were: the test of single pairs.
    assert float(mcnemar_p(average.first_only, average.second_only)) < 0.01 * average.p


def test_the_average_weighs_factors_and_their_tasks_equally() -> None:
    where = source(
        outcomes("x", "ssff", task="a"),
        outcomes("y", "ffff", task="a"),
        outcomes("x", "ssssssss", task="b"),
        outcomes("y", "ssssssff", task="b"),
        outcomes("x", "s", task="a", factor="tab_col"),
        outcomes("y", "f", task="a", factor="tab_col"),
        outcomes("x", "f", task="c", factor="tab_tex"),
    )
    (average,) = only(compare_agents(agents(where, "x", "y"))).averages
    assert (average.factors, average.tasks, average.pairs, average.layouts) == (2, 2, 13, 12)
    assert average.first_rate == pytest.approx((0.75 + 1.0) / 2)
    assert average.second_rate == pytest.approx((0.375 + 0.0) / 2)
    assert average.difference == pytest.approx(average.first_rate - average.second_rate)
    assert average.bootstrap is None


def test_a_factor_that_has_just_begun_leaves_the_average_without_an_interval() -> None:
    listed = [
        *rivals(["no_var", "tab_col"], episodes=40),
        *outcomes("x", "s", factor="tab_tex"),
        *outcomes("y", "f", factor="tab_tex"),
    ]
    (average,) = only(compare_agents(agents(source(listed), "x", "y"))).averages
    assert average.factors == 3
    assert average.bootstrap is None
    assert 0.0 < average.p <= 1.0
    assert "nan" not in to_text(compare_agents(agents(source(listed), "x", "y")))


def test_averages_of_several_agents_are_a_family() -> None:
    listed = rivals(["no_var", "tab_col"])
    listed += [outcome._replace(agent="z") for outcome in rivals(["no_var", "tab_col"], seed=1) if outcome.agent == "y"]
    comparison = only(compare_agents(agents(source(listed), "x", "y", "z")))
    assert [(average.first, average.second) for average in comparison.averages] == [("x", "y"), ("x", "z")]
    assert [average.p_holm for average in comparison.averages] == holm([average.p for average in comparison.averages]).tolist()
    text = to_text([comparison])
    assert [line.split()[:4] for line in text.splitlines() if line.split()[1:2] == ["avg"]] == [
        ["y", "avg", "3", "120"],
        ["z", "avg", "3", "120"],
    ]
    assert "avg: over the 2 factors, which weigh equally" in text
    assert "Holm's adjustment for a family of 2." in text
    rows = [row for row in csv.DictReader(io.StringIO(to_csv([comparison]))) if row["factor"] == "avg"]
    assert [float(row["p_holm"]) for row in rows] == [average.p_holm for average in comparison.averages]
    assert [row["low"] for row in rows] == ["", ""]


def test_effects_of_factors_have_no_average() -> None:
    comparison = only(factor_effects(Contestant(planted({"no_var": 0.0, "tab_tex": -0.2, "tab_col": 0.0}), "x")))
    assert comparison.averages == ()
    assert "avg" not in to_text([comparison])


def test_figures_do_not_depend_on_the_order_of_the_records() -> None:
    where = planted({"no_var": 0.0, "tab_tex": -0.2})
    (listed,) = where.outcomes.values()
    shuffled = [listed[i] for i in np.random.default_rng(0).permutation(len(listed))]
    assert to_csv(factor_effects(Contestant(source(shuffled), "x"))) == to_csv(factor_effects(Contestant(where, "x")))
    listed = rivals(["no_var", "tab_tex", "tab_col"])
    shuffled = [listed[i] for i in np.random.default_rng(0).permutation(len(listed))]
    assert to_csv(compare_agents(agents(source(shuffled), "x", "y"))) == to_csv(compare_agents(agents(source(listed), "x", "y")))


def test_protocols_are_never_mixed() -> None:
    first, second = source(outcomes("x", "ss"), name="one"), source(outcomes("y", "ss"), protocol=FRICTION, name="two")
    with pytest.raises(StoreError, match=r"different protocols and cannot be compared.*grasp: attach and friction"):
        compare_agents([Contestant(first, "x"), Contestant(second, "y")])
    both = Source(
        name="both",
        protocols={**first.protocols, **second.protocols},
        outcomes={HAMSTER.fingerprint: outcomes("x", "ss") + outcomes("y", "ff"), FRICTION.fingerprint: outcomes("x", "ff")},
        versions={HAMSTER.fingerprint: ["{}"], FRICTION.fingerprint: ["{}"]},
    )
    comparison = only(compare_agents(agents(both, "x", "y")))
    assert (comparison.protocol, comparison.means[0].pairs, comparison.means[0].first_only) == (HAMSTER, 2, 2)
    assert f"left out: hamster (grasp=friction) (fingerprint {FRICTION.fingerprint})" in to_text([comparison])
    # A factor in one protocol has no control in another.
    split = Source(
        name="split",
        protocols=both.protocols,
        outcomes={HAMSTER.fingerprint: outcomes("x", "ss"), FRICTION.fingerprint: outcomes("x", "ff", factor="tab_tex")},
        versions=both.versions,
    )
    with pytest.raises(StoreError, match="under one protocol"):
        factor_effects(Contestant(split, "x"))


def of_planners(**letters: str) -> Source:
    """Outcomes of one agent, with the paths of each planner."""
    protocols = [make_protocol("hamster", path_planner=planner) for planner in letters]
    made = [source(outcomes("x", held), protocol=protocol) for held, protocol in zip(letters.values(), protocols, strict=True)]
    return Source(
        name="runs/x",
        protocols={fingerprint: protocol for part in made for fingerprint, protocol in part.protocols.items()},
        outcomes={fingerprint: listed for part in made for fingerprint, listed in part.outcomes.items()},
        versions={fingerprint: listed for part in made for fingerprint, listed in part.versions.items()},
    )


def test_planners_are_compared_on_the_scenarios_of_both_and_by_nothing_else() -> None:
    where = of_planners(sketch="sssf", oracle="ssss", wrong="ffs")
    comparison = only(compare_planners(Contestant(where, "x"), ["sketch", "oracle", "wrong"]))
    assert comparison.kind == "planners"
    assert comparison.protocol.path_planner == "sketch"
    oracle, wrong = comparison.means
    assert (oracle.first, oracle.second, oracle.pairs, oracle.first_only, oracle.second_only) == ("sketch", "oracle", 4, 0, 1)
    assert (wrong.pairs, wrong.first_only, wrong.second_only, wrong.without_partner) == (3, 2, 0, (1, 0))
    assert [effect.p_holm for effect in comparison.means] == list(holm([effect.p for effect in comparison.means]))
    text = to_text([comparison])
    assert "Comparison of x with paths of sketch against oracle and wrong" in text
    assert "second planner" in text
    oracle_fingerprint = make_protocol("hamster", path_planner="oracle").fingerprint
    newer = replace(where, versions={**where.versions, oracle_fingerprint: ['{"python": "3.12"}']})
    assert "2 different sets of program versions" in to_text(compare_planners(Contestant(newer, "x"), ["sketch", "oracle"]))
    assert "different sets" not in text
    # A protocol that differs in another rule as well is no partner.
    other = make_protocol("hamster", path_planner="oracle", grasp="friction")
    mixed = of_planners(sketch="ss")
    mixed = Source(
        name="mixed",
        protocols={**mixed.protocols, other.fingerprint: other},
        outcomes={**mixed.outcomes, other.fingerprint: outcomes("x", "ff")},
        versions={**mixed.versions, other.fingerprint: ["{}"]},
    )
    with pytest.raises(StoreError, match="otherwise equal rules"):
        compare_planners(Contestant(mixed, "x"), ["sketch", "oracle"])


@pytest.mark.parametrize("planners", [["sketch"], ["sketch", "sketch"]])
def test_a_planner_is_not_compared_with_itself(planners: list[str]) -> None:
    with pytest.raises(InvalidOptionError, match="two different path planners"):
        compare_planners(Contestant(of_planners(sketch="ss"), "x"), planners)


def test_a_planner_without_records_is_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean: oracle"):
        compare_planners(Contestant(of_planners(sketch="ss", oracle="ss"), "x"), ["sketch", "oracel"])


def test_what_is_not_there_is_refused_with_what_is() -> None:
    where = source(outcomes("expert", "ss"), outcomes("random", "ff", start=5), outcomes("expert", "s", factor="tab_tex"))
    with pytest.raises(UnknownNameError, match="Did you mean: expert"):
        compare_agents(agents(where, "expertt", "random"))
    with pytest.raises(UnknownNameError, match="Did you mean: tab_tex"):
        factor_effects(Contestant(where, "expert"), ["tab_txe"])
    with pytest.raises(InvalidOptionError, match="no_var is the control"):
        factor_effects(Contestant(where, "expert"), ["no_var"])
    with pytest.raises(StoreError, match="no scenario was met by both"):
        compare_agents(agents(where, "expert", "random"))
    with pytest.raises(StoreError, match="its control on record"):
        factor_effects(Contestant(where, "random"))
    with pytest.raises(InvalidOptionError, match="at least two"):
        compare_agents(agents(where, "expert"))
    with pytest.raises(InvalidOptionError, match="at least two"):
        compare_agents(agents(where, "expert", "expert"))


def test_markdown_and_text_say_the_same() -> None:
    comparison = only(
        compare_agents(
            agents(source(outcomes("x", "sssf"), outcomes("path_lift", "fffs"), outcomes("z", "ffff")), "x", "path_lift", "z")
        )
    )
    rows = [line for line in to_markdown([comparison]).splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1
    assert rows[2].startswith("| path\\_lift | no\\_var | 1 | 4 | 75.0 | 25.0 | +50.0 [")
    text = to_text([comparison]).splitlines()
    assert text[0] == f"Comparison of x against path_lift and z, protocol hamster (fingerprint {HAMSTER.fingerprint})"
    assert text[2].split()[:4] == ["second", "agent", "factor", "tasks"]


def test_latex_has_a_table_for_every_part_and_nothing_unescaped() -> None:
    comparison = only(
        compare_agents(agents(source(outcomes("x", "ssse" * 5), outcomes("path_lift", "fffs" * 5)), "x", "path_lift"))
    )
    for by_task, tables in ((False, 2), (True, 4)):
        text = to_latex([comparison], by_task=by_task)
        assert text.count(r"\begin{table*}") == text.count(r"\end{table*}") == tables
        for table in text.split(r"\begin{table*}")[1:]:
            rows = [line.strip() for line in table.splitlines() if line.endswith(r" \\")]
            columns = re.search(r"\\begin{tabular}{(l+)}", table)
            assert columns is not None
            assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(columns[1]) - 1}
        assert text.count("McNemar") == 1
    assert r"only path\_lift" in text
    assert "& +50.0 [" in text
    assert not re.search(r"(?<!\\)[_#%](?!$)", text.split("\n", 1)[1].replace("{!}{%", ""))


def test_outcomes_are_read_as_they_were_written(tmp_path: Path) -> None:
    made = [*outcomes("x", "sfe"), *outcomes("x", "s", task="b", factor="rlb_var", variation=3, seed=2)]
    with ResultStore.for_reading(written(tmp_path, made)) as store:
        assert read_outcomes(store, HAMSTER.fingerprint) == made
        assert read_outcomes(store, "other") == []


def test_the_command_compares_directories_and_writes_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = written(tmp_path / "old", outcomes("mine", "sfff")), written(tmp_path / "new", outcomes("mine", "ssss"))
    markdown, table, latex = tmp_path / "c.md", tmp_path / "c.csv", tmp_path / "c.tex"
    words = [
        "compare",
        str(new),
        str(old),
        "--agents",
        "mine,mine",
        "--sequential",
        "--markdown",
        str(markdown),
        "--csv",
        str(table),
        "--latex",
        str(latex),
    ]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert f"mine ({new}) against mine ({old})" in printed
    assert "+75.0 [" in printed
    assert "p (any time)" in printed
    row = next(csv.DictReader(io.StringIO(table.read_text())))
    assert (row["difference"], row["first_only"], row["task"], row["p"]) == ("0.75", "3", MEAN, "0.25")
    assert "+75.0 [" in markdown.read_text()
    assert "+75.0 [" in latex.read_text()


def test_the_command_refuses_without_a_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = written(tmp_path / "a", outcomes("x", "ss"))
    other = written(tmp_path / "b", outcomes("y", "ss"), FRICTION)
    assert main(["compare", str(made), str(other), "--agents", "x,y"]) == 2
    assert "They differ in grasp: attach and friction" in capsys.readouterr().err
    assert main(["compare", str(made), str(other), "--agent", "x"]) == 2
    assert "leave the second out" in capsys.readouterr().err
    assert main(["compare", str(made), "--agents", "x,y", "--planners", "sketch,oracle"]) == 2
    assert "--agent" in capsys.readouterr().err
    assert main(["compare", str(made), "--agent", "x", "--planners", "oracle,sketch"]) == 2
    assert "path planner in records of x" in capsys.readouterr().err
    assert main(["compare", str(tmp_path / "none"), "--agent", "x"]) == 2
    assert "no results" in capsys.readouterr().err


def test_step_is_shown_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sequentialized_barnard_tests", reason="the extra sequential is not installed")
    made = written(tmp_path, [*outcomes("x", "s" * 30), *outcomes("y", "f" * 30)])
    assert main(["compare", str(made), "--agents", "y,x", "--step", "50"]) == 0
    assert "x after " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--episodes", "25", "--tasks", "14"], "Smallest difference that 25 episodes of 14 tasks (350 pairs) show"),
        (["--effect", "-0.1", "--comparisons", "14"], "Episodes that show a difference of -10 points over 14 tasks"),
        (["--effect", "0.1", "--correlation", "0.5"], "matched, correlation 0.5"),
    ],
)
def test_the_power_command(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["power", "--baseline", "0.6", *words]) == 0
    assert said in capsys.readouterr().out


def test_the_power_command_refuses_what_is_no_share(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["power", "--baseline", "60", "--episodes", "25"]) == 2
    assert "baseline must be a number from 0 to 1, got '60'" in capsys.readouterr().err
