from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamster_bench.errors import InvalidScenarioError
from hamster_bench.scenario import Scenario

scenarios = st.builds(
    Scenario,
    task=st.from_regex(r"[a-z0-9_]{1,20}", fullmatch=True),
    variation=st.integers(0, 99),
    factor=st.from_regex(r"[a-z0-9_]{1,20}", fullmatch=True),
    episode=st.integers(0, 10**6),
    seed=st.integers(0, 2**63 - 1),
)


def draws(scenario: Scenario, stream: str) -> list[int]:
    return scenario.rng(stream).integers(0, 2**62, size=4).tolist()


@given(scenarios)
def test_the_id_reads_back_as_the_same_scenario(scenario: Scenario) -> None:
    assert Scenario.from_id(scenario.id) == scenario


@pytest.mark.parametrize(
    "text", ["", "close_box", "close_box-v0-no_var-e0", "close_box-v-1-no_var-e0-s0", "a-v0-b-e0-s0-x", "A-v0-b-e0-s0"]
)
def test_other_texts_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidScenarioError, match="stack_cups-v3-no_var-e12-s0"):
        Scenario.from_id(text)


@pytest.mark.parametrize(
    "fields", [{"episode": -1}, {"variation": 1.5}, {"seed": True}, {"factor": "Tab Tex"}, {"task": ""}, {"seed": 2**63}]
)
def test_impossible_fields_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidScenarioError):
        Scenario(**({"task": "close_box"} | fields))  # type: ignore[arg-type]


@given(scenarios)
def test_layout_streams_know_neither_factor_nor_variation(scenario: Scenario) -> None:
    other = Scenario(
        task=scenario.task, variation=scenario.variation + 1, factor="tab_tex", episode=scenario.episode, seed=scenario.seed
    )
    for stream in ("layout", "placement", "instruction", "variation", "agent", "planner"):
        assert draws(scenario, stream) == draws(other, stream)
    assert draws(scenario, "paint") != draws(other, "paint")


@given(scenarios)
def test_streams_and_scenarios_are_told_apart(scenario: Scenario) -> None:
    assert draws(scenario, "layout") == draws(scenario, "layout")
    assert draws(scenario, "layout") != draws(scenario, "placement")
    later = Scenario(task=scenario.task, episode=scenario.episode + 1, seed=scenario.seed)
    assert draws(scenario, "layout") != draws(later, "layout")


def test_streams_are_the_same_in_another_process() -> None:
    scenario = Scenario(task="close_box", episode=3, seed=5)
    program = (
        "from hamster_bench.scenario import Scenario\n"
        f"print(Scenario.from_id('{scenario.id}').rng('layout').integers(0, 2**62, size=4).tolist())"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str(draws(scenario, "layout"))


def test_neighbouring_seeds_give_unrelated_numbers() -> None:
    values = np.array([Scenario(task="close_box", seed=seed).rng("layout").uniform() for seed in range(2000)])
    # Kolmogorov distance to the uniform distribution; 0.0436 is the 0.1 % point for n = 2000.
    assert np.abs(np.sort(values) - (np.arange(2000) + 0.5) / 2000).max() < 0.0436
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.1


def test_the_control_of_a_factor_is_the_same_scene_without_it() -> None:
    assert Scenario(task="stack_cups", variation=3, factor="tab_tex", episode=2).control().id == "stack_cups-v3-no_var-e2-s0"
    assert Scenario(task="stack_cups", variation=3, factor="rlb_var", episode=2).control().id == "stack_cups-v0-no_var-e2-s0"
