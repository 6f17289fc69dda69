"""Caring for the keys of people: wrapped anew, kept apart from backups; and sealing files that are in the clear."""

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction
from django.utils.dateparse import parse_datetime

from recognition.models import Camera, DataKey, Identity, Photo, ProbePicture
from recognition.sealing import PURPOSE, WrongSiteKey, forget_all_keys, unwrap, wrap
from recognition.services.errors import Invalid
from recognition.services.files import reseal, reseal_picture
from recognition.site_keys import derived_keys, fingerprint

log = logging.getLogger(__name__)

BATCH = 1000
FILES_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class KeyState:
    """How many keys there are: wrapped by the site's key in use, by a former one, and by one that this site has not."""

    current: int
    former: int
    unreadable: int


def key_state() -> KeyState:
    names = [fingerprint(key) for key in derived_keys(PURPOSE)]
    current = DataKey.objects.filter(site_key=names[0]).count()
    former = DataKey.objects.filter(site_key__in=names[1:]).count()
    return KeyState(current, former, DataKey.objects.exclude(site_key__in=names).count())


def rotate_keys(on_key: Callable[[], object] = lambda: None) -> int:
    """Wrap every key of a person by the site's key in use; returns how many were wrapped by another one.

    Safe while the site runs, in several processes, and to be broken off: each key can be read before and after.
    Raises Invalid when there are keys that no key of this site opens; all others are done then.
    """
    name = fingerprint(derived_keys(PURPOSE)[0])
    done = unreadable = last = 0
    while rows := list(DataKey.objects.filter(pk__gt=last).exclude(site_key=name).order_by("pk")[:BATCH]):
        last = rows[-1].pk
        for row in rows:
            on_key()
            try:
                wrapped, site_key = wrap(unwrap(bytes(row.wrapped), row.site_key))
            except WrongSiteKey:
                unreadable += 1
                continue
            same = DataKey.objects.filter(pk=row.pk, site_key=row.site_key)
            done += same.update(wrapped=wrapped, site_key=site_key)
    for camera in Camera.objects.all():
        if camera.source:  # sealed anew; one that cannot be read stays as it is
            camera.save(update_fields=["source"])
    if unreadable:
        raise Invalid(
            "wrong_site_key",
            f"{done} keys were rotated. {unreadable} are wrapped by a key that this site does not have: name it in"
            " SITE_KEY_FALLBACKS, then run this again.",
        )
    return done


def seal_files(limit: int = FILES_AT_ONCE) -> int:
    """Seal photos and kept pictures from before there were keys; returns how many. Called until none is left."""
    photos = list(Photo.objects.filter(key=None).order_by("pk").values_list("pk", "identity")[:limit])
    for pk, owner in photos:
        with transaction.atomic():
            # People before their photos, as everybody locks them.
            Identity.objects.select_for_update(no_key=True).filter(pk=owner).first()
            photo = Photo.objects.select_for_update().filter(pk=pk, key=None, identity=owner).first()
            if photo is not None:
                reseal(photo)
    pictures = list(ProbePicture.objects.filter(key=None).values_list("pk", flat=True)[:limit])
    for pk in pictures:
        with transaction.atomic():
            picture = ProbePicture.objects.select_for_update().filter(pk=pk, key=None).first()
            if picture is not None:
                reseal_picture(picture)
    return len(photos) + len(pictures)


def export_keys(path: Path) -> int:
    """Write all keys, each wrapped by the site's key, to a file that is for its owner only; returns how many.

    The file replaces the former one, which is the point: keys of people who were erased since must not survive in it.
    """
    part = path.with_name(f"{path.name}.part")
    count = 0
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            for key in DataKey.objects.order_by("pk").iterator(chunk_size=BATCH):
                row = {
                    "number": key.pk,
                    "person": key.identity_id,
                    "wrapped": base64.b64encode(bytes(key.wrapped)).decode("ascii"),
                    "site_key": key.site_key,
                    "created_at": key.created_at.isoformat(),
                }
                file.write(json.dumps(row) + "\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise Invalid("unwritable", f"{path} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
    return count


def import_keys(path: Path) -> tuple[int, int]:
    """Bring keys of a file back after a backup was restored; returns how many were added, and how many are of people
    who are not in the database. Those that are there are left alone. Raises Invalid for a file that is none of keys.
    """
    try:
        with path.open(encoding="ascii") as file:
            rows = [_read_key(line) for line in file if line.strip()]
    except OSError as error:
        raise Invalid("unreadable", f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Invalid("no_keys", f"{path} is not a file that export_keys wrote.") from None
    added = gone = 0
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        people = set(
            Identity.objects.filter(pk__in=[row.identity_id for row in batch]).values_list("pk", flat=True)
        )
        fit = [row for row in batch if row.identity_id is None or row.identity_id in people]
        before = DataKey.objects.count()
        with transaction.atomic():
            DataKey.objects.bulk_create(fit, ignore_conflicts=True)
            _follow_numbers()
        added += DataKey.objects.count() - before
        gone += len(batch) - len(fit)
    forget_all_keys()
    return added, gone


def _read_key(line: str) -> DataKey:
    row = json.loads(line)
    created_at = parse_datetime(row["created_at"])
    person = row["person"]
    if created_at is None or not isinstance(row["site_key"], str):
        raise ValueError("no key")
    key = DataKey(
        pk=int(row["number"]),
        identity_id=None if person is None else int(person),
        wrapped=base64.b64decode(row["wrapped"], validate=True),
        site_key=row["site_key"][:16],
    )
    key.created_at = created_at
    return key


def _follow_numbers() -> None:
    """New keys get numbers after those that were brought back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('recognition_datakey', 'id'), greatest("
            "(SELECT max(id) FROM recognition_datakey),"
            " (SELECT last_value FROM recognition_datakey_id_seq)))"
            " WHERE EXISTS (SELECT FROM recognition_datakey)"
        )
