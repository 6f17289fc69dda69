"""Erasing a person while one of the photos is being processed."""

from __future__ import annotations

from threading import Event, Thread

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection

from accounts.models import User
from recognition.models import Embedding, Identity, Photo, StoredFile
from recognition.services.enrolment import photos
from recognition.services.identities import erasure, merging, people
from tests.accounts.conftest import fresh_state  # noqa: F401
from tests.fakes import person_jpeg


@pytest.mark.django_db(transaction=True)
def test_neither_waits_for_the_other_for_ever(monkeypatch):
    identity = people.create_identity(name="Ann")
    photo = photos.add_photo(identity=identity, data=person_jpeg(3))
    writing, erasing = Event(), Event()
    errors: list[Exception] = []
    real = photos.save_finding

    def slow(*args, **kwargs):
        writing.set()
        erasing.wait(5)
        return real(*args, **kwargs)

    def process() -> None:
        try:
            photos.process_photos([photo.pk])
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    def let_the_worker_go_on() -> None:
        _wait_until_somebody_waits_for_a_lock()
        erasing.set()
        connection.close()

    monkeypatch.setattr(photos, "save_finding", slow)
    threads = [Thread(target=process), Thread(target=let_the_worker_go_on)]
    threads[0].start()
    assert writing.wait(10)
    threads[1].start()
    erasure.erase(identity)
    for thread in threads:
        thread.join(20)
    assert errors == []
    for model in (Identity, Photo, Embedding, StoredFile):
        assert not model.objects.exists()


def _wait_until_somebody_waits_for_a_lock() -> None:
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone()[0]:
                return
            cursor.execute("SELECT pg_sleep(0.05)")


@pytest.mark.django_db
def test_the_log_of_the_admin_forgets_the_name_and_keeps_who_did_what():
    clerk = User.objects.create_user("clerk")
    ann = people.create_identity(name="Ann")
    photo = photos.add_photo(identity=ann, data=person_jpeg(3), filename="ann.jpg")
    for row in (ann, photo, clerk):
        LogEntry.objects.log_actions(clerk.pk, [row], CHANGE, single_object=True)
    erasure.erase(ann)
    texts = list(LogEntry.objects.order_by("pk").values_list("object_repr", "user__username"))
    assert texts == [(f"erased person {ann.pk}", "clerk"), (str(photo), "clerk"), ("clerk", "clerk")]


@pytest.mark.django_db
def test_it_forgets_the_name_of_who_was_merged_into_the_person_too():
    clerk = User.objects.create_user("clerk")
    ann, anna = people.create_identity(name="Ann"), people.create_identity(name="Anna")
    LogEntry.objects.log_actions(clerk.pk, [anna], CHANGE, single_object=True)
    merging.merge(into=ann, other=anna)
    assert LogEntry.objects.get().object_repr == "Anna (" + anna.external_id + ")"
    erasure.erase(ann)
    assert LogEntry.objects.get().object_repr == f"erased person {anna.pk}"
