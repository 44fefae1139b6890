"""Entry point of ``hamster-bench``: chooses the command and turns errors into messages."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, TextIO, cast

from hamster_bench import __version__
from hamster_bench.errors import HamsterBenchError, UnknownNameError

PROGRAM = "hamster-bench"

# Exit codes: what was asked for cannot be done; ended by the user (128 + SIGINT, as shells count).
REFUSED = 2
INTERRUPTED = 130


class Command(Protocol):
    """A module that implements a command."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declares the command's arguments."""
        ...

    def execute(self, arguments: argparse.Namespace) -> int:
        """Does what was asked for; gives the exit code."""
        ...


class _Entry(NamedTuple):
    module: str
    help: str


COMMANDS: dict[str, _Entry] = {
    "demo": _Entry("hamster_bench.cli.demo", "run the scripted agents on four tasks and print the table"),
    "run": _Entry("hamster_bench.cli.run", "run agents on tasks and store every outcome; given again, do what is missing"),
    "table": _Entry("hamster_bench.cli.table", "print success with intervals from stored results"),
    "figures": _Entry("hamster_bench.cli.figures", "draw heat maps, failure splits and other figures from stored results"),
    "export": _Entry("hamster_bench.cli.export", "write every record as Parquet, CSV or JSON"),
    "merge": _Entry("hamster_bench.cli.merge", "make one results directory of several"),
    "compare": _Entry("hamster_bench.cli.compare", "compare agents, or factors with their controls, on the same scenarios"),
    "power": _Entry("hamster_bench.cli.power", "say which difference a number of episodes can show, or how many one needs"),
    "replay": _Entry("hamster_bench.cli.replay", "run one recorded episode again, compare, and film it"),
    "tasks": _Entry("hamster_bench.cli.tasks", "list the tasks"),
    "datasheets": _Entry("hamster_bench.cli.datasheets", "write the pages and pictures of the tasks"),
    "factors": _Entry("hamster_bench.cli.factors", "show which variation factor exists for which task"),
    "agents": _Entry("hamster_bench.cli.agents", "list the agents"),
    "planners": _Entry("hamster_bench.cli.planners", "list the path planners and their options"),
    "plan": _Entry("hamster_bench.cli.plan", "ask a path planner for a path in a picture and draw it"),
    "serve-planner": _Entry("hamster_bench.cli.serve_planner", "offer a path planner to clients of HAMSTER's server"),
    "parity": _Entry("hamster_bench.cli.parity", "compare with recorded numbers of the original programs"),
    "leaderboard": _Entry("hamster_bench.cli.leaderboard", "build and show the site of a leaderboard, and take submissions"),
    "submit": _Entry("hamster_bench.cli.submit", "make a bundle of a run's records for a leaderboard"),
    "rank": _Entry("hamster_bench.cli.rank", "let people rank the paths of several planners, blind"),
    "doctor": _Entry("hamster_bench.cli.doctor", "say what works on this machine and how to get what does not"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Modules in the current directory can be named as ``module:Class``, as with ``python -m``; those that are installed come first.

    Args:
        argv: arguments without the program's name; those of the process by default.

    Returns:
        The exit code: 0 done, 1 done with a finding the command describes, 2 refused, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        with _current_directory_importable(), _plain_warnings():
            return _dispatch(words)
    except HamsterBenchError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output, such as `head`, has gone; what Python still wants to flush at exit goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _dispatch(words: list[str]) -> int:
    overview = _overview()
    if not words:
        overview.print_help(sys.stderr)
        return REFUSED
    if words[0].startswith("-"):
        overview.parse_args(words)
        return REFUSED
    name = words[0]
    if name not in COMMANDS:
        raise UnknownNameError("command", name, COMMANDS)
    command = cast(Command, importlib.import_module(COMMANDS[name].module))
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} {name}", description=_sentence(COMMANDS[name].help), allow_abbrev=False)
    command.add_arguments(parser)
    known = _options(parser)
    for word in words[1:]:
        option = word.split("=", 1)[0]
        if option.startswith("--") and option != "--" and option not in known:
            raise UnknownNameError("option", option, known)
    return command.execute(parser.parse_args(words[1:]))


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """Every option of a command and of its subcommands."""
    found = [option for action in parser._actions for option in action.option_strings]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [option for subparser in action.choices.values() for option in _options(subparser)]
    return list(dict.fromkeys(found))


@contextlib.contextmanager
def _current_directory_importable() -> Iterator[None]:
    before = sys.path.copy()
    # There is none when it was removed under our feet.
    with contextlib.suppress(FileNotFoundError):
        # Last: a file that happens to be called like a library must not take its place.
        sys.path.append(os.getcwd())
    try:
        yield
    finally:
        sys.path[:] = before


@contextlib.contextmanager
def _plain_warnings() -> Iterator[None]:
    """Says every warning once and as a message; where in the code it came about tells the user nothing."""
    said: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = str(message)
        if text not in said:
            said.add(text)
            print(f"{PROGRAM}: warning: {text}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _overview() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:<{width}}  {entry.help}" for name, entry in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="A benchmark for robot manipulation policies, above all hierarchical ones that follow 2D paths.",
        epilog=f"commands:\n{listing}\n\n'{PROGRAM} COMMAND --help' tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=f"{PROGRAM} COMMAND ...",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    return parser


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
