"""GET /status."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from recognition.engine.types import ModelFileError
from tests.accounts.conftest import Enrol
from tests.api.conftest import NewKiosk
from tests.api.kiosks import Kiosk, error_of


def test_any_key_may(stranger: Kiosk, new_kiosk: NewKiosk) -> None:
    assert error_of(stranger.get("status"), 401)["code"] == "no_key"
    for scope in ("identify", "verify", "enrol", "read", "admin"):
        assert new_kiosk(scope).get("status").json()["scopes"] == [scope]


@pytest.mark.parametrize("answers", [True, False])
def test_says_what_is_there(enrol: Enrol, new_kiosk: NewKiosk, answers: bool) -> None:
    enrol(1, account=False)
    with patch("recognition.api.views.status.worker_answers", return_value=answers):
        found = new_kiosk("verify", "identify").get("status").json()
    assert found == {
        "kiosk": "Kiosk verify identify",
        "scopes": ["identify", "verify"],
        "model": "fake-embedder",
        "detector": "fake-finder",
        "people": 1,
        "worker": answers,
    }


def test_models_are_missing(new_kiosk: NewKiosk) -> None:
    with patch(
        "recognition.services.analysis.installed.get_analyzer",
        side_effect=ModelFileError("/secret/place is missing"),
    ):
        response = new_kiosk("read").get("status")
    error = error_of(response, 503)
    assert error["code"] == "not_ready"
    assert "/secret" not in response.content.decode()
    assert response["Retry-After"] == "5"
