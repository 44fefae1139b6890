"""Entry point of ``hamster-bench``: chooses the command and turns errors into messages."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO, cast

from hamster_bench import __version__
from hamster_bench.cli.command import Command, CommandGroup, Entry
from hamster_bench.errors import HamsterBenchError, UnknownNameError

PROGRAM = "hamster-bench"
_DESCRIPTION = "A benchmark for robot manipulation policies, above all hierarchical ones that follow 2D paths."

# Exit codes: what was asked for cannot be done; ended by the user (128 + SIGINT, as shells count).
REFUSED = 2
INTERRUPTED = 130


COMMANDS: dict[str, Entry] = {
    "demo": Entry("hamster_bench.cli.demo", "run scripted and learned agents on all columns of three tasks and print the table"),
    "run": Entry("hamster_bench.cli.run", "run agents on tasks and store every outcome; given again, do what is missing"),
    "table": Entry("hamster_bench.cli.table", "print success with intervals from stored results"),
    "failures": Entry("hamster_bench.cli.failures", "say why agents that follow 2D paths fail: path, adherence or execution"),
    "figures": Entry("hamster_bench.cli.figures", "draw heat maps, failure splits and other figures from stored results"),
    "compare": Entry(
        "hamster_bench.cli.compare", "compare agents, path planners, or factors with their controls, on the same scenarios"
    ),
    "power": Entry("hamster_bench.cli.power", "say which difference a number of episodes can show, or how many one needs"),
    "replay": Entry("hamster_bench.cli.replay", "run one recorded episode again, compare, and film it"),
    "tasks": Entry("hamster_bench.cli.tasks", "list the tasks"),
    "datasheets": Entry("hamster_bench.cli.datasheets", "write the pages and pictures of the tasks"),
    "factors": Entry("hamster_bench.cli.factors", "show which variation factor exists for which task"),
    "agents": Entry("hamster_bench.cli.agents", "list the agents"),
    "planners": Entry("hamster_bench.cli.planners", "list the path planners and their options"),
    "plan": Entry("hamster_bench.cli.plan", "ask a path planner for a path in a picture and draw it"),
    "serve": Entry("hamster_bench.cli.serve", "offer an agent to other programs as a policy server"),
    "serve-planner": Entry("hamster_bench.cli.serve_planner", "offer a path planner to clients of HAMSTER's server"),
    "score-planner": Entry("hamster_bench.cli.score_planner", "compare a path planner's paths with the expert's"),
    "demos": Entry("hamster_bench.cli.demos", "collect demonstrations of the expert, look at them, check and export them"),
    "export": Entry("hamster_bench.cli.export", "write the records of a results directory, or simulated data for training"),
    "card": Entry(
        "hamster_bench.cli.card", "write the model card of a checkpoint: what it learned from, how, and how well it does"
    ),
    "rebuild": Entry("hamster_bench.cli.rebuild", "make the tables, figures and pages of published results again"),
    "merge": Entry("hamster_bench.cli.merge", "make one results directory of several"),
    "train": Entry("hamster_bench.cli.train", "train what is learned"),
    "parity": Entry("hamster_bench.cli.parity", "compare with recorded numbers of the original programs"),
    "crosscheck": Entry("hamster_bench.cli.crosscheck", "hold an engine against recorded demonstrations of the original"),
    "leaderboard": Entry("hamster_bench.cli.leaderboard", "build and show the site of a leaderboard, and take submissions"),
    "submit": Entry("hamster_bench.cli.submit", "make a bundle of a run's records for a leaderboard"),
    "rank": Entry("hamster_bench.cli.rank", "let people rank the paths of several planners, blind"),
    "franka": Entry("hamster_bench.cli.franka", "rehearse with a simulated Franka arm, check and calibrate a real one"),
    "trials": Entry("hamster_bench.cli.trials", "evaluate policies on a robot, blind and paired, with people's labels"),
    "doctor": Entry("hamster_bench.cli.doctor", "say what works on this machine and how to get what does not"),
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
    program, text, commands = PROGRAM, _DESCRIPTION, COMMANDS
    while True:
        overview = _overview(program, text, commands)
        if not words:
            overview.print_help(sys.stderr)
            return REFUSED
        if words[0].startswith("-"):
            overview.parse_args(words)
            return REFUSED
        name, *words = words
        if name not in commands:
            raise UnknownNameError("command" if commands is COMMANDS else f"word after '{program}'", name, commands)
        module: object = importlib.import_module(commands[name].module)
        program, text = f"{program} {name}", _sentence(commands[name].help)
        if not isinstance(module, CommandGroup):
            break
        commands = dict(module.SUBCOMMANDS)
        of_folder: Entry | None = getattr(module, "OF_FOLDER", None)
        if of_folder is not None and words and words[0] not in commands and os.path.isdir(words[0]):
            module, text = importlib.import_module(of_folder.module), _sentence(of_folder.help)
            break
    command = cast(Command, module)
    parser = argparse.ArgumentParser(prog=program, description=text, allow_abbrev=False)
    command.add_arguments(parser)
    known = _options(parser)
    for word in words:
        option = word.split("=", 1)[0]
        if option.startswith("--") and option != "--" and option not in known:
            raise UnknownNameError("option", option, known)
    return command.execute(parser.parse_args(words))


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


def _overview(program: str, text: str, commands: Mapping[str, Entry]) -> argparse.ArgumentParser:
    width = max(map(len, commands))
    listing = "\n".join(f"  {name:<{width}}  {entry.help}" for name, entry in commands.items())
    parser = argparse.ArgumentParser(
        prog=program,
        description=text,
        epilog=f"commands:\n{listing}\n\n'{program} COMMAND --help' tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=f"{program} COMMAND ...",
    )
    if program == PROGRAM:
        parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    return parser


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
