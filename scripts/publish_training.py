"""Tables of trainings, thinned, for a folder of results: ``python scripts/publish_training.py runs/3d_da runs/rvt2 --out results/mine``.

``hamster-bench figures results/mine --figures learning_curves`` draws them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

# Steps whose losses are put together in one line.
_WINDOW = 50


def thinned(losses: pd.DataFrame) -> pd.DataFrame:
    """Means over 50 steps, at the last of them."""
    window = (losses["step"] - 1) // _WINDOW
    return losses.groupby(window).mean().assign(step=losses.groupby(window)["step"].max())


def in_a_row(tables: Sequence[pd.DataFrame], lengths: Sequence[int]) -> pd.DataFrame:
    """Tables of rounds (each of so many steps) as one, its steps counted from the first round on."""
    before = [sum(lengths[:k]) for k in range(len(lengths))]
    return pd.concat([table.assign(step=table["step"] + steps) for table, steps in zip(tables, before, strict=True)])


def main() -> None:
    """Writes ``training/NAME/training.csv`` and ``validation.csv``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="DIR[,DIR...]",
        help="directories of hamster-bench train; with commas, rounds of which each started from the weights of the one before",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of results")
    arguments = parser.parse_args()
    for run in arguments.runs:
        rounds = [Path(name) for name in run.split(",")]
        place = arguments.out / "training" / rounds[-1].name
        place.mkdir(parents=True, exist_ok=True)
        losses = [pd.read_csv(folder / "training.csv") for folder in rounds]
        lengths = [int(table["step"].max()) for table in losses]
        in_a_row([thinned(table) for table in losses], lengths).to_csv(place / "training.csv", index=False, float_format="%.6g")
        measured = [pd.read_csv(folder / "validation.csv") for folder in rounds]
        in_a_row(measured, lengths).to_csv(place / "validation.csv", index=False)


if __name__ == "__main__":
    main()
