"""Handing work to the workers: after the commit, and never at the cost of the one who asks."""

from __future__ import annotations

import time

import pytest
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from recognition import tasks
from recognition.models import Photo
from recognition.services import queue
from recognition.services.enrolment import photos
from recognition.services.identities import people
from tests.fakes import person_jpeg


@pytest.fixture(autouse=True)
def reachable(monkeypatch):
    monkeypatch.setattr(queue, "_unreachable_until", 0.0)


@pytest.fixture
def sent(monkeypatch):
    messages = []
    monkeypatch.setattr(
        current_app, "send_task", lambda name, args, **how: messages.append((name, list(args)))
    )
    return messages


@pytest.mark.django_db(transaction=True)
class TestEnqueue:
    def test_after_the_commit(self, sent):
        with transaction.atomic():
            queue.enqueue(queue.PROCESS_PHOTOS, [1, 2])
            assert sent == []
        assert sent == [("recognition.process_photos", [[1, 2]])]

    def test_not_after_a_rollback(self, sent):
        with transaction.atomic():
            queue.enqueue(queue.PROCESS_PHOTOS, [1])
            transaction.set_rollback(True)
        assert sent == []

    def test_at_once_without_a_transaction(self, sent):
        queue.enqueue(queue.REBUILD_INDEX)
        assert sent == [("recognition.rebuild_index", [])]

    def test_what_a_sweep_sends_is_dropped_when_nobody_takes_it(self, monkeypatch):
        options = []
        monkeypatch.setattr(current_app, "send_task", lambda name, args, **how: options.append(how))
        queue.enqueue(queue.EVALUATE, 1)
        queue.enqueue_again(queue.EVALUATE, 1)
        assert ["expires" in how for how in options] == [False, True]

    def test_a_broker_that_is_down_costs_one_attempt_per_pause(self, monkeypatch, caplog):
        monkeypatch.setattr(queue, "PAUSE_SECONDS", 600.0)
        attempts = []

        def down(*args, **kwargs):
            attempts.append(1)
            raise OperationalError("no broker")

        monkeypatch.setattr(current_app, "send_task", down)
        ann = people.create_identity(name="Ann")
        for variant in range(5):
            photos.add_photo(identity=ann, data=person_jpeg(1, variant=variant))
        assert len(attempts) == 1
        assert caplog.text.count("unreachable") == 1
        assert Photo.objects.filter(state="waiting").count() == 5
        monkeypatch.setattr(queue, "_unreachable_until", time.monotonic() - 1)
        queue.enqueue(queue.REBUILD_INDEX)
        assert len(attempts) == 2


@pytest.mark.faults
def test_a_broker_that_is_really_down(monkeypatch):
    monkeypatch.setattr(current_app, "send_task", _to_nowhere())
    start = time.monotonic()
    for _ in range(20):
        queue._send(queue.REBUILD_INDEX, ())
    assert time.monotonic() - start < 15


def _to_nowhere():
    from kombu import Connection

    real = current_app.send_task

    def send(name, **how):
        with Connection("redis://127.0.0.1:1/0", connect_timeout=1) as connection:
            return real(name, connection=connection, **how)

    return send


def test_names_are_those_of_the_tasks():
    names = {queue.PROCESS_PHOTOS, queue.REBUILD_INDEX, queue.EVALUATE}
    assert names <= set(current_app.tasks)
    assert tasks.process_photos.name == queue.PROCESS_PHOTOS


def test_every_scheduled_task_exists(settings):
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled <= set(current_app.tasks)


def test_photos_go_to_the_workers_that_may_have_a_gpu():
    router = current_app.amqp.router
    assert router.route({}, queue.PROCESS_PHOTOS)["queue"].name == "recognition"
    assert router.route({}, queue.REBUILD_INDEX)["queue"].name == "default"
