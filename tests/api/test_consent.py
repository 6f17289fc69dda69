"""The consent text, a person's consent, and enrolling where it is demanded."""

from __future__ import annotations

import pytest

from recognition.models import Consent, Identity, Photo
from recognition.services.identities import consents, people
from tests.api.conftest import NewKiosk
from tests.api.kiosks import Kiosk, assert_guarded, assert_may, error_of, upload
from tests.fakes import person_jpeg


@pytest.fixture
def ada(db: None) -> Identity:
    return people.create_identity(name="Ada", external_id="E-1")


@pytest.mark.django_db
def test_who_may(ada: Identity) -> None:
    assert error_of(Kiosk().get("consent"), 401)["code"] == "no_key"
    for scope in ("identify", "verify", "enrol", "read"):
        assert_may("get", "consent", scope)
    assert_guarded("post", "people/E-1/consent", scopes=["enrol"])
    assert_guarded("delete", "people/E-1/consent", scopes=["admin"])


def test_the_text_in_force(new_kiosk: NewKiosk, settings: object) -> None:
    kiosk = new_kiosk("enrol")
    assert kiosk.get("consent").json() == {"version": 1, "text": consents.FIRST_TEXT, "required": False}
    settings.CONSENT_REQUIRED = True  # type: ignore[attr-defined]
    consents.publish_consent_text("Another")
    assert kiosk.get("consent").json() == {"version": 2, "text": "Another", "required": True}


def test_enrols_a_person_who_agreed(new_kiosk: NewKiosk, settings: object) -> None:
    settings.CONSENT_REQUIRED = True  # type: ignore[attr-defined]
    kiosk = new_kiosk("enrol", "read")
    made = kiosk.post_json("people", {"name": "Ada", "external_id": "E-1", "consent_version": 1}).json()
    assert made["consent"]["version"] == 1
    given = Consent.objects.get()
    assert (given.way, given.taken_by) == ("api", "Kiosk enrol read")
    assert kiosk.post("people/E-1/photos", image=upload(person_jpeg(1))).status_code == 201


def test_without_it_the_person_is_made_and_the_photo_refused(new_kiosk: NewKiosk, settings: object) -> None:
    settings.CONSENT_REQUIRED = True  # type: ignore[attr-defined]
    kiosk = new_kiosk("enrol", "read")
    made = kiosk.post("people", name="Ada", external_id="E-1").json()
    assert (made["consent"], made["consent_withdrawn_at"]) == (None, None)
    response = kiosk.post("people/E-1/photos", image=upload(person_jpeg(1)))
    assert error_of(response, 409)["code"] == "consent_missing"
    assert not Photo.objects.exists()


def test_a_text_that_is_not_in_force_any_more_makes_nobody(new_kiosk: NewKiosk) -> None:
    consents.publish_consent_text("Another")
    response = new_kiosk("enrol").post("people", name="Ada", consent_version="1")
    assert error_of(response, 409)["code"] == "old_text"
    assert not Identity.objects.exists()


def test_given_and_withdrawn(new_kiosk: NewKiosk, ada: Identity) -> None:
    kiosk = new_kiosk("enrol", "admin")
    given = kiosk.post_json("people/E-1/consent", {"version": 1, "note": "form 17"}).json()
    assert given["consent"]["version"] == 1
    assert Consent.objects.get().note == "form 17"
    withdrawn = kiosk.delete("people/E-1/consent").json()
    assert (withdrawn["status"], withdrawn["consent"]) == ("suspended", None)
    assert withdrawn["consent_withdrawn_at"]
    assert error_of(kiosk.post("people/E-1/resume"), 409)["code"] == "consent_withdrawn"
    assert (
        error_of(kiosk.post("people/E-1/photos", image=upload(person_jpeg(1))), 409)["code"]
        == "consent_withdrawn"
    )


@pytest.mark.parametrize(
    "content", [{}, {"version": 0}, {"version": "one"}, {"version": 2**31}, {"agreed": 1}]
)
def test_what_says_no_version_is_refused(
    new_kiosk: NewKiosk, ada: Identity, content: dict[str, object]
) -> None:
    error_of(new_kiosk("enrol").post_json("people/E-1/consent", content), 400)
    assert not Consent.objects.exists()


def test_nobody_of_this_id(new_kiosk: NewKiosk) -> None:
    assert (
        error_of(new_kiosk("enrol").post_json("people/E-9/consent", {"version": 1}), 404)["code"]
        == "unknown_person"
    )
