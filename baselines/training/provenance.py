"""Where weights come from."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hamster_bench.demos.store import DemoStore
from hamster_bench.scenario import Scenario


def data_record(store: DemoStore, learned: Sequence[Scenario], held_out: Sequence[Scenario], rule: str) -> dict[str, Any]:
    """What a checkpoint says of its data: fingerprint of the demonstrations, how many of each task, their base seeds."""
    return {
        "fingerprint": store.fingerprint(),
        "demonstrations": len(learned),
        "held_out": len(held_out),
        "by_task": dict(sorted(Counter(scenario.task for scenario in learned).items())),
        "seeds": sorted({scenario.seed for scenario in (*learned, *held_out)}),
        "keyframe_rule": rule,
    }


def git_commit() -> str | None:
    """The commit this code is of, with ``+changes`` where files differ from it; None where it is not in a checkout."""
    folder = Path(__file__).resolve().parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    # An installed package may lie inside somebody else's repository.
    if git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None
    commit = git("rev-parse", "HEAD")
    changes = git("status", "--porcelain", "--untracked-files=no")
    return f"{commit}+changes" if commit and changes else commit
