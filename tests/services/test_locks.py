"""Two who want the same rows at once: both get done, and nobody waits for the whole of the other's work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from uuid import uuid4

import numpy as np
import pytest

from recognition.models import Correction, Decision, Embedding, Identity, ModelChange, Photo, Visitor
from recognition.services import keys, visitors
from recognition.services.attendance import read
from recognition.services.enrolment import npz_exchange, photos
from recognition.services.errors import NotFound
from recognition.services.identities import corrections, erasure, merging, people
from recognition.services.models import changes as model_changes
from recognition.services.models import reembedding
from recognition.services.models import switch as model_switch
from recognition.services.recognition import Asker, recognise
from tests.fakes import person_jpeg, person_vector
from tests.services.models.test_changes import add, ready
from tests.threads import PATIENCE, in_background, wait_for_a_waiting_lock

pytestmark = pytest.mark.django_db(transaction=True)


def wait_a_little() -> None:
    """Until somebody waits for a lock; not for ever, since nobody has to."""
    with suppress(AssertionError):
        wait_for_a_waiting_lock(1)


def after(function, event):
    """The function, that says when it is done and then lets the other one come."""

    def wrapped(*args):
        function(*args)
        event.set()
        wait_a_little()

    return wrapped


def before(function, event):
    """The function, that lets the other one come first."""

    def wrapped(*args):
        event.set()
        wait_a_little()
        return function(*args)

    return wrapped


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_a_switch_while_a_worker_writes_the_last_vectors(enrol, monkeypatch, pool):
    ann = enrol(1)
    change = ready()
    add(ann, 1, 9)  # has no vector of the model to come yet
    recorded = Event()
    monkeypatch.setattr(reembedding, "record_change", after(reembedding.record_change, recorded))
    worker = in_background(pool, model_changes.advance)
    assert recorded.wait(PATIENCE)
    switch = in_background(pool, lambda: model_switch.activate(change))
    worker.result(PATIENCE)
    assert switch.result(PATIENCE).state == ModelChange.State.DONE
    assert Embedding.objects.filter(model_version=change.target).count() == 3


def test_probes_are_recorded_during_a_switch(enrol, monkeypatch, pool):
    enrol(1)
    change = ready()
    inside, recorded = Event(), Event()
    real = model_switch._compute_last

    def last(change):
        inside.set()
        assert recorded.wait(PATIENCE)
        real(change)

    monkeypatch.setattr(model_switch, "_compute_last", last)
    switch = in_background(pool, lambda: model_switch.activate(change))
    assert inside.wait(PATIENCE)
    in_background(pool, lambda: recognise.identify(person_jpeg(1, variant=6))).result(PATIENCE)
    recorded.set()
    switch.result(PATIENCE)
    assert Decision.objects.filter(model_version=change.before).count() == 1


def test_a_photo_is_deleted_while_its_person_is_erased(enrol, monkeypatch, pool):
    ann = enrol(1)
    photo = ann.photos.first()
    erasing = Event()
    monkeypatch.setattr(erasure, "forget_in_decisions", before(erasure.forget_in_decisions, erasing))
    erase = in_background(pool, lambda: erasure.erase(ann))
    assert erasing.wait(PATIENCE)
    delete = in_background(pool, lambda: photos.delete_photo(photo))
    erase.result(PATIENCE)
    delete.result(PATIENCE)
    assert not Photo.objects.exists()


def test_probes_do_not_wait_for_an_erasure(enrol, monkeypatch, pool):
    ann = enrol(1)
    enrol(2)
    erasing, decided = Event(), Event()
    real = erasure.forget_in_decisions

    def rename(*args):
        erasing.set()
        assert decided.wait(PATIENCE)
        real(*args)

    monkeypatch.setattr(erasure, "forget_in_decisions", rename)
    erase = in_background(pool, lambda: erasure.erase(ann))
    assert erasing.wait(PATIENCE)
    found = in_background(pool, lambda: recognise.identify(person_jpeg(1, variant=6)))
    assert found.result(PATIENCE).faces[0].identity is None
    decided.set()
    erase.result(PATIENCE)
    assert not Identity.objects.filter(pk=ann.pk).exists()


def test_a_person_is_suspended_while_vectors_of_it_are_imported(enrol, monkeypatch, pool, tmp_path):
    ann = enrol(1)
    file = tmp_path / "a.npz"
    vectors = np.array([person_vector(1)], np.float32)
    np.savez(file, embs=vectors, imm_classes=np.array([ann.external_id]), filenames=np.array(["x.jpg"]))
    recorded = Event()
    monkeypatch.setattr(npz_exchange, "record_change", after(npz_exchange.record_change, recorded))
    imported = in_background(pool, lambda: npz_exchange.import_npz(file))
    assert recorded.wait(PATIENCE)
    suspended = in_background(pool, lambda: people.suspend(ann))
    assert imported.result(PATIENCE).imported == 1
    assert suspended.result(PATIENCE).status == Identity.Status.SUSPENDED


def test_a_switch_during_an_import_of_vectors_leaves_nobody_behind_unseen(enrol, tmp_path):
    enrol(1)
    change = ready()
    file = tmp_path / "a.npz"
    vectors = np.array([person_vector(n) for n in (21, 22)], np.float32)
    np.savez(file, embs=vectors, imm_classes=np.array(["N21", "N22"]), filenames=np.array(["x.jpg", "y.jpg"]))
    switched = []

    def between() -> None:
        if not switched:
            switched.append(model_switch.activate(change, leave_behind=True))

    report = npz_exchange.import_npz(file, on_person=between)
    assert report.imported == 1
    assert [(row["external_id"], row["reason"]) for row in report.rejected] == [("N22", "other_model")]
    assert not Identity.objects.filter(external_id="N22").exists()


@pytest.fixture
def seen(settings):
    """A door, and a picture shown to it."""
    settings.KEEP_VISITORS_DAYS = 14
    door = keys.add_kiosk(name="Door")[0]

    def seen(number: int) -> Decision:
        read(person_jpeg(number, variant=5), asker=Asker(api_key=door), read=uuid4())
        return Decision.objects.latest("pk")

    return seen


class TestWhoItWasIsSaidWhileThePersonIsErased:
    """Decisions of the past name the person, so that both want these and the person."""

    def both(self, pool, monkeypatch, say, erased: Identity) -> None:
        saying = Event()
        monkeypatch.setattr(corrections, "_take_back", before(corrections._take_back, saying))
        said = in_background(pool, say)
        assert saying.wait(PATIENCE)
        erase = in_background(pool, lambda: erasure.erase(erased))
        said.result(PATIENCE)
        assert erase.result(PATIENCE) is not None
        assert not Identity.everyone.filter(pk=erased.pk).exists()

    def test_a_visitor_is_named(self, enrol, seen, monkeypatch, pool):
        ann = enrol(1)
        assert seen(9).candidates[0]["identity"] == ann.pk
        visitors.gather()
        visitor = Visitor.objects.get()
        self.both(pool, monkeypatch, lambda: visitors.visitor_was(visitor, ann, with_photos=False), ann)
        assert Correction.objects.get().identity is None
        assert not Visitor.objects.exists()

    def test_an_event_is_corrected(self, enrol, seen, monkeypatch, pool):
        ann = enrol(1)
        decision = seen(9)
        self.both(pool, monkeypatch, lambda: corrections.correct(decision, to=ann), ann)
        assert Correction.objects.get().identity is None

    def test_a_correction_is_taken_back(self, enrol, seen, monkeypatch, pool):
        ann = enrol(1)
        decision = seen(1)
        corrections.correct(decision, to=None)
        self.both(pool, monkeypatch, lambda: corrections.take_back_correction(decision), ann)
        assert not Correction.objects.exists()

    def test_of_somebody_who_was_merged_into_the_person(self, enrol, seen, monkeypatch, pool):
        ann, ben, cem = enrol(1, account=False), enrol(2), enrol(3)
        decision = seen(1)
        merging.merge(into=ben, other=ann)
        self.both(pool, monkeypatch, lambda: corrections.correct(decision, to=cem), ben)
        assert Correction.objects.get().identity == cem


def test_who_is_erased_before_it_is_said(enrol, seen):
    ann = enrol(1)
    decision = seen(9)
    erasure.erase(ann)
    with pytest.raises(NotFound, match="erased meanwhile"):
        corrections.correct(decision, to=ann)
    assert not Correction.objects.exists()


def test_erasing_many_mentions_is_one_statement(enrol, django_assert_max_num_queries):
    ann = enrol(1)
    mention = [{"identity": ann.pk, "score": 0.4}, {"identity": 10**6, "score": 0.3}]
    Decision.objects.bulk_create(
        Decision(kind="identify", outcome="no_match", probe=f"{n:032x}", candidates=mention)
        for n in range(200)
    )
    with django_assert_max_num_queries(80):
        erasure.erase(ann)
    left = [{"identity": 10**6, "score": 0.3}]
    assert list(Decision.objects.values_list("candidates", flat=True)) == [left] * 200
