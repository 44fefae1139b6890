"""Plays the plan of 200 episodes with workers: DIRECTORY WORKERS TIME_LIMIT [slow]."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from hamster_bench.errors import StoreError
from hamster_bench.evaluation.workers.settings import WorkerSettings
from tests.evaluation.workers.faults import chaos_plan, make_environment, make_slow, play

DISK_FULL = 28

if __name__ == "__main__":
    settings = WorkerSettings(count=int(sys.argv[2]), time_limit=float(sys.argv[3]), tries=10)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        make = make_slow if sys.argv[4:] == ["slow"] else make_environment
        play(Path(sys.argv[1]), chaos_plan(), settings, make_environment=make)
    except StoreError as error:
        print(error, flush=True)
        sys.exit(DISK_FULL)
