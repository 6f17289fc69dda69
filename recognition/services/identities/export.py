"""Writing people and their photos as a folder with a `data.csv` that `import_people` reads."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from django.utils import timezone

from recognition.models import Identity, Photo
from recognition.services import audit
from recognition.services.errors import Invalid
from recognition.services.identities.consents import consent_of

COLUMNS = ("person_id", "name", "path")
PHOTOS = "photos"


def export_people(
    folder: Path, *, with_photos: bool = True, on_person: Callable[[], None] = lambda: None
) -> tuple[int, int]:
    """Write ``data.csv`` (``person_id,name,path,consent``) and the photos that are ready; returns people and photos.

    consent: the day since which there is one in force, or nothing. A person without photos has one row with an empty
    path. Without photos only the CSV is written, with the paths that they would have. Raises Invalid when there is a
    data.csv already or the folder cannot be written.
    """
    audit.record("export.people", with_photos=with_photos)
    table = folder / "data.csv"
    if table.exists():
        raise Invalid("exists", f"{table} is already there. Choose an empty folder.")
    count = 0
    part = table.with_name("data.csv.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid("unwritable", f"{folder} cannot be made: {error.strerror}.") from None
    try:
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow((*COLUMNS, "consent"))
            people = Identity.objects.order_by("id")
            for identity in people.iterator(chunk_size=500):
                ready = list(identity.photos.filter(state=Photo.State.READY).exclude(image=""))
                paths = _paths(identity, ready)
                for photo, path in zip(ready, paths, strict=True):
                    if with_photos:
                        _copy(photo, folder / path)
                consent = consent_of(identity)
                agreed = f"{timezone.localdate(consent.given_at)}" if consent else ""
                for path in paths or [""]:
                    writer.writerow([identity.external_id, identity.name, path, agreed])
                count += len(ready)
                on_person()
        part.replace(table)
    except OSError as error:
        raise Invalid("unwritable", f"{folder} cannot be written: {error.strerror or error}.") from None
    finally:
        part.unlink(missing_ok=True)
    return Identity.objects.count(), count


def _paths(identity: Identity, ready: list[Photo]) -> list[str]:
    """A path under the folder for each photo: its own file name where that is free."""
    paths: list[str] = []
    taken: set[str] = set()
    for photo in ready:
        # Stored photos are JPEG whatever they were handed in as.
        stem = Path(photo.filename).stem[:60].strip(". ") or f"{photo.pk}"
        name = f"{stem}.jpg"
        if name.casefold() in taken:
            name = f"{stem}-{photo.pk}.jpg"
        taken.add(name.casefold())
        paths.append(f"{PHOTOS}/{_folder_name(identity)}/{name}")
    return paths


def _folder_name(identity: Identity) -> str:
    """The ID, unless the file system gives it a meaning of its own."""
    return f"_{identity.pk}" if set(identity.external_id) <= {"."} else identity.external_id


def _copy(photo: Photo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with photo.image.open("rb") as source:
        path.write_bytes(source.read())
