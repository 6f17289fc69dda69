"""The state of the site at a glance."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from celery import current_app
from django.core.cache import cache
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from recognition.models import Decision
from recognition.services import overview
from recognition.services.enrolment import photos
from recognition.services.gallery import index
from recognition.services.identities import people
from recognition.services.thresholds import active_policy
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


class TestRecentDecisions:
    @pytest.fixture(autouse=True)
    def fresh(self) -> None:
        cache.clear()

    @pytest.fixture
    def decided(self, db, settings) -> None:
        """At half past eleven in the evening of the site, which is another day in UTC."""
        settings.TIME_ZONE = "Asia/Ho_Chi_Minh"
        policy = active_policy()
        now = timezone.now()
        rows = [
            ("match", "", 0.71, 0),
            ("match", "", 0.71, 0),
            ("no_match", "not_recognised", 0.31, 0),
            ("no_match", "not_recognised", -0.1, 3),
            ("rejected", "too_dark", None, 3),
            ("match", "", 1.0, 40),
        ]
        for outcome, reason, score, days in rows:
            row = Decision.objects.create(
                kind="identify",
                outcome=outcome,
                reason=reason,
                score=score,
                probe=uuid4(),
                model_version=policy.model_version,
                policy=policy,
            )
            Decision.objects.filter(pk=row.pk).update(created_at=now - timedelta(days=days))

    def test_by_day_outcome_score_and_reason(self, decided):
        found = overview.recent_decisions()
        assert len(found.days) == 30
        assert found.days[-1] == (timezone.localdate(), {"match": 2, "no_match": 1})
        assert found.days[-4][1] == {"no_match": 1, "rejected": 1}
        assert sum(map(sum, found.scores)) == 4
        assert found.scores[35] == (2, 0)
        assert found.scores[15] == (0, 1)
        assert found.scores[0] == (0, 1)
        assert found.reasons == {"not_recognised": 2, "too_dark": 1}

    def test_a_day_is_one_of_the_site(self, decided):
        zone = ZoneInfo("Asia/Ho_Chi_Minh")
        late = timezone.now().astimezone(zone).replace(hour=0, minute=30) - timedelta(days=2)
        Decision.objects.update(created_at=late)
        assert [day for day, counts in overview.recent_decisions().days if counts] == [late.date()]

    def test_counted_once_a_minute(self, decided, django_assert_num_queries):
        before = overview.recent_decisions()
        with django_assert_num_queries(0):
            assert overview.recent_decisions() == before

    def test_without_redis_too(self, decided, monkeypatch):
        monkeypatch.setattr(cache, "get_or_set", mock.Mock(side_effect=RedisError))
        assert overview.recent_decisions().days[-1][1] == {"match": 2, "no_match": 1}
