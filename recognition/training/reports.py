"""What a run says while it runs, and the plot of its curves."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

Tell = Callable[[str], None]


class Speed(keras.callbacks.Callback):
    """A line now and then: epoch, step, loss, images per second, remaining time.

    images_per_second: of the whole run so far, without the first step, which compiles.
    """

    def __init__(self, batch: int, tell: Tell, *, every: float = 10.0) -> None:
        super().__init__()
        self.batch, self.tell, self.every = batch, tell, every
        self.images_per_second = 0.0
        self._started = self._said = 0.0
        self._steps = self._epoch = self._first = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self._steps, self._started = 0, 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if not self._started:
            self._first = epoch
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        now = time.monotonic()
        if not self._started:
            self._started = self._said = now
            return
        self._steps += 1
        self.images_per_second = self._steps * self.batch / max(now - self._started, 1e-9)
        if now - self._said >= self.every:
            self._said = now
            self.tell(self._line(batch + 1, logs))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        figures = "  ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        self.tell(f"epoch {epoch + 1}/{self.params['epochs']} done  {figures}  {self._pace()}")

    def _line(self, step: int, logs: Any) -> str:
        loss = float((logs or {}).get("loss", float("nan")))
        where = f"epoch {self._epoch + 1}/{self.params['epochs']}  step {step}/{self.params['steps']}"
        return f"{where}  loss {loss:.4f}  {self._pace()}"

    def _pace(self) -> str:
        total = (self.params["epochs"] - self._first) * self.params["steps"]
        left = max(total - self._steps - 1, 0) * self.batch / max(self.images_per_second, 1e-9)
        hours, minutes = divmod(int(left + 59) // 60, 60)
        return f"{self.images_per_second:.0f} images/s  remaining {hours}:{minutes:02}"


def plot(history: list[dict[str, float]], path: Path) -> None:
    """One panel for each figure, over the epochs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(name for figures in history for name in figures))
    count = max(len(names), 1)
    figure, axes = pyplot.subplots(1, count, figsize=(4 * count, 3), squeeze=False)
    for axis, name in zip(axes[0], names, strict=False):
        values = [figures.get(name, float("nan")) for figures in history]
        axis.plot(range(1, len(history) + 1), values, marker="o", markersize=3)
        axis.set_title(name)
        axis.set_xlabel("epoch")
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
