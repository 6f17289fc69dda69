"""Staff hand in a picture and see what is decided about every face."""

from __future__ import annotations

from unittest import mock

import pytest

from recognition.engine.types import ModelFileError
from recognition.models import Decision
from recognition.services.identities import people
from tests.admin.conftest import file, person, said
from tests.fakes import person_jpeg, wall_jpeg

URL = "/admin/recognition/decision/recognise/"


def look(client, data: bytes):
    return client.post(URL, {"picture": file(data)})


def test_every_face_with_its_decision(owner, ann):
    page = look(owner, person_jpeg(3, 9, variant=2))
    answers = page.context["answers"]
    assert {(a.name, a.outcome) for a in answers} == {("Ann", "match"), ("", "no match")}
    mine = next(a for a in answers if a.name)
    assert [(row.identity, row.face) for row in mine.rows] == [(ann, ann.photos.get().pk)]
    assert f"{mine.rows[0].score:.3f}" in page.text
    assert 'href="data:image/jpeg;base64,' in page.text
    assert page.text.count('<rect class="id-') == 2
    assert "no-store" in page["Cache-Control"]


def test_it_counts_as_a_probe_with_the_name_of_who_asked(owner, ann):
    look(owner, person_jpeg(3, variant=2))
    decision = Decision.objects.get()
    assert (decision.kind, decision.outcome, decision.identity) == ("identify", "match", ann)
    assert decision.user.username == "owner"


def test_a_face_that_is_not_good_enough(owner, ann):
    answer = look(owner, person_jpeg(3, size=30)).context["answers"][0]
    assert answer.outcome == "rejected"
    assert answer.reason.startswith("The face is too small")
    assert answer.rows == []


def test_two_alike_are_not_told_apart(owner, ann):
    person("Twin", 3, variants=(0,))
    answer = look(owner, person_jpeg(3, variant=2)).context["answers"][0]
    assert answer.outcome == "no match"
    assert "too close" in answer.reason
    assert len(answer.rows) == 2


def test_no_face(owner, ann):
    page = look(owner, wall_jpeg())
    assert "No face was found" in page.text
    assert page.status_code == 200


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "is empty"), (b"hello", "not a picture"), (b"\xff\xd8\xff" + b"0" * 500, "not a picture")],
)
def test_no_picture(owner, ann, data, reason):
    page = look(owner, data)
    assert page.status_code == 400
    assert reason in said(page)[0]
    assert not Decision.objects.exists()


def test_nothing_handed_in(owner, ann):
    page = owner.post(URL)
    assert page.status_code == 400
    assert said(page) == ["The file is empty. Choose a photo."]


def test_too_large(owner, ann, settings):
    settings.MAX_UPLOAD_BYTES = 100
    assert "too large" in said(look(owner, person_jpeg(3)))[0]


def test_missing_models_are_told(owner, ann):
    with mock.patch("recognition.admin.recognise.identify", side_effect=ModelFileError("no detector")):
        page = look(owner, person_jpeg(3))
    assert page.status_code == 503
    assert said(page) == ["no detector"]


def test_who_may_not_see_photos_sees_no_faces_of_candidates(staff, ann):
    page = look(staff("view_identity"), person_jpeg(3, variant=2))
    assert page.context["answers"][0].name == "Ann"
    assert "/photos/" not in page.text


def test_a_hostile_name_stays_text(owner, ann):
    people.update_identity(ann, name="<script>alert(1)</script>")
    page = look(owner, person_jpeg(3, variant=2))
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text
