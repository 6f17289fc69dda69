"""Retention in the admin: the rules with what there is, and what was removed."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from recognition.models import Photo
from recognition.services import retention
from tests.admin.conftest import person_page

PAGE = "/admin/recognition/retentionrun/"


def test_shows_rules_and_runs(owner, ann, settings):
    settings.KEEP_PHOTOS_DAYS = 10
    Photo.objects.update(created_at=timezone.now() - timedelta(days=11))
    page = owner.get(PAGE)
    shown = {rule.kind: (count, due) for rule, count, due in page.context["rules"]}
    assert shown["photos"] == (1, 1)
    assert shown["crops"] == (1, 0)
    assert "10 days" in page.content.decode()
    retention.carry_out()
    assert "Enrolment photos in use: 1" in owner.get(PAGE).content.decode()


def test_a_photo_whose_picture_is_gone_is_shown_by_its_crop(owner, ann, settings):
    settings.KEEP_PHOTOS_DAYS = 10
    Photo.objects.update(created_at=timezone.now() - timedelta(days=11))
    retention.carry_out()
    photo = Photo.objects.get()
    page = owner.get(person_page(ann)).content.decode()
    assert "The picture is not kept any more" in page
    assert f"/photos/{photo.pk}/crop" in page
    assert f"/photos/{photo.pk}/image" not in page
    assert owner.get("/admin/recognition/photo/").status_code == 200
    assert owner.get(f"/photos/{photo.pk}/image").status_code == 404


def test_who_may_look(colleague, staff, outsider):
    assert colleague.get(PAGE).status_code == 403
    assert staff("view_retentionrun").get(PAGE).status_code == 200
    assert outsider.get(PAGE).status_code == 302
    assert staff("view_retentionrun").post(f"{PAGE}add/", {}).status_code == 403
