"""From an image and a text to a path, by way of a remote model: cache, question, answer, record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hamster_bench.errors import AnswerError, PlannerError
from hamster_bench.paths.grammar import ParsedAnswer, parse_answer
from hamster_bench.paths.path import Path2D
from hamster_bench.planners.answer_cache import asking, keep_answer, load_answer
from hamster_bench.planners.answer_options import AnswerOptions
from hamster_bench.planners.chat import Connection, NoReplyError, Question, ask
from hamster_bench.planners.contract import Proposal
from hamster_bench.planners.sent_image import SentImage

# Fields of a cached answer, and of the record of a proposal.
_KEPT = ("answer", "model", "finish_reason", "prompt_tokens", "answer_tokens", "latency_s")


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """Everything that decides a remote model's answer.

    Attributes:
        planner: name of the planner, which stands for the kind of endpoint.
        models: names of the model, most wanted first.
        text: the prompt.
        image: the image, or None for a model that is told everything in words.
        sampling: fields of the request that OpenAI's servers know.
        extra: further fields.
    """

    planner: str
    models: tuple[str, ...]
    text: str
    image: SentImage | None
    sampling: Mapping[str, Any]
    extra: Mapping[str, Any]

    def content(self) -> dict[str, Any]:
        """What the answer is cached by. Where the server stands is no part of it."""
        return {
            "planner": self.planner,
            "model": self.models[0],
            "text": self.text,
            "image": None if self.image is None else self.image.digest(),
            "sampling": dict(self.sampling) | dict(self.extra),
        }


def propose_remotely(
    inquiry: Inquiry,
    connection: Connection,
    options: AnswerOptions,
    *,
    start: tuple[float, float] | None = None,
    start_open: bool,
) -> Proposal:
    """The path that a remote model answers with.

    The record of the proposal, or of the error, holds ``planner``, ``model``, ``answer`` (raw), ``verdict``, ``repairs``,
    ``finish_reason``, ``prompt_tokens``, ``answer_tokens``, ``latency_s``, ``cached`` and ``attempts``. Tokens and latency of a cached
    answer are those it cost when it was given.

    Args:
        inquiry: what is asked.
        connection: where.
        options: how the answer is read.
        start: present position of the gripper in the sent image [fraction], put before the answer's points, or None.
        start_open: gripper state until the answer's first action.

    Raises:
        PlannerError: there was no answer, or it is no path.
    """
    record = {"planner": inquiry.planner, **answer_remotely(inquiry, connection, cached=options.cache)}
    try:
        read = _read(record["answer"], options, start, start_open)
    except AnswerError as error:
        refused = record | {"verdict": f"answer_refused:{error.reason}", "repairs": list(error.repairs)}
        raise PlannerError(f"the answer of {record['model']} is no path: {error}", refused) from None
    path = read.path if inquiry.image is None else inquiry.image.in_full_image(read.path)
    return Proposal(path, record | {"verdict": "path", "repairs": list(read.repairs)})


def answer_remotely(inquiry: Inquiry, connection: Connection, *, cached: bool) -> dict[str, Any]:
    """A remote model's answer, unread: the part of the record that does not depend on what the answer means.

    Args:
        inquiry: what is asked.
        connection: where.
        cached: whether answers are kept, and one that was kept is taken.

    Returns:
        ``answer`` (raw), ``model``, ``finish_reason``, ``prompt_tokens``, ``answer_tokens``, ``latency_s``, ``cached``, ``attempts``.

    Raises:
        PlannerError: there was no answer.
    """
    if not cached:
        return _ask(inquiry, connection)
    content = inquiry.content()
    known = load_answer(content)
    if known is None:
        with asking(content):
            # Another process may have asked while this one waited.
            known = load_answer(content)
            if known is None:
                fresh = _ask(inquiry, connection)
                keep_answer(content, {name: fresh[name] for name in _KEPT})
                return fresh
    return {name: known.get(name) for name in _KEPT} | {"cached": True, "attempts": []}


def _ask(inquiry: Inquiry, connection: Connection) -> dict[str, Any]:
    question = Question(
        models=inquiry.models,
        text=inquiry.text,
        image_url=None if inquiry.image is None else inquiry.image.data_url(),
        sampling=inquiry.sampling,
        extra=inquiry.extra,
    )
    try:
        reply = ask(connection, question)
    except NoReplyError as error:
        record = {"planner": inquiry.planner, "model": inquiry.models[0], "answer": None, "verdict": error.verdict}
        # The causes hold the request with its headers, so they go no further.
        raise PlannerError(str(error), record | {"cached": False, "attempts": list(error.attempts)}) from None
    return {
        "answer": reply.text,
        "model": reply.model,
        "finish_reason": reply.finish_reason,
        "prompt_tokens": reply.prompt_tokens,
        "answer_tokens": reply.answer_tokens,
        "latency_s": reply.latency_s,
        "cached": False,
        "attempts": list(reply.attempts),
    }


def _read(answer: str, options: AnswerOptions, start: tuple[float, float] | None, start_open: bool) -> ParsedAnswer:
    """The answer as a path in the sent image."""
    try:
        read = parse_answer(answer, scale=options.scale, start_open=start_open)
    except AnswerError as error:
        # With the present position before it, one point is a path.
        if start is None or error.reason != "too_few_points":
            raise
        points, states, repairs = [(x, y) for x, y, _ in error.points], [state for *_, state in error.points], error.repairs
    else:
        if start is None:
            return read
        points, states, repairs = list(map(tuple, read.path.points.tolist())), read.path.gripper_open.tolist(), read.repairs
    return ParsedAnswer(Path2D([start, *points], [start_open, *states]), repairs)
