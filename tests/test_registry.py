from __future__ import annotations

import pickle

import pytest

from hamster_bench.errors import HamsterBenchError, InvalidOptionError, PlanningError, UnknownNameError
from hamster_bench.registry import Registry


def fruit() -> Registry[object]:
    registry: Registry[object] = Registry("fruit")
    registry.register("apple", "collections:OrderedDict")
    registry.register("apricot", 2)
    return registry


def test_an_unknown_name_is_answered_with_close_ones_and_all() -> None:
    with pytest.raises(UnknownNameError) as error:
        fruit().get("aple")
    assert str(error.value) == "unknown fruit 'aple'. Did you mean: apple? Available: apple, apricot."


def test_targets_are_imported_when_used() -> None:
    from collections import OrderedDict

    assert fruit().get("apple") is OrderedDict
    assert fruit().get("apricot") == 2
    assert fruit().get("collections:Counter").__name__ == "Counter"  # type: ignore[attr-defined]


@pytest.mark.parametrize("target", ["no_such_module:x", "collections:no_such_thing"])
def test_a_target_that_does_not_exist_is_an_option_error(target: str) -> None:
    with pytest.raises(InvalidOptionError, match=r"there is no module|has no"):
        fruit().get(target)


def test_a_name_is_taken_once() -> None:
    registry = fruit()
    with pytest.raises(InvalidOptionError, match="registered already"):
        registry.register("apple", 3)


def test_names_are_listed_in_order() -> None:
    assert fruit().names() == ("apple", "apricot")
    assert "apple" in fruit()
    assert "pear" not in fruit()


@pytest.mark.parametrize("error", [UnknownNameError("task", "x", ("y",)), PlanningError("path_not_found", "no way")])
def test_errors_survive_the_way_from_a_worker_process(error: HamsterBenchError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
