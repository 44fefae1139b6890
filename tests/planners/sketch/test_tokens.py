"""Words of instructions and tokens of answers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hamster_bench.paths import Path2D, parse_answer, write_answer
from hamster_bench.planners.sketch.tokens import (
    MAX_POINTS,
    MAX_TOKENS,
    MAX_WORDS,
    UNKNOWN,
    AnswerTokens,
    Kind,
    Vocabulary,
    allowed_kinds,
    path_of,
    split_words,
    tokens_of,
)

FRACTION = st.floats(0.0, 1.0)
PATHS = st.lists(st.tuples(FRACTION, FRACTION, st.booleans()), min_size=2, max_size=MAX_POINTS).map(
    lambda rows: Path2D([row[:2] for row in rows], [row[2] for row in rows])
)


@given(path=PATHS)
def test_tokens_say_the_path(path: Path2D) -> None:
    tokens = tokens_of(path)
    assert path_of(tokens) == path
    assert len(tokens.kinds) <= MAX_TOKENS
    for i, kind in enumerate(tokens.kinds):
        assert allowed_kinds(tokens.kinds[:i].tolist())[kind]


@given(choices=st.lists(st.integers(0, 3), min_size=MAX_TOKENS, max_size=MAX_TOKENS), point=st.tuples(FRACTION, FRACTION))
def test_whatever_is_chosen_among_the_allowed_tokens_is_an_answer(choices: list[int], point: tuple[float, float]) -> None:
    kinds: list[int] = []
    for choice in choices:
        allowed = np.flatnonzero(allowed_kinds(kinds))
        kinds.append(int(allowed[choice % len(allowed)]))
        if kinds[-1] == Kind.END:
            break
    assert kinds[-1] == Kind.END or kinds.count(Kind.POINT) < MAX_POINTS
    path = path_of(AnswerTokens(np.array(kinds), np.array([point if kind == Kind.POINT else (0.0, 0.0) for kind in kinds])))
    if kinds[-1] == Kind.END:
        assert parse_answer(write_answer(path)).path == path


def test_an_answer_ends_after_its_last_possible_token() -> None:
    longest: list[int] = []
    for _ in range(MAX_POINTS):
        longest += [Kind.POINT, Kind.OPEN if longest.count(Kind.OPEN) == longest.count(Kind.CLOSE) else Kind.CLOSE]
    assert np.flatnonzero(allowed_kinds(longest)).tolist() == [Kind.END]
    assert len(longest) + 1 == MAX_TOKENS


@given(text=st.text(max_size=200))
def test_any_text_has_word_tokens(text: str) -> None:
    vocabulary = Vocabulary(["box", "close"])
    ids = vocabulary.encode(text)
    assert ids.shape == (MAX_WORDS,)
    assert 0 <= ids.min() <= ids.max() < len(vocabulary)


def test_words_are_told_apart_whatever_their_case_and_unknown_ones_share_a_token() -> None:
    vocabulary = Vocabulary.of(["close the box", "Close the LID!"])
    assert vocabulary.words == ("box", "close", "lid", "the")
    known = vocabulary.encode("close the box")
    np.testing.assert_array_equal(vocabulary.encode("  CLOSE the, box."), known)
    assert vocabulary.encode("close the fridge")[:3].tolist() == [known[0], known[1], UNKNOWN]
    assert split_words("put 50 on-top") == ["put", "50", "on", "top"]
