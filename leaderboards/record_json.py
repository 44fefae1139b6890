"""Episode records as JSON, and back again without trusting who wrote it."""

from __future__ import annotations

import json
import math
import types
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from hamster_bench.errors import HamsterBenchError, StoreError
from hamster_bench.evaluation.record import OUTCOMES, EpisodeRecord, HostLoad, Timings
from hamster_bench.paths import Path2D
from hamster_bench.scenario import Scenario

LARGEST_COUNT = 2**53
LONGEST_NAME = 200
# Answers of language models are the longest texts of a record.
LONGEST_TEXT = 2_000_000
_NAMES = ("agent", "agent_fingerprint", "protocol")


def record_to_dict(record: EpisodeRecord) -> dict[str, Any]:
    """Every field of a record in values JSON knows: the scenario as its id, timings and host as objects."""
    values = {name: getattr(record, name) for name in _FIELDS}
    values["scenario"] = record.scenario.id
    values["timings"] = dict(vars(record.timings))
    values["host"] = record.host._asdict()
    return values


def record_to_json(record: EpisodeRecord) -> str:
    """One line of JSON that `record_from_json` reads back without loss."""
    return json.dumps(record_to_dict(record), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def record_from_json(text: str) -> EpisodeRecord:
    """The record in a line of JSON.

    Raises:
        StoreError: the line is not a record this version of the program knows, or says something no record says. The message tells what.
    """
    try:
        values = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"it is not JSON ({_short(error)})") from error
    if not isinstance(values, dict):
        raise StoreError(f"it is not a JSON object but {_short(values)}")
    unknown, missing = sorted(values.keys() - _FIELDS), sorted(set(_FIELDS) - values.keys() - _optional())
    if unknown:
        raise StoreError(f"unknown field {_short(unknown[0])}; it was written by another version of this program, or by none")
    if missing:
        raise StoreError(f"the field {missing[0]!r} is missing")
    for name, value in values.items():
        _check(name, value, _hints()[name])
    _check_texts(values)
    scenario = _scenario(values["scenario"])
    _check_ending(values)
    made = {"scenario": scenario, "timings": Timings(**values["timings"]), "host": HostLoad(**values.get("host", {}))}
    return EpisodeRecord(**(values | made))


_FIELDS = tuple(f.name for f in fields(EpisodeRecord))


@cache
def _hints() -> dict[str, Any]:
    return get_type_hints(EpisodeRecord)


@cache
def _optional() -> frozenset[str]:
    """Fields that may be missing, because records of older versions do not have them."""
    return frozenset(name for name, hint in _hints().items() if type(None) in get_args(hint)) | {"attempts", "host"}


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _check(name: str, value: Any, hint: Any) -> None:
    if get_origin(hint) in (Union, types.UnionType):
        if value is None and type(None) in get_args(hint):
            return
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    if hint is Scenario:
        good = isinstance(value, str)
    elif hint is Timings:
        good = _is_object_of_numbers(value, {f.name for f in fields(Timings)})
    elif hint is HostLoad:
        good = _is_object_of_numbers(value, set(HostLoad._fields))
    elif hint is int:
        good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT
    elif hint is float:
        good = _is_number(value)
    elif hint is str or name == "outcome":
        good = isinstance(value, str)
    elif get_origin(hint) is dict:
        good = isinstance(value, dict) and all(isinstance(v, str) and len(v) <= LONGEST_NAME for v in value.values())
        good = good and len(value) <= 100 and all(is_plain_name(v) for pair in value.items() for v in pair)
    else:
        good = isinstance(value, (str, int, float, list, dict))
    if not good:
        raise StoreError(f"{name} cannot be {_short(value)}")


def _is_object_of_numbers(value: Any, names: set[str]) -> bool:
    """An object with numbers from 0, or None, under some of these names."""
    return (
        isinstance(value, dict) and value.keys() <= names and all(v is None or (_is_number(v) and v >= 0) for v in value.values())
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_plain_name(text: str) -> bool:
    """Whether a text is short and printable in one line, without marks that turn the direction of writing."""
    return 0 < len(text) <= LONGEST_NAME and all(unicodedata.category(c)[0] not in "CZ" or c == " " for c in text)


def _check_texts(values: Mapping[str, Any]) -> None:
    for name in _NAMES:
        if not is_plain_name(values[name]):
            raise StoreError(f"{name} is no short printable name: {_short(values[name])}")
    if values.get("stage") is not None and not 0 <= values["stage"] <= 1:
        raise StoreError(f"stage cannot be {_short(values['stage'])}; it is a share")
    for name, value in values.items():
        if isinstance(value, str):
            if len(value) > LONGEST_TEXT:
                raise StoreError(f"{name} is longer than {LONGEST_TEXT} characters")
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise StoreError(f"{name} holds half of a surrogate pair") from error
    for name, read in _READERS.items():
        if values.get(name) is not None:
            try:
                read(values[name])
            except (ValueError, TypeError, RecursionError, HamsterBenchError) as error:
                raise StoreError(f"{name} is not understood ({_short(error)})") from error


def _object(text: str) -> None:
    if not isinstance(json.loads(text, parse_constant=_refuse_constant), dict):
        raise TypeError("no object")


def _list_of_objects(text: str) -> None:
    value = json.loads(text, parse_constant=_refuse_constant)
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise TypeError("no list of objects")
    for entry in value:
        if entry.get("path") is not None:
            Path2D.from_json(json.dumps(entry["path"]))


def _list(text: str) -> None:
    if not isinstance(json.loads(text, parse_constant=_refuse_constant), list):
        raise TypeError("no list")


_READERS: dict[str, Callable[[str], object]] = {
    "path": Path2D.from_json,
    "draws": _object,
    "proposals": _list_of_objects,
    "stages": _list,
    "track": _object,
    "oracle_path": _object,
}


def _scenario(text: str) -> Scenario:
    try:
        scenario = Scenario.from_id(text)
    except HamsterBenchError as error:
        raise StoreError(_short(error)) from error
    if scenario.id != text:
        # `-e01-` and `-e1-` are one episode; under two names it would count twice.
        raise StoreError(f"the scenario {_short(text)} is written otherwise than its id, {scenario.id}")
    return scenario


def _check_ending(values: Mapping[str, Any]) -> None:
    outcome = values["outcome"]
    if outcome not in OUTCOMES:
        raise StoreError(f"outcome is {', '.join(OUTCOMES[:-1])} or {OUTCOMES[-1]}, not {_short(outcome)}")
    if (values.get("kind") is None) != (outcome == "success"):
        raise StoreError(f"the outcome {outcome} does not go with the kind {_short(values.get('kind'))}")
    if outcome == "success" and (values["steps"] < 1 or values["episode_return"] <= 0):
        raise StoreError(
            f"a success after {values['steps']} steps with a return of {values['episode_return']} is none: the step that succeeds is "
            "rewarded"
        )


def _short(value: object) -> str:
    text = str(value) if isinstance(value, Exception) else repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
