"""Evaluating the enrolled people in the background."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from recognition.models import Evaluation
from recognition.services import queue
from recognition.services.analysis.installed import active_model
from recognition.services.errors import Conflict
from recognition.services.evaluation import runs
from recognition.services.evaluation.runs import request_evaluation, run_evaluation
from recognition.services.gallery.vectors import enrolled_vectors
from recognition.services.identities import people
from recognition.services.jobs import KEPT, sweep_jobs
from tests.galleries import enrol_vectors

pytestmark = pytest.mark.django_db
DONE, FAILED = Evaluation.State.DONE, Evaluation.State.FAILED
RUNNING, WAITING = Evaluation.State.RUNNING, Evaluation.State.WAITING


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    sent = []
    for name in ("enqueue", "enqueue_again"):
        monkeypatch.setattr(queue, name, lambda *call: sent.append(call))
    return sent


def test_a_run_from_asking_to_the_figures(sent):
    enrol_vectors(12, 3)
    run = request_evaluation()
    assert sent == [(queue.EVALUATE, run.pk)]
    assert run.state == WAITING
    run_evaluation(run.pk)
    run.refresh_from_db()
    assert (run.state, run.progress, run.people, run.photos) == (DONE, 100, 12, 36)
    assert run.policy.active
    assert run.figures["verification"]["in_force"]["threshold"] == run.policy.verify_threshold
    assert set(run.pictures) == {"roc", "scores", "open_set"}
    assert all(picture.lstrip().startswith("<?xml") for picture in run.pictures.values())


def test_suspended_people_are_left_out():
    enrol_vectors(5, 2)
    people.suspend(people.get_identity("V0"))
    owners, _ = enrolled_vectors(active_model())
    assert len(np.unique(owners)) == 4


def test_a_large_gallery_is_sampled_by_people():
    enrol_vectors(30, 3)
    owners, vectors = enrolled_vectors(active_model(), most=40)
    assert len(owners) == len(vectors) == 39
    assert set(np.unique(owners, return_counts=True)[1]) == {3}


def test_too_few_people_fail_with_a_sentence():
    run = request_evaluation()
    run_evaluation(run.pk)
    run.refresh_from_db()
    assert run.state == FAILED
    assert "two" in run.message


def test_a_fault_is_shown_and_raised(monkeypatch):
    run = request_evaluation()

    def fail(version):
        raise RuntimeError("a fault")

    monkeypatch.setattr(runs, "enrolled_vectors", fail)
    with pytest.raises(RuntimeError):
        run_evaluation(run.pk)
    run.refresh_from_db()
    assert run.state == FAILED


def test_running_twice_or_after_deletion_does_nothing():
    enrol_vectors(4, 2)
    run = request_evaluation()
    run_evaluation(run.pk)
    run.refresh_from_db()
    before = run.updated_at
    run_evaluation(run.pk)
    run.refresh_from_db()
    assert run.updated_at == before
    run_evaluation(run.pk + 1000)


def test_one_at_a_time():
    request_evaluation()
    with pytest.raises(Conflict):
        request_evaluation()


def test_one_that_another_worker_has_begun_is_left_to_it():
    enrol_vectors(4, 2)
    run = request_evaluation()
    Evaluation.objects.filter(pk=run.pk).update(state=RUNNING, progress=40)
    run_evaluation(run.pk)
    run.refresh_from_db()
    assert (run.state, run.progress) == (RUNNING, 40)


def test_a_lost_run_does_not_block_for_ever():
    lost = request_evaluation()
    long_ago = timezone.now() - timedelta(hours=1)
    Evaluation.objects.filter(pk=lost.pk).update(state=RUNNING, updated_at=long_ago)
    request_evaluation()
    lost.refresh_from_db()
    assert lost.state == FAILED


WHEN = pytest.mark.parametrize(
    "when", [timedelta(hours=-1), timedelta(days=1)], ids=["long ago", "a clock was put right"]
)


class TestSweep:
    @WHEN
    def test_what_the_queue_lost_is_sent_again(self, sent, when):
        enrol_vectors(4, 2)
        run = request_evaluation()
        sent.clear()
        assert (sweep_jobs(), sent) == (0, [])
        Evaluation.objects.update(created_at=timezone.now() + when)
        assert sweep_jobs() == 1
        assert sent == [(queue.EVALUATE, run.pk)]
        run_evaluation(run.pk)
        assert sweep_jobs() == 0

    @WHEN
    def test_a_lost_one_is_closed_and_not_sent_again(self, sent, when):
        lost = request_evaluation()
        sent.clear()
        long_ago = timezone.now() + when
        Evaluation.objects.filter(pk=lost.pk).update(state=RUNNING, created_at=long_ago, updated_at=long_ago)
        assert (sweep_jobs(), sent) == (0, [])
        lost.refresh_from_db()
        assert lost.state == FAILED


def test_old_runs_are_dropped():
    Evaluation.objects.bulk_create(Evaluation(state=DONE) for _ in range(KEPT + 5))
    request_evaluation()
    assert Evaluation.objects.count() == KEPT
