"""Two people who turn out to be one, and are parted again."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import User
from recognition.models import (
    ApiKey,
    Attendance,
    AuditEntry,
    Consent,
    DataKey,
    Decision,
    Embedding,
    Identity,
    Merge,
    Photo,
)
from recognition.services import identities, keys
from recognition.services.analysis.installed import active_model
from recognition.services.enrolment import photos
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.identities import consents, erasure, people, traces
from recognition.services.identities.merging import merge, merges_into, numbers_of, undo_merge
from recognition.services.recognition.recognise import identify
from tests.fakes import person_jpeg, person_vector
from tests.galleries import process_as_theirs

pytestmark = pytest.mark.django_db


def recognised(number: int, variant: int = 9) -> str | None:
    answer = identify(person_jpeg(number, variant=variant)).faces[0]
    return answer.identity.external_id if answer.identity else None


def everything() -> list[object]:
    """All rows that merging touches, without when they were changed."""
    return [
        list(
            Identity.everyone.order_by("pk").values(
                "pk", "name", "external_id", "status", "user", "merged_into"
            )
        ),
        list(Photo.objects.order_by("pk").values("pk", "identity", "sha256", "state", "resembles")),
        list(Embedding.objects.order_by("pk").values("pk", "identity", "photo", "source")),
        list(Attendance.objects.order_by("pk").values("pk", "identity")),
        list(Consent.objects.order_by("pk").values("pk", "identity")),
        list(DataKey.objects.order_by("pk").values("pk", "identity")),
        list(Decision.objects.order_by("pk").values("pk", "identity", "candidates", "outcome")),
    ]


@pytest.fixture
def ann(enrol) -> Identity:
    return enrol(1)


@pytest.fixture
def twin(enrol) -> Identity:
    return enrol(2, account=False)


def fresh(identity: Identity) -> Identity:
    return Identity.everyone.get(pk=identity.pk)


class TestMerging:
    def test_everything_goes_to_one(self, ann, twin):
        assert recognised(2) == "F2"
        merge(into=ann, other=twin)
        assert list(Identity.objects.all()) == [ann]
        assert ann.photos.count() == ann.embeddings.count() == 4
        assert recognised(2) == recognised(1) == "F1"

    def test_past_decisions_go_on_to_say_whom_they_named(self, ann, twin):
        recognised(2)
        before = Decision.objects.values("identity", "candidates").get()
        assert before["identity"] == twin.pk
        merge(into=ann, other=twin)
        assert Decision.objects.values("identity", "candidates").get() == before

    def test_the_id_leads_to_the_one_who_stayed(self, ann, twin, enrol):
        merge(into=ann, other=twin)
        assert people.get_identity("F2") == ann
        ben = enrol(3, account=False)
        merge(into=ben, other=fresh(ann))
        assert people.get_identity("F2") == people.get_identity("F1") == ben
        assert numbers_of(ben.pk) == [ben.pk, ann.pk, twin.pk]
        with pytest.raises(Conflict) as caught:
            people.create_identity(name="Another", external_id="F2")
        assert caught.value.code == "id_taken"

    def test_a_file_that_both_have_counts_once_and_the_ready_one_wins(self, enrol):
        ann = enrol(1, photo_count=1)
        twin = people.create_identity(name="Twin")
        for data in (person_jpeg(1), person_jpeg(1, 2)):
            process_as_theirs(photos.add_photo(identity=twin, data=data).pk)
        group = photos.add_photo(identity=ann, data=person_jpeg(1, 2))
        photos.process_photos([group.pk])
        waits = twin.photos.get(sha256=group.sha256)
        photos.choose_face(photo=waits, face=0)
        process_as_theirs(waits.pk)
        before = everything()
        merge(into=ann, other=twin)
        assert sorted(ann.photos.values_list("state", flat=True)) == ["ready", "ready"]
        assert Embedding.objects.filter(identity=ann).count() == 2
        undo_merge(Merge.objects.get())
        assert everything() == before

    def test_the_account_moves_along(self, enrol):
        ann, twin = enrol(1, account=False), enrol(2)
        account = twin.user
        assert merge(into=ann, other=twin).user == account
        assert fresh(twin).user is None
        undo_merge(Merge.objects.get())
        assert (fresh(ann).user, fresh(twin).user) == (None, account)

    def test_two_accounts_are_one_too_many(self, enrol):
        with pytest.raises(Conflict) as caught:
            merge(into=enrol(1), other=enrol(2))
        assert caught.value.code == "two_accounts"
        assert Identity.objects.count() == 2

    def test_not_with_oneself_and_not_with_nobody(self, ann, twin):
        with pytest.raises(Invalid):
            merge(into=ann, other=ann)
        ben = people.create_identity(name="Ben")
        merge(into=ann, other=twin)
        for into, other in ((ben, twin), (twin, ben)):
            with pytest.raises(NotFound):
                merge(into=into, other=other)
        erasure.erase(ben)
        with pytest.raises(NotFound):
            merge(into=ann, other=ben)

    def test_imported_vectors_of_the_same_name(self, enrol):
        ann, ben = enrol(1, photo_count=0), enrol(2, photo_count=0, account=False)
        for person, number in ((ann, 1), (ben, 2)):
            Embedding.objects.create(
                identity=person, model_version=active_model(), vector=person_vector(number), source="1.jpg"
            )
        before = everything()
        merge(into=ann, other=ben)
        sources = sorted(Embedding.objects.filter(identity=ann).values_list("source", flat=True))
        assert sources == ["1.jpg", "1.jpg (F2 2)"]
        undo_merge(Merge.objects.get())
        assert everything() == before

    def test_it_is_noted_who_did_it(self, ann, twin):
        boss = User.objects.create_user("boss")
        merge(into=ann, other=twin, user_id=boss.pk)
        assert Merge.objects.get().by == boss
        entry = AuditEntry.objects.get(action="merge.added")
        assert (entry.person, entry.detail["other_id"]) == (ann.pk, twin.pk)


class TestUndoing:
    @pytest.fixture
    def rich(self, ann, twin) -> Identity:
        """With everything that a person may have."""
        consents.give_consent(twin, way="staff")
        door: ApiKey = keys.add_kiosk(name="Door")[0]
        for person in (ann, twin):
            Attendance.objects.create(
                identity=person,
                kind="in",
                at=timezone.now(),
                api_key=door,
                read="12345678123456781234567812345678",
            )
        recognised(2)
        recognised(1)
        Photo.objects.filter(identity=ann).update(resembles=twin)
        people.suspend(twin)
        return fresh(twin)

    def test_everything_is_as_it_was(self, ann, rich):
        before = everything()
        merge(into=ann, other=rich)
        assert everything() != before
        assert undo_merge(Merge.objects.get()) == rich
        assert everything() == before

    def test_both_are_recognised_again(self, ann, twin):
        merge(into=ann, other=twin)
        undo_merge(Merge.objects.get())
        assert (recognised(1), recognised(2)) == ("F1", "F2")

    def test_what_came_since_stays(self, ann, twin):
        merge(into=ann, other=twin)
        new = photos.add_photo(identity=ann, data=person_jpeg(1, variant=7))
        photos.process_photos([new.pk])
        recognised(2)
        undo_merge(Merge.objects.get())
        assert new in fresh(ann).photos.all()
        assert Decision.objects.latest("id").identity == ann

    def test_what_was_deleted_or_given_to_others_since_stays_so(self, ann, twin, enrol):
        ben = enrol(3, account=False)
        first, second = twin.photos.order_by("pk")
        merge(into=ann, other=twin)
        photos.delete_photo(photo=first)
        Photo.objects.filter(pk=second.pk).update(identity=ben)
        undo_merge(Merge.objects.get())
        assert not fresh(twin).photos.exists()
        assert second in ben.photos.all()

    def test_each_keeps_all_when_the_other_is_erased_afterwards(self, ann, twin):
        merge(into=ann, other=twin)
        new = photos.add_photo(identity=ann, data=person_jpeg(1, variant=7))
        process_as_theirs(new.pk)
        undo_merge(Merge.objects.get())
        erasure.erase(fresh(twin))
        for photo in fresh(ann).photos.all():
            assert default_storage.open(photo.image.name).read()
            assert photo.image.open().read()
            assert len(photo.embeddings.get().vector) == 512
        assert recognised(1) == "F1"

    def test_a_photo_left_behind_for_another_one_comes_forward(self, ann, twin, enrol):
        third = enrol(3, account=False)
        same = person_jpeg(2, variant=7)
        for person in (twin, third):
            process_as_theirs(photos.add_photo(identity=person, data=same).pk)
        merge(into=ann, other=twin)
        merge(into=ann, other=third)
        assert ann.photos.filter(sha256=photos.digest_of(same)).count() == 1
        undo_merge(Merge.objects.get(other=twin))
        assert ann.photos.filter(sha256=photos.digest_of(same)).count() == 1
        undo_merge(Merge.objects.get(other=third))
        assert [fresh(one).photos.count() for one in (ann, twin, third)] == [2, 3, 3]

    def test_once(self, ann, twin):
        merge(into=ann, other=twin)
        done = Merge.objects.get()
        undo_merge(done)
        with pytest.raises(Conflict) as caught:
            undo_merge(done)
        assert caught.value.code == "undone"
        merge(into=ann, other=fresh(twin))
        assert [one.other for one in merges_into(ann)] == [twin]
        with pytest.raises(Conflict):
            undo_merge(done)

    def test_the_last_one_first(self, ann, twin, enrol):
        ben = enrol(3, account=False)
        before = everything()
        merge(into=ann, other=twin)
        merge(into=ben, other=fresh(ann))
        first, second = Merge.objects.order_by("pk")
        with pytest.raises(Conflict) as caught:
            undo_merge(first)
        assert caught.value.code == "merged_since"
        undo_merge(second)
        undo_merge(first)
        assert everything() == before

    def test_not_after_consent_was_withdrawn_for_both(self, ann, twin):
        merge(into=ann, other=twin)
        consents.give_consent(ann, way="staff")
        consents.withdraw_consent(ann)
        with pytest.raises(Conflict) as caught:
            undo_merge(Merge.objects.get())
        assert caught.value.code == "consent_withdrawn"


class TestErasing:
    @pytest.fixture
    def receipt(self, ann, twin, settings, tmp_path) -> dict:
        settings.DATA_DIR = tmp_path / "data"
        recognised(2)
        process_as_theirs(photos.add_photo(identity=twin, data=person_jpeg(1, variant=1)).pk)
        content_type = ContentType.objects.get_for_model(Identity)
        boss = User.objects.create_user("boss")
        LogEntry.objects.create(
            user=boss,
            content_type=content_type,
            object_id=str(twin.pk),
            object_repr=str(twin),
            action_flag=CHANGE,
        )
        merge(into=ann, other=twin)
        recognised(1)
        return erasure.erase(fresh(ann), by="clerk")

    def test_takes_those_who_were_merged_along(self, receipt, ann, twin):
        assert not Identity.everyone.exists()
        assert not Photo.objects.exists()
        assert not DataKey.objects.exists()
        assert not Merge.objects.exists()
        assert not traces.decisions_about(ann.pk, twin.pk).exists()
        assert twin.name not in json.dumps(list(LogEntry.objects.values("object_repr")))
        assert all(not default_storage.exists(row["name"]) for row in receipt["files"])

    def test_the_receipt_counts_both(self, receipt, twin):
        assert receipt["person"]["merged"] == [twin.pk]
        assert receipt["counts"]["decisions"] == 2
        assert receipt["counts"]["photos"] == 5
        assert traces.traces_of(receipt) == []


def test_the_copy_of_ones_data_has_what_was_decided_before(ann, twin, tmp_path):
    recognised(2)
    merge(into=ann, other=twin)
    target: Callable[..., object] = identities.write_access_copy
    target(fresh(ann), tmp_path / "copy.zip")
    import zipfile

    rows = zipfile.ZipFile(tmp_path / "copy.zip").read("decisions.csv").decode().splitlines()
    assert sum("the person" in row for row in rows[1:]) >= 1
