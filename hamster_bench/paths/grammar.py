"""The text in which HAMSTER's planner answers: reading it, and writing it.

An answer is a list of points between ``<ans>`` tags with gripper actions in between::

    <ans>[(0.25, 0.32), (0.32, 0.17), <action>Open Gripper</action>, (0.74, 0.21)]</ans>

Coordinates are fractions of the image, x to the right and y down from the upper left corner. An action sets the gripper state of the
point before it and of all later points until the next action; before the first point it sets the state of the start.

The text comes from a model, so it is never evaluated: it is cut into tokens in one pass and read in another. What is understood in
spite of a flaw is noted as a repair; what cannot be understood is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple, get_args

from hamster_bench.errors import AnswerError, PathError, UnknownNameError
from hamster_bench.paths.path import Path2D

Scale = Literal["fraction", "percent", "thousand"]

# Longer texts are refused unread, so that no answer takes long. The published planner is given 128 to 512 tokens, some 2000 characters.
MAX_ANSWER_LENGTH = 20_000

# Powers of ten between a written number and the fraction of the image it stands for.
_DECIMAL_SHIFT: dict[Scale, int] = {"fraction": 0, "percent": 2, "thousand": 3}
# A model that points at the border often ends a little outside. Up to a tenth of the image is put back to the border.
_LARGEST_OVERSHOOT = 0.1
_FEWEST_POINTS = 2

# Every quantifier is possessive: no position of the text is ever tried twice.
_TOKEN = re.compile(
    r"""
    (?P<blank>(?:\s|\\[nrt])++)
  | <\s*+(?P<close>/?+)\s*+(?P<tag>ans|action)\s*+>
  | (?P<sign>[+-]?+)(?P<mantissa>[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:e(?P<exponent>[+-]?+[0-9]++))?+
  | (?P<word>[^\W\d]\w*+)
  | (?P<mark>.)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
# No double needs more digits; int() and float() of endless ones would be slow.
_MOST_NUMBER_CHARACTERS = 64

_OPENING = "(["
_CLOSING = ")]"
# Contents of a bracket that is a point: numbers n, and the marks between them.
_POINT_SHAPES = frozenset({"n,n", "n,n,", "n;n", "nn"})
# Longer than the longest of them, percent signs included: nothing that follows makes such a bracket a point again.
_HOPELESS_LENGTH = 7
_ACTION_STATES = {"open": True, "close": False}


@dataclass(frozen=True)
class ParsedAnswer:
    """What an answer says.

    Attributes:
        path: the path.
        repairs: what had to be forgiven, each named once, in the order of its first appearance: ``"no_ans_tag"`` (the whole text was
            read), ``"unclosed_ans"`` (cut off; the broken tail was dropped), ``"unclosed_action"``, ``"unknown_action"`` (dropped),
            ``"bad_tuple"`` (no pair of numbers; dropped), ``"out_of_range"`` (more than a tenth outside the image; dropped),
            ``"clipped"`` (outside by less; moved to the border), ``"stray_text"`` (words or numbers between the points; ignored).
    """

    path: Path2D
    repairs: tuple[str, ...] = ()


def parse_answer(text: str, *, scale: Scale = "fraction", start_open: bool = False) -> ParsedAnswer:
    """Reads a planner's answer.

    Letter case and spacing do not count, neither do brackets round the list, square brackets in place of round ones, trailing commas
    and dots. Of several answers the first that holds a path counts, as with the published program. A point that is dropped is as if
    it had not been written: an action after it belongs to the point before it.

    Args:
        text: the whole answer, with whatever the model said around it.
        scale: what coordinates are written in: fractions of the image, 0..100 or 0..1000. It is never guessed.
        start_open: the gripper state until the first action; the published program starts closed.

    Raises:
        AnswerError: the text is no path of at least two points; ``reason`` says why.
        UnknownNameError: there is no such scale.
    """
    shift = _decimal_shift(scale)
    if not isinstance(text, str):
        raise AnswerError("not_text", f"a planner's answer is text, got {type(text).__name__}")
    if len(text) > MAX_ANSWER_LENGTH:
        raise AnswerError(
            "too_long", f"a planner's answer has at most {MAX_ANSWER_LENGTH} characters, got {len(text)}; lower its token limit"
        )
    best: _Reading | None = None
    for block in _blocks(list(_TOKEN.finditer(text))):
        reading = _read(block, shift, start_open)
        if best is None or len(reading.points) > len(best.points):
            best = reading
        if len(best.points) >= _FEWEST_POINTS:
            break
    assert best is not None  # there is always a block, if an empty one
    if len(best.points) < _FEWEST_POINTS:
        raise _refusal(best, text, scale)
    return ParsedAnswer(Path2D([(x, y) for x, y, _ in best.points], [state for *_, state in best.points]), tuple(best.repairs))


def write_answer(path: Path2D, *, scale: Scale = "fraction", start_open: bool = False, digits: int | None = None) -> str:
    """The answer that says a path; `parse_answer` with the same scale and start state reads it back without loss.

    An action stands after the point whose state it sets, the first one too: the published program cannot read an action that comes
    before any point.

    Args:
        path: of at least two points.
        scale: what coordinates are written in.
        start_open: the gripper state that readers assume before the first action.
        digits: decimals of each coordinate, or None for as many as it takes to lose nothing. HAMSTER's examples have 2.

    Raises:
        PathError: the path has a single point, which no reader takes for a path, or the digits are negative.
        UnknownNameError: there is no such scale.
    """
    shift = _decimal_shift(scale)
    if len(path) < _FEWEST_POINTS:
        raise PathError(f"an answer has at least {_FEWEST_POINTS} points, got a path of {len(path)}")
    if digits is not None and digits < 0:
        raise PathError(f"a coordinate has 0 or more decimals, got digits={digits}")
    items: list[str] = []
    state = start_open
    for (x, y), is_open in zip(path.points.tolist(), path.gripper_open.tolist(), strict=True):
        items.append(f"({_number(x, shift, digits)}, {_number(y, shift, digits)})")
        if is_open != state:
            items.append(f"<action>{'Open' if is_open else 'Close'} Gripper</action>")
            state = is_open
    return f"<ans>[{', '.join(items)}]</ans>"


def _decimal_shift(scale: Scale) -> int:
    if scale not in _DECIMAL_SHIFT:
        raise UnknownNameError("scale", scale, get_args(Scale))
    return _DECIMAL_SHIFT[scale]


def _number(value: float, shift: int, digits: int | None) -> str:
    # The shortest text of a double is a decimal number; moving its point is exact, multiplying the double is not.
    scaled = Decimal(repr(value)).scaleb(shift)
    if digits is not None:
        return f"{scaled:.{digits}f}"
    return repr(value) if shift == 0 else str(scaled)


_Token = re.Match[str]


class _Block(NamedTuple):
    """A stretch of tokens that may hold an answer."""

    tokens: Sequence[_Token]
    tagged: bool
    closed: bool


def _blocks(tokens: list[_Token]) -> Iterable[_Block]:
    borders = [i for i, token in enumerate(tokens) if (token["tag"] or "").lower() == "ans"]
    starts = [place for place, i in enumerate(borders) if not tokens[i]["close"]]
    if not starts:
        yield _Block(tokens[: borders[0]] if borders else tokens, tagged=False, closed=bool(borders))
    for place in starts:
        end = borders[place + 1] if place + 1 < len(borders) else None
        yield _Block(tokens[borders[place] + 1 : end], tagged=True, closed=end is not None and bool(tokens[end]["close"]))


@dataclass
class _Bracket:
    """What stands in the bracket being read.

    Attributes:
        shape: its tokens: ``n`` a number, ``?`` what belongs in no point, other characters as they stand.
        numbers: value of each ``n`` [fraction of the image].
        end: place in the text after the last number.
    """

    shape: str = ""
    numbers: list[float] = field(default_factory=list)
    end: int = -1


@dataclass
class _Reading:
    """What has been understood so far.

    Attributes:
        points: x, y [fraction] and gripper state of each point.
        repairs: as in `ParsedAnswer`; a dictionary for its order.
        state: gripper state of the next point.
    """

    state: bool
    points: list[tuple[float, float, bool]] = field(default_factory=list)
    repairs: dict[str, None] = field(default_factory=dict)

    def repaired(self, what: str) -> None:
        self.repairs[what] = None

    def add_bracket(self, bracket: _Bracket, percent_signs: bool) -> None:
        shape = bracket.shape.replace("n%", "n") if percent_signs else bracket.shape
        if shape in ("", ","):
            return
        if shape not in _POINT_SHAPES:
            self.repaired("bad_tuple")
            return
        x, y = (min(max(value, 0.0), 1.0) for value in bracket.numbers)
        if [x, y] != bracket.numbers:
            if not all(-_LARGEST_OVERSHOOT <= value <= 1.0 + _LARGEST_OVERSHOOT for value in bracket.numbers):
                self.repaired("out_of_range")
                return
            self.repaired("clipped")
        self.points.append((x, y, self.state))

    def add_action(self, words: list[str]) -> None:
        state = _action_state(words)
        if state is None:
            self.repaired("unknown_action")
            return
        self.state = state
        if self.points:
            x, y, _ = self.points[-1]
            self.points[-1] = (x, y, state)


def _action_state(words: list[str]) -> bool | None:
    named = " ".join(words).replace("_", " ").replace("gripper", " ").split()
    return _ACTION_STATES.get(" ".join(word for word in named if word != "the"))


def _read(block: _Block, shift: int, start_open: bool) -> _Reading:
    """Reads a block token by token, with at most one bracket or one action open at a time."""
    reading = _Reading(start_open)
    if not block.tagged:
        reading.repaired("no_ans_tag")
    elif not block.closed:
        reading.repaired("unclosed_ans")
    percent_signs = shift == _DECIMAL_SHIFT["percent"]
    bracket: _Bracket | None = None
    action: list[str] | None = None
    word_end = -1
    for token in block.tokens:
        kind = token.lastgroup
        if kind == "blank":
            continue
        if action is not None:
            if kind == "word":
                action.append(token["word"].lower())
                continue
            closed = kind == "tag" and bool(token["close"])
            if closed or action:
                if not closed:
                    reading.repaired("unclosed_action")
                reading.add_action(action)
            action = None
            if closed:
                continue
        if kind == "tag":
            if bracket is not None:
                _leave(reading, bracket)
                bracket = None
            action = None if token["close"] else []
        elif kind == "mark" and token["mark"] in _OPENING:
            if bracket is not None:
                _leave(reading, bracket)
            # A bracket right after a word is a call in some language: its arguments are no point.
            is_call = token["mark"] == "(" and token.start() == word_end
            bracket = _Bracket("?" if is_call else "")
        elif kind == "mark" and token["mark"] in _CLOSING:
            if bracket is not None:
                reading.add_bracket(bracket, percent_signs)
                bracket = None
        elif bracket is not None:
            _extend(bracket, token, shift)
        elif kind != "mark" and block.tagged:
            reading.repaired("stray_text")
        if kind == "word":
            word_end = token.end()
    # What the end of the tokens broke off is the tail of an answer that was cut; inside a closed block it is a flaw like any other.
    if block.closed:
        if action:
            reading.repaired("unclosed_action")
            reading.add_action(action)
        if bracket is not None:
            _leave(reading, bracket)
    return reading


def _leave(reading: _Reading, bracket: _Bracket) -> None:
    """Ends a bracket that is left without being closed: one round the whole list, or a broken point."""
    if "n" in bracket.shape:
        reading.repaired("bad_tuple")
    elif "?" in bracket.shape:
        reading.repaired("stray_text")


def _extend(bracket: _Bracket, token: _Token, shift: int) -> None:
    """Adds a token to an open bracket."""
    if len(bracket.shape) >= _HOPELESS_LENGTH:
        return
    if token["mantissa"] is not None:
        if token.end() - token.start() > _MOST_NUMBER_CHARACTERS:
            bracket.shape += "?"
            return
        # Without a mark between them two numbers must be apart and the second without a sign, or they are an expression.
        if bracket.shape.endswith("n") and (token.start() == bracket.end or token["sign"]):
            bracket.shape += "?"
        bracket.shape += "n"
        exponent = int(token["exponent"] or 0) - shift
        bracket.numbers.append(float(f"{token['sign']}{token['mantissa']}e{exponent}"))
        bracket.end = token.end()
    elif token["mark"] is None:
        bracket.shape += "?"
    elif token["mark"] in ",;%":
        bracket.shape += token["mark"]
    elif token["mark"] != "." or bracket.numbers:
        bracket.shape += "?"


def _refusal(reading: _Reading, text: str, scale: Scale) -> AnswerError:
    repairs = tuple(reading.repairs)
    if "out_of_range" in reading.repairs:
        reason = "out_of_range"
        message = f"fewer than {_FEWEST_POINTS} points lie in the image when read as {scale}; set the scale that the planner uses"
    elif reading.points:
        reason, message = "too_few_points", f"a path has at least {_FEWEST_POINTS} points, the answer has {len(reading.points)}"
    elif "bad_tuple" in reading.repairs:
        reason, message = "bad_tuple", "no bracket in the answer holds exactly two numbers"
    else:
        reason, message = "no_points", "the answer holds no points"
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    return AnswerError(reason, f"{message}: {shown!r}", repairs=repairs, points=tuple(reading.points))
