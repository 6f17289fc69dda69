"""What goes wrong around the site: nothing is lost, nothing happens twice, answers stay right, and it is said."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from celery import current_app
from django.test import Client
from django.utils import timezone
from kombu import Connection

from identity_site import diagnosis, embedded
from identity_site.embedded.redis import _binary
from identity_site.env import BASE_DIR
from recognition.models import Photo
from recognition.services import queue
from recognition.services.enrolment import photos
from recognition.services.identities import people
from tests.accounts.conftest import fresh_state  # noqa: F401
from tests.fakes import person_jpeg
from tests.platform.conftest import copy, new_folder
from tests.platform.processes import environment, processes_of
from tests.platform.test_up import TOKEN, Site

pytestmark = pytest.mark.faults
PATIENCE = 120  # seconds, on a busy machine


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


# --- Redis that is full --------------------------------------------------------------------------------------


def fill(client: redis.Redis) -> None:
    for number in range(10_000):
        client.set(f"filler:{number}", "x" * 1000)


@pytest.fixture
def full_redis(empty_dir: Path) -> Iterator[str]:
    """The address of a server of this test's own whose memory is used up."""
    socket = empty_dir / "r.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--maxmemory", "4mb"]
    server = subprocess.Popen([str(_binary()), *options], cwd=empty_dir, stdout=subprocess.DEVNULL)
    client = redis.Redis(unix_socket_path=str(socket))
    try:
        wait_until(socket.exists, "redis-server did not start")
        client.config_set("maxmemory-policy", "noeviction")
        with pytest.raises(redis.ResponseError, match="maxmemory"):
            fill(client)
        yield f"unix://{socket}"
    finally:
        client.close()
        server.kill()
        server.wait()


@pytest.mark.django_db(transaction=True)
def test_redis_is_full(
    full_redis: str, settings: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = full_redis
    settings.METRICS_TOKEN = TOKEN
    real, sent_to = current_app.send_task, full_redis.replace("unix://", "redis+socket://")

    def send(name: str, **how: Any) -> Any:
        with Connection(sent_to) as connection:
            return real(name, connection=connection, **how)

    monkeypatch.setattr(current_app, "send_task", send)
    monkeypatch.setattr(queue, "_unreachable_until", 0.0)
    photo = photos.add_photo(identity=people.create_identity(name="Ann"), data=person_jpeg(1))

    (found,) = [f for f in diagnosis.diagnose(["redis"]) if f.state == "error"]
    assert "memory is full" in found.summary
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)  # kiosks go on
    assert "takes nothing" in ready.json()["redis"]
    page = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).content.decode()
    assert "identity_redis_takes 0.0" in page
    assert 'identity_up{server="redis"} 1.0' in page

    with redis.Redis.from_url(full_redis) as server:
        assert server.llen("recognition") == 0
        server.config_set("maxmemory", 0)
        monkeypatch.setattr(queue, "_unreachable_until", 0.0)
        Photo.objects.update(created_at=timezone.now() - timedelta(minutes=2))
        assert photos.sweep_photos() == 1
        assert server.llen("recognition") == 1
    photo.refresh_from_db()
    assert photo.state == "waiting"
    assert [f.state for f in diagnosis.diagnose(["redis"])] == ["ok", "ok"]


@pytest.mark.django_db
def test_redis_that_throws_tasks_away_is_named(full_redis: str, settings: Any) -> None:
    settings.REDIS_URL = full_redis
    with redis.Redis.from_url(full_redis) as server:
        server.config_set("maxmemory-policy", "allkeys-lru")
    assert "throws tasks away" in " ".join(
        f.summary for f in diagnosis.diagnose(["redis"]) if f.state == "warning"
    )


# --- A whole site --------------------------------------------------------------------------------------------


class Enrolled:
    """A running site with two people, and a kiosk's key."""

    def __init__(self, site: Site, key: str) -> None:
        self.site, self.key = site, key
        self.database_url, self.redis_url = embedded.addresses(site.data_dir)

    def call(self, method: str, path: str, body: bytes | None = None, kind: str = "image/jpeg") -> Any:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": kind}
        request = urllib.request.Request(f"{self.site.address}/api/v1/{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def who(self, person: str) -> str:
        """Who is in the probe of this person; empty for nobody."""
        probe = (BASE_DIR / f"demo/probes/{person}.jpg").read_bytes()
        (face,) = self.call("POST", "identify", probe)["faces"]
        return face["candidates"][0]["external_id"] if face["decision"] == "match" else ""

    def query(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement, values).fetchall()

    def page(self, path: str) -> tuple[int, str]:
        """Also of an error."""
        try:
            return self.site.get(path, Authorization=f"Bearer {TOKEN}")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=environment(self.site.data_dir),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        return done.stdout

    def processes(self, word: str) -> list[Any]:
        return [p.process for p in processes_of(self.site.data_dir) if word in p.cmdline]


@contextmanager
def started(folder: Path) -> Iterator[Enrolled]:
    for person in ("P001", "P002"):
        shutil.copytree(BASE_DIR / "demo/people" / person, folder / "people" / person)
    site = Site(folder, "--port", "0", "--no-demo")
    try:
        site.wait_for("Ctrl-C stops everything.")
        one = Enrolled(site, "")
        one.manage("import_people", str(folder / "people"))
        code = (
            "from recognition.services.keys import issue_key;"
            "print(issue_key(name='faults', scopes=['admin'])[1])"
        )
        one.key = one.manage("shell", "-v", "0", "-c", code).strip()
        yield one
    finally:
        site.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def enrolled(used_dir: Path) -> Iterator[Enrolled]:
    with new_folder() as folder:
        copy(used_dir, folder)
        with started(folder) as one:
            yield one


def test_people_are_recognised(enrolled: Enrolled) -> None:
    assert (enrolled.who("P001"), enrolled.who("P002")) == ("P001", "P002")
    assert enrolled.page("/readyz")[0] == 200


def test_a_stopped_worker_and_a_queue_that_was_emptied(enrolled: Enrolled) -> None:
    """The message of a photo is lost with Redis' data. The photo is not: it is found again, and looked at once."""
    workers = enrolled.processes("celery")
    for worker in workers:
        worker.send_signal(signal.SIGSTOP)
    try:
        numbers = []
        for person in ("P001", "P002"):  # the stopped worker had asked for the first message already
            picture = (BASE_DIR / f"demo/probes/{person}.jpg").read_bytes()
            (photo,) = enrolled.call("POST", f"people/{person}/photos?filename=a.jpg", picture)["photos"]
            numbers.append(photo["id"])
        status, page = enrolled.page("/metrics")
        assert status == 200
        assert 'identity_workers{queue="recognition"} 0.0' in page
        assert 'identity_photos{state="waiting"} 2.0' in page
        assert "no worker answers" in enrolled.manage("doctor")
        assert enrolled.who("P002") == "P002"
        with redis.Redis.from_url(enrolled.redis_url) as server:
            assert server.llen("recognition") >= 1
            server.flushall()
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGCONT)
    with psycopg.connect(enrolled.database_url) as connection:
        connection.execute(
            "UPDATE recognition_photo SET created_at = created_at - interval '5 minutes' WHERE id = ANY(%s)",
            [numbers],
        )
    # What beat does once a minute.
    enrolled.manage("shell", "-v", "0", "-c", "from recognition.tasks import sweep_photos as s; s.delay()")
    looked_at = (
        "SELECT p.state, p.attempts, (SELECT count(*) FROM recognition_embedding e WHERE e.photo_id = p.id)"
        " FROM recognition_photo p WHERE p.id = ANY(%s)"
    )
    wait_until(
        lambda: enrolled.query(looked_at, numbers) == [("ready", 1, 1)] * 2,
        "a photo was lost, or looked at twice",
    )
    assert (enrolled.who("P001"), enrolled.who("P002")) == ("P001", "P002")


def test_postgres_is_away_and_comes_back(enrolled: Enrolled) -> None:
    supervisor = enrolled.site.process
    decisions = enrolled.query("SELECT count(*) FROM recognition_decision")
    supervisor.send_signal(signal.SIGSTOP)  # it would start Postgres again at once
    try:
        (postgres,) = [p for p in enrolled.processes("postgres -D") if p.name().startswith("postgres")][:1]
        postgres.kill()
        wait_until(lambda: enrolled.page("/healthz")[0] == 503, "health does not notice")
        status, page = enrolled.page("/readyz")
        assert (status, json.loads(page)["database"]) == (503, "does not answer")
        status, page = enrolled.page("/metrics")
        assert status == 200
        assert 'identity_up{server="postgres"} 0.0' in page
        assert 'identity_up{server="redis"} 1.0' in page
        with pytest.raises(urllib.error.HTTPError, match="503") as refused:
            enrolled.who("P001")
        assert refused.value.headers["Retry-After"]
        refused.value.close()
    finally:
        supervisor.send_signal(signal.SIGCONT)
    wait_until(lambda: enrolled.page("/readyz")[0] == 200, "the site is not ready again")
    assert (enrolled.who("P001"), enrolled.who("P002")) == ("P001", "P002")
    ((before,),), ((after,),) = decisions, enrolled.query("SELECT count(*) FROM recognition_decision")
    assert after == before + 2  # what was refused was not recorded, what was answered was, once


def test_a_stopped_web_process_comes_back(enrolled: Enrolled) -> None:
    """Somebody is suspended while it stands still: its first answer knows that."""
    assert enrolled.who("P001") == "P001"
    (master,) = [p for p in enrolled.processes("gunicorn") if p.ppid() == enrolled.site.process.pid]
    workers = master.children()
    for worker in workers:
        worker.send_signal(signal.SIGSTOP)
    try:
        code = (
            "from recognition.models import Identity; from recognition.services import identities;"
            "identities.suspend(Identity.objects.get(external_id='P001'))"
        )
        enrolled.manage("shell", "-v", "0", "-c", code)
        assert enrolled.query("SELECT status FROM recognition_identity WHERE external_id = 'P001'") == [
            ("suspended",)
        ]
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGCONT)
    assert enrolled.who("P001") == ""
    assert enrolled.who("P002") == "P002"
    enrolled.call("POST", "people/P001/resume", b"{}", "application/json")
    assert enrolled.who("P001") == "P001"


def test_an_import_that_is_killed_is_finished_by_the_next(enrolled: Enrolled) -> None:
    folder = enrolled.site.data_dir / "more"
    for person in ("P003", "P004", "P005"):
        shutil.copytree(BASE_DIR / "demo/people" / person, folder / person)
    count = len(list(folder.glob("*/*.jpg")))
    command = [sys.executable, "manage.py", "import_people", str(folder)]
    importing = subprocess.Popen(
        command, cwd=BASE_DIR, env=environment(enrolled.site.data_dir), stdout=subprocess.DEVNULL
    )
    photos_of = (
        "SELECT count(*) FROM recognition_photo p JOIN recognition_identity i ON i.id = p.identity_id"
        " WHERE i.external_id IN ('P003', 'P004', 'P005')"
    )
    try:
        wait_until(lambda: enrolled.query(photos_of)[0][0] > 0, "nothing was imported")
    finally:
        os.kill(importing.pid, signal.SIGKILL)
        importing.wait()
    enrolled.manage("import_people", str(folder))
    assert enrolled.query(photos_of) == [(count,)]
    people_there = enrolled.query(
        "SELECT external_id, count(*) FROM recognition_identity GROUP BY 1 HAVING count(*) > 1"
    )
    assert people_there == []
    assert [enrolled.who(person) for person in ("P003", "P004", "P005")] == ["P003", "P004", "P005"]


def test_the_gallery_folder_cannot_be_written(enrolled: Enrolled, tmp_path: Path) -> None:
    """As on a disk that is read-only or full: the build fails in words, answers stay right."""
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    done = subprocess.run(
        [sys.executable, "manage.py", "rebuild_index"],
        cwd=BASE_DIR,
        env=environment(enrolled.site.data_dir, GALLERY_DIR=str(blocked / "gallery")),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode != 0
    assert done.stderr
    assert enrolled.who("P002") == "P002"


# A process that builds the gallery, and stands still where this function would have done its work.
STANDS_STILL = """
import time
from pkgutil import resolve_name
module = resolve_name("{module}")
def still(*arguments, **options):
    print("here", flush=True)
    time.sleep(600)
module.{function} = still
from recognition.services.gallery import rebuild_index
rebuild_index()
"""


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("recognition.engine.gallery_file", "row_sums"),  # some rows are written
        ("recognition.engine.gallery_build.os", "replace"),  # the file is written, and not yet in its place
        ("recognition.services.gallery.index", "_keep"),  # in its place, and nobody knows of it
    ],
)
def test_a_build_that_is_killed_is_done_by_the_next(enrolled: Enrolled, module: str, function: str) -> None:
    code = STANDS_STILL.format(module=module, function=function)
    building = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", code],
        cwd=BASE_DIR,
        env=environment(enrolled.site.data_dir),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert building.stdout
    try:
        wait_until(lambda: building.stdout.readline() == "here\n", "it was not built at all")
    finally:
        building.kill()
        building.wait()
        building.stdout.close()
    assert (enrolled.who("P001"), enrolled.who("P002")) == ("P001", "P002")
    before = enrolled.query("SELECT max(id) FROM recognition_gallerybuild")
    wait_until(
        lambda: "Generation" in enrolled.manage("rebuild_index"), "the right to build is not given back"
    )
    ((newest,),) = enrolled.query("SELECT max(id) FROM recognition_gallerybuild")
    assert newest > before[0][0]
    folder = Path(enrolled.manage("shell", "-v", "0", "-c", GALLERY_FOLDER).strip())
    known = {name for (name,) in enrolled.query("SELECT file FROM recognition_gallerybuild")}
    assert {path.name for path in folder.glob("*gallery*")} == known
    assert "wrong" not in enrolled.manage("doctor").replace("things are wrong", "")
    assert (enrolled.who("P001"), enrolled.who("P002")) == ("P001", "P002")


GALLERY_FOLDER = "from django.conf import settings; print(settings.GALLERY_DIR)"


@pytest.fixture
def small_disk(used_dir: Path) -> Iterator[Path]:
    """A data folder on a disk of its own with little room."""
    with new_folder() as folder:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=260m,mode=711", "none", str(folder)])
        if mounted.returncode:
            pytest.skip("only root can make a small disk")
        try:
            copy(used_dir, folder)
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    """Postgres, Redis and metrics lie on it. What cannot be kept is refused in words, nothing that was taken is lost,
    and when there is room again all goes on by itself."""
    picture = (BASE_DIR / "demo/probes/P001.jpg").read_bytes()
    taken: list[int] = []

    def enrol(number: int) -> str:
        """As a kiosk does it; another file each time. What it is told, empty when it was taken."""
        try:
            (photo,) = one.call("POST", "people/P001/photos", picture + bytes([number]))["photos"]
        except urllib.error.HTTPError as refusal:
            with refusal:
                return f"{refusal.code} {json.loads(refusal.read())['error']['message']}"
        taken.append(photo["id"])
        return ""

    with started(small_disk) as one:
        filler = small_disk / "filler"
        subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=64k"], stderr=subprocess.DEVNULL)
        answers = {enrol(number) for number in range(20)}
        assert "503 The server's disk is full. Tell its administrator." in answers
        assert all(answer.startswith("503 ") for answer in answers if answer)
        assert one.page("/healthz")[0] in (200, 503)
        assert "0.0 GB free" in one.manage("doctor")
        filler.unlink()
        wait_until(lambda: one.page("/readyz")[0] == 200, "the site is not ready again")
        wait_until(lambda: enrol(100) == "", "nothing can be enrolled")
        photos_of = "SELECT state, count(*) FROM recognition_photo WHERE id = ANY(%s) GROUP BY state"
        wait_until(
            lambda: one.query(photos_of, taken) == [("ready", len(taken))],
            "a photo was lost, or nobody looks at it",
        )
        assert (one.who("P001"), one.who("P002")) == ("P001", "P002")
