"""Faces are put to visitors: the same stranger is one, two strangers are two, whoever works and how often."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from recognition.engine.images import decode
from recognition.engine.quality import ENROLMENT
from recognition.models import Appearance, DataKey, ModelVersion, Visitor
from recognition.sealing import forget_all_keys
from recognition.services import identities, queue, visitors
from recognition.services.analysis import get_analyzer
from recognition.services.analysis.installed import active_model
from recognition.services.cameras import Watcher
from recognition.services.recognition import recognise
from recognition.services.visitors import gathering
from recognition.tasks import gather_visitors
from tests.films import frame

pytestmark = pytest.mark.django_db


def groups() -> list[int]:
    """How many appearances each visitor has, most first."""
    return sorted((visitor.appearances.count() for visitor in Visitor.objects.all()), reverse=True)


def test_the_same_stranger_is_one_visitor(shown, filmed):
    shown(9)
    shown(9, variant=1)
    filmed(9, variant=2)
    assert visitors.gather() == 3
    shown(9, variant=3)
    visitors.gather()
    assert groups() == [4]


def test_who_walks_by_a_camera_again_is_the_same_visitor(camera):
    """Each walk is one event, and the picture that is kept shows the face."""
    watcher = Watcher(camera=camera)
    for start in (0.0, 60.0):
        for step in range(20):
            watcher.look(frame((9, 40 + 6 * step), variant=step % 3), start + 0.1 * step)
        watcher.look(frame(), start + 30)
    watcher.end()
    visitors.gather()
    assert groups() == [2]
    around = decode(Appearance.objects.first().picture)
    assert len(get_analyzer().find(around, ENROLMENT)) == 1


def test_two_strangers_are_two(shown):
    shown(9, 8)
    shown(8, 9, variant=1)
    visitors.gather()
    assert groups() == [2, 2]


def test_twice_is_as_once(shown):
    shown(9)
    assert gather_visitors() == 1
    assert gather_visitors() == 0
    assert groups() == [1]


def test_a_worker_that_breaks_off_leaves_the_rest_to_the_next(shown, monkeypatch):
    shown(9, 8, 7)
    shown(9, 8, 7, variant=1)
    trim, done = gathering.trim, []

    def break_off(visitor: Visitor) -> list[int]:
        if len(done) == 4:
            done.clear()
            raise MemoryError
        done.append(visitor)
        return trim(visitor)

    monkeypatch.setattr(gathering, "trim", break_off)
    with pytest.raises(MemoryError):
        visitors.gather()
    assert Appearance.objects.filter(visitor=None).count() == 2
    assert visitors.gather() == 2
    assert groups() == [2, 2, 2]


def test_only_what_would_be_recognised_is_put_together(shown, monkeypatch):
    """Two pictures of fake people score about 0.9."""
    monkeypatch.setattr(gathering, "threshold_among", lambda policy, people: 0.95)
    shown(9)
    shown(9, variant=1)
    visitors.gather()
    assert groups() == [1, 1]


def test_the_best_faces_are_kept_and_all_times(shown):
    for variant in range(8):
        shown(9, variant=variant)
    best = sorted(Appearance.objects.values_list("quality", flat=True))[-5:]
    visitors.gather()
    assert groups() == [8]
    kept = Appearance.objects.exclude(key=None)
    assert sorted(kept.values_list("quality", flat=True)) == best
    assert DataKey.objects.count() == 5
    for row in Appearance.objects.filter(key=None):
        assert (row.vector, row.crop, row.picture) == (None, None, None)


def test_times_are_bounded_too(shown, monkeypatch):
    monkeypatch.setattr(gathering, "MOST_APPEARANCES", 3)
    for variant in range(5):
        shown(9, variant=variant)
    last = list(Appearance.objects.order_by("-pk").values_list("pk", flat=True)[:3])
    visitors.gather()
    assert list(Appearance.objects.values_list("pk", flat=True)) == last


def test_visitors_are_bounded_and_who_was_seen_longest_ago_goes(shown, monkeypatch):
    monkeypatch.setattr(gathering, "MOST_VISITORS", 2)
    for person in (7, 8):
        shown(person)
    visitors.gather()
    first = Appearance.objects.earliest("pk").visitor
    Appearance.objects.filter(visitor=first).update(at=timezone.now())
    shown(9)
    visitors.gather()
    assert Visitor.objects.count() == 2
    assert Visitor.objects.filter(pk=first.pk).exists()
    assert DataKey.objects.count() == 2


class TestWhoIsSuspended:
    """They are not looked for, so that every kiosk finds them unknown."""

    def test_is_not_kept(self, shown, enrol):
        identities.suspend(enrol(1))
        shown(1, variant=3)
        assert Appearance.objects.exists()
        visitors.gather()
        assert not Appearance.objects.exists()
        assert not Visitor.objects.exists()

    def test_nor_is_who_withdrew_consent(self, shown, enrol):
        identities.withdraw_consent(enrol(1))
        shown(1, variant=3)
        shown(9)
        visitors.gather()
        assert groups() == [1]


class TestAnotherModel:
    @pytest.fixture
    def other(self, shown) -> ModelVersion:
        for variant in range(2):
            shown(9, variant=variant)
        visitors.gather()
        active_model()
        ModelVersion.objects.update(active=False)
        return ModelVersion.objects.create(
            name="other-embedder", version="1", sha256="0" * 64, dimensions=512, active=True
        )

    def test_faces_get_its_vectors(self, shown, other):
        before = [row.vector for row in Appearance.objects.all()]
        shown(9, variant=2)
        visitors.gather()
        assert groups() == [3]
        rows = list(Appearance.objects.all())
        assert {row.model_version for row in rows} == {other}
        assert abs(float(before[0] @ rows[-1].vector)) < 0.3

    def test_without_a_new_face_too(self, other):
        visitors.gather()
        assert {row.model_version for row in Appearance.objects.all()} == {other}

    def test_a_face_that_cannot_be_read_is_dropped(self, other):
        DataKey.objects.filter(pk=Appearance.objects.bare().first().key_id).delete()
        forget_all_keys()
        visitors.gather()
        assert Appearance.objects.exclude(key=None).count() == 1
        assert groups() == [2]

    def test_takes_its_time(self, other, monkeypatch):
        sent = []
        monkeypatch.setattr(queue, "enqueue_again", lambda *task: sent.append(task))
        monkeypatch.setattr(gathering, "SLICE_SECONDS", -1)
        visitors.gather()
        assert sent == [(queue.GATHER_VISITORS,)]


def test_a_face_that_cannot_be_opened_any_more(shown):
    shown(9)
    shown(8)
    DataKey.objects.filter(pk=Appearance.objects.earliest("pk").key_id).delete()
    visitors.gather()
    assert groups() == [1]
    assert Appearance.objects.count() == 1


def test_off_does_nothing(shown, settings):
    shown(9)
    settings.KEEP_VISITORS_DAYS = 0
    assert visitors.gather() == 0


@pytest.mark.django_db(transaction=True)
class TestSeveralWorkers:
    def test_do_not_make_two_of_one(self, shown):
        for variant in range(6):
            shown(9, variant=variant)
        together = threading.Barrier(3)

        def work() -> None:
            try:
                together.wait(10)
                visitors.gather()
            finally:
                connection.close()

        workers = [threading.Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
        visitors.gather()
        assert groups() == [6]

    def test_named_while_another_face_is_put_to_them(self, shown, enrol, monkeypatch):
        """Whoever was named is gone; the face becomes a visitor of its own."""
        shown(9)
        visitors.gather()
        visitor = Visitor.objects.get()
        shown(9, variant=1)
        like = gathering.Strangers.like

        def named(self, vectors):
            found = like(self, vectors)
            visitors.dismiss(visitor)
            return found

        monkeypatch.setattr(gathering.Strangers, "like", named)
        visitors.gather()
        assert Visitor.objects.get() != visitor


def test_old_ones_go(shown):
    shown(9)
    shown(8)
    visitors.gather()
    now = timezone.now()
    Appearance.objects.filter(pk=Appearance.objects.earliest("pk").pk).update(at=now - timedelta(days=15))
    assert visitors.drop_appearances(now - timedelta(days=14)) == 1
    assert groups() == [1]
    assert DataKey.objects.count() == 1
    assert recognise.Decision.objects.count() == 2
