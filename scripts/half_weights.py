"""Weights in half the space, for the package: ``python scripts/half_weights.py runs/rvt2/weights.safetensors OUT.safetensors``.

Agents compute in single precision all the same; a number that half precision cannot hold is refused.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file


def halved(entry: torch.Tensor) -> torch.Tensor:
    """The entry in half precision if its numbers are fractions, as it is otherwise."""
    return entry.half() if entry.is_floating_point() else entry


def main() -> int:
    """Writes the file and says how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("given", type=Path, metavar="FILE", help="weights.safetensors of hamster-bench train")
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write")
    arguments = parser.parse_args()
    with safe_open(arguments.given, framework="pt") as opened:
        header = opened.metadata()
        entries = {name: halved(opened.get_tensor(name)) for name in opened.keys()}  # noqa: SIM118 - not a mapping
    lost = [name for name, entry in entries.items() if entry.is_floating_point() and not bool(torch.isfinite(entry).all())]
    if lost:
        print(f"numbers of {', '.join(lost)} are too large for half precision; nothing was written", file=sys.stderr)
        return 1
    save_file(entries, arguments.out, header)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
