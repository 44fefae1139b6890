"""The two languages of the model: words of instructions, and tokens of answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hamster_bench.paths.path import Path2D

# Words of an instruction the model reads; the longest instruction of the fourteen tasks has 20.
MAX_WORDS = 24

# Points of an answer. The longest simplified path of the fourteen tasks has 10.
MAX_POINTS = 24
# What `hamster_bench.paths.parse_answer` takes for a path.
_FEWEST_POINTS = 2
# Every point with an action, and the end.
MAX_TOKENS = 2 * MAX_POINTS + 1

PADDING, UNKNOWN = 0, 1
_FIRST_WORD = 2

_WORD = re.compile(r"[a-z0-9]+", re.ASCII)


def split_words(text: str) -> list[str]:
    """The words of an instruction: runs of letters and digits, in lower case; everything else separates."""
    return _WORD.findall(text.lower())


class Vocabulary:
    """The words a model knows.

    Args:
        words: without repetition; their order is that of the embeddings.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._ids = {word: i + _FIRST_WORD for i, word in enumerate(self.words)}

    @classmethod
    def of(cls, instructions: Iterable[str], known: Sequence[str] = ()) -> Vocabulary:
        """The words known already, then all others of some instructions in alphabetical order."""
        return cls([*known, *sorted({word for text in instructions for word in split_words(text)} - set(known))])

    def __len__(self) -> int:
        """Number of word tokens, padding and the unknown word included."""
        return len(self.words) + _FIRST_WORD

    def encode(self, text: str) -> NDArray[np.int64]:
        """Word tokens (`MAX_WORDS`,); unknown words share one token, words beyond the last place are dropped."""
        ids = [self._ids.get(word, UNKNOWN) for word in split_words(text)[:MAX_WORDS]]
        return np.array(ids + [PADDING] * (MAX_WORDS - len(ids)), dtype=np.int64)


class Kind(IntEnum):
    """What an answer token is. A point also says where: it names a cell of the grid laid over the image."""

    POINT = 0
    OPEN = 1
    CLOSE = 2
    END = 3


class AnswerTokens(NamedTuple):
    """An answer as tokens.

    Attributes:
        kinds: (n,) int64, `Kind` of each token; the last is `Kind.END`.
        points: (n, 2) float64, where a point is [fraction of the image]; 0 for other tokens.
    """

    kinds: NDArray[np.int64]
    points: NDArray[np.float64]


def tokens_of(path: Path2D) -> AnswerTokens:
    """The tokens of a path: its points in order, each followed by the action that happens there, then the end.

    As in HAMSTER's grammar the gripper is closed before the first action.
    """
    kinds: list[Kind] = []
    points: list[NDArray[np.float64]] = []
    is_open = False
    for point, state in zip(path.points, path.gripper_open, strict=True):
        kinds.append(Kind.POINT)
        points.append(point)
        if bool(state) != is_open:
            is_open = bool(state)
            kinds.append(Kind.OPEN if is_open else Kind.CLOSE)
            points.append(np.zeros(2))
    return AnswerTokens(np.array([*kinds, Kind.END], dtype=np.int64), np.array([*points, np.zeros(2)]))


def path_of(answer: AnswerTokens) -> Path2D:
    """The path that tokens say; they must follow the grammar (`allowed_kinds`)."""
    places: list[NDArray[np.float64]] = []
    states: list[bool] = []
    is_open = False
    for kind, point in zip(answer.kinds, answer.points, strict=True):
        if kind == Kind.POINT:
            places.append(np.clip(point, 0.0, 1.0))
            states.append(is_open)
        elif kind in (Kind.OPEN, Kind.CLOSE):
            is_open = kind == Kind.OPEN
            states[-1] = is_open
    return Path2D(np.array(places), np.array(states))


def allowed_kinds(kinds: Sequence[int]) -> NDArray[np.bool_]:
    """Which kinds of token may follow, (4,) bool by `Kind`.

    An answer starts with a point. A point may be followed by the action that changes the gripper's state, by another point, or by the
    end; an action by a point or the end. There are 2 points at least, as the grammar wants, and `MAX_POINTS` at most.

    Args:
        kinds: the tokens so far.
    """
    allowed = np.zeros(len(Kind), dtype=np.bool_)
    if not kinds:
        allowed[Kind.POINT] = True
        return allowed
    count = sum(kind == Kind.POINT for kind in kinds)
    allowed[Kind.END] = count >= _FEWEST_POINTS
    allowed[Kind.POINT] = count < MAX_POINTS
    if kinds[-1] == Kind.POINT:
        actions = [kind for kind in kinds if kind in (Kind.OPEN, Kind.CLOSE)]
        is_open = bool(actions) and actions[-1] == Kind.OPEN
        allowed[Kind.CLOSE if is_open else Kind.OPEN] = True
    return allowed
