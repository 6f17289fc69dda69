"""Building the gallery file from Postgres. One writer at a time; readers never wait for it."""

from __future__ import annotations

import logging
import re
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from recognition.engine.gallery_file import GalleryFile
from recognition.engine.types import GalleryError
from recognition.models import GalleryBuild, GalleryChange, ModelChange, ModelVersion
from recognition.services.analysis import active_model
from recognition.services.clock import recent
from recognition.services.gallery.live import AnyGallery, build_from_database, check_folder, gallery_folder
from recognition.services.gallery.log import last_change
from recognition.services.gallery.store import elsewhere
from recognition.services.gallery.stored import StoredGallery

log = logging.getLogger(__name__)

BUILD_LOCK = 7_261_002
KEEP = 2  # a process that has just read the row of a build must still find its file
STALE_AFTER = timedelta(minutes=5)
MANY_CHANGES, MANY_AFTER = 1_000, timedelta(minutes=1)
RESTS = 3  # times as long as a build takes
CHECK_SECONDS = 600.0
_checked: dict[Path, float] = {}  # when this process read a whole file last
# Former builds still hold the vectors of people who were erased since.
FORMER_KEPT = timedelta(minutes=10)


def rebuild_index(version: ModelVersion | None = None, *, anew: bool = True) -> GalleryBuild | None:
    """Build the gallery of a model, by default the active one, anew; processes start from it.

    anew: a store outside this process is written from the beginning, too, instead of being brought up to date.
    None when another process is already building. Raises GalleryError when that store cannot be written.
    """
    with transaction.atomic():
        return _build(version or active_model(), anew=anew) if _sole_writer() else None


def rebuild_if_stale() -> GalleryBuild | None:
    """Build when there is no file, or it lacks changes and is older than five minutes.

    Returns the build of the model in use, None when there was no need for one.
    """
    versions = _served()
    built = [_rebuild_if_stale(version) for version in versions]
    if not any(built):
        drop_former_builds()
    if elsewhere():
        for version in versions:
            StoredGallery(version).store.tend()
    return built[0]


def _rebuild_if_stale(version: ModelVersion) -> GalleryBuild | None:
    build = GalleryBuild.objects.filter(model_version=version).first()
    if build is None or not _whole(build):
        return rebuild_index(version)
    changes = last_change() - build.change_number
    wait = STALE_AFTER if changes < MANY_CHANGES else MANY_AFTER
    # A large gallery is not built all the time.
    wait = max(wait, RESTS * timedelta(seconds=build.seconds))
    if not changes or recent(build.created_at, wait):
        return None
    return rebuild_index(version, anew=False)


def _whole(build: GalleryBuild) -> bool:
    """Whether the file is there; now and then, whether every byte of it is what was written."""
    if bool(build.file) == elsewhere():
        return False  # it is of another GALLERY_BACKEND
    if not build.file:
        return True
    path = gallery_folder() / build.file
    if time.monotonic() - _checked.get(path, -CHECK_SECONDS) < CHECK_SECONDS:
        return path.exists()
    version = build.model_version
    try:
        GalleryFile.open(path, dimensions=version.dimensions, model=version.name).check()
    except FileNotFoundError:
        return False
    except (OSError, GalleryError) as error:
        log.error("gallery file %s is damaged (%s), building it anew", build.file, error)
        return False
    _checked.clear()
    _checked[path] = time.monotonic()
    return True


def _served() -> list[ModelVersion]:
    """The model in use, and the one to come while it decides in the shadow."""
    change = ModelChange.objects.select_related("target").filter(state=ModelChange.State.SHADOW).first()
    return [active_model()] + ([change.target] if change else [])


def drop_former_builds() -> None:
    """Remove builds that were replaced some time ago, with their files."""
    with transaction.atomic():
        if _sole_writer():
            newest = [build for version in _served() if (build := _newest(version)) is not None]
            others = GalleryBuild.objects.exclude(pk__in=[build.pk for build in newest])
            if newest and others.exists() and not any(recent(b.created_at, FORMER_KEPT) for b in newest):
                _keep(newest)


def files_from_before(change_number: int) -> list[str]:
    """Gallery files on this host that lack this change. `rebuild_if_stale`, called every minute, replaces them within
    a quarter of an hour."""
    builds = GalleryBuild.objects.filter(change_number__lt=change_number).values_list("file", flat=True)
    return [name for name in builds if (gallery_folder() / name).exists()]


def _newest(version: ModelVersion) -> GalleryBuild | None:
    return GalleryBuild.objects.filter(model_version=version).first()


def _sole_writer() -> bool:
    """Take the right to write until the end of the transaction; False when another process has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [BUILD_LOCK])
        return bool(cursor.fetchone()[0])


def _build(version: ModelVersion, *, anew: bool) -> GalleryBuild:
    start = time.perf_counter()
    build = GalleryBuild.objects.create(
        model_version=version, change_number=0, identities=0, vectors=0, file="", seconds=0.0
    )
    gallery: AnyGallery
    if elsewhere():
        gallery = StoredGallery(version)
        build.change_number = gallery.fill(anew=anew).number
    else:
        build.file = f"{build.pk}.gallery"
        folder = gallery_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_folder(folder)
        gallery = build_from_database(version, folder / build.file, build.pk)
        build.change_number = gallery.change_number
    build.identities, build.vectors = len(gallery), gallery.vector_count
    build.seconds = round(time.perf_counter() - start, 3)
    build.save()
    versions = {v.pk: v for v in [version, *_served()]}
    _keep([b for v in versions.values() for b in GalleryBuild.objects.filter(model_version=v)[:KEEP]])
    return build


def _keep(kept: list[GalleryBuild]) -> None:
    """Forget all other builds, their files, and the part of the log that is in all of the kept ones."""
    GalleryBuild.objects.exclude(pk__in=[build.pk for build in kept]).delete()
    GalleryChange.objects.filter(id__lt=min(build.change_number for build in kept)).delete()
    names = {build.file for build in kept}
    transaction.on_commit(partial(_remove_files, names, max(build.pk for build in kept)))


def _remove_files(kept: set[str], newest: int) -> None:
    """Remove gallery files that no row names. Those after ``newest`` are being written by the next writer."""
    before = Path(settings.DATA_DIR) / "gallery"  # where former versions left them, on a disk
    if before != gallery_folder():
        for path in before.glob("*.gallery*"):
            path.unlink(missing_ok=True)
    for path in gallery_folder().glob("*.gallery*"):
        number = re.search(r"(\d+)\.gallery(\.part)?$", path.name)
        if path.name not in kept and (number is None or int(number[1]) <= newest):
            path.unlink(missing_ok=True)
