"""Trains GhostFaceNet on people's crops: margin head, teacher, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from recognition.engine.networks.ghostfacenet import SIDE, GhostFaceNetConfig, ghostfacenet
from recognition.engine.networks.ghostfacenet_weights import load_ghostfacenet
from recognition.engine.types import EngineError, Floats
from recognition.training import contents
from recognition.training.augment import Strength
from recognition.training.batches import CropBatches
from recognition.training.checkpoint import Evaluate, Run
from recognition.training.faces import Crops
from recognition.training.files import Trained, write_network
from recognition.training.margins import MARGINS, Margin, MarginHead, TeacherLoss
from recognition.training.reports import Speed, Tell, plot
from recognition.training.runtime import compiled, described, in_float32, prepare
from recognition.training.schedule import measured_averaged, optimizer
from recognition.training.teacher import Teacher, widened
from recognition.training.verification import embedded


@dataclass(frozen=True, slots=True)
class EmbedderOptions:
    """network: width, stride and so on; of ``start``, a Keras H5 file to go on from, where one is given.

    margin and scale: of the head over the people. identity_weight, teacher_weight: of the two losses.
    rate: the highest, after the share ``warmup`` of the steps; then it falls to a hundredth along a cosine.
    workers: threads that prepare crops; does not change the result.
    """

    network: GhostFaceNetConfig = field(default_factory=GhostFaceNetConfig)
    start: Path | None = None
    margin: Margin = MARGINS["arcface"]
    scale: float = 64.0
    identity_weight: float = 1.0
    teacher_weight: float = 4.0
    epochs: int = 10
    batch: int = 96
    rate: float = 2e-3
    weight_decay: float = 0.05
    warmup: float = 0.05
    strength: Strength = field(default_factory=Strength)
    seed: int = 0
    precision: str = "auto"
    workers: int = 1


ALIKE = 4000  # photos by which a learned network's directions are found


def train_embedder(
    crops: Crops,
    out: Path,
    options: EmbedderOptions,
    *,
    teacher: Teacher | None = None,
    folder: Path | None = None,
    evaluate_with: Callable[[keras.Model], Evaluate] | None = None,
    tell: Tell = print,
) -> Trained:
    """Trains and writes ``embedder.h5``, ``embedder.tflite`` and ``curves.png`` to ``out``; continues a run there.

    folder: what paths in the teacher's file are relative to. Photos that are each a person of their own are only put
    on the teacher's vectors: to tell them apart as classes says nothing more and is a third of the work.
    evaluate_with: model -> function that is called after each epoch. What is measured and written is the moving
    average of the weights, so that a run may end after any epoch. Raises ModelFileError, RunError, TeacherError.
    """
    precision = prepare(options.seed, options.precision)
    embedder = load_ghostfacenet(options.start) if options.start else ghostfacenet(options.network)
    targets = teacher_targets(teacher, crops, folder or Path(), embedder, learned=options.start is not None)
    single = crops.count == len(crops.people)
    if single and (targets is None or not targets.any(axis=1).all()):
        raise EngineError("Photos that are each a person of their own need a teacher that names them all.")
    batches = CropBatches(
        crops,
        batch=options.batch,
        seed=options.seed,
        strength=options.strength,
        teacher=targets,
        told_apart=not single,
        workers=options.workers,
    )
    people = None if single else crops.count
    model = training_model(embedder, people, options, taught=targets is not None)
    compile_model(model, options, steps=len(batches) * options.epochs)
    run = Run(
        out / "run",
        batches,
        _settings(options, crops, targets),
        measured_averaged(evaluate_with(embedder), model) if evaluate_with else None,
        contents={
            "photos": contents.of_crops(crops),
            "teacher": contents.of_teacher(teacher),
            "start": contents.of_file(options.start),
        },
    )
    tell(f"{len(crops.people):,} photos of {crops.count:,} people; {described(precision)}")
    if run.resume(model):
        tell(f"Going on after epoch {run.epoch} of {options.epochs}.")
    speed = Speed(min(options.batch, len(crops.people)), tell)
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
    files = write_network(in_float32(embedder), out / "embedder.h5", "embedder")
    plot(run.history, out / "curves.png")
    return Trained(run.history, speed.images_per_second, (*files, out / "curves.png"))


def training_model(
    embedder: keras.Model,
    people: int | None,
    options: EmbedderOptions,
    *,
    taught: bool,
) -> keras.Model:
    """({"image"[, "person"]}) -> {["identity": logits,] ["teacher": embedding]}. people: None: not told apart."""
    inputs = {"image": keras.Input((SIDE, SIDE, 3), name="image")}
    embedding = embedder(inputs["image"])
    outputs = {}
    if people is not None:
        inputs["person"] = keras.Input((), dtype="int32", name="person")
        head = MarginHead(people, options.margin, options.scale, name="identity")
        outputs["identity"] = head(embedding, inputs["person"])
    if taught:
        outputs["teacher"] = keras.layers.Identity(dtype="float32", name="teacher")(embedding)
    return keras.Model(inputs, outputs)


def compile_model(model: keras.Model, options: EmbedderOptions, steps: int) -> None:
    losses = {
        "identity": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "teacher": TeacherLoss(),
    }
    weights = {"identity": options.identity_weight, "teacher": options.teacher_weight}
    model.compile(
        optimizer(
            options.rate, steps, warmup=options.warmup, weight_decay=options.weight_decay, averaged=True
        ),
        loss={name: losses[name] for name in model.output_names},
        loss_weights={name: weights[name] for name in model.output_names},
        jit_compile=compiled(),
    )
    # Left to the first step, its variables would make TensorFlow trace that twice.
    model.optimizer.build(model.trainable_variables)


def _settings(options: EmbedderOptions, crops: Crops, targets: Floats | None) -> dict[str, Any]:
    """The options that must be the same for a run to go on."""
    settings = asdict(options)
    del settings["workers"]
    return {**settings, "photos": len(crops.people), "people": crops.count, "taught": targets is not None}


def teacher_targets(
    teacher: Teacher | None, crops: Crops, folder: Path, embedder: keras.Model, *, learned: bool
) -> Floats | None:
    """(n, dimensions) unit vectors, zero for photos that the teacher does not know; None without a teacher.

    learned: whether the embedder can tell faces apart already, so that its directions should be kept.
    """
    if teacher is None:
        return None
    rows = [teacher.row(path, folder) for path in crops.paths]
    places = np.flatnonzero([row is not None for row in rows])
    if not len(places):
        raise EngineError("The teacher's file names none of the photos.")
    vectors = teacher.vectors[[row for row in rows if row is not None]]
    like = None
    if learned:
        chosen = np.linspace(0, len(places) - 1, min(len(places), ALIKE)).astype(int)
        like = vectors[chosen], embedded(embedder, crops.images[places[chosen]])
    dimensions = int(embedder.output_shape[-1])
    targets = np.zeros((len(rows), dimensions), np.float32)
    targets[places] = widened(vectors, dimensions, like)
    return targets
