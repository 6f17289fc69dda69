"""`manage.py import_model FILE --name NAME`: installs a model from a file of weights."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from recognition.engine.weights import KINDS
from recognition.management.commands.fetch_models import said
from recognition.management.service_command import ServiceCommand
from recognition.services.models import install_file


class Command(ServiceCommand):
    help = (
        "Convert a file of weights and install it as a model: GhostFaceNetV1 in Keras H5 (the official layout), "
        "YOLOv5-face in ONNX, Keras H5 or .npz, a face refiner in .keras, or an embedder that is converted already "
        "(.tflite). It is not in use before you say so."
    )

    requires_system_checks = ()  # it is what mends a site whose chosen model is missing

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)
        parser.add_argument("--name", required=True, help="what the model is called from now on")
        parser.add_argument("--kind", choices=KINDS, help="what it is, where the file does not say")
        parser.add_argument(
            "--model-version", default="", metavar="TEXT", help="your own mark for it (its name)"
        )
        parser.add_argument("--licence", default="", help="what its weights may be used for")
        parser.add_argument("--source", default="", help="where it comes from (the file's name)")

    def handle(self, *args: Any, **options: Any) -> None:
        specs = install_file(
            options["file"],
            name=options["name"],
            kind=options["kind"],
            version=options["model_version"],
            licence=options["licence"],
            source=options["source"],
        )
        if options["json"]:
            self.print_document({"installed": [asdict(spec) for spec in specs]})
        else:
            self.stdout.write(said(specs))
