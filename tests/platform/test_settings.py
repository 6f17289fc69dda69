"""Wrong settings stop the start with one sentence; right ones make a site fit for production."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from identity_site.env import BASE_DIR
from tests.platform.processes import environment

SHOW = """
import json
from django.utils.functional import Promise
from identity_site import settings
def shown(value):
    return None if isinstance(value, Promise) else str(value)  # what is translated needs the applications
print(json.dumps({name: value for name, value in vars(settings).items() if name.isupper()}, default=shown))
"""
PRODUCTION = {
    "DATABASE_URL": "postgresql://identity@db/identity",
    "REDIS_URL": "redis://cache:6379/0",
    "SECRET_KEY": "k" * 64,
    "SITE_KEY": "s" * 64,
}


def run(data_dir: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=environment(data_dir, **more),
        capture_output=True,
        text=True,
        timeout=120,
    )


def settings(data_dir: Path, **more: str) -> dict[str, object]:
    done = run(data_dir, "-c", SHOW, **more)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_production(empty_dir: Path) -> None:
    found = settings(
        empty_dir, **PRODUCTION, HTTPS_ONLY="true", ALLOWED_HOSTS="identity.example", TRUSTED_PROXIES="1"
    )
    assert found["SECURE_SSL_REDIRECT"]
    assert found["SESSION_COOKIE_SECURE"]
    assert found["CSRF_COOKIE_SECURE"]
    assert found["SECURE_HSTS_SECONDS"] == 31_536_000
    assert found["ALLOWED_HOSTS"] == ["identity.example"]
    assert found["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]
    assert found["ALLAUTH_TRUSTED_PROXY_COUNT"] == 1
    assert found["CELERY_BROKER_URL"] == "redis://cache:6379/0"
    assert found["SITE_KEYS"] == ["s" * 64]
    assert list(empty_dir.iterdir()) == []


def test_nothing_configured(empty_dir: Path) -> None:
    found = settings(empty_dir)
    assert found["DEBUG"] is False
    assert found["SECURE_SSL_REDIRECT"] is False
    assert found["SECURE_PROXY_SSL_HEADER"] is None
    assert found["SECRET_KEY"] == (empty_dir / "secret_key").read_text().strip()
    assert found["SITE_KEYS"] == [(empty_dir / "site_key").read_text().strip()]
    assert found["SECRET_KEY"] not in found["SITE_KEYS"]


def test_former_site_keys_follow_the_one_in_use(empty_dir: Path) -> None:
    found = settings(empty_dir, **PRODUCTION, SITE_KEY_FALLBACKS=f"{'t' * 64} {'u' * 64}")
    assert found["SITE_KEYS"] == ["s" * 64, "t" * 64, "u" * 64]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"DEBUG": "ture"}, "DEBUG must be true or false, not 'ture'."),
        ({"SECRET_KEY_FILE": "/nowhere/key"}, "SECRET_KEY_FILE: /nowhere/key cannot be read"),
        ({**PRODUCTION, "SECRET_KEY": ""}, "SECRET_KEY (or SECRET_KEY_FILE) must be set"),
        ({**PRODUCTION, "SITE_KEY": ""}, "SITE_KEY (or SITE_KEY_FILE) must be set"),
        (
            {"DATABASE_URL": "mysql://db/x", "SECRET_KEY": "k"},
            "DATABASE_URL must begin with postgresql://, not mysql://.",
        ),
        ({"MAX_UPLOAD_MB": "0"}, "MAX_UPLOAD_MB must be at least 1, not 0."),
    ],
)
def test_a_wrong_setting_stops_the_start(empty_dir: Path, more: dict[str, str], sentence: str) -> None:
    done = run(empty_dir, "manage.py", "check", **more)
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert "Traceback" not in done.stderr
    assert not (empty_dir / "embedded").exists()


def test_help_starts_nothing(empty_dir: Path) -> None:
    done = run(empty_dir, "manage.py", "up", "--help")
    assert done.returncode == 0
    assert "--port" in done.stdout
    assert not (empty_dir / "embedded").exists()


@pytest.mark.parametrize(
    ("given", "bind"),
    [
        ({}, "127.0.0.1:8000"),
        ({"PORT": "8001"}, "127.0.0.1:8001"),
        ({"PORT": "0", "BIND": "[::]:9"}, "[::]:9"),
    ],
)
def test_the_web_server_listens_where_it_is_told(monkeypatch, given, bind):
    """`up` hands on BIND with the free port it found for a PORT of 0."""
    for name in ("PORT", "BIND"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert runpy.run_path(str(BASE_DIR / "identity_site/gunicorn.conf.py"))["bind"] == bind
