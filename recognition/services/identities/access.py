"""Everything that is kept about one person, as one zip file that the person can read (GDPR, Articles 15 and 20)."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
from django.db.models import Q
from django.db.models.fields.files import FieldFile
from django.utils import timezone

from recognition.models import Decision, Identity, Invitation
from recognition.services import audit, recognition
from recognition.services.files import read_file
from recognition.services.identities import people, traces
from recognition.services.identities.merging import numbers_of
from recognition.services.wording import noted_text

README = """\
Everything that is kept about {name} ({external_id}), as of {now}.

person.json     name, ID, since when, and the account that belongs to the person
consents.json   to which text the person agreed, when, who took it, and when it was withdrawn; each text in full
photos.json     each enrolment photo: when it was added, whether it is used, what was measured in it
photos/         the photos as they are kept
crops/          the faces cut out of them, as the network sees them
invitations.csv links by which the person could enrol by themselves: when they were made, and what became of them
vectors.json    the numbers that were computed from each face, by which the person is recognised
decisions.csv   each time when the site took somebody for the person, or compared somebody with the person; in the
                last column what staff said of it since
attendance.csv  when the person came and went, as kiosks saw it
imports.csv     files that a program handed in for the person among others, and what became of them, while that is kept
pictures/       pictures taken at such a time, where they are kept and show nobody else
changes.csv     when staff changed something about the person

CSV files have commas and are in UTF-8, times are in UTC. Scores go from -1 to 1. What concerns other people is
left out.
"""
DECISION_COLUMNS = (
    "time",
    "kind",
    "outcome",
    "reason",
    "role",
    "score",
    "margin",
    "asked_by",
    "account",
    "corrected",
)

INVITATION_COLUMNS = ("made", "counts_until", "by_mail", "agreed", "photos", "declined", "revoked")
ATTENDANCE_COLUMNS = ("time", "kind", "kiosk", "place", "arrived")
IMPORT_COLUMNS = ("time", "kiosk", "path", "name", "result", "reason")


def open_access_copy(identity: Identity) -> IO[bytes]:
    """The zip in a file without a name, which is gone when the caller closes it."""
    file = TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    try:
        write_access_copy(identity, file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def write_access_copy(identity: Identity, file: IO[bytes]) -> None:
    """Write the zip into a binary file that can seek. Reads a photo at a time."""
    audit.record("export.person", kind="person", number=identity.pk, person=identity.pk)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        now = timezone.now()
        text = README.format(name=identity.name, external_id=identity.external_id, now=_time(now))
        archive.writestr("README.txt", text)
        _json(archive, "person.json", _person(identity))
        _json(archive, "consents.json", _consents(identity))
        _json(archive, "photos.json", list(_photos(identity)))
        _json(archive, "vectors.json", list(_vectors(identity)))
        for photo in identity.photos.order_by("pk").iterator(chunk_size=50):
            _file(archive, f"photos/{photo.pk}.jpg", photo.image)
            _file(archive, f"crops/{photo.pk}.jpg", photo.crop)
        _csv(archive, "invitations.csv", INVITATION_COLUMNS, _invitations(identity))
        _csv(archive, "decisions.csv", DECISION_COLUMNS, _decisions(identity))
        _csv(archive, "attendance.csv", ATTENDANCE_COLUMNS, _attendance(identity))
        _csv(archive, "imports.csv", IMPORT_COLUMNS, _imports(identity))
        for probe, picture in _pictures(identity):
            _file(archive, f"pictures/{probe}.jpg", picture)
        _csv(archive, "changes.csv", ("time", "what"), _changes(identity))


def _person(identity: Identity) -> dict[str, Any]:
    user = identity.user
    account = None
    if user is not None:
        account = {
            "user_name": user.get_username(),
            "name": user.get_full_name(),
            "email": user.email,
            "since": _time(user.date_joined),
            "last_sign_in": _time(user.last_login),
        }
    return {
        "name": identity.name,
        "external_id": identity.external_id,
        "status": identity.status,
        "enrolled_at": _time(identity.created_at),
        "changed_at": _time(identity.updated_at),
        "consent_withdrawn_at": _time(identity.withdrawn_at),
        "account": account,
    }


def _consents(identity: Identity) -> list[dict[str, Any]]:
    return [
        {
            "given_at": _time(consent.given_at),
            "how": consent.get_way_display(),
            "taken_by": consent.taken_by,
            "proof": consent.note,
            "withdrawn_at": _time(consent.withdrawn_at),
            "withdrawn_by": consent.withdrawn_by,
            "version": consent.text.version,
            "text": consent.text.text,
        }
        for consent in identity.consents.select_related("text")
    ]


def _photos(identity: Identity) -> Iterable[dict[str, Any]]:
    for photo in identity.photos.order_by("pk"):
        chosen = photo.chosen_face
        yield {
            "number": photo.pk,
            "file_name": photo.filename,
            "sha256_as_handed_in": photo.sha256,
            "width": photo.width,
            "height": photo.height,
            "state": photo.state,
            "reason": photo.reason,
            "accepted_by_staff": photo.accepted,
            "handed_in_by_a_link": photo.by_themselves,
            "found_by": photo.detector,
            # Boxes of other faces are other people's.
            "face": photo.faces[chosen] if chosen is not None and chosen < len(photo.faces) else None,
            "added_at": _time(photo.created_at),
            "looked_at": _time(photo.processed_at),
        }


def _vectors(identity: Identity) -> Iterable[dict[str, Any]]:
    for vector in identity.embeddings.select_related("model_version").order_by("pk"):
        yield {
            "model": vector.model_version.name,
            "photo": vector.photo_id,
            "imported_as": vector.source,
            "computed_at": _time(vector.created_at),
            "numbers": [round(float(number), 7) for number in np.asarray(vector.vector, np.float32)],
        }


def _attendance(identity: Identity) -> Iterable[tuple[object, ...]]:
    for row in identity.attendances.select_related("api_key").order_by("at", "pk"):
        yield _time(row.at), row.kind, row.api_key.name, row.place, _time(row.created_at)


def _imports(identity: Identity) -> Iterable[tuple[object, ...]]:
    """Without sentences: those may name who has the same file."""
    rows = people.rows_of_imports(*numbers_of(identity.pk)).select_related("job__api_key")
    for row in rows.order_by("job", "number"):
        kiosk = row.job.api_key.name if row.job.api_key else ""
        yield _time(row.job.created_at), kiosk, row.path, row.name, row.result, row.reason


def _invitations(identity: Identity) -> Iterable[tuple[object, ...]]:
    rows = Invitation.objects.filter(identity__in=numbers_of(identity.pk)).order_by("pk")
    for row in rows:
        ends = (row.agreed_at, row.used_at, row.declined_at, row.revoked_at)
        yield _time(row.created_at), _time(row.expires_at), row.mailed, *map(_time, ends)


def _decisions(identity: Identity) -> Iterable[tuple[object, ...]]:
    numbers = numbers_of(identity.pk)
    corrected = Decision.objects.filter(correction__identity__in=numbers)
    rows = (traces.decisions_about(*numbers) | corrected).order_by("pk")
    rows = rows.select_related("api_key", "user", "correction")
    for row in rows.iterator(chunk_size=1000):
        own = row.identity_id in numbers
        score = row.score if own else _score_among(row, numbers)
        yield (
            _time(row.created_at),
            row.kind,
            row.outcome,
            row.reason,
            "the person" if own else "compared with the person",
            score,
            row.margin if own else None,
            row.api_key.name if row.api_key else "",
            row.user.get_username() if own and row.user else "",
            _corrected(row, numbers),
        )


def _corrected(row: Decision, numbers: list[int]) -> str:
    """Without the names of others."""
    correction = row.corrected
    if correction is None:
        return ""
    return "it was the person" if correction.identity_id in numbers else "it was not the person"


def _score_among(row: Decision, numbers: list[int]) -> float | None:
    return next((one["score"] for one in row.candidates if one.get("identity") in numbers), None)


def _pictures(identity: Identity) -> Iterable[tuple[object, FieldFile]]:
    """Kept pictures in which nobody else was decided about, and which staff say show nobody else."""
    numbers = numbers_of(identity.pk)
    theirs = Q(correction__identity__in=numbers) | Q(correction=None, identity__in=numbers)
    seen = set()
    for number in numbers:
        for picture in recognition.probe_pictures_of(number):
            others = Decision.objects.filter(probe=picture.probe).exclude(theirs)
            if picture.pk not in seen and not others.exists():
                seen.add(picture.pk)
                yield picture.probe, picture.image


def _changes(identity: Identity) -> Iterable[tuple[object, ...]]:
    """Without who did it: that is the staff's data."""
    for entry in traces.admin_log_of(*numbers_of(identity.pk)).order_by("action_time"):
        yield _time(entry.action_time), noted_text(entry.get_change_message())


def _file(archive: zipfile.ZipFile, name: str, stored: FieldFile) -> None:
    """JPEG does not get smaller by packing. A file that was lost is left out."""
    if not stored:
        return
    try:
        archive.writestr(name, read_file(stored), zipfile.ZIP_STORED)
    except FileNotFoundError:
        return


def _json(archive: zipfile.ZipFile, name: str, content: object) -> None:
    archive.writestr(name, json.dumps(content, indent=1, ensure_ascii=False))


def _csv(
    archive: zipfile.ZipFile, name: str, columns: Iterable[str], rows: Iterable[tuple[object, ...]]
) -> None:
    """Written row by row: there may be hundreds of thousands of decisions."""
    with archive.open(name, "w") as raw, io.TextIOWrapper(raw, "utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None
