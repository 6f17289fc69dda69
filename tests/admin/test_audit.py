"""The audit log in the admin."""

from __future__ import annotations

import pytest
from django.urls import reverse

from recognition.models import AuditEntry
from recognition.services import audit
from recognition.services.identities import people

URL = "/admin/recognition/auditentry/"


@pytest.fixture
def some(db):
    identity = people.create_identity(name="Ann Example", external_id="E-1")
    with audit.noting(audit.Actor(who="=cmd()", address="10.0.0.9", way="password")):
        audit.record("photo.seen", kind="photo", number=5, person=identity.pk)
        audit.record("refused.page", kind="page", number="/admin/")
    return identity


def test_it_is_listed_with_names_of_people_who_are_there(admin_client, some):
    page = admin_client.get(URL).content.decode()
    assert "photo.seen" in page
    assert f"Ann Example ({some.pk})" in page
    people_gone = some.pk
    some.delete()
    assert f"erased ({people_gone})" in admin_client.get(URL).content.decode()


@pytest.mark.parametrize(
    ("query", "shown", "hidden"),
    [
        ("?of=seen", "photo.seen", "refused.page"),
        ("?of=refused.", "refused.page", "photo.seen"),
        ("?q=10.0.0.9", "photo.seen", "person.added"),
        ("?of=changes", "person.added", "photo.seen"),
    ],
)
def test_filters_and_search(admin_client, some, query, shown, hidden):
    table = admin_client.get(URL + query).content.decode()
    assert f">{shown}<" in table
    assert f">{hidden}<" not in table


def test_nobody_adds_changes_or_deletes(admin_client, some):
    entry = AuditEntry.objects.first()
    assert admin_client.get(f"{URL}add/").status_code == 403
    assert admin_client.post(f"{URL}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.post(f"{URL}{entry.pk}/change/", {"who": "x"}).status_code == 403
    assert AuditEntry.objects.filter(pk=entry.pk, who=entry.who).exists()


def test_csv(admin_client, some):
    answer = admin_client.get(reverse("admin:recognition_auditentry_export_shown"))
    text = b"".join(answer.streaming_content).decode()
    assert text.startswith("id,at,action,who")
    assert "'=cmd()" in text
    assert AuditEntry.objects.filter(action="export.audit").exists()


def test_a_longer_page_asks_no_more_of_the_database(admin_client, some, django_assert_max_num_queries):
    def queries() -> int:
        with django_assert_max_num_queries(60) as counted:
            assert admin_client.get(URL).status_code == 200
        return len(counted)

    before = queries()
    for number in range(20):
        audit.record("photo.seen", kind="photo", number=number, person=some.pk)
    assert queries() == before


def test_the_filter_by_way(admin_client, some):
    table = admin_client.get(f"{URL}?way=password").content.decode()
    assert ">photo.seen<" in table
    assert ">person.added<" not in table
