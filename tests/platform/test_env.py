"""Settings from the environment: what is accepted, and the sentence when something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from identity_site import broker, env


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("X", raising=False)
    monkeypatch.delenv("X_FILE", raising=False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("TRUE", True), (" yes ", True), ("on", True), ("0", False), ("No", False), ("", True)],
)
def test_boolean(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("X", value)
    assert env.boolean("X", True) is expected


@pytest.mark.parametrize("value", ["ture", "2", "enabled"])
def test_a_mistyped_boolean_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match=f"X must be true or false, not '{value}'"):
        env.boolean("X", False)


@pytest.mark.parametrize(
    ("value", "message"),
    [("ten", "whole number"), ("1.5", "whole number"), ("0", "at least 1"), ("99", "at most 9")],
)
def test_wrong_integers(monkeypatch: pytest.MonkeyPatch, value: str, message: str) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match=message):
        env.integer("X", 5, minimum=1, maximum=9)


@pytest.mark.parametrize("value", ["1/s", "300/m", "5/h", "1000/d"])
def test_rates(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X", value)
    assert env.rate("X", "9/m") == value


@pytest.mark.parametrize("value", ["300", "0/m", "-1/m", "300/minute", "m/300", "1.5/s"])
def test_wrong_rates(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="X must be a rate such as 300/m"):
        env.rate("X", "9/m")


def test_words_and_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "a.example, b.example c.example,")
    assert env.words("X") == ["a.example", "b.example", "c.example"]
    with pytest.raises(ImproperlyConfigured, match="one of text, json"):
        env.choice("X", "text", ["text", "json"])


class TestFiles:
    def test_a_secret_comes_from_a_file(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("  hush\n")
        monkeypatch.setenv("X_FILE", str(tmp_path / "secret"))
        assert env.text("X") == "hush"
        assert env.is_set("X")

    def test_an_unreadable_file_stops_the_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("X_FILE", "/nowhere/secret")
        with pytest.raises(ImproperlyConfigured, match="X_FILE: /nowhere/secret cannot be read"):
            env.text("X", "default")

    def test_so_does_an_empty_one(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "secret").touch()
        monkeypatch.setenv("X_FILE", str(tmp_path / "secret"))
        with pytest.raises(ImproperlyConfigured, match="is empty"):
            env.text("X", "default")

    def test_both_are_one_too_many(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("X", "a")
        monkeypatch.setenv("X_FILE", str(tmp_path / "secret"))
        with pytest.raises(ImproperlyConfigured, match="both set"):
            env.text("X")


class TestDatabase:
    def test_a_full_url(self) -> None:
        found = env.database("postgresql://us%40er:p%2Fw@db.example:6432/faces?sslmode=require")
        assert found["NAME"] == "faces"
        assert found["USER"] == "us@er"
        assert found["PASSWORD"] == "p/w"
        assert (found["HOST"], found["PORT"]) == ("db.example", "6432")
        assert found["OPTIONS"] == {"connect_timeout": 10, "sslmode": "require"}

    def test_a_socket(self) -> None:
        assert env.database("postgresql://postgres@:5432/identity?host=/run/pg")["HOST"] == "/run/pg"

    @pytest.mark.parametrize(
        ("url", "message"),
        [
            ("sqlite:///db.sqlite3", "Only PostgreSQL"),
            ("postgresql://user@host:5432", "names no database"),
            ("postgresql://user@host:port/db", "not a URL"),
        ],
    )
    def test_wrong_urls(self, url: str, message: str) -> None:
        with pytest.raises(ImproperlyConfigured, match=message):
            env.database(url)


class TestBroker:
    def test_sockets_are_written_in_kombus_way(self) -> None:
        assert (
            broker.broker_url("unix:///run/redis.sock?db=3")
            == "redis+socket:///run/redis.sock?virtual_host=3"
        )

    def test_the_cache_is_in_another_database_than_the_queues(self) -> None:
        assert broker.cache_url("unix:///run/redis.sock?db=0") == "unix:///run/redis.sock?db=1"
        assert broker.cache_url("rediss://:pw@cache:6380/2?x=y") == "rediss://:pw@cache:6380/3?x=y"
        assert broker.cache_url("redis://cache:6379") == "redis://cache:6379/1"

    @pytest.mark.parametrize("url", ["memcached://x", "redis://cache/zero"])
    def test_wrong_urls(self, url: str) -> None:
        with pytest.raises(ImproperlyConfigured, match="REDIS_URL"):
            broker.cache_url(broker.broker_url(url))


def test_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.origins("X") == []
    monkeypatch.setenv("X", "https://kiosk.example.org, http://10.0.0.7:8080 http://[::1]:3000")
    assert env.origins("X") == ["https://kiosk.example.org", "http://10.0.0.7:8080", "http://[::1]:3000"]


@pytest.mark.parametrize(
    "value",
    [
        "*",
        "null",
        "kiosk.example.org",
        "https://*.example.org",
        "https://kiosk.example.org/",
        "https://kiosk.example.org/app",
        "https://Kiosk.example.org",
        "https://a@kiosk.example.org",
        "https://kiosk.example.org:",
        "ftp://kiosk.example.org",
        "file://",
    ],
)
def test_wrong_origins(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="X must list origins such as https://kiosk"):
        env.origins("X")
