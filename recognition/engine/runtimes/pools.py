"""A pool for each network of the manifest, and how it is given many inputs."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from recognition.engine.runtimes.litert import InterpreterPool
from recognition.engine.types import Floats, ModelFileError, ModelSpec
from recognition.engine.weights import Manifest


class Runs(Protocol):
    """Runs one network for one thread at a time."""

    def run(self, batch: NDArray[Any], /) -> list[Floats]: ...


class Pool(Runs, Protocol):
    """Runs one network for any number of threads. Takes (n, height, width, channels).

    A pool whose attribute ``batches`` is true is fastest with many inputs in one run.
    """

    def lease(self) -> AbstractContextManager[Runs]: ...


class OpensPool(Protocol):
    """`open_pool`, or another function that is called like it."""

    def __call__(self, manifest: Manifest, spec: ModelSpec, *, size: int = 2, threads: int = 1) -> Pool: ...


def open_pool(manifest: Manifest, spec: ModelSpec, *, size: int = 2, threads: int = 1) -> Pool:
    """A pool for the verified file of ``spec``; nothing is loaded yet.

    size: how many threads can run it at once. threads: inside each run.
    Raises ModelFileError when the file is missing, another, or of a kind that nothing here runs.
    """
    if Path(spec.file).suffix.lower() != ".tflite":
        raise ModelFileError(
            f"{spec.file} of {spec.name} is not a .tflite file, and nothing else is run here. Install the model again: "
            f"manage.py fetch_models --remove {spec.name}, then fetch_models or import_model."
        )
    return InterpreterPool(manifest.path(spec), size=size, threads=threads)


def takes_batches(pool: Pool | None) -> bool:
    """Whether to hand it many inputs at once. LiteRT is as fast, and keeps less, with one after another."""
    return bool(getattr(pool, "batches", False))


def run_all(pool: Pool, inputs: NDArray[Any]) -> list[Floats]:
    """The outputs, each (n, ...), for (n, height, width, channels): in one run where the pool takes batches."""
    if takes_batches(pool):
        return pool.run(inputs)
    with pool.lease() as runner:
        runs = [runner.run(one[None]) for one in inputs]
    return [np.concatenate(outputs) for outputs in zip(*runs, strict=True)]
