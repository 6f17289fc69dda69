"""The OpenAPI document, and the page that shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver

from recognition.api import urls
from recognition.api.permissions import scopes_of
from tests.api.kiosks import document

UNDESCRIBED = {"schema", "docs", None}


def operations() -> list[tuple[str, str, dict[str, object]]]:
    return [
        (path, method, operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


def test_is_valid_and_complete(tmp_path: Path) -> None:
    file = tmp_path / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    assert yaml.safe_load(file.read_text())["openapi"].startswith("3.1")


def test_describes_every_address() -> None:
    described = {path for path, _, _ in operations()}
    assert len(described) == len([p for p in urls.v1 if p.name not in UNDESCRIBED])


def test_describes_every_method() -> None:
    views = {p.name: p.callback.view_class for p in urls.v1 if p.name not in UNDESCRIBED}
    methods = sum(len(view.scopes) for view in views.values())
    assert methods == len(operations())
    for view in views.values():
        for method in ("get", "post", "put", "patch", "delete"):
            assert hasattr(view, method) == (method.upper() in view.scopes), view


def test_every_operation_says_who_may_and_what_can_go_wrong() -> None:
    for path, method, operation in operations():
        assert operation["security"] == [{"ApiKeyBearer": []}, {"ApiKeyHeader": []}]
        assert "Scope: " in str(operation["description"])
        responses = operation["responses"]
        assert {"401", "403", "429", "500", "503"} <= set(responses), (path, method)
        for status, answer in responses.items():  # type: ignore[attr-defined]
            if status >= "400":
                content = answer["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Error"}
                assert content["examples"]


def test_pictures_are_files_or_base64_or_bodies() -> None:
    content = document()["paths"]["/api/v1/identify"]["post"]["requestBody"]["content"]
    shapes = document()["components"]["schemas"]
    wanted = {"multipart/form-data": ("format", "binary"), "application/json": ("contentEncoding", "base64")}
    assert set(content) == {*wanted, "image/*", "application/octet-stream"}
    assert content["image/*"]["schema"] == {"type": "string", "format": "binary"}
    for kind, (name, value) in wanted.items():
        shape = shapes[content[kind]["schema"]["$ref"].rsplit("/", 1)[-1]]
        assert shape["properties"]["image"][name] == value


def test_scopes_of_head() -> None:
    view = next(url for url in urls.v1 if url.name == "people").callback.view_class
    assert scopes_of(view, "HEAD") == scopes_of(view, "GET") == ("read",)


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ["*/*", "application/vnd.oai.openapi", "application/vnd.oai.openapi+json"])
def test_is_served_to_everybody(accept: str) -> None:
    response = Client().get("/api/v1/schema/", headers={"Accept": accept})
    assert response.status_code == 200
    found = json.loads(response.content) if "json" in accept else yaml.safe_load(response.content)
    assert found["paths"] == document()["paths"]


@pytest.mark.django_db
def test_the_page_needs_no_inline_script() -> None:
    page = Client().get("/api/v1/docs/")
    assert page["Content-Security-Policy"].startswith("default-src 'self'")
    assert "unsafe" not in page["Content-Security-Policy"]
    text = page.content.decode()
    assert "<style" not in text
    assert text.count("<script") == text.count("<script src=") == 3
    script = Client().get("/api/v1/docs/?script=")
    assert script["Content-Type"] == "application/javascript"
    assert '"/api/v1/schema/"' in script.content.decode().replace("\\u002D", "-").replace("\\u002F", "/")


@pytest.mark.django_db
def test_the_page_without_its_slash() -> None:
    assert Client().get("/api/v1/docs")["Location"] == "/api/v1/docs/"


def test_the_api_is_where_it_says() -> None:
    known = get_resolver().reverse_dict
    assert known is not None
    for path, _, _ in operations():
        assert path.startswith("/api/v1/")
