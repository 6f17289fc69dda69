"""Keys of kiosks: shown once, kept as a digest, dead at once when revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from recognition.models import ApiKey
from recognition.services import keys
from recognition.services.errors import Invalid

pytestmark = pytest.mark.django_db


def test_the_text_is_kept_nowhere():
    key, text = keys.issue_key(name=" Door ", scopes=["verify", "identify", "verify"])
    assert (key.name, key.scopes) == ("Door", ["identify", "verify"])
    assert text.startswith(f"fid_{key.prefix}_")
    assert len(text) > 50
    row = ApiKey.objects.values().get()
    secret = text.rsplit("_", 1)[1]
    assert all(secret not in str(value) for value in row.values())


def test_two_keys_differ():
    first, second = (keys.issue_key(name="Door", scopes=["identify"])[1] for _ in range(2))
    assert first != second
    assert keys.authenticate(first) != keys.authenticate(second)


def test_only_the_whole_text_is_the_key():
    key, text = keys.issue_key(name="Door", scopes=["identify"])
    assert keys.authenticate(text) == key
    for wrong in (
        "",
        text[:-1],
        text + "x",
        text.upper(),
        f"fid_{key.prefix}_",
        key.digest,
        "\x00",
        "é" * 50,
    ):
        assert keys.authenticate(wrong) is None


def test_a_revoked_key_is_dead_and_stays_so():
    key, text = keys.issue_key(name="Door", scopes=["identify"])
    keys.revoke_key(key)
    assert keys.authenticate(text) is None
    when = ApiKey.objects.get().revoked_at
    keys.revoke_key(key)
    assert ApiKey.objects.get().revoked_at == when


def test_its_use_is_noted_once_a_minute():
    _, text = keys.issue_key(name="Door", scopes=["identify"])
    keys.authenticate(text)
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    keys.authenticate(text)
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    keys.authenticate(text)
    assert ApiKey.objects.get().last_used_at > first


def test_scopes():
    door, _ = keys.issue_key(name="Door", scopes=["identify"])
    boss, _ = keys.issue_key(name="Boss", scopes=["admin"])
    assert [keys.allows(door, scope) for scope in ApiKey.Scope.values] == [True] + 5 * [False]
    assert all(keys.allows(boss, scope) for scope in ApiKey.Scope.values)


@pytest.mark.parametrize(
    ("name", "scopes", "code"),
    [
        ("Door", [], "unknown_scope"),
        ("Door", ["identify", "fly"], "unknown_scope"),
        ("  ", ["identify"], "no_name"),
        ("x" * 121, ["identify"], "no_name"),
        ("a\x00b", ["identify"], "no_name"),
    ],
)
def test_what_cannot_be_made(name, scopes, code):
    with pytest.raises(Invalid) as caught:
        keys.issue_key(name=name, scopes=scopes)
    assert caught.value.code == code
    assert not ApiKey.objects.exists()
