"""Training that goes on from the weights of another: fine-tuning on other demonstrations, or a further round on the same."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from hamster_bench.baselines.parts.weights import check_entries, read_own, shapes_of
from hamster_bench.baselines.training.learner import Learner
from hamster_bench.errors import InvalidOptionError

# What weights can do without: the box of positions is fitted to the demonstrations, and how answers are sampled is no matter of training.
_FREE = ("workspace", "sampler", "sampling_steps")


def start_from(learner: Learner, file: Path) -> dict[str, Any]:
    """Gives a learner's network the weights of a checkpoint of the same policy.

    Nothing else is taken over: optimiser, running average and learning rate begin anew.

    Returns:
        What is to be kept of it in the record of the training: the checkpoint's fingerprint, and the steps behind it in all.

    Raises:
        StoreError: the file cannot be read, is of another policy, or has other entries.
        InvalidOptionError: its network has other settings; the message names them.
    """
    entries, held, training = read_own(file, learner.name)
    settings = json.loads(held)
    theirs = settings.get("network", settings)
    ours = json.loads(json.dumps(learner.configuration()["network"]))
    differing = [
        f"{name} ({theirs.get(name)!r} there, {ours.get(name)!r} here)"
        for name in sorted({*theirs, *ours} - set(_FREE))
        if theirs.get(name) != ours.get(name)
    ]
    if differing:
        raise InvalidOptionError(f"the network of {file} is another one: {'; '.join(differing)}; choose the same configuration")
    check_entries(entries, shapes_of(learner.module), str(file))
    dtypes = {name: entry.dtype for name, entry in learner.module.state_dict().items()}
    learner.module.load_state_dict({name: entry.to(dtypes[name]) for name, entry in entries.items()})
    before = training.get("started_from") or {}
    return {
        "checkpoint": hashlib.sha256(file.read_bytes()).hexdigest()[:12],
        "steps": int(training.get("step", 0)) + int(before.get("steps", 0)),
    }
