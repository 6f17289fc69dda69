"""`/metrics`: who may read it, what is counted, and how the site stands. And `/readyz`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from identity_site import metrics_folder, standing
from identity_site.celery import app
from identity_site.env import BASE_DIR
from recognition import tasks
from recognition.engine.types import ModelFileError
from recognition.models import GalleryBuild, GalleryChange, Identity, ModelVersion, Photo
from recognition.services import metrics
from tests.accounts.conftest import enrol, fresh_state  # noqa: F401
from tests.api.kiosks import kiosk_with, upload
from tests.fakes import person_jpeg, wall_jpeg

pytestmark = pytest.mark.django_db

TOKEN = "the-token-of-an-operator"
DASHBOARD = BASE_DIR / "docs/grafana.json"
ALERTS = BASE_DIR / "docs/alerts.yml"


@pytest.fixture(autouse=True)
def token(settings: Any, tmp_path: Path) -> None:
    settings.METRICS_TOKEN, settings.METRICS_NETWORKS = TOKEN, []
    settings.METRICS_DIR = tmp_path / "metrics"


def scraped(client: Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(found: dict[Any, float], name: str, /, **labels: str) -> float:
    return found.get((name, frozenset(labels.items())), 0.0)


class TestWhoMayRead:
    def test_nobody_where_nothing_is_set(self, client: Client, settings: Any) -> None:
        settings.METRICS_TOKEN = ""
        assert client.get("/metrics").status_code == 404
        assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404

    @pytest.mark.parametrize("shown", ["", "Bearer ", "Bearer wrong", TOKEN[:-1], "Bearer \xe4"])
    def test_whoever_shows_the_token(self, client: Client, shown: str) -> None:
        answer = client.get("/metrics", headers={"authorization": shown})
        assert answer.status_code == 401
        assert b"identity_" not in answer.content
        assert client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200

    def test_whoever_asks_from_a_network(self, client: Client, settings: Any) -> None:
        settings.METRICS_TOKEN = ""
        settings.METRICS_NETWORKS = [ip_network("10.1.0.0/16")]
        assert client.get("/metrics", REMOTE_ADDR="10.1.2.3", headers={"host": "10.9.9.9"}).status_code == 200
        assert client.get("/metrics", REMOTE_ADDR="10.2.2.3").status_code == 403
        # What somebody says of themselves counts for nothing.
        said = {"x-forwarded-for": "10.1.2.3"}
        assert client.get("/metrics", REMOTE_ADDR="10.2.2.3", headers=said).status_code == 403
        assert client.get("/metrics", REMOTE_ADDR="").status_code == 403


class TestWhatIsCounted:
    def test_a_probe(self, client: Client, enrol: Any) -> None:  # noqa: F811
        enrol(1)
        kiosk, before = kiosk_with(["identify"]), scraped(client)
        kiosk.post("identify", image=upload(person_jpeg(1, variant=3)))
        kiosk.post("identify", image=upload(wall_jpeg()))
        kiosk.post("identify", image=upload(b"no picture"))
        after = scraped(client)

        def more(name: str, /, **labels: str) -> float:
            return value(after, name, **labels) - value(before, name, **labels)

        requests = {"area": "api:identify", "method": "POST"}
        assert more("identity_requests_total", **requests, status="200") == 2
        assert more("identity_requests_total", **requests, status="422") == 1
        assert more("identity_request_seconds_count", area="api:identify") == 3
        assert more("identity_decisions_total", kind="identify", outcome="match", reason="") == 1
        assert more("identity_decisions_total", kind="identify", outcome="rejected", reason="no_face") == 1
        for stage in ("decode", "gallery", "detect", "search", "decide", "total"):
            assert more("identity_stage_seconds_count", stage=stage) == 2
        assert more("identity_stage_seconds_count", stage="embed") == 1

    def test_what_a_stranger_asks_for_makes_no_series(self, client: Client) -> None:
        for number in range(5):
            client.get(f"/made-up/{number}")
            client.get(f"/api/v1/made-up/{number}")
            client.generic(f"METHOD{number}", "/accounts/login/")
        areas = {dict(labels).get("area") for _, labels in scraped(client)} - {None}
        assert {"other", "api:other", "accounts"} <= areas
        assert not [area for area in areas if "made" in area]
        methods = {dict(labels).get("method") for _, labels in scraped(client)} - {None}
        assert methods <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"}

    def test_a_task(self, client: Client) -> None:
        before = scraped(client)
        tasks.rebuild_index_if_stale.apply()
        after, labels = scraped(client), {"task": "recognition.rebuild_index_if_stale"}
        count = "identity_tasks_total"
        assert value(after, count, **labels, state="success") == 1 + value(
            before, count, **labels, state="success"
        )
        assert value(after, "identity_task_seconds_count", **labels) >= 1


class TestHowTheSiteStands:
    def test_photos_gallery_and_model(self, client: Client) -> None:
        version = ModelVersion.objects.create(
            name="m", version="7", sha256="0" * 64, dimensions=4, active=True
        )
        person = Identity.objects.create(name="Ada")
        for number, state in enumerate(["waiting", "review", "review", "ready"]):
            photo = Photo.objects.create(
                identity=person, sha256=str(number), width=1, height=1, state=state, image="a.jpg"
            )
            Photo.objects.filter(pk=photo.pk).update(created_at=timezone.now() - timedelta(hours=1))
        build = GalleryBuild.objects.create(
            model_version=version, change_number=0, identities=3, vectors=5, file="f", seconds=2
        )
        change = GalleryChange.objects.create(identity=person.pk)
        found = scraped(client)
        assert value(found, "identity_photos", state="waiting") == 1
        assert value(found, "identity_photos", state="review") == 2
        assert 3600 <= value(found, "identity_photos_oldest_seconds", state="review") < 4000
        assert value(found, "identity_photos_oldest_seconds", state="processing") == 0
        assert value(found, "identity_model_info", name="m", version="7") == 1
        assert value(found, "identity_gallery_generation") == build.pk
        assert value(found, "identity_gallery_people") == 3
        assert value(found, "identity_gallery_behind_changes") == change.pk
        assert value(found, "identity_up", server="postgres") == 1
        assert value(found, "identity_up", server="redis") == 1

    def test_the_queue_and_its_age(
        self, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with redis.Redis.from_url(settings.REDIS_URL) as server:
            server.delete("recognition")
            monkeypatch.setattr("identity_site.celery.time.time", lambda: 1_000_000.0)
            app.send_task("recognition.process_photos", args=[[]])
            monkeypatch.setattr("identity_site.celery.time.time", lambda: 1_000_090.0)
            app.send_task("recognition.process_photos", args=[[]])
            found = scraped(client)
            server.delete("recognition")
        assert value(found, "identity_queue_messages", queue="recognition") == 2
        assert value(found, "identity_queue_oldest_seconds", queue="recognition") == pytest.approx(90)
        assert value(found, "identity_workers", queue="recognition") == 0

    def test_without_redis(self, client: Client, settings: Any, tmp_path: Path) -> None:
        settings.REDIS_URL = f"unix://{tmp_path}/none.sock"
        found = scraped(client)
        assert value(found, "identity_up", server="redis") == 0
        assert value(found, "identity_up", server="postgres") == 1
        assert not [name for name, _ in found if name.startswith("identity_queue")]

    def test_without_postgres(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise OperationalError("gone")

        monkeypatch.setattr(standing, "last_change", fail)
        ModelVersion.objects.create(name="m", sha256="0" * 64, dimensions=4, active=True)
        found = scraped(client)
        assert value(found, "identity_up", server="postgres") == 0
        assert value(found, "identity_up", server="redis") == 1


class TestReadiness:
    def test_ready(self, client: Client) -> None:
        ModelVersion.objects.create(name="m", sha256="0" * 64, dimensions=4, active=True)
        answer = client.get("/readyz", headers={"host": "10.0.0.7"})
        assert answer.status_code == 200
        assert answer.json() == {"ready": True, "database": "ok", "recognition": "ok", "redis": "ok"}

    def test_kiosks_go_on_without_redis(self, client: Client, settings: Any, tmp_path: Path) -> None:
        settings.REDIS_URL = f"unix://{tmp_path}/none.sock"
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["ready"]) == (200, True)
        assert "does not answer" in answer.json()["redis"]

    @pytest.mark.parametrize(
        ("error", "named"),
        [(OperationalError("gone"), "database"), (ModelFileError("damaged"), "recognition")],
    )
    def test_not_ready(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception, named: str
    ) -> None:
        def fail() -> None:
            raise error

        monkeypatch.setattr(standing.live_gallery, "current", fail)
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()[named] != "ok"
        assert "damaged" not in answer.content.decode()  # a stranger learns no paths


# --- Several processes ---------------------------------------------------------------------------------------

COUNTING = """
import sys
from pathlib import Path
from identity_site import metrics_folder
from recognition.services import metrics
folder = metrics_folder.open_for(Path(sys.argv[1]), sys.argv[2])
metrics.share(folder, lambda: "p0")
metrics.DECISIONS.labels("identify", "match", "").inc(int(sys.argv[3]))
print("counted", flush=True)
sys.stdin.readline()
"""


class Counting:
    def __init__(self, base: Path, kind: str, count: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", COUNTING, str(base), kind, str(count)],
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "counted\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[list[Counting]]:
    made = [Counting(tmp_path, "web", 3), Counting(tmp_path, "worker", 4)]
    yield made
    for one in made:
        one.kill()


def matches(base: Path) -> float:
    families = metrics.collect(metrics_folder.files_in(base))
    return sum(s.value for family in families for s in family.samples if s.name == "identity_decisions_total")


def test_processes_are_counted_together_until_their_server_ends(tmp_path: Path, two: list[Counting]) -> None:
    assert matches(tmp_path) == 7
    two[0].kill()
    assert matches(tmp_path) == 4
    left = {path.name for path in tmp_path.iterdir()}
    opened = metrics_folder.open_for(tmp_path, "next")
    assert opened is not None
    assert {path.name for path in tmp_path.iterdir()} == {n for n in left if "worker" in n} | {opened.name}
    metrics_folder.release(opened)


def test_a_folder_that_others_may_write_to_is_not_read(tmp_path: Path, two: list[Counting]) -> None:
    tmp_path.chmod(0o777)
    assert metrics_folder.files_in(tmp_path) == []
    assert metrics_folder.open_for(tmp_path, "web") is None


def test_no_space_for_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(metrics.values, "ValueClass", metrics.values.ValueClass)
    monkeypatch.delenv(metrics.FOLDER, raising=False)
    monkeypatch.setattr(metrics.os, "posix_fallocate", full)
    metrics.share(tmp_path, lambda: "p0")
    assert metrics.values.ValueClass is metrics.values.MutexValue
    assert "are not counted" in caplog.text
    monkeypatch.delenv(metrics.FOLDER, raising=False)


# --- What is shown of them -----------------------------------------------------------------------------------


def names() -> set[str]:
    """Of all series that `/metrics` can have."""
    counted = {
        name + suffix
        for family in metrics.REGISTRY.collect()
        for name in [family.name]
        for suffix in {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}[family.type]
    }
    source = Path(standing.__file__).read_text(encoding="utf-8")
    return counted | set(re.findall(r"\"(identity_\w+)\"", source))


def test_the_dashboard_shows_metrics_that_there_are() -> None:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    assert len(asked) >= 12
    assert {n for expression in asked for n in re.findall(r"identity_\w+", expression)} <= names()
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
    assert len(set(places)) == len(places)


def test_the_alerts_watch_metrics_that_there_are() -> None:
    text = ALERTS.read_text(encoding="utf-8")
    rules = re.findall(r"^ +expr: (.+)$", text, re.MULTILINE)
    assert len(rules) == len(re.findall(r"- alert:", text)) >= 8
    assert {n for expression in rules for n in re.findall(r"identity_\w+", expression)} <= names()
    assert len(re.findall(r"^ +summary: ", text, re.MULTILINE)) == len(rules)


def test_the_document_names_every_metric() -> None:
    text = (BASE_DIR / "docs/operations.md").read_text(encoding="utf-8")
    bare = {re.sub(r"_(bucket|count|sum)$", "", name) for name in names()}
    assert {name for name in bare if f"`{name}`" not in text} == set()
