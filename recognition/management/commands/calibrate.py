"""`manage.py calibrate`: thresholds from the errors that are allowed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from recognition.management.migrated_command import MigratedCommand
from recognition.models import ModelVersion
from recognition.services import models as model_services
from recognition.services import thresholds
from recognition.services.analysis import active_model
from recognition.services.errors import ServiceError
from recognition.services.evaluation import measure_photos
from recognition.services.thresholds import ship
from recognition.services.wording import one_in


class Command(MigratedCommand):
    help = (
        "Derive the 1:1 and the 1:N threshold and the margin of a model from the error rates that are "
        "allowed, by the scores of the enrolled people or of a folder of photos, and store them as a policy."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "source", type=Path, nargs="?", metavar="FOLDER", help="labelled photos; without it, the enrolled"
        )
        parser.add_argument("--model", metavar="NAME", help="an installed embedder (the one in use)")
        parser.add_argument("--fmr", type=float, default=1e-4, help="false match rate allowed in 1:1 (1e-4)")
        parser.add_argument(
            "--fpir",
            type=float,
            default=1e-2,
            help="false positive rate allowed in 1:N (1e-2)",
        )
        parser.add_argument(
            "--people", type=int, help="how many people are searched in 1:N (those enrolled now)"
        )
        parser.add_argument(
            "--margin-cost",
            type=float,
            default=thresholds.MARGIN_COST,
            help="share of right identifications given up to refuse look-alikes (0.005)",
        )
        parser.add_argument(
            "--extrapolate", action="store_true", help="go beyond what the scores can speak of"
        )
        parser.add_argument(
            "--twins", action="store_true", help="people who look like one are two: count them all the same"
        )
        parser.add_argument("--name", help="what the photos are called in the policy (the folder's name)")
        parser.add_argument("--activate", action="store_true", help="put the policy in force at once")
        parser.add_argument("--dry-run", action="store_true", help="store nothing")
        parser.add_argument(
            "--ship",
            action="store_true",
            help="store it in models/manifest.json instead, as the policy that comes with the model",
        )
        parser.add_argument("--user", help="username of who asks, kept with the policy")
        parser.add_argument("--threads", type=int, default=2, help="photos in work at once (2)")
        parser.add_argument("--json", action="store_true", help="print the policy as JSON and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = options["json"] or not sys.stderr.isatty()
        user_id = self._user(options["user"])
        try:
            version = model_services.version_of(options["model"]) if options["model"] else active_model()
            people = options["people"] or max(1, thresholds.enrolled_people(active_model()))
            wish = thresholds.Wish(
                fmr=options["fmr"],
                fpir=options["fpir"],
                people=people,
                margin_cost=options["margin_cost"],
                extrapolate=options["extrapolate"],
                twins=options["twins"],
            )
            proposal = self._propose(wish, version, options, quiet)
            policy = None
            if options["ship"]:
                self.stderr.write(f"Written to {ship(proposal, version.name)}")
            elif not options["dry_run"]:
                policy = thresholds.store_policy(proposal.as_dict(), user_id=user_id, version=version)
                if options["activate"]:
                    policy = thresholds.activate(policy, user_id=user_id)
        except ServiceError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            document = proposal.as_dict() | {
                "id": policy and policy.pk,
                "active": bool(policy and policy.active),
            }
            self.stdout.write(json.dumps(document | {"warnings": list(proposal.warnings)}))
            return
        self._print(proposal)
        if policy is None:
            self.stdout.write("Nothing was stored in the database.")
        elif policy.active:
            self.stdout.write(self.style.SUCCESS(f"Policy {policy.pk} is in force."))
        else:
            self.stdout.write(f"Stored as policy {policy.pk}. See what it would change with")
            self.stdout.write(f"  manage.py replay --policy {policy.pk} --since 2026-01-01")
            self.stdout.write("and put it in force in the admin, or run this again with --activate.")

    def _user(self, username: str | None) -> int | None:
        if username is None:
            return None
        model = get_user_model()
        user = model._default_manager.filter(**{model.USERNAME_FIELD: username}).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        return int(user.pk)

    def _propose(
        self, wish: thresholds.Wish, version: ModelVersion, options: dict[str, Any], quiet: bool
    ) -> thresholds.Proposal:
        source = options["source"]
        photos = None
        if source is not None:
            with tqdm(unit="photo", disable=quiet, desc="photos") as bar:
                photos = measure_photos(
                    source,
                    model=version.name,
                    threads=options["threads"],
                    on_plan=bar.reset,
                    on_photo=bar.update,
                )
        with tqdm(total=100, unit="%", disable=quiet, desc="scores") as bar:

            def progress(share: float) -> None:
                bar.update(round(100 * share) - bar.n)

            if photos is None:
                return thresholds.from_enrolled(wish, version=version, progress=progress)
            name = options["name"] or source.resolve().name
            return thresholds.from_photos(photos, wish, name=name, progress=progress)

    def _print(self, proposal: thresholds.Proposal) -> None:
        found = proposal.measurements
        verify, identify, on = found["verify"], found["identify"], found["on"]
        self._line("measured on", proposal.source)
        self._line("", f"{on['genuine_pairs']} genuine and {on['impostor_pairs']} impostor pairs")
        self._line(
            "1:1 threshold",
            f"{proposal.verify_threshold:.4f} for FMR {proposal.fmr:.1e}{_interval(verify)}, "
            f"FNMR {100 * verify['fnmr']:.2f} %",
        )
        self._line("", f"of genuine people it would turn away {one_in(verify['fnmr'])}")
        self._line(
            "1:N threshold",
            f"{proposal.identify_threshold:.4f} for FPIR {proposal.fpir:.1e} among {identify['people']} people"
            f"{_interval(identify)}",
        )
        self._line(
            "",
            f"at it, among the {identify['measured_people']} measured: FPIR {100 * identify['fpir']:.2f} %, "
            f"FNIR {100 * identify['fnir']:.2f} %",
        )
        self._line("margin", f"{proposal.margin:.3f}")
        for warning in proposal.warnings:
            self.stdout.write(self.style.WARNING(warning))

    def _line(self, name: str, value: str) -> None:
        self.stdout.write(f"{name:<16} {value}")


def _interval(found: dict[str, Any]) -> str:
    if not found["interval"]:
        return ""
    low, high = found["interval"]
    return f" (95 %: {low:.3f} to {high:.3f})"
