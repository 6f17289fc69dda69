"""Each operation of the API, by the client against the running site."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from identity_client import (
    BadRequest,
    Conflict,
    Forbidden,
    IdentityClient,
    NotFound,
    TooLarge,
    Unauthorized,
    Unusable,
)

from recognition.api.views import event_stream
from recognition.engine.liveness.judging import Progress, State
from recognition.models import Attendance, Decision, Identity, LoggedEvent, Photo
from recognition.services import enrolment
from recognition.services.liveness import challenges
from tests.api.test_imports import zipped
from tests.clients.test_schema import operations
from tests.fakes import person_jpeg, wall_jpeg


def test_each_operation_has_a_test() -> None:
    here = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert set(operations()) <= here


# --- Recognising ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["path", "text", "bytes", "file", "memory"])
def test_identify(site: IdentityClient, enrol, tmp_path: Path, way: str) -> None:
    enrol(1)
    enrol(2)
    data, file = person_jpeg(1, variant=5), tmp_path / "camera.jpg"
    file.write_bytes(data)
    with file.open("rb") as opened:
        picture = {
            "path": file,
            "text": str(file),
            "bytes": data,
            "file": opened,
            "memory": io.BytesIO(data),
        }[way]
        answer = site.identify(picture, top=1)
    (face,) = answer.faces
    assert face.person is not None
    assert (face.person.external_id, face.person.name) == ("F1", "Fake Person 1")
    assert (face.decision, face.reason, len(face.candidates)) == ("match", "", 1)
    assert len(face.landmarks) == 5
    assert answer.timings_ms["detect"] >= 0


def test_identify_nobody(site: IdentityClient, enrol) -> None:
    assert site.identify(wall_jpeg()).faces == ()
    enrol(1)
    (face,) = site.identify(person_jpeg(3)).faces
    assert (face.decision, face.person) == ("no_match", None)


def test_identify_what_is_no_picture(site: IdentityClient) -> None:
    with pytest.raises(Unusable) as caught:
        site.identify(b"no picture")
    assert (caught.value.status, caught.value.code) == (422, "unreadable")
    assert caught.value.message in str(caught.value)
    with pytest.raises(TooLarge):
        site.identify(person_jpeg(1) + bytes(15 << 20))
    with pytest.raises(BadRequest, match="image or liveness_token"):
        site.identify()


def test_verify(site: IdentityClient, enrol) -> None:
    enrol(1)
    answer = site.verify(person_jpeg(1, variant=5), external_id="F1")
    assert (answer.decision, len(answer.faces)) == ("match", 1)
    assert answer.score is not None
    assert answer.score >= answer.threshold
    two = site.verify(person_jpeg(1), image2=person_jpeg(2))
    assert (two.decision, two.reason, len(two.faces)) == ("no_match", "not_the_same", 2)
    with pytest.raises(NotFound) as caught:
        site.verify(person_jpeg(1), external_id="F9")
    assert caught.value.code == "unknown_person"


def test_attendance_record(site: IdentityClient, enrol) -> None:
    enrol(1)
    number = uuid4()
    told = [site.attendance.record(person_jpeg(1, variant=5), read=number, age_ms=2000) for _ in range(2)]
    assert {one.read for one in told} == {number}
    assert told[0].at < datetime.now(UTC)
    faces = [one.faces[0] for one in told]
    assert [face.attendance and face.attendance.repeated for face in faces] == [False, True]
    assert faces[0].person is not None
    assert faces[0].person.name == "Fake Person 1"
    assert Attendance.objects.count() == 1
    assert site.attendance.record(wall_jpeg()).reason == "no_face"  # with a number of its own
    assert site.attendance.record(wall_jpeg()).read != number


# --- People ---------------------------------------------------------------------------------------------------


def test_people_list(site: IdentityClient) -> None:
    for number in range(5):
        site.people.create(f"Person {number}", external_id=f"P{number}")
    site.people.suspend("P3")
    everybody = site.people.list(page_size=2)
    assert [one.external_id for one in everybody] == ["P0", "P1", "P2", "P3", "P4"]
    assert [(page.count, len(page.results)) for page in everybody.pages()] == [(5, 2), (5, 2), (5, 1)]
    assert [one.external_id for one in site.people.list(page=2, page_size=4)] == ["P4"]
    assert [one.external_id for one in site.people.list(search="son 3", status="suspended")] == ["P3"]
    assert list(site.people.list(search="son 3", status="active")) == []


def test_people_create(site: IdentityClient) -> None:
    made = site.people.create("Ada Exämple", external_id="E 17", consent_version=site.consent.text().version)
    assert (made.external_id, made.name, made.status, made.photos) == ("E 17", "Ada Exämple", "active", 0)
    assert made.consent is not None
    assert made.enrolled_at.tzinfo is not None
    assert site.people.create("Without an ID").external_id
    with pytest.raises(Conflict) as caught:
        site.people.create("Another", external_id="E 17")
    assert caught.value.code == "id_taken"


@pytest.mark.parametrize("external_id", ["E 17", "a?b#c%d", "ümlaut", "a&b=c+d", "...x"])
def test_people_read(site: IdentityClient, external_id: str) -> None:
    site.people.create("Ada", external_id=external_id)
    assert site.people.read(external_id).external_id == external_id


@pytest.mark.parametrize("external_id", ["", ".", "..", "a/suspend"])
def test_an_id_leads_to_no_other_address(site: IdentityClient, external_id: str) -> None:
    with pytest.raises(ValueError, match="no ID"):
        site.people.erase(external_id)


def test_people_update(site: IdentityClient) -> None:
    site.people.create("Ada", external_id="E1")
    assert site.people.update("E1", name="Ada Sample").name == "Ada Sample"
    moved = site.people.update("E1", new_external_id="E2")
    assert (moved.external_id, moved.name) == ("E2", "Ada Sample")


def test_people_suspend(site: IdentityClient) -> None:
    site.people.create("Ada", external_id="E1")
    assert site.people.suspend("E1").status == "suspended"


def test_people_resume(site: IdentityClient) -> None:
    site.people.create("Ada", external_id="E1")
    site.people.suspend("E1")
    assert site.people.resume("E1").status == "active"


def test_people_erase(site: IdentityClient) -> None:
    site.people.create("Ada", external_id="E1")
    site.people.create("Bo", external_id="E2")
    assert site.people.erase("E1") is None
    erasure = site.people.erase("E2", receipt=True)
    assert erasure is not None
    assert erasure.receipt
    assert not Identity.objects.exists()


# --- Consent --------------------------------------------------------------------------------------------------


def test_consent_text(site: IdentityClient) -> None:
    text = site.consent.text()
    assert text.version >= 1
    assert text.text
    assert text.required is False


def test_consent_give(site: IdentityClient) -> None:
    site.people.create("Ada", external_id="E1")
    version = site.consent.text().version
    consent = site.consent.give("E1", version=version, note="form 17").consent
    assert consent is not None
    assert consent.version == version
    assert Identity.objects.get().consents.get().note == "form 17"
    with pytest.raises(Conflict) as caught:
        site.consent.give("E1", version=version + 1)
    assert caught.value.code == "old_text"


def test_consent_withdraw(site: IdentityClient) -> None:
    site.people.create("Ada", external_id="E1", consent_version=site.consent.text().version)
    withdrawn = site.consent.withdraw("E1")
    assert withdrawn.consent is None
    assert withdrawn.consent_withdrawn_at is not None


# --- Photos ---------------------------------------------------------------------------------------------------


def test_photos_list(site: IdentityClient, enrol) -> None:
    enrol(1)
    assert [one.state for one in site.photos.list("F1", state="ready", page_size=1)] == ["ready", "ready"]
    assert list(site.photos.list("F1", state="rejected", page=1)) == []


def test_photos_add(site: IdentityClient, tmp_path: Path) -> None:
    site.people.create("Ada", external_id="E1")
    file = tmp_path / "ada.jpg"
    file.write_bytes(person_jpeg(1))
    added = site.photos.add("E1", [file, person_jpeg(1, variant=1), b"no picture"])
    assert [one.filename for one in added.photos] == ["ada.jpg", "picture"]
    assert [one.code for one in added.refused] == ["unreadable"]
    assert added.photos[0].state == "waiting"
    assert (
        site.photos.add("E1", person_jpeg(1, variant=2), filename="door.jpg").photos[0].filename == "door.jpg"
    )
    with pytest.raises(Conflict) as caught:
        site.photos.add("E1", file)
    assert caught.value.code == "duplicate"
    assert caught.value.detail["refused"][0]["filename"] == "ada.jpg"


def test_photos_read(site: IdentityClient, enrol) -> None:
    enrol(1)
    photo = site.photos.read(Photo.objects.earliest("pk").pk)
    assert (photo.external_id, photo.state, photo.chosen_face, len(photo.faces)) == ("F1", "ready", 0, 1)
    assert photo.quality is not None
    assert photo.processed_at is not None


def test_waiting_for_a_photo(site: IdentityClient, process) -> None:
    site.people.create("Ada", external_id="E1")
    (photo,) = site.photos.add("E1", person_jpeg(1)).photos
    assert site.photos.wait(photo.id, seconds=0).state == "waiting"
    site._transport.sleep = lambda seconds: process()  # type: ignore[method-assign]
    assert site.photos.wait(photo.id).state == "ready"


def test_photos_choose_face(site: IdentityClient, enrol) -> None:
    enrol(1)
    photo = Photo.objects.earliest("pk")
    Photo.objects.filter(pk=photo.pk).update(state="rejected", reason="several_faces", faces=photo.faces * 2)
    assert site.photos.choose_face(photo.pk, face=1).chosen_face == 1


def test_photos_image(site: IdentityClient, enrol) -> None:
    enrol(1)
    assert site.photos.image(Photo.objects.earliest("pk").pk).startswith(b"\xff\xd8")


def test_photos_delete(site: IdentityClient, enrol) -> None:
    enrol(1)
    photo = Photo.objects.earliest("pk").pk
    site.photos.delete(photo)
    with pytest.raises(NotFound) as caught:
        site.photos.read(photo)
    assert caught.value.code == "unknown_photo"


# --- Imports --------------------------------------------------------------------------------------------------

ZIP = zipped(("Ann/1.jpg", person_jpeg(1)), ("Ann/2.jpg", b"no picture"), ("Ben/1.jpg", person_jpeg(2)))


@pytest.mark.parametrize("way", ["path", "bytes", "file"])
def test_imports_create(site: IdentityClient, tmp_path: Path, way: str) -> None:
    file = tmp_path / "people.zip"
    file.write_bytes(ZIP)
    with file.open("rb") as opened:
        told = site.imports.create({"path": file, "bytes": ZIP, "file": opened}[way], idempotency_key="A-1")
    assert (told.state, told.people, told.new_people, told.results.planned) == ("prepared", 2, 2, 3)
    assert told.filename == ("file" if way == "bytes" else "people.zip")
    assert site.imports.create(ZIP, consent=True, start=True, idempotency_key="A-1") == told
    assert site.imports.create(ZIP).id != told.id
    with pytest.raises(Unusable) as caught:
        site.imports.create(b"no zip")
    assert caught.value.code == "bad_archive"


def test_imports_by_a_table(site: IdentityClient) -> None:
    table = b"person_id,name,path\nE1,Ada,Ann/1.jpg\n"
    told = site.imports.create(ZIP, table=table, consent=True, start=True)
    assert (told.state, told.results.unused) == ("waiting", 2)
    assert "commas" in told.understood
    enrolment.run_import(told.id)
    person = site.people.read("E1")
    assert (person.name, person.photos) == ("Ada", 1)
    assert person.consent is not None


def test_imports_read(site: IdentityClient) -> None:
    told = site.imports.create(ZIP)
    assert site.imports.read(told.id) == told
    assert told.kiosk == "Program"
    with pytest.raises(NotFound) as caught:
        site.imports.read(told.id + 1)
    assert caught.value.code == "unknown_import"


def test_imports_rows(site: IdentityClient) -> None:
    told = site.imports.create(ZIP)
    assert [row.path for row in site.imports.rows(told.id, page_size=2)] == [
        "Ann/1.jpg",
        "Ann/2.jpg",
        "Ben/1.jpg",
    ]
    assert [row.name for row in site.imports.rows(told.id, page=2, page_size=2)] == ["Ben"]
    site.imports.start(told.id)
    enrolment.run_import(told.id)
    (refused,) = site.imports.rows(told.id, result="refused")
    assert (refused.path, refused.reason, refused.photo) == ("Ann/2.jpg", "unreadable", None)
    taken, _ = site.imports.rows(told.id, result="taken")
    assert taken.photo is not None
    assert (taken.photo_state, site.photos.read(taken.photo).external_id) == ("waiting", "Ann")


def test_imports_start(site: IdentityClient) -> None:
    told = site.imports.create(ZIP)
    assert site.imports.start(told.id).state == "waiting"
    assert site.imports.wait(told.id, seconds=0).state == "waiting"
    site._transport.sleep = lambda seconds: enrolment.run_import(told.id)  # type: ignore[method-assign]
    assert site.imports.wait(told.id).state == "done"
    assert site.imports.start(told.id).results.taken == 2


def test_imports_delete(site: IdentityClient) -> None:
    told = site.imports.create(ZIP)
    site.imports.delete(told.id)
    with pytest.raises(NotFound):
        site.imports.read(told.id)


# --- Liveness -------------------------------------------------------------------------------------------------


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[Progress]:
    said = [Progress(state=State.PASSED, best=0)]
    monkeypatch.setattr(challenges, "judge", lambda *_, **__: said[-1])
    return said


def test_liveness_start(site: IdentityClient) -> None:
    challenge = site.liveness.start(light=True)
    assert challenge.nonce
    assert challenge.expires_in > 0
    assert site.liveness.start().colours == ()


def test_liveness_frames(site: IdentityClient, enrol, judged: list[Progress]) -> None:
    enrol(1)
    judged.append(Progress())
    challenge = site.liveness.start(light=True)
    frames = [person_jpeg(1), person_jpeg(1, variant=1)]
    running = site.liveness.frames(
        challenge.id, nonce=challenge.nonce, frame=frames, at=[1000, 1125.5], shown=[0, -1]
    )
    assert (running.state, running.token) == ("running", None)
    assert running.nonce
    judged.append(Progress(state=State.PASSED, best=0))
    passed = site.liveness.frames(str(challenge.id), nonce=running.nonce, frame=frames, at=[1250, 1375])
    assert (passed.state, passed.nonce) == ("passed", None)
    assert passed.token


def test_a_token_is_good_for_all_that_take_a_picture(
    site: IdentityClient, enrol, judged: list[Progress]
) -> None:
    enrol(1)

    def token(variant: int) -> str:
        challenge = site.liveness.start()
        picture = person_jpeg(1, variant=variant)
        passed = site.liveness.frames(challenge.id, nonce=challenge.nonce, frame=[picture], at=[1000])
        return str(passed.token)

    assert site.identify(liveness_token=token(4)).faces[0].decision == "match"
    assert Decision.objects.latest("pk").liveness is not None
    assert site.verify(liveness_token=token(5), external_id="F1").decision == "match"
    assert len(site.photos.add("F1", liveness_token=token(6)).photos) == 1
    assert site.attendance.record(liveness_token=token(7)).faces[0].attendance is not None


# --- Events and status ----------------------------------------------------------------------------------------


def test_events_list(site: IdentityClient, enrol) -> None:
    enrol(1)
    for number in (1, 1, 1, 3):
        site.identify(person_jpeg(number, variant=5))
    events = list(site.events.list(page_size=3))
    assert [event.outcome for event in events] == ["no_match", "match", "match", "match"]
    assert [event.id for event in events] == sorted((event.id for event in events), reverse=True)
    newest, *_, oldest = events
    assert (oldest.kind, oldest.kiosk, oldest.camera) == ("identify", "Program", None)
    assert oldest.person is not None
    assert oldest.person.external_id == "F1"
    hour = timedelta(hours=1)
    narrow = site.events.list(
        kind="identify",
        outcome="match",
        external_id="F1",
        since=newest.at - hour,
        until=newest.at + hour,
        before=newest.id,
        after=oldest.id,
        page_size=1,
    )
    assert [event.id for event in narrow] == [event.id for event in events[1:3]]
    with pytest.raises(ValueError, match="time zone"):
        site.events.list(since=datetime(2026, 1, 31))


def test_status(new_site, enrol) -> None:
    enrol(1)
    status = new_site("read", "identify").status()
    assert (status.kiosk, set(status.scopes), status.people) == ("Program", {"read", "identify"}, 1)
    assert status.model == "fake-embedder"


# --- Keys -----------------------------------------------------------------------------------------------------


def test_another_scope(new_site) -> None:
    with pytest.raises(Forbidden) as caught:
        new_site("identify").people.create("Ada")
    assert caught.value.detail["needed"] == ["enrol"]


def test_no_such_key(live_server) -> None:
    with (
        IdentityClient(f"{live_server.url}/api/v1/", "fid_unknown") as site,
        pytest.raises(Unauthorized) as caught,
    ):
        site.status()
    assert caught.value.code == "invalid_key"


def test_events_stream(site: IdentityClient, enrol, monkeypatch) -> None:
    """Over connections that end again and again, each once and in order."""
    monkeypatch.setattr(event_stream, "PAUSE", 0.01)
    monkeypatch.setattr(event_stream, "LONGEST", 0.05)
    site._transport.sleep = lambda seconds: None  # type: ignore[method-assign]
    enrol(1)
    site.identify(person_jpeg(1, 3, variant=5))
    stream = site.events.stream(after=0, types="person.recognised,attendance.in", with_names=True)
    heard = [next(stream)]
    for _ in range(2):
        site.identify(person_jpeg(1, variant=6))
        time.sleep(0.15)  # the connection has ended meanwhile
        heard.append(next(stream))
    stream.close()
    numbers = [int(message.id) for message in heard]
    assert numbers == sorted(set(numbers))
    assert {message.event for message in heard} == {"person.recognised"}
    assert heard[0].content["person"] == {"external_id": "F1", "name": "Fake Person 1"}
    assert list(numbers) == list(
        LoggedEvent.objects.filter(type="person.recognised").order_by("pk").values_list("pk", flat=True)
    )
