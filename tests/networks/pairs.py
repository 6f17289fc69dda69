"""The stored pairs of inputs and outputs.

``python -m tests.networks.pairs WEIGHTS.h5``: stores those of a new bundled embedder, for the crops of before. The
weights are those in full precision, as a training left them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.engine.networks.convert import convert
from recognition.engine.runtimes.litert import InterpreterPool
from recognition.engine.weights import Manifest

DATA = Path(__file__).resolve().parents[1] / "data" / "networks"
MODELS = Path(__file__).resolve().parents[2] / "models"


def pairs(name: str) -> dict[str, NDArray[Any]]:
    with np.load(DATA / f"{name}_io.npz") as file:
        return {key: file[key] for key in file.files}


def scaled(x: NDArray[Any]) -> NDArray[np.float32]:
    """As the embedder and the refiner take it."""
    return (x.astype(np.float32) - np.float32(127.5)) / np.float32(128)


def head(raw: NDArray[Any]) -> NDArray[Any]:
    """(n, 3, H, W, 16) as stored -> (n, H, W, 48) as the networks here give it."""
    n, _, height, width, _ = raw.shape
    return raw.transpose(0, 2, 3, 1, 4).reshape(n, height, width, 48)


def store(weights: Path) -> Path:
    """The pairs of the bundled embedder, in place of whichever one had them before."""
    (before,) = DATA.glob("ghostfacenet-*_io.npz")
    with np.load(before) as file:
        x = file["x"]
    (converted,) = convert(weights, "embedder")
    with NamedTemporaryFile(suffix=".tflite") as served:
        Path(served.name).write_bytes(converted.content)
        (y,) = InterpreterPool(Path(served.name)).run(scaled(x))
    before.unlink()
    path = DATA / f"{Manifest.load(MODELS).default('embedder').name}_io.npz"
    np.savez(path, x=x, y=y)
    return path


if __name__ == "__main__":
    print(store(Path(sys.argv[1])))
