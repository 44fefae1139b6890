"""The operator's terminal: asks, shows the scene, takes labels. It never says which policy acts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.franka.operator import SceneCard, enter_was_pressed
from hamster_bench.errors import MissingDependencyError
from hamster_bench.trials.book import TrialBook
from hamster_bench.trials.rubric import ANSWERS, Rubric, failure_modes, void_reasons
from hamster_bench.trials.schedule import PlannedTrial

# Columns of the small picture in the terminal.
_PREVIEW_WIDTH = 72


def import_rich() -> Any:
    """The library that draws the terminal.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import rich.console
        import rich.panel
        import rich.table
        import rich.text
    except ImportError as error:
        raise MissingDependencyError(
            f"the console needs rich ({error}); install it with: pip install 'hamster-bench[franka]'"
        ) from error
    return rich


class TrialConsole:
    """An operator's terminal; it is the `Operator` of the environment.

    Args:
        overlays: folder for the picture of reference and present scene, one over the other.
        ask: reads a line; for tests.
        console: a rich console; None makes one.
    """

    def __init__(self, overlays: Path, ask: Callable[[str], str] = input, console: Any = None) -> None:
        self._rich = import_rich()
        self._overlays = overlays
        self._ask = ask
        self._console = console or self._rich.console.Console()

    def tell(self, message: str) -> None:
        """Shows a message."""
        self._console.print(message, markup=False)

    def wants_stop(self) -> bool:
        """Whether Enter was pressed while the arm moves."""
        return enter_was_pressed()

    def confirm(self, question: str, word: str) -> bool:
        """Whether the operator has typed the word."""
        self._console.print(self._rich.panel.Panel(self._rich.text.Text(question)))
        return self._ask(f"type '{word}' to confirm: ").strip() == word

    def scene_is_ready(self, card: SceneCard) -> bool:
        """Shows the card and the overlay, and asks whether the scene is set up."""
        lines = [card.instruction, "", *(f"- {line}" for line in card.objects)]
        if card.difference is not None:
            lines.append(f"difference from the reference picture: {100.0 * card.difference:.1f} %")
        self._console.print(self._rich.panel.Panel(self._rich.text.Text("\n".join(lines)), title=f"scene {card.scene}"))
        picture = overlay(card)
        if picture is not None:
            from PIL import Image

            self._overlays.mkdir(parents=True, exist_ok=True)
            file = self._overlays / f"{card.scene}.png"
            Image.fromarray(picture).save(file)
            self._console.print(self._preview(picture))
            self.tell(f"half reference, half now: {file}")
        return self.confirm("Is the scene set up as on the card?", "ready")

    def begin(self, trial: PlannedTrial, number: int, count: int) -> None:
        """Announces a trial by its code."""
        self._console.rule(f"trial {number} of {count}: scene {trial.scene}, policy {trial.code}")

    def void_reason(self) -> str | None:
        """Why the trial does not count, or None when it does."""
        reasons = void_reasons()
        listed = ", ".join(f"{i + 1} {reason}" for i, reason in enumerate(reasons))
        while True:
            said = self._ask(f"Is the trial void? enter: no; {listed}: ").strip()
            if not said:
                return None
            if said.isdigit() and 1 <= int(said) <= len(reasons):
                return reasons[int(said) - 1]
            self.tell("not one of the choices")

    def answers(self, rubric: Rubric) -> dict[str, str]:
        """Yes, no or unclear for every sub-action; what comes after a no is not asked."""
        found: dict[str, str] = {}
        for name in rubric.credits:
            if "no" in found.values():
                found[name] = "no"
                continue
            found[name] = self._choice(f"{name}: {rubric.meaning[name]}?", ANSWERS)
        return found

    def label(self, book: TrialBook, trial: PlannedTrial, person: str) -> None:
        """Asks for the label of a trial and writes it into the book."""
        rubric = book.plan.rubrics[book.plan.scene(trial.scene).task]
        answers = self.answers(rubric)
        solved = all(answer == "yes" for answer in answers.values())
        mode = "none" if solved else self._choice("failure mode", failure_modes())
        remark = self._ask("remark (enter for none): ").strip()
        book.label(trial.id, answers, failure_mode=mode, remark=remark, person=person)

    def _choice(self, question: str, choices: tuple[str, ...]) -> str:
        while True:
            said = self._ask(f"{question} [{'/'.join(choices)}]: ").strip()
            fitting = [choice for choice in choices if choice.startswith(said)] if said else []
            if said in choices or len(fitting) == 1:
                return said if said in choices else fitting[0]
            self.tell("not one of the choices")

    def _preview(self, picture: NDArray[np.uint8]) -> Any:
        """The picture in half blocks: two rows of pixels a line."""
        from PIL import Image

        height = max(2, round(_PREVIEW_WIDTH * picture.shape[0] / picture.shape[1] / 2) * 2)
        small = np.asarray(Image.fromarray(picture).resize((_PREVIEW_WIDTH, height), Image.Resampling.BOX))
        text = self._rich.text.Text()
        for upper, lower in zip(small[0::2], small[1::2], strict=True):
            for above, below in zip(upper.tolist(), lower.tolist(), strict=True):
                text.append("▀", style=f"rgb({above[0]},{above[1]},{above[2]}) on rgb({below[0]},{below[1]},{below[2]})")
            text.append("\n")
        return text


def overlay(card: SceneCard) -> NDArray[np.uint8] | None:
    """Reference and present picture, half and half; the one that is there where the other is missing."""
    if card.present is None or card.reference is None:
        return card.present if card.reference is None else card.reference
    if card.present.shape != card.reference.shape:
        return card.present
    mixed: NDArray[np.uint8] = ((card.present.astype(np.uint16) + card.reference) // 2).astype(np.uint8)
    return mixed
