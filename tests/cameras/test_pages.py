"""Who may look on, and what they get."""

from __future__ import annotations

import pytest

from accounts.models import User
from recognition import streams
from recognition.cameras import views
from recognition.models import AuditEntry, Camera
from recognition.services.cameras import save_camera
from recognition.services.turns import Turns
from tests.admin.conftest import client_of

pytestmark = pytest.mark.django_db

PAGES = ["/cameras/gate/", "/cameras/gate/state", "/cameras/gate/stream"]


@pytest.fixture(autouse=True)
def gate() -> Camera:
    return save_camera(Camera(name="gate", place="Main entrance", source="0"))


@pytest.fixture(autouse=True)
def room(monkeypatch) -> None:
    """Of the test alone: some streams are left open."""
    turns = Turns(2, 20, seconds=0)
    monkeypatch.setattr(streams, "shared_turns", lambda: turns)
    monkeypatch.setattr(views, "_places", streams.Places(views.MOST))


@pytest.fixture
def pictures(monkeypatch) -> list[bytes]:
    """What the worker shows."""
    shown = [b"one", b"two"]
    monkeypatch.setattr(views.cameras, "pictures_of", lambda pk, patience: (one for one in shown))
    return shown


@pytest.mark.parametrize("page", PAGES)
def test_who_may(page, pictures, owner, staff, outsider, client):
    for may in (owner, staff("view_camera", "view_identity")):
        response = may.get(page)
        assert response.status_code == 200
        if response.streaming:
            list(response.streaming_content)  # which closes it
    for may_not in (staff("view_camera"), staff("view_identity"), outsider, client):
        assert may_not.get(page).status_code == 404
    assert owner.post(page).status_code == 405


def test_rights_without_being_staff_are_not_enough(pictures):
    user = User.objects.create_user("boss", is_superuser=True)
    assert client_of(user).get(PAGES[0]).status_code == 404


@pytest.mark.parametrize("page", ["/cameras/none/", "/cameras/none/stream", "/cameras/GATE/"])
def test_another_camera(page, owner):
    assert owner.get(page).status_code == 404


def test_the_stream_is_motion_jpeg_and_looking_on_is_noted(owner, pictures, gate):
    response = owner.get("/cameras/gate/stream")
    assert response["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
    assert b"".join(response.streaming_content) == b"".join(
        b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 3\r\n\r\n" + one + b"\r\n"
        for one in pictures
    )
    entry = AuditEntry.objects.get(action="camera.seen")
    assert (entry.who, entry.object) == ("owner", str(gate.pk))


def test_there_is_room_for_some_and_it_is_given_back(owner, pictures):
    for _ in range(2):
        watching = [owner.get("/cameras/gate/stream") for _ in range(views.MOST)]
        assert owner.get("/cameras/gate/stream").status_code == 503
        for response in watching:
            list(response.streaming_content)
    half = owner.get("/cameras/gate/stream")
    next(iter(half.streaming_content))
    assert [owner.get("/cameras/gate/stream").status_code for _ in range(views.MOST - 1)] == [200] * (
        views.MOST - 1
    )


def test_the_state_says_when_nobody_watches(owner):
    assert owner.get("/cameras/gate/state").json() == {"state": None, "enabled": True}


def test_the_page_shows_no_address_of_the_camera(owner, gate):
    gate.source = "rtsp://ann:secret@10.0.0.5/live"
    save_camera(gate)
    for page in (
        "/cameras/gate/",
        "/admin/recognition/camera/",
        f"/admin/recognition/camera/{gate.pk}/change/",
    ):
        assert "secret" not in owner.get(page).text
    assert "rtsp://…@10.0.0.5/live" in owner.get(f"/admin/recognition/camera/{gate.pk}/change/").text
