"""Building the gallery file from Postgres. One writer at a time; readers never wait for it."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from recognition.models import GalleryBuild, GalleryChange
from recognition.services.live_gallery import build_from_database, gallery_folder, last_change
from recognition.services.policies import active_model

log = logging.getLogger(__name__)

BUILD_LOCK = 7_261_002
KEEP = 2  # a process that has just read the row of a build must still find its file
STALE_AFTER = timedelta(minutes=5)


def rebuild_index() -> GalleryBuild | None:
    """Build the gallery of the active model anew and make it the one that processes start from.

    None when another process is already building.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [BUILD_LOCK])
            row = cursor.fetchone()
            if not row or not row[0]:
                return None
        return _build()


def _build() -> GalleryBuild:
    start = time.perf_counter()
    version = active_model()
    gallery = build_from_database(version)
    build = GalleryBuild.objects.create(
        model_version=version,
        change_number=gallery.change_number,
        identities=len(gallery),
        vectors=gallery.vector_count,
        file="",
        seconds=0.0,
    )
    gallery.generation = build.pk
    build.file = f"{version.name}-{build.pk}.gallery"
    folder = gallery_folder()
    folder.mkdir(parents=True, exist_ok=True)
    gallery.save(folder / build.file)
    build.seconds = round(time.perf_counter() - start, 3)
    build.save(update_fields=["file", "seconds"])
    _prune(build)
    return build


def _prune(build: GalleryBuild) -> None:
    builds = list(GalleryBuild.objects.order_by("-id"))
    kept = builds[:KEEP]
    for old in builds[KEEP:]:
        old.delete()
    GalleryChange.objects.filter(id__lt=min(b.change_number for b in kept)).delete()
    names = {b.file for b in kept}

    def remove_files() -> None:
        for path in gallery_folder().glob("*.gallery*"):
            if path.name.removesuffix(".part") not in names:
                path.unlink(missing_ok=True)

    transaction.on_commit(remove_files)


def rebuild_if_stale() -> GalleryBuild | None:
    """Build when there are changes that the last build lacks and it is older than five minutes, or there is none."""
    build = GalleryBuild.objects.filter(model_version=active_model()).first()
    if build is not None:
        unchanged = build.change_number >= last_change()
        if (unchanged and (gallery_folder() / build.file).exists()) or build.created_at > timezone.now() - STALE_AFTER:
            return None
    return rebuild_index()
