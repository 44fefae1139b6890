"""The state of a training in one file, from which it goes on as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from hamster_bench.errors import StoreError
from hamster_bench.files import write_whole

_KEY = "hamster_bench"
_FORMAT = "hamster_bench.training/1"
_WEIGHTS, _AVERAGE, _OPTIMISER = "weights.", "average.", "optimiser."
_COUNT = "step"


def save_state(
    file: Path,
    step: int,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: Mapping[str, Tensor],
    identity: Mapping[str, object],
) -> None:
    """Writes weights, running average and optimiser after a number of steps; the file changes in one moment.

    Args:
        file: replaced if it exists.
        step: number of steps done.
        module: the network.
        optimiser: of its parameters.
        average: entries of the running average; may be empty.
        identity: what a training must agree in to go on from here.

    Raises:
        StoreError: it cannot be written.
    """
    tensors = {f"{_WEIGHTS}{name}": value for name, value in module.state_dict().items()}
    tensors |= {f"{_AVERAGE}{name}": value for name, value in average.items()}
    for name, parameter in module.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            # A state's key holds no dot, a parameter's name may.
            tensors[f"{_OPTIMISER}{key}.{name}"] = torch.as_tensor(value)
    # Some optimisers count steps once for each group instead of once for each parameter.
    counts = [group.get(_COUNT) for group in optimiser.param_groups]
    header = {"format": _FORMAT, "step": step, "counts": counts, "identity": identity}
    # Copies: entries that share memory are refused.
    data = save({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, {_KEY: json.dumps(header)})
    write_whole(file, data)


def restore_state(
    file: Path,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: dict[str, Tensor],
    identity: Mapping[str, object],
) -> int:
    """Puts everything back as `save_state` found it, and tells the number of steps done.

    Raises:
        StoreError: the file is damaged, or of another training; the message says what differs.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            header = json.loads((opened.metadata() or {})[_KEY])
            tensors: dict[str, Tensor] = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
        if header["format"] != _FORMAT:
            raise ValueError(f"its format is {header['format']!r}, not {_FORMAT!r}")
        held, step, counts = header["identity"], int(header["step"]), header.get("counts", [])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{file} is no state of a training ({error}); choose another directory, or remove the file") from error
    wanted = json.loads(json.dumps(identity))
    differing = [
        f"{key} ({held.get(key)!r} there, {wanted.get(key)!r} here)"
        for key in sorted({*held, *wanted})
        if held.get(key) != wanted.get(key)
    ]
    if differing:
        raise StoreError(
            f"{file.parent} holds another training, which differs in {'; '.join(differing)}; choose another directory, "
            "or give the same options to go on with that one"
        )

    def part(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

    try:
        module.load_state_dict(part(_WEIGHTS))
        for name, value in part(_AVERAGE).items():
            average[name].copy_(value)
        parameters = dict(module.named_parameters())
        for name, value in part(_OPTIMISER).items():
            key, _, parameter = name.partition(".")
            # AdamW keeps its count of steps on the processor.
            device = value.device if value.ndim == 0 else parameters[parameter].device
            optimiser.state[parameters[parameter]][key] = value.to(device)
        for group, count in zip(optimiser.param_groups, counts, strict=False):
            if count is not None:
                group[_COUNT] = int(count)
    except (RuntimeError, KeyError) as error:
        raise StoreError(f"{file} is damaged ({error}); remove it to train anew") from error
    return step
