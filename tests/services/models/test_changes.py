from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from recognition import tasks
from recognition.models import (
    Decision,
    Embedding,
    GalleryBuild,
    ModelChange,
    ModelVersion,
    Photo,
    ShadowDecision,
)
from recognition.services import queue
from recognition.services.analysis.analyzer import get_analyzer
from recognition.services.analysis.installed import active_model
from recognition.services.enrolment import photos
from recognition.services.errors import Conflict, NotFound
from recognition.services.gallery import index
from recognition.services.gallery.log import record_change
from recognition.services.identities import erasure, merging, people
from recognition.services.models import changes as model_changes
from recognition.services.models import comparison as model_comparison
from recognition.services.models import reembedding
from recognition.services.models import switch as model_switch
from recognition.services.recognition import shadow
from recognition.services.recognition.recognise import identify, verify_identity
from recognition.services.thresholds.policies import active_policy
from recognition.tasks import reembed
from tests.fakes import FakeEmbedder, person_jpeg, person_vector

OTHER = "other-embedder"
State = ModelChange.State


@pytest.fixture
def asked(monkeypatch):
    """A comparison that begins is noticed at once."""
    monkeypatch.setattr(shadow, "ASKED_EVERY", 0.0)


def vectors_of(name):
    return Embedding.objects.filter(model_version__name=name)


def ready(name=OTHER):
    model_changes.begin(name)
    change = model_changes.advance()
    assert change.state == State.SHADOW
    return change


def add(identity, number, variant):
    photo = photos.add_photo(identity=identity, data=person_jpeg(number, variant=variant))
    photos.process_photos([photo.pk])
    return photo


class TestComputing:
    def test_every_photo_gets_a_vector_beside_the_old_one(self, enrol):
        for number in (1, 2, 3):
            enrol(number)
        change = ready()
        assert vectors_of(OTHER).count() == vectors_of("fake-embedder").count() == 6
        assert (change.done, change.total, change.skipped) == (6, 6, [])
        own = vectors_of(OTHER).filter(identity__external_id="F2").first()
        number = FakeEmbedder(name=OTHER).first + 2
        assert (
            np.dot(
                own.vector,
                person_vector(number),
            )
            > 0.8
        )
        assert active_model().name == "fake-embedder"

    def test_suspended_people_too(self, enrol):
        people.suspend(enrol(1))
        ready()
        assert vectors_of(OTHER).count() == 2

    def test_beginning_again_goes_on(self, enrol):
        enrol(1)
        first = model_changes.begin(OTHER)
        assert model_changes.begin(OTHER) == first

    def test_an_empty_site(self, db):
        assert ready().total == 0

    @pytest.mark.parametrize(
        ("name", "error"), [("nobody", NotFound), ("fake-embedder", Conflict), ("", NotFound)]
    )
    def test_names_that_cannot_be_changed_to(self, db, name, error):
        active_model()
        with pytest.raises(error):
            model_changes.begin(name)
        assert not ModelChange.objects.exists()

    def test_one_change_at_a_time(self, db):
        model_changes.begin(OTHER)
        with pytest.raises(Conflict, match="stop it first"):
            model_changes.begin("bare-embedder")

    @pytest.mark.parametrize(
        "over", [timedelta(seconds=-1), timedelta(days=1)], ids=["later", "a clock was put right"]
    )
    def test_a_worker_that_dies_is_followed_by_another(self, enrol, monkeypatch, over):
        for number in (1, 2, 3):
            enrol(number)
        monkeypatch.setattr(model_changes, "BATCH", 2)
        model_changes.begin(OTHER)
        stopped = model_changes.advance(stop=lambda: True)
        assert (stopped.state, vectors_of(OTHER).count()) == (State.COMPUTING, 2)
        ModelChange.objects.update(worker="killed", worker_until=timezone.now() + timedelta(seconds=30))
        assert model_changes.advance().state == State.COMPUTING  # its lease still runs
        assert vectors_of(OTHER).count() == 2
        ModelChange.objects.update(worker_until=timezone.now() + over)
        assert model_changes.advance().state == State.SHADOW
        assert vectors_of(OTHER).count() == 6

    def test_one_that_was_thought_dead_writes_nothing_to_the_change(self, enrol, monkeypatch):
        enrol(1)
        model_changes.begin(OTHER)

        def taken_over(count):
            ModelChange.objects.update(worker="another", worker_until=timezone.now() + timedelta(minutes=1))

        change = model_changes.advance(on_photos=taken_over)
        assert (change.state, change.worker) == (State.COMPUTING, "another")

    def test_slices(self, enrol, monkeypatch):
        for number in (1, 2, 3):
            enrol(number)
        monkeypatch.setattr(model_changes, "BATCH", 1)
        model_changes.begin(OTHER)
        assert model_changes.advance(seconds=0).done == 1

    def test_a_slice_is_followed_by_the_next_at_once(self, enrol, monkeypatch):
        enrol(1)
        monkeypatch.setattr(model_changes, "BATCH", 1)
        monkeypatch.setattr(tasks, "REEMBED_SECONDS", 0.0)
        sent = []
        monkeypatch.setattr(reembed, "delay", lambda: sent.append(1))
        model_changes.begin(OTHER)
        reembed()
        assert (ModelChange.objects.get().done, sent) == (1, [1])

    def test_the_task(self, enrol):
        enrol(1)
        reembed()
        model_changes.begin(OTHER)
        reembed()
        assert ModelChange.objects.get().state == State.SHADOW

    def test_stopping(self, enrol):
        enrol(1)
        change = ready()
        model_changes.stop(change)
        assert model_changes.open_change() is None
        assert vectors_of(OTHER).count() == 2
        with pytest.raises(Conflict):
            model_changes.stop(change)
        assert ready().pk != change.pk

    def test_a_photo_without_picture_is_told_and_holds_nothing_up(self, enrol):
        ann = enrol(1)
        photo = ann.photos.first()
        photo.image.storage.delete(photo.image.name)
        photo.crop.storage.delete(photo.crop.name)
        enrol(2)
        change = ready()
        assert change.skipped == [photo.pk]
        assert vectors_of(OTHER).count() == 3
        model_switch.activate(change)

    def test_the_crop_is_the_way_out(self, enrol):
        photo = enrol(1).photos.first()
        photo.image.storage.delete(photo.image.name)
        assert ready().skipped == []
        assert vectors_of(OTHER).count() == 2

    def test_a_photo_that_is_looked_at_again_meanwhile_keeps_no_old_face(self, enrol, monkeypatch):
        photo = enrol(1).photos.first()
        real = reembedding._keep

        def slow(*args):
            Photo.objects.filter(pk=photo.pk).update(processed_at=timezone.now())
            monkeypatch.setattr(reembedding, "_keep", real)
            real(*args)

        monkeypatch.setattr(reembedding, "_keep", slow)
        change = ready()
        assert vectors_of(OTHER).count() == 2  # the second round found it
        assert change.skipped == []


class TestSwitching:
    def test_everybody_is_recognised_before_and_after(self, enrol):
        people_ = [enrol(number) for number in (1, 2, 3)]
        identify(person_jpeg(1))
        change = ready()
        for model in ("fake-embedder", OTHER):
            for number, person in enumerate(people_, 1):
                (face,) = identify(person_jpeg(number, variant=5)).faces
                assert (face.decision, face.identity) == ("match", person)
            decision = Decision.objects.first()
            assert (decision.model_version.name, decision.policy.model_version.name) == (model, model)
            if model != OTHER:
                done = model_switch.activate(change)
                assert (done.state, active_model().name) == (State.DONE, OTHER)
        assert active_policy().source == "other people"

    def test_what_was_enrolled_meanwhile_comes_along(self, enrol):
        enrol(1)
        change = ready()
        late = enrol(2)
        assert model_switch.readiness(change).missing == 2
        model_switch.activate(change)
        (face,) = identify(person_jpeg(2, variant=7)).faces
        assert face.identity == late

    def test_much_that_was_enrolled_meanwhile_is_computed_first(self, enrol, monkeypatch):
        change = ready()
        monkeypatch.setattr(model_switch, "LAST", 1)
        enrol(2)
        with pytest.raises(Conflict, match="being computed"):
            model_switch.activate(change)
        assert active_model().name == "fake-embedder"
        model_changes.advance()
        model_switch.activate(change)

    def test_not_before_every_vector_is_there(self, enrol):
        enrol(1)
        change = model_changes.begin(OTHER)
        with pytest.raises(Conflict, match="not complete"):
            model_switch.activate(change)

    def test_not_without_thresholds(self, enrol):
        enrol(1)
        change = ready("bare-embedder")
        with pytest.raises(Conflict, match="calibrate --model bare-embedder"):
            model_switch.activate(change)
        assert active_model().name == "fake-embedder"

    def test_people_with_imported_vectors_only(self, enrol):
        enrol(1)
        ann = people.create_identity(name="Ann")
        Embedding.objects.create(
            identity=ann, model_version=active_model(), vector=person_vector(9), source="vn2db.npz"
        )
        change = ready()
        assert model_switch.readiness(change).left_behind == 1
        with pytest.raises(Conflict) as caught:
            model_switch.activate(change)
        assert caught.value.code == "left_behind"
        model_switch.activate(change, leave_behind=True)
        assert active_model().name == OTHER

    def test_an_enrolment_that_began_before_is_done_with_the_new_model(self, enrol, monkeypatch):
        ann = enrol(1)
        change = ready()
        real = photos._look_at

        def meanwhile(photo, version):
            found = real(photo, version)
            if active_model().name != OTHER:
                model_switch.activate(change)
            return found

        monkeypatch.setattr(photos, "_look_at", meanwhile)
        photo = photos.add_photo(identity=ann, data=person_jpeg(1, variant=8))
        photos.process_photos([photo.pk])
        photo.refresh_from_db()
        assert (photo.state, photo.attempts) == (Photo.State.WAITING, 0)
        photos.process_photos([photo.pk])
        assert [e.model_version.name for e in photo.embeddings.all()] == [OTHER]

    def test_what_slipped_through_is_computed_by_the_next_beat(self, enrol):
        ann = enrol(1)
        model_switch.activate(ready())
        photo = add(ann, 1, 9)
        photo.embeddings.all().delete()
        reembed()
        assert [e.model_version.name for e in photo.embeddings.all()] == [OTHER]

    def test_the_threshold_follows_the_number_of_people(self, enrol, monkeypatch):
        called = []
        monkeypatch.setattr(model_switch.thresholds, "follow_growth", lambda: called.append(1))
        model_switch.activate(ready())
        assert called

    def test_two_switches_at_once(self, enrol):
        change = ready()
        model_switch.activate(change)
        with pytest.raises(Conflict):
            model_switch.activate(change)


class TestGoingBack:
    def test_nothing_to_go_back_to(self, db):
        with pytest.raises(Conflict, match="No other model"):
            model_switch.roll_back()

    @pytest.mark.parametrize("wait", [True, False])
    def test_back_with_what_was_enrolled_since(self, enrol, wait):
        enrol(1)
        model_switch.activate(ready())
        late = enrol(2)
        back = model_switch.roll_back(wait=wait)
        assert (back.state, active_model().name) == (State.DONE, "fake-embedder")
        (face,) = identify(person_jpeg(2, variant=6)).faces
        assert face.identity == late
        assert model_switch.roll_back().target.name == OTHER

    def test_much_to_compute_is_left_to_the_workers(self, enrol, monkeypatch):
        model_switch.activate(ready())
        enrol(2)
        monkeypatch.setattr(model_switch, "LAST", 1)
        with pytest.raises(Conflict, match="being computed"):
            model_switch.roll_back(wait=False)
        assert model_changes.open_change().target.name == "fake-embedder"

    def test_dropping_vectors(self, enrol):
        enrol(1)
        change = ready()
        for name, error in (("fake-embedder", Conflict), (OTHER, Conflict), ("nobody", NotFound)):
            with pytest.raises(error):
                model_changes.drop(name)
        model_switch.activate(change)
        assert model_changes.drop("fake-embedder") == 2
        assert Embedding.objects.count() == 2


class TestShadow:
    def test_live_probes_are_decided_by_both(self, enrol, asked):
        ann = enrol(1)
        enrol(2)
        identify(person_jpeg(1))
        assert not ShadowDecision.objects.exists()
        change = ready()
        answer = identify(person_jpeg(1, 12, variant=3))
        assert "shadow" in answer.timings.ms
        verify_identity(person_jpeg(1, variant=4), identity=ann)
        verify_identity(person_jpeg(2, variant=4), identity=ann)
        found = shadow.agreement(change)
        assert (found.compared, found.agreed) == (4, 4)
        kept = ShadowDecision.objects.filter(outcome="match").first()
        assert (kept.identity, kept.decision.identity, kept.agrees) == (ann, ann, True)

    def test_differences_are_counted(self, enrol, asked, monkeypatch):
        enrol(1)
        enrol(2)
        change = ready()
        # The model to come takes the first for the second, and knows the third from nowhere.
        other = get_analyzer()._others[OTHER]
        start = other.first
        confused = {
            person_jpeg(1, variant=3): person_vector(start + 2),
            person_jpeg(2, variant=3): person_vector(99),
        }
        for data, vector in confused.items():
            monkeypatch.setattr(
                other, "embed", lambda crops, vector=vector: np.stack([vector for _ in crops])
            )
            identify(data)
        found = shadow.agreement(change)
        assert (found.compared, found.agreed, found.lost, found.other) == (2, 0, 1, 1)

    def test_who_was_enrolled_since_is_known_to_it(self, enrol, asked):
        change = ready()
        late = enrol(3)
        model_changes.advance()
        identify(person_jpeg(3, variant=3))
        assert ShadowDecision.objects.get().identity == late
        assert shadow.agreement(change).agreed == 1

    def test_its_errors_hurt_nobody(self, enrol, asked, monkeypatch, caplog):
        ann = enrol(1)
        ready()

        def broken(*args):
            raise RuntimeError("no")

        monkeypatch.setattr(shadow, "_shadow", broken)
        assert identify(person_jpeg(1)).faces[0].identity == ann
        assert "could not decide" in caplog.text
        assert connection.is_usable()

    def test_erasing_leaves_no_name_in_it(self, enrol, asked):
        ann = enrol(1)
        ready()
        identify(person_jpeg(1))
        erasure.erase(ann)
        assert ShadowDecision.objects.get().identity is None

    def test_merging(self, enrol, asked):
        ann, ben = enrol(1), enrol(2, account=False)
        ready()
        identify(person_jpeg(2))
        merging.merge(into=ann, other=ben)
        assert ShadowDecision.objects.get().identity == Decision.objects.get().identity == ben

    def test_nothing_without_a_comparison(self, enrol, asked):
        enrol(1)
        model_switch.activate(ready())
        identify(person_jpeg(1))
        assert not ShadowDecision.objects.exists()


class TestComparing:
    def test_both_curves(self, enrol):
        for number in range(1, 6):
            enrol(number)
        change = ready()
        model_comparison.compare(change.pk)
        change.refresh_from_db()
        assert set(change.figures) == {"before", "after"}
        assert change.figures["after"]["verification"]["auc"] > 0.9
        assert "<svg" in change.pictures["roc"]

    def test_asked_for_again_when_the_message_was_lost(self, enrol, monkeypatch):
        for number in range(1, 6):
            enrol(number)
        change = ready()
        sent = []
        monkeypatch.setattr(queue, "enqueue_again", lambda *call: sent.append(call))
        model_changes.advance()
        assert sent == [(queue.COMPARE_MODELS, change.pk)]
        model_comparison.compare(change.pk)
        model_changes.advance()
        assert len(sent) == 1

    def test_too_few_people(self, enrol):
        enrol(1)
        change = ready()
        model_comparison.compare(change.pk)
        change.refresh_from_db()
        assert "cannot be compared" in change.message
        model_comparison.compare(change.pk + 1)


class TestIndexes:
    def test_both_models_keep_their_files(self, enrol):
        enrol(1)
        index.rebuild_index()
        change = ready()
        index.rebuild_index()
        names = set(GalleryBuild.objects.values_list("model_version__name", flat=True))
        assert names == {"fake-embedder", OTHER}
        model_switch.activate(change)
        index.rebuild_index()
        assert set(GalleryBuild.objects.values_list("model_version__name", flat=True)) == {OTHER}

    def test_stale_files_of_both_are_built(self, enrol):
        enrol(1)
        ready()
        record_after(enrol)
        GalleryBuild.objects.update(created_at=timezone.now() - timedelta(hours=1))
        index.rebuild_if_stale()
        last = index.last_change()
        numbers = {b.model_version.name: b.change_number for b in GalleryBuild.objects.order_by("id")}
        assert numbers == {"fake-embedder": last, OTHER: last}


def record_after(enrol):
    from django.db import transaction

    person = enrol(4)
    with transaction.atomic():
        record_change(person.pk)


def test_registering_other_weights_of_a_name(db):
    from dataclasses import replace

    from recognition.services.analysis.installed import register

    spec = get_analyzer().spec(OTHER)
    version = register(spec)
    assert register(replace(spec, sha256="1" * 64)).pk == version.pk
    ModelVersion.objects.filter(pk=version.pk).update(active=True)
    with pytest.raises(Conflict, match="another name"):
        register(spec)
