"""Which factor exists for which task, and how far it goes: THE COLOSSEUM's matrix and ranges."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hamster_bench.envs.factors import FACTORS, columns, defined_factors
from hamster_bench.envs.factors.episode import check_defined, single_factors
from hamster_bench.envs.targets import ColorTargets, FrictionTargets, MassTargets, SizeTargets, SpawnAreas, TextureTargets
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import UndefinedCellError, UnknownNameError

_FACTS = Path(__file__).resolve().parents[4] / "shared" / "facts" / "variations.md"
needs_facts = pytest.mark.skipif(not _FACTS.is_file(), reason="needs the fact sheet ../shared/facts/variations.md")

_EVERYWHERE = ("bac_tex", "cam_pos", "distractor", "lig_col", "tab_col", "tab_tex")
_COMBINED = ("rlb_and_col", "all_mixed")
# Beyond the factors that every task has.
_OWN = {
    "close_box": ("man_obj_col", "man_obj_siz"),
    "close_laptop_lid": ("man_obj_col", "man_obj_siz"),
    "hockey": ("man_obj_col", "man_obj_siz", "rec_obj_col", "rec_obj_siz", "rec_obj_tex", "friction", "mass"),
    "insert_onto_square_peg": ("man_obj_col", "man_obj_siz", "rec_obj_col", "rec_obj_siz", "rec_obj_tex", "rlb_var"),
    "meat_on_grill": ("man_obj_col", "man_obj_siz", "rec_obj_col", "rlb_var"),
    "place_wine_at_rack_location": ("man_obj_col", "man_obj_siz", "rec_obj_col", "rec_obj_siz", "rec_obj_tex", "rlb_var"),
    "put_money_in_safe": ("man_obj_col", "man_obj_siz", "man_obj_tex", "rec_obj_col", "rec_obj_tex", "rlb_var"),
    "reach_and_drag": (
        *("man_obj_col", "man_obj_siz", "man_obj_tex", "rec_obj_col", "rec_obj_siz", "rec_obj_tex"),
        *("rlb_var", "friction", "mass"),
    ),
    "scoop_with_spatula": (
        *("man_obj_col", "man_obj_siz", "man_obj_tex", "rec_obj_col", "rec_obj_siz", "rec_obj_tex"),
        *("friction", "mass"),
    ),
    "setup_chess": ("man_obj_col", "man_obj_siz", "man_obj_tex", "rec_obj_col", "rlb_var"),
    "slide_block_to_target": ("man_obj_col", "man_obj_tex", "friction", "mass"),
    "stack_cups": ("man_obj_col", "man_obj_siz", "man_obj_tex", "rlb_var"),
    "straighten_rope": ("man_obj_col", "man_obj_tex"),
    "wipe_desk": ("man_obj_col", "man_obj_siz", "man_obj_tex", "friction", "mass"),
}
# Lowest and highest scale, and whether all objects share one.
_SIZES = {
    ("close_box", "man_obj_siz"): (0.75, 1.15, False),
    ("close_laptop_lid", "man_obj_siz"): (0.75, 1.0, True),
    ("hockey", "man_obj_siz"): (0.95, 1.05, False),
    ("hockey", "rec_obj_siz"): (0.75, 1.25, False),
    ("insert_onto_square_peg", "man_obj_siz"): (1.0, 1.5, False),
    ("insert_onto_square_peg", "rec_obj_siz"): (0.85, 1.15, True),
    ("meat_on_grill", "man_obj_siz"): (0.65, 1.15, True),
    ("place_wine_at_rack_location", "man_obj_siz"): (0.85, 1.15, False),
    ("place_wine_at_rack_location", "rec_obj_siz"): (0.85, 1.15, True),
    ("put_money_in_safe", "man_obj_siz"): (0.5, 1.0, True),
    ("reach_and_drag", "man_obj_siz"): (0.8, 1.1, False),
    ("reach_and_drag", "rec_obj_siz"): (0.5, 1.0, False),
    ("scoop_with_spatula", "man_obj_siz"): (0.75, 1.25, False),
    ("scoop_with_spatula", "rec_obj_siz"): (0.75, 1.5, False),
    ("setup_chess", "man_obj_siz"): (0.75, 1.25, False),
    ("stack_cups", "man_obj_siz"): (0.75, 1.25, True),
    ("wipe_desk", "man_obj_siz"): (0.75, 1.25, True),
}
# Number of objects on each spawn area.
_AREAS = {
    "close_box": (2,),
    "close_laptop_lid": (2,),
    "hockey": (2,),
    "insert_onto_square_peg": (2, 2),
    "meat_on_grill": (2,),
    "place_wine_at_rack_location": (2,),
    "put_money_in_safe": (2,),
    "reach_and_drag": (2,),
    "scoop_with_spatula": (1, 1),
    "setup_chess": (2, 2),
    "slide_block_to_target": (2,),
    "stack_cups": (1,),
    "straighten_rope": (2,),
    "wipe_desk": (2,),
}
_MASSES = {
    "hockey": {"hockey_ball": (0.1, 0.5)},
    "reach_and_drag": {"cube": (0.5, 2.5)},
    "scoop_with_spatula": {"Cuboid": (1.0, 5.0), "scoop_with_spatula_spatula": (0.1, 1.0)},
    "slide_block_to_target": {"block": (1.0, 15.0)},
    "wipe_desk": {"sponge": (1.0, 5.0)},
}
_FRICTIONS = {
    "hockey": ("hockey_ball",),
    "reach_and_drag": ("cube",),
    "scoop_with_spatula": ("Cuboid", "scoop_with_spatula_spatula"),
    "slide_block_to_target": ("block",),
    "wipe_desk": ("sponge",),
}
# Number of objects with a colour of their own, and whether all get the same one.
_COLORS = {
    ("close_box", "man_obj_col"): (2, False),
    ("close_laptop_lid", "man_obj_col"): (3, False),
    ("hockey", "man_obj_col"): (1, False),
    ("hockey", "rec_obj_col"): (1, False),
    ("insert_onto_square_peg", "man_obj_col"): (1, False),
    ("insert_onto_square_peg", "rec_obj_col"): (3, False),
    ("meat_on_grill", "man_obj_col"): (2, False),
    ("meat_on_grill", "rec_obj_col"): (1, False),
    ("place_wine_at_rack_location", "man_obj_col"): (1, False),
    ("place_wine_at_rack_location", "rec_obj_col"): (2, False),
    ("put_money_in_safe", "man_obj_col"): (3, True),
    ("put_money_in_safe", "rec_obj_col"): (2, True),
    ("reach_and_drag", "man_obj_col"): (1, False),
    ("reach_and_drag", "rec_obj_col"): (1, False),
    ("scoop_with_spatula", "man_obj_col"): (1, False),
    ("scoop_with_spatula", "rec_obj_col"): (1, False),
    ("setup_chess", "man_obj_col"): (32, False),
    ("setup_chess", "rec_obj_col"): (4, False),
    ("slide_block_to_target", "man_obj_col"): (1, False),
    ("stack_cups", "man_obj_col"): (3, False),
    ("straighten_rope", "man_obj_col"): (18, True),
    ("wipe_desk", "man_obj_col"): (1, False),
}
_TEXTURES = {
    ("close_box", "man_obj_tex"): 2,
    ("hockey", "rec_obj_tex"): 1,
    ("insert_onto_square_peg", "rec_obj_tex"): 3,
    ("place_wine_at_rack_location", "rec_obj_tex"): 2,
    ("put_money_in_safe", "man_obj_tex"): 3,
    ("put_money_in_safe", "rec_obj_tex"): 2,
    ("reach_and_drag", "man_obj_tex"): 1,
    ("reach_and_drag", "rec_obj_tex"): 1,
    ("scoop_with_spatula", "man_obj_tex"): 1,
    ("scoop_with_spatula", "rec_obj_tex"): 1,
    ("setup_chess", "man_obj_tex"): 16,
    ("slide_block_to_target", "man_obj_tex"): 1,
    ("stack_cups", "man_obj_tex"): 3,
    ("straighten_rope", "man_obj_tex"): 18,
    ("wipe_desk", "man_obj_tex"): 1,
}


def test_every_task_defines_exactly_the_cells_of_the_matrix() -> None:
    for task in TASKS.names():
        assert set(defined_factors(TASKS.get(task))) == {"no_var", *_EVERYWHERE, *_COMBINED, *_OWN[task]}, task


def test_there_are_144_cells_in_13_single_columns() -> None:
    single = [name for name in columns() if name not in {"no_var", "rlb_and_col"}]
    assert len(single) == 13
    assert sum(name in defined_factors(TASKS.get(task)) for task in TASKS.names() for name in single) == 144


@pytest.mark.parametrize("task", TASKS.names())
def test_undefined_cells_are_refused_with_the_defined_ones(task: str) -> None:
    defined = defined_factors(TASKS.get(task))
    for name in FACTORS:
        if name in defined:
            check_defined(TASKS.get(task), name)
            continue
        with pytest.raises(UndefinedCellError) as refused:
            check_defined(TASKS.get(task), name)
        assert refused.value.defined == defined
        assert all(other in str(refused.value) for other in (task, name, *defined))


def test_a_misspelt_factor_is_answered_with_close_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean: .*tab_tex"):
        check_defined(TASKS.get("hockey"), "tab_text")


@pytest.mark.parametrize("task", TASKS.names())
def test_combined_factors_consist_of_every_column_that_has_something_to_act_on(task: str) -> None:
    own = {name for name in _OWN[task] if name not in {"rlb_var", "friction", "mass"}}
    # Upstream switches this one on in combined sets only.
    own |= {"man_obj_tex"} if task == "close_box" else set()
    for name in _COMBINED:
        parts = single_factors(name, TASKS.get(task))
        assert len(set(parts)) == len(parts)
        assert set(parts) == {*_EVERYWHERE, *own}
        assert set(single_factors(name, TASKS.get(task), frozenset({"mixed_physics"}))) - set(parts) == (
            {"friction", "mass"} & set(_OWN[task])
        )


def test_sizes_have_upstreams_ranges() -> None:
    stated = {
        (task, name): targets
        for task in TASKS.names()
        for name, targets in TASKS.get(task).factors.items()
        if isinstance(targets, SizeTargets)
    }
    assert stated.keys() == _SIZES.keys()
    for cell, (low, high, same) in _SIZES.items():
        targets = stated[cell]
        assert (targets.low, targets.high) == (low, high), cell
        assert targets.same == (same and len(targets.objects) > 1), cell


def test_distractors_have_upstreams_counts() -> None:
    for task, counts in _AREAS.items():
        targets = TASKS.get(task).factors["distractor"]
        assert isinstance(targets, SpawnAreas)
        assert targets.areas == tuple((f"spawn_boundary{number}", count) for number, count in enumerate(counts))


def test_frictions_and_masses_have_upstreams_ranges() -> None:
    for task in TASKS.names():
        friction, mass = (TASKS.get(task).factors.get(name) for name in ("friction", "mass"))
        assert (friction is not None) == (task in _FRICTIONS)
        assert (mass is not None) == (task in _MASSES)
        if isinstance(friction, FrictionTargets):
            assert (friction.objects, friction.low, friction.high) == (_FRICTIONS[task], 0.75, 1.0)
        if isinstance(mass, MassTargets):
            assert {body: (low, high) for body, low, high in mass.ranges} == _MASSES[task]


def test_colours_act_on_upstreams_objects() -> None:
    stated = {
        (task, name): (len(targets.objects), targets.same)
        for task in TASKS.names()
        for name, targets in TASKS.get(task).factors.items()
        if isinstance(targets, ColorTargets)
    }
    assert stated == _COLORS


def test_textures_act_on_upstreams_objects() -> None:
    stated = {
        (task, name): len(targets.objects)
        for task in TASKS.names()
        for name, targets in TASKS.get(task).factors.items()
        if isinstance(targets, TextureTargets)
    }
    assert stated == _TEXTURES


def _rows(text: str, heading: str, columns: int) -> list[list[str]]:
    """Rows of the table below a heading, without its own two."""
    section = text.split(f"\n{heading}", 1)[1]
    rows = []
    for line in section.splitlines()[1:]:
        if line.startswith("#"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == columns and not set(line) <= set("|- "):
            rows.append(cells)
    return rows[1:]


@needs_facts
def test_the_matrix_is_that_of_the_fact_sheet() -> None:
    names = ["no_var", "bac_tex", "cam_pos", "distractor", "lig_col", "man_obj_col", "man_obj_siz", "man_obj_tex"]
    names += ["rec_obj_col", "rec_obj_siz", "rec_obj_tex", "rlb_var", "tab_col", "tab_tex", "rlb_and_col", "friction", "mass"]
    rows = _rows(_FACTS.read_text(encoding="utf-8"), "## 3. Matrix", 1 + len(names))
    stated = {row[0]: {name for name, cell in zip(names, row[1:], strict=True) if cell == "Y"} for row in rows if row[0] in _OWN}
    assert len(stated) == 14
    for task, defined in stated.items():
        assert set(defined_factors(TASKS.get(task))) - {"all_mixed"} == defined, task


@needs_facts
@pytest.mark.parametrize(
    ("heading", "factor", "kind"),
    [
        ("### manip_obj_color", "man_obj_col", ColorTargets),
        ("### recv_obj_color", "rec_obj_col", ColorTargets),
        ("### manip_obj_size", "man_obj_siz", SizeTargets),
        ("### recv_obj_size", "rec_obj_siz", SizeTargets),
        ("### manip_obj_tex", "man_obj_tex", TextureTargets),
        ("### recv_obj_tex", "rec_obj_tex", TextureTargets),
    ],
)
def test_the_objects_are_those_of_the_fact_sheet(heading: str, factor: str, kind: type) -> None:
    text = _FACTS.read_text(encoding="utf-8")
    columns = {ColorTargets: 4, SizeTargets: 6, TextureTargets: 6}[kind]
    rows = _rows(text, heading, columns)
    assert {row[0] for row in rows} == {task for task in TASKS.names() if factor in TASKS.get(task).factors}
    for task, _, objects, *rest in rows:
        targets = TASKS.get(task).factors[factor]
        if kind is SizeTargets:
            assert isinstance(targets, SizeTargets)
            low, high = (float(number) for number in re.findall(r"[0-9.]+", rest[0]))
            assert (targets.low, targets.high) == (low, high), task
        # Names that this project's scenes share with upstream's are the same objects.
        named = set(objects.split(", "))
        if not any(word in objects for word in ("pieces", "..")):
            bases = {name.removesuffix("_visual") for name in named}
            assert {name.removesuffix("_visual") for name in targets.objects} <= bases, task  # type: ignore[union-attr]
