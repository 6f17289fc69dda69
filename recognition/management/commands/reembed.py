"""`manage.py reembed --model NAME`: the way to another embedding model, without stopping."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition.management.service_command import ServiceCommand, bytes_on, progress
from recognition.models import ModelChange
from recognition.services import models as model_services
from recognition.services import recognition
from recognition.services.analysis import active_model

POLL_SECONDS = 2.0


class Command(ServiceCommand):
    help = (
        "Compute vectors of another installed model beside those in use, compare the two, switch, and go back. "
        "Recognition and enrolment go on meanwhile. Without an action: begin, or go on with what was begun."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--model", metavar="NAME", help="the embedder to change to")
        parser.add_argument(
            "--async", action="store_true", dest="in_background", help="leave the computing to the workers"
        )
        parser.add_argument("--activate", action="store_true", help="switch when every vector is there")
        parser.add_argument(
            "--leave-behind",
            action="store_true",
            help="switch although people with imported vectors only cannot be recognised any more",
        )
        parser.add_argument(
            "--rollback", action="store_true", help="return to the model of before the last switch"
        )
        parser.add_argument(
            "--stop", action="store_true", help="give the change up; what was computed is kept"
        )
        parser.add_argument("--drop", metavar="NAME", help="delete the vectors of a model that is not in use")
        parser.add_argument("--status", action="store_true", help="how far it is, and how the models compare")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["drop"]:
            count = model_services.drop(options["drop"])
            return self._say(
                {"dropped": count}, f"{count} vectors of {options['drop']} are deleted.", options
            )
        if options["rollback"]:
            change = model_services.roll_back(leave_behind=options["leave_behind"])
            return self._say(described(change), f"{change.target.name} is in use again.", options)
        if options["stop"]:
            change = self._open()
            model_services.stop(change)
            return self._say({"stopped": change.pk}, f"The change {change} is given up.", options)
        if options["status"]:
            return self._status(options)
        change = self._begun(options)
        if options["in_background"]:
            return self._say(
                described(change), "The workers compute the vectors; --status tells how far.", options
            )
        change = self._compute(change, options)
        if options["activate"]:
            change = model_services.activate(change, leave_behind=options["leave_behind"])
            return self._say(described(change), f"{change.target.name} is the model in use.", options)
        return self._status(options)

    def _open(self) -> ModelChange:
        change = model_services.open_change()
        if change is None:
            raise CommandError("No change of the model is open. Begin one: --model NAME.")
        return change

    def _begun(self, options: dict[str, Any]) -> ModelChange:
        if options["model"]:
            self._install(options)
            return model_services.begin(
                options["model"],
                enqueue=options["in_background"],
                switch_when_ready=options["in_background"] and options["activate"],
            )
        return self._open()

    def _install(self, options: dict[str, Any]) -> None:
        """A model of the catalogue that is not here yet is fetched first."""
        name = options["model"]
        if any(offer.name == name and not offer.installed for offer in model_services.offers()):
            with progress(0, "B", quiet=options["json"]) as bar:
                model_services.fetch(name, progress=bytes_on(bar))

    def _compute(self, change: ModelChange, options: dict[str, Any]) -> ModelChange:
        """Until every vector is there, whoever computes it: a worker that is at it is followed, a dead one replaced."""
        start = model_services.enrolled_photos() - model_services.missing(change).count()
        with progress(model_services.enrolled_photos() - start, "photo", quiet=options["json"]) as bar:
            while True:
                found = model_services.advance(on_photos=bar.update)
                if found is None or found.pk != change.pk:
                    raise CommandError("The change was given up meanwhile.")
                if found.state != ModelChange.State.COMPUTING:
                    break
                time.sleep(POLL_SECONDS)
                bar.update(max(0, found.done - start - bar.n))
        model_services.compare(found.pk)
        return ModelChange.objects.select_related("target", "before").get(pk=found.pk)

    def _status(self, options: dict[str, Any]) -> None:
        change = model_services.open_change()
        if change is None:
            name = active_model().name
            return self._say(
                {"model": name, "change": None}, f"{name} is in use. No change is open.", options
            )
        document = described(change)
        if options["json"]:
            return self.print_document(document)
        self.stdout.write(
            f"{change}: {change.get_state_display()}, {change.done} of {change.total} photos computed, "
            f"{document['missing']} to do, {len(change.skipped)} unreadable"
        )
        if document["left_behind"]:
            self.stdout.write(
                f"{document['left_behind']} people would be left behind: no photos of them are kept."
            )
        for title, key in (("in use", "before"), ("to come", "after")):
            if found := change.figures.get(key):
                verification = found["verification"]
                self.print_row(
                    (title, 8), (f"AUC {verification['auc']:.5f}", 12), (f"EER {verification['eer']:.2%}", 12)
                )
        if change.message:
            self.stdout.write(change.message)
        live = document["live"]
        self.stdout.write(
            f"live: {live['compared']} faces decided by both, {live['agreed']} alike, {live['gained']} to a match, "
            f"{live['lost']} to no match, {live['other']} to another person"
        )
        if not document["policy"]:
            self.stdout.write(model_services.no_policy_text(change.target))
        elif change.state == ModelChange.State.SHADOW:
            self.stdout.write("Switch: manage.py reembed --activate")
        return None

    def _say(self, document: object, text: str, options: dict[str, Any]) -> None:
        if options["json"]:
            self.print_document(document)
        else:
            self.stdout.write(text)


def described(change: ModelChange) -> dict[str, Any]:
    """The change for machines."""
    found = model_services.readiness(change)
    live = recognition.agreement(change)
    return {
        "change": change.pk,
        "from": change.before.name,
        "to": change.target.name,
        "state": change.state,
        "done": change.done,
        "total": change.total,
        "missing": found.missing,
        "unreadable": len(change.skipped),
        "left_behind": found.left_behind,
        "policy": found.policy.pk if found.policy else None,
        "figures": {
            side: {name: figures["verification"][name] for name in ("auc", "eer")}
            for side, figures in change.figures.items()
        },
        "live": {name: getattr(live, name) for name in ("compared", "agreed", "gained", "lost", "other")},
        "message": change.message,
    }
