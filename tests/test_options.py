"""Planners by name with options."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamster_bench.errors import HamsterBenchError, InvalidOptionError, UnknownNameError
from hamster_bench.options import FIRST, declared_options, make_with_options, read_named
from hamster_bench.planners import PLANNERS, make_planner


@dataclass(frozen=True, kw_only=True)
class Limits:
    retries: int = 2
    wait: float | None = 1.0


_LIMITS = Limits(retries=7)


class Planner:
    privileged = False

    def __init__(self, *, name: str, quick: bool = False, style: Literal["a", "b"] = "a", limits: Limits = _LIMITS) -> None:
        self.settings = (name, quick, style, limits)

    def propose(self, image_rgb: Any, instruction: str, context: Any) -> None:
        return None


def settings(**texts: str) -> tuple[Any, ...]:
    return make_with_options(Planner, "planner", texts).settings


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("oracle", "oracle", {}),
        ("oracle_noisy:std=0.02", "oracle_noisy", {"std": "0.02"}),
        ("hamster:url=http://127.0.0.1:8000/a?b=c,model=m", "hamster", {"url": "http://127.0.0.1:8000/a?b=c", "model": "m"}),
        ("hamster: url = http://h , key_env=", "hamster", {"url": "http://h", "key_env": ""}),
        ('file:path="a, \\"b\\".json"', "file", {"path": 'a, "b".json'}),
        ("package.module:Class", "package.module:Class", {}),
        ("package.module:Class:a=1,b=x:y", "package.module:Class", {"a": "1", "b": "x:y"}),
        ("oracel:std=1", "oracel", {"std": "1"}),
    ],
)
def test_names_and_options_are_told_apart(text: str, name: str, options: dict[str, str]) -> None:
    assert read_named(text, PLANNERS) == (name, options)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("oracle:ws://h:1/?a=b", {FIRST: "ws://h:1/?a=b"}),
        ("oracle:/a/b=c/d,wait=3", {FIRST: "/a/b=c/d", "wait": "3"}),
        ('oracle:"a,b",wait=3', {FIRST: "a,b", "wait": "3"}),
        ("oracle:url=ws://h", {"url": "ws://h"}),
        ("oracle", {}),
    ],
)
def test_a_first_value_may_stand_without_its_key(text: str, options: dict[str, str]) -> None:
    assert read_named(text, PLANNERS, first=True) == ("oracle", options)


def test_the_first_value_belongs_to_the_first_option() -> None:
    assert settings(**{FIRST: "x", "quick": "yes"}) == ("x", True, "a", Limits(retries=7))
    with pytest.raises(InvalidOptionError, match="without its key, but name too"):
        settings(**{FIRST: "x", "name": "y"})


@pytest.mark.parametrize(
    "text", ["oracle:", "oracle:std", "oracle_noisy:std=1,std=2", "a.b:C:", 'file:path="a', "oracle_noisy:std=1,,x=2"]
)
def test_malformed_options_are_refused(text: str) -> None:
    with pytest.raises(InvalidOptionError):
        read_named(text, PLANNERS)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(), min_size=1))
def test_every_value_can_be_written_in_quotes(options: dict[str, str]) -> None:
    text = "oracle:" + ",".join(f"{name}={json.dumps(value)}" for name, value in options.items())
    assert read_named(text, PLANNERS) == ("oracle", options)


@given(st.text(max_size=60))
def test_no_text_breaks_anything(text: str) -> None:
    with contextlib.suppress(InvalidOptionError):
        name, options = read_named(f"hamster:{text}", PLANNERS)
        assert name == "hamster"
        assert options


def test_options_have_the_declared_types_and_groups_keep_their_other_defaults() -> None:
    assert settings(name="x") == ("x", False, "a", Limits(retries=7))
    assert settings(name="x", quick="yes", style="b", retries="3") == ("x", True, "b", Limits(retries=3))
    assert settings(name="x", wait="none") == ("x", False, "a", Limits(retries=7, wait=None))
    assert settings(name="x", wait="2") == ("x", False, "a", Limits(retries=7, wait=2.0))
    assert list(declared_options(Planner)) == ["name", "quick", "style", "retries", "wait"]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({}, "needs name="),
        ({"name": "x", "quick": "perhaps"}, "quick of planner is yes or no"),
        ({"name": "x", "retries": "2.5"}, "whole number"),
        ({"name": "x", "wait": "nan"}, "number"),
    ],
)
def test_impossible_values_are_refused(texts: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidOptionError, match=said):
        settings(**texts)


def test_unknown_options_are_answered_with_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown option of path planner 'oracle_noisy' 'sdt'.*Available: std"):
        make_planner("oracle_noisy:sdt=0.02")
    with pytest.raises(UnknownNameError, match=r"Available: a, b"):
        settings(name="x", style="c")
    with pytest.raises(UnknownNameError, match="Did you mean: oracle_noisy"):
        make_planner("oracle_nosy:std=0.02")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("oracle_noisy:std=-1", "number from 0"),
        ("oracle:std=0.1", "unknown option"),
        ("file", "needs path=..."),
        ("hamster:url=ftp://host", "http://"),
        ("hamster:url=http://user:secret@host", "no place"),
        ("hamster:url=http://host/?key=secret", "no place"),
        ("hamster:timeout=0", "timeout"),
        ("hamster:retries=-1", "retries"),
        ("hamster:quality=0", "quality"),
        ("hamster:top_p=0", "top_p"),
        ("hamster:start=ajar", "Available: closed, open, observed"),
        ("openai", "needs model="),
        ("openai:model=m,prompt=x", "prompt"),
        ("pathlib:Path", "'propose'"),
        ("os:system", "'propose'"),
        ("nowhere.to.be.found:Planner", "no module"),
        (f"{__name__}:Planner:wrong=1", "unknown option"),
    ],
)
def test_what_cannot_be_made_is_refused(text: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-unused")
    with pytest.raises(HamsterBenchError, match=said) as caught:
        make_planner(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("made", ["sk-live-0123", "Sk_live", "my key"])
def test_a_key_in_place_of_its_variable_is_refused_and_not_repeated(made: str) -> None:
    with pytest.raises(InvalidOptionError, match="never the API key") as caught:
        make_planner(f"openai:model=m,key_env={made}")
    assert made not in str(caught.value)


def test_a_key_that_is_not_set_is_missed_before_a_run_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InvalidOptionError, match="OPENAI_API_KEY holds no API key"):
        make_planner("openai:model=m")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-\u00e4")
    with pytest.raises(InvalidOptionError, match="characters"):
        make_planner("openai:model=m")
