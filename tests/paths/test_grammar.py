"""The planner's answers: what is read, what is forgiven, what is refused, what is written."""

import json
import pathlib
import pickle
import random
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hamster_bench.errors import AnswerError, PathError, UnknownNameError
from hamster_bench.paths import Path2D, parse_answer, write_answer
from hamster_bench.paths.grammar import MAX_ANSWER_LENGTH

FIXTURE = pathlib.Path(__file__).parents[3] / "shared" / "parity" / "hamster_answers_public.json"
CASES = json.loads(FIXTURE.read_text(encoding="utf-8"))["cases"] if FIXTURE.exists() else []

OPEN, CLOSE = "<action>Open Gripper</action>", "<action>Close Gripper</action>"


def rows(text, **options):
    path = parse_answer(text, **options).path
    return [(x, y, int(state)) for (x, y), state in zip(path.points.tolist(), path.gripper_open.tolist(), strict=True)]


def refusal(text, **options):
    with pytest.raises(AnswerError) as caught:
        parse_answer(text, **options)
    return caught.value


@pytest.mark.skipif(not CASES, reason=f"the published answers are not here ({FIXTURE.name})")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_published_answers_are_read_as_recorded(case):
    expected = case["expected"]
    try:
        points, notes = rows(case["answer"]), set(parse_answer(case["answer"]).repairs)
        assert expected["usable"]
    except AnswerError as error:
        points, notes = list(error.points), set(error.repairs)
        assert not expected["usable"]
    assert points == [tuple(row) for row in expected["points"]]
    assert notes >= set(expected["warnings"]) - {"too_few_points"}


@pytest.mark.skipif(not CASES, reason=f"the published answers are not here ({FIXTURE.name})")
@pytest.mark.parametrize(
    "case", [c for c in CASES if c["original_program"].get("points") and not c["expected"]["warnings"]], ids=lambda c: c["name"]
)
def test_well_formed_answers_are_read_as_the_published_program_does(case):
    assert rows(case["answer"]) == [tuple(row) for row in case["original_program"]["points"]]


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (f"(.1,.2){OPEN}(.3,.4)", [(0.1, 0.2, 1), (0.3, 0.4, 1)]),
        ("(1e-1, 2E-1), (+0.3, 4.0e-1)", [(0.1, 0.2, 0), (0.3, 0.4, 0)]),
        ("((0.1, 0.2), (0.3, 0.4))", [(0.1, 0.2, 0), (0.3, 0.4, 0)]),
        ("[(0.1, 0.2,), (0.3, 0.4),]", [(0.1, 0.2, 0), (0.3, 0.4, 0)]),
        ("[(0.1 0.2), (0.3; 0.4)]", [(0.1, 0.2, 0), (0.3, 0.4, 0)]),
        ("[(0, 1), (1., 0)]", [(0.0, 1.0, 0), (1.0, 0.0, 0)]),
        (r"[(0.1, 0.2),\n(0.3, 0.4)\n]", [(0.1, 0.2, 0), (0.3, 0.4, 0)]),
        ("[..., (0.1, 0.2), ..., (0.3, 0.4), …]", [(0.1, 0.2, 0), (0.3, 0.4, 0)]),
        ("(0.1, 0.2), <action>open_the_gripper</action>, (0.3, 0.4)", [(0.1, 0.2, 1), (0.3, 0.4, 1)]),
        ("(0.1, 0.2), <ACTION>Open</ACTION>, (0.3, 0.4)", [(0.1, 0.2, 1), (0.3, 0.4, 1)]),
        (f"(0.1, 0.2), (0.3, 0.4), {OPEN}", [(0.1, 0.2, 0), (0.3, 0.4, 1)]),
        ("(-0.1, 0.2), (0.3, 1.1)", [(0.0, 0.2, 0), (0.3, 1.0, 0)]),
        # A dropped point is as if it had not been written.
        (f"(0.1, 0.2), (0.3, 7), {OPEN}, (0.5, 0.6)", [(0.1, 0.2, 1), (0.5, 0.6, 1)]),
    ],
)
def test_what_is_clear_is_read(inside, expected):
    assert rows(f"<ans>{inside}</ans>") == expected


@pytest.mark.parametrize(
    ("text", "repairs"),
    [
        ("<ans>[(.1,.2),(.3,.4)]</ans>", ()),
        ("(.1,.2),(.3,.4)</ans> done", ("no_ans_tag",)),
        ("<ans>[(.1,.2),(.3,.4),(.5", ("unclosed_ans",)),
        ("<ans>[(.1,.2),(.3,.4),(.5</ans>", ("bad_tuple",)),
        ("<ans>(.1,.2), <action>Open Gripper, (.3,.4)</ans>", ("unclosed_action",)),
        ("<ans>(.1,.2), <action>Open Gripper<action>, (.3,.4)</ans>", ("unclosed_action",)),
        ("<ans>(.1,.2), (.3,.4), <action>Open Gripper</ans>", ("unclosed_action",)),
        ("<ans>(.1,.2), <action>Wave</action>, (.3,.4)</ans>", ("unknown_action",)),
        ("<ans>(.1,.2), (.3,.4), (-.11,.5)</ans>", ("out_of_range",)),
        ("<ans>(.1,.2), (.3,.4), (-.1,.5)</ans>", ("clipped",)),
        ("<ans>from (.1,.2) to (.3,.4)</ans>", ("stray_text",)),
        ("<ans>(.1,.2), (x,y), (.3,.4), (0.1+0.2, 0.5), (.1.2), (.3 +.2)</ans>", ("bad_tuple",)),
        ("<ans>(.1,.2), max(.3,.4), (.5,.6)</ans>", ("stray_text", "bad_tuple")),
    ],
)
def test_what_was_forgiven_is_told(text, repairs):
    assert parse_answer(text).repairs == repairs


def test_a_forgotten_slash_does_not_swallow_the_next_action():
    answer = f"<ans>(.1,.2), <action>Open Gripper<action>, (.3,.4), {CLOSE}, (.5,.6)</ans>"
    assert [state for *_, state in rows(answer)] == [1, 0, 0]


def test_of_several_answers_the_first_with_a_path_counts():
    text = "Put it between <ans> and </ans> tags: <ans>[(.1,.2),(.3,.4)]</ans>, or <ans>[(.5,.6),(.7,.8)]</ans>"
    assert rows(text) == [(0.1, 0.2, 0), (0.3, 0.4, 0)]


def test_points_outside_the_tags_do_not_count():
    assert refusal("(.1,.2) (.3,.4) <ans>(.5,.6)</ans>").points == ((0.5, 0.6, False),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no_points"),
        ("I cannot see a gripper.", "no_points"),
        ("<ans></ans>", "no_points"),
        ("<ans>[(0.5, 0.5)]</ans>", "too_few_points"),
        ("<ans>[(256, 118), (408, 187)]</ans>", "out_of_range"),
        ("<ans>[(1e999, 0), (-1e999, 0)]</ans>", "out_of_range"),
        ("<ans>[(nan, nan), (inf, inf)]</ans>", "bad_tuple"),
        ("<ans>0.1, 0.2, 0.3, 0.4</ans>", "no_points"),
        ("<ans>[0.1, 0.2, 0.3, 0.4]</ans>", "bad_tuple"),
        ("<ans>[(44%, 7%), (54%, 44%)]</ans>", "bad_tuple"),
        ("<ans>[(0x1, 0_1), (\u0660.\u0661, \u0660.\u0662)]</ans>", "bad_tuple"),
        (f"<ans>[({'0' * 100}, 0), (0, 0.{'1' * 100})]</ans>", "bad_tuple"),
        (" " * (MAX_ANSWER_LENGTH + 1), "too_long"),
        (None, "not_text"),
        (b"<ans>[(.1,.2),(.3,.4)]</ans>", "not_text"),
    ],
)
def test_what_is_no_path_is_refused_with_a_reason(text, reason):
    error = refusal(text)
    assert error.reason == reason
    assert isinstance(error, PathError)
    twin = pickle.loads(pickle.dumps(error))
    assert (str(twin), twin.reason, twin.repairs, twin.points) == (str(error), error.reason, error.repairs, error.points)


def test_scales_are_read_by_setting_alone():
    expected = [(0.44, 0.07, 0), (0.54, 1.0, 0)]
    assert rows("<ans>[(44, 7), (54, 105)]</ans>", scale="percent") == expected
    assert rows("<ans>[(44%, 7 %), (54%, 100%)]</ans>", scale="percent") == expected
    assert rows("<ans>[(440, 70), (540, 1000)]</ans>", scale="thousand") == expected
    assert "set the scale" in str(refusal("<ans>[(44, 7), (54, 100)]</ans>"))
    with pytest.raises(UnknownNameError, match="Did you mean: percent"):
        parse_answer("", scale="percents")
    with pytest.raises(UnknownNameError):
        write_answer(Path2D([[0, 0], [1, 1]], [0, 0]), scale="pixel")


def test_the_state_of_the_start_is_a_setting():
    answer = f"<ans>[(.1,.2), (.3,.4), {CLOSE}, (.5,.6)]</ans>"
    assert [state for *_, state in rows(answer, start_open=True)] == [1, 0, 0]
    assert [state for *_, state in rows(answer)] == [0, 0, 0]


def test_the_writer_uses_the_published_form():
    path = Path2D([[0.25, 0.32], [0.32, 0.17], [0.13, 0.24]], [1, 0, 1])
    assert write_answer(path) == f"<ans>[(0.25, 0.32), {OPEN}, (0.32, 0.17), {CLOSE}, (0.13, 0.24), {OPEN}]</ans>"
    assert write_answer(path, start_open=True) == f"<ans>[(0.25, 0.32), (0.32, 0.17), {CLOSE}, (0.13, 0.24), {OPEN}]</ans>"
    finer = Path2D([[1 / 3, 2 / 3], [0.999, 0.0]], [0, 0])
    assert write_answer(finer, digits=2) == "<ans>[(0.33, 0.67), (1.00, 0.00)]</ans>"
    assert write_answer(finer, digits=0, scale="thousand") == "<ans>[(333, 667), (999, 0)]</ans>"


def test_what_no_reader_would_take_is_not_written():
    with pytest.raises(PathError, match="at least 2"):
        write_answer(Path2D([[0.5, 0.5]], [1]))
    with pytest.raises(PathError, match="digits"):
        write_answer(Path2D([[0.5, 0.5]] * 2, [1, 1]), digits=-1)


coordinate = st.floats(0.0, 1.0)
paths = st.lists(st.tuples(coordinate, coordinate, st.booleans()), min_size=2, max_size=40).map(
    lambda vertices: Path2D([vertex[:2] for vertex in vertices], [vertex[2] for vertex in vertices])
)


@given(paths, st.sampled_from(["fraction", "percent", "thousand"]), st.booleans())
@example(Path2D([[5e-324, 1.0], [1e-5, 1 / 3]], [1, 0]), "thousand", False)
def test_what_is_written_is_read_back_to_the_last_bit(path, scale, start_open):
    parsed = parse_answer(write_answer(path, scale=scale, start_open=start_open), scale=scale, start_open=start_open)
    assert parsed.path == path
    assert parsed.repairs == ()


@given(paths, st.integers(2, 6))
def test_rounded_answers_are_off_by_half_a_digit_at_most(path, digits):
    back = parse_answer(write_answer(path, digits=digits)).path
    assert np.abs(back.points - path.points).max() <= 0.5000001 * 10.0**-digits
    assert back.gripper_open.tolist() == path.gripper_open.tolist()


PIECES = (
    *("<ans>", "</ans>", "< ANS >", "<ans", "</", "<action>", "</action>", OPEN, CLOSE, "Open Gripper", "close"),
    *(
        "(0.1, 0.2)",
        "[0.3,0.4]",
        "(0.5",
        "0.6)",
        "(",
        ")",
        "[",
        "]",
        ",",
        ", ",
        ";",
        "%",
        ".",
        "...",
        "-",
        "+",
        " ",
        "\n",
        "\\n",
        "\0",
    ),
    *(
        "0.7",
        "1e5",
        "1e-400",
        "1e999",
        "9" * 30,
        "nan",
        "256",
        "(1000.0, 1000.0)",
        "__import__('os').system('id')",
        "é",
        "\u0663",
        "\ud800",
    ),
    *(
        "{",
        "}",
        "'",
        '"',
        "lambda: 0",
        "eval(",
        "1/0",
        "0.1*3",
        "\U0001d7d8",
        "(0.2, 0.3, 0.4)",
        "<action><action>",
        "((((",
        "]]]]",
    ),
)
fragments = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=30).map("".join)


def mutated(rng):
    """A well-formed answer with a few characters or pieces lost, doubled, swapped or put in."""
    count = rng.randrange(1, 12)
    items = []
    for _ in range(count):
        items.append(f"({rng.uniform(-0.2, 1.2):.{rng.randrange(6)}f}, {rng.random()!r})")
        if rng.random() < 0.3:
            items.append(rng.choice((OPEN, CLOSE)))
    text = f"{rng.choice(('', 'First I reach. '))}<ans>[{', '.join(items)}]</ans>"
    for _ in range(rng.randrange(6)):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.randrange(12))
        piece = text[start:end]
        change = rng.choice(("", piece * 2, piece[::-1], rng.choice(PIECES), chr(rng.randrange(0x110000))))
        text = text[:start] + change + text[end:]
    return text[: rng.randrange(len(text) + 1)] if rng.random() < 0.2 else text


def read_or_refused(text, scale, start_open):
    try:
        outcome = len(parse_answer(text, scale=scale, start_open=start_open).path)
    except AnswerError as error:
        outcome = error.reason
    return outcome in {"no_points", "bad_tuple", "out_of_range", "too_few_points", *range(2, 1000)}


answers = fragments | st.integers(0, 2**32).map(lambda seed: mutated(random.Random(seed)))
scales = st.sampled_from(["fraction", "percent", "thousand"])


@given(answers, scales, st.booleans())
@settings(max_examples=500)
def test_any_text_is_read_or_refused(text, scale, start_open):
    assert read_or_refused(text, scale, start_open)


@pytest.mark.slow
@given(answers, scales, st.booleans())
@settings(max_examples=20_000)
def test_any_of_20000_texts_is_read_or_refused(text, scale, start_open):
    assert read_or_refused(text, scale, start_open)


@pytest.fixture
def events():
    """What Python's audit hooks report while the list is switched on: code compiled or run, files, processes, connections."""
    seen, switched_on = [], [True]
    # Hooks cannot be taken out again.
    sys.addaudithook(lambda event, arguments: seen.append(event) if switched_on[0] else None)
    yield seen
    switched_on[0] = False


def test_20000_mutated_answers_are_read_or_refused_and_run_nothing(events):
    rng = random.Random(5)
    texts = [mutated(rng) for _ in range(20_000)]
    read = 0
    events.clear()
    for text in texts:
        try:
            parse_answer(text)
            read += 1
        except AnswerError:
            pass
    assert set(events) <= {"gc.collect"}
    eval("1")
    assert "compile" in events  # they are being watched
    assert 4_000 < read < 19_000  # the mutations neither spare nor ruin everything


@pytest.mark.parametrize(
    "unit",
    ["(", "[", "<", "<ans>", "<action>", "<action>a ", "0,", "(.1,.2)", "9", " ", "< ", "a(", "\\n", "(0.1 ", "%", "-", "1e"],
)
def test_cost_grows_in_proportion_to_the_text(unit):
    def steps(length):
        text = (unit * length)[:length]
        counted = 0

        def count(frame, event, argument):
            nonlocal counted
            counted += 1
            return count

        sys.settrace(count)
        try:
            parse_answer(text)
        except AnswerError:
            pass
        finally:
            sys.settrace(None)
        return counted

    short, long = steps(500), steps(4000)
    assert long <= 8.5 * short + 500
