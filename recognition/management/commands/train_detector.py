"""`manage.py train_detector FOLDER`: train YOLOv5-face on labelled pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from recognition.management.service_command import Failed
from recognition.management.training_command import TrainingCommand, at_least, require_keras
from recognition.training.labels import read_folder
from recognition.training.scenes import SceneStrength

NAMES = {"n-0.5": "yolov5n-0.5-face", "n": "yolov5n-face", "s": "yolov5s-face"}
HELP = {
    "mosaic": "share of pictures made of four",
    "flip": "share of pictures that are mirrored",
    "scale": "how much larger or smaller, as a share",
    "colour": "deviation of brightness and contrast as a share",
}


class Command(TrainingCommand):
    help = (
        "Train a face detector on a folder in the YOLO format: images/ and labels/NAME.txt with lines of "
        "`class cx cy w h [x1 y1 ... x5 y5]` as shares of the picture, -1 for landmarks that are not known. A run "
        "that was stopped goes on when the command is repeated. Needs requirements-train.txt."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument("--validation", type=Path, metavar="FOLDER", help="measured after each epoch")
        parser.add_argument("--architecture", choices=list(NAMES), help="of a new network (n-0.5)")
        parser.add_argument("--start", type=Path, help="weights to go on from: .npz, .onnx or .h5")
        parser.add_argument("--side", type=int, default=640, help="of the pictures, a multiple of 32 (640)")
        parser.add_argument("--epochs", type=int, default=100, help="passes over the pictures (100)")
        parser.add_argument("--batch", type=int, default=16, help="pictures in a step (16)")
        parser.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate (0.002)")
        group = parser.add_argument_group("augmentation")
        for name, text in HELP.items():
            value = getattr(SceneStrength(), name)
            group.add_argument(f"--{name}", type=float, default=value, help=f"{text} ({value:g})")

    def handle(self, *args: Any, **options: Any) -> None:
        self._check(options)
        require_keras()
        from recognition.training.detector import DetectorOptions, train_detector

        say = self.say(options)
        pictures, unreadable = read_folder(options["folder"])
        validation, more = read_folder(options["validation"]) if options["validation"] else ([], 0)
        if unreadable + more:
            say(f"{unreadable + more} files are left out: unreadable.")
        chosen = DetectorOptions(
            architecture=NAMES[options["architecture"] or "n-0.5"],
            strength=SceneStrength(**{name: options[name] for name in HELP}),
            **{name: options[name] for name in ("start", "side", "epochs", "batch", "rate")},
            **{name: options[name] for name in ("seed", "precision", "workers")},
        )
        out = self.out(options, "detector")
        done = train_detector(pictures, out, chosen, validation=validation, tell=say)
        document = {
            "pictures": len(pictures),
            "faces": sum(len(picture.labels) for picture in pictures),
            "left_out": {"unreadable": unreadable + more},
            "images_per_second": round(done.images_per_second, 1),
            "history": done.history,
            "files": [str(path) for path in done.files],
        }
        self.close(options, document)

    def _check(self, options: dict[str, Any]) -> None:
        at_least(options, 1, "epochs", "batch", "workers")
        at_least(options, 0, *HELP)
        at_least(options, 1e-9, "rate")
        if options["side"] < 64 or options["side"] % 32:
            raise Failed("invalid_option", "--side must be a multiple of 32, at least 64.")
        if options["scale"] >= 1:
            raise Failed("invalid_option", "--scale must be less than 1.")
        if options["start"] and options["architecture"]:
            raise Failed("invalid_option", "--architecture is that of the file of --start.")
        if options["start"] and not options["start"].is_file():
            raise Failed("missing", f"--start: there is no file {options['start']}.")
