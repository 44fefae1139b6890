"""Figures of a training: tables beside the weights, TensorBoard, and Weights & Biases."""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TextIO

from hamster_bench.errors import MissingDependencyError, StoreError
from hamster_bench.files import write_whole


class Sink(Protocol):
    """Where figures go."""

    def write(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        """Figures of one kind (``"training"`` or ``"validation"``) after a number of steps."""
        ...

    def flush(self) -> None:
        """Makes sure that they are kept."""
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...


class Tables:
    """``training.csv`` and ``validation.csv``, one row a step or measurement, numbers in full precision.

    Args:
        directory: where they are, or will be.
        done: steps that are done; rows after them are of a training that was killed, and are dropped: they will come again.

    Raises:
        StoreError: they cannot be written.
    """

    def __init__(self, directory: Path, done: int) -> None:
        self._directory = directory
        self._files: dict[str, TextIO] = {}
        self._columns: dict[str, list[str]] = {}
        for kind in ("training", "validation"):
            self._keep(directory / f"{kind}.csv", kind, done)

    def write(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        """Adds a row."""
        if kind not in self._files:
            self._open(kind, ["step", *figures])
        row = {"step": str(step)} | {name: repr(float(value)) for name, value in figures.items()}
        csv.DictWriter(self._files[kind], self._columns[kind], lineterminator="\n").writerow(row)

    def flush(self) -> None:
        """Hands the rows to the operating system."""
        for file in self._files.values():
            file.flush()

    def close(self) -> None:
        """Closes the files."""
        for file in self._files.values():
            file.close()

    def _keep(self, file: Path, kind: str, done: int) -> None:
        if not file.exists():
            return
        with file.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.reader(stream))
        kept = [row for row in rows[1:] if len(row) == len(rows[0]) and row[0].isdigit() and int(row[0]) <= done]
        if not kept:
            file.unlink()
            return
        # The rows of hours of work: at no moment may a kill find them nowhere.
        rewritten = io.StringIO()
        csv.writer(rewritten, lineterminator="\n").writerows([rows[0], *kept])
        write_whole(file, rewritten.getvalue())
        self._open(kind, rows[0], "a")

    def _open(self, kind: str, columns: Sequence[str], mode: Literal["w", "a"] = "w") -> None:
        file = self._directory / f"{kind}.csv"
        try:
            # Open until `close`.
            self._files[kind] = file.open(mode, newline="", encoding="utf-8")
        except OSError as error:
            raise StoreError(f"{file} cannot be written: {error.strerror or error}") from error
        self._columns[kind] = list(columns)
        if mode == "w":
            csv.writer(self._files[kind], lineterminator="\n").writerow(columns)


class TensorBoard:
    """Event files for TensorBoard, under ``tensorboard/``.

    Args:
        directory: of the training.
        done: steps that are done; TensorBoard drops what was shown after them.

    Raises:
        MissingDependencyError: the package ``tensorboard`` is not installed.
    """

    def __init__(self, directory: Path, done: int) -> None:
        try:
            tensorboard: Any = importlib.import_module("torch.utils.tensorboard")
        except ImportError as error:
            raise MissingDependencyError(
                "metrics go to TensorBoard, which needs: pip install 'hamster-bench[torch]'; --no-tensorboard does without"
            ) from error
        self._writer = tensorboard.SummaryWriter(str(directory / "tensorboard"), purge_step=done + 1 if done else None)

    def write(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        """One point on each curve."""
        for name, value in figures.items():
            self._writer.add_scalar(f"{kind}/{name}", value, step)

    def flush(self) -> None:
        """Writes what is waiting."""
        self._writer.flush()

    def close(self) -> None:
        """Closes the event file."""
        self._writer.close()


class WeightsAndBiases:
    """A run of Weights & Biases; one that was interrupted goes on under its name.

    Args:
        project: its project there.
        directory: of the training; its name is the run's.
        configuration: shown with the run.

    Raises:
        MissingDependencyError: the package ``wandb`` is not installed.
    """

    def __init__(self, project: str, directory: Path, configuration: Mapping[str, Any]) -> None:
        try:
            wandb: Any = importlib.import_module("wandb")
        except ImportError as error:
            raise MissingDependencyError("metrics in Weights & Biases need: pip install wandb") from error
        self._run = wandb.init(
            project=project,
            name=directory.name,
            id=directory.name,
            resume="allow",
            dir=str(directory),
            config=dict(configuration),
        )

    def write(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        """One point on each curve."""
        self._run.log({f"{kind}/{name}": value for name, value in figures.items()}, step=step)

    def flush(self) -> None:
        """It sends by itself."""

    def close(self) -> None:
        """Ends the run."""
        self._run.finish()
