"""Throughput of a run with workers against one process, both with the same records; nothing here passes or fails by a clock.

python tests/benchmarks/workers.py [--agent expert] [--task close_box] [--episodes 40] [--workers 2] [--repeats 3]

The rate counts from the first record to the last, without the start of the processes. Both are measured in turn, so that a change of the
machine's speed falls on both; on a machine with other work the CPU time an episode takes tells more than the clock.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hamster_bench.agent import make_agent
from hamster_bench.evaluation.plan import make_plan
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.runner import run
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.workers.settings import WorkerSettings


@dataclass
class Measured:
    """One run: episodes a second, CPU time an episode [s], digest of the records."""

    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)


class TimedStore(ResultStore):
    """Notes when records come in."""

    times: list[float]

    def add(self, run: int, record: EpisodeRecord) -> None:
        super().add(run, record)
        self.times.append(time.perf_counter())


def measure(arguments: argparse.Namespace, workers: WorkerSettings | None, into: Measured) -> None:
    plan = make_plan(agents=(arguments.agent,), tasks=(arguments.task,), episodes=arguments.episodes)
    agents = {arguments.agent: make_agent(arguments.agent)}
    with tempfile.TemporaryDirectory() as folder, TimedStore.for_writing(Path(folder)) as store:
        assert isinstance(store, TimedStore)
        store.times = []
        run(plan, store, make_protocol("hamster"), agents, workers=workers)
        into.rates.append((len(store.times) - 1) / (store.times[-1] - store.times[0]))
        timings = [record.timings for record in store.records()]
        into.cpu.append(float(np.mean([t.reset_cpu + t.act_cpu + t.step_cpu for t in timings])))
        into.digests.add(store.digest())


def main() -> None:
    """Prints both rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", default="expert")
    parser.add_argument("--task", default="close_box")
    parser.add_argument("--episodes", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    one, many = Measured(), Measured()
    for _ in range(arguments.repeats):
        measure(arguments, None, one)
        measure(arguments, WorkerSettings(count=arguments.workers), many)
    ratios = np.array(many.rates) / np.array(one.rates)
    for name, found in (("one process", one), (f"{arguments.workers} workers", many)):
        print(f"{name:12s} {np.median(found.rates):7.2f} episodes/s   {1e3 * np.median(found.cpu):8.1f} ms CPU an episode")
    print(f"ratio        {np.median(ratios):7.2f} (from {ratios.min():.2f} to {ratios.max():.2f} in {len(ratios)} pairs)")
    print(f"records      {'equal' if len(one.digests | many.digests) == 1 else 'DIFFERENT'}")


if __name__ == "__main__":
    main()
