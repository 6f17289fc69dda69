"""Batches for ``fit``, the same in every run with the same seed, also after a stop in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from recognition.engine.types import Floats
from recognition.training.assignment import STRIDES, targets_of
from recognition.training.augment import Strength, augmented
from recognition.training.faces import Crops
from recognition.training.labels import Picture
from recognition.training.scenes import SceneStrength, scene


class EpochBatches(keras.utils.PyDataset):
    """Shuffled anew for each epoch by seed and epoch, so what an epoch shows does not depend on those before it."""

    def __init__(self, size: int, batch: int, seed: int, workers: int = 1) -> None:
        super().__init__(workers=workers, max_queue_size=2 * workers + 2)
        self.size, self.batch, self.seed = size, batch, seed
        self.epoch = 0

    def __len__(self) -> int:
        return max(1, self.size // self.batch)

    def rows(self, index: int) -> np.ndarray[Any, Any]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.size)
        return order[index * self.batch : (index + 1) * self.batch]

    def random(self, index: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.epoch, index])


class CropBatches(EpochBatches):
    """({"image"[, "person"]}, {["identity",] ["teacher"]}), with people where they are ``told_apart``.

    teacher: (n, dimensions), zero where there is no vector.
    """

    def __init__(
        self,
        crops: Crops,
        *,
        batch: int,
        seed: int,
        strength: Strength,
        teacher: Floats | None = None,
        told_apart: bool = True,
        workers: int = 1,
    ) -> None:
        super().__init__(len(crops.people), batch, seed, workers)
        self.crops, self.strength, self.teacher, self.told_apart = crops, strength, teacher, told_apart

    def __getitem__(self, index: int) -> tuple[dict[str, Any], dict[str, Any]]:
        rows, random = self.rows(index), self.random(index)
        images = np.stack([augmented(self.crops.images[row], random, self.strength) for row in rows])
        inputs, targets = {"image": scaled(images)}, {}
        if self.told_apart:
            inputs["person"] = targets["identity"] = self.crops.people[rows]
        if self.teacher is not None:
            targets["teacher"] = self.teacher[rows]
        return inputs, targets


class SceneBatches(EpochBatches):
    """(n, side, side, 3) RGB / 255 and for each stride the targets of ``targets_of``.

    plain_from: from this epoch on there is no mosaic, so that the end looks like what will be served.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        *,
        side: int,
        batch: int,
        seed: int,
        strength: SceneStrength,
        plain_from: int,
        workers: int = 1,
    ) -> None:
        super().__init__(len(pictures), batch, seed, workers)
        self.pictures, self.side, self.strength, self.plain_from = pictures, side, strength, plain_from

    def __getitem__(self, index: int) -> tuple[Any, dict[str, Any]]:
        random = self.random(index)
        strength = self.strength if self.epoch < self.plain_from else replace(self.strength, mosaic=0.0)
        images, targets = [], []
        for row in self.rows(index):
            others = [self.pictures[i] for i in random.integers(0, self.size, 3)]
            image, labels = scene(self.pictures[row], others, self.side, random, strength)
            images.append(image)
            targets.append(targets_of(labels, self.side))
        stacked = {
            f"stride_{stride}": np.stack(heads)
            for stride, heads in zip(STRIDES, zip(*targets, strict=True), strict=True)
        }
        return np.stack(images).astype(np.float32) / np.float32(255), stacked


def scaled(images: np.ndarray[Any, Any]) -> Floats:
    """As the embedder takes it."""
    return (images.astype(np.float32) - np.float32(127.5)) / np.float32(128)
