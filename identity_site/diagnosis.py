"""What `manage.py doctor` looks at. Every finding that is not fine says what to do.

Nothing here changes anything.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from identity_site.celery import app
from identity_site.hints import manage
from identity_site.model_findings import ERROR, OK, WARNING, detector_in_use, device, model_in_use, models
from identity_site.redis_state import may_drop, refuses
from identity_site.standing import last_sweep
from recognition.checks import LOCAL_HOSTS
from recognition.engine.types import GalleryError

TIMETABLE_SECONDS = 600
QUEUES = {"recognition", "default"}
START = f"Start the site with `make run` (or `{manage('up')}`)."


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    state: str
    summary: str
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def diagnose(names: Iterable[str] | None = None) -> list[Finding]:
    """The findings of all checks, or of those named."""
    findings: list[Finding] = []
    for name in CHECKS if names is None else names:
        try:
            findings += [Finding(name, *result) for result in CHECKS[name]()]
        except DatabaseError as error:
            advice = "Mend the database first." if name != "database" else _database_advice()
            findings.append(Finding(name, ERROR, _first_line(error), advice))
    return findings


def _database_advice() -> str:
    return "Check DATABASE_URL, and that PostgreSQL runs and lets this user in."


def database() -> Iterator[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        server = cursor.fetchone()[0]
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        vector = cursor.fetchone()
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    yield OK, f"PostgreSQL {server}"
    if vector:
        yield OK, f"pgvector {vector[0]}"
    elif not missing:
        yield ERROR, "the extension pgvector is missing", "As a superuser: CREATE EXTENSION vector;"
    if missing:
        yield ERROR, f"{len(missing)} migrations are not applied", f"Run `{manage('migrate')}`."
    else:
        yield OK, "all migrations are applied"


def redis_server() -> Iterator[tuple[str, ...]]:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5) as client:
            info: Any = client.info()
            waiting = {queue: int(client.llen(queue)) for queue in sorted(QUEUES)}  # type: ignore[arg-type]
    except redis.RedisError as error:
        yield ERROR, f"Redis does not answer ({_first_line(error)})", "Check REDIS_URL, and that Redis runs."
        return
    yield OK, f"Redis {info['redis_version']}, {info['used_memory_human']} used"
    if reason := refuses(info):
        yield (
            ERROR,
            f"Redis takes nothing: {reason}. Nobody can sign in; photos wait in Postgres",
            "Raise maxmemory or make room on its disk. The photos are found again by themselves.",
        )
    if may_drop(info):
        yield WARNING, "Redis throws tasks away when its memory is full", "Set maxmemory-policy noeviction."
    tasks = ", ".join(f"{count} in {queue}" for queue, count in waiting.items())
    yield OK, f"waiting tasks: {tasks}"


def worker() -> Iterator[tuple[str, ...]]:
    try:
        queues = app.control.inspect(timeout=2).active_queues() or {}
    except Exception as error:  # whatever the transport raises, no worker was reached
        yield ERROR, f"the workers cannot be asked ({_first_line(error)})", "Mend Redis first."
        return
    if not queues:
        yield ERROR, "no worker answers: photos stay in the state waiting", START
        return
    yield OK, f"workers: {', '.join(sorted(queues))}"
    served = {queue["name"] for found in queues.values() for queue in found}
    try:
        swept = last_sweep()
    except redis.RedisError:
        swept = None  # which the check of Redis tells
    if swept is not None and swept > TIMETABLE_SECONDS:
        yield (
            ERROR,
            f"the timetable stands still since {_ago(swept)}: what got lost is not found again",
            "Start beat: the worker of `up` has it, or celery -A identity_site beat, once for the whole site.",
        )
    for name in sorted(QUEUES - served):
        yield ERROR, f"no worker serves the queue {name}", f"celery -A identity_site worker --queues {name}"


def keys() -> Iterator[tuple[str, ...]]:
    from recognition.services.data_keys import key_state

    state = key_state()
    if state.unreadable:
        yield (
            ERROR,
            f"{state.unreadable} keys of people cannot be opened: their photos and vectors cannot be read",
            "Bring back the SITE_KEY (or the file site_key of the data folder) with which they were enrolled.",
        )
    if state.former:
        yield (
            WARNING,
            f"{state.former} keys are wrapped by a former site key",
            f"Run `{manage('rotate_keys')}`.",
        )
    yield OK, f"{state.current} keys of people, wrapped by the site's key"
    if settings.GALLERY_DIR.is_relative_to(settings.DATA_DIR):
        yield WARNING, "the gallery file is on a disk, in the clear", "Set GALLERY_DIR to a folder in memory."


def index() -> Iterator[tuple[str, ...]]:
    from recognition.engine.gallery import Gallery
    from recognition.models import GalleryBuild, Identity, ModelVersion
    from recognition.services.gallery import elsewhere, gallery_folder, last_change

    rebuild = f"Run `{manage('rebuild_index')}`; until then each process reads Postgres when it starts."
    version = ModelVersion.objects.filter(active=True).first()
    if version is None:
        yield OK, "nobody is enrolled yet"
        return
    people = (
        Identity.objects.filter(status=Identity.Status.ACTIVE, embeddings__model_version=version)
        .distinct()
        .count()
    )
    if elsewhere():
        yield from _gallery_elsewhere(people)
        return
    build = GalleryBuild.objects.filter(model_version=version).first()
    if build is None:
        state = (WARNING, rebuild) if people else (OK, "")
        yield state[0], f"never built; {people} people in Postgres", state[1]
        return
    try:
        gallery = Gallery.load(
            gallery_folder() / build.file, dimensions=version.dimensions, model=version.name
        )
    except (OSError, GalleryError) as error:
        yield ERROR, f"the file {build.file} cannot be used ({_first_line(error)})", rebuild
        return
    age = timezone.now() - build.created_at
    behind = last_change() - build.change_number
    yield OK, f"{len(gallery)} people, built {_ago(age.total_seconds())} ago, {behind} changes since"
    if behind <= 0 and len(gallery) != people:
        yield ERROR, f"the file has {len(gallery)} people, Postgres {people}", rebuild
    if behind > 0 and age.total_seconds() > 1800:
        yield WARNING, "the file is not being renewed", f"The worker does that. {START}"


def _gallery_elsewhere(people: int) -> Iterator[tuple[str, ...]]:
    from recognition.services.gallery import live_gallery

    try:
        held = len(live_gallery.current())
    except GalleryError as error:
        yield (
            ERROR,
            f"{settings.GALLERY_BACKEND}: {_first_line(error)}",
            "Nobody is recognised until it answers.",
        )
        return
    yield OK, f"{held} people in {settings.GALLERY_BACKEND}"
    if held != people:
        yield (
            ERROR,
            f"Postgres has {people} people",
            f"Run `{manage('rebuild_index')}`, which fills the store anew.",
        )


def disk() -> Iterator[tuple[str, ...]]:
    folder = settings.DATA_DIR if settings.DATA_DIR.exists() else settings.BASE_DIR
    free = shutil.disk_usage(folder).free / 1e9
    state = ERROR if free < 0.5 else WARNING if free < 3 else OK
    yield (
        state,
        f"{free:.1f} GB free at {folder}",
        "Make room, or move IDENTITY_DATA_DIR." if state != OK else "",
    )


def camera() -> Iterator[tuple[str, ...]]:
    remote = sorted(set(settings.ALLOWED_HOSTS) - LOCAL_HOSTS)
    if remote and not settings.HTTPS_ONLY:
        yield (
            WARNING,
            f"browsers give no camera to http://{remote[0].lstrip('.')}",
            "Put https in front and set HTTPS_ONLY=true. Only localhost works without.",
        )
    else:
        yield OK, "https" if settings.HTTPS_ONLY else "http, which browsers allow on localhost only"


def _ago(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} seconds"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


CHECKS: dict[str, Callable[[], Iterator[tuple[str, ...]]]] = {
    "database": database,
    "redis": redis_server,
    "worker": worker,
    "models": models,
    "device": device,
    "in use": model_in_use,
    "detector": detector_in_use,
    "keys": keys,
    "index": index,
    "disk": disk,
    "camera": camera,
}
