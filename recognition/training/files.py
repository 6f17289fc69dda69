"""What a training leaves behind: Keras H5, LiteRT, and what is known of the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras

from recognition.engine.networks.convert import convert
from recognition.engine.networks.litert_export import write


@dataclass(frozen=True, slots=True)
class Trained:
    """history: figures of each epoch. images_per_second: 0 when nothing was left to do. files: what was written."""

    history: list[dict[str, float]]
    images_per_second: float
    files: tuple[Path, ...]


def write_network(model: keras.Model, path: Path, kind: str) -> tuple[Path, ...]:
    """The H5 file ``path`` and beside it the LiteRT files that serve.

    LiteRT files are made from what was written, so they show too that it can be read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"part.{path.name}")
    model.save(part)
    part.replace(path)
    files = [path]
    for converted in convert(path, kind):
        files.append(path.with_name(f"{path.stem}{converted.suffix}.tflite"))
        write(files[-1], converted.content)
    return tuple(files)
