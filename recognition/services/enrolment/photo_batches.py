"""Waiting photos in batches, for a GPU: claimed, decoded in threads and looked at together, stored one by one."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from django.db import DatabaseError

from recognition.engine import images
from recognition.engine.types import EngineError, Image, ImageError
from recognition.models import ModelVersion, Photo
from recognition.services.enrolment.claims import claim, put_back
from recognition.services.enrolment.examination import Finding, Said, examine_many
from recognition.services.files import read_file

log = logging.getLogger(__name__)

BATCH = 32  # photos in memory at once, 12 MB each at most
THREADS = 4  # that decode; they leave the GPU's own thread alone


def process(
    photo_ids: Sequence[int],
    version: ModelVersion,
    *,
    alone: Callable[[Photo, ModelVersion], bool],
    store: Callable[[Photo, Finding, ModelVersion], None],
) -> int:
    """As `photos.process_photos`, which gives ``alone`` to process one claimed photo and ``store`` to write it down.

    The last batch is filled up with photos that wait for other tasks, which then find them done. Photos that were tried
    before go alone, after the others: one that kills the worker takes an attempt from those in
    its batch, and only once.
    """
    rows = Photo.objects.filter(pk__in=photo_ids, attempts__gt=0)
    tried = set(rows.values_list("pk", flat=True))
    fresh = [pk for pk in photo_ids if pk not in tried]
    if missing := -len(fresh) % BATCH:
        waiting = Photo.objects.filter(state=Photo.State.WAITING, attempts=0).exclude(pk__in=photo_ids)
        fresh += waiting.order_by("pk").values_list("pk", flat=True)[:missing]
    done = 0
    for start in range(0, len(fresh), BATCH):
        done += _together(fresh[start : start + BATCH], version, alone, store)
    claimed = (claim(pk) for pk in photo_ids if pk in tried)
    return done + sum(alone(photo, version) for photo in claimed if photo is not None)


def _together(
    photo_ids: Sequence[int],
    version: ModelVersion,
    alone: Callable[[Photo, ModelVersion], bool],
    store: Callable[[Photo, Finding, ModelVersion], None],
) -> int:
    claimed = [photo for pk in photo_ids if (photo := claim(pk)) is not None]
    left = deque(claimed)
    done = 0
    try:
        findings = _look(claimed, version)
        for finding in findings:
            photo = left[0] if finding is None else left.popleft()
            if finding is None:
                done += alone(photo, version)
                left.popleft()
            else:
                store(photo, finding, version)
                done += 1
    except DatabaseError:
        raise
    except Exception:
        for photo in left:  # they are not to blame
            put_back(photo)
        raise
    return done


def _look(photos: Sequence[Photo], version: ModelVersion) -> list[Finding | None]:
    """What was found in each photo; None where that has to be found out alone, to see which of them is to blame."""
    read = [_bytes(photo) for photo in photos]
    with ThreadPoolExecutor(THREADS, thread_name_prefix="decode") as pool:
        decoded = list(pool.map(_decoded, read))
    findings: list[Finding | None] = [one if isinstance(one, Finding) else None for one in decoded]
    pictures = [(n, one) for n, one in enumerate(decoded) if one is not None and not isinstance(one, Finding)]
    said = [said_of(photos[n]) for n, _ in pictures]
    try:
        found = examine_many([image for _, image in pictures], said, version=version)
    except (EngineError, DatabaseError):
        raise
    except Exception:
        log.exception("%s photos could not be processed together; each is tried alone", len(pictures))
        return findings
    for (n, _), finding in zip(pictures, found, strict=True):
        findings[n] = finding
    return findings


def said_of(photo: Photo) -> Said:
    """What staff said of the photo before."""
    chosen = photo.chosen_face is not None and photo.chosen_face < len(photo.faces)
    return Said(photo.faces[photo.chosen_face]["box"] if chosen else None, photo.accepted)


def _bytes(photo: Photo) -> bytes | Finding | None:
    """Read here and not in the threads, which would each need a database connection. None: see `_look`."""
    try:
        return read_file(photo.image)
    except FileNotFoundError:
        return Finding(reason="unreadable")
    except DatabaseError:
        raise
    except Exception:
        return None


def _decoded(data: bytes | Finding | None) -> Image | Finding | None:
    try:
        return images.decode(data) if isinstance(data, bytes) else data
    except ImageError:
        return Finding(reason="unreadable")
    except Exception:
        return None
