"""The person beside the robot, as the environment sees them."""

from __future__ import annotations

import select
import sys
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SceneCard:
    """What the operator has to set up before an episode.

    Attributes:
        instruction: the task in words.
        scene: name of the scene.
        objects: what belongs where, a line each.
        reference: (H, W, 3) uint8 picture of the scene as it shall be, or None.
        present: (H, W, 3) uint8 picture of the scene as it is.
        difference: mean absolute difference of the two [0 to 1], or None without a reference.
    """

    instruction: str
    scene: str
    objects: tuple[str, ...]
    reference: NDArray[np.uint8] | None
    present: NDArray[np.uint8] | None
    difference: float | None


@runtime_checkable
class Operator(Protocol):
    """Answers of a person. There is none that says yes by itself."""

    def confirm(self, question: str, word: str) -> bool:
        """Whether the person has typed the word in answer to the question."""
        ...

    def scene_is_ready(self, card: SceneCard) -> bool:
        """Whether the person has set the scene up as the card says."""
        ...

    def wants_stop(self) -> bool:
        """Whether the person has asked to stop; asked many times a second while the arm moves, and must not wait."""
        ...

    def tell(self, message: str) -> None:
        """Shows the person a message."""
        ...


def enter_was_pressed() -> bool:
    """Whether a line waits on the terminal: while the arm moves nothing else is asked, so that Enter means stop."""
    try:
        if not (sys.stdin.isatty() and select.select([sys.stdin], [], [], 0.0)[0]):
            return False
    except (OSError, ValueError):
        return False
    sys.stdin.readline()
    return True


class TerminalOperator:
    """Asks on the terminal."""

    def confirm(self, question: str, word: str) -> bool:
        """Whether the person has typed the word."""
        self.tell(f"{question}\nType '{word}' to confirm, anything else to refuse.")
        return sys.stdin.readline().strip() == word

    def scene_is_ready(self, card: SceneCard) -> bool:
        """Whether the person has set the scene up."""
        lines = [f"Scene {card.scene}: {card.instruction}", *(f"  - {line}" for line in card.objects)]
        if card.difference is not None:
            lines.append(f"Difference from the reference picture: {100.0 * card.difference:.1f} %")
        return self.confirm("\n".join(lines), "ready")

    def wants_stop(self) -> bool:
        """Whether Enter was pressed while the arm moves."""
        return enter_was_pressed()

    def tell(self, message: str) -> None:
        """Shows a message."""
        print(message, file=sys.stderr, flush=True)
