"""How the site stands at this moment: its servers, queues, workers, photos, gallery and model.

Read for `/metrics` each time it is asked for, in a few statements that stay quick with many people, and for `/readyz`.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily

from identity_site.celery import SWEPT, app
from identity_site.redis_state import refuses
from recognition.engine.types import EngineError
from recognition.models import GalleryBuild, ModelVersion, Photo
from recognition.services.errors import ServiceError
from recognition.services.gallery import last_change, live_gallery

logger = logging.getLogger(__name__)

QUEUES = ("default", "recognition")
PATIENCE = 1.0  # seconds for workers to answer; those that are there do so at once
OPEN_STATES = (Photo.State.WAITING, Photo.State.PROCESSING, Photo.State.REVIEW)

Gauge = GaugeMetricFamily


def gauges() -> Iterator[Gauge]:
    """Whatever cannot be asked is left out; ``identity_up`` says so."""
    up = Gauge("identity_up", "Whether a server that the site needs answers.", labels=["server"])
    for server, read in (("postgres", _of_postgres), ("redis", _of_redis)):
        try:
            found = list(read())
        except (DatabaseError, InterfaceError, redis.RedisError) as error:
            logger.warning("%s cannot be asked for metrics: %s", server, error)
            found = []
            up.add_metric([server], 0)
        else:
            up.add_metric([server], 1)
        yield from found
    yield up


def _of_postgres() -> Iterator[Gauge]:
    photos = Gauge("identity_photos", "Enrolment photos that are not done with, by state.", labels=["state"])
    oldest = Gauge(
        "identity_photos_oldest_seconds", "For how long the oldest photo is in this state.", labels=["state"]
    )
    now = timezone.now()
    for state in OPEN_STATES:
        rows = Photo.objects.filter(state=state).order_by("id")
        photos.add_metric([state], rows.count())
        first = rows.values_list("created_at", flat=True).first()
        oldest.add_metric([state], max(0.0, (now - first).total_seconds()) if first else 0.0)
    yield photos
    yield oldest
    version = ModelVersion.objects.filter(active=True).first()
    if version is None:
        return
    model = Gauge("identity_model_info", "The embedding model in use; 1.", labels=["name", "version"])
    model.add_metric([version.name, version.version], 1)
    yield model
    build = GalleryBuild.objects.filter(model_version=version).first()
    if build is not None:
        yield Gauge("identity_gallery_generation", "Number of the built gallery.", build.pk)
        yield Gauge("identity_gallery_people", "People in the built gallery.", build.identities)
        yield Gauge("identity_gallery_vectors", "Photo vectors in the built gallery.", build.vectors)
        yield Gauge("identity_gallery_build_seconds", "How long it took to build it.", build.seconds)
        age = max(0.0, (now - build.created_at).total_seconds())
        yield Gauge("identity_gallery_age_seconds", "For how long it is built.", age)
    behind = last_change() - (build.change_number if build else 0)
    yield Gauge(
        "identity_gallery_behind_changes",
        "Changes since it was built; they count all the same, from the memory of each process.",
        max(0, behind),
    )


def _of_redis() -> Iterator[Gauge]:
    length = Gauge("identity_queue_messages", "Tasks that wait for a worker.", labels=["queue"])
    oldest = Gauge(
        "identity_queue_oldest_seconds", "For how long the oldest of them waits.", labels=["queue"]
    )
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
        takes = Gauge("identity_redis_takes", "Whether Redis takes what it is given: 0 when it is full.")
        takes.add_metric([], 0 if refuses(client.info()) else 1)
        yield takes
        for queue in QUEUES:
            length.add_metric([queue], int(client.llen(queue)))  # type: ignore[arg-type]
            oldest.add_metric([queue], _waits(client.lindex(queue, -1)))
    yield length
    yield oldest
    swept = last_sweep()
    if swept is not None:
        yield Gauge(
            "identity_timetable_age_seconds", "For how long nothing was done by the timetable (beat).", swept
        )
    workers = Gauge(
        "identity_workers", "Workers that answer, by the queue that they serve.", labels=["queue"]
    )
    served = [queue["name"] for queues in _ask_workers().values() for queue in queues]
    for queue in QUEUES:
        workers.add_metric([queue], served.count(queue))
    yield workers


def last_sweep() -> float | None:
    """Seconds since the timetable had something done that comes up every minute; None where nothing is known.

    Raises RedisError.
    """
    at = cache.get(SWEPT)
    return None if at is None else max(0.0, time.time() - float(at))


def _waits(message: Any) -> float:
    """Since when the message waits, by its header."""
    try:
        return max(0.0, time.time() - float(json.loads(message)["headers"]["sent_at"]))
    except (TypeError, ValueError, KeyError):
        return 0.0


def _ask_workers() -> dict[str, list[dict[str, Any]]]:
    try:
        return app.control.inspect(timeout=PATIENCE).active_queues() or {}
    except Exception:  # whatever the transport raises, nobody was reached
        return {}


def readiness() -> dict[str, str]:
    """What this process needs to recognise somebody, each ``ok`` or what is wrong with it, in words for a log."""
    found = {"database": "ok", "recognition": "ok", "redis": "ok"}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        live_gallery.current()
    except (DatabaseError, InterfaceError):
        found["database"] = "does not answer"
        found["recognition"] = "needs the database"
    except (EngineError, ServiceError, OSError) as error:
        logger.error("not ready to recognise: %s", error)
        found["recognition"] = "the model or the gallery cannot be used; see `manage.py doctor`"
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            if reason := refuses(client.info()):
                found["redis"] = f"takes nothing, {reason}: nobody can sign in, photos are not processed"
    except redis.RedisError:
        found["redis"] = "does not answer: nobody can sign in, photos are not processed"
    return found
