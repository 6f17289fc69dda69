"""`manage.py doctor`: each trouble is found, and the advice names the way out."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections import namedtuple
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection

from identity_site import diagnosis, standing
from identity_site.celery import SWEPT
from recognition.engine.runtimes import accelerator
from recognition.models import Embedding, GalleryBuild, GalleryTemplate, Identity, ModelVersion
from recognition.services.analysis.installed import active_model
from recognition.services.gallery import index
from recognition.tasks import sweep_photos

pytestmark = pytest.mark.django_db

Usage = namedtuple("Usage", "total used free")


def findings(name: str, state: str | None = None) -> list[diagnosis.Finding]:
    return [f for f in diagnosis.diagnose([name]) if state in {None, f.state}]


@pytest.fixture
def version() -> ModelVersion:
    return ModelVersion.objects.create(name="m", sha256="0" * 64, dimensions=4, active=True)


@pytest.fixture
def person(version: ModelVersion) -> Identity:
    made = Identity.objects.create(name="Ada")
    Embedding.objects.create(identity=made, model_version=version, vector=[1, 0, 0, 0], source="x")
    return made


def test_database_and_redis_are_well() -> None:
    assert [f.state for f in findings("database")] == ["ok"] * 3
    assert findings("database")[0].summary.startswith("PostgreSQL 18")
    assert [f.state for f in findings("redis")] == ["ok"] * 2


def test_unapplied_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    (found,) = findings("database", "error")
    assert found.summary == "1 migrations are not applied"
    assert "manage.py migrate" in found.advice


def test_no_redis(settings: Any, tmp_path: Path) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/none.sock"
    (found,) = findings("redis", "error")
    assert "REDIS_URL" in found.advice


def test_no_worker() -> None:
    (found,) = findings("worker", "error")
    assert "no worker answers" in found.summary
    assert "make run" in found.advice


def test_a_timetable_that_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    class Inspect:
        def __init__(self, timeout: float) -> None: ...

        def active_queues(self) -> dict[str, list[dict[str, str]]]:
            return {"w@host": [{"name": "default"}, {"name": "recognition"}]}

    monkeypatch.setattr(diagnosis.app.control, "inspect", Inspect)
    assert findings("worker", "error") == []  # nothing is known yet
    cache.set(SWEPT, time.time() - 60, None)
    assert findings("worker", "error") == []
    cache.set(SWEPT, time.time() - 3 * 3600, None)
    (found,) = findings("worker", "error")
    assert found.summary.startswith("the timetable stands still since 3 hours")


def test_a_sweep_is_remembered() -> None:
    sweep_photos.apply()
    seconds = standing.last_sweep()
    assert seconds is not None
    assert seconds < 60


def test_a_worker_for_one_queue_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Inspect:
        def __init__(self, timeout: float) -> None: ...

        def active_queues(self) -> dict[str, list[dict[str, str]]]:
            return {"w@host": [{"name": "default"}]}

    monkeypatch.setattr(diagnosis.app.control, "inspect", Inspect)
    (found,) = findings("worker", "error")
    assert found.summary == "no worker serves the queue recognition"


def test_missing_models(settings: Any, tmp_path: Path) -> None:
    settings.MODELS_DIR = tmp_path
    (found,) = findings("models")
    assert found.state == "error"
    assert "manifest.json is missing" in found.summary


class TestDevice:
    def test_on_cpus_nothing_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(accelerator, "find_device", pytest.fail)
        assert findings("device") == []

    def test_no_gpu(self, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
        settings.INFERENCE = "gpu"
        monkeypatch.setattr(accelerator, "find_device", lambda: accelerator.Device("", "There is no driver."))
        (found,) = findings("device")
        assert (found.state, "There is no driver." in found.summary) == ("warning", True)

    def test_a_gpu_and_models_without_original_weights(
        self, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
    ) -> None:
        settings.INFERENCE = "gpu"
        device = accelerator.Device("/GPU:0", "Card 5000")
        monkeypatch.setattr(accelerator, "find_device", lambda: device)
        settings.MODELS_DIR = Path(shutil.copytree(settings.MODELS_DIR, tmp_path / "models"))
        path = settings.MODELS_DIR / "manifest.json"
        document = json.loads(path.read_text())
        for entry in document["models"]:
            entry.pop("weights", None)
        path.write_text(json.dumps(document))
        first, *others = findings("device")
        assert (first.state, first.summary) == ("ok", "recognition runs on Card 5000 (/GPU:0)")
        assert [found.state for found in others] == ["warning"] * 4
        assert "original weights" in others[0].summary


class TestModelInUse:
    def test_a_new_site(self, db: None) -> None:
        assert findings("in use") == []

    def test_weights_that_are_not_here(self, version: ModelVersion) -> None:
        (found,) = findings("in use")
        assert found.state == "error"
        assert version.name in found.summary
        assert "fetch_models" in found.advice

    def test_a_setting_that_the_people_do_not_follow(self, db: None, settings: Any) -> None:
        active_model()
        assert [f.state for f in findings("in use")] == ["ok", "ok"]
        settings.EMBEDDER = "sface-2021dec"
        (found,) = findings("in use", "warning")
        assert "reembed --model sface-2021dec" in found.advice

    def test_a_stronger_model_is_named(self, db: None, settings: Any) -> None:
        name = active_model().name
        better = findings("in use")[-1]
        assert better.state == "ok"
        assert better.summary.startswith("stronger: ghostfacenet-v1-1.3-1")
        assert "reembed --model ghostfacenet-v1-1.3-1 --activate" in better.advice
        settings.EMBEDDER = name  # somebody's choice
        assert len(findings("in use")) == 1


class TestIndex:
    def test_nobody_enrolled(self) -> None:
        assert [f.summary for f in findings("index")] == ["nobody is enrolled yet"]

    def test_never_built(self, person: Identity) -> None:
        (found,) = findings("index")
        assert (found.state, found.summary) == ("warning", "never built; 1 people in Postgres")
        assert "rebuild_index" in found.advice

    def test_built(self, person: Identity) -> None:
        index.rebuild_index()
        (found,) = findings("index")
        assert found.state == "ok"
        assert re.fullmatch(r"1 people, built \d+ seconds ago, 0 changes since", found.summary)

    def test_differs_from_postgres(self, person: Identity, version: ModelVersion) -> None:
        index.rebuild_index()
        other = Identity.objects.create(name="Grace")
        Embedding.objects.create(identity=other, model_version=version, vector=[0, 1, 0, 0], source="x")
        (found,) = findings("index", "error")
        assert found.summary == "the file has 1 people, Postgres 2"

    @pytest.mark.parametrize("damage", ["missing", "cut"])
    def test_damaged(self, person: Identity, settings: Any, damage: str) -> None:
        build = index.rebuild_index()
        assert isinstance(build, GalleryBuild)
        path = Path(settings.DATA_DIR) / "gallery" / build.file
        if damage == "missing":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-3])
        (found,) = findings("index")
        assert found.state == "error"
        assert build.file in found.summary
        assert "rebuild_index" in found.advice

    def test_elsewhere(self, person: Identity, settings: Any) -> None:
        settings.GALLERY_BACKEND = "pgvector"
        (found,) = findings("index")
        assert (found.state, found.summary) == ("ok", "1 people in pgvector")
        GalleryTemplate.objects.all().delete()
        (found,) = findings("index", "error")
        assert found.summary == "Postgres has 1 people"
        assert "rebuild_index" in found.advice

    def test_elsewhere_and_away(self, person: Identity, settings: Any) -> None:
        settings.GALLERY_BACKEND, settings.MILVUS_URL = "milvus", "http://127.0.0.1:9"
        (found,) = findings("index")
        assert found.state == "error"
        assert found.summary.startswith("milvus: Milvus at http://127.0.0.1:9")


@pytest.mark.parametrize(("free", "state"), [(1e8, "error"), (1e9, "warning"), (1e11, "ok")])
def test_disk(monkeypatch: pytest.MonkeyPatch, free: float, state: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1e12, 0, free))
    (found,) = findings("disk")
    assert found.state == state
    assert bool(found.advice) == (state != "ok")


def test_a_public_name_without_https_gets_no_camera(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["identity.example", "localhost"]
    (found,) = findings("camera")
    assert found.state == "warning"
    assert "HTTPS_ONLY" in found.advice
    settings.HTTPS_ONLY = True
    assert findings("camera")[0].state == "ok"


@pytest.mark.parametrize(("state", "status"), [("ok", 0), ("warning", 0), ("error", 1)])
def test_command(monkeypatch: pytest.MonkeyPatch, state: str, status: int) -> None:
    monkeypatch.setattr(diagnosis, "CHECKS", {"thing": lambda: iter([(state, "summary", "advice")])})
    for options in ([], ["--json"]):
        out = StringIO()
        if status:
            with pytest.raises(SystemExit) as ended:
                call_command("doctor", *options, stdout=out)
            assert ended.value.code == 1
        else:
            call_command("doctor", *options, stdout=out)
    assert json.loads(out.getvalue()) == {
        "ok": not status,
        "findings": [{"name": "thing", "state": state, "summary": "summary", "advice": "advice"}],
    }
