"""When a planner is asked again within an episode."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hamster_bench.errors import InvalidOptionError

_EVERY = re.compile(r"every_([1-9][0-9]{0,3})_keyposes")


@dataclass(frozen=True)
class RefreshRule:
    """When a planner is asked for a new path, besides the start of the episode.

    Attributes:
        every_keyposes: after so many keyposes reached since it was last asked, or None.
        on_gripper_change: after every action that opens or closes the gripper.
    """

    every_keyposes: int | None = None
    on_gripper_change: bool = False

    @classmethod
    def parse(cls, text: str) -> RefreshRule:
        """The rule of a name: ``first_frame``, ``gripper_change`` or ``every_3_keyposes`` with any number from 1 to 9999.

        Raises:
            InvalidOptionError: there is no such rule.
        """
        if text == "first_frame":
            return cls()
        if text == "gripper_change":
            return cls(on_gripper_change=True)
        match = _EVERY.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise InvalidOptionError(
                f"a path is refreshed by the rule first_frame (never), gripper_change or every_K_keyposes with K from 1, got {text!r}"
            )
        return cls(every_keyposes=int(match[1]))

    def due(self, *, keyposes: int, gripper_changed: bool) -> bool:
        """Whether the planner is to be asked now.

        Args:
            keyposes: reached since it was last asked.
            gripper_changed: the last action opened or closed the gripper.
        """
        due_by_count = self.every_keyposes is not None and keyposes >= self.every_keyposes
        return due_by_count or (self.on_gripper_change and gripper_changed)
