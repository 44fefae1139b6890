"""This project's variation factors as entries of THE COLOSSEUM's own configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hamster_bench.envs.factors.contract import Draws
from hamster_bench.envs.factors.episode import single_factors
from hamster_bench.envs.task import Task
from hamster_bench.errors import InvalidOptionError, UndefinedCellError
from hamster_bench.scenario import FACTOR_STREAM, Scenario

ENTRIES: Mapping[str, tuple[str, str | None]] = {
    "man_obj_col": ("object_color", "manip_obj_color"),
    "rec_obj_col": ("object_color", "recv_obj_color"),
    "man_obj_tex": ("object_texture", "manip_obj_tex"),
    "rec_obj_tex": ("object_texture", "recv_obj_tex"),
    "man_obj_siz": ("object_size", "manip_obj_size"),
    "rec_obj_siz": ("object_size", "recv_obj_size"),
    "lig_col": ("light_color", None),
    "tab_col": ("table_color", None),
    "tab_tex": ("table_texture", None),
    "bac_tex": ("background_texture", None),
    "distractor": ("distractor_object", None),
    "cam_pos": ("camera_pose", None),
    "friction": ("object_friction", None),
    "mass": ("object_mass", None),
}
"""Kind and name of the configuration's entries that each single factor switches on; None stands for any name."""

ORIGINAL_SEED = 42
"""Seed of every factor in THE COLOSSEUM's configuration files."""

_SEEDS = 2**31


def read_entries(folder: Path, task: str) -> list[dict[str, Any]]:
    """The factors of a task in THE COLOSSEUM's configuration, in its order.

    Args:
        folder: of THE COLOSSEUM's package.
        task: name of the task.

    Raises:
        InvalidOptionError: there is no configuration of the task, or it is of another form.
    """
    import yaml

    file = folder / "assets" / "configs" / f"{task}.yaml"
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))["env"]["scene"]["factors"]
        return [dict(entry) for entry in entries]
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise InvalidOptionError(f"{file} is no configuration of THE COLOSSEUM: {type(error).__name__}: {error}") from error


def draw(scenario: Scenario, task: Task, entries: Sequence[Mapping[str, Any]], compat: frozenset[str]) -> dict[str, Any]:
    """What the scenario's factor does: for every single factor the seeds of its entries, by their place in the configuration.

    Every entry has a stream of its own, and draws anew in every scenario. With the compat switches ``one_stream`` and ``one_draw`` it is
    as in the original: one seed, 42, for all of them and for ever.

    Raises:
        UndefinedCellError: the configuration has no entry for the factor.
    """
    parts = single_factors(scenario.factor, task, compat)
    draws: dict[str, Any] = {}
    for name in parts:
        places = [place for place, entry in enumerate(entries) if _is_of(entry, name)]
        if places:
            draws[name] = {"seeds": {str(place): _seed(scenario, name, place, places, compat) for place in places}}
        elif len(parts) == 1:
            raise UndefinedCellError(task.name, name, sorted(part for part in ENTRIES if any(_is_of(e, part) for e in entries)))
    return draws


def factors_for(entries: Sequence[Mapping[str, Any]], draws: Draws, textures: Path | None = None) -> list[dict[str, Any]]:
    """The configuration's factors with those switched on that were drawn, and all others off.

    Args:
        entries: of the configuration.
        draws: what `draw` gave.
        textures: folder of pictures to draw textures from, in place of THE COLOSSEUM's.

    Raises:
        InvalidOptionError: these are no draws for this configuration.
    """
    seeds: dict[int, int] = {}
    for name, drawn in draws.items():
        try:
            for place, seed in drawn["seeds"].items():
                if not _is_of(entries[int(place)], name) or isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
                    raise ValueError(f"entry {place} with seed {seed!r}")
                seeds[int(place)] = seed
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise InvalidOptionError(f"these draws of {name} do not fit THE COLOSSEUM's configuration: {error}") from error
    configured = []
    for place, entry in enumerate(entries):
        # The files write seeds as expressions to be evaluated; a number is in their place here.
        changed = dict(entry) | {"enabled": place in seeds, "seed": seeds.get(place, ORIGINAL_SEED)}
        if textures is not None and str(entry.get("variation", "")).endswith("_texture"):
            changed["textures_folder"] = str(textures)
        configured.append(changed)
    return configured


def _is_of(entry: Mapping[str, Any], factor: str) -> bool:
    kind, name = ENTRIES[factor]
    return entry.get("variation") == kind and name in (None, entry.get("name"))


def _seed(scenario: Scenario, factor: str, place: int, places: Sequence[int], compat: frozenset[str]) -> int:
    if {"one_stream", "one_draw"} <= compat:
        # The second distractor area of the files has the seed after the first's.
        return ORIGINAL_SEED + (places.index(place) if factor == "distractor" else 0)
    stream = "" if "one_stream" in compat else f"{factor}/{places.index(place)}"
    episode = Scenario(task=scenario.task, seed=scenario.seed, episode=0 if "one_draw" in compat else scenario.episode)
    return int(episode.rng(f"{FACTOR_STREAM}{stream}").integers(_SEEDS))


def configuration_key(factors: Sequence[Mapping[str, Any]]) -> str:
    """A short text that is the same for equal configurations alone."""
    return hashlib.sha256(repr([sorted(factor.items()) for factor in factors]).encode()).hexdigest()[:16]
