"""A run that was killed goes on and ends as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("h5py")

from recognition.training.batches import EpochBatches  # noqa: E402
from recognition.training.checkpoint import Run, RunError  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
# A small model on batches that depend on epoch and index; the process waits after each epoch when told to.
PROGRAM = """
import sys, time
from pathlib import Path
import keras, numpy as np
from recognition.training.batches import EpochBatches
from recognition.training.checkpoint import Run
from recognition.training.runtime import compiled, prepare
from recognition.training.schedule import optimizer

class Noise(EpochBatches):
    def __getitem__(self, index):
        rows, random = self.rows(index), self.random(index)
        x = random.normal(size=(len(rows), 4)).astype("float32")
        return x, x.sum(1, keepdims=True) * rows[:, None]

class Wait(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        time.sleep(float(sys.argv[2]))

prepare(3)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.BatchNormalization(),
                          keras.layers.Dense(1)])
model.compile(optimizer(0.05, 40, warmup=0.1, weight_decay=0.01), "mse", jit_compile=compiled())
batches = Noise(32, 8, 5, workers=2)
run = Run(Path(sys.argv[1]), batches, {"rate": 0.05})
run.resume(model)
model.fit(batches, epochs=10, initial_epoch=run.epoch, verbose=0, callbacks=[run, Wait()], shuffle=False)
np.savez(Path(sys.argv[1]) / "end.npz", *model.get_weights())
"""


def start(folder: Path, wait: float = 0.0) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(wait)],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.DEVNULL,
    )


def epochs(folder: Path) -> int:
    try:
        return len(json.loads((folder / "run.json").read_text())["history"])
    except OSError:
        return 0


def test_a_killed_run_ends_like_one_that_was_not(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process, uninterrupted = start(killed, wait=1.0), start(whole)
    deadline = time.monotonic() + 120
    while epochs(killed) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 3 <= epochs(killed) < 10
    assert not (killed / "end.npz").exists()
    assert start(killed).wait(120) == 0
    assert uninterrupted.wait(120) == 0
    first, second = (json.loads((folder / "run.json").read_text())["history"] for folder in (whole, killed))
    assert [list(figures) for figures in first] == [list(figures) for figures in second]
    np.testing.assert_allclose(
        [figures["loss"] for figures in first], [figures["loss"] for figures in second], rtol=1e-4
    )
    with np.load(whole / "end.npz") as one, np.load(killed / "end.npz") as other:
        for name in one.files:
            np.testing.assert_allclose(one[name], other[name], rtol=1e-3, atol=1e-5)


def test_other_settings_are_no_continuation(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    run = Run(tmp_path, EpochBatches(4, 2, 0), {"rate": 1, "seed": 2})
    run.set_model(model)
    run.on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(RunError, match="another seed"):
        Run(tmp_path, EpochBatches(4, 2, 0), {"rate": 1, "seed": 3}).resume(model)
    assert Run(tmp_path, EpochBatches(4, 2, 0), {"rate": 1, "seed": 2}).resume(model)


def test_other_contents_are_no_continuation(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")

    def run(**contents: str | None) -> Run:
        return Run(tmp_path, EpochBatches(4, 2, 0), {"photos": 4}, contents=contents)

    first = run(photos="a", teacher="b", start=None)
    first.set_model(model)
    first.on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(RunError, match=r"another photos, teacher\..* same files"):
        run(photos="c", teacher=None, start=None).resume(model)
    assert run(photos="a", teacher="b", start=None).resume(model)
    document = json.loads((tmp_path / "run.json").read_text())
    del document["contents"]  # as a run of an earlier version is
    (tmp_path / "run.json").write_text(json.dumps(document))
    assert run(photos="c", teacher="b", start=None).resume(model)


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    run = Run(tmp_path, EpochBatches(4, 2, 0), {})
    with pytest.raises(RunError, match="lower --rate"):
        run.on_epoch_end(0, {"loss": float("nan")})
    assert not (tmp_path / "run.json").exists()


def test_each_epoch_has_its_own_order_which_is_the_same_in_each_run() -> None:
    def orders(epoch: int) -> list[int]:
        batches = EpochBatches(10, 3, 7)
        batches.epoch = epoch
        return [int(row) for index in range(len(batches)) for row in batches.rows(index)]

    assert len(set(orders(0))) == 9  # none twice
    assert orders(0) != orders(1)
    assert orders(1) == orders(1)
