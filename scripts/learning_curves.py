"""Learning curves as a picture and small tables: ``python scripts/learning_curves.py runs/vanilla runs/path --out results/learning``."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

# Steps whose losses are put together in one point.
_WINDOW = 50
_PANELS = (
    ("training", "loss", "training loss", 1.0),
    ("validation", "position_error_m", "held out: position, median [cm]", 100.0),
    ("validation", "rotation_error_deg", "held out: rotation, median [degree]", 1.0),
)


def thinned(losses: pd.DataFrame) -> pd.DataFrame:
    """Means over 50 steps, at the last of them."""
    window = (losses["step"] - 1) // _WINDOW
    return losses.groupby(window).mean().assign(step=losses.groupby(window)["step"].max())


def main() -> None:
    """Writes ``learning_curves.png`` and the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="DIR", help="directories of hamster-bench train")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(1, len(_PANELS), figsize=(12, 3.6), layout="constrained")
    for run in arguments.runs:
        losses = thinned(pd.read_csv(run / "training.csv"))
        losses.to_csv(arguments.out / f"{run.name}_training.csv", index=False, float_format="%.6g")
        shutil.copyfile(run / "validation.csv", arguments.out / f"{run.name}_validation.csv")
        tables = {"training": losses, "validation": pd.read_csv(run / "validation.csv")}
        for axis, (table, column, label, factor) in zip(axes, _PANELS, strict=True):
            axis.plot(tables[table]["step"], tables[table][column] * factor, label=run.name)
            axis.set(xlabel="step", ylabel=label)
            # A policy that chooses rotations by bins is right by nothing at all, or wrong by a bin.
            if "rotation" in column:
                axis.set_yscale("symlog", linthresh=1.0)
            else:
                axis.set_yscale("log")
    for axis in axes:
        axis.grid(visible=True, which="both", alpha=0.3)
    axes[0].legend()
    figure.savefig(arguments.out / "learning_curves.png", dpi=110)


if __name__ == "__main__":
    main()
