"""Whatever goes wrong, the answer is JSON with a code and a sentence."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import override_settings

from recognition.models import Identity
from recognition.services.errors import Conflict, ServiceError
from tests.api.conftest import NewKiosk
from tests.api.kiosks import Kiosk, error_of, in_base64, rows, upload
from tests.fakes import person_jpeg, wall_jpeg


@pytest.mark.parametrize(
    "path", ["nothing", "identify/", "people/", "people/a/b", "", "%00", "x%0Ay", "../v2/x"]
)
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_unknown_addresses(db: None, path: str, method: str) -> None:
    assert error_of(getattr(Kiosk(), method)(path), 404)["code"] == "not_found"


@pytest.mark.parametrize("path", ["/api/", "/api/v2/identify", "/api/v1", "/api/people"])
def test_addresses_outside_the_version(db: None, path: str) -> None:
    assert error_of(Kiosk().get(path), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("get", "identify", "POST"),
        ("delete", "people", "GET, HEAD, POST"),
        ("post", "people/x", "GET, HEAD, PATCH, DELETE"),
        ("post", "events", "GET, HEAD"),
        ("put", "photos/1", "GET, HEAD, DELETE"),
        ("options", "identify", "POST"),
    ],
)
def test_wrong_methods(new_kiosk: NewKiosk, method: str, path: str, allowed: str) -> None:
    response = new_kiosk("admin").send(method, path, "{}", "application/json")
    assert error_of(response, 405)["code"] == "method_not_allowed"
    assert response["Allow"] == allowed


@pytest.mark.parametrize(
    ("content_type", "status", "code"),
    [
        ("text/plain", 415, "unsupported_media_type"),
        ("application/xml", 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        ("", 415, "unsupported_media_type"),
        ("nonsense", 415, "unsupported_media_type"),
        ("multipart/form-data", 400, "parse_error"),
        ("multipart/form-data; boundary=", 400, "parse_error"),
        ("application/json; charset=bz2_codec", 400, "parse_error"),
        ("application/json; charset=utf-16-le", 400, "parse_error"),
    ],
)
def test_content_types(new_kiosk: NewKiosk, content_type: str, status: int, code: str) -> None:
    before = rows()
    kiosk = new_kiosk("admin")
    for path in ("identify", "verify", "people"):
        assert error_of(kiosk.send("post", path, '{"name": "Ada"}', content_type), status)["code"] == code
    assert rows() == before


@pytest.mark.parametrize("content_type", ["image/jpeg", "application/octet-stream"])
def test_a_picture_is_no_body_for_what_takes_none(new_kiosk: NewKiosk, content_type: str) -> None:
    response = new_kiosk("admin").send("post", "people", b"\xff\xd8\xff", content_type)
    assert error_of(response, 415)["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "",
        "nan",
        '{"name": NaN}',
        '{"name": 1e999}',
        '{"name": 7}',
        "[" * 100_000,
        '{"name":' * 50_000,
        "\xff",
        '{"a": "\x00"}',
        "9" * 10_000,
        "{'name': 'Ada'}",
    ],
)
def test_malformed_json(new_kiosk: NewKiosk, text: str) -> None:
    before = rows()
    response = new_kiosk("enrol").send("post", "people", text.encode("latin-1"), "application/json")
    assert error_of(response, 400)["code"] in ("parse_error", "invalid_request")
    assert rows() == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x",
        b"--x\r\n\r\n",
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\ncut off',
    ],
)
def test_malformed_forms(new_kiosk: NewKiosk, body: bytes) -> None:
    before = rows()
    response = new_kiosk("identify").send("post", "identify", body, "multipart/form-data; boundary=x")
    assert response.status_code in (400, 422)
    error_of(response, response.status_code)
    assert rows() == before


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x"])
def test_a_body_that_is_too_large_is_not_read(new_kiosk: NewKiosk, content_type: str) -> None:
    kiosk = new_kiosk("identify")
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1_000_000):
        response = kiosk.send("post", "identify", b"x" * 1_000_001, content_type)
    assert error_of(response, 413)["code"] == "too_large"


def test_a_body_of_unknown_length(new_kiosk: NewKiosk) -> None:
    kiosk = new_kiosk("identify")
    kiosk.headers["Transfer-Encoding"] = "chunked"
    response = kiosk.send("post", "identify", b"", "application/json")  # as Django sees it
    assert error_of(response, 411)["code"] == "length_required"


@pytest.mark.django_db
def test_a_host_that_is_not_ours() -> None:
    kiosk = Kiosk()
    kiosk.headers["Host"] = "192.0.2.7"
    error = error_of(kiosk.get("anything"), 400)
    assert error["code"] == "unknown_host"
    assert "ALLOWED_HOSTS" in error["message"]
    page = kiosk.get("/accounts/login/")
    assert page.status_code == 400
    assert page["Content-Type"].startswith("text/html")


def test_too_many_fields(new_kiosk: NewKiosk) -> None:
    fields = {f"f{number}": "x" for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    assert error_of(new_kiosk("enrol").post("people", **fields), 400)["code"] == "invalid_request"


def test_too_much_text_in_a_form(new_kiosk: NewKiosk) -> None:
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000), patch("recognition.api.views.base.check_size"):
        response = new_kiosk("enrol").post("people", name="x" * 2000)
    assert error_of(response, 413)["code"] == "too_large"


def test_any_accept_header(new_kiosk: NewKiosk) -> None:
    kiosk = new_kiosk("read")
    for accept in ("text/html", "image/jpeg", "nonsense", "application/xml;q=0.1", "*/*"):
        kiosk.headers["Accept"] = accept
        assert kiosk.get("people").json()["count"] == 0


def test_a_fault_leaks_nothing(new_kiosk: NewKiosk) -> None:
    with patch("recognition.services.recognition.identify", side_effect=RuntimeError("secret /etc/passwd")):
        response = new_kiosk("identify").post("identify", image=upload(wall_jpeg()))
    error = error_of(response, 500)
    assert error["code"] == "server_error"
    assert b"secret" not in response.content


def test_the_fault_is_in_the_log(new_kiosk: NewKiosk, caplog: pytest.LogCaptureFixture) -> None:
    with patch("recognition.services.recognition.identify", side_effect=RuntimeError("what happened")):
        new_kiosk("identify").post("identify", image=upload(wall_jpeg()))
    assert "what happened" in caplog.text
    assert "Traceback" in caplog.text


def test_debug_shows_no_more(new_kiosk: NewKiosk) -> None:
    with (
        override_settings(DEBUG=True),
        patch("recognition.services.recognition.identify", side_effect=RuntimeError("secret")),
    ):
        response = new_kiosk("identify").post("identify", image=upload(wall_jpeg()))
    assert error_of(response, 500)["code"] == "server_error"


def test_the_database_is_away(new_kiosk: NewKiosk) -> None:
    with patch(
        "recognition.services.keys.ApiKey.objects.filter", side_effect=OperationalError("host db:5432")
    ):
        response = new_kiosk("read").get("people")
    assert error_of(response, 503)["code"] == "unavailable"
    assert response["Retry-After"] == "5"
    assert b"5432" not in response.content


def test_the_model_is_being_changed(new_kiosk: NewKiosk) -> None:
    with patch("recognition.services.recognition.identify", side_effect=Conflict("busy", "Try again.")):
        response = new_kiosk("identify").post("identify", image=upload(wall_jpeg()))
    assert error_of(response, 409)["code"] == "busy"
    assert response["Retry-After"] == "5"


@pytest.mark.parametrize("path", ["identify", "people/E1/photos"])
def test_a_smaller_limit(new_kiosk: NewKiosk, path: str) -> None:
    Identity.objects.create(name="Ada", external_id="E1")
    kiosk = new_kiosk("identify", "enrol")
    before = rows()
    with override_settings(MAX_UPLOAD_BYTES=2**20):
        assert error_of(kiosk.post(path, image=upload(bytes(2**20 + 1))), 413)["code"] == "too_large"
        text = in_base64(bytes(2**20 + 1))
        assert error_of(kiosk.post_json(path, {"image": text}), 413)["code"] == "too_large"
    assert rows() == before


def test_an_unknown_kind_of_service_error(new_kiosk: NewKiosk) -> None:
    with patch(
        "recognition.services.identities.create_identity",
        side_effect=ServiceError("invalid_request", "Do it otherwise."),
    ):
        error = error_of(new_kiosk("enrol").post("people", name="Ada"), 400)
    assert error == {"code": "invalid_request", "message": "Do it otherwise."}


def test_enrolment_works_while_the_queue_is_away(
    new_kiosk: NewKiosk, django_capture_on_commit_callbacks: object
) -> None:
    from celery import current_app
    from kombu.exceptions import OperationalError as QueueGone

    Identity.objects.create(name="Ada", external_id="E1")
    with (
        patch.object(current_app, "send_task", side_effect=QueueGone("gone")),
        django_capture_on_commit_callbacks(execute=True),  # type: ignore[operator]
    ):
        response = new_kiosk("enrol").post("people/E1/photos", image=upload(person_jpeg(1)))
    assert response.status_code == 201
    assert response.json()["photos"][0]["state"] == "waiting"
