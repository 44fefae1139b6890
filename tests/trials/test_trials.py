"""Trials: order, codes, labels that are only ever superseded, and the figures that come out."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hamster_bench.errors import InvalidOptionError, UnknownNameError
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.trial_table import trial_grids
from hamster_bench.trials.book import TrialBook, changed_files, seal_folder
from hamster_bench.trials.plan import TrialError, TrialPlan
from hamster_bench.trials.report import permutation_p, report, store_records
from hamster_bench.trials.rubric import Rubric, axes, rubrics
from hamster_bench.trials.running import _write
from hamster_bench.trials.schedule import make_schedule, unseal, williams_square


def plan_values(agents: tuple[str, ...] = ("ours", "theirs"), scenes: int = 6) -> dict[str, Any]:
    tasks = ("pick_and_place", "knock_down", "press_button")
    return {
        "version": 1,
        "name": "made_up",
        "seed": 3,
        "agents": list(agents),
        "camera": "front",
        "image_size": [128, 128],
        "max_steps": 25,
        "time_limit": 120.0,
        "path_planner": "none",
        "rubrics": {},
        "scenes": [
            {
                "id": f"scene{i}",
                "task": tasks[i % 3],
                "axis": axes()[i % 7],
                "instruction": "pick up the red box",
                "objects": ["red box, left"],
                "reference": None,
                "object_mass": None,
            }
            for i in range(scenes)
        ],
    }


def make_plan(**changes: Any) -> TrialPlan:
    return TrialPlan.parse(plan_values(**changes), Path())


def carry_out(book: TrialBook, trial_id: str) -> None:
    trial = book.trial(trial_id)
    folder = book.new_try(trial_id)
    scenario = book.plan.scenario(book.plan.scene(trial.scene))
    _write(
        folder / "record.json",
        EpisodeRecord(
            agent=trial.code, agent_fingerprint="f", protocol=book.plan.protocol.fingerprint, scenario=scenario,
            outcome="failure", kind="step_limit", steps=7,
        ),
    )  # fmt: skip
    seal_folder(folder)
    book.note("ended", trial=trial_id, folder=folder.name)


def label(book: TrialBook, trial_id: str, done: int, **changes: Any) -> None:
    rubric = book.plan.rubrics[book.plan.scene(book.trial(trial_id).scene).task]
    answers = {name: "yes" if i < done else "no" for i, name in enumerate(rubric.credits)}
    book.label(trial_id, answers, **({"failure_mode": "none", "remark": "", "person": "ab"} | changes))


@pytest.fixture
def book(tmp_path: Path) -> TrialBook:
    return TrialBook.begin(tmp_path / "trials", make_plan(), tmp_path)


class TestRubric:
    def test_credits_are_those_of_the_paper(self) -> None:
        assert {name: tuple(rubric.credits.values()) for name, rubric in rubrics().items()} == {
            "pick_and_place": (0.25,) * 4,
            "knock_down": (0.5, 0.5),
            "press_button": (0.5, 0.5),
        }

    @pytest.mark.parametrize("done", range(5))
    def test_what_follows_a_no_does_not_count(self, done: int) -> None:
        rubric = rubrics()["pick_and_place"]
        names = list(rubric.credits)
        answers = {name: "yes" for name in names}
        if done < 4:
            answers[names[done]] = "no"
        assert rubric.score(answers) == pytest.approx(0.25 * done)
        assert sum(rubric.reached(answers)) == done

    def test_unclear_answers_leave_the_score_open_where_they_matter(self) -> None:
        rubric = rubrics()["knock_down"]
        assert rubric.score({"touch_correct_object": "unclear", "knocked_down": "yes"}) is None
        assert rubric.score({"touch_correct_object": "no", "knocked_down": "unclear"}) == 0.0

    def test_shares_must_sum_to_one(self) -> None:
        with pytest.raises(InvalidOptionError, match="sum to 1"):
            Rubric("x", 1, {"a": 0.5, "b": 0.4}, {"a": "", "b": ""}, "")


class TestSchedule:
    @pytest.mark.parametrize("count", range(1, 8))
    def test_squares_are_balanced(self, count: int) -> None:
        rows = williams_square(count)
        assert all(sorted(row) == list(range(count)) for row in rows)
        for place in range(count):
            assert len(set(Counter(row[place] for row in rows).values())) == 1
        after = Counter(pair for row in rows for pair in itertools.pairwise(row))
        assert len(set(after.values())) <= 1
        assert count < 2 or len(after) == count * (count - 1)

    @pytest.mark.parametrize("agents", [("a", "b"), ("a", "b", "c"), ("a", "b", "c", "d")])
    def test_every_scene_meets_every_policy_once_and_places_are_balanced(self, agents: tuple[str, ...]) -> None:
        plan = make_plan(agents=agents, scenes=24)
        schedule, _ = make_schedule(plan)
        assert Counter((trial.scene, trial.code) for trial in schedule.trials) == Counter(
            {(scene.id, code): 1 for scene in plan.scenes for code in "ABCD"[: len(agents)]}
        )
        blocks = (
            list(itertools.batched(schedule.trials, len(agents)))
            if hasattr(itertools, "batched")
            else [schedule.trials[i : i + len(agents)] for i in range(0, len(schedule.trials), len(agents))]
        )
        for place in range(len(agents)):
            assert len(set(Counter(block[place].code for block in blocks).values())) == 1

    def test_it_is_the_same_every_time_and_says_no_names(self) -> None:
        plan = make_plan(agents=("secret_one", "secret_two"))
        schedule, sealed = make_schedule(plan)
        assert make_schedule(plan) == (schedule, sealed)
        assert "secret" not in repr(schedule)
        assert sorted(unseal(sealed, schedule.seal, plan.agents).values()) == ["secret_one", "secret_two"]

    def test_a_changed_seal_is_found_out(self) -> None:
        plan = make_plan()
        schedule, sealed = make_schedule(plan)
        swapped = sealed.replace('"A": "ours"', '"A": "x"').replace('"A": "theirs"', '"A": "ours"').replace('"x"', '"theirs"')
        with pytest.raises(TrialError, match="changed"):
            unseal(swapped, schedule.seal, plan.agents)


class TestPlan:
    @pytest.mark.parametrize("name", sorted(plan_values()))
    def test_every_value_is_needed(self, name: str) -> None:
        values = plan_values()
        del values[name]
        with pytest.raises(TrialError, match=name):
            TrialPlan.parse(values, Path())

    def test_wrong_names_get_a_suggestion(self) -> None:
        values = plan_values()
        values["scenes"][0]["axis"] = "visuel"
        with pytest.raises(UnknownNameError, match="visual"):
            TrialPlan.parse(values, Path())

    def test_a_plan_changed_after_the_beginning_is_refused(self, book: TrialBook) -> None:
        stored = json.loads((book.folder / "plan.json").read_text())
        stored["plan"]["max_steps"] = 50
        (book.folder / "plan.json").write_text(json.dumps(stored))
        with pytest.raises(TrialError, match="another plan"):
            TrialBook(book.folder)


class TestBook:
    def test_labels_are_superseded_and_never_lost(self, book: TrialBook) -> None:
        trial = book.schedule.trials[0].id
        carry_out(book, trial)
        label(book, trial, 0, failure_mode="no_motion")
        before = (book.folder / "book.jsonl").read_bytes()
        label(book, trial, 1, person="cd")
        assert (book.folder / "book.jsonl").read_bytes().startswith(before)
        first, second = book.labels()
        assert (first.supersedes, second.supersedes) == (None, 0)
        assert book.current_labels()[trial] == second

    def test_what_was_not_carried_out_has_no_label(self, book: TrialBook) -> None:
        with pytest.raises(TrialError, match="not been carried out"):
            label(book, book.schedule.trials[0].id, 0)

    def test_void_trials_come_again_at_the_end_of_their_block(self, book: TrialBook) -> None:
        first, second = (trial.id for trial in book.schedule.trials[:2])
        carry_out(book, first)
        book.void(first, "operator_error", "ab")
        assert [trial.id for trial in book.remaining()][:2] == [second, first]
        carry_out(book, first)
        label(book, first, 1)
        with pytest.raises(TrialError, match="labelled already"):
            book.void(first, "operator_error", "ab")

    def test_only_listed_reasons_void(self, book: TrialBook) -> None:
        carry_out(book, "t000")
        with pytest.raises(UnknownNameError, match="operator_error"):
            book.void("t000", "did not like it", "ab")

    def test_codes_stay_sealed_until_the_last_label(self, book: TrialBook) -> None:
        for trial in book.schedule.trials[:-1]:
            carry_out(book, trial.id)
            label(book, trial.id, 1)
        with pytest.raises(TrialError, match="stay sealed"):
            report(book)
        last = book.schedule.trials[-1].id
        carry_out(book, last)
        rubric = book.plan.rubrics[book.plan.scene(book.trial(last).scene).task]
        book.label(last, dict.fromkeys(rubric.credits, "unclear"), failure_mode="other", remark="", person="ab")
        with pytest.raises(TrialError, match="second person"):
            report(book)
        label(book, last, 0, person="cd")
        assert len(report(book).policies) == 2

    def test_changed_files_are_found(self, book: TrialBook) -> None:
        carry_out(book, "t000")
        (folder,) = book.tries("t000")
        assert changed_files(folder) == []
        (folder / "record.json").write_text("{}")
        assert changed_files(folder) == ["record.json"]


class TestReport:
    @pytest.fixture
    def finished(self, book: TrialBook) -> TrialBook:
        """Ours does everything, theirs only the first sub-action."""
        codes = book.codes_for_running()
        carry_out(book, book.schedule.trials[0].id)
        book.void(book.schedule.trials[0].id, "object_damaged", "ab")
        for trial in book.schedule.trials:
            carry_out(book, trial.id)
            ours = codes[trial.code] == "ours"
            label(book, trial.id, 4 if ours else 1, failure_mode="none" if ours else "missed_grasp")
        return book

    def test_figures(self, finished: TrialBook) -> None:
        figures = report(finished)
        ours, theirs = figures.policies
        assert (ours.score, ours.success, ours.n) == (1.0, 1.0, 6)
        assert theirs.score == pytest.approx((2 * 0.25 + 4 * 0.5) / 6)
        assert theirs.success == 0.0
        assert theirs.failure_modes == {"missed_grasp": 6}
        assert ours.voids + theirs.voids == 1
        (difference,) = figures.differences
        assert difference.mean == pytest.approx(ours.score - theirs.score)
        assert difference.low <= difference.mean <= difference.high
        assert difference.p == pytest.approx(2.0 / 2**6)

    def test_records_go_into_the_common_store_once(self, finished: TrialBook, tmp_path: Path) -> None:
        with ResultStore.for_writing(tmp_path / "results") as store:
            assert store_records(finished, store) == 12
            assert store_records(finished, store) == 0
            records = list(store.records())
        assert {record.agent for record in records} == {"ours", "theirs"}
        assert all((record.outcome == "success") == (record.stage == 1.0) for record in records)
        with ResultStore.for_reading(tmp_path / "results") as store:
            (grid,) = trial_grids(store)
        assert grid.columns[0] == "avg"
        assert {row.labels[0]: row.entries[0].value for row in grid.rows}["ours"] == 1.0

    def test_permutation_test_agrees_with_its_definition(self) -> None:
        values = np.array([0.5, 0.25, -0.25, 0.5, 0.0, 1.0])
        turned = [abs(np.dot(signs, values)) for signs in itertools.product((-1, 1), repeat=6)]
        assert permutation_p(values) == pytest.approx(np.mean(np.array(turned) >= abs(values.sum()) - 1e-12))
        assert permutation_p(np.zeros(4)) == 1.0
        many = np.full(40, 0.25)
        assert permutation_p(many) < 1e-4
