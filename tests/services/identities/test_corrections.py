"""What staff say of an event afterwards: the record stays, attendance follows, who is confused is known."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from uuid import uuid4

import pytest

from recognition.models import ApiKey, Attendance, Correction, Decision, Identity, Lookalikes, ProbePicture
from recognition.services import keys
from recognition.services.attendance import read
from recognition.services.errors import Conflict, Invalid
from recognition.services.identities import (
    add_lookalikes,
    correct,
    erase,
    lookalikes_of,
    merge,
    merges_into,
    remove_lookalikes,
    take_back_correction,
    undo_merge,
    write_access_copy,
)
from recognition.services.recognition import Asker, identify
from tests.fakes import person_jpeg, wall_jpeg

pytestmark = pytest.mark.django_db


@pytest.fixture
def door() -> ApiKey:
    return keys.add_kiosk(name="Door", place="Gate")[0]


def shown(door: ApiKey, number: int, *, ago: float = 0) -> Decision:
    """The kiosk sees this person, so many minutes ago."""
    read(person_jpeg(number, variant=5), asker=Asker(api_key=door), read=uuid4(), age=timedelta(minutes=ago))
    return Decision.objects.latest("pk")


def times_of(identity: object) -> list[str]:
    return list(Attendance.objects.filter(identity=identity).order_by("at").values_list("kind", flat=True))


class TestCorrecting:
    def test_it_was_somebody_else(self, door, enrol, admin_user):
        ann, ben = enrol(1), enrol(2)
        decision = shown(door, 1)
        before = Attendance.objects.get()
        correct(decision, to=ben, by_id=admin_user.pk)
        decision.refresh_from_db()
        assert (decision.identity, decision.outcome) == (ann, Decision.Outcome.MATCH)  # as it was recorded
        assert (Correction.objects.get().identity, Correction.objects.get().by) == (ben, admin_user)
        after = Attendance.objects.get()
        assert (after.identity, after.at, after.place, after.decision) == (ben, before.at, "Gate", decision)
        assert after.created_at == before.created_at
        assert lookalikes_of(ann) == [ben]
        assert Lookalikes.objects.get().source == Lookalikes.Source.CORRECTION

    def test_it_was_nobody_who_is_known(self, door, enrol):
        ann = enrol(1)
        correct(shown(door, 1), to=None)
        assert Correction.objects.get().identity is None
        assert not Attendance.objects.exists()
        assert lookalikes_of(ann) == []

    def test_a_stranger_who_was_somebody(self, enrol):
        ann = enrol(1)
        identify(person_jpeg(9), asker=Asker())
        correct(Decision.objects.get(), to=ann)
        assert Correction.objects.get().identity == ann
        assert not Lookalikes.objects.exists()  # nobody was taken for another

    def test_a_later_one_takes_its_place(self, door, enrol):
        ann, ben, cem = enrol(1), enrol(2), enrol(3)
        decision = shown(door, 1)
        correct(decision, to=ben)
        correct(decision, to=cem)
        assert Correction.objects.get().identity == cem
        assert [times_of(one) for one in (ann, ben, cem)] == [[], [], ["in"]]
        assert lookalikes_of(ann) == [ben, cem]

    def test_taken_back(self, door, enrol):
        ann, ben = enrol(1), enrol(2)
        decision = shown(door, 1)
        was = Attendance.objects.values("identity", "kind", "at", "place", "read", "created_at").get()
        for to in (ben, None):
            correct(decision, to=to)
            take_back_correction(decision)
            assert not Correction.objects.exists()
            assert (
                Attendance.objects.values("identity", "kind", "at", "place", "read", "created_at").get()
                == was
            )
        assert lookalikes_of(ann) == [ben]  # that they are confused is known all the same
        with pytest.raises(Conflict, match="as it was decided"):
            take_back_correction(decision)

    def test_what_was_decided_is_no_correction(self, door, enrol):
        ann, ben = enrol(1), enrol(2)
        decision = shown(door, 1)
        correct(decision, to=ben)
        with pytest.raises(Invalid, match="what was decided"):
            correct(decision, to=ann)
        assert Correction.objects.get().identity == ben  # and nothing half done
        assert times_of(ben) == ["in"]

    def test_nobody_was_looked_for(self):
        identify(wall_jpeg(), asker=Asker())
        with pytest.raises(Conflict, match="Nobody was looked for"):
            correct(Decision.objects.get(), to=None)


class TestAttendance:
    def test_in_and_out_follow_by_turns_for_both(self, door, enrol):
        ann, ben = enrol(1), enrol(2)
        shown(door, 1, ago=50)
        wrong = shown(door, 1, ago=40)
        shown(door, 1, ago=30)
        shown(door, 2, ago=20)
        assert (times_of(ann), times_of(ben)) == (["in", "out", "in"], ["in"])
        correct(wrong, to=ben)
        assert (times_of(ann), times_of(ben)) == (["in", "out"], ["in", "out"])
        take_back_correction(wrong)
        assert (times_of(ann), times_of(ben)) == (["in", "out", "in"], ["in"])

    def test_who_has_it_already_is_not_recorded_twice(self, door, enrol):
        ann, ben = enrol(1), enrol(2)
        shown(door, 2)
        decision = shown(door, 1)
        correct(decision, to=ben)
        assert (times_of(ann), times_of(ben)) == ([], ["in"])
        take_back_correction(decision)
        assert (times_of(ann), times_of(ben)) == (["in"], ["in"])


class TestWhatHappensToThePeople:
    def test_erasing_forgets_them(self, door, enrol):
        ann, ben = enrol(1), enrol(2)
        correct(shown(door, 1), to=ben)
        erase(ben)
        assert Correction.objects.get().identity is None
        assert not Lookalikes.objects.exists()
        assert not Attendance.objects.exists()
        assert ann.pk

    def test_look_alikes_of_who_was_merged(self, enrol):
        ann, ben, cem = enrol(1), enrol(2), enrol(3, account=False)
        add_lookalikes(cem, ben)
        merge(into=ann, other=cem)
        assert lookalikes_of(ann) == [ben]
        assert lookalikes_of(ben) == [ann]
        undo_merge(merges_into(ann)[0])
        assert lookalikes_of(ann) == []
        assert lookalikes_of(ben) == [cem]

    def test_the_two_are_one(self, enrol):
        ann, ben = enrol(1), enrol(2, account=False)
        add_lookalikes(ann, ben)
        merge(into=ann, other=ben)
        assert lookalikes_of(ann) == []

    def test_taken_back_after_the_person_was_merged(self, door, enrol):
        """Who was decided stands for somebody else by then, who gets the attendance."""
        ann, ben, cem = enrol(1), enrol(2, account=False), enrol(3)
        decision = shown(door, 2)
        correct(decision, to=cem)
        merge(into=ann, other=ben)
        take_back_correction(decision)
        assert [times_of(one) for one in (ann, ben, cem)] == [["in"], [], []]

    def test_who_was_decided_by_the_name_of_then(self, door, enrol):
        ann, ben = enrol(1), enrol(2, account=False)
        decision = shown(door, 2)
        merge(into=ann, other=ben)
        with pytest.raises(Invalid, match="what was decided"):
            correct(decision, to=ann)
        assert times_of(ann) == ["in"]

    def test_a_decision_that_is_too_old_takes_its_correction_along(self, door, enrol):
        ann, ben = enrol(1), enrol(2)
        correct(shown(door, 1), to=ben)
        Decision.objects.all().delete()
        assert not Correction.objects.exists()
        assert lookalikes_of(ann) == [ben]


class TestPairs:
    def test_once_in_whichever_order(self, enrol, admin_user):
        ann, ben = enrol(1), enrol(2)
        pair = add_lookalikes(ben, ann, by_id=admin_user.pk)
        assert add_lookalikes(ann, ben).pk == pair.pk
        assert (pair.first, pair.second, pair.by) == (ann, ben, admin_user)
        remove_lookalikes(pair)
        assert lookalikes_of(ann) == []

    def test_nobody_with_themselves(self, enrol):
        ann = enrol(1)
        with pytest.raises(Invalid, match="two different people"):
            add_lookalikes(ann, ann)


class TestKeptPictures:
    @pytest.fixture(autouse=True)
    def kept(self, settings):
        settings.KEEP_PROBES_DAYS = 3

    def test_erasing_takes_the_one_that_was_corrected_to_them(self, enrol):
        enrol(1)
        ben = enrol(2)
        identify(person_jpeg(1, variant=5), asker=Asker())
        correct(Decision.objects.get(), to=ben)
        assert ProbePicture.objects.exists()
        erase(ben)
        assert not ProbePicture.objects.exists()

    def test_nobody_is_handed_the_picture_of_another(self, enrol):
        """Before, the copy of whoever was taken for somebody had that person's picture in it."""
        ann, ben = enrol(1), enrol(2)
        identify(person_jpeg(1, variant=5), asker=Asker())
        assert pictures_of(ann) == 1
        correct(Decision.objects.get(), to=ben)
        assert (pictures_of(ann), pictures_of(ben)) == (0, 1)
        correct(Decision.objects.get(), to=None)
        assert (pictures_of(ann), pictures_of(ben)) == (0, 0)


def pictures_of(person: Identity) -> int:
    file = io.BytesIO()
    write_access_copy(person, file)
    return sum(name.startswith("pictures/") for name in zipfile.ZipFile(file).namelist())
