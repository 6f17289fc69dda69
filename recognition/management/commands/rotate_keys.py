"""`manage.py rotate_keys`: wrap the keys of people by the site's key in use."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from identity_site import secret_key
from recognition.management.service_command import Failed, ServiceCommand, progress
from recognition.services import data_keys


class Command(ServiceCommand):
    help = (
        "Wrap the keys of people by the site's key in use, after SITE_KEY was replaced (the former one in "
        "SITE_KEY_FALLBACKS). The site goes on meanwhile. A site that keeps its key in the data folder gets a new one "
        "by --new. Afterwards dumps of the database from before cannot be read without the former key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--new", action="store_true", help="make a new key in the data folder first")
        parser.add_argument(
            "--forget",
            action="store_true",
            help="remove former keys from the data folder afterwards; receipts that they signed cannot be checked then",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        kept = settings.SITE_KEYS_KEPT_IN
        if (options["new"] or options["forget"]) and kept is None:
            raise Failed(
                "not_ours", "The key comes from SITE_KEY. Replace it there, then run this without options."
            )
        if options["new"]:
            secret_key.replace(kept.parent, secret_key.SITE_KEY)
        state = data_keys.key_state()
        with progress(state.former + state.unreadable, "key", quiet=options["json"]) as bar:
            done = data_keys.rotate_keys(on_key=bar.update)
        sealed = 0
        while files := data_keys.seal_files():
            sealed += files
        if options["forget"]:
            secret_key.forget_former(kept.parent, secret_key.SITE_KEY)
        if options["json"]:
            self.print_document({"rotated": done, "sealed": sealed})
        else:
            self.stdout.write(f"{done} keys rotated, {sealed} photos sealed that were in the clear.")
