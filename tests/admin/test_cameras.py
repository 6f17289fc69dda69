"""Cameras in the admin."""

from __future__ import annotations

import pytest

from recognition.models import Camera
from recognition.services.cameras import save_camera, stream

LIST = "/admin/recognition/camera/"
FIELDS = {
    "name": "gate",
    "place": "Main entrance",
    "source": "rtsp://ann:secret@10.0.0.5/live",
    "enabled": "on",
}


def test_added_and_changed_without_typing_the_password_again(owner):
    owner.post(f"{LIST}add/", FIELDS)
    camera = Camera.objects.get()
    assert (camera.name, camera.source, camera.enabled) == ("gate", FIELDS["source"], True)
    change = f"{LIST}{camera.pk}/change/"
    owner.post(change, FIELDS | {"source": "", "place": "Back"})
    camera = Camera.objects.get()
    assert (camera.place, camera.source) == ("Back", FIELDS["source"])
    owner.post(change, {"name": "gate", "source": "0"})
    camera = Camera.objects.get()
    assert (camera.source, camera.enabled) == ("0", False)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"source": ""}, "required"),
        ({"source": "/etc/passwd"}, "The source is the address of a camera"),
        ({"name": "a b"}, "valid “slug”"),
        ({"name": ""}, "required"),
    ],
)
def test_what_cannot_be_added(owner, fields, complaint):
    response = owner.post(f"{LIST}add/", FIELDS | fields, follow=True)
    assert complaint in response.text
    assert not Camera.objects.exists()


def test_the_list_says_how_it_goes(owner):
    camera = save_camera(Camera(name="gate", source="0"))
    assert "nobody watches" in owner.get(LIST).text
    publisher = stream.Publisher(camera.pk)
    publisher.tell(fps=11.9, delay_ms=41, faces=1, read=9, missed=2, trouble="")
    page = owner.get(LIST).text
    assert "11.9 frames a second, known after 41 ms" in page
    assert "/cameras/gate/" in page
    publisher.tell(fps=0, delay_ms=0, trouble="It cannot be opened.")
    assert "no pictures" in owner.get(LIST).text
    publisher.close()
    camera.enabled = False
    save_camera(camera)
    assert ">off<" in "".join(owner.get(LIST).text.split())


def test_who_may(staff, outsider, client):
    assert staff("view_camera").get(LIST).status_code == 200
    assert staff("view_identity").get(LIST).status_code == 403
    assert staff("view_camera").post(f"{LIST}add/", FIELDS).status_code == 403
    for stranger in (outsider, client):
        assert stranger.get(LIST).status_code == 302
    assert not Camera.objects.exists()
