"""Trains YOLOv5-face on pictures with labelled boxes and, where known, landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from recognition.engine.networks.yolov5face import ANCHORS, BUNDLED, CONFIGS, NUMBERS, yolov5face
from recognition.engine.networks.yolov5face_weights import load_yolov5face
from recognition.training import contents
from recognition.training.assignment import STRIDES
from recognition.training.batches import SceneBatches
from recognition.training.checkpoint import Run
from recognition.training.detection import detection
from recognition.training.detector_loss import HeadLoss
from recognition.training.files import Trained, write_network
from recognition.training.labels import Picture
from recognition.training.reports import Speed, Tell, plot
from recognition.training.runtime import compiled, described, in_float32, prepare
from recognition.training.scenes import SceneStrength
from recognition.training.schedule import measured_averaged, optimizer

FACES_A_PICTURE = 8  # expected, for the first guess of the objectness
PLAIN = 0.1  # the share of the epochs, the last ones, without mosaic


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """architecture: a key of ``CONFIGS``; of ``start``, weights to go on from, where they are given.

    side: of the square pictures in pixels, a multiple of 32. rate: the highest, after the share ``warmup`` of the
    steps. workers: threads that prepare pictures; does not change the result.
    """

    architecture: str = BUNDLED
    start: Path | None = None
    side: int = 640
    epochs: int = 100
    batch: int = 16
    rate: float = 2e-3
    weight_decay: float = 0.01
    warmup: float = 0.05
    strength: SceneStrength = field(default_factory=SceneStrength)
    seed: int = 0
    precision: str = "auto"
    workers: int = 1


def train_detector(
    pictures: Sequence[Picture],
    out: Path,
    options: DetectorOptions,
    *,
    validation: Sequence[Picture] = (),
    tell: Tell = print,
) -> Trained:
    """Trains and writes ``detector.h5``, ``detector.tflite`` and ``detector-640.tflite``, ``curves.png`` to ``out``.

    What is written and measured is the moving average of the weights. A run that is there is continued.
    Raises ModelFileError, RunError.
    """
    precision = prepare(options.seed, options.precision)
    detector = load_yolov5face(options.start)[0] if options.start else new_detector(options.architecture)
    batches = SceneBatches(
        pictures,
        side=options.side,
        batch=options.batch,
        seed=options.seed,
        strength=options.strength,
        plain_from=round(options.epochs * (1 - PLAIN)),
        workers=options.workers,
    )
    model = training_model(detector, options, steps=len(batches) * options.epochs)
    measure = measured_averaged(detection(detector, validation, options.side), model) if validation else None
    settings = {**asdict(options), "pictures": len(pictures)}
    del settings["workers"]
    learned = {"pictures": contents.of_pictures(pictures), "start": contents.of_file(options.start)}
    run = Run(out / "run", batches, settings, measure, contents=learned)
    faces = sum(len(picture.labels) for picture in pictures)
    tell(f"{len(pictures):,} pictures with {faces:,} faces; {described(precision)}")
    if run.resume(model):
        tell(f"Going on after epoch {run.epoch} of {options.epochs}.")
    speed = Speed(min(options.batch, len(pictures)), tell)
    if run.epoch < options.epochs:
        # The batches are in an order of their own; Keras' would be another after a resumption.
        model.fit(
            batches,
            epochs=options.epochs,
            initial_epoch=run.epoch,
            shuffle=False,
            verbose=0,
            callbacks=[run, speed],
        )
    model.optimizer.finalize_variable_values(model.trainable_variables)
    files = write_network(in_float32(detector), out / "detector.h5", "detector")
    plot(run.history, out / "curves.png")
    return Trained(run.history, speed.images_per_second, (*files, out / "curves.png"))


def new_detector(architecture: str) -> keras.Model:
    """Without knowledge, but with a guess of how rare faces are: else the first steps only unlearn false ones."""
    model = yolov5face(CONFIGS[architecture])
    for stride, output in zip(STRIDES, model.outputs, strict=True):
        layer = output._keras_history.operation
        kernel, bias = layer.get_weights()
        bias = bias.reshape(ANCHORS, NUMBERS).copy()
        bias[:, 4] = np.log(FACES_A_PICTURE / (640 / stride) ** 2)
        layer.set_weights([kernel, bias.reshape(-1)])
    return model


def training_model(detector: keras.Model, options: DetectorOptions, steps: int) -> keras.Model:
    """The same layers with named heads, compiled; picture -> {"stride_8": raw head, ...}."""
    names = [f"stride_{stride}" for stride in STRIDES]
    image = keras.Input((options.side, options.side, 3))
    heads = {
        name: keras.layers.Identity(dtype="float32", name=name)(head)
        for name, head in zip(names, detector(image), strict=True)
    }
    model = keras.Model(image, heads)
    losses: dict[str, Any] = {
        name: HeadLoss(stride, options.side // stride) for name, stride in zip(names, STRIDES, strict=True)
    }
    schedule = optimizer(
        options.rate,
        steps,
        warmup=options.warmup,
        weight_decay=options.weight_decay,
        averaged=True,
    )
    model.compile(schedule, loss=losses, jit_compile=compiled())
    # Left to the first step, its variables would make TensorFlow trace that twice.
    model.optimizer.build(model.trainable_variables)
    return model
