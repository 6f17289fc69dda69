"""Requests made up from the OpenAPI document, and broken ones: the server answers each as the document says.

Schemathesis checks status, headers and body of every answer, that what the document forbids is refused, that what it
allows is taken, and that keys are asked for. API_FUZZ_CASES in the environment asks for more of them:

    API_FUZZ_CASES=80 make test ARGS="tests/api/test_fuzz.py"      # for each operation, over 1,000 in all
"""

from __future__ import annotations

import os

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, assume, seed
from hypothesis import settings as hypothesis_settings

from identity_site.wsgi import application
from recognition.api.throttles import WindowThrottle
from recognition.api.views import event_stream
from recognition.models import ApiKey
from tests.api.kiosks import document, kiosk_with

CASES = int(os.environ.get("API_FUZZ_CASES", "8"))

# 422: that a text is in base64 does not make it a picture.
ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "422", "429", "5xx"]
CHECKS = {"checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}}}

schema = schemathesis.openapi.from_dict(document(), config=schemathesis.Config.from_dict(CHECKS))
schema.app = application


@pytest.fixture
def key(enrol, monkeypatch):
    """Of a kiosk that may do everything and as often as it likes, on a site with two people."""
    monkeypatch.setattr(WindowThrottle, "count", lambda *_: True)
    monkeypatch.setattr(event_stream, "LONGEST", 0)  # a stream has no end of its own
    # The requests of a server would close the connection of the test, as Django's own test client knows.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    enrol(1)
    enrol(2)
    yield kiosk_with([scope for scope, _ in ApiKey.Scope.choices]).headers["Authorization"]
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.django_db
@schema.parametrize()
@seed(20261126)
@hypothesis_settings(
    max_examples=CASES,
    deadline=None,
    derandomize=False,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_server_does_what_the_document_says(case, key):
    if case.media_type == "multipart/form-data" and isinstance(case.body, dict):
        # Two things that the tool does not do well and that have tests of their own: it does not read ``oneOf`` of a
        # form with files, and Werkzeug's client sends an empty field without the line that makes it a field.
        assume(not {"external_id", "image2"} <= case.body.keys())
        assume(not {"image", "liveness_token"} <= case.body.keys())
        assume("" not in case.body.values())
    if case.path.endswith("/verify") and case.media_type not in ("multipart/form-data", "application/json"):
        assume(
            False
        )  # beside a picture that is the body the person stands in the address, which depends on the body
    case.call_and_validate(headers={"Authorization": key})
