"""What the commands that train share: Keras is there, where results go, how photos are aligned, what is printed."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from recognition.engine.quality import PROBE
from recognition.engine.types import Image
from recognition.management.service_command import Failed, ServiceCommand, progress
from recognition.services.analysis import get_analyzer
from recognition.services.evaluation import main_face

BACKENDS = ("tensorflow", "torch", "jax")  # in the order of their speed on CPUs
INTERRUPTED = 130
NEEDED = "Training needs Keras, which is not installed here. Run: pip install -r requirements-train.txt"


class TrainingCommand(ServiceCommand):
    """Needs no database. With ``--json`` only the closing document is printed."""

    requires_migrations_checks = False
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--out", type=Path, help="where results go (a folder of its own in the data folder)"
        )
        parser.add_argument("--restart", action="store_true", help="forget an earlier run in that folder")
        parser.add_argument("--seed", type=int, default=0, help="of weights, order and augmentation (0)")
        parser.add_argument(
            "--precision",
            choices=["auto", "float32", "mixed_float16", "mixed_bfloat16"],
            default="auto",
            help="auto: mixed_float16 on a GPU, else float32",
        )
        parser.add_argument("--workers", type=int, default=2, help="threads that prepare pictures (2)")

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except KeyboardInterrupt:
            self.stderr.write("Stopped. The same command goes on after the last finished epoch.")
            raise SystemExit(INTERRUPTED) from None

    def say(self, options: dict[str, Any]) -> Any:
        """The function that prints a line about the run."""
        if options["json"]:
            return lambda line: None

        def say(line: str) -> None:
            self.stdout.write(line)
            self.stdout.flush()

        return say

    def out(self, options: dict[str, Any], kind: str) -> Path:
        name = f"{kind}-{options['folder'].resolve().name}"
        folder: Path = options["out"] or training_folder() / name
        if options["restart"]:
            (folder / "run" / "run.json").unlink(missing_ok=True)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Failed("invalid_option", f"{folder} cannot be used: {error.strerror}.") from None
        return folder

    def close(self, options: dict[str, Any], document: dict[str, Any]) -> None:
        """document: with ``files``, the paths that were written, the network first."""
        if options["json"]:
            self.print_document(document)
            return
        for path in document["files"]:
            self.stdout.write(f"written: {path}")
        self.stdout.write(f"To serve with it: manage.py import_model {document['files'][0]} --name NAME")


def require_keras() -> None:
    """Raises Failed when Keras, a backend or h5py is missing. Chooses a backend where none is named."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if find_spec("keras") is None or find_spec("h5py") is None:
        raise Failed("no_keras", NEEDED)
    if "KERAS_BACKEND" not in os.environ:
        found = next((name for name in BACKENDS if find_spec(name)), None)
        if found is None:
            raise Failed("no_keras", NEEDED)
        os.environ["KERAS_BACKEND"] = found
    try:
        import keras  # noqa: F401
    except ImportError as error:
        raise Failed("no_keras", f"Keras does not start: {error}. {NEEDED.partition('. ')[2]}") from None


def training_folder() -> Path:
    return Path(settings.DATA_DIR) / "training"


def aligned(photo: Image) -> Image | None:
    """The aligned crop of the face that the photo is of, as the site would make it; None without a face."""
    seen = get_analyzer().find(photo, PROBE)
    return main_face(photo, seen).crop if seen else None


def aligned_by() -> str:
    """Which models ``aligned`` uses."""
    analyzer = get_analyzer()
    return f"{analyzer.detector_spec.sha256} {analyzer.refiner_spec.sha256}"


def photo_bar(text: str, *, quiet: bool) -> Any:
    """For ``tell`` of the functions that make crops."""
    bar = progress(0, "photo", quiet=quiet)
    bar.set_description(text)

    def tell(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return tell


def at_least(options: dict[str, Any], least: float, *names: str) -> None:
    """Raises Failed when one of the options is smaller."""
    for name in names:
        if options[name] is not None and options[name] < least:
            raise Failed("invalid_option", f"--{name.replace('_', '-')} must be at least {least:g}.")
