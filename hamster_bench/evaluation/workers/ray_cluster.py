"""Workers as actors of a Ray cluster. They do what worker processes do, over Ray's calls instead of a socket."""

from __future__ import annotations

import os
import pickle
import queue
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from hamster_bench.errors import MissingDependencyError
from hamster_bench.evaluation.workers.peers import PeerLostError, WorkerError
from hamster_bench.evaluation.workers.serve import serve
from hamster_bench.evaluation.workers.settings import physical_cores

LOCAL = "local"

# How images are drawn and how many threads compute is part of what makes runs alike; nodes are given what holds here.
_CARRIED = ("MUJOCO_GL", "PYOPENGL_PLATFORM", "LP_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Host:
    """The actor: hands messages to a worker in a thread of its own, which keeps its OpenGL context, and gives back the answers.

    Args:
        module_paths: folders of the supervisor's module search path; those that this machine has are searched, too.
    """

    def __init__(self, module_paths: list[str]) -> None:
        sys.path.extend(path for path in module_paths if path not in sys.path and os.path.exists(path))
        self._questions: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bytes | BaseException] = queue.SimpleQueue()
        threading.Thread(target=self._serve, daemon=True).start()

    def exchange(self, message: bytes) -> bytes:
        """The worker's answer to a message."""
        self._questions.put(message)
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise RuntimeError(f"the worker broke: {type(answer).__name__}: {answer}")
        return answer

    def send(self, message: Any) -> None:
        """The worker's end of the channel."""
        self._answers.put(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))

    def receive(self) -> Any:
        """The worker's end of the channel."""
        return pickle.loads(self._questions.get())

    def _serve(self) -> None:
        try:
            serve(self)
        except BaseException as error:
            self._answers.put(error)


class RayPeer:
    """An actor and the answer it owes."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self.answer: Any = None
        self._dead = False

    def send(self, message: Any) -> None:
        """See `Peer.send`."""
        self.answer = self._actor.exchange.remote(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))

    def receive(self) -> Any:
        """See `Peer.receive`."""
        import ray

        answer, self.answer = self.answer, None
        try:
            content: bytes = ray.get(answer)
        except ray.exceptions.RayTaskError as error:
            raise PeerLostError(str(error.cause).splitlines()[0]) from error
        except ray.exceptions.RayError as error:
            # Ray's own texts name nodes, processes and addresses, which differ from run to run.
            raise PeerLostError(type(error).__name__) from error
        return pickle.loads(content)

    def kill(self) -> None:
        """See `Peer.kill`."""
        import ray

        if not self._dead:
            self._dead = True
            ray.kill(self._actor)


class RayCluster:
    """Starts workers on a cluster.

    Args:
        address: ``"local"`` for a cluster of this machine that ends with the run, or the address of one.
        count: environment workers; None for one a processor of the cluster.

    Raises:
        MissingDependencyError: Ray is not installed.
        WorkerError: there is no cluster at the address.
    """

    def __init__(self, address: str, count: int | None) -> None:
        try:
            import ray
        except ImportError as error:
            raise MissingDependencyError(f"--cluster needs Ray: {sys.executable} -m pip install 'hamster-bench[ray]'") from error
        # A run reports to nobody.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self._ours = not ray.is_initialized()
        if self._ours:
            _connect(address, count)
        resources: dict[str, float] = ray.cluster_resources()
        self.count = count or max(1, int(resources.get("CPU", 1)))
        self._gpus = 1 if resources.get("GPU", 0) >= 1 else 0
        variables = {name: os.environ[name] for name in _CARRIED if name in os.environ}
        # A cluster whose nodes share this machine's folders, above all one of this machine, finds a checkout where it lies.
        variables["PYTHONPATH"] = os.pathsep.join(_own_folders())
        self._environment = {"env_vars": variables}

    def start(self, *, inference: bool) -> RayPeer:
        """See `Crew.start`."""
        import ray

        # Lost actors are replaced by the supervisor, which knows what they were at.
        options: dict[str, Any] = {"num_cpus": 1, "max_restarts": 0, "max_task_retries": 0, "runtime_env": self._environment}
        if inference:
            options |= {"num_cpus": 0, "num_gpus": self._gpus}
        return RayPeer(ray.remote(Host).options(**options).remote(_own_folders()))

    def wait(self, peers: Sequence[RayPeer], timeout: float | None) -> list[RayPeer]:
        """See `Crew.wait`."""
        import ray

        owing = {peer.answer: peer for peer in peers if peer.answer is not None}
        if not owing:
            time.sleep(timeout or 0.0)
            return []
        ready, _ = ray.wait(list(owing), num_returns=1, timeout=timeout)
        return [owing[answer] for answer in ready]

    def close(self) -> None:
        """See `Crew.close`."""
        import ray

        if self._ours:
            ray.shutdown()


def _own_folders() -> list[str]:
    """The module search path without what belongs to this machine's Python; other machines have their own."""
    installed = (sys.prefix, sys.base_prefix)
    folders = (os.path.abspath(path) for path in sys.path)
    return [folder for folder in dict.fromkeys(folders) if not folder.startswith(installed)]


def _connect(address: str, count: int | None) -> None:
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address == LOCAL:
            ray.init("local", num_cpus=count or physical_cores(), include_dashboard=False, **quiet)
        else:
            ray.init(address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise WorkerError(
            f"there is no Ray cluster at {address!r} ({error}); 'ray start --head' starts one, --cluster local starts one for the run"
        ) from error
