"""Throughput of many environments against one policy server beside that of one; nothing here passes or fails by a clock.

python tests/benchmarks/policy_server.py [--environments 16] [--latency 0.1] [--steps 20] [--task close_box] [--workers]

The policy takes its time for a batch, however large, as one behind a network or on a graphics card does. Without --workers the environments
are threads that do nothing but ask; with it they are the worker processes of a run, with the simulator, and both figures come from the
records.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from hamster_bench.agent import make_agent
from hamster_bench.client import Declaration, Episode, PolicyClient, PolicyServer
from hamster_bench.evaluation.plan import make_plan
from hamster_bench.evaluation.protocol import StepCaps, make_protocol
from hamster_bench.evaluation.runner import run
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.workers.settings import WorkerSettings

IMAGE = np.zeros((128, 128, 3), np.uint8)


class Slow:
    """Stands still, after a while."""

    def __init__(self, latency: float, most: int) -> None:
        self.max_batch_size = most
        self._latency = latency
        self.sizes: list[int] = []

    def begin(self, episode: Episode) -> None:
        return None

    def act_batch(self, states: Sequence[Any], observations: Sequence[Mapping[str, Any]]) -> list[Any]:
        time.sleep(self._latency)
        self.sizes.append(len(states))
        return [np.array([0.0] * 6 + [1.0])] * len(states)


def asking(url: str, environments: int, steps: int) -> float:
    """Decisions a second of threads that do nothing else."""

    def play(number: int) -> None:
        with PolicyClient(url) as client:
            client.reset(str(number))
            for _ in range(steps):
                client.act({"front_rgb": IMAGE})

    with ThreadPoolExecutor(environments) as pool:
        start = time.perf_counter()
        list(pool.map(play, range(environments)))
        return environments * steps / (time.perf_counter() - start)


def playing(url: str, environments: int, steps: int, task: str) -> float:
    """Decisions a second of a run, from its first record to its last; every worker plays two episodes."""
    name = f"remote:{url}"
    plan = make_plan(agents=(name,), tasks=(task,), episodes=2 * environments)
    protocol = make_protocol("hamster", max_steps=StepCaps(delta_pose=steps))
    times: list[float] = []

    class Timed(ResultStore):
        def add(self, run: int, record: Any) -> None:
            super().add(run, record)
            times.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder, Timed.for_writing(Path(folder)) as store:
        run(plan, store, protocol, {name: make_agent(name)}, workers=WorkerSettings(count=environments))
    return (len(times) - 1) * steps / (times[-1] - times[0])


def main() -> None:
    """Prints both rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environments", type=int, default=16)
    parser.add_argument("--latency", type=float, default=0.1)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--task", default="close_box")
    parser.add_argument("--workers", action="store_true")
    arguments = parser.parse_args()
    policy = Slow(arguments.latency, arguments.environments)
    with PolicyServer(policy, Declaration("slow", "delta_pose"), port=0) as server:
        rates = {
            count: playing(server.url, count, arguments.steps, arguments.task)
            if arguments.workers
            else asking(server.url, count, arguments.steps)
            for count in (1, arguments.environments)
        }
    for count, rate in rates.items():
        print(f"{count:3d} environments {rate:9.2f} decisions/s")
    print(f"ratio {rates[arguments.environments] / rates[1]:.2f}; mean batch {np.mean(policy.sizes[arguments.steps :]):.1f}")


if __name__ == "__main__":
    main()
