"""What every answer carries, and the page for load balancers."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory, override_settings

from identity_site.middleware import BrowserPolicyMiddleware

pytestmark = pytest.mark.django_db


def test_health_for_any_host(client: Client) -> None:
    response = client.get("/healthz", headers={"host": "10.0.0.7"})
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


@override_settings(SECURE_SSL_REDIRECT=True)
def test_health_is_not_sent_to_https(client: Client) -> None:
    assert client.get("/healthz").status_code == 200


def test_health_without_a_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("identity_site.middleware.connection.cursor", fail)
    response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json() == {"status": "database unreachable"}


def test_pages_may_use_the_camera_and_nothing_from_elsewhere(client: Client) -> None:
    response = client.get("/accounts/login/")
    permissions = response.headers["Permissions-Policy"].split(", ")
    assert {"camera=(self)", "microphone=()", "geolocation=()"} <= set(permissions)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_the_admin_may_evaluate_expressions_but_run_no_scripts_in_place(admin_client: Client) -> None:
    policy = admin_client.get("/admin/").headers["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval';" in policy


def test_a_view_may_set_its_own_policy(rf: RequestFactory) -> None:
    from django.http import HttpResponse

    own = HttpResponse(headers={"Content-Security-Policy": "default-src 'none'"})
    response = BrowserPolicyMiddleware(lambda request: own)(rf.get("/x"))
    assert response.headers["Content-Security-Policy"] == "default-src 'none'"


def test_unknown_hosts_are_refused(client: Client) -> None:
    assert client.get("/accounts/login/", headers={"host": "evil.example"}).status_code == 400
