"""`manage.py train_embedder FOLDER`: train GhostFaceNet on one's own photos, or with a teacher's vectors."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from recognition.management.service_command import Failed
from recognition.management.training_command import (
    TrainingCommand,
    aligned,
    aligned_by,
    at_least,
    photo_bar,
    require_keras,
    training_folder,
)
from recognition.training.augment import Strength
from recognition.training.faces import crops_of, samples_of
from recognition.training.teacher import Teacher

if TYPE_CHECKING:
    from recognition.training.embedder import EmbedderOptions

HELP = {
    "flip": "share of crops that are mirrored",
    "rotation": "deviation in radians",
    "crop": "deviation of the scale as a share, a third of it of the place",
    "colour": "deviation of brightness and contrast as a share",
    "grey": "share without colour",
    "blur": "share out of focus or moved",
    "low_resolution": "share with few pixels and JPEG blocks",
    "mask": "share with a face mask",
    "occlusion": "share with a part hidden",
}


class Command(TrainingCommand):
    help = (
        "Train an embedder on a folder with one sub-folder of photos per person; or, with --teacher, on photos "
        "and the vectors of a better network for them. Photos are aligned once, crops of 112x112 are taken as they "
        "are. A run that was stopped goes on when the command is repeated. Needs requirements-train.txt."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument("--teacher", type=Path, help=".npz with names, emb and, if known, aff")
        parser.add_argument("--start", type=Path, help="Keras H5 file of GhostFaceNetV1 to go on from")
        parser.add_argument("--width", type=float, help="of a new network (1.3)")
        parser.add_argument("--stride", type=int, choices=[1, 2], help="of a new network (2)")
        parser.add_argument("--margin", choices=["arcface", "cosface", "sphereface", "softmax"])
        parser.add_argument("--scale", type=float, help="of the cosines (64)")
        parser.add_argument("--epochs", type=int, default=10, help="passes over the photos (10)")
        parser.add_argument("--batch", type=int, default=96, help="photos in a step (96)")
        parser.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate (0.002)")
        parser.add_argument(
            "--pairs", type=Path, help="pairs in the format of LFW, measured after each epoch"
        )
        parser.add_argument("--pairs-folder", type=Path, help="the photos of the pairs, a folder per person")
        group = parser.add_argument_group("augmentation")
        group.add_argument(
            "--augment", type=float, default=1.0, help="weaker or stronger as a whole (1); 0: only mirrored"
        )
        for name, value in zip(HELP, (getattr(Strength(), name) for name in HELP), strict=True):
            group.add_argument(f"--{name.replace('_', '-')}", type=float, help=f"{HELP[name]} ({value:g})")

    def handle(self, *args: Any, **options: Any) -> None:
        self._check(options)
        require_keras()
        from recognition.training.embedder import train_embedder
        from recognition.training.verification import evaluation, read_pairs_set

        say, folder, caches = self.say(options), options["folder"], training_folder() / "crops"
        teacher = Teacher.load(options["teacher"]) if options["teacher"] else None
        samples = samples_of(folder, teacher)
        out = self.out(options, "embedder")
        making = {"aligned_by": aligned_by(), "threads": options["workers"]}
        quiet = options["json"]
        crops = crops_of(
            folder, samples, caches, aligned, teacher=teacher, tell=photo_bar("crops", quiet=quiet), **making
        )
        for reason, count in crops.lost.items():
            say(f"{count} photos are left out: {reason}.")
        evaluate_with = None
        if options["pairs"]:
            tell = photo_bar("pairs", quiet=quiet)
            pairs = read_pairs_set(
                options["pairs"], options["pairs_folder"], caches, aligned, tell=tell, **making
            )
            say(f"{len(pairs.genuine):,} pairs are measured after each epoch.")

            def evaluate_with(model: Any) -> Any:
                return evaluation(model, pairs)

        done = train_embedder(
            crops,
            out,
            self._options(options),
            teacher=teacher,
            folder=folder,
            evaluate_with=evaluate_with,
            tell=say,
        )
        document = {
            "photos": len(crops.people),
            "people": crops.count,
            "left_out": crops.lost,
            "images_per_second": round(done.images_per_second, 1),
            "history": done.history,
            "files": [str(path) for path in done.files],
        }
        self.close(options, document)

    def _check(self, options: dict[str, Any]) -> None:
        at_least(options, 1, "epochs", "batch", "workers")
        at_least(options, 0, "augment", *HELP)
        at_least(options, 0.1, "width")
        at_least(options, 1e-9, "rate", "scale")
        if options["start"] and (options["width"] or options["stride"]):
            raise Failed("invalid_option", "--width and --stride are those of the file of --start.")
        if bool(options["pairs"]) != bool(options["pairs_folder"]):
            raise Failed("invalid_option", "--pairs and --pairs-folder belong together.")
        for name in ("start", "teacher", "pairs"):
            if options[name] and not options[name].is_file():
                raise Failed("missing", f"--{name}: there is no file {options[name]}.")

    def _options(self, options: dict[str, Any]) -> EmbedderOptions:
        from recognition.engine.networks.ghostfacenet import GhostFaceNetConfig
        from recognition.training.embedder import EmbedderOptions
        from recognition.training.margins import MARGINS

        found = EmbedderOptions(
            network=GhostFaceNetConfig(options["width"] or 1.3, options["stride"] or 2),
            start=options["start"],
            strength=_strength(options),
            **{name: options[name] for name in ("epochs", "batch", "rate", "seed", "precision", "workers")},
        )
        if options["margin"]:
            found = replace(found, margin=MARGINS[options["margin"]])
        return replace(found, scale=options["scale"]) if options["scale"] else found


def _strength(options: dict[str, Any]) -> Strength:
    given = {f.name: options[f.name] for f in fields(Strength) if options[f.name] is not None}
    return replace(Strength().times(options["augment"]), **given)
