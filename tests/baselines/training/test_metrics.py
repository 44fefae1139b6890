"""Where figures go."""

import importlib
import sys
import types

import pytest

from hamster_bench.baselines.training.metrics import Tables, TensorBoard, WeightsAndBiases
from hamster_bench.errors import MissingDependencyError


def test_rows_after_the_last_state_come_once(tmp_path):
    tables = Tables(tmp_path, 0)
    for step in range(1, 8):
        tables.write("training", step, {"loss": 0.1 * step})
    tables.write("validation", 5, {"position_error_m": 0.02})
    tables.close()
    with (tmp_path / "training.csv").open("a") as file:
        file.write("8,0.")  # as a kill leaves it
    again = Tables(tmp_path, 4)
    for step in range(5, 8):
        again.write("training", step, {"loss": 0.1 * step})
    again.close()
    assert (tmp_path / "training.csv").read_text().splitlines() == ["step,loss", *(f"{s},{0.1 * s!r}" for s in range(1, 8))]
    assert not (tmp_path / "validation.csv").exists()


def test_a_kill_right_after_going_on_loses_no_row(tmp_path):
    tables = Tables(tmp_path, 0)
    for step in range(1, 8):
        tables.write("training", step, {"loss": 0.5 * step})
        tables.write("validation", step, {"position_error_m": 0.25 * step})
    tables.close()
    again = Tables(tmp_path, 6)  # nothing is flushed
    assert (tmp_path / "training.csv").read_text().splitlines() == ["step,loss", *(f"{s},{0.5 * s!r}" for s in range(1, 7))]
    assert (tmp_path / "validation.csv").read_text().splitlines()[-1] == "6,1.5"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["training.csv", "validation.csv"]
    again.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_reads_what_was_written(tmp_path):
    pytest.importorskip("tensorboard", reason="needs: pip install 'hamster-bench[torch]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    sink = TensorBoard(tmp_path, 0)
    for step in (1, 2, 3):
        sink.write("training", step, {"loss": 1.0 / step})
    sink.flush()
    sink.close()
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(e.step, e.value) for e in events.Scalars("training/loss")] == [(s, pytest.approx(1.0 / s)) for s in (1, 2, 3)]


def test_weights_and_biases_gets_a_run_that_can_go_on(tmp_path, monkeypatch):
    calls = []

    class Run:
        def log(self, figures, step):
            calls.append((step, figures))

        def finish(self):
            calls.append("finished")

    def init(**options):
        calls.append(options)
        return Run()

    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init))
    sink = WeightsAndBiases("arms", tmp_path / "vanilla", {"seed": 0})
    sink.write("validation", 7, {"position_error_m": 0.01})
    sink.close()
    assert calls[0]["project"] == "arms"
    assert (calls[0]["id"], calls[0]["resume"], calls[0]["config"]) == ("vanilla", "allow", {"seed": 0})
    assert calls[1:] == [(7, {"validation/position_error_m": 0.01}), "finished"]


@pytest.mark.parametrize(
    ("package", "make"),
    [
        ("wandb", lambda folder: WeightsAndBiases("p", folder, {})),
        ("torch.utils.tensorboard", lambda folder: TensorBoard(folder, 0)),
    ],
)
def test_a_missing_package_is_named(package, make, tmp_path, monkeypatch):
    found = importlib.import_module

    def without(name, *rest):
        if name == package:
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(MissingDependencyError, match="pip install"):
        make(tmp_path)
