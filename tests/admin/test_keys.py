"""API keys: shown once, then only revoked."""

from __future__ import annotations

import hashlib

import pytest
from django.contrib.sessions.models import Session

from recognition.admin.keys import form_for
from recognition.models import ApiKey
from recognition.services import keys
from tests.admin.conftest import said

LIST = "/admin/recognition/apikey/"


@pytest.fixture
def issued(owner):
    return owner.post(f"{LIST}add/", {"name": "Front door", "scopes": ["identify", "verify"]})


def text_of(response) -> str:
    return response.context["text"]


def test_a_new_key_is_shown_and_works(issued, owner):
    key = ApiKey.objects.get()
    text = text_of(issued)
    assert issued.status_code == 200
    assert text in issued.text
    assert "no-store" in issued["Cache-Control"]
    assert keys.authenticate(text) == key
    assert (key.name, key.scopes, key.created_by.username) == ("Front door", ["identify", "verify"], "owner")


def test_the_text_is_kept_nowhere_and_never_shown_again(issued, owner):
    key = ApiKey.objects.get()
    text = text_of(issued)
    assert key.digest == hashlib.sha256(text.encode()).hexdigest()
    for url in (LIST, f"{LIST}{key.pk}/change/", f"{LIST}{key.pk}/history/", "/admin/"):
        page = owner.get(url).text
        assert text not in page
        assert key.digest not in page
    assert all(text not in str(session.get_decoded()) for session in Session.objects.all())


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": ""}, "required"),
        ({"name": "x" * 121}, "at most 120"),
        ({"name": "a\x00"}, "Null characters"),
        ({"scopes": []}, "required"),
        ({"scopes": ["identify", "root"]}, "not one of the available choices"),
    ],
)
def test_what_cannot_be_issued(owner, fields, complaint):
    response = owner.post(f"{LIST}add/", {"name": "Door", "scopes": ["identify"]} | fields)
    assert response.status_code == 200
    assert complaint in response.text
    assert not ApiKey.objects.exists()


def test_a_key_cannot_be_edited(issued, owner):
    key = ApiKey.objects.get()
    page = owner.get(f"{LIST}{key.pk}/change/").text
    assert 'name="scopes"' not in page
    assert 'name="_save"' not in page
    owner.post(
        f"{LIST}{key.pk}/change/",
        {"name": "X", "scopes": ["admin"], "digest": "0" * 64, "prefix": "x", "revoked_at_0": "2020-01-01"},
    )
    after = ApiKey.objects.get()
    assert (after.name, after.scopes, after.digest, after.prefix, after.revoked_at) == (
        key.name,
        key.scopes,
        key.digest,
        key.prefix,
        None,
    )


def test_a_key_cannot_be_deleted(issued, owner):
    key = ApiKey.objects.get()
    assert owner.post(f"{LIST}{key.pk}/delete/", {"post": "yes"}).status_code == 403
    owner.post(LIST, {"action": "delete_selected", "_selected_action": [key.pk], "post": "yes"})
    assert ApiKey.objects.exists()


def test_revoke_one(issued, owner):
    key = ApiKey.objects.get()
    assert "Revoke the key of Front door?" in owner.get(f"{LIST}{key.pk}/revoke/").text
    assert keys.authenticate(text_of(issued))
    response = owner.post(f"{LIST}{key.pk}/revoke/", follow=True)
    assert said(response) == ["The key of Front door is revoked."]
    assert keys.authenticate(text_of(issued)) is None
    assert "/revoke/" not in response.text
    first = ApiKey.objects.get().revoked_at
    owner.post(f"{LIST}{key.pk}/revoke/")
    assert ApiKey.objects.get().revoked_at == first


def test_revoke_many(issued, owner):
    keys.issue_key(name="Back door", scopes=["read"])
    chosen = [key.pk for key in ApiKey.objects.all()]
    response = owner.post(LIST, {"action": "revoke_selected", "_selected_action": chosen}, follow=True)
    assert said(response) == ["2 keys were revoked."]
    assert not ApiKey.objects.filter(revoked_at=None).exists()


def test_the_list_of_those_in_force(issued, owner):
    key, _ = keys.issue_key(name="Old door", scopes=["read"])
    keys.revoke_key(key)
    listed = {
        state: [k.name for k in owner.get(f"{LIST}?state={state}").context["cl"].result_list]
        for state in ("in_force", "revoked")
    }
    assert listed == {"in_force": ["Front door"], "revoked": ["Old door"]}


def test_the_list_says_when_it_was_used(issued, owner, django_assert_num_queries):
    keys.authenticate(text_of(issued))
    keys.issue_key(name="Back door", scopes=["read"])
    owner.get(LIST)
    with django_assert_num_queries(5):
        page = owner.get(LIST)
    assert page.context["cl"].result_list.get(name="Front door").last_used_at
    assert f"fid_{ApiKey.objects.get(name='Back door').prefix}…" in page.text


ENROL = ["add_identity", "add_photo", "change_photo"]
READ = ["view_identity", "view_photo", "view_decision"]
EVERYTHING = [*ENROL, *READ, "change_identity", "delete_identity", "delete_photo"]


@pytest.mark.parametrize(
    ("rights", "offered"),
    [
        ([], {"verify"}),
        (["view_identity"], {"verify", "identify", "attendance"}),
        (READ, {"verify", "identify", "attendance", "read"}),
        (READ[:2], {"verify", "identify", "attendance"}),
        (ENROL, {"verify", "enrol"}),
        (ENROL[:2], {"verify"}),
        (EVERYTHING[:-1], {"verify", "identify", "attendance", "read", "enrol"}),
        (EVERYTHING, {"verify", "identify", "attendance", "read", "enrol", "admin"}),
    ],
)
def test_a_key_may_no_more_than_who_issues_it(staff, rights, offered):
    clerk = staff("add_apikey", "view_apikey", *rights)
    form = clerk.get(f"{LIST}add/").context["adminform"].form
    assert {value for value, _ in form.fields["scopes"].choices} == offered
    for scope in ApiKey.Scope.values:
        clerk.post(f"{LIST}add/", {"name": scope, "scopes": [scope]})
    assert set(ApiKey.objects.values_list("name", flat=True)) == offered


def test_it_is_checked_again_where_the_key_is_made(staff, monkeypatch):
    clerk = staff("add_apikey")
    monkeypatch.setattr(
        "recognition.admin.keys.form_for", lambda user, form_for=form_for: form_for(Anybody())
    )
    assert clerk.post(f"{LIST}add/", {"name": "Door", "scopes": ["admin"]}).status_code == 403
    assert not ApiKey.objects.exists()


class Anybody:
    def has_perms(self, rights):
        return True
