"""What kiosks leave in the audit log."""

from __future__ import annotations

from recognition.models import AuditEntry, Photo
from tests.api.kiosks import upload
from tests.fakes import person_jpeg


def test_each_use_of_a_key_for_recognising(new_kiosk, enrol):
    identity = enrol(1)
    new_kiosk("identify").post("identify", image=upload(person_jpeg(1)))
    entry = AuditEntry.objects.filter(action="probe.identify").get()
    assert (entry.way, entry.person, entry.address) == ("key", identity.pk, "127.0.0.1")
    assert entry.who.startswith("kiosk ")
    assert entry.key is not None


def test_a_change_by_a_kiosk(new_kiosk):
    new_kiosk("enrol").post_json("people", {"name": "Ann Example", "external_id": "E-1"})
    entry = AuditEntry.objects.filter(action="person.added").get()
    assert entry.way == "key"


def test_refusals(new_kiosk, stranger):
    stranger.post("identify", image=upload(person_jpeg(1)))
    new_kiosk("read").post("identify", image=upload(person_jpeg(1)))
    codes = [entry.detail["code"] for entry in AuditEntry.objects.filter(action="refused.api").order_by("pk")]
    assert codes == ["no_key", "wrong_scope"]


def test_a_look_at_a_photo(new_kiosk, enrol):
    identity = enrol(1)
    photo = Photo.objects.first()
    new_kiosk("read").get(f"photos/{photo.pk}/image")
    entry = AuditEntry.objects.filter(action="photo.seen").get()
    assert (entry.person, entry.object, entry.way) == (identity.pk, str(photo.pk), "key")
