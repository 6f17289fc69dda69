"""The copy for a person in the admin: after a question, noted, for who may see everything in it."""

from __future__ import annotations

import io
import zipfile

from django.contrib.admin.models import LogEntry

from tests.admin.conftest import person_page

RIGHTS = ("view_identity", "view_photo", "view_decision", "view_consent")


def test_asks_then_sends_it_and_notes_it(owner, ann):
    url = f"/admin/recognition/identity/{ann.pk}/copy/"
    assert url in owner.get(person_page(ann)).text
    assert "hand it over safely" in owner.get(url).text
    answer = owner.post(url)
    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    assert f"photos/{ann.photos.get().pk}.jpg" in archive.namelist()
    assert "no-store" in answer["Cache-Control"]
    assert "Took a copy" in LogEntry.objects.get(object_id=str(ann.pk)).change_message


def test_who_may(staff, colleague, outsider, ann):
    url = f"/admin/recognition/identity/{ann.pk}/copy/"
    assert staff(*RIGHTS).post(url).getvalue().startswith(b"PK")
    for missing in RIGHTS:
        assert staff(*(right for right in RIGHTS if right != missing)).post(url).status_code == 403
    assert colleague.post(url).status_code == 403
    assert outsider.post(url).status_code == 302
