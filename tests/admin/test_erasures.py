"""Receipts in the admin: linked after erasing, checked, downloaded, for who may see them."""

from __future__ import annotations

import json

from recognition.models import Erasure, Identity
from tests.admin.conftest import said
from tests.digests import without_digests

LIST = "/admin/recognition/erasure/"


def erase(client, ann: Identity):
    return client.post(f"/admin/recognition/identity/{ann.pk}/delete/", {"post": "yes"}, follow=True)


def test_the_message_leads_to_the_receipt(owner, ann):
    messages = said(erase(owner, ann))
    kept = Erasure.objects.get()
    assert any(f"{LIST}{kept.pk}/change/" in message for message in messages)
    assert kept.by == "owner"
    page = owner.get(f"{LIST}{kept.pk}/change/").content.decode()
    assert all(text in page for text in ("photos: 1", "crops: 1", "vectors: 1"))
    assert "Ann" not in without_digests(page)
    assert owner.get(LIST).status_code == 200


def test_checks_and_downloads(owner, ann):
    erase(owner, ann)
    kept = Erasure.objects.get()
    checked = owner.get(f"{LIST}{kept.pk}/check_again/", follow=True)
    assert said(checked) == ["The receipt is genuine, and nothing is left."]
    file = owner.get(f"{LIST}{kept.pk}/download/")
    assert json.loads(file.content) == kept.receipt
    assert "attachment" in file["Content-Disposition"]
    Erasure.objects.update(receipt=kept.receipt | {"counts": {}})
    assert "was changed" in said(owner.get(f"{LIST}{kept.pk}/check_again/", follow=True))[0]


def test_who_may(owner, colleague, staff, outsider, ann):
    erase(owner, ann)
    kept = Erasure.objects.get()
    for path in (LIST, f"{LIST}{kept.pk}/download/", f"{LIST}{kept.pk}/check_again/"):
        assert colleague.get(path).status_code == 403
        assert outsider.get(path).status_code == 302
    looker = staff("view_erasure")
    assert looker.get(f"{LIST}{kept.pk}/download/").status_code == 200
    assert looker.post(f"{LIST}{kept.pk}/delete/", {"post": "yes"}).status_code == 403


def test_erasing_without_the_right_to_see_receipts(staff, ann):
    messages = said(erase(staff("view_identity", "delete_identity"), ann))
    assert not any("receipt" in message for message in messages)
    assert Erasure.objects.exists()
