"""The addresses that Celery and the cache need, from one REDIS_URL."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured


def broker_url(redis_url: str) -> str:
    """kombu has its own way to write a Unix socket."""
    parts = urlsplit(redis_url)
    if parts.scheme in {"redis", "rediss"}:
        return redis_url
    if parts.scheme != "unix":
        raise ImproperlyConfigured(
            f"REDIS_URL must begin with redis://, rediss:// or unix://, not {parts.scheme}://."
        )
    password = f":{quote(parts.password, safe='')}@" if parts.password else ""
    return f"redis+socket://{password}{parts.path}?virtual_host={_number(redis_url)}"


def cache_url(redis_url: str) -> str:
    """The next database number: clearing the cache empties its whole database, queues must not be in it."""
    return with_database(redis_url, _number(redis_url) + 1)


def with_database(redis_url: str, number: int) -> str:
    """The same server, another of its numbered databases."""
    parts = urlsplit(redis_url)
    if parts.scheme == "unix":
        query = dict(parse_qsl(parts.query)) | {"db": str(number)}
        return f"unix://{parts.netloc}{parts.path}?{urlencode(query)}"
    return urlunsplit(parts._replace(path=f"/{number}"))


def timeouts(redis_url: str) -> dict[str, int]:
    """Options for redis-py, so that a page does not wait for ever for a server that is gone."""
    return {"socket_timeout": 5} | ({} if redis_url.startswith("unix:") else {"socket_connect_timeout": 5})


def _number(redis_url: str) -> int:
    parts = urlsplit(redis_url)
    found = (
        dict(parse_qsl(parts.query)).get("db", "0")
        if parts.scheme == "unix"
        else parts.path.strip("/") or "0"
    )
    if not found.isdigit():
        raise ImproperlyConfigured(f"REDIS_URL names the database {found!r}; a number is expected.")
    return int(found)
