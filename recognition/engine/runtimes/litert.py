"""LiteRT interpreters shared by threads.

An interpreter is not safe for two threads at once, so a pool lends each to one thread at a time. Nothing is
loaded before the first lease, and what is idle for long is unloaded but one: an interpreter of the detector's largest
input takes 35 MB. Changing an interpreter's input shape costs as much as making it, so a runner
keeps one
interpreter for each of the last few shapes it has seen.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.engine import heap
from recognition.engine.runtimes.lending import Lender
from recognition.engine.types import Floats, ModelFileError

SHAPES = 3
IDLE_SECONDS = 30.0


class Runner:
    """Runs one model for one thread at a time."""

    def __init__(self, path: Path, threads: int) -> None:
        self._path = path
        self._threads = threads
        self._interpreters: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        self.used = 0.0  # when it ran last, by the monotonic clock

    @property
    def loaded(self) -> bool:
        return bool(self._interpreters)

    def unload(self) -> None:
        """The next run loads the model again."""
        self._interpreters.clear()

    def run(self, batch: NDArray[Any]) -> list[Floats]:
        """The model's outputs for one input tensor, in the order of the file, as copies."""
        interpreter = self._for_shape(batch.shape)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], batch)
        interpreter.invoke()
        return [interpreter.get_tensor(output["index"]) for output in interpreter.get_output_details()]

    def shapes(self) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
        """Of inputs and outputs, as the file has them. Raises ModelFileError when it is no LiteRT file."""
        interpreter = self._load(None)
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        return [tuple(map(int, i["shape"])) for i in inputs], [tuple(map(int, o["shape"])) for o in outputs]

    def _for_shape(self, shape: tuple[int, ...]) -> Any:
        interpreter = self._interpreters.get(shape)
        if interpreter is None:
            if len(self._interpreters) == SHAPES:
                self._interpreters.popitem(last=False)
            interpreter = self._interpreters[shape] = self._load(shape)
        self._interpreters.move_to_end(shape)
        return interpreter

    def _load(self, shape: Sequence[int] | None) -> Any:
        from ai_edge_litert.interpreter import Interpreter

        try:
            interpreter = Interpreter(model_path=str(self._path), num_threads=self._threads)
            wanted = interpreter.get_input_details()[0]
            if shape is not None and list(wanted["shape"]) != list(shape):
                interpreter.resize_tensor_input(wanted["index"], list(shape), strict=False)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            given = f" with input {tuple(shape)}" if shape is not None else ""
            raise ModelFileError(f"{self._path} cannot be run{given}: {error}") from error
        return interpreter


class InterpreterPool(Lender[Runner]):
    """At most ``size`` runners of one model file, each with ``threads`` threads inside LiteRT."""

    def __init__(self, path: Path, *, size: int = 2, threads: int = 1) -> None:
        self._runners = [Runner(path, threads) for _ in range(size)]
        super().__init__(self._runners)
        self._watch = threading.Lock()
        self._watcher: threading.Timer | None = None

    @contextmanager
    def lease(self) -> Iterator[Runner]:
        with super().lease() as runner:
            try:
                yield runner
            finally:
                runner.used = time.monotonic()
        self._look_later()

    def run(self, batch: NDArray[Any]) -> list[Floats]:
        with self.lease() as runner:
            return runner.run(np.ascontiguousarray(batch))

    def _look_later(self) -> None:
        """Look once after a while; as long as the pool is used, another lease sees to the next time."""
        with self._watch:
            if self._watcher is None and sum(runner.loaded for runner in self._runners) > 1:
                self._watcher = threading.Timer(IDLE_SECONDS, self._look)
                self._watcher.daemon = True
                self._watcher.start()

    def _look(self) -> None:
        with self._watch:
            self._watcher = None
        self.unload_idle(time.monotonic() - IDLE_SECONDS / 2)
        self._look_later()

    def unload_idle(self, since: float) -> None:
        """Unload the runners that were not used since then, but for the one that will be lent next."""
        taken: list[Runner] = []
        try:
            while True:
                taken.append(self._idle.get_nowait())
        except Empty:
            pass
        idle = [runner for runner in taken[1:] if runner.loaded and runner.used < since]
        for runner in idle:
            runner.unload()
        for runner in reversed(taken):
            self._idle.put(runner)
        if idle:
            heap.give_back()
