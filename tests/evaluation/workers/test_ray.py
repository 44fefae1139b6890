"""The same run on a Ray cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hamster_bench.errors import MissingDependencyError
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.workers.settings import WorkerSettings
from tests.evaluation.scripted import scripted_plan
from tests.evaluation.workers.faults import play

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["lose", "client"])
def test_cluster_of_two_nodes_makes_the_records_of_one_process(way: str, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    # Ray keeps threads and processes of its own; a program of its own takes them along. Everything stays on this machine.
    command = [sys.executable, "-m", "tests.evaluation.workers.ray_program", str(tmp_path / "cluster"), way]
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300.0, check=False)
    assert done.returncode == 0, done.stderr
    with ResultStore.for_reading(tmp_path / "cluster") as store:
        assert store.comparable_records() == play(tmp_path / "one", scripted_plan(12, ("batched", "walker")))
        if way == "lose":
            assert "node lost" in done.stdout
            assert any(record.attempts > 1 for record in store.records()), "the lost node played nothing"


def test_cluster_without_ray_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=r"hamster-bench\[ray\]"):
        play(tmp_path, scripted_plan(1), WorkerSettings(cluster="local"))
