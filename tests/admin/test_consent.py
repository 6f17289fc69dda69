"""Consent in the admin: recorded while enrolling and on a page of its own; texts that are replaced, never changed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from recognition.models import Consent, ConsentText, Identity, Photo
from recognition.services.identities import consents, people
from tests.admin.conftest import file, person_page, said
from tests.fakes import person_jpeg

ADD = "/admin/recognition/identity/add/"
TEXTS = "/admin/recognition/consenttext/"


def page_of(identity: Identity) -> str:
    return f"/admin/recognition/identity/{identity.pk}/consent/"


def test_enrols_with_consent(owner):
    owner.post(ADD, {"name": "Bo", "external_id": "B-1", "consent": "on", "photos": [file(person_jpeg(3))]})
    given = Consent.objects.get()
    assert (given.identity.name, given.way, given.taken_by, given.text.version) == ("Bo", "staff", "owner", 1)
    assert Photo.objects.count() == 1


def test_where_it_is_demanded_photos_wait_for_the_tick(owner, settings):
    settings.CONSENT_REQUIRED = True
    page = owner.post(ADD, {"name": "Bo", "external_id": "B-1", "photos": [file(person_jpeg(3))]})
    assert "with the person&#x27;s consent only" in page.content.decode()
    assert not Identity.objects.exists()
    owner.post(ADD, {"name": "Bo", "external_id": "B-1"})
    bo = Identity.objects.get()
    refused = owner.post(
        f"/admin/recognition/identity/{bo.pk}/photos/", {"photos": [file(person_jpeg(3))]}, follow=True
    )
    assert "There is no consent of Bo on record" in said(refused)[-1]
    assert not Photo.objects.exists()


def test_records_what_the_person_said_and_keeps_the_proof(owner, ann):
    day = timezone.localdate() - timedelta(days=40)
    sent = {"version": "1", "agreed": "on", "given_on": day.isoformat(), "note": "form 17"}
    done = owner.post(page_of(ann), sent, follow=True)
    assert said(done) == ["The consent of Ann is on record."]
    given = Consent.objects.get()
    assert (timezone.localdate(given.given_at), given.note, given.taken_by) == (day, "form 17", "owner")
    assert "form 17" in done.content.decode()


@pytest.mark.parametrize(
    "sent",
    [
        {"version": "1"},
        {"version": "9", "agreed": "on"},
        {"version": "1", "agreed": "on", "given_on": "2999-01-01"},
        {"version": "1", "agreed": "on", "note": "x" * 201},
    ],
)
def test_nothing_wrong_is_recorded(owner, ann, sent):
    assert owner.post(page_of(ann), sent).status_code == 200
    assert not Consent.objects.exists()


def test_withdraws_after_a_question(owner, ann):
    consents.give_consent(ann, way="staff")
    question = owner.get(page_of(ann), {"withdraw": 1}).content.decode()
    assert "erased after 30 days" in question
    assert consents.consent_of(ann)
    done = owner.post(f"{page_of(ann)}?withdraw=1", follow=True)
    assert said(done) == ["The consent of Ann is withdrawn."]
    ann.refresh_from_db()
    assert ann.withdrawn_at
    assert "withdrawn; erased on" in owner.get(person_page(ann)).content.decode()
    resumed = owner.post(f"/admin/recognition/identity/{ann.pk}/resume/", follow=True)
    assert "has withdrawn consent" in said(resumed)[0]


def test_the_link_on_the_page_works(owner, ann, client):
    page = owner.get(page_of(ann))
    assert "no-store" in page["Cache-Control"]
    (path,) = re.findall(r'value="http://testserver(/accounts/consent/[^"]+)"', page.content.decode())
    client.post(path, {"do": "give", "version": "1", "agreed": "yes"})
    assert consents.consent_of(ann).way == "self"


def test_who_may_only_look_sees_neither_link_nor_form(colleague, outsider, ann):
    assert colleague.get(page_of(ann)).status_code == 403
    assert colleague.post(f"{page_of(ann)}?withdraw=1").status_code == 403
    assert outsider.get(page_of(ann)).status_code == 302
    assert not Consent.objects.exists()


def test_the_list_is_filtered_by_consent(owner):
    for name in ("Ann", "Bo", "Cy"):
        people.create_identity(name=name)
    ann, bo, _ = Identity.objects.order_by("name")
    consents.give_consent(ann, way="staff")
    consents.withdraw_consent(bo)
    for value, names in (("given", ["Ann"]), ("withdrawn", ["Bo"]), ("none", ["Cy"])):
        page = owner.get("/admin/recognition/identity/", {"consent": value})
        assert [row.name for row in page.context["cl"].result_list] == names


def test_texts_are_replaced_and_never_changed(owner):
    assert "version 1" in owner.get(TEXTS).content.decode()
    owner.post(f"{TEXTS}add/", {"text": "Another text."})
    first, second = ConsentText.objects.order_by("version")
    assert (second.text, second.created_by.username) == ("Another text.", "owner")
    owner.post(f"{TEXTS}{first.pk}/change/", {"text": "Something else."})
    assert owner.post(f"{TEXTS}{first.pk}/delete/", {"post": "yes"}).status_code == 403
    first.refresh_from_db()
    assert first.text == consents.FIRST_TEXT


def test_a_text_that_is_in_force_already(owner):
    page = owner.post(f"{TEXTS}add/", {"text": consents.FIRST_TEXT}, follow=True)
    assert "which is in force" in said(page)[0]
