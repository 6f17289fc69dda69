"""Webhooks in the admin: added with a secret shown once, tried out, looked after."""

from __future__ import annotations

import pytest
from django.urls import reverse

from recognition.models import AuditEntry, Delivery, Webhook
from recognition.services import webhooks

LIST = "/admin/recognition/webhook/"
FORM = {"name": "Door", "url": "https://example.org/hook", "types": ["attendance.in"], "active": "on"}


@pytest.fixture
def hook(db) -> Webhook:
    return webhooks.add_webhook(name="Door", url="https://example.org/hook", types=["attendance.in"])[0]


def test_added_and_its_secret_is_shown_once(owner):
    answer = owner.post(f"{LIST}add/", FORM, follow=True)
    hook = Webhook.objects.get()
    assert hook.secret in answer.text
    assert hook.types == ["attendance.in"]
    assert hook.secret not in owner.get(f"{LIST}{hook.pk}/change/").text
    assert AuditEntry.objects.filter(action="webhook.added").exists()
    assert not AuditEntry.objects.filter(detail__icontains="whsec").exists()


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://user:word@example.org/", "http://1.1.1.1/"])
def test_where_nothing_is_sent(owner, url):
    page = owner.post(f"{LIST}add/", FORM | {"url": url}).text
    assert not Webhook.objects.exists()
    assert "WEBHOOK_NETWORKS" in page or "signed" in page or "https" in page


def test_changing_keeps_the_secret_and_turning_on_forgets_the_failures(owner, hook):
    secret = hook.secret
    Webhook.objects.update(active=False, failing_since=hook.created_at)
    owner.post(f"{LIST}{hook.pk}/change/", FORM | {"name": "Gate"})
    hook.refresh_from_db()
    assert (hook.name, hook.secret, hook.failing_since) == ("Gate", secret, None)


def test_a_test_and_another_secret(owner, hook):
    answer = owner.post(reverse("admin:recognition_webhook_test", args=[hook.pk]), follow=True)
    assert "A worker sends it now" in answer.text
    assert "waits" in answer.text
    assert Delivery.objects.get().type == "test"
    before = hook.secret
    page = owner.post(reverse("admin:recognition_webhook_secret", args=[hook.pk]), follow=True)
    hook.refresh_from_db()
    assert hook.secret != before
    assert hook.secret in page.text


def test_what_was_sent_is_listed_and_sent_again(owner, hook, django_assert_max_num_queries):
    for _ in range(12):
        webhooks.send_test(hook)
    with django_assert_max_num_queries(12):
        page = owner.get("/admin/recognition/delivery/").text
    assert page.count("a test") >= 12
    one = Delivery.objects.first()
    Delivery.objects.update(next_at=None, error="refused")
    assert "given up" in owner.get("/admin/recognition/delivery/").text
    owner.post(reverse("admin:recognition_delivery_again", args=[one.pk]))
    one.refresh_from_db()
    assert one.next_at


@pytest.mark.parametrize("page", ["test", "secret"])
def test_only_with_the_right(staff, hook, page):
    answer = staff("view_webhook").post(reverse(f"admin:recognition_webhook_{page}", args=[hook.pk]))
    assert answer.status_code == 403
    assert not Delivery.objects.exists()


def test_the_account_at_a_broker(owner, hook):
    """Its password is shown to nobody, stays where nothing else is said, and goes to no other address."""
    change = f"{LIST}{hook.pk}/change/"
    broker = FORM | {"url": "mqtts://broker.example/identity", "username": "site"}
    owner.post(change, broker | {"password": "a word of it"})
    hook.refresh_from_db()
    assert (hook.username, hook.password) == ("site", "a word of it")
    assert "a word of it" not in owner.get(change).text
    assert not AuditEntry.objects.filter(detail__icontains="a word of it").exists()
    owner.post(change, broker | {"name": "Gate"})
    hook.refresh_from_db()
    assert (hook.name, hook.password) == ("Gate", "a word of it")
    page = owner.post(change, broker | {"url": "mqtts://elsewhere.example/identity"})
    assert "give the password again" in page.text
    hook.refresh_from_db()
    assert hook.url == "mqtts://broker.example/identity"
    owner.post(change, FORM | {"name": "Gate"})
    hook.refresh_from_db()
    assert (hook.username, hook.password) == ("", "")
