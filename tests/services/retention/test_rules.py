"""What is older than it may be goes, with its bytes, and nothing else does."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import Model, QuerySet
from django.utils import timezone

from recognition.models import (
    Appearance,
    Attendance,
    Decision,
    Embedding,
    Identity,
    Photo,
    ProbePicture,
    RetentionRun,
    StoredFile,
)
from recognition.services import keys
from recognition.services.enrolment import photos
from recognition.services.errors import Conflict
from recognition.services.identities import consents, people
from recognition.services.identities.export import export_people
from recognition.services.models import reembedding
from recognition.services.recognition import Asker, recognise
from recognition.services.retention import carry_out, rules
from tests.fakes import person_jpeg, wall_jpeg

pytestmark = pytest.mark.django_db
KINDS = [
    "withdrawn",
    "photos",
    "crops",
    "rejected",
    "probes",
    "visitors",
    "unknown",
    "decisions",
    "attendance",
]


def aged(row: Model, days: float, field: str = "created_at") -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**{field: timezone.now() - timedelta(days=days)})


def files() -> set[str]:
    return set(StoredFile.objects.values_list("name", flat=True))


def who_is(number: int) -> str:
    (face,) = recognise.identify(person_jpeg(number, variant=5), record=False).faces
    return face.candidates[0].identity.external_id if face.decision == "match" else face.decision


def test_every_kind_has_a_rule_and_by_default_nothing_ends_but_what_was_withdrawn():
    found = {rule.kind: rule.days for rule in rules()}
    ends = {"withdrawn": 30, "probes": 0, "visitors": 0, "imports": 7}
    assert found == dict.fromkeys(KINDS) | ends


def test_attendance_goes_by_when_people_came_and_not_by_when_it_arrived(enrol, settings):
    settings.KEEP_ATTENDANCE_DAYS = 10
    key, _ = keys.add_kiosk(name="Door", pause_seconds=0)
    ann = enrol(1)
    for days in (11, 9):
        at = timezone.now() - timedelta(days=days)
        Attendance.objects.create(identity=ann, kind="in", at=at, api_key=key, read=uuid4())
    assert carry_out() == {"attendance": 1}
    assert Attendance.objects.get().at > timezone.now() - timedelta(days=10)


class TestAClockThatWasAhead:
    """It has written times that have not come. A day is left to the clocks of other hosts."""

    @pytest.fixture
    def seen(self, enrol, settings) -> None:
        """Somebody unknown at a door, twice, somebody who comes in, twice, and two photos without a face."""
        settings.KEEP_PROBES_DAYS = settings.KEEP_VISITORS_DAYS = 10
        door, _ = keys.add_kiosk(name="Door", pause_seconds=0)
        ann = enrol(1)
        for number in range(2):
            recognise.identify(person_jpeg(9), asker=Asker(api_key=door))
            Attendance.objects.create(identity=ann, kind="in", at=timezone.now(), api_key=door, read=uuid4())
            photos.process_photos([photos.add_photo(identity=ann, data=wall_jpeg(number)).pk])

    @staticmethod
    def date(field: str, rows: QuerySet) -> None:
        """One 25 and one 23 hours from now."""
        numbers = rows.order_by("pk").values_list("pk", flat=True)
        for number, hours in zip(numbers, (25, 23), strict=True):
            rows.model._default_manager.filter(pk=number).update(
                **{field: timezone.now() + timedelta(hours=hours)}
            )

    @pytest.mark.parametrize(
        ("kind", "field", "rows"),
        [
            ("rejected", "created_at", lambda: Photo.objects.filter(state=Photo.State.REJECTED)),
            ("probes", "created_at", ProbePicture.objects.all),
            ("visitors", "at", Appearance.objects.all),
        ],
    )
    def test_keeps_nothing_for_longer(self, seen, settings, kind, field, rows):
        setattr(settings, f"KEEP_{kind.upper()}_DAYS", 10)
        self.date(field, rows())
        (rule,) = (rule for rule in rules() if rule.kind == kind)
        assert (rule.count(), rule.count_due()) == (2, 1)
        assert carry_out() == {kind: 1}
        assert rows().get()

    @pytest.mark.parametrize(
        ("kind", "rows"), [("probes", ProbePicture.objects), ("visitors", Appearance.objects)]
    )
    def test_nothing_is_left_where_nothing_is_kept(self, seen, settings, kind, rows):
        setattr(settings, f"KEEP_{kind.upper()}_DAYS", 0)
        self.date("at" if kind == "visitors" else "created_at", rows.all())
        assert carry_out() == {kind: 2}
        assert not rows.exists()

    def test_who_withdrew_is_erased_as_if_it_were_now(self, enrol, settings):
        ann = enrol(1, account=False)
        consents.withdraw_consent(ann)
        aged(ann, -400, "withdrawn_at")
        assert carry_out() == {}
        ann.refresh_from_db()
        assert ann.withdrawn_at < timezone.now()
        aged(ann, 31, "withdrawn_at")
        assert carry_out() == {"withdrawn": 1}

    def test_what_people_are_known_by_is_not_lost_to_a_clock_that_is_behind(self, enrol, settings):
        settings.KEEP_PHOTOS_DAYS = settings.KEEP_CROPS_DAYS = 10
        ann = enrol(1)
        for photo in ann.photos.all():
            aged(photo, -400)
        assert carry_out() == {}

    def test_nor_who_came_and_what_was_decided(self, seen, settings):
        settings.KEEP_ATTENDANCE_DAYS = settings.KEEP_DECISIONS_DAYS = settings.KEEP_UNKNOWN_DAYS = 10
        Attendance.objects.update(at=timezone.now() + timedelta(days=400))
        Decision.objects.update(created_at=timezone.now() + timedelta(days=400))
        assert carry_out() == {}


def test_nothing_goes_by_itself(enrol):
    enrol(1)
    recognise.identify(person_jpeg(2))
    for row in (*Photo.objects.all(), *Decision.objects.all()):
        aged(row, 9999)
    before = files()
    assert carry_out() == {}
    assert files() == before
    assert Decision.objects.count() == 1


def test_originals_go_and_the_person_is_recognised_all_the_same(enrol, settings):
    settings.KEEP_PHOTOS_DAYS = 10
    ann = enrol(1)
    old, young = ann.photos.all()
    aged(old, 10.1), aged(young, 9.9)
    assert carry_out() == {"photos": 1}
    assert files() == {old.crop.name, young.image.name, young.crop.name}
    old.refresh_from_db()
    assert not old.image
    assert who_is(1) == "F1"
    assert carry_out() == {}


def test_without_its_picture_no_other_face_can_be_chosen_and_a_new_model_takes_the_crop(
    enrol, settings, tmp_path
):
    settings.KEEP_PHOTOS_DAYS = 10
    ann = enrol(1, photo_count=1)
    (photo,) = ann.photos.all()
    aged(photo, 11)
    carry_out()
    with pytest.raises(Conflict) as refused:
        photos.choose_face(photo=photo, face=0)
    assert refused.value.code == "no_picture"
    photo.refresh_from_db()
    assert photo.state == Photo.State.READY
    assert reembedding._crop(reembedding._read(photo)) is not None
    assert export_people(tmp_path / "out") == (1, 0)


def test_crops_go_and_vectors_stay(enrol, settings):
    settings.KEEP_CROPS_DAYS = 10
    ann = enrol(1, photo_count=1)
    (photo,) = ann.photos.all()
    aged(photo, 11)
    assert carry_out() == {"crops": 1}
    assert files() == {photo.image.name}
    assert Embedding.objects.count() == 1
    assert who_is(1) == "F1"


def test_rejected_photos_go_whole_and_those_in_use_stay(enrol, settings):
    settings.KEEP_REJECTED_DAYS = 10
    ann = enrol(1, photo_count=1)
    wall = photos.add_photo(identity=ann, data=wall_jpeg())
    photos.process_photos([wall.pk])
    waiting = photos.add_photo(identity=ann, data=wall_jpeg(1))
    for photo in Photo.objects.all():
        aged(photo, 11)
    assert carry_out() == {"rejected": 1}
    assert not Photo.objects.filter(pk=wall.pk).exists()
    assert Photo.objects.filter(pk=waiting.pk).exists()
    assert len(files()) == 3


def test_decisions_about_strangers_go_earlier(enrol, settings):
    settings.KEEP_UNKNOWN_DAYS, settings.KEEP_DECISIONS_DAYS = 5, 10
    enrol(1)
    for number in (1, 2):
        for _ in range(3):
            recognise.identify(person_jpeg(number, variant=5))
    for decision, days in zip(Decision.objects.order_by("id"), (4, 6, 11, 4, 6, 11), strict=True):
        aged(decision, days)
    known, unknown = Decision.objects.exclude(identity=None), Decision.objects.filter(identity=None)
    assert (known.count(), unknown.count()) == (3, 3)
    assert carry_out() == {"unknown": 2, "decisions": 1}
    assert (known.count(), unknown.count()) == (2, 1)


def test_a_picture_goes_with_the_last_decision_about_it(enrol, settings):
    settings.KEEP_PROBES_DAYS, settings.KEEP_UNKNOWN_DAYS = 100, 5
    enrol(1)
    recognise.identify(person_jpeg(1, 2, variant=5))  # a stranger beside somebody known
    recognise.identify(person_jpeg(3))
    for decision in Decision.objects.all():
        aged(decision, 6)
    both = Decision.objects.exclude(identity=None).get().probe
    assert carry_out() == {"unknown": 2}
    assert ProbePicture.objects.get().probe == both
    assert len(files()) == 5


def test_many_decisions_go_in_several_transactions(settings, monkeypatch):
    from recognition.services.recognition import ageing

    monkeypatch.setattr(ageing, "BATCH", 2)
    settings.KEEP_DECISIONS_DAYS = 1
    for _ in range(5):
        recognise.identify(person_jpeg(1))
    for decision in Decision.objects.all():
        aged(decision, 2)
    recognise.identify(person_jpeg(1))
    assert carry_out() == {"decisions": 5}
    assert Decision.objects.count() == 1


def test_people_who_withdrew_are_erased(enrol):
    ann = enrol(1, account=False)
    consents.withdraw_consent(ann)
    aged(ann, 31, "withdrawn_at")
    assert carry_out() == {"withdrawn": 1}
    assert not Identity.objects.exists()
    assert files() == set()


def test_one_that_fails_keeps_no_other_from_being_carried_out(settings, monkeypatch):
    settings.KEEP_DECISIONS_DAYS = 1
    recognise.identify(person_jpeg(1))
    aged(Decision.objects.get(), 2)

    def fail() -> int:
        raise OSError("disk")

    monkeypatch.setattr("recognition.services.identities.erase_withdrawn", fail)
    with pytest.raises(OSError, match="disk"):
        carry_out()
    assert not Decision.objects.exists()
    assert RetentionRun.objects.get().removed == {"decisions": 1}


def test_runs_that_removed_nothing_share_a_row(settings):
    carry_out(), carry_out()
    first = RetentionRun.objects.get()
    people.create_identity(name="Ann")
    consents.withdraw_consent(Identity.objects.get())
    aged(Identity.objects.get(), 31, "withdrawn_at")
    carry_out(), carry_out(), carry_out()
    assert [run.removed for run in RetentionRun.objects.order_by("id")] == [{}, {"withdrawn": 1}, {}]
    assert RetentionRun.objects.get(pk=first.pk).ended_at > first.ended_at - timedelta(seconds=1)


def test_the_rules_tell_how_much_there_is_and_how_much_is_too_old(enrol, settings):
    settings.KEEP_PHOTOS_DAYS = 10
    ann = enrol(1, photo_count=3)
    aged(ann.photos.first(), 11)
    (rule,) = (rule for rule in rules() if rule.kind == "photos")
    assert (rule.count(), rule.count_due()) == (3, 1)
