"""`manage.py replay`: what past decisions would have been under another policy."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from recognition.management.migrated_command import MigratedCommand
from recognition.models import ThresholdPolicy
from recognition.services.thresholds import replay


class Command(MigratedCommand):
    help = (
        "Decide past identifications, verifications and sign-ins again under another policy. Changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--policy", type=int, required=True, help="number of the policy")
        parser.add_argument("--since", required=True, help="date or time, such as 2026-01-31")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        policy = ThresholdPolicy.objects.filter(pk=options["policy"]).first()
        if policy is None:
            there = ", ".join(str(pk) for pk in ThresholdPolicy.objects.values_list("pk", flat=True)[:20])
            raise CommandError(f"There is no policy {options['policy']}. There are {there or 'none'}.")
        result = replay(policy, _moment(options["since"]))
        if options["json"]:
            self.stdout.write(json.dumps(result.as_dict()))
            return
        self.stdout.write(
            f"{result.replayed} of {result.decisions} decisions replayed under policy {policy.pk}: "
            f"{result.changed} change, {result.gained} to a match, {result.lost} to no match"
        )
        for row in result.people():
            name = (
                f"{row['name']} ({row['external_id']})"
                if row["identity"]
                else "two pictures, or someone erased"
            )
            self.stdout.write(f"  {name}: {row['gained']} more matches, {row['lost']} fewer")


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
        if moment is None and (day := parse_date(text)) is not None:
            moment = datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone())
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"{text!r} is no date. Write it as 2026-01-31 or 2026-01-31T08:00.")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
