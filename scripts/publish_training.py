"""Tables of trainings, thinned, for a folder of results: ``python scripts/publish_training.py runs/3d_da runs/rvt2 --out results/mine``.

``hamster-bench figures results/mine --figures learning_curves`` draws them.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pandas as pd

# Steps whose losses are put together in one line.
_WINDOW = 50


def thinned(losses: pd.DataFrame) -> pd.DataFrame:
    """Means over 50 steps, at the last of them."""
    window = (losses["step"] - 1) // _WINDOW
    return losses.groupby(window).mean().assign(step=losses.groupby(window)["step"].max())


def main() -> None:
    """Writes ``training/NAME/training.csv`` and ``validation.csv``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="DIR", help="directories of hamster-bench train")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of results")
    arguments = parser.parse_args()
    for run in arguments.runs:
        place = arguments.out / "training" / run.name
        place.mkdir(parents=True, exist_ok=True)
        thinned(pd.read_csv(run / "training.csv")).to_csv(place / "training.csv", index=False, float_format="%.6g")
        shutil.copyfile(run / "validation.csv", place / "validation.csv")


if __name__ == "__main__":
    main()
