"""ONNX networks run by OpenCV and shared by threads.

OpenCV's own inference needs no further package. Its engine of version 5 reads block-quantised weights, and initialisers
that are listed among the inputs do not disturb it when the real input is set by name. Measured with SFace on one
thread: 13 ms a crop and 70 MB for each network, where ONNX Runtime takes 16 ms and first needs a rewritten file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from recognition.engine.runtimes.lending import Lender
from recognition.engine.types import Floats, ModelFileError


class NetRunner:
    """Runs one network for one thread at a time."""

    def __init__(self, path: Path, input_name: str) -> None:
        self._path = path
        self._input_name = input_name
        self._net: Any = None
        self._outputs: list[str] = []

    def run(self, batch: NDArray[Any]) -> list[Floats]:
        """The network's outputs for one input tensor, in the order of the file, as copies.

        batch: (n, height, width, channels), as `litert.Runner` takes it; ONNX wants the channels second.
        Raises ModelFileError when the file is no network or does not take such a batch.
        """
        if batch.ndim != 4:
            raise ModelFileError(
                f"{self._path} cannot be run with input {batch.shape}: pictures are expected."
            )
        try:
            net = self._net or self._load()
            net.setInput(np.ascontiguousarray(batch.transpose(0, 3, 1, 2)), self._input_name)
            return [np.array(output, np.float32) for output in net.forward(self._outputs)]
        except cv2.error as error:
            self._net = None  # whatever it holds now, the next run begins anew
            raise ModelFileError(f"{self._path} cannot be run with input {batch.shape}: {error}") from error

    def _load(self) -> Any:
        if not self._path.is_file():
            raise ModelFileError(f"{self._path} is missing. Fetch the model again.")
        try:
            engine = cv2.dnn.ENGINE_NEW  # the classic one takes 48 ms for SFace
        except AttributeError:
            raise ModelFileError(
                f"OpenCV {cv2.__version__} cannot run {self._path.name}; version 5 can: "
                "pip install -r requirements-base.txt"
            ) from None
        self._net = cv2.dnn.readNetFromONNX(str(self._path), engine)
        self._outputs = list(self._net.getUnconnectedOutLayersNames())
        return self._net


class NetPool(Lender[NetRunner]):
    """At most ``size`` runners of one ONNX file. OpenCV's number of threads is one for the whole process.

    input_name: the input that gets the pictures; may be empty when the network has only one.
    """

    def __init__(self, path: Path, *, size: int = 2, input_name: str = "") -> None:
        super().__init__(NetRunner(path, input_name) for _ in range(size))

    def run(self, batch: NDArray[Any]) -> list[Floats]:
        with self.lease() as runner:
            return runner.run(batch)
