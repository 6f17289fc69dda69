"""What is left of an erased person, or came back with a backup that was restored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from recognition.models import Attendance, DataKey, Decision, Embedding, Erasure, Identity, Photo
from recognition.services.gallery import files_from_before, live_gallery
from recognition.services.identities.people import ERASED
from recognition.services.identities.receipts import Receipt, read_receipt, receipts_folder


@dataclass(frozen=True, slots=True)
class Trace:
    """Something of an erased person that is here. note: why it is no failure of the erasure, where it is none."""

    kind: str
    count: int
    note: str = ""


def decisions_about(*numbers: int) -> QuerySet[Decision]:
    """Decisions that name the person of these numbers, as who was recognised or among the candidates."""
    named = Q(identity__in=numbers)
    for number in numbers:
        named |= Q(candidates__contains=[{"identity": number}])
    return Decision.objects.filter(named)


def admin_log_of(*numbers: int) -> QuerySet[LogEntry]:
    return LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Identity),
        object_id__in=[str(number) for number in numbers],
    )


def person_of(receipt: Receipt) -> Identity | None:
    """The erased person, when a restored backup brought them back. Somebody enrolled later may have the same number."""
    person = receipt["person"]
    return Identity.objects.filter(
        pk=person["number"], created_at=datetime.fromisoformat(person["enrolled_at"])
    ).first()


def traces_of(receipt: Receipt) -> list[Trace]:
    """Everything here that the receipt, whose signature was checked, says was erased; empty when nothing is.

    What was added since counts for nothing: the same person may have been enrolled again.
    """
    pk = int(receipt["person"]["number"])
    numbers = [pk, *receipt["person"].get("merged", ())]
    until = datetime.fromisoformat(receipt["erased_at"])
    person = person_of(receipt)
    photos = [row["number"] for row in receipt["photos"]]
    digests = [row["handed_in_sha256"] for row in receipt["photos"]]
    vectors = [row["number"] for row in receipt["vectors"]]
    before = Photo.objects.filter(created_at__lte=until)
    found: dict[str, int] = {
        "the person": int(person is not None),
        "photos": before.filter(pk__in=photos, identity__in=numbers).count(),
        "files": sum(default_storage.exists(row["name"]) for row in receipt["files"]),
        "vectors": Embedding.objects.filter(
            pk__in=vectors, identity__in=numbers, created_at__lte=until
        ).count(),
        "keys": DataKey.objects.filter(identity__in=numbers, created_at__lte=until).count(),
        "attendance": Attendance.objects.filter(identity=pk, created_at__lte=until).count(),
        "decisions that name the person": decisions_about(*numbers).filter(created_at__lte=until).count(),
        "entries of the admin's log with the name": admin_log_of(*numbers)
        .filter(action_time__lte=until)
        .exclude(object_repr__in=[ERASED.format(number) for number in numbers])
        .count(),
        "the gallery in memory": int(
            not Identity.objects.filter(pk=pk).exists() and pk in live_gallery.current()
        ),
    }
    traces = [Trace(kind, count) for kind, count in found.items() if count]
    if shared := before.filter(sha256__in=digests).exclude(identity=pk).count():
        traces.append(
            Trace("photos of other people from the same files", shared, gettext("look at them in the admin"))
        )
    if old := files_from_before(int(receipt["change_number"])):
        traces.append(
            Trace(
                "gallery files from before",
                len(old),
                gettext("they go by themselves within a quarter of an hour"),
            )
        )
    return traces


def known_receipts() -> list[Receipt]:
    """The receipts of this database and of the data folder, each once. Raises Invalid for a damaged file."""
    found: dict[str, Receipt] = {}
    for receipt in Erasure.objects.order_by("pk").values_list("receipt", flat=True).iterator():
        found[receipt["signature"]] = receipt
    for path in sorted(receipts_folder().glob("*.json")):
        receipt = read_receipt(path)
        found.setdefault(receipt["signature"], receipt)
    return list(found.values())
