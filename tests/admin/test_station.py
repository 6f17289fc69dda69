"""The address that looks at frames of the camera of who takes photos."""

from __future__ import annotations

import pytest

from recognition.models import Decision, Photo
from tests.admin.conftest import file
from tests.fakes import person_jpeg

LOOK = "/admin/recognition/identity/look/"


def test_it_says_what_it_sees_and_keeps_nothing(owner):
    answer = owner.post(LOOK, {"frame": file(person_jpeg(3))})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert answer.json()["fit"] is True
    assert len(answer.json()["box"]) == 4
    assert (Photo.objects.count(), Decision.objects.count()) == (0, 0)


@pytest.mark.parametrize("body", [{}, {"frame": file(b"no picture")}])
def test_what_is_no_picture_is_refused_with_a_sentence(owner, body):
    answer = owner.post(LOOK, body)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_a_frame_that_is_too_large_is_not_read(owner, settings):
    settings.MAX_UPLOAD_BYTES = 100
    assert owner.post(LOOK, {"frame": file(person_jpeg(3))}).status_code == 400


def test_only_staff_who_add_photos_or_try_pictures_may_ask(staff, outsider, client):
    body = {"frame": file(person_jpeg(3))}
    assert staff("add_photo").post(LOOK, body).status_code == 200
    assert staff("view_decision").post(LOOK, {"frame": file(person_jpeg(3))}).status_code == 403
    assert outsider.post(LOOK, body).status_code == 302
    assert client.post(LOOK, body).status_code == 302


def test_it_is_asked_by_post(owner):
    assert owner.get(LOOK).status_code == 405
