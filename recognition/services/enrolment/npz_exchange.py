"""Importing the original project's embeddings as people, and exporting people in the same form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from django.db import IntegrityError, connection, transaction

from recognition.engine.types import Floats
from recognition.models import Embedding, Identity, ModelVersion, Photo
from recognition.services import audit, identities
from recognition.services.analysis import active_model, hold_in_use
from recognition.services.enrolment import photos
from recognition.services.enrolment.examination import Finding, examine
from recognition.services.enrolment.importing import record_imported_consent
from recognition.services.enrolment.npz_file import NpzContent, read_npz, write_npz
from recognition.services.enrolment.preparing import PreparedPhoto, prepare_photo
from recognition.services.errors import Conflict, Invalid, ServiceError
from recognition.services.gallery import open_vectors, record_change

SOURCE_LENGTH = 255
EXPORT = """
    SELECT i.external_id, e.source, p.filename, p.id, e.vector, k.id, k.wrapped, k.site_key
    FROM recognition_embedding e
    JOIN recognition_identity i ON i.id = e.identity_id
    JOIN recognition_datakey k ON k.id = e.key_id
    LEFT JOIN recognition_photo p ON p.id = e.photo_id
    WHERE e.model_version_id = %s
    ORDER BY e.id
"""


@dataclass(slots=True)
class NpzReport:
    """What became of each embedding. rejected: rows of external_id, filename, reason and message."""

    people: int = 0
    imported: int = 0
    photos: int = 0
    skipped: int = 0
    normalised: int = 0
    rejected: list[dict[str, str]] = field(default_factory=list)
    without_photo: list[dict[str, str]] = field(default_factory=list)

    def reject(self, person: str, filename: str, reason: str, message: str) -> None:
        self.rejected.append(
            {"external_id": person, "filename": filename, "reason": reason, "message": message}
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "people": self.people,
            "imported": self.imported,
            "photos": self.photos,
            "skipped": self.skipped,
            "normalised": self.normalised,
            "rejected": self.rejected,
            "without_photo": self.without_photo,
            "reasons": dict(Counter(row["reason"] for row in self.rejected)),
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    filename: str
    vector: Floats
    photo: Path | None


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """A row with its photo read and looked at; these are None without a usable photo."""

    row: _Row
    prepared: PreparedPhoto | None = None
    finding: Finding | None = None


def import_npz(
    path: Path,
    *,
    folder: Path | None = None,
    names: Mapping[str, str] | None = None,
    version: ModelVersion | None = None,
    agreed_at: datetime | None = None,
    on_person: Callable[[], None] = lambda: None,
    on_plan: Callable[[int], None] = lambda total: None,
) -> NpzReport:
    """Make each class a person and each embedding one of its vectors, one transaction per person.

    folder: where the photos are that ``filenames`` name; they are attached, also to vectors of a former import that
    have none. names: class -> name of the person. version: which model made the embeddings, by default the one in
    use. agreed_at: when everybody agreed to the consent text. Running it again adds nothing.
    Raises Invalid when nothing of the file can be used.
    """
    version = version or active_model()
    if folder is not None and not folder.is_dir():
        raise Invalid("no_such_path", f"There is no folder {folder}.")
    content = read_npz(path, version.dimensions)
    report = NpzReport()
    classes = _by_class(content, folder, report)
    on_plan(len(classes))
    for external_id, rows in classes.items():
        ready = [_look_at(row) for row in rows]
        try:
            with transaction.atomic():
                counts = _import_person(external_id, ready, names or {}, version, agreed_at)
        except (ServiceError, IntegrityError) as error:
            code = error.code if isinstance(error, ServiceError) else "conflict"
            for row in rows:
                report.reject(external_id, row.filename, code, str(error))
        else:
            report.people += counts["people"]
            report.imported += counts["imported"]
            report.photos += counts["photos"]
            report.skipped += counts["skipped"]
            if folder is not None:
                report.without_photo += [
                    {"external_id": external_id, "filename": one.row.filename}
                    for one in ready
                    if one.prepared is None
                ]
        on_person()
    return report


def export_npz(path: Path, *, version: ModelVersion | None = None) -> tuple[int, int]:
    """Write the vectors of all people made by this model, suspended ones too; returns people and embeddings."""
    version = version or active_model()
    audit.record("export.vectors", kind="model", number=version.pk)
    with connection.cursor() as cursor:
        cursor.execute(EXPORT, [version.pk])
        rows = cursor.fetchall()
    found, vectors = open_vectors([row[4:] for row in rows], version.dimensions)
    rows = [row for row, good in zip(rows, found, strict=True) if good]
    classes = [row[0] for row in rows]
    filenames = [source or name or f"photo-{photo}.jpg" for _, source, name, photo, *_ in rows]
    write_npz(path, vectors, classes, filenames)
    return len(set(classes)), len(rows)


def _by_class(content: NpzContent, folder: Path | None, report: NpzReport) -> dict[str, list[_Row]]:
    """The usable rows of each class in the order of the file; others are reported."""
    lengths = np.linalg.norm(content.embeddings.astype(np.float64), axis=1)
    found: dict[str, list[_Row]] = {}
    seen: dict[tuple[str, str], Floats] = {}
    spoiled: set[str] = set()
    for name, filename, vector, length in zip(
        content.classes, content.filenames, content.embeddings, lengths, strict=True
    ):
        external_id = name.strip()
        problem = _problem(external_id, filename, length)
        if problem:
            report.reject(name, filename, *problem)
            continue
        before = seen.setdefault((external_id, filename), vector)
        if before is not vector:
            if not np.array_equal(before, vector):
                spoiled.add(external_id)
                message = "This file name is there twice for this person, with different embeddings."
                report.reject(external_id, filename, "duplicate", message)
            else:
                report.skipped += 1
            continue
        if abs(length - 1) > 1e-3:
            report.normalised += 1
        photo = _photo_path(folder, external_id, filename) if folder else None
        found.setdefault(external_id, []).append(_Row(filename, vector, photo))
    for external_id in spoiled:
        for row in found.pop(external_id):
            report.reject(
                external_id,
                row.filename,
                "person_refused",
                "Nothing of this person is imported; see the duplicate.",
            )
    return found


def _problem(external_id: str, filename: str, length: float) -> tuple[str, str] | None:
    if not external_id:
        return "no_person_id", "The class is empty."
    if not np.isfinite(length):
        return "not_finite", "The embedding holds a number that is not finite."
    if length < 1e-6:
        return "zero_vector", "The embedding is all zeros, so it points nowhere."
    if not filename or len(filename) > SOURCE_LENGTH:
        return "bad_filename", f"The file name is empty or longer than {SOURCE_LENGTH}."
    try:
        identities.refuse_what_is_no_text(class_name=external_id, file_name=filename)
    except Invalid as error:
        return "no_text", str(error)
    return None


def _look_at(row: _Row) -> _Ready:
    """Read the photo and find its face, outside of any transaction."""
    if row.photo is None:
        return _Ready(row)
    try:
        prepared, image = prepare_photo(row.photo.read_bytes(), row.photo.name)
    except (Invalid, OSError):
        return _Ready(row)
    finding = examine(image)
    finding.vector = None  # the imported one stays
    return _Ready(row, prepared, finding)


def _import_person(
    external_id: str,
    rows: list[_Ready],
    names: Mapping[str, str],
    version: ModelVersion,
    agreed_at: datetime | None,
) -> dict[str, int]:
    counts = {"people": 0, "imported": 0, "photos": 0, "skipped": 0}
    if version.active and not hold_in_use(version):
        raise Conflict("other_model", f"{version.name} is not the model in use any more.")
    # Locked before the change is recorded, as suspending, erasing and merging do.
    identity = Identity.objects.select_for_update(no_key=True).filter(external_id=external_id).first()
    if identity is None:
        name = names.get(external_id) or external_id.replace("_", " ")
        identity = identities.create_identity(name=name, external_id=external_id)
        counts["people"] = 1
    record_imported_consent(identity, agreed_at, by="import_npz")
    mine = Embedding.objects.filter(identity=identity, model_version=version)
    known = {embedding.source: embedding for embedding in mine.defer("vector")}
    digests = set(identity.photos.values_list("sha256", flat=True))
    if any(one.row.filename not in known for one in rows):
        identities.demand_consent(identity)
    for one in rows:
        there = known.get(one.row.filename)
        photo = None
        lacks_photo = there is None or there.photo_id is None
        if lacks_photo and one.prepared and one.finding and one.prepared.sha256 not in digests:
            digests.add(one.prepared.sha256)
            photo = _attach(one.prepared.as_row(identity), one.finding, version)
            counts["photos"] += 1
        if there is not None:
            counts["skipped"] += 1
            if photo:
                Embedding.objects.filter(pk=there.pk).update(photo=photo)
            continue
        Embedding.objects.create(
            identity=identity,
            photo=photo,
            model_version=version,
            vector=one.row.vector,
            source=one.row.filename,
        )
        counts["imported"] += 1
    if counts["imported"]:
        record_change(identity.pk)
    return counts


def _attach(photo: Photo, finding: Finding, version: ModelVersion) -> Photo:
    photos.save_finding(photo, finding, version)
    # The original project found a usable face in it, or there would be no embedding.
    photo.state, photo.reason = Photo.State.READY, ""
    photo.save(update_fields=["state", "reason"])
    return photo


def _photo_path(folder: Path, external_id: str, filename: str) -> Path | None:
    """The photo under the folder that the file name means: as it is written, in the person's folder, or by its end."""
    parts = [
        part for part in PurePosixPath(filename.replace("\\", "/")).parts if part not in ("/", "..", ".")
    ]
    tries = [parts[start:] for start in range(len(parts))]
    tries.append([external_id, *parts[-1:]])
    for attempt in tries:
        path = folder.joinpath(*attempt)
        if attempt and path.is_file():
            return path
    return None
