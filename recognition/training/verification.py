"""How well an embedder verifies, on pairs of photos that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from recognition.engine.measures.metrics import fold_accuracy, roc
from recognition.engine.measures.pairs import PairsError, pair_scores, read_pairs
from recognition.engine.types import Floats, Image
from recognition.training.batches import scaled
from recognition.training.crop_cache import SIDE, Progress, cached_crops
from recognition.training.faces import SUFFIXES, Align
from recognition.training.runtime import compiled

BATCH = 64


@dataclass(frozen=True, slots=True)
class PairsSet:
    """crops: (n, 112, 112, 3). first, second: positions in it. genuine, folds: of each pair."""

    crops: NDArray[np.uint8]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    genuine: NDArray[np.bool_]
    folds: NDArray[np.int64]


def read_pairs_set(
    pairs: Path,
    folder: Path,
    caches: Path,
    align: Align,
    *,
    aligned_by: str = "",
    threads: int = 1,
    tell: Progress = lambda done, total: None,
) -> PairsSet:
    """A pairs file in the LFW format with the photos it names, ``folder/name/name_0001.jpg`` or the n-th of a person.

    Pairs of which a photo shows no face are left out. Raises PairsError.
    """
    named = read_pairs(pairs)
    wanted = sorted({photo for pair in named for photo in (pair.first, pair.second)})
    paths = [_photo(folder, name, number) for name, number in wanted]

    def crop(path: Path, photo: Image) -> Image | None:
        return photo if photo.shape == (SIDE, SIDE, 3) else align(photo)

    file = cached_crops(paths, caches / "pairs.npy", crop, made_by=aligned_by, threads=threads, tell=tell)
    places = {wanted[index]: place for place, index in enumerate(file.kept)}
    usable = [pair for pair in named if pair.first in places and pair.second in places]
    if not any(pair.genuine for pair in usable) or all(pair.genuine for pair in usable):
        raise PairsError(
            f"{pairs} has no genuine or no impostor pair of which both photos in {folder} show a face."
        )
    return PairsSet(
        file.images,
        np.array([places[pair.first] for pair in usable]),
        np.array([places[pair.second] for pair in usable]),
        np.array([pair.genuine for pair in usable]),
        np.array([pair.fold for pair in usable]),
    )


def evaluation(embedder: keras.Model, pairs: PairsSet) -> Callable[[], dict[str, float]]:
    """A function that measures the model as it is at the time: accuracy in folds and area under the curve."""

    def measure() -> dict[str, float]:
        vectors = embedded(embedder, pairs.crops)
        scores = pair_scores(vectors, pairs.first, pairs.second)
        curve = roc(scores[pairs.genuine], scores[~pairs.genuine])
        found = {"pairs_auc": float(curve.auc)}
        if len(np.unique(pairs.folds)) > 1:  # a threshold is chosen on the other folds
            found["pairs_accuracy"] = float(fold_accuracy(scores, pairs.genuine, pairs.folds).mean)
        return found

    return measure


def embedded(embedder: keras.Model, crops: NDArray[np.uint8]) -> Floats:
    """Unit vectors, the mirrored crops' vectors added, as the site makes them."""
    if compiled() is False:
        embedder.jit_compile = False
    parts = []
    for start in range(0, len(crops), BATCH):
        batch = scaled(crops[start : start + BATCH])
        both = embedder.predict_on_batch(np.concatenate([batch, batch[:, :, ::-1]]))
        both = np.asarray(both, np.float32)
        parts.append(both[: len(batch)] + both[len(batch) :])
    vectors = np.concatenate(parts)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)


def _photo(folder: Path, name: str, number: int) -> Path:
    exact = folder / name / f"{name}_{number:04}.jpg"
    if exact.is_file():
        return exact
    person = folder / name
    photos = sorted(p for p in person.iterdir() if p.suffix.lower() in SUFFIXES) if person.is_dir() else []
    if not 1 <= number <= len(photos):
        raise PairsError(f"There is no photo {number} of {name} in {folder}.")
    return photos[number - 1]
