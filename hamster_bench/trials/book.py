"""The folder of an evaluation: plan, schedule, sealed codes, one folder a trial, and a book in which nothing is ever changed.

DIR/plan.json  schedule.json  sealed.json
DIR/book.jsonl                every event: begun, ended, label, void; only appended to
DIR/trials/<id>-<try>/        record.json, events.jsonl, pictures, checksums.json
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hamster_bench.errors import UnknownNameError
from hamster_bench.files import write_whole
from hamster_bench.trials.plan import TrialError, TrialPlan
from hamster_bench.trials.rubric import failure_modes, void_reasons
from hamster_bench.trials.schedule import PlannedTrial, Schedule, make_schedule, unseal


@dataclass(frozen=True, kw_only=True)
class Label:
    """What a person says of a trial.

    Attributes:
        trial: id of the trial.
        answers: yes, no or unclear for every sub-action of the rubric.
        failure_mode: one of the list.
        remark: free text.
        person: initials.
        rubric: id of the rubric.
        supersedes: number of the label it takes the place of, or None for the first.
        number: of the label, from 0.
        time: [s since 1970].
    """

    trial: str
    answers: dict[str, str]
    failure_mode: str
    remark: str
    person: str
    rubric: str
    supersedes: int | None
    number: int
    time: float


class TrialBook:
    """An evaluation's folder.

    Args:
        folder: made by `begin`.

    Attributes:
        folder: the same.
        plan: the plan, as it was at the beginning.
        schedule: order and codes.

    Raises:
        TrialError: the folder is none of an evaluation, or its files do not belong together.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            stored = json.loads((self.folder / "plan.json").read_text(encoding="utf-8"))
            scheduled = json.loads((self.folder / "schedule.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrialError(f"{self.folder} holds no evaluation: {error}; 'hamster-bench trials begin' makes one") from error
        self.plan = TrialPlan.parse(stored["plan"], Path(stored["folder"]))
        if scheduled["plan"] != self.plan.digest:
            raise TrialError(f"the schedule in {self.folder} is of another plan; the plan was changed after the beginning")
        self.schedule = Schedule(tuple(PlannedTrial(**trial) for trial in scheduled["trials"]), scheduled["seal"])

    @classmethod
    def begin(cls, folder: str | Path, plan: TrialPlan, source: Path) -> TrialBook:
        """Makes the folder of an evaluation: order and codes are fixed from here on.

        Args:
            folder: a new or empty folder.
            plan: the plan.
            source: folder of the plan's file, to which its pictures are relative.

        Raises:
            TrialError: the folder is not empty, or cannot be written.
        """
        place = Path(folder)
        try:
            place.mkdir(parents=True, exist_ok=True)
            if any(place.iterdir()):
                raise TrialError(f"{place} is not empty; an evaluation begins in a folder of its own")
            schedule, sealed = make_schedule(plan)
            write_whole(place / "sealed.json", sealed)
            write_whole(place / "schedule.json", json.dumps({"plan": plan.digest} | asdict(schedule), indent=1))
            write_whole(
                place / "plan.json", json.dumps({"plan": json.loads(plan.text), "folder": str(source.absolute())}, indent=1)
            )
        except OSError as error:
            raise TrialError(f"{place} cannot be written: {error}") from error
        return cls(place)

    def entries(self) -> list[dict[str, Any]]:
        """Every entry of the book, in order."""
        file = self.folder / "book.jsonl"
        if not file.exists():
            return []
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    def note(self, kind: str, **values: Any) -> None:
        """Adds an entry, and is back when it is on the disk."""
        line = json.dumps({"kind": kind, "time": time.time()} | values, ensure_ascii=False)
        with (self.folder / "book.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def voids(self) -> dict[str, list[str]]:
        """Reasons of every voided try, by trial."""
        found: dict[str, list[str]] = {}
        for entry in self.entries():
            if entry["kind"] == "void":
                found.setdefault(entry["trial"], []).append(entry["reason"])
        return found

    def tries(self, trial: str) -> list[Path]:
        """Folders of a trial's tries, in order."""
        return sorted((self.folder / "trials").glob(f"{trial}-*"), key=lambda folder: int(folder.name.rpartition("-")[2]))

    def new_try(self, trial: str) -> Path:
        """A new folder for a try of a trial."""
        folder = self.folder / "trials" / f"{trial}-{len(self.tries(trial))}"
        folder.mkdir(parents=True)
        return folder

    def new_rehearsal(self) -> Path:
        """A new folder for a dry run, which the book does not count."""
        number = len(list((self.folder / "rehearsals").glob("*")))
        folder = self.folder / "rehearsals" / str(number)
        folder.mkdir(parents=True)
        return folder

    def ended(self, trial: str) -> bool:
        """Whether the trial has been carried out, and its last try is not void."""
        state = False
        for entry in self.entries():
            if entry.get("trial") == trial and entry["kind"] in ("ended", "void"):
                state = entry["kind"] == "ended"
        return state

    def remaining(self) -> Iterator[PlannedTrial]:
        """Trials to be done: those not yet tried in their order, then, block by block, those that were void."""
        voided = self.voids()
        for block in self._blocks():
            open_trials = [trial for trial in block if not self.ended(trial.id)]
            yield from (trial for trial in open_trials if trial.id not in voided)
            yield from (trial for trial in open_trials if trial.id in voided)

    def label(self, trial: str, answers: Mapping[str, str], *, failure_mode: str, remark: str, person: str) -> Label:
        """Labels a trial; a label that is there is superseded and stays in the book.

        Raises:
            TrialError: the trial has not been carried out.
            UnknownNameError: there is no such trial, answer or failure mode.
            InvalidOptionError: the answers are not those of the rubric.
        """
        planned = self.trial(trial)
        if not self.ended(trial):
            raise TrialError(f"trial {trial} has not been carried out, or is void; there is nothing to label")
        if failure_mode not in failure_modes():
            raise UnknownNameError("failure mode", failure_mode, failure_modes())
        rubric = self.plan.rubrics[self.plan.scene(planned.scene).task]
        rubric.check(answers)
        if not person.strip():
            raise TrialError("a label needs the initials of the person")
        before = self.labels()
        last = [label for label in before if label.trial == trial]
        made = Label(
            trial=trial,
            answers={name: answers[name] for name in rubric.credits},
            failure_mode=failure_mode,
            remark=remark,
            person=person.strip(),
            rubric=rubric.id,
            supersedes=last[-1].number if last else None,
            number=len(before),
            time=time.time(),
        )
        self.note("label", **{name: value for name, value in asdict(made).items() if name != "time"})
        return made

    def labels(self) -> list[Label]:
        """Every label ever given, in order."""
        return [
            Label(**{name: entry[name] for name in Label.__dataclass_fields__})
            for entry in self.entries()
            if entry["kind"] == "label"
        ]

    def current_labels(self) -> dict[str, Label]:
        """The label that counts, by trial."""
        return {label.trial: label for label in self.labels()}

    def void(self, trial: str, reason: str, person: str) -> None:
        """Declares the last try of a trial void; it is done again at the end of its block.

        Raises:
            TrialError: it has not been carried out, or is labelled already.
            UnknownNameError: the reason is none of the list.
        """
        self.trial(trial)
        if reason not in void_reasons():
            raise UnknownNameError("reason to void a trial", reason, void_reasons())
        if trial in self.current_labels():
            raise TrialError(f"trial {trial} is labelled already; whether it counts is decided before that")
        if not self.ended(trial):
            raise TrialError(f"trial {trial} has not been carried out")
        self.note("void", trial=trial, reason=reason, person=person)

    def trial(self, name: str) -> PlannedTrial:
        """The trial of this id.

        Raises:
            UnknownNameError: there is none.
        """
        for trial in self.schedule.trials:
            if trial.id == name:
                return trial
        raise UnknownNameError("trial", name, tuple(trial.id for trial in self.schedule.trials))

    def unfinished(self) -> list[str]:
        """What is lacking before the codes may be opened, a line each."""
        labels = self.current_labels()
        lacking = []
        for trial in self.schedule.trials:
            if not self.ended(trial.id):
                lacking.append(f"{trial.id} has not been carried out")
            elif trial.id not in labels:
                lacking.append(f"{trial.id} has no label")
            else:
                rubric = self.plan.rubrics[self.plan.scene(trial.scene).task]
                if rubric.score(labels[trial.id].answers) is None:
                    lacking.append(f"{trial.id} has an unclear answer that a second person has to decide")
        return lacking

    def open_codes(self) -> dict[str, str]:
        """Which code is which policy; only once every trial has its label.

        Raises:
            TrialError: something is lacking, or the sealed file was changed.
        """
        lacking = self.unfinished()
        if lacking:
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            raise TrialError(f"the codes stay sealed: {'; '.join(lacking[:3])}{more}")
        return unseal((self.folder / "sealed.json").read_text(encoding="utf-8"), self.schedule.seal, self.plan.agents)

    def codes_for_running(self) -> dict[str, str]:
        """Which code is which policy, for the program that runs them; it must not show it."""
        return unseal((self.folder / "sealed.json").read_text(encoding="utf-8"), self.schedule.seal, self.plan.agents)

    def _blocks(self) -> Iterator[list[PlannedTrial]]:
        """The trials of each scene."""
        block: list[PlannedTrial] = []
        for trial in self.schedule.trials:
            if block and trial.scene != block[0].scene:
                yield block
                block = []
            block.append(trial)
        if block:
            yield block


def seal_folder(folder: Path) -> None:
    """Writes the checksums of everything in a trial's folder beside it."""
    sums = {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != "checksums.json"
    }
    write_whole(folder / "checksums.json", json.dumps(sums, indent=1))


def changed_files(folder: Path) -> list[str]:
    """Files of a trial's folder that are not what they were when it was closed."""
    sums = json.loads((folder / "checksums.json").read_text(encoding="utf-8"))
    return [
        name
        for name, digest in sums.items()
        if not (folder / name).is_file() or hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest
    ]
