"""Weights and optimiser after each epoch, so that a run that was killed goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

import keras

from recognition.engine.types import EngineError
from recognition.training.batches import EpochBatches

Evaluate = Callable[[], dict[str, float]]


class RunError(EngineError):
    """The run cannot go on; the text says what to do."""


class Run(keras.callbacks.Callback):
    """Keeps a run in a folder: ``run.json`` (finished epochs, figures) and ``epoch-N.weights.h5``.

    batches: get the number of the epoch before it begins. evaluate: further figures at the end of an epoch.
    settings: a run can only be continued with the same ones. contents: digests of what it learns from, by name;
    neither may they change.
    """

    def __init__(
        self,
        folder: Path,
        batches: EpochBatches,
        settings: dict[str, Any],
        evaluate: Evaluate | None = None,
        *,
        contents: dict[str, str | None] | None = None,
    ) -> None:
        super().__init__()
        self.folder, self.batches, self.evaluate = folder, batches, evaluate
        self.settings = json.loads(json.dumps(settings, default=str))
        self.contents = contents or {}
        self.history: list[dict[str, float]] = []

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.history)

    def resume(self, model: keras.Model) -> bool:
        """Loads the last epoch into the compiled model; False when there is none.

        Raises RunError when the folder holds a run with other settings or contents.
        """
        try:
            document = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
            before, history = document["settings"], document["history"]
            learned = document.get("contents", self.contents)  # a run of before they were kept goes on
        except (OSError, ValueError, KeyError, TypeError):
            return False
        other = _changed(before, self.settings) | _changed(learned, self.contents)
        if other or before != self.settings:
            raise RunError(
                f"{self.folder} holds a run with another {', '.join(sorted(other)) or 'set of options'}. "
                "Repeat its options with the same files to go on, or choose another --out or --restart to begin anew."
            )
        if not history:
            return False
        model.optimizer.build(model.trainable_variables)
        try:
            model.load_weights(self._weights(len(history)))
        except (OSError, ValueError, KeyError) as error:
            raise RunError(f"The last state in {self.folder} is damaged ({error}). Use --restart.") from error
        self.history = history
        self.batches.epoch = len(history)
        return True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.batches.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        figures = {name: float(value) for name, value in (logs or {}).items()}
        if not isfinite(figures.get("loss", 0.0)):
            raise RunError("The loss is no number any more. Use a lower --rate; the last good epoch is kept.")
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()  # JAX keeps the weights elsewhere while it trains
        if self.evaluate is not None:
            found = self.evaluate()
            figures.update(found)
            # Later callbacks report these too.
            if logs is not None:
                logs.update(found)
        self.history.append(figures)
        self._save()

    def _save(self) -> None:
        """The weights first, then the list that names them: a kill in between only repeats an epoch."""
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self._weights(self.epoch)
        part = target.with_name("part.weights.h5")
        self.model.save_weights(part, overwrite=True)
        part.replace(target)
        listing = self.folder / "run.json.part"
        document = {"settings": self.settings, "contents": self.contents, "history": self.history}
        listing.write_text(json.dumps(document, indent=1), encoding="utf-8")
        listing.replace(self.folder / "run.json")
        if self.epoch > 1:
            self._weights(self.epoch - 1).unlink(missing_ok=True)

    def _weights(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch}.weights.h5"


def _changed(before: dict[str, Any], now: dict[str, Any]) -> set[str]:
    return {name for name in now if before.get(name) != now[name]}
