"""Naming, joining and dismissing visitors; and what becomes of them when the person is erased."""

from __future__ import annotations

import pytest

from recognition.models import (
    Appearance,
    Consent,
    Correction,
    DataKey,
    Decision,
    Identity,
    ModelVersion,
    Photo,
    StoredFile,
    Visitor,
)
from recognition.sealing import forget_all_keys
from recognition.services import enrolment, identities, visitors
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.recognition import Asker, identify
from recognition.services.thresholds import active_policy
from tests.fakes import person_jpeg, person_vector

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor(shown) -> Visitor:
    for variant in range(3):
        shown(9, variant=variant)
    visitors.gather()
    return Visitor.objects.get()


def test_somebody_new(visitor, admin_user, door):
    cem = visitors.enrol_visitor(visitor, name="Cem", external_id="C1", by_id=admin_user.pk)
    assert set(Correction.objects.values_list("identity", "by")) == {(cem.pk, admin_user.pk)}
    assert Correction.objects.count() == 3
    assert not Visitor.objects.exists()
    assert not Appearance.objects.exists()
    assert cem.photos.count() == 3
    enrolment.process_photos(list(cem.photos.values_list("pk", flat=True)))
    assert set(cem.photos.values_list("state", flat=True)) == {Photo.State.READY}
    answer = identify(person_jpeg(9, variant=7), asker=Asker(api_key=door))
    assert answer.faces[0].identity == cem
    assert not Appearance.objects.exists()


def test_what_is_left_is_the_persons_and_goes_with_the_person(visitor):
    cem = visitors.enrol_visitor(visitor, name="Cem")
    assert set(DataKey.objects.values_list("identity", flat=True)) == {cem.pk}
    identities.erase(cem)
    assert not DataKey.objects.exists()
    assert not StoredFile.objects.exists()
    assert set(Correction.objects.values_list("identity", flat=True)) == {None}


def test_somebody_who_is_enrolled(visitor, enrol):
    ann = enrol(1)
    visitors.visitor_was(visitor, ann, with_photos=False)
    assert set(Correction.objects.values_list("identity", flat=True)) == {ann.pk}
    assert ann.photos.count() == 2
    assert not Visitor.objects.exists()
    assert DataKey.objects.filter(identity=None).count() == 0


def test_with_the_pictures_which_pass_the_gates_of_any_photo(visitor, enrol):
    ann = enrol(1)
    visitors.visitor_was(visitor, ann, with_photos=True)
    enrolment.process_photos(list(ann.photos.values_list("pk", flat=True)))
    assert sorted(ann.photos.values_list("state", flat=True)) == ["ready"] * 2 + ["review"] * 3


def test_the_same_picture_twice_is_one_photo(shown):
    for _ in range(2):
        shown(9)
    visitors.gather()
    assert visitors.enrol_visitor(Visitor.objects.get(), name="Cem").photos.count() == 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 300])
def test_a_bad_name_changes_nothing(visitor, name):
    with pytest.raises(Invalid):
        visitors.enrol_visitor(visitor, name=name)
    assert not Identity.objects.exists()
    assert not Correction.objects.exists()
    assert visitor.appearances.exclude(key=None).count() == 3


def test_consent_is_asked_for_where_the_site_demands_it(visitor, settings):
    settings.CONSENT_REQUIRED = True
    version = identities.consent_text().version
    with pytest.raises(Conflict, match="no consent"):
        visitors.enrol_visitor(visitor, name="Cem")
    assert not Identity.objects.exists()
    assert visitor.appearances.exclude(key=None).count() == 3
    agreed = visitors.Agreed(version, "owner")
    cem = visitors.enrol_visitor(visitor, name="Cem", agreed=agreed)
    assert Consent.objects.get().taken_by == "owner"
    assert cem.photos.count() == 3


def test_without_a_picture_nobody_is_made(visitor):
    DataKey.objects.all().delete()
    forget_all_keys()
    with pytest.raises(Conflict, match="No picture"):
        visitors.enrol_visitor(visitor, name="Cem")
    assert not Identity.objects.exists()
    assert Visitor.objects.exists()


def test_twice(visitor, enrol):
    ann = enrol(1)
    visitors.visitor_was(visitor, ann, with_photos=False)
    with pytest.raises(NotFound):
        visitors.visitor_was(visitor, ann, with_photos=False)
    with pytest.raises(NotFound):
        visitors.enrol_visitor(visitor, name="Cem")
    assert Identity.objects.count() == 1


def test_dismissed(visitor):
    visitors.dismiss(visitor)
    assert not Visitor.objects.exists()
    assert not Appearance.objects.exists()
    assert not DataKey.objects.exists()
    assert Decision.objects.count() == 3


class TestJoining:
    def test_two_are_one(self, visitor, shown):
        for variant in range(4):
            shown(8, variant=variant)
        visitors.gather()
        other = Visitor.objects.exclude(pk=visitor.pk).get()
        visitors.merge_visitors(into=visitor, other=other)
        assert Visitor.objects.get() == visitor
        assert visitor.appearances.count() == 7
        assert visitor.appearances.exclude(key=None).count() == DataKey.objects.count() == 5

    def test_not_with_itself_nor_with_who_is_gone(self, visitor):
        with pytest.raises(Invalid):
            visitors.merge_visitors(into=visitor, other=visitor)
        with pytest.raises(NotFound):
            visitors.merge_visitors(into=visitor, other=Visitor(pk=visitor.pk + 1))


def test_a_face_that_is_somebody_elses(visitor):
    row = visitor.appearances.first()
    visitors.take_out(row)
    assert visitor.appearances.count() == 2
    for row in visitor.appearances.all():
        visitors.take_out(row)
    assert not Visitor.objects.exists()


class TestWhatHappensElsewhere:
    def test_an_event_that_is_corrected_is_no_strangers_any_more(self, visitor, enrol):
        ann = enrol(1)
        identities.correct(Decision.objects.latest("pk"), to=ann)
        assert visitor.appearances.count() == 2
        assert DataKey.objects.filter(identity=None).count() == 2

    def test_a_person_who_is_erased_is_not_left_as_a_stranger(self, visitor, shown, enrol):
        """Enrolled by photos of their own, while the visitor was not named."""
        shown(8)
        visitors.gather()
        cem = enrol(9)
        identities.erase(cem)
        assert not Visitor.objects.filter(pk=visitor.pk).exists()
        assert Visitor.objects.count() == 1
        assert DataKey.objects.count() == 1

    def test_so_it_is_with_a_face_that_waits(self, shown, enrol):
        shown(9)
        identities.erase(enrol(9))
        assert not Appearance.objects.exists()


class TestErasingAfterAChangeOfTheModel:
    """The worker has not made the faces of strangers anew yet."""

    @pytest.fixture
    def two(self, shown) -> None:
        for number in (9, 8):
            shown(number)
            visitors.gather()

    @staticmethod
    def change() -> ModelVersion:
        before = active_policy().model_version
        ModelVersion.objects.update(active=False)
        ModelVersion.objects.create(
            name="other-embedder", version="1", sha256="0" * 64, dimensions=512, active=True
        )
        return before

    def test_who_has_vectors_of_the_former_model_is_compared_by_these(self, two, enrol):
        cem = enrol(9)
        self.change()
        identities.erase(cem)
        assert float(Appearance.objects.get().vector @ person_vector(8)) > 0.9
        assert Visitor.objects.count() == DataKey.objects.count() == 1

    def test_with_who_has_none_nobody_can_be_compared(self, two, enrol):
        self.change()
        identities.erase(enrol(9))
        assert not Appearance.objects.exists()
        assert not Visitor.objects.exists()
        assert not DataKey.objects.exists()

    def test_nor_when_the_model_is_gone(self, two, enrol):
        cem = enrol(9)
        Appearance.objects.update(model_version=None)
        identities.erase(cem)
        assert not Appearance.objects.exists()

    def test_those_who_are_made_anew_already_are(self, two, enrol, shown):
        self.change()
        visitors.gather()
        shown(7)
        identities.erase(enrol(9))
        assert Visitor.objects.count() == 1
        assert Appearance.objects.count() == 2

    def test_who_was_left_behind_by_the_change(self, two, enrol):
        cem = enrol(9)
        self.change()
        visitors.gather()
        identities.erase(cem)
        assert not Appearance.objects.exists()

    def test_who_never_had_a_face_takes_nobody_along(self, two):
        self.change()
        identities.erase(identities.create_identity(name="Cem"))
        assert Visitor.objects.count() == 2


class TestResemblance:
    def test_other_visitors_and_people(self, visitor, shown, enrol, monkeypatch):
        from recognition.services.visitors import gathering

        ann = enrol(1)
        monkeypatch.setattr(gathering, "threshold_among", lambda *_: 0.95)
        shown(9, variant=5)
        shown(8)
        visitors.gather()
        found = visitors.resemblance(visitor)
        (number, score), *others = found.visitors
        assert Appearance.objects.get(visitor=number).decision.pk
        assert score > 0.8
        assert others == []
        assert [pk for pk, _ in found.people] == [ann.pk]
