"""Devices that talk to the API, and whether it answers as its own description says."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker

from recognition.models import ApiKey, Decision, Embedding, GalleryChange, Identity, Photo, StoredFile
from recognition.services import keys

TABLES = (Identity, Photo, Embedding, StoredFile, Decision, GalleryChange)


def upload(data: bytes, name: str = "camera.jpg", content_type: str = "image/jpeg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type)


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def rows() -> dict[str, int]:
    """How many rows each table has, to see that something failed without a trace."""
    return {table.__name__: table.objects.count() for table in TABLES}


class Kiosk:
    """Sends requests with its key. Every answer is checked against the OpenAPI document."""

    def __init__(self, key: str | None = None, *, base: str = "/api/v1") -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.base = base

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self._checked("get", path, data=query)

    def delete(self, path: str) -> HttpResponse:
        return self._checked("delete", path)

    def post(self, path: str, **fields: Any) -> HttpResponse:
        """As a multipart form."""
        return self._checked("post", path, data=fields)

    def post_json(self, path: str, content: Any) -> HttpResponse:
        return self.send("post", path, json.dumps(content), "application/json")

    def patch(self, path: str, content: Any) -> HttpResponse:
        return self.send("patch", path, json.dumps(content), "application/json")

    def send(self, method: str, path: str, body: str | bytes, content_type: str) -> HttpResponse:
        return self._checked(method, path, body, content_type, raw=True)

    def _checked(self, method: str, path: str, *content: Any, raw: bool = False, **how: Any) -> HttpResponse:
        address = path if path.startswith("/") else f"{self.base}/{path}"
        request = partial(self.client.generic, method) if raw else getattr(self.client, method)
        if raw:  # Django's client leaves it out where the body is empty
            how["CONTENT_TYPE"] = content[1]
        response = request(address, *content, headers=self.headers, **how)
        check_documented(method, address, response)
        return response


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document as plain JSON."""
    found: dict[str, Any] = json.loads(json.dumps(SchemaGenerator().get_schema(public=True)))
    return found


def check_documented(method: str, address: str, response: HttpResponse) -> None:
    """The status is documented for the operation, and the body has the shape that it names."""
    template = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", resolve(unquote(address.split("?")[0])).route)
    operation = document()["paths"].get(template, {}).get(method)
    if operation is None:
        return
    answer = operation["responses"].get(str(response.status_code))
    assert answer is not None, (
        f"{method} {template}: {response.status_code} is not documented: {response.content!r}"
    )
    content = answer.get("content")
    if content is None:
        assert response.content == b""
        return
    kind = response["Content-Type"].split(";")[0]
    assert kind in content, f"{kind} is not documented"
    if kind == "application/json":
        schema = content[kind]["schema"] | {"components": document()["components"]}
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(response.json())
    if response.status_code >= 400:
        code = response.json()["error"]["code"]
        assert code in codes_by_status()[response.status_code], f"docs/api.md does not list {code}"


@cache
def codes_by_status() -> dict[int, set[str]]:
    """The table of errors in docs/api.md."""
    page = (Path(settings.BASE_DIR) / "docs/api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d{3}) \| (.+) \|$", page, re.MULTILINE)
    return {int(status): set(re.findall(r"`([a-z0-9_]+)`", text)) - {"detail"} for status, text in rows}


def error_of(response: HttpResponse, status: int) -> dict[str, Any]:
    """The error of an answer that must have this status; code and message are there."""
    assert response.status_code == status, response.content
    error: dict[str, Any] = response.json()["error"]
    assert set(error) in ({"code", "message"}, {"code", "message", "detail"})
    assert error["message"][-1] in ".)", error["message"]
    return error


def kiosk_with(scopes: Iterable[str]) -> Kiosk:
    _, text = keys.issue_key(name=f"Kiosk {' '.join(scopes)}", scopes=list(scopes))
    return Kiosk(text)


def assert_guarded(method: str, path: str, *, scopes: Iterable[str]) -> None:
    """No key: 401. A key of another scope: 403, which says what is needed. With one of the scopes: neither.

    The request has no content, so the last case ends in any other answer.
    """
    before = rows()
    stranger = error_of(getattr(Kiosk(), method)(path), 401)
    assert stranger["code"] == "no_key"
    wrong = set(ApiKey.Scope.values) - set(scopes) - {"admin"}
    if set(scopes) != {"admin"}:
        assert_may(method, path, "admin")
    refused = error_of(getattr(kiosk_with(sorted(wrong)), method)(path), 403)
    assert refused["code"] == "wrong_scope"
    assert refused["detail"] == {"needed": list(scopes), "scopes": sorted(wrong)}
    assert rows() == before
    for scope in scopes:
        assert_may(method, path, scope)


def assert_may(method: str, path: str, scope: str) -> None:
    response = getattr(kiosk_with([scope]), method)(path)
    assert response.status_code not in (401, 403), response.content
