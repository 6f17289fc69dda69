"""The receipt of an erasure: what it says, that it is signed, and what checking it finds."""

from __future__ import annotations

import json
import stat
from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from recognition.models import Decision, Embedding, Erasure, Identity, Photo, ProbePicture
from recognition.services.enrolment import photos
from recognition.services.errors import Invalid
from recognition.services.gallery import rebuild_index
from recognition.services.gallery.live import live_gallery
from recognition.services.identities import consents, erasure, people, receipts, traces
from recognition.services.recognition import recognise
from tests.digests import without_digests
from tests.fakes import person_jpeg

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture
def ann(enrol, settings) -> Identity:
    settings.KEEP_PROBES_DAYS = 7
    ann = enrol(1)
    consents.give_consent(ann, way="staff")
    recognise.identify(person_jpeg(1, variant=5))
    LogEntry.objects.log_actions(ann.user.pk, [ann], CHANGE, single_object=True)
    return ann


def left(receipt) -> dict[str, int]:
    return {trace.kind: trace.count for trace in traces.traces_of(receipt) if not trace.note}


def test_says_what_was_erased_and_names_nobody(ann):
    numbers = set(ann.photos.values_list("pk", flat=True))
    names = {name for photo in ann.photos.all() for name in (photo.image.name, photo.crop.name)}
    names |= {picture.image.name for picture in ProbePicture.objects.all()}
    before = timezone.now()
    receipt = erasure.erase(ann, by="clerk")
    assert receipt["counts"] == {
        "photos": 2,
        "crops": 2,
        "vectors": 2,
        "keys": 1,
        "consents": 1,
        "invitations": 0,
        "attendance": 0,
        "decisions": 1,
        "pictures shown for recognition": 1,
        "entries of the admin's log": 1,
    }
    assert {row["number"] for row in receipt["photos"]} == numbers
    assert {row["name"] for row in receipt["files"]} == names
    assert all(len(row["sha256"]) == 64 for row in receipt["files"])
    assert before.isoformat() <= receipt["erased_at"] <= timezone.now().isoformat()
    assert receipt["person"]["enrolled_at"] == ann.created_at.isoformat()
    text = without_digests(json.dumps(receipt))
    assert ann.name not in text
    assert ann.external_id not in text
    assert "clerk" not in text


def test_is_kept_in_the_database_and_beside_it(ann, settings):
    receipt = erasure.erase(ann, by="clerk")
    kept = Erasure.objects.get()
    assert (kept.receipt, kept.by) == (receipt, "clerk")
    (path,) = (settings.DATA_DIR / "receipts").iterdir()
    assert receipts.read_receipt(path) == receipt
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert traces.known_receipts() == [receipt]
    Erasure.objects.all().delete()  # as in an older backup
    assert traces.known_receipts() == [receipt]


def test_a_data_folder_that_takes_no_file_keeps_nobody_from_being_erased(ann, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "file"
    settings.DATA_DIR.touch()
    assert erasure.erase(ann) is not None
    assert not Identity.objects.exists()


def test_nothing_is_left(ann):
    receipt = erasure.erase(ann)
    assert receipts.check_signature(receipt) == receipt
    assert left(receipt) == {}


def test_erased_twice_there_is_one_receipt(ann):
    assert erasure.erase(ann) is not None
    assert erasure.erase(ann) is None
    assert Erasure.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"erased_at": "2020-01-01T00:00:00+00:00"},
        {"counts": {}},
        {"person": {"number": 1, "enrolled_at": "2020-01-01T00:00:00+00:00"}},
        {"signature": "AAAA"},
        {"signature": 7},
        {"signature": None},
        {"public_key": ""},
        {"more": 1},
    ],
)
def test_a_changed_receipt_is_found_out(ann, change):
    receipt = erasure.erase(ann)
    with pytest.raises(Invalid) as refused:
        receipts.check_signature(receipt | change)
    assert refused.value.code == "wrong_signature"


@pytest.mark.parametrize(
    "thing", [None, [], "x", {}, {"kind": receipts.KIND}, {"kind": receipts.KIND, "format": 2}]
)
def test_what_is_no_receipt(thing):
    with pytest.raises(Invalid) as refused:
        receipts.check_signature(thing)
    assert refused.value.code == "no_receipt"


def test_a_receipt_of_somebody_elses_site(ann, settings):
    receipt = erasure.erase(ann)
    own = settings.SITE_KEYS
    settings.SITE_KEYS = ["another key of another site, long enough"]
    with pytest.raises(Invalid) as refused:
        receipts.check_signature(receipt)
    assert refused.value.code == "other_site"
    settings.SITE_KEYS = [*settings.SITE_KEYS, *own]  # replaced, the former one kept
    assert receipts.check_signature(receipt) == receipt


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, "\x00", "null", "3"])
def test_files_that_are_no_receipts(tmp_path, content):
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(Invalid):
        receipts.read_receipt(tmp_path / "r.json")
    with pytest.raises(Invalid):
        receipts.read_receipt(tmp_path / "nothing")


def restore(ann: Identity, rows: list[object]) -> None:
    """Bring rows back as they were, as a restored backup does."""
    for row in rows:
        times = {
            f.attname: getattr(row, f.attname) for f in row._meta.fields if getattr(f, "auto_now_add", False)
        }
        row.save(force_insert=True)
        type(row).objects.filter(pk=row.pk).update(**times)
    live_gallery.forget()


def test_a_restored_backup_is_found_out_and_can_be_erased_again(ann):
    rows = [ann, *ann.data_keys.all(), *ann.photos.all(), *Embedding.objects.filter(identity=ann)]
    decisions = list(Decision.objects.all())
    files = {
        name: default_storage.open(name).read() for name in Photo.objects.values_list("image", flat=True)
    }
    receipt = erasure.erase(ann)
    for decision in decisions:
        Decision.objects.filter(pk=decision.pk).update(candidates=decision.candidates)
    for name, data in files.items():
        default_storage.save(name, ContentFile(data))
    restore(ann, rows)
    assert left(receipt) == {
        "the person": 1,
        "photos": 2,
        "files": 2,
        "vectors": 2,
        "keys": 1,
        "decisions that name the person": 1,
    }
    again = erasure.erase(traces.person_of(receipt))
    assert left(receipt) == left(again) == {}


def test_each_trace_alone_is_found(ann):
    photo, vector = ann.photos.first(), Embedding.objects.filter(identity=ann).first()
    owner = ann.user
    receipt = erasure.erase(ann)
    default_storage.save(photo.crop.name, ContentFile(b"x"))
    assert left(receipt) == {"files": 1}
    default_storage.delete(photo.crop.name)
    LogEntry.objects.log_actions(owner.pk, [ann], CHANGE, single_object=True)
    LogEntry.objects.filter(object_repr=str(ann)).update(
        object_id=str(receipt["person"]["number"]), action_time=timezone.now() - timedelta(hours=1)
    )
    assert left(receipt) == {"entries of the admin's log with the name": 1}
    assert vector.pk


def test_somebody_enrolled_later_is_no_trace(ann, enrol):
    number = ann.pk
    receipt = erasure.erase(ann)
    # The same photos, the same number, as after a backup from before the first one was enrolled.
    new = people.create_identity(name="Ann again", external_id="A-2")
    Identity.objects.filter(pk=new.pk).update(id=number)
    new = Identity.objects.get(pk=number)
    for variant in range(2):
        photos.process_photos([photos.add_photo(identity=new, data=person_jpeg(1, variant=variant)).pk])
    recognise.identify(person_jpeg(1, variant=5))
    assert traces.person_of(receipt) is None
    assert left(receipt) == {}


def test_the_very_file_at_another_person_is_said_and_no_failure(ann):
    bo = people.create_identity(name="Bo")
    photos.add_photo(identity=bo, data=person_jpeg(1, variant=0))
    receipt = erasure.erase(ann)
    (trace,) = traces.traces_of(receipt)
    assert (trace.kind, trace.count) == ("photos of other people from the same files", 1)
    assert trace.note


def test_a_gallery_file_from_before_goes_by_itself(ann):
    rebuild_index()
    receipt = erasure.erase(ann)
    (trace,) = traces.traces_of(receipt)
    assert (trace.kind, trace.count) == ("gallery files from before", 1)
    assert left(receipt) == {}
    rebuild_index(), rebuild_index()  # two are kept
    assert traces.traces_of(receipt) == []


def test_who_withdrew_is_erased_with_a_receipt(ann):
    consents.withdraw_consent(ann)
    Identity.objects.update(withdrawn_at=timezone.now() - timedelta(days=31))
    assert consents.erase_withdrawn() == 1
    assert Erasure.objects.get().by == "consent withdrawn"


def test_a_failure_in_the_middle_erases_nothing_and_gives_no_receipt(ann, settings, monkeypatch):
    monkeypatch.setattr(erasure, "forget_in_decisions", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        erasure.erase(ann)
    assert Identity.objects.get().photos.count() == 2
    assert not Erasure.objects.exists()
    assert not (settings.DATA_DIR / "receipts").exists()
