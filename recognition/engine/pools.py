"""Which runtime runs a weight file, by its suffix."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from recognition.engine.litert import InterpreterPool
from recognition.engine.opencv_dnn import NetPool
from recognition.engine.types import Floats, ModelFileError, ModelSpec
from recognition.engine.weights import Manifest


class Runs(Protocol):
    """Runs one network for one thread at a time."""

    def run(self, batch: NDArray[Any], /) -> list[Floats]: ...


class Pool(Runs, Protocol):
    """Runs one network for any number of threads. Takes (n, height, width, channels), whatever the file's order is."""

    def lease(self) -> AbstractContextManager[Runs]: ...


def open_pool(manifest: Manifest, spec: ModelSpec, *, size: int = 2, threads: int = 1) -> Pool:
    """A pool for the verified file of ``spec``; nothing is loaded yet.

    size: how many threads can run it at once. threads: inside each run, for LiteRT only.
    Raises ModelFileError when the file is missing, another, or of a kind that nothing here runs.
    """
    suffix = Path(spec.file).suffix.lower()
    if suffix == ".tflite":
        return InterpreterPool(manifest.path(spec), size=size, threads=threads)
    if suffix == ".onnx":
        return NetPool(manifest.path(spec), size=size, input_name=str(spec.input.get("name", "")))
    raise ModelFileError(f"{spec.file} of {spec.name} is neither a .tflite nor an .onnx file.")
