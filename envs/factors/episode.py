"""The factors of one episode: what they draw, what they do, and what the instruction says then."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hamster_bench.envs.colors import COLORS
from hamster_bench.envs.factors import FACTORS, defined_factors
from hamster_bench.envs.factors.contract import COMPAT_SWITCHES, Draw, Draws, Setting
from hamster_bench.envs.targets import ColorTargets
from hamster_bench.envs.task import Task
from hamster_bench.errors import HamsterBenchError, InvalidOptionError, UndefinedCellError, UnknownNameError
from hamster_bench.scenario import FACTOR_STREAM, Scenario

_COLOR_INDEX = {name: index for index, (name, _) in enumerate(COLORS)}


def check_defined(task: Task, factor: str) -> None:
    """Refuses factors that are not defined for a task.

    Raises:
        UnknownNameError: there is no such factor.
        UndefinedCellError: the factor is not defined for the task.
    """
    if not FACTORS.get(factor).is_defined(task):
        raise UndefinedCellError(task.name, factor, defined_factors(task))


def compat_switches(names: str | Iterable[str] | None) -> frozenset[str]:
    """Reads which of upstream's decisions are to hold.

    Args:
        names: None or nothing, ``"colosseum"`` for all, or names of single switches, as a list or separated by commas.

    Raises:
        UnknownNameError: there is no such switch.
    """
    wanted = [] if names is None else names.split(",") if isinstance(names, str) else list(names)
    switches: set[str] = set()
    for name in filter(None, (name.strip() for name in wanted)):
        if name == "colosseum":
            switches |= set(COMPAT_SWITCHES)
        elif name in COMPAT_SWITCHES:
            switches.add(name)
        else:
            raise UnknownNameError("compat switch", name, ("colosseum", *COMPAT_SWITCHES))
    return frozenset(switches)


def single_factors(factor: str, task: Task, compat: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Names of the single factors that a factor consists of for a task, in the order in which they are applied.

    Args:
        factor: name of the factor.
        task: the task.
        compat: the compat switches that are on.

    Raises:
        UnknownNameError: there is no such factor.
    """
    found = FACTORS.get(factor)
    if found.parts is not None:
        return found.parts(task, compat)
    return (factor,) if found.apply is not None else ()


def draw_factors(scenario: Scenario, setting: Setting) -> dict[str, Draw]:
    """Draws everything the scenario's factor does.

    Raises:
        HamsterBenchError: a texture or object cannot be read, or there is no room for a distractor.
    """
    draws = {}
    source = dataclasses.replace(scenario, episode=0) if "one_draw" in setting.materials.compat else scenario
    for name in single_factors(scenario.factor, setting.task, setting.materials.compat):
        stream = "" if "one_stream" in setting.materials.compat else name
        draw = FACTORS.get(name).draw
        assert draw is not None
        draws[name] = draw(setting, source.rng(f"{FACTOR_STREAM}{stream}"))
    return draws


def check_draws(setting: Setting, factor: str, draws: object) -> None:
    """Refuses what cannot be the draws of a factor; whether each fits its task shows when it is applied.

    Raises:
        InvalidOptionError: these are no draws of the factor for this task.
    """
    parts = single_factors(factor, setting.task, setting.materials.compat)
    if not isinstance(draws, Mapping) or not all(isinstance(drawn, Mapping) for drawn in draws.values()):
        raise InvalidOptionError(
            f"draws are a mapping of factors to what they drew, as info['draws'] holds, got {str(draws)[:80]!r}"
        )
    if set(draws) != set(parts):
        raise InvalidOptionError(
            f"draws of {factor} for {setting.task.name} hold {', '.join(parts) or 'nothing'}, "
            f"got {', '.join(map(str, draws)) or 'nothing'}"
        )


def apply_factors(setting: Setting, factor: str, draws: Draws) -> None:
    """Does what was drawn.

    Raises:
        InvalidOptionError: these are no draws of the factor for this task.
    """
    check_draws(setting, factor, draws)
    for name in single_factors(factor, setting.task, setting.materials.compat):
        apply = FACTORS.get(name).apply
        assert apply is not None
        with _refusing_nonsense(setting, name):
            apply(setting, draws[name])


def instructed_variation(setting: Setting, variation: int, draws: Draws) -> int:
    """The variation whose instructions describe the scene as it looks.

    Instructions that name the colour of an object follow the colour it has been painted with.

    Raises:
        InvalidOptionError: the draws say nothing of that colour.
    """
    if "paint_wins" in setting.materials.compat:
        return variation
    for name, drawn in draws.items():
        targets = setting.task.factors.get(name)
        if isinstance(targets, ColorTargets) and targets.named is not None:
            with _refusing_nonsense(setting, name):
                variation = _COLOR_INDEX[drawn["colors"][targets.named(setting.scene)]]
    return variation


@contextmanager
def _refusing_nonsense(setting: Setting, name: str) -> Iterator[None]:
    """Turns what comes of draws that no factor has made into an error that says so."""
    try:
        yield
    except HamsterBenchError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, AssertionError) as error:
        raise InvalidOptionError(f"these draws of {name} for {setting.task.name} make no sense: {error!r}") from error


def draws_to_json(draws: Draws) -> str:
    """Draws as one line of JSON that `draws_from_json` reads back without loss."""
    return json.dumps(draws, separators=(",", ":"))


def draws_from_json(text: str) -> dict[str, Any]:
    """The draws written by `draws_to_json`.

    Raises:
        InvalidOptionError: the text is none.
    """
    try:
        draws = json.loads(text)
    except (TypeError, ValueError) as error:
        raise InvalidOptionError(f"draws must be JSON, got {str(text)[:80]!r} ({error})") from error
    if not isinstance(draws, Mapping):
        raise InvalidOptionError(f"draws are an object of factors and what they drew, got {str(text)[:80]!r}")
    return dict(draws)
