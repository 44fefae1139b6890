"""Commands that are followed by another word."""

from __future__ import annotations

import pytest

from hamster_bench.cli import export, train
from hamster_bench.cli.main import main


@pytest.mark.parametrize(("group", "words"), [("train", train.SUBCOMMANDS), ("export", export.SUBCOMMANDS)])
def test_a_group_lists_its_commands_and_each_has_help(
    group: str, words: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([group]) == 2
    listed = capsys.readouterr().err
    for word in words:
        assert word in listed
        with pytest.raises(SystemExit) as ended:
            main([group, word, "--help"])
        assert ended.value.code == 0
        assert f"usage: hamster-bench {group} {word}" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main([group, "--help"])
    assert ended.value.code == 0


@pytest.mark.parametrize(
    ("words", "close"),
    [(["train", "sketsh"], "sketch"), (["export", "vqq"], "vqa"), (["export", "vqa", "--episode", "3"], "--episodes")],
)
def test_wrong_words_are_answered_with_the_closest(words: list[str], close: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert f"Did you mean: {close}" in capsys.readouterr().err
