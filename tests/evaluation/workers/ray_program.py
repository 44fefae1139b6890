"""Plays a plan on a Ray cluster of two nodes: DIRECTORY lose|client.

``lose`` loses a node in mid-run; ``client`` connects from outside the cluster, by a ``ray://`` address.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.runner import run
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.workers.settings import WorkerSettings
from tests.evaluation.scripted import scripted_plan
from tests.evaluation.workers.faults import HAMSTER, make_agent, make_environment, players

PLAN = scripted_plan(12, ("batched", "walker"))
LOST_AFTER = 12


class NodeLosingStore(ResultStore):
    """Takes a node away as soon as so many records are stored."""

    cluster: Any = None
    node: Any = None
    left = LOST_AFTER

    def add(self, run: int, record: EpisodeRecord) -> None:
        super().add(run, record)
        self.left -= 1
        if self.left == 0:
            self.cluster.remove_node(self.node, allow_graceful=False)
            print("node lost", flush=True)


def main(directory: Path, way: str) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    node = cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    address = cluster.address
    with contextlib.ExitStack() as stack:
        stack.callback(cluster.shutdown)
        if way == "client":
            address = f"ray://{stack.enter_context(client_server(cluster.address))}"
        store = stack.enter_context(NodeLosingStore.for_writing(directory))
        assert isinstance(store, NodeLosingStore)
        store.cluster, store.node = cluster, node
        store.left = -1 if way == "client" else LOST_AFTER
        workers = WorkerSettings(count=3, cluster=address, time_limit=120.0)
        run(PLAN, store, HAMSTER, players(PLAN), make_environment=make_environment, make_agent=make_agent, workers=workers)


@contextlib.contextmanager
def client_server(cluster: str) -> Iterator[str]:
    """Ray's server for clients from outside, without the proxy that starts one of these for each client."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [f"--address={cluster}", "--host=127.0.0.1", f"--port={port}", "--mode=specific-server"]
    with subprocess.Popen([sys.executable, "-m", "ray.util.client.server", *words], stderr=subprocess.DEVNULL) as process:
        try:
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
