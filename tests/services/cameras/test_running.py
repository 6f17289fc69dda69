"""Cameras of the site: rows, the worker that watches them, and the pictures for who looks on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connections

from recognition.engine.images import decode
from recognition.models import Camera, Decision
from recognition.services import data_keys
from recognition.services.cameras import (
    Label,
    draw_labels,
    pictures_of,
    running,
    save_camera,
    state_of,
    stream,
    watch_all,
)
from recognition.services.errors import Invalid
from tests.films import frame, playing

PATIENCE = 30


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


@contextmanager
def worker(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(running, "ROWS_PAUSE", 0.2)
    monkeypatch.setattr(running, "STATE_PAUSE", 0.2)
    stop = threading.Event()

    def run() -> None:
        try:
            watch_all(stop.is_set)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


MOVING = [frame((3, 100 + 10 * step)) for step in range(8)]


@pytest.mark.django_db(transaction=True)
class TestWatching:
    def test_a_camera_is_watched_from_when_it_is_there_until_it_is_switched_off(self, enrol, monkeypatch):
        enrol(3)
        with playing(*MOVING) as address, worker(monkeypatch):
            camera = save_camera(Camera(name="gate", source=address))
            until(lambda: Decision.objects.filter(camera=camera, identity__name="Fake Person 3").exists())
            until(lambda: (state_of(camera.pk) or {}).get("faces") == 1)
            state = state_of(camera.pk)
            assert state["fps"] > 0
            assert state["trouble"] == ""
            camera.enabled = False
            save_camera(camera)
            until(lambda: state_of(camera.pk) is None)

    def test_another_address_counts_within_seconds(self, enrol, monkeypatch):
        enrol(3)
        with playing(*MOVING) as address, worker(monkeypatch):
            camera = save_camera(Camera(name="gate", source="http://127.0.0.1:9/none"))
            until(lambda: "cannot be opened" in (state_of(camera.pk) or {}).get("trouble", ""))
            camera.source = address
            save_camera(camera)
            until(lambda: Decision.objects.filter(camera=camera).exists())

    def test_a_camera_that_fails_ends_no_other(self, enrol, monkeypatch):
        enrol(3)
        real = running.Watcher

        def fails(*, camera):
            if camera.name == "broken":
                raise ValueError("nobody thought of it")
            return real(camera=camera)

        monkeypatch.setattr(running, "Watcher", fails)
        with playing(*MOVING) as address, worker(monkeypatch):
            save_camera(Camera(name="broken", source=address))
            good = save_camera(Camera(name="good", source=address))
            until(lambda: Decision.objects.filter(camera=good).exists())

    def test_who_looks_on_sees_names_and_nothing_is_kept(self, enrol, monkeypatch):
        enrol(3)
        with playing(*MOVING) as address, worker(monkeypatch):
            camera = save_camera(Camera(name="gate", source=address))
            until(lambda: Decision.objects.exists())
            pictures = pictures_of(camera.pk, patience=PATIENCE)
            image = decode(next(pictures))
            assert image.shape == (480, 640, 3)
            pictures.close()
            publisher = stream.Publisher(camera.pk)
            until(lambda: not _fresh(publisher).wanted())
            publisher.close()
            camera.delete()  # what refers to it stays
        assert Decision.objects.first().camera is None


def _fresh(publisher: stream.Publisher) -> stream.Publisher:
    publisher._asked = -1e9
    return publisher


def test_who_listens_to_nobody_waits_for_a_while_only():
    assert list(pictures_of(987654, patience=0.1)) == []


def test_a_listener_that_is_slow_gets_the_newest():
    publisher = stream.Publisher(987654)
    pictures = pictures_of(987654, patience=5)
    got: list[bytes] = []
    thread = threading.Thread(target=lambda: got.append(next(pictures)))
    thread.start()
    until(lambda: _fresh(publisher).wanted())
    publisher.show(b"first")
    thread.join(PATIENCE)
    for number in range(5):
        publisher.show(str(number).encode())
    time.sleep(0.2)
    assert [*got, next(pictures)] == [b"first", b"4"]
    pictures.close()
    publisher.close()


def test_without_redis_watching_goes_on(settings):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    publisher = stream.Publisher(1)
    assert not publisher.wanted()
    publisher.show(b"x")
    assert list(pictures_of(1, patience=1)) == []


@pytest.mark.django_db
class TestRows:
    @pytest.mark.parametrize(
        "source", ["0", " 1 ", "rtsp://ann:secret@10.0.0.5:554/live", "https://cam.example/x.mjpg"]
    )
    def test_sources(self, source):
        save_camera(Camera(name="gate", source=source))
        assert Camera.objects.get().source == source.strip()

    @pytest.mark.parametrize(
        "source",
        [
            "",
            "film.mp4",
            "/etc/passwd",
            "file:///etc/passwd",
            "concat:a|b",
            "-1",
            "123",
            "²",
            "ftp://x/y",
            "rtsp://",
            "http://a b",
            "http://a\nb",
            "http://" + "x" * 600,
        ],
    )
    def test_what_is_none(self, source):
        with pytest.raises(Invalid):
            save_camera(Camera(name="gate", source=source))
        assert not Camera.objects.exists()

    def test_the_address_is_sealed(self, settings):
        save_camera(Camera(name="gate", source="rtsp://ann:secret@10.0.0.5/live"))
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT source FROM recognition_camera")
            (kept,) = cursor.fetchone()
        assert "secret" not in kept
        former = list(settings.SITE_KEYS)
        settings.SITE_KEYS = ["another key of the site", *former]
        data_keys.rotate_keys()
        settings.SITE_KEYS = ["another key of the site"]
        assert Camera.objects.get().source.endswith("/live")
        settings.SITE_KEYS = ["a third one"]
        assert Camera.objects.get().source == ""  # to be entered again
        data_keys.rotate_keys()
        settings.SITE_KEYS = ["another key of the site"]
        assert Camera.objects.get().source.endswith("/live")  # and was not overwritten


def test_names_are_drawn_whatever_their_letters():
    image = frame()
    labels = [
        Label((100, 160, 220, 280), "Nguyễn Thị Ánh", "match"),
        Label((400, 2, 500, 100), "", "looking"),
    ]
    drawn = draw_labels(image, labels)
    assert drawn.shape == image.shape
    assert (drawn != image).any(axis=2).sum() > 1000
    assert draw_labels(image, labels, most=320).shape == (240, 320, 3)
    assert (image == frame()).all()
