"""Answers of remote models, kept by what was asked: the same question is paid for once."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hamster_bench.cache import cache_directory, write_cached

_FOLDER = "planner_answers"
_FORM = 1


def load_answer(question: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answer kept for a question, or None; an entry that is damaged counts as none.

    Args:
        question: what was asked, in values JSON can hold.
    """
    try:
        entry = json.loads(_file(question).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or entry.get("question") != dict(question) or not isinstance(entry.get("answer"), dict):
        return None
    answer: dict[str, Any] = entry["answer"]
    return answer


def keep_answer(question: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """Keeps an answer; where the cache cannot be written it is not kept."""
    entry = {"form": _FORM, "question": dict(question), "answer": dict(answer)}
    write_cached(_file(question), json.dumps(entry, sort_keys=True, indent=1).encode())


@contextlib.contextmanager
def asking(question: Mapping[str, Any]) -> Iterator[None]:
    """Makes other processes with the same question wait, so that they find the answer instead of paying for it again."""
    lock: int | None = None
    # A cache that cannot be written keeps nobody from asking.
    with contextlib.suppress(OSError):
        # One of 256 files, so that locks do not pile up; questions that share one wait for each other, which is seldom.
        file = cache_directory() / _FOLDER / "locks" / _digest(question)[:2]
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if lock is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _file(question: Mapping[str, Any]) -> Path:
    digest = _digest(question)
    return cache_directory() / _FOLDER / digest[:2] / f"{digest}.json"


def _digest(question: Mapping[str, Any]) -> str:
    text = json.dumps(dict(question), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{_FORM}|{text}".encode()).hexdigest()
