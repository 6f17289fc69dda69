"""Reads settings from the environment, and stops the start with a clear sentence where one is wrong.

Every value may also be given as a file: ``NAME_FILE=/run/secrets/name`` instead of ``NAME=value``.
An empty value counts as not set.
"""

from __future__ import annotations

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def is_set(name: str) -> bool:
    """Whether NAME or NAME_FILE has a value."""
    return bool(os.environ.get(name, "").strip() or os.environ.get(f"{name}_FILE", "").strip())


def text(name: str, default: str = "") -> str:
    """The value of NAME, or the contents of the file that NAME_FILE names."""
    value = os.environ.get(name, "").strip()
    file = os.environ.get(f"{name}_FILE", "").strip()
    if value and file:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set. Remove one of them.")
    if file:
        try:
            value = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{name}_FILE: {file} cannot be read ({error}).") from error
        if not value:
            raise ImproperlyConfigured(f"{name}_FILE: {file} is empty.")
    return value or default


def required(name: str, hint: str) -> str:
    value = text(name)
    if not value:
        raise ImproperlyConfigured(f"{name} (or {name}_FILE) must be set: {hint}.")
    return value


def boolean(name: str, default: bool) -> bool:
    value = text(name)
    if not value:
        return default
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def integer(name: str, default: int, *, minimum: int | None = None, maximum: int | None = None) -> int:
    value = text(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if minimum is not None and number < minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum}, not {number}.")
    if maximum is not None and number > maximum:
        raise ImproperlyConfigured(f"{name} must be at most {maximum}, not {number}.")
    return number


def rate(name: str, default: str) -> str:
    """A number of requests in a second, minute, hour or day, such as ``300/m``."""
    value = text(name, default)
    if not re.fullmatch(r"[1-9][0-9]{0,8}/[smhd]", value):
        raise ImproperlyConfigured(f"{name} must be a rate such as 300/m (s, m, h or d), not {value!r}.")
    return value


def words(name: str, default: list[str] | None = None) -> list[str]:
    """A list, separated by commas or spaces."""
    value = text(name)
    if not value:
        return list(default or [])
    return [word for word in value.replace(",", " ").split() if word]


def origins(name: str) -> list[str]:
    """Web origins, ``https://name[:port]`` each, as browsers write them: no path, no wildcard."""
    values = words(name)
    for value in values:
        if not re.fullmatch(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[1-9][0-9]{0,4})?", value):
            raise ImproperlyConfigured(
                f"{name} must list origins such as https://kiosk.example.org, in small letters and without a path,"
                f" not {value!r}."
            )
    return values


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Addresses or networks such as ``10.0.0.0/8``."""
    found = []
    for value in words(name):
        try:
            found.append(ip_network(value))
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} must list networks such as 10.0.0.0/8 ({error}).") from None
    return found


def secret_word(name: str) -> str:
    """A password of at least 16 characters that goes into a header; empty where it is not set."""
    value = text(name)
    if value and not re.fullmatch(r"[!-~]{16,}", value):
        raise ImproperlyConfigured(f"{name} must have at least 16 characters: ASCII, without spaces.")
    return value


def choice(name: str, default: str, options: list[str]) -> str:
    value = text(name, default)
    if value not in options:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(options)}, not {value!r}.")
    return value


def web_workers() -> int:
    return integer("WEB_WORKERS", min(2, os.cpu_count() or 1), minimum=1)


def path(name: str, default: Path) -> Path:
    """An absolute path, whether or not something is there."""
    return Path(os.path.abspath(Path(text(name, str(default))).expanduser()))


def data_dir() -> Path:
    """The folder of all state; it is not created here."""
    return path("IDENTITY_DATA_DIR", BASE_DIR / "data")


def database(url: str, *, name: str = "DATABASE_URL") -> dict[str, object]:
    """Django's DATABASES entry for ``postgresql://user:password@host:port/name?sslmode=...``.

    ``?host=/folder`` names the folder of a Unix socket, as in libpq.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is not a URL ({error}).") from error
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(
            f"{name} must begin with postgresql://, not {parts.scheme}://. Only PostgreSQL is supported."
        )
    if not parts.path.strip("/"):
        raise ImproperlyConfigured(f"{name} names no database: postgresql://user:password@host:5432/database")
    options: dict[str, object] = {"connect_timeout": 10, **dict(parse_qsl(parts.query))}
    host = options.pop("host", "") or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or ""),
        "OPTIONS": options,
    }
