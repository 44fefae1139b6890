"""Every error of this project, derived from one base class.

The class says what happened; the message says what was wrong, what is allowed and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


class HamsterBenchError(Exception):
    """Base of all errors raised on purpose by this project."""


class UnknownNameError(HamsterBenchError):
    """A name was looked up that nothing is registered under.

    Attributes:
        kind: what was looked for, for instance ``"task"``.
        name: the name that was asked for.
        choices: every name that exists.
    """

    def __init__(self, kind: str, name: object, choices: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.choices = tuple(choices)
        super().__init__(f"unknown {kind} {name!r}.{_suggestion(name, self.choices)}")

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, object, tuple[str, ...]]]:
        return type(self), (self.kind, self.name, self.choices)


class InvalidOptionError(HamsterBenchError):
    """An option was given a value it cannot take."""


class InvalidScenarioError(HamsterBenchError):
    """A scenario or its text id is malformed, or asks for something the task does not define."""


class UndefinedCellError(InvalidScenarioError):
    """A variation factor was asked for that is not defined for the task.

    Attributes:
        task: the task.
        factor: the factor that was asked for.
        defined: the factors that are defined for the task.
    """

    def __init__(self, task: str, factor: str, defined: Iterable[str]) -> None:
        self.task = task
        self.factor = factor
        self.defined = tuple(defined)
        super().__init__(f"the factor {factor} is not defined for {task}; defined are {', '.join(self.defined)}")

    def __reduce__(self) -> tuple[type[UndefinedCellError], tuple[str, str, tuple[str, ...]]]:
        return type(self), (self.task, self.factor, self.defined)


class ResetNeededError(HamsterBenchError):
    """``step`` or ``render`` was called before ``reset`` or after ``close``."""


class InvalidActionError(HamsterBenchError):
    """An action was refused before anything moved.

    Attributes:
        reason: short machine-readable cause; one per subclass.
    """

    reason = "invalid_action"


class ActionShapeError(InvalidActionError):
    """The action is not an array of the right shape and of numbers."""

    reason = "wrong_shape"


class ActionNotFiniteError(InvalidActionError):
    """The action holds NaN or an infinity."""

    reason = "not_finite"


class QuaternionNormError(InvalidActionError):
    """The orientation of a keypose is not a unit quaternion."""

    reason = "not_unit_quaternion"


class ActionRangeError(InvalidActionError):
    """A component lies outside its range (gripper, joint limit, largest change of pose)."""

    reason = "out_of_range"


class OutsideWorkspaceError(InvalidActionError):
    """The target position lies outside the workspace box."""

    reason = "outside_workspace"


class PlanningError(HamsterBenchError):
    """A motion could not be planned within its iteration budget; nothing moved.

    Attributes:
        reason: ``"ik_unreachable"``, ``"path_not_found"`` or ``"outside_workspace"``.
    """

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)

    def __reduce__(self) -> tuple[type[PlanningError], tuple[str, str]]:
        return type(self), (self.reason, str(self))


class PlacementError(HamsterBenchError):
    """No valid layout was found within the number of tries the protocol allows."""


class SceneError(HamsterBenchError):
    """A task's scene file does not hold what the task refers to."""


class SimulatorFaultError(HamsterBenchError):
    """The physics broke down; what the simulation holds since then means nothing, and the episode cannot go on."""


class PathError(HamsterBenchError):
    """A 2D path is malformed."""


class AnswerError(PathError):
    """A planner's answer cannot be read as a path.

    Attributes:
        reason: short machine-readable cause: ``"not_text"``, ``"too_long"``, ``"no_points"``, ``"bad_tuple"``, ``"out_of_range"`` or
            ``"too_few_points"``.
        repairs: what was forgiven before the answer was given up.
        points: what could be read: x, y [fraction of the image] and gripper state (True open) of each point.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        repairs: tuple[str, ...] = (),
        points: tuple[tuple[float, float, bool], ...] = (),
    ) -> None:
        self.reason = reason
        self.repairs = repairs
        self.points = points
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return _answer_error, (self.reason, str(self), self.repairs, self.points)


def _answer_error(
    reason: str, message: str, repairs: tuple[str, ...], points: tuple[tuple[float, float, bool], ...]
) -> AnswerError:
    return AnswerError(reason, message, repairs=repairs, points=points)


class PlannerError(HamsterBenchError):
    """A path planner failed: no connection, no usable answer, a budget spent.

    Attributes:
        record: what is known of the failed proposal, in values JSON can hold (raw answer, verdict, tries, latency); None when nothing is.
    """

    def __init__(self, message: str, record: Mapping[str, Any] | None = None) -> None:
        self.record = record
        super().__init__(message)

    def __reduce__(self) -> tuple[type[PlannerError], tuple[str, Mapping[str, Any] | None]]:
        return type(self), (str(self), self.record)


class AgentError(HamsterBenchError):
    """An agent cannot do what is asked of it, for instance for want of a camera."""


class AgentUnavailableError(AgentError):
    """An agent that lives elsewhere cannot be reached, or is another one now; this says nothing about the episode, so the run stops."""


class AgentStopped(HamsterBenchError):  # noqa: N818 - an event, not a fault
    """Raised by an agent's ``act`` when it has nothing left to do.

    Attributes:
        reason: short machine-readable cause, recorded with the episode.
    """

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class MissingDependencyError(HamsterBenchError):
    """A Python package or a system library is missing; the message names the command that installs it."""


class RenderingUnavailableError(MissingDependencyError):
    """No way to draw images works on this machine."""


class StoreError(HamsterBenchError):
    """A results directory or file cannot be used, and nothing was written to it."""


# A message that lists hundreds of names hides the suggestion before them.
_MOST_LISTED = 40


def _suggestion(name: object, choices: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(str(name), choices, n=3, cutoff=0.5)
    hint = f" Did you mean: {', '.join(near)}?" if near else ""
    listed = ", ".join(choices[:_MOST_LISTED]) if choices else "none"
    if len(choices) > _MOST_LISTED:
        listed += f" and {len(choices) - _MOST_LISTED} more"
    return f"{hint} Available: {listed}."
