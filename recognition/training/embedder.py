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
from recognition.engine.networks.litert_export import to_litert, write
from recognition.engine.types import EngineError, Floats
from recognition.training.augment import Strength
from recognition.training.batches import CropBatches
from recognition.training.checkpoint import Evaluate, Run
from recognition.training.faces import Crops
from recognition.training.margins import MARGINS, Margin, MarginHead, TeacherLoss
from recognition.training.reports import Speed, Tell, plot
from recognition.training.runtime import described, prepare
from recognition.training.teacher import Teacher, widened


@dataclass(frozen=True, slots=True)
class EmbedderOptions:
    """network: width, stride and so on; of ``start``, a Keras H5 file to go on from, where one is given.

    margin and scale: of the head over the people. identity_weight, teacher_weight: of the two losses.
    rate: the highest, after ``warmup`` of the steps; then it falls to a hundredth along a cosine.
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


@dataclass(frozen=True, slots=True)
class Trained:
    """history: figures of each epoch. files: what was written, LiteRT only where TensorFlow is the backend."""

    history: list[dict[str, float]]
    images_per_second: float
    files: tuple[Path, ...]


def train_embedder(
    crops: Crops,
    out: Path,
    options: EmbedderOptions,
    *,
    teacher: Teacher | None = None,
    evaluate_with: Callable[[keras.Model], Evaluate] | None = None,
    folder: Path | None = None,
    tell: Tell = print,
) -> Trained:
    """Trains and writes ``embedder.h5``, ``embedder.tflite`` and ``curves.png`` to ``out``; continues a run there.

    folder: what the teacher's names are relative to.
    """
    precision = prepare(options.seed, options.precision)
    embedder = load_ghostfacenet(options.start) if options.start else ghostfacenet(options.network)
    targets = _teacher_targets(teacher, crops, folder, int(embedder.output_shape[-1]))
    batches = CropBatches(
        crops,
        batch=options.batch,
        seed=options.seed,
        strength=options.strength,
        teacher=targets,
        workers=options.workers,
    )
    model = training_model(embedder, crops.count, options, with_teacher=targets is not None)
    compile_model(model, options, steps=len(batches) * options.epochs)
    settings = {
        **asdict(options),
        "photos": len(crops.people),
        "people": crops.count,
        "taught": targets is not None,
    }
    run = Run(out / "run", batches, settings, evaluate_with(embedder) if evaluate_with else None)
    tell(f"{len(crops.people):,} photos of {crops.count:,} people; {described(precision)}")
    if run.resume(model):
        tell(f"Going on after epoch {run.epoch}.")
    speed = Speed(options.batch, tell)
    model.fit(batches, epochs=options.epochs, initial_epoch=run.epoch, verbose=0, callbacks=[run, speed])
    return Trained(run.history, speed.images_per_second, _write(embedder, run.history, out))


def training_model(
    embedder: keras.Model, people: int, options: EmbedderOptions, *, with_teacher: bool
) -> keras.Model:
    """({"image", "person"}) -> {"identity": logits[, "teacher": embedding]}."""
    image = keras.Input((SIDE, SIDE, 3), name="image")
    person = keras.Input((), dtype="int32", name="person")
    embedding = embedder(image)
    head = MarginHead(people, options.margin, options.scale, name="identity")
    outputs = {"identity": head(embedding, person)}
    if with_teacher:
        outputs["teacher"] = keras.layers.Identity(dtype="float32", name="teacher")(embedding)
    return keras.Model({"image": image, "person": person}, outputs)


def compile_model(model: keras.Model, options: EmbedderOptions, steps: int) -> None:
    warmup = max(1, int(steps * options.warmup))
    rate = keras.optimizers.schedules.CosineDecay(
        options.rate / 100,
        max(1, steps - warmup),
        alpha=0.01,
        warmup_target=options.rate,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=options.weight_decay, global_clipnorm=5.0)
    # Slopes, scales and shifts are not to be pulled towards zero.
    optimizer.exclude_from_weight_decay(var_names=["alpha", "gamma", "beta", "bias"])
    losses: dict[str, Any] = {"identity": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
    weights = {"identity": options.identity_weight}
    if "teacher" in model.output_names:
        losses["teacher"] = TeacherLoss()
        weights["teacher"] = options.teacher_weight
    model.compile(optimizer, loss=losses, loss_weights=weights)


def _teacher_targets(
    teacher: Teacher | None, crops: Crops, folder: Path | None, dimensions: int
) -> Floats | None:
    if teacher is None:
        return None
    rows = [teacher.row(path, folder or path.parent) for path in crops.paths]
    known = np.array([row is not None for row in rows])
    if not known.any():
        raise EngineError("The teacher's file names none of the photos.")
    targets = np.zeros((len(rows), dimensions), np.float32)
    targets[known] = widened(teacher.vectors[[row for row in rows if row is not None]], dimensions)
    return targets


def _write(embedder: keras.Model, history: list[dict[str, float]], out: Path) -> tuple[Path, ...]:
    # In float32, whatever it was trained in.
    keras.mixed_precision.set_global_policy("float32")
    plain = keras.models.clone_model(embedder, clone_function=_in_float32)
    plain.set_weights(embedder.get_weights())
    files = [out / "embedder.h5", out / "curves.png"]
    plain.save(files[0])
    plot(history, files[1])
    if keras.backend.backend() == "tensorflow":
        files.append(out / "embedder.tflite")
        write(files[-1], to_litert(plain, (1, SIDE, SIDE, 3)))
    return tuple(files)


def _in_float32(layer: keras.layers.Layer) -> keras.layers.Layer:
    return type(layer).from_config({**layer.get_config(), "dtype": "float32"})
