"""A file of weights of any known format -> files that can be served, checked before anybody relies on them."""

from __future__ import annotations

import os
from pathlib import Path

from recognition.engine.runtimes.litert import Runner
from recognition.engine.types import ConvertedModel, ModelFileError

CROP = (1, 112, 112, 3)
MOST_BYTES = 2_000_000_000


def convert_file(path: Path, kind: str | None = None) -> list[ConvertedModel]:
    """kind: embedder, detector or refiner; None tries what the file can be.

    Raises ModelFileError when the file is no model that is known here, EngineError when it needs Keras,
    which is missing.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}.") from None
    if not path.is_file() or not 0 < size <= MOST_BYTES:
        raise ModelFileError(f"{path} is not a file of weights.")
    if path.suffix.lower() == ".tflite":
        return [_ready_embedder(path, kind)]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from recognition.engine.networks.convert import convert  # loads h5py, which only an import needs

    return convert(path, kind)


def _ready_embedder(path: Path, kind: str | None) -> ConvertedModel:
    """A LiteRT file that maps aligned crops to vectors, as the conversion makes it."""
    if kind not in (None, "embedder"):
        raise ModelFileError(
            "Only an embedder can be imported as one LiteRT file. Give the original weights."
        )
    taken, given = Runner(path, 1).shapes()
    if taken != [CROP] or len(given) != 1 or len(given[0]) != 2:
        raise ModelFileError(f"{path} is no embedder: it maps {taken} to {given}, not {CROP} to one vector.")
    dimensions = given[0][1]
    return ConvertedModel(
        "embedder",
        path.read_bytes(),
        {
            "shape": list(CROP),
            "dtype": "float32",
            "colour": "RGB",
            "scaling": "(x - 127.5) / 128",
            "alignment": "similarity of five landmarks to the ArcFace template",
        },
        {"shape": [1, dimensions], "dimensions": dimensions, "normalised": False},
        {"mirrored": True},
    )
