"""Who is in a picture, and whether it is a certain person."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.engine.types import ModelFileError
from recognition.models import Decision, Embedding, ModelVersion, ThresholdPolicy
from recognition.services.analysis.analyzer import get_analyzer
from recognition.services.analysis.installed import active_model
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.gallery import live
from recognition.services.gallery import log as gallery_log
from recognition.services.gallery.log import record_change
from recognition.services.identities import erasure, people
from recognition.services.recognition import in_force as in_force
from recognition.services.recognition import recognise
from recognition.services.recognition.recognise import identify, verify_identity, verify_images
from recognition.services.thresholds import changes as policy_changes
from recognition.services.thresholds.policies import active_policy, judge
from tests.fakes import black_jpeg, person_jpeg, person_vector, wall_jpeg
from tests.galleries import enrol_vectors, process_as_theirs

pytestmark = pytest.mark.django_db
BAD = [(b"", "empty"), (b"text", "unreadable"), (person_jpeg(1)[:500], "unreadable")]


class TestIdentify:
    def test_one_person(self, enrol):
        ann = enrol(1)
        enrol(2)
        answer = identify(person_jpeg(1, variant=9))
        (face,) = answer.faces
        assert (face.decision, face.reason, face.identity) == ("match", "", ann)
        assert [c.identity.external_id for c in face.candidates] == ["F1", "F2"]
        document = answer.as_dict()
        assert set(document) == {"faces", "timings_ms"}
        assert set(document["faces"][0]) == {
            *("box", "score", "landmarks", "turned", "quality", "decision", "reason", "candidates")
        }
        first = document["faces"][0]["candidates"][0]
        assert first == {"external_id": "F1", "name": "Fake Person 1", "score": first["score"]}
        assert 0.8 < first["score"] <= 1
        steps = {"decode", "gallery", "detect", "refine", "inspect", "align", "embed", "search", "decide"}
        assert set(document["timings_ms"]) == steps | {"total"}
        parts = sum(document["timings_ms"][step] for step in steps)
        assert parts <= document["timings_ms"]["total"] + 0.1

    def test_largest_face_first_and_each_decided_for_itself(self, enrol):
        enrol(1)
        enrol(2)
        answer = identify(person_jpeg(2, 7, 1, variant=9))
        found = {face.seen.face.box[0]: (face.decision, face.reason) for face in answer.faces}
        in_order = [found[left] for left in sorted(found)]
        assert in_order == [("match", ""), ("no_match", "not_recognised"), ("match", "")]
        areas = [face.seen.face.area for face in answer.faces]
        assert areas == sorted(areas, reverse=True)

    def test_a_stranger(self, enrol):
        enrol(1)
        (face,) = identify(person_jpeg(5)).faces
        assert (face.decision, face.reason, face.identity) == ("no_match", "not_recognised", None)
        assert face.candidates[0].score < 0.5

    def test_nobody_is_enrolled(self, enrol):
        (face,) = identify(person_jpeg(5)).faces
        assert (face.decision, face.reason, face.candidates) == ("no_match", "not_recognised", ())

    def test_enrolled_twice_is_ambiguous(self, enrol):
        enrol(1)
        twin = people.create_identity(name="Twin")
        from recognition.services.enrolment import photos

        process_as_theirs(photos.add_photo(identity=twin, data=person_jpeg(1, variant=8)).pk)
        (face,) = identify(person_jpeg(1, variant=9)).faces
        assert (face.decision, face.reason, face.identity) == ("no_match", "ambiguous", None)
        assert len(face.candidates) == 2

    def test_a_face_that_is_not_good_enough(self, enrol):
        enrol(1)
        (face,) = identify(person_jpeg(1, size=30)).faces
        assert (face.decision, face.reason, face.candidates) == ("rejected", "too_small", ())

    def test_no_face(self, enrol):
        assert identify(wall_jpeg()).faces == []
        decision = Decision.objects.get()
        assert (decision.outcome, decision.reason, decision.score) == ("rejected", "no_face", None)

    def test_a_black_picture_is_too_dark(self, db):
        answer = identify(black_jpeg())
        assert (answer.faces, answer.reason) == ([], "too_dark")
        decision = Decision.objects.get()
        assert (decision.outcome, decision.reason) == ("rejected", "too_dark")

    @pytest.mark.parametrize(("data", "code"), BAD)
    def test_a_bad_file_leaves_no_decision(self, db, data, code):
        with pytest.raises(Invalid) as caught:
            identify(data)
        assert caught.value.code == code
        assert not Decision.objects.exists()

    @pytest.mark.parametrize(("top", "answered", "recorded"), [(1, 1, 5), (0, 1, 5), (3, 3, 5), (500, 8, 5)])
    def test_top(self, enrol, top, answered, recorded):
        enrol_vectors(8)
        (face,) = identify(person_jpeg(1), top=top).faces
        assert len(face.candidates) == answered
        assert len(Decision.objects.get().candidates) == recorded

    def test_the_decision_can_be_made_again_from_what_is_kept(self, enrol):
        ann, ben = enrol(1), enrol(2)
        answer = identify(person_jpeg(1, 2, variant=9))
        decisions = {d.identity_id: d for d in Decision.objects.all()}
        assert set(decisions) == {ann.pk, ben.pk}
        policy = active_policy()
        for face in answer.faces:
            kept = decisions[face.identity.pk]
            assert kept.probe == answer.probe
            assert (kept.policy, kept.model_version, kept.kind) == (policy, policy.model_version, "identify")
            assert kept.change_number == gallery_log.last_change()
            scores = [candidate["score"] for candidate in kept.candidates]
            assert kept.score == pytest.approx(face.candidates[0].score)
            assert kept.margin == pytest.approx(scores[0] - scores[1], abs=1e-5)
            assert [c["identity"] for c in kept.candidates] == [c.identity.pk for c in face.candidates]
            assert judge(scores, policy) == ""
            assert kept.quality["reasons"] == []

    def test_not_recorded(self, enrol):
        enrol(1)
        assert identify(person_jpeg(1), record=False).faces[0].decision == "match"
        assert not Decision.objects.exists()

    def test_at_most_twenty_faces(self, enrol, monkeypatch):
        monkeypatch.setattr(recognise, "MAX_FACES", 2)
        assert len(identify(person_jpeg(1, 2, 3)).faces) == 2

    def test_erased_between_search_and_decision(self, enrol, monkeypatch):
        ann, ben = enrol(1), enrol(2)
        real = recognise._search

        def search(*args):
            found = real(*args)
            erasure.erase(ann)
            return found

        monkeypatch.setattr(recognise, "_search", search)
        (face,) = identify(person_jpeg(1, variant=9)).faces
        assert (face.decision, face.reason) == ("no_match", "not_recognised")
        assert [c["identity"] for c in Decision.objects.get().candidates] == [ben.pk]
        assert Decision.objects.get().score < 0.5

    @pytest.mark.parametrize(
        ("scores", "reason"),
        [
            ([], "not_recognised"),
            ([0.49], "not_recognised"),
            ([0.5], ""),
            ([0.6, 0.5], ""),
            ([0.6, 0.51], "ambiguous"),
            ([0.49, 0.1], "not_recognised"),
        ],
    )
    def test_judge(self, scores, reason):
        assert judge(scores, ThresholdPolicy(identify_threshold=0.5, margin=0.1 - 1e-9)) == reason


class TestOtherModel:
    @pytest.fixture
    def second(self, enrol):
        """A second model of the same length, whose vectors mean something else."""
        ann = enrol(1)
        version = ModelVersion.objects.create(name="second", sha256="2" * 64, dimensions=512)
        ThresholdPolicy.objects.create(
            model_version=version,
            verify_threshold=0.9,
            identify_threshold=0.9,
            margin=0.1,
            source="test",
            active=True,
        )
        Embedding.objects.create(
            identity=ann, model_version=version, vector=person_vector(77), source="second"
        )
        return version

    def activate(self, version, *, logged=True):
        ModelVersion.objects.update(active=False)
        ModelVersion.objects.filter(pk=version.pk).update(active=True)
        if logged:
            record_change(None)

    def test_vectors_come_from_the_model_in_use(self, second, monkeypatch):
        class Second:
            def embed(self, crops):
                return np.stack([person_vector(77) for _ in crops])

        identify(person_jpeg(1))
        self.activate(second)
        monkeypatch.setitem(get_analyzer()._others, "second", Second())
        monkeypatch.setattr(
            type(get_analyzer().manifest),
            "spec",
            lambda manifest, name: ModelVersion(sha256="2" * 64) if name == "second" else manifest.specs[0],
        )
        (face,) = identify(person_jpeg(1)).faces
        assert face.decision == "match"
        assert face.candidates[0].score == pytest.approx(1, abs=1e-5)
        assert Decision.objects.first().model_version == second
        assert Decision.objects.first().policy.identify_threshold == 0.9

    @pytest.mark.parametrize("logged", [True, False])
    def test_a_model_without_weights_here_is_an_error_and_no_wrong_answer(self, second, logged):
        identify(person_jpeg(1))
        self.activate(second, logged=logged)
        with pytest.raises(ModelFileError, match="second"):
            identify(person_jpeg(1))

    def test_policy_and_gallery_of_two_models_are_never_mixed(self, second, monkeypatch):
        identify(person_jpeg(1))
        old = active_policy()
        self.activate(second)
        monkeypatch.setattr(in_force, "_state", lambda: (old, None))
        with pytest.raises(Conflict) as caught:
            identify(person_jpeg(1))
        assert caught.value.code == "busy"


class TestPolicyInForce:
    """It is kept in memory, and still a change counts from the next probe on."""

    def decision(self):
        return identify(person_jpeg(1, variant=9), record=False).faces[0].decision

    def test_another_one_is_activated_and_rolled_back(self, enrol):
        enrol(1)
        assert self.decision() == "match"
        strict = policy_changes.store_policy(
            {"verify_threshold": 0.99, "identify_threshold": 0.999, "margin": 0.1, "source": "strict"}
        )
        assert self.decision() == "match"
        policy_changes.activate(strict)
        assert self.decision() == "no_match"
        assert verify_images(person_jpeg(1), person_jpeg(1, variant=9)).threshold == 0.99
        policy_changes.roll_back()
        assert self.decision() == "match"

    def test_it_is_changed_in_place(self, enrol):
        enrol(1)
        assert self.decision() == "match"
        ThresholdPolicy.objects.update(identify_threshold=0.999)
        assert self.decision() == "no_match"

    def test_it_is_read_once(self, enrol, django_assert_num_queries):
        enrol(1)
        for _ in range(2):  # the first one makes the policy
            self.decision()
        with django_assert_num_queries(1):
            in_force.in_force()


class TestVerifyIdentity:
    @pytest.mark.parametrize(
        ("data", "decision", "reason"),
        [
            (person_jpeg(1, variant=9), "match", ""),
            (person_jpeg(2), "no_match", "not_the_same"),
            (person_jpeg(1, size=30), "rejected", "too_small"),
            (wall_jpeg(), "rejected", "no_face"),
        ],
    )
    def test_decisions(self, enrol, data, decision, reason):
        ann = enrol(1)
        answer = verify_identity(data, identity=ann)
        assert (answer.decision, answer.reason) == (decision, reason)
        assert (answer.score is None) == (decision == "rejected")
        kept = Decision.objects.get()
        assert (kept.kind, kept.outcome, kept.reason, kept.identity) == ("verify", decision, reason, ann)
        assert kept.score == answer.score
        assert len(kept.candidates) == (answer.score is not None)
        assert answer.as_dict()["threshold"] == active_policy().verify_threshold

    def test_not_recorded(self, enrol):
        verify_identity(person_jpeg(1), identity=enrol(1), record=False)
        assert not Decision.objects.exists()

    @pytest.mark.parametrize(("data", "code"), BAD)
    def test_a_bad_file(self, enrol, data, code):
        with pytest.raises(Invalid) as caught:
            verify_identity(data, identity=enrol(1))
        assert caught.value.code == code

    def test_suspended_without_photos_or_erased(self, enrol):
        ann, bare = enrol(1), people.create_identity(name="Bare")
        with pytest.raises(Conflict) as caught:
            verify_identity(person_jpeg(1), identity=bare)
        assert caught.value.code == "not_enrolled"
        with pytest.raises(Conflict) as caught:
            verify_identity(person_jpeg(1), identity=people.suspend(ann))
        assert caught.value.code == "suspended"
        people.resume(ann)
        erasure.erase(ann)
        with pytest.raises(NotFound):
            verify_identity(person_jpeg(1), identity=ann)
        assert not Decision.objects.exists()

    def test_erased_after_the_comparison(self, enrol, monkeypatch):
        ann = enrol(1)
        real = recognise._main_face

        def main_face(*args):
            erasure.erase(ann)
            live.live_gallery.current()
            return real(*args)

        monkeypatch.setattr(recognise, "_main_face", main_face)
        with pytest.raises(NotFound):
            verify_identity(person_jpeg(1), identity=ann)
        assert not Decision.objects.exists()


class TestVerifyImages:
    @pytest.mark.parametrize(
        ("first", "second", "decision", "reason"),
        [
            (person_jpeg(1), person_jpeg(1, variant=9), "match", ""),
            (person_jpeg(1), person_jpeg(2), "no_match", "not_the_same"),
            (person_jpeg(1), wall_jpeg(), "rejected", "no_face"),
            (wall_jpeg(), person_jpeg(1), "rejected", "no_face"),
            (person_jpeg(1, size=30), wall_jpeg(), "rejected", "too_small"),
        ],
    )
    def test_decisions(self, db, first, second, decision, reason):
        answer = verify_images(first, second)
        assert (answer.decision, answer.reason) == (decision, reason)
        kept = Decision.objects.get()
        assert (kept.kind, kept.outcome, kept.reason, kept.identity) == ("verify", decision, reason, None)
        assert kept.score == answer.score

    def test_the_score_is_the_cosine_of_the_two_vectors(self, db):
        answer = verify_images(person_jpeg(1), person_jpeg(1))
        assert answer.score == pytest.approx(1, abs=1e-5)

    @pytest.mark.parametrize(("data", "code"), BAD)
    def test_a_bad_file(self, db, data, code):
        for pair in ((data, person_jpeg(1)), (person_jpeg(1), data)):
            with pytest.raises(Invalid) as caught:
                verify_images(*pair)
            assert caught.value.code == code
        assert not Decision.objects.exists()


def test_the_first_request_of_a_new_site_registers_model_and_policy(db):
    assert not ModelVersion.objects.exists()
    identify(person_jpeg(1))
    version = ModelVersion.objects.get()
    assert (version.name, version.dimensions, version.active) == ("fake-embedder", 512, True)
    policy = ThresholdPolicy.objects.get()
    assert (policy.identify_threshold, policy.margin, policy.active) == (0.5, 0.1, True)
    assert active_model() == version
    assert active_policy() == policy


@pytest.mark.django_db(transaction=True)
def test_the_first_requests_of_a_new_site_at_the_same_time(db):
    from tests.threads import at_once

    answers = at_once(*[lambda: identify(person_jpeg(1))] * 4)
    assert [len(answer.faces) for answer in answers] == [1] * 4
    assert ModelVersion.objects.count() == ThresholdPolicy.objects.count() == 1
