"""How well an embedder verifies, on pairs of photos that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from recognition.engine.images import decode
from recognition.engine.metrics import fold_accuracy, roc
from recognition.engine.pairs import PairsError, pair_scores, read_pairs
from recognition.engine.types import Floats, Image
from recognition.training.batches import scaled
from recognition.training.faces import SIDE, SUFFIXES, Align

BATCH = 64


@dataclass(frozen=True, slots=True)
class PairsSet:
    """crops: (n, 112, 112, 3). first, second: positions in it. genuine, folds: of each pair."""

    crops: NDArray[np.uint8]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    genuine: NDArray[np.bool_]
    folds: NDArray[np.int64]


def read_pairs_set(pairs: Path, folder: Path, align: Align) -> PairsSet:
    """A pairs file in the LFW format with the photos it names, ``folder/name/name_0001.jpg`` or the n-th of a person.

    Pairs of which a photo shows no face are left out. Raises PairsError.
    """
    named = read_pairs(pairs)
    wanted = sorted({photo for pair in named for photo in (pair.first, pair.second)})
    places: dict[tuple[str, int], int] = {}
    crops: list[Image] = []
    for name, number in wanted:
        photo = decode(_photo(folder, name, number).read_bytes())
        crop = photo if photo.shape == (SIDE, SIDE, 3) else align(photo)
        if crop is not None:
            places[name, number] = len(crops)
            crops.append(crop)
    usable = [pair for pair in named if pair.first in places and pair.second in places]
    if not usable:
        raise PairsError(f"No pair of {pairs} has two photos with a face in {folder}.")
    return PairsSet(
        np.stack(crops),
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
        accuracy = fold_accuracy(scores, pairs.genuine, pairs.folds).mean
        return {"pairs_accuracy": float(accuracy), "pairs_auc": float(curve.auc)}

    return measure


def embedded(embedder: keras.Model, crops: NDArray[np.uint8]) -> Floats:
    """Unit vectors, the mirrored crops' vectors added, as the site makes them."""
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
