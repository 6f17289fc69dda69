"""The state of the site at a glance."""

from __future__ import annotations

from unittest import mock

import pytest
from celery import current_app
from kombu.exceptions import OperationalError

from recognition.services import overview
from recognition.services.enrolment import photos
from recognition.services.gallery import index
from recognition.services.identities import people
from tests.fakes import person_jpeg, wall_jpeg


def answers(reply=None, error: Exception | None = None):
    inspect = mock.Mock()
    inspect.return_value.ping.return_value = reply
    inspect.side_effect = error
    return mock.patch.object(current_app.control, "inspect", inspect)


@pytest.mark.parametrize(
    ("reply", "there"), [({"worker@vm": {"ok": "pong"}}, True), (None, False), ({}, False)]
)
def test_whether_a_worker_is_there(reply, there, monkeypatch):
    monkeypatch.setattr(overview, "WORKER_KNOWN", 600)
    with answers(reply) as ask:
        assert overview.worker_answers() is there
        assert overview.worker_answers() is there
    assert ask.call_count == 1  # the second answer is the remembered one


@pytest.mark.parametrize("error", [OSError(), OperationalError(), ConnectionError()])
def test_a_broker_that_is_down_is_no_worker(error):
    with answers(error=error):
        assert overview.worker_answers() is False


def test_counts(enrol):
    ann = enrol(3, account=False)
    people.suspend(enrol(5, account=False))
    people.create_identity(name="Bare")
    rejected = photos.add_photo(identity=ann, data=wall_jpeg())
    photos.process_photos([rejected.pk])
    photos.add_photo(identity=ann, data=person_jpeg(3, variant=9))
    assert overview.count_people() == overview.PeopleCount(active=2, suspended=1, without_vector=1)
    assert overview.count_photos() == {"waiting": 1, "processing": 0, "ready": 4, "review": 0, "rejected": 1}


def test_how_far_the_index_is_behind(enrol):
    ann = enrol(3, account=False)
    before = overview.index_state()
    assert (before.build, before.behind) == (None, 2)
    build = index.rebuild_index()
    assert overview.index_state() == overview.IndexState(build, 0)
    people.suspend(ann)
    assert overview.index_state().behind == 1
