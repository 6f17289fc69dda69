"""Many people at once: /imports."""

from __future__ import annotations

import io
import tempfile
import warnings
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from recognition.models import ApiKey, AuditEntry, DataKey, Identity, Import, ImportPart, ImportRow, Photo
from recognition.services import audit, enrolment, identities, jobs, keys, queue
from recognition.services.enrolment import importing, imports
from recognition.services.errors import Conflict
from recognition.services.identities import erasure, people
from recognition.services.retention import carry_out
from tests import threads
from tests.api.conftest import NewKiosk
from tests.api.kiosks import Kiosk, assert_guarded, error_of, rows, upload
from tests.fakes import person_jpeg, wall_jpeg

TABLE = b"person_id,name,path,consent\nE1,Ada,photos/1.jpg,yes\nE2,Bo,photos/2.jpg,\nE2,Bo,photos/9.jpg,\nE3,Cy,,\n"


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, data in entries:
            archive.writestr(name, data, compress_type=zipfile.ZIP_DEFLATED)
    return file.getvalue()


FOLDERS = zipped(
    ("people/ann/1.jpg", person_jpeg(1)),
    ("people/ann/2.jpg", person_jpeg(1, variant=1)),
    ("people/ann/3.jpg", b"no picture"),
    ("people/ben/1.jpg", person_jpeg(2)),
    ("people/ben/wall.jpg", wall_jpeg()),
)
PHOTOS = zipped(
    ("photos/1.jpg", person_jpeg(1)), ("photos/2.jpg", person_jpeg(2)), ("photos/7.jpg", person_jpeg(7))
)


@pytest.fixture
def kiosk(new_kiosk: NewKiosk) -> Kiosk:
    return new_kiosk("enrol")


def hand_in(kiosk: Kiosk, archive: bytes | None = FOLDERS, number: str = "", **fields: Any) -> Any:
    if archive is not None:
        fields["archive"] = upload(archive, "people.zip", "application/zip")
    kiosk.headers = kiosk.headers | ({"Idempotency-Key": number} if number else {})
    return kiosk.post("imports", **fields)


def rows_of(kiosk: Kiosk, job: dict[str, Any], **query: Any) -> dict[tuple[str, str], dict[str, Any]]:
    found = kiosk.get(f"imports/{job['id']}/rows", **query).json()["results"]
    return {(row["external_id"], row["path"]): row for row in found}


def done(kiosk: Kiosk, job: dict[str, Any]) -> dict[str, Any]:
    """Started and done, as a worker would."""
    assert kiosk.post(f"imports/{job['id']}/start").json()["state"] == "waiting"
    enrolment.run_import(job["id"])
    told: dict[str, Any] = kiosk.get(f"imports/{job['id']}").json()
    return told


@pytest.mark.django_db
def test_who_may() -> None:
    assert_guarded("post", "imports", scopes=["enrol"])
    assert_guarded("get", "imports/1", scopes=["enrol"])
    assert_guarded("delete", "imports/1", scopes=["enrol"])
    assert_guarded("post", "imports/1/start", scopes=["enrol"])
    assert_guarded("get", "imports/1/rows", scopes=["enrol"])


def test_a_look_before_anybody_is_enrolled(kiosk: Kiosk, enrol: Any) -> None:
    people.create_identity(name="Ben", external_id="ben")
    response = hand_in(kiosk)
    job = response.json()
    assert (response.status_code, response["Location"]) == (201, f"/api/v1/imports/{job['id']}")
    assert (job["state"], job["people"], job["new_people"], job["filename"]) == (
        "prepared",
        2,
        1,
        "people.zip",
    )
    assert job["results"] == dict.fromkeys(ImportRow.Result.values, 0) | {"planned": 5}
    found = rows_of(kiosk, job)
    assert list(found) == [
        ("ann", "ann/1.jpg"),
        ("ann", "ann/2.jpg"),
        ("ann", "ann/3.jpg"),
        ("ben", "ben/1.jpg"),
        ("ben", "ben/wall.jpg"),
    ]
    assert [row["known"] for row in found.values()] == [False] * 3 + [True] * 2
    assert (Identity.objects.count(), Photo.objects.count()) == (1, 0)


def test_the_import(kiosk: Kiosk, process: Any) -> None:
    job = hand_in(kiosk).json()
    told = done(kiosk, job)
    assert (told["state"], told["progress"], told["stopped"]) == ("done", 100, False)
    assert (told["results"]["taken"], told["results"]["refused"], told["photos"]["waiting"]) == (4, 1, 4)
    process()
    assert kiosk.get(f"imports/{job['id']}").json()["photos"] | {"waiting": 0} == {
        "waiting": 0,
        "processing": 0,
        "ready": 3,
        "review": 0,
        "rejected": 1,
    }
    found = rows_of(kiosk, job)
    assert found["ann", "ann/3.jpg"]["reason"] == "unreadable"
    assert found["ann", "ann/3.jpg"]["message"]
    wall = found["ben", "ben/wall.jpg"]
    assert (wall["result"], wall["photo_state"], wall["reason"]) == ("taken", "rejected", "no_face")
    assert Photo.objects.get(pk=found["ann", "ann/1.jpg"]["photo"]).identity.external_id == "ann"
    assert list(rows_of(kiosk, job, result="refused")) == [("ann", "ann/3.jpg")]
    assert len(rows_of(kiosk, job, page=2, page_size=3)) == 2


def test_what_was_handed_in_is_gone_when_it_is_done(kiosk: Kiosk) -> None:
    job = hand_in(kiosk).json()
    assert ImportPart.objects.exists()
    assert not any(bytes(part.content).count(b"ann/1.jpg") for part in ImportPart.objects.all())  # sealed
    done(kiosk, job)
    assert not ImportPart.objects.exists()
    assert not DataKey.objects.filter(identity=None).exists()


def test_again_it_adds_nothing(kiosk: Kiosk) -> None:
    done(kiosk, hand_in(kiosk).json())
    before = rows()
    told = done(kiosk, hand_in(kiosk).json())
    assert (told["results"]["known"], told["new_people"]) == (4, 0)
    assert rows() == before


def test_a_table_beside_the_zip(kiosk: Kiosk) -> None:
    job = hand_in(kiosk, PHOTOS, table=upload(TABLE, "list.csv", "text/csv")).json()
    assert job["understood"]
    found = rows_of(kiosk, job)
    assert {place: row["result"] for place, row in found.items()} == {
        ("E1", "photos/1.jpg"): "planned",
        ("E2", "photos/2.jpg"): "planned",
        ("E2", "photos/9.jpg"): "missing",
        ("E3", ""): "planned",
        ("", "photos/7.jpg"): "unused",
    }
    assert (found["E1", "photos/1.jpg"]["name"], found["E1", "photos/1.jpg"]["agreed_at"] is None) == (
        "Ada",
        False,
    )
    done(kiosk, job)
    found = rows_of(kiosk, job)
    assert [row["result"] for row in found.values()] == ["taken", "taken", "missing", "taken", "unused"]
    assert found["E2", "photos/9.jpg"]["reason"] == "missing"
    consent = Identity.objects.get(external_id="E1").consents.get()
    assert (consent.way, consent.taken_by) == ("import", "Kiosk enrol")
    assert not Identity.objects.get(external_id="E2").consents.exists()


def test_a_table_alone(kiosk: Kiosk) -> None:
    job = hand_in(kiosk, None, table=upload(b"person_id,name,path\nE3,Cy,\n")).json()
    done(kiosk, job)
    assert Identity.objects.get().name == "Cy"


def test_everybody_agreed(kiosk: Kiosk, settings: Any) -> None:
    settings.CONSENT_REQUIRED = True
    assert done(kiosk, hand_in(kiosk).json())["results"]["refused"] == 5
    assert not Identity.objects.exists()
    assert done(kiosk, hand_in(kiosk, consent=True).json())["results"]["taken"] == 4
    assert Identity.objects.get(external_id="ann").consents.count() == 1


def test_started_at_once(kiosk: Kiosk, django_capture_on_commit_callbacks: Any, monkeypatch: Any) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(queue, "_send", lambda *what: sent.append(what))
    with django_capture_on_commit_callbacks(execute=True):
        job = hand_in(kiosk, start="true").json()
    assert job["state"] == "waiting"
    assert sent == [(queue.IMPORT, (job["id"],))]


def test_started_twice_it_runs_once(kiosk: Kiosk) -> None:
    job = hand_in(kiosk).json()
    done(kiosk, job)
    assert kiosk.post(f"imports/{job['id']}/start").json()["state"] == "done"
    enrolment.run_import(job["id"])
    assert Photo.objects.count() == 4


def test_the_same_number_hands_in_nothing_twice(kiosk: Kiosk, new_kiosk: NewKiosk) -> None:
    first = hand_in(kiosk, number="A-1")
    again = hand_in(kiosk, zipped(), number="A-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert hand_in(kiosk, number="A-2").json()["id"] != first.json()["id"]
    assert hand_in(new_kiosk("enrol"), number="A-1").status_code == 201
    assert error_of(hand_in(kiosk, number="A 1"), 400)["code"] == "invalid_request"


def test_two_at_once_with_the_same_number(kiosk: Kiosk, monkeypatch: Any) -> None:
    first = hand_in(kiosk, number="A-1").json()
    told = iter([None, Import.objects.get()])
    monkeypatch.setattr(imports, "handed_in_before", lambda **_: next(told))
    monkeypatch.setattr(enrolment, "handed_in_before", imports.handed_in_before)
    assert hand_in(kiosk, number="A-1").json()["id"] == first["id"]
    assert Import.objects.count() == 1


# --- What is refused, without a trace --------------------------------------------------------------------------


def entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename, info.external_attr = name, mode << 16
    return info


def locked() -> bytes:
    data = bytearray(zipped(("ann/1.jpg", b"one")))
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag of the central directory
    return bytes(data)


def packed(way: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", way) as archive:
        archive.writestr("people.csv", TABLE)
    return file.getvalue()


def with_a_faulty_head() -> bytes:
    data = bytearray(packed(zipfile.ZIP_LZMA))
    data[30 + len("people.csv") + 4] = 0xFF  # its properties
    return bytes(data)


HOSTILE = {
    "no zip": (b"no zip at all", "bad_archive"),
    "cut short": (FOLDERS[: len(FOLDERS) // 2], "bad_archive"),
    "nothing in it": (zipped(), "nobody"),
    "no people": (zipped(("notes.txt", b"x")), "nobody"),
    "out of its folder": (zipped((entry("../../etc/1.jpg"), b"x")), "unsafe_archive"),
    "an absolute path": (zipped((entry("/etc/1.jpg"), b"x")), "unsafe_archive"),
    "a link": (zipped((entry("ann/1.jpg", 0o120777), b"/etc/passwd")), "unsafe_archive"),
    "a password": (locked(), "bad_archive"),
    "bzip2": (packed(zipfile.ZIP_BZIP2), "bad_archive"),
    "LZMA": (packed(zipfile.ZIP_LZMA), "bad_archive"),
    "LZMA that cannot be unpacked": (with_a_faulty_head(), "bad_archive"),
    "many folders": (zipped(("a/" * 1950 + "1.jpg", b"x"), ("ann/1.jpg", b"x")), "unsafe_archive"),
    "a long name": (zipped(("/".join(["a" * 200] * 6), b"x"), ("ann/1.jpg", b"x")), "unsafe_archive"),
    "the same twice": (zipped(("ann/1.jpg", b"x"), ("ann/1.jpg", b"y")), "bad_archive"),
    "two tables": (zipped(("a.csv", TABLE), ("b.csv", TABLE)), "several_tables"),
    "a table that is none": (zipped(("a.csv", b"what,is,this\n1,2,3\n")), "wrong_columns"),
    "a table that leads outside": (
        zipped(("a.csv", b"person_id,name,path\nE1,Ada,../../../etc/passwd\n")),
        "unsafe_archive",
    ),
}


@pytest.mark.parametrize(("archive", "code"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_archives(kiosk: Kiosk, archive: bytes, code: str, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = rows()
    error = error_of(hand_in(kiosk, archive), 422)
    assert (error["code"], "/tmp" in error["message"]) == (code, False)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size]
    assert (Import.objects.count(), ImportPart.objects.count()) == (0, 0)
    assert rows() == before


def test_a_bomb(kiosk: Kiosk, settings: Any) -> None:
    settings.MAX_IMPORT_BYTES = 2**20
    bomb = zipped(*[(f"ann/{n}.jpg", bytes(2**20)) for n in range(3)])
    assert len(bomb) < 10_000
    assert error_of(hand_in(kiosk, bomb), 422)["code"] == "archive_too_large"


def test_a_bomb_that_says_otherwise(kiosk: Kiosk, settings: Any) -> None:
    """What it says of itself is believed for the look only."""
    settings.MAX_IMPORT_BYTES = 2**20
    bomb = bytearray(zipped(*[(f"ann/{n}.jpg", bytes(2**20)) for n in range(3)]))
    place = 0
    while (place := bomb.find(b"PK\x01\x02", place)) >= 0:
        bomb[place + 24 : place + 28] = (100).to_bytes(4, "little")
        place += 4
    told = done(kiosk, hand_in(kiosk, bytes(bomb)).json())
    assert (told["state"], told["results"]["planned"]) == ("failed", 3)
    assert "damaged" in told["message"]
    assert not Identity.objects.exists()


def test_too_many_files(kiosk: Kiosk, monkeypatch: Any) -> None:
    monkeypatch.setattr(imports, "MOST_NAMES", 4)
    assert error_of(hand_in(kiosk), 422)["code"] == "archive_too_large"


def test_too_many_files_beside_a_table(kiosk: Kiosk, monkeypatch: Any) -> None:
    """They are counted before their list is read."""
    monkeypatch.setattr(imports, "MOST_NAMES", 4)
    monkeypatch.setattr(zipfile, "ZipInfo", lambda *args: pytest.fail("an entry was read"))
    assert error_of(hand_in(kiosk, table=upload(TABLE)), 422)["code"] == "archive_too_large"


def test_too_many_people(kiosk: Kiosk, monkeypatch: Any) -> None:
    monkeypatch.setattr(imports, "MOST_NAMES", 3)
    table = b"person_id,name,path\n" + b"".join(b"E%d,Ada,\n" % n for n in range(4))
    assert error_of(hand_in(kiosk, None, table=upload(table)), 422)["code"] == "too_many"


@pytest.mark.parametrize("size", [5, 20])
def test_too_large_a_table(kiosk: Kiosk, size: int) -> None:
    table = b"person_id,name,path\n" + b"E1,Ada,\n" * (size * 2**20 // 8)
    assert error_of(hand_in(kiosk, None, table=upload(table)), 422)["code"] == "archive_too_large"


def test_too_large_a_request_is_not_read(kiosk: Kiosk, settings: Any) -> None:
    settings.MAX_IMPORT_BYTES = 1
    assert error_of(hand_in(kiosk, FOLDERS + bytes(2**20)), 413)["code"] == "too_large"


@pytest.mark.parametrize("fields", [{}, {"table": "text"}, {"consent": "maybe"}, {"wish": "x"}])
def test_malformed(kiosk: Kiosk, fields: dict[str, str]) -> None:
    assert error_of(hand_in(kiosk, None, **fields), 400)["code"] == "invalid_request"
    assert error_of(kiosk.post_json("imports", {}), 415)


def test_only_so_many_wait(kiosk: Kiosk, monkeypatch: Any) -> None:
    monkeypatch.setattr(imports, "MOST_UNFINISHED", 2)
    jobs = [hand_in(kiosk).json() for _ in range(2)]
    assert error_of(hand_in(kiosk), 409)["code"] == "too_many_imports"
    done(kiosk, jobs[0])
    assert hand_in(kiosk).status_code == 201
    Import.objects.exclude(pk=jobs[0]["id"]).update(state="failed")
    assert error_of(hand_in(kiosk), 409)["code"] == "too_many_imports"  # they can be started again
    ImportPart.objects.all().delete()
    assert hand_in(kiosk).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_only_so_many_wait_when_they_come_at_once(kiosk: Kiosk, monkeypatch: Any) -> None:
    monkeypatch.setattr(imports, "MOST_UNFINISHED", 2)
    all_are_let_in, put_together = Barrier(3), imports._put_together

    def together(*what: Any) -> None:
        all_are_let_in.wait(threads.PATIENCE)
        put_together(*what)

    monkeypatch.setattr(imports, "_put_together", together)
    key = ApiKey.objects.get()

    def hand_in_one() -> bool:
        try:
            enrolment.prepare_import(archive=io.BytesIO(FOLDERS), api_key=key)
        except Conflict:
            return False
        return True

    assert sorted(threads.at_once(*[hand_in_one] * 3)) == [False, True, True]
    assert Import.objects.count() == 2


@pytest.mark.parametrize("liveness", ["passive", "challenge"])
def test_a_key_that_has_to_see_living_people(db: None, liveness: str) -> None:
    kiosk = Kiosk(keys.issue_key(name="Door", scopes=["enrol"], liveness=liveness)[1])
    assert error_of(hand_in(kiosk), 409)["code"] == "liveness_required"


# --- Whose it is, and giving it up ------------------------------------------------------------------------------


def test_of_another_kiosk(kiosk: Kiosk, new_kiosk: NewKiosk) -> None:
    job = hand_in(kiosk).json()
    other = new_kiosk("enrol")
    for method, path in (("get", ""), ("get", "/rows"), ("post", "/start"), ("delete", "")):
        error = error_of(getattr(other, method)(f"imports/{job['id']}{path}"), 404)
        assert error["code"] == "unknown_import"
    assert new_kiosk("admin").get(f"imports/{job['id']}").json()["kiosk"] == "Kiosk enrol"


def test_given_up(kiosk: Kiosk) -> None:
    job = hand_in(kiosk).json()
    assert kiosk.delete(f"imports/{job['id']}").status_code == 204
    assert (Import.objects.count(), ImportPart.objects.count(), DataKey.objects.count()) == (0, 0, 0)
    assert error_of(kiosk.get(f"imports/{job['id']}"), 404)["code"] == "unknown_import"
    enrolment.run_import(job["id"])  # the worker's message may come later
    assert not Identity.objects.exists()


def test_given_up_while_it_runs(kiosk: Kiosk, monkeypatch: Any) -> None:
    job = hand_in(kiosk).json()
    monkeypatch.setattr(
        "recognition.services.enrolment.import_runs.store.write",
        lambda found, path, write=imports.store.write: (
            write(found, path),
            kiosk.delete(f"imports/{job['id']}"),
        ),
    )
    told = done(kiosk, job)
    assert (told["state"], told["stopped"], told["results"]["planned"]) == ("done", True, 5)
    assert not Identity.objects.exists()
    assert not ImportPart.objects.exists()


def test_given_up_and_gone_while_it_runs(kiosk: Kiosk, monkeypatch: Any) -> None:
    job = hand_in(kiosk).json()
    real = imports.store.write

    def write(found: Import, path: Path) -> None:
        real(found, path)
        Import.objects.update(state="failed")  # as one whose worker was not heard of
        kiosk.delete(f"imports/{job['id']}")

    monkeypatch.setattr("recognition.services.enrolment.import_runs.store.write", write)
    kiosk.post(f"imports/{job['id']}/start")
    enrolment.run_import(job["id"])
    assert not Import.objects.exists()
    assert not Identity.objects.exists()


def test_one_that_was_to_stop_when_its_worker_was_lost(kiosk: Kiosk) -> None:
    """Whoever starts it again wants it."""
    job = hand_in(kiosk).json()
    Import.objects.update(state="running")
    kiosk.delete(f"imports/{job['id']}")
    Import.objects.update(state="failed")
    told = done(kiosk, job)
    assert (told["stopped"], told["results"]["taken"]) == (False, 4)


def test_a_key_that_was_revoked_meanwhile(kiosk: Kiosk, new_kiosk: NewKiosk) -> None:
    job = hand_in(kiosk).json()
    kiosk.post(f"imports/{job['id']}/start")
    keys.revoke_key(ApiKey.objects.get())
    enrolment.run_import(job["id"])
    told = new_kiosk("admin").get(f"imports/{job['id']}").json()
    assert (told["state"], "revoked" in told["message"]) == ("failed", True)
    assert not Identity.objects.exists()


def test_a_lost_worker(kiosk: Kiosk) -> None:
    job = hand_in(kiosk).json()
    long_ago = timezone.now() - timedelta(hours=1)
    Import.objects.update(state="running", updated_at=long_ago)
    jobs.sweep_jobs()
    told = kiosk.get(f"imports/{job['id']}").json()
    assert (told["state"], told["message"]) == ("failed", "The worker was lost. Ask again.")
    assert done(kiosk, job)["results"]["taken"] == 4


def test_one_whose_files_are_gone(kiosk: Kiosk) -> None:
    job = hand_in(kiosk).json()
    ImportPart.objects.all().delete()
    assert error_of(kiosk.post(f"imports/{job['id']}/start"), 409)["code"] == "not_kept"


# --- What is kept -----------------------------------------------------------------------------------------------


def test_what_is_noted(kiosk: Kiosk) -> None:
    job = hand_in(kiosk).json()
    kiosk.post(f"imports/{job['id']}/start")
    with audit.noting(audit.Actor(who="recognition.import_people", way="task")):  # as the worker does
        enrolment.run_import(job["id"])
    kiosk.delete(f"imports/{job['id']}")
    noted = AuditEntry.objects.filter(kind__in=["import", "person", "photo"]).order_by("pk")
    assert [entry.action for entry in noted.filter(kind="import")] == [
        "import.added",
        "import.started",
        "import.removed",
    ]
    assert {(entry.kind, entry.who, entry.key, entry.way) for entry in noted} == {
        (kind, "kiosk Kiosk enrol", ApiKey.objects.get().pk, "key") for kind in ("import", "person", "photo")
    }


def test_the_copy_for_a_person_has_what_became_of_their_files(kiosk: Kiosk) -> None:
    done(kiosk, hand_in(kiosk).json())
    with (
        identities.open_access_copy(Identity.objects.get(external_id="ann")) as file,
        zipfile.ZipFile(file) as copy,
    ):
        lines = copy.read("imports.csv").decode().splitlines()
    assert [line.split(",", 1)[1] for line in lines[1:]] == [
        "Kiosk enrol,ann/1.jpg,ann,taken,",
        "Kiosk enrol,ann/2.jpg,ann,taken,",
        "Kiosk enrol,ann/3.jpg,ann,refused,unreadable",
    ]


def test_it_is_kept_for_some_days(kiosk: Kiosk) -> None:
    finished, waiting = hand_in(kiosk).json(), hand_in(kiosk).json()
    done(kiosk, finished)
    carry_out()
    assert Import.objects.count() == 2
    Import.objects.update(updated_at=timezone.now() - timedelta(days=2))
    carry_out()
    assert list(Import.objects.values_list("pk", flat=True)) == [finished["id"]]
    assert not ImportPart.objects.filter(job=waiting["id"]).exists()
    Import.objects.update(updated_at=timezone.now() - timedelta(days=8))
    carry_out()
    assert not Import.objects.exists()
    assert Identity.objects.count() == 2


def test_a_clock_that_was_ahead_keeps_none_for_longer(kiosk: Kiosk) -> None:
    finished, waiting = hand_in(kiosk).json(), hand_in(kiosk).json()
    done(kiosk, finished)
    Import.objects.update(updated_at=timezone.now() + timedelta(hours=23))
    carry_out()
    assert Import.objects.count() == 2
    Import.objects.update(updated_at=timezone.now() + timedelta(hours=25))
    carry_out()
    assert not Import.objects.exists()
    assert not ImportPart.objects.filter(job=waiting["id"]).exists()


def test_erasing_somebody_takes_the_rows_and_what_would_bring_them_back(kiosk: Kiosk) -> None:
    finished = hand_in(kiosk).json()
    done(kiosk, finished)
    again = hand_in(kiosk).json()
    erasure.erase(Identity.objects.get(external_id="ann"))
    assert {external_id for external_id, _ in rows_of(kiosk, finished)} == {"ben"}
    assert error_of(kiosk.get(f"imports/{again['id']}"), 404)["code"] == "unknown_import"
    assert not ImportPart.objects.exists()
    assert not DataKey.objects.filter(identity=None).exists()


def test_a_person_with_another_id_since(kiosk: Kiosk) -> None:
    done(kiosk, hand_in(kiosk).json())
    ann = people.update_identity(Identity.objects.get(external_id="ann"), external_id="A-1")
    erasure.erase(ann)
    assert set(ImportRow.objects.values_list("external_id", flat=True)) == {"ben"}


def test_a_person_with_another_id_since_it_was_handed_in(kiosk: Kiosk) -> None:
    ann = people.create_identity(name="Ann", external_id="ann")
    hand_in(kiosk)
    erasure.erase(people.update_identity(ann, external_id="A-1"))
    assert (Import.objects.count(), ImportPart.objects.count()) == (0, 0)


def test_paths_that_nobody_named_go_with_whoever_is_erased(kiosk: Kiosk) -> None:
    table = b"person_id,name,path\nE1,Ada,Ada Lovelace/1.jpg\nE2,Bo,2.jpg\n"
    photos = [("Ada Lovelace/1.jpg", 1), ("Ada Lovelace/old.jpg", 3), ("2.jpg", 2)]
    archive = zipped(("a.csv", table), *[(name, person_jpeg(number)) for name, number in photos])
    done(kiosk, hand_in(kiosk, archive).json())
    assert ImportRow.objects.filter(result="unused").exists()
    erasure.erase(Identity.objects.get(external_id="E1"))
    assert list(ImportRow.objects.values_list("path", flat=True)) == ["2.jpg"]


def test_somebody_who_is_erased_while_it_runs(kiosk: Kiosk, monkeypatch: Any) -> None:
    """It ends there, and cannot be started again."""
    ann = people.create_identity(name="Ann", external_id="ann")
    job, wait = hand_in(kiosk).json(), importing._wait

    def erased_meanwhile(*what: Any) -> Any:
        erasure.erase(ann)
        return wait(*what)

    monkeypatch.setattr(importing, "_wait", erased_meanwhile)
    told = done(kiosk, job)
    assert (told["state"], told["stopped"]) == ("done", True)
    assert not Identity.objects.exists()
    assert not DataKey.objects.filter(identity=None).exists()
    Import.objects.update(state="failed")
    assert error_of(kiosk.post(f"imports/{job['id']}/start"), 409)["code"] == "not_kept"


@pytest.mark.django_db(transaction=True)
def test_somebody_who_is_erased_when_a_worker_takes_it(kiosk: Kiosk, monkeypatch: Any) -> None:
    ann = people.create_identity(name="Ann", external_id="ann")
    job = hand_in(kiosk).json()
    kiosk.post(f"imports/{job['id']}/start")
    taken: list[Future[Any]] = []
    delete = QuerySet.delete

    def delete_later(rows: QuerySet[Any]) -> Any:
        if rows.model is DataKey and not taken:
            taken.append(threads.in_background(pool, lambda: enrolment.run_import(job["id"])))
            threads.in_background(pool, threads.wait_for_a_waiting_lock).result(threads.PATIENCE)
        return delete(rows)

    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(QuerySet, "delete", delete_later)
        erasure.erase(ann)
        taken[0].result(threads.PATIENCE)
    assert not Identity.objects.exists()
    assert not Import.objects.exists()
