"""A policy server in a process of its own that misbehaves as its arguments say; needs the client package alone.

python faulty_policy.py PORT FAULT AFTER: walks until its AFTER-th decision, which is the fault.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from hamster_bench.client import Declaration, Episode, PolicyServer, PolicyStopped, serve_until_interrupted

DECLARATION = Declaration("walker", "keypose", fingerprint="walker1")


def misbehave(fault: str) -> Any:
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "hang":
        time.sleep(4.0)
    if fault == "raise":
        raise ValueError("the policy is broken")
    if fault == "exit":
        sys.exit(3)
    if fault == "stop":
        raise PolicyStopped("tired", "it has had enough")
    return {"nan": np.array([np.nan]), "shape": np.zeros(3), "huge": np.zeros(100 << 20, np.uint8), "text": "left"}[fault]


class Walker:
    decisions = 0

    def reset(self, episode: Episode) -> None:
        self.rng = episode.rng

    def act(self, observation: Mapping[str, Any]) -> Any:
        Walker.decisions += 1
        if Walker.decisions == int(sys.argv[3]):
            return misbehave(sys.argv[2])
        return self.rng.uniform(0.2, 1.0, size=1)


if __name__ == "__main__":
    serve_until_interrupted(PolicyServer(Walker, DECLARATION, port=int(sys.argv[1])))
