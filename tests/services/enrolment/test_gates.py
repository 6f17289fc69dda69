"""A new photo counts only when it shows its person and nobody else; the others wait until somebody has looked."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.models import Embedding, Photo
from recognition.services.analysis.installed import active_model
from recognition.services.enrolment import gates, photos, review
from recognition.services.enrolment.import_plan import read_plan
from recognition.services.enrolment.importing import import_people
from recognition.services.errors import Conflict, NotFound
from recognition.services.gallery.live import live_gallery
from recognition.services.identities import erasure, people
from recognition.services.recognition.recognise import identify
from recognition.services.thresholds import fitting_threshold
from recognition.services.thresholds.policies import active_policy
from tests.fakes import person_jpeg
from tests.galleries import people_folder

pytestmark = pytest.mark.django_db


def add(identity, number: int, variant: int = 0) -> Photo:
    photo = photos.add_photo(identity=identity, data=person_jpeg(number, variant=variant))
    photos.process_photos([photo.pk])
    photo.refresh_from_db()
    return photo


def outcome(photo: Photo) -> tuple[str, str, object]:
    photo.refresh_from_db()
    return photo.state, photo.reason, photo.resembles


@pytest.fixture
def ann(enrol):
    return enrol(1)


@pytest.fixture
def ben(enrol):
    return enrol(2)


def recognised(number: int):
    return identify(person_jpeg(number, variant=9)).faces[0].identity


class TestGate:
    def test_a_colleagues_photo_locks_nobody_out(self, ann, ben):
        """Found on a first version: with one photo of Ann under Ben neither could sign in."""
        wrong = add(ben, 1, 7)
        assert outcome(wrong) == ("review", "looks_like_another", ann)
        assert not wrong.embeddings.exists()
        assert (recognised(1), recognised(2)) == (ann, ben)

    def test_a_new_person_who_is_enrolled_already(self, ann):
        again = people.create_identity(name="Ann again")
        assert outcome(add(again, 1, 7)) == ("review", "looks_like_another", ann)
        assert again.pk not in live_gallery.current()

    def test_a_stranger_among_a_persons_photos(self, ann):
        assert outcome(add(ann, 5)) == ("review", "does_not_fit", None)

    def test_more_photos_of_a_person_count(self, ann, ben):
        assert {outcome(add(ann, 1, variant))[0] for variant in range(5, 9)} == {"ready"}

    def test_nearer_to_the_own_person_than_to_a_look_alike(self, ann, ben):
        """Of twins each photo goes to the nearer one."""
        version = active_model()
        mine = np.array(Embedding.objects.filter(identity=ann).first().vector)
        theirs = np.array(Embedding.objects.filter(identity=ben).first().vector)

        def between(share: float) -> np.ndarray:
            mixed = share * mine + (1 - share) * theirs
            return (mixed / np.linalg.norm(mixed)).astype(np.float32)

        assert gates.doubt_about(between(0.6), ann.pk, version) is None
        assert gates.doubt_about(between(0.4), ann.pk, version) == gates.Doubt("looks_like_another", ben.pk)

    def test_the_score_that_fits_is_where_one_stranger_in_a_hundred_passes(self, ann):
        policy = active_policy()
        assert fitting_threshold(policy) == policy.verify_threshold
        policy.measurements = {"tail": {"points": [[0.1, 0.1], [0.01, 0.25], [0.001, 0.4]]}}
        assert fitting_threshold(policy) == 0.25

    def test_an_import_fills_the_queue_and_finishes(self, ann, tmp_path):
        folder = people_folder(tmp_path / "people", people=3)
        report = import_people(read_plan(folder))
        assert (report.people, report.enrolled, report.in_review) == (3, 6, 3)
        assert {row["reason"] for row in report.rejected} == {"looks_like_another"}
        assert review.photos_in_review().count() == 3
        assert recognised(1) == ann

    def test_within_an_import_photos_of_one_person_are_compared(self, ann, tmp_path):
        folder = people_folder(tmp_path / "people", people=1, photos=3)
        home = folder / "Person_0"
        (home / "Person_0_0009.jpg").write_bytes(person_jpeg(7))
        report = import_people(read_plan(folder))
        assert (report.enrolled, report.in_review) == (3, 1)
        assert Photo.objects.get(filename="Person_0_0009.jpg").reason == "does_not_fit"


class TestAnswers:
    @pytest.fixture
    def doubtful(self, ann, ben) -> Photo:
        """A photo of Ann that was added to Ben."""
        return add(ben, 1, 7)

    def test_confirmed(self, doubtful, ben):
        review.confirm_photo(doubtful)
        photos.process_photos([doubtful.pk])
        assert outcome(doubtful) == ("ready", "", None)
        assert ben.embeddings.count() == 3

    def test_moved(self, doubtful, ann, ben):
        review.move_photo(doubtful, ann)
        photos.process_photos([doubtful.pk])
        assert outcome(doubtful) == ("ready", "", None)
        assert (doubtful.identity, ann.embeddings.count(), ben.embeddings.count()) == (ann, 3, 2)

    def test_moved_to_who_has_it_already(self, ann, ben):
        doubtful = add(ben, 1, 0)
        with pytest.raises(Conflict, match="has this very photo already"):
            review.move_photo(doubtful, ann)
        assert outcome(doubtful) == ("review", "looks_like_another", ann)

    def test_rejected(self, doubtful, ben):
        review.reject_photo(doubtful)
        assert outcome(doubtful) == ("rejected", "not_this_person", None)
        assert not photos.acceptable(doubtful)

    def test_merged(self, ann):
        again = people.create_identity(name="Ann again")
        first, second = add(again, 1, 7), add(again, 1, 8)
        assert review.merge_people_of(first) == ann
        photos.process_photos([first.pk, second.pk])
        assert {outcome(photo)[0] for photo in (first, second)} == {"ready"}
        assert ann.embeddings.count() == 4

    def test_whoever_comes_second_is_told(self, doubtful, ann):
        review.reject_photo(doubtful)
        for answer in (review.confirm_photo, review.reject_photo, review.merge_people_of):
            with pytest.raises(Conflict, match="decided meanwhile"):
                answer(doubtful)
        with pytest.raises(Conflict, match="decided meanwhile"):
            review.move_photo(doubtful, ann)

    def test_whom_it_resembled_is_erased(self, doubtful, ann):
        erasure.erase(ann)
        assert outcome(doubtful) == ("review", "looks_like_another", None)
        with pytest.raises(NotFound, match="erased meanwhile"):
            review.move_photo(doubtful, ann)
        with pytest.raises(Conflict):
            review.merge_people_of(doubtful)

    def test_the_oldest_comes_first(self, doubtful, ann, ben):
        second = add(ann, 2, 7)
        assert list(review.photos_in_review()) == [doubtful, second]
