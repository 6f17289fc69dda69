"""The stored pairs of inputs and outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
