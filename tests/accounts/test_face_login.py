"""The face login page: who gets in, who does not, and what each is told."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from PIL import Image

from accounts import services
from accounts.models import User
from identity_site import settings as site_settings
from recognition.engine.images import encode_jpeg
from recognition.engine.liveness.judging import FAILURES, Progress, State
from recognition.engine.types import ModelFileError
from recognition.models import Decision
from recognition.services import recognition
from recognition.services.identities import people
from recognition.services.liveness import challenges
from recognition.services.recognition import recognise
from tests.fakes import GROUND, black_jpeg, person_jpeg, person_picture, wall_jpeg

URL = "/accounts/face/"
QUALITY_REASONS = ["too_small", "too_blurred", "too_dark", "too_bright", "too_turned"]


def signed_in(client: Client) -> bool:
    return SESSION_KEY in client.session


def huge_png() -> bytes:
    """A header that promises 30,000 x 30,000 pixels, and hardly any data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def animated_gif() -> bytes:
    frames = [Image.new("RGB", (60, 60), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def with_passer_by(person: int, other: int) -> bytes:
    """One large face, and a small one in the background."""
    near, far = person_picture(person, size=200), person_picture(other, size=60)
    ground = np.full((near.shape[0], far.shape[1], 3), GROUND, np.uint8)
    ground[: far.shape[0]] = far
    return encode_jpeg(np.hstack([near, ground]))


class TestSuccess:
    def test_the_plain_form_signs_in_and_goes_to_the_account_page(self, client, enrol, look):
        identity = enrol(6)
        response = look(person_jpeg(6, variant=7), as_json=False)
        assert response.status_code == 302
        assert response["Location"] == reverse("accounts:profile")
        assert client.session[SESSION_KEY] == str(identity.user_id)

    def test_the_script_is_told_where_to_go(self, client, enrol, look):
        enrol(6)
        response = look(person_jpeg(6, variant=7))
        assert response.json() == {"location": reverse("accounts:profile")}
        assert signed_in(client)

    def test_the_decision_names_the_account(self, enrol, look):
        identity = enrol(6)
        look(person_jpeg(6, variant=7))
        decision = Decision.objects.get()
        assert (decision.kind, decision.outcome) == ("login", "match")
        assert (decision.identity, decision.user) == (identity, identity.user)

    def test_it_goes_through_the_ordinary_login(self, client, enrol, look):
        """Signal, new session key, last_login and allauth's record, as after a password."""
        identity = enrol(6)
        client.get(URL)
        session = client.session
        session["kept"] = True
        session.save()
        before = session.session_key
        seen = []

        def listener(user, **_):
            seen.append(user.pk)

        user_logged_in.connect(listener)
        try:
            look(person_jpeg(6, variant=7))
        finally:
            user_logged_in.disconnect(listener)
        assert seen == [identity.user_id]
        assert client.session.session_key != before
        assert client.session["account_authentication_methods"][0]["method"] == "face"
        assert client.session.get_expire_at_browser_close()
        identity.user.refresh_from_db()
        assert identity.user.last_login is not None

    def test_somebody_in_the_background_does_not_matter(self, client, enrol, look):
        identity = enrol(6)
        enrol(7)
        look(with_passer_by(6, 7))
        assert client.session[SESSION_KEY] == str(identity.user_id)

    def test_who_is_signed_in_already_is_sent_on(self, client, enrol):
        client.force_login(enrol(6).user)
        assert client.get(URL)["Location"] == reverse("accounts:profile")


class TestWhoIsNotLetIn:
    """All of these get the very same answer as a stranger, in JSON and on the page."""

    CASES = [
        "stranger",
        "staff",
        "superuser",
        "inactive account",
        "suspended",
        "no account",
        "two look alike without a password",
        "no photos",
    ]

    @pytest.fixture(params=CASES)
    def picture(self, request, enrol) -> bytes:
        enrol(9)  # somebody else is always enrolled
        match request.param:
            case "staff":
                enrol(6, is_staff=True)
            case "superuser":
                enrol(6, is_superuser=True)
            case "inactive account":
                enrol(6, is_active=False)
            case "suspended":
                people.suspend(enrol(6))
            case "no account":
                enrol(6, account=False)
            case "two look alike without a password":
                twin = enrol(6)
                twin.external_id = "twin"
                twin.save()
                twin.user.username = "twin"
                twin.user.save()
                enrol(6)
                User.objects.filter(username__in=["twin", "user6"]).update(password="!")
            case "no photos":
                enrol(6, photo_count=0)
        return person_jpeg(6, variant=7)

    def test_the_script_hears_not_recognised(self, client, look, picture):
        response = look(picture)
        assert response.status_code == 400
        assert response.json() == {"code": "not_recognised", "message": services.TEXTS["not_recognised"]}
        assert not signed_in(client)

    def test_the_page_says_not_recognised(self, client, look, picture):
        response = look(picture, as_json=False)
        assert response.status_code == 400
        assert services.TEXTS["not_recognised"] in response.text
        assert "Fake Person" not in response.text
        assert not signed_in(client)

    def test_the_decision_names_no_account(self, look, picture):
        look(picture)
        assert Decision.objects.get(kind="login").user is None


class TestWhatWasNotActedOn:
    """A refused sign-in is no match, whoever was recognised."""

    def stored(self) -> list[tuple[str, str, str | None]]:
        rows = Decision.objects.filter(kind="login").order_by("pk")
        return list(rows.values_list("outcome", "reason", "identity__external_id"))

    def test_two_people_in_the_picture(self, enrol, look):
        enrol(6), enrol(7)
        assert look(person_jpeg(6, 7)).json()["code"] == "several_people"
        assert self.stored() == [("rejected", "several_people", None)] * 2

    def test_a_person_without_an_account(self, enrol, look):
        enrol(6, account=False)
        assert look(person_jpeg(6, variant=4)).status_code == 400
        assert self.stored() == [("rejected", "no_account", "F6")]

    def test_a_sign_in_stays_a_match(self, enrol, look):
        enrol(6)
        look(person_jpeg(6, variant=4))
        assert self.stored() == [("match", "", "F6")]

    def test_a_stranger_stays_no_match(self, enrol, look):
        enrol(6)
        look(person_jpeg(8))
        assert self.stored() == [("no_match", "not_recognised", None)]


class TestBadPictures:
    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"", "empty"),
            (b"this is not a picture", "unreadable"),
            (person_jpeg(6)[:200], "unreadable"),
            (huge_png(), "too_large"),
            (animated_gif(), "animated"),
            (wall_jpeg(), "no_face"),
            (black_jpeg(), "too_dark"),
            (person_jpeg(6, 7), "several_people"),
            (person_jpeg(6, size=30), "too_small"),
            (person_jpeg(3, blurred=True), "too_blurred"),
            (person_jpeg(4, dark=True), "too_dark"),
        ],
        ids=[
            "empty",
            "text",
            "cut short",
            "huge PNG",
            "animation",
            "wall",
            "black",
            "two people",
            "far away",
            "blurred",
            "dark",
        ],
    )
    def test_each_gets_its_reason(self, client, enrol, look, data, code):
        enrol(6)
        response = look(data)
        assert response.status_code == 400
        answer = response.json()
        assert answer["code"] == code
        assert answer["message"][0].isupper()
        assert escape(answer["message"]) in look(data, as_json=False).text
        assert not signed_in(client)

    @pytest.mark.parametrize("reason", QUALITY_REASONS)
    def test_whatever_is_wrong_with_the_face_has_advice(self, reason):
        assert str(services.FaceRefused(reason)) not in ("", services.TEXTS["not_recognised"])

    def test_no_file_at_all(self, client, db):
        response = client.post(URL, {}, HTTP_ACCEPT="application/json")
        assert response.status_code == 400
        assert response.json() == {"code": "required", "message": "Choose a photo."}

    def test_a_text_in_place_of_the_file(self, client, db):
        response = client.post(URL, {"photo": "hello"}, HTTP_ACCEPT="application/json")
        assert response.json()["code"] == "required"

    def test_a_file_over_the_limit_is_not_looked_at(self, client, enrol, look, settings):
        settings.MAX_UPLOAD_BYTES = 1000
        enrol(6)
        assert look(person_jpeg(6)).json()["code"] == "too_large"
        assert not Decision.objects.exists()

    def test_broken_models_are_an_answer_and_not_an_error_page(self, look, db, monkeypatch):
        def broken(*_, **__):
            raise ModelFileError("detector.tflite is missing")

        monkeypatch.setattr(recognition, "identify", broken)
        response = look(person_jpeg(6))
        assert response.status_code == 503
        assert response.json()["code"] == "unavailable"
        assert "tflite" not in response.text


class TestWithoutRedis:
    """Attempts cannot be counted, so nobody signs in; those who are signed in go on."""

    @pytest.fixture(autouse=True)
    def nowhere(self, settings, enrol):
        enrol(6)
        location = {"LOCATION": "unix:///nowhere/redis.sock?db=1"}
        settings.CACHES = {"default": settings.CACHES["default"] | location}

    def test_by_face(self, client, look, monkeypatch):
        monkeypatch.setattr(recognise, "identify", lambda *_, **__: pytest.fail("looked at the picture"))
        response = look(person_jpeg(6))
        assert response.status_code == 503
        assert response.json()["code"] == "unavailable"
        assert not signed_in(client)

    def test_by_password(self, client):
        response = client.post("/accounts/login/", {"login": "user6", "password": "a long enough secret"})
        assert response.status_code == 503
        assert "nobody can sign in" in response.text
        assert not signed_in(client)

    def test_who_is_signed_in(self, client):
        client.force_login(User.objects.get(username="user6"))
        assert client.get("/accounts/profile/").status_code == 200


class TestRateLimit:
    @pytest.fixture(autouse=True)
    def limits(self, settings):
        settings.ACCOUNT_RATE_LIMITS = {"face_login": "3/m/ip", "face_login_hourly": "5/h/ip"}

    def test_it_is_taken_before_anything_is_looked_at(self, client, enrol, look, monkeypatch):
        enrol(6)
        for _ in range(3):
            assert look(wall_jpeg()).status_code == 400
        monkeypatch.setattr(recognise, "identify", lambda *_, **__: pytest.fail("looked at the picture"))
        response = look(person_jpeg(6))
        assert response.status_code == 429
        assert response.json()["code"] == "too_many_attempts"
        assert 50 < int(response["Retry-After"]) <= 60
        assert look(person_jpeg(6), as_json=False).status_code == 429
        assert not signed_in(client)

    def test_a_forged_forwarding_header_does_not_help(self, client, enrol, db):
        for number in range(4):
            response = client.post(
                URL,
                {"photo": io.BytesIO(wall_jpeg())},
                HTTP_ACCEPT="application/json",
                HTTP_X_FORWARDED_FOR=f"10.0.0.{number}",
            )
        assert response.status_code == 429

    def test_another_address_has_its_own_limit(self, client, db):
        for _ in range(4):
            client.post(URL, {"photo": io.BytesIO(wall_jpeg())})
        response = client.post(URL, {"photo": io.BytesIO(wall_jpeg())}, REMOTE_ADDR="10.1.2.3")
        assert response.status_code == 400

    def test_a_success_clears_the_short_limit(self, client, enrol, look):
        enrol(6)
        look(wall_jpeg())
        look(wall_jpeg())
        assert look(person_jpeg(6)).status_code == 200
        client.logout()
        assert look(wall_jpeg()).status_code == 400
        assert look(wall_jpeg()).status_code == 400

    def test_failures_count_in_the_long_limit_whatever_succeeds_between(self, client, enrol, look):
        enrol(6)
        for _ in range(2):
            look(wall_jpeg())
            look(wall_jpeg())
            assert look(person_jpeg(6)).status_code == 200
            client.logout()
        assert look(wall_jpeg()).status_code == 400  # the fifth failure
        assert look(wall_jpeg()).status_code == 429

    def test_a_used_up_hour_tells_the_real_wait_and_costs_no_minute(self, client, enrol, look, settings):
        settings.ACCOUNT_RATE_LIMITS = {"face_login": "3/m/ip", "face_login_hourly": "2/h/ip"}
        enrol(6)
        look(wall_jpeg())
        look(wall_jpeg())
        for _ in range(3):
            response = look(person_jpeg(6))
            assert response.status_code == 429
            assert response.json()["code"] == "too_many_this_hour"
            assert "this hour" in response.json()["message"]
            assert 3500 < int(response["Retry-After"]) <= 3600

    def test_successes_alone_never_reach_the_long_limit(self, client, enrol, look):
        enrol(6)
        for variant in range(7):
            assert look(person_jpeg(6, variant=variant)).status_code == 200
            client.logout()


class TestWhereToGoNext:
    def test_a_page_of_this_site(self, enrol, look):
        enrol(6)
        assert look(person_jpeg(6), next="/accounts/password/change/").json() == {
            "location": "/accounts/password/change/"
        }

    @pytest.mark.parametrize(
        "target",
        [
            "https://evil.example/",
            "//evil.example/x",
            "/\\evil.example",
            "javascript:alert(1)",
            "http:///evil",
        ],
    )
    def test_never_another_site(self, enrol, look, target):
        enrol(6)
        assert look(person_jpeg(6), next=target).json() == {"location": reverse("accounts:profile")}

    def test_the_wish_is_kept_on_the_page_and_cannot_break_out_of_it(self, client, db):
        page = client.get(URL, {"next": '/photos/1/image"><script>'}).text
        assert 'name="next"' in page
        assert '"><script>' not in page


class TestThePage:
    def test_without_script_it_is_a_form(self, client, db):
        page = client.get(URL).text
        assert 'enctype="multipart/form-data"' in page
        assert 'type="file"' in page
        assert "csrfmiddlewaretoken" in page

    def test_it_says_that_a_photo_can_fool_it(self, client, db):
        assert "a photo of you can fool it" in " ".join(client.get(URL).text.split())

    def test_it_needs_no_inline_script_or_style(self, client, db):
        response = client.get(URL)
        assert "<script>" not in response.text
        assert " style=" not in response.text
        assert " onclick=" not in response.text
        assert "unsafe-inline" not in response["Content-Security-Policy"]

    def test_it_is_not_cached(self, client, db):
        assert "no-store" in client.get(URL)["Cache-Control"]

    def test_without_the_csrf_token_nothing_happens(self, enrol):
        enrol(6)
        strict = Client(enforce_csrf_checks=True)
        response = strict.post(URL, {"photo": io.BytesIO(person_jpeg(6))})
        assert response.status_code == 403
        assert "too old" in response.text
        assert not signed_in(strict)
        assert not Decision.objects.exists()

    def test_switched_off(self, client, enrol, look, settings):
        settings.FACE_LOGIN_ENABLED = False
        enrol(6)
        assert client.get(URL).status_code == 404
        assert look(person_jpeg(6)).status_code == 404
        assert not signed_in(client)
        for page in ("/", "/accounts/login/"):
            assert URL not in client.get(page).text

    def test_switched_on_it_is_linked(self, client, db):
        for page in ("/", "/accounts/login/"):
            assert URL in client.get(page).text


@pytest.mark.django_db
class TestLiveness:
    """Where a challenge is demanded."""

    @pytest.fixture(autouse=True)
    def demanded(self, settings) -> None:
        settings.LIVENESS = "challenge"

    @pytest.fixture
    def judged(self, monkeypatch) -> list[Progress]:
        said = [Progress(state=State.PASSED, best=0)]
        monkeypatch.setattr(challenges, "judge", lambda *_, **__: said[-1])
        return said

    def start(self, client: Client) -> dict[str, str]:
        answer = client.post(URL + "challenge/")
        assert answer.status_code == 201
        return answer.json()

    def frames(
        self, client: Client, challenge: dict[str, str], *pictures: bytes, **fields: str
    ) -> HttpResponse:
        files = [SimpleUploadedFile("frame.jpg", data, content_type="image/jpeg") for data in pictures]
        sent = {
            "nonce": challenge["nonce"],
            "at": [1000 + 100 * n for n in range(len(files))],
            "shown": [-1 for _ in files],
            "frame": files,
        }
        return client.post(f"{URL}challenge/{challenge['id']}/", sent | fields)

    def test_the_default_of_a_site_is_a_challenge(self):
        assert site_settings.LIVENESS == "challenge"

    def test_a_file_signs_nobody_in(self, client, enrol, look):
        enrol(1)
        answer = look(person_jpeg(1))
        assert answer.status_code == 400
        assert answer.json() == {
            "code": "liveness_required",
            "message": services.TEXTS["liveness_required"],
        }
        assert not signed_in(client)
        assert not Decision.objects.exists()

    def test_who_passes_is_signed_in_by_the_frame_that_passed(self, client, enrol, judged):
        enrol(1)
        enrol(2)
        token = self.frames(client, self.start(client), person_jpeg(1, variant=3)).json()["token"]
        other = SimpleUploadedFile("camera.jpg", person_jpeg(2), content_type="image/jpeg")
        answer = client.post(URL, {"token": token, "photo": other}, HTTP_ACCEPT="application/json")
        assert answer.status_code == 200
        assert client.session[SESSION_KEY] == str(User.objects.get(username="user1").pk)
        assert Decision.objects.get().liveness["state"] == "passed"

    def test_a_token_works_once(self, client, enrol, judged):
        enrol(1, is_active=False)
        token = self.frames(client, self.start(client), person_jpeg(1)).json()["token"]
        codes = [
            client.post(URL, {"token": token}, HTTP_ACCEPT="application/json").json()["code"]
            for _ in range(2)
        ]
        assert codes == ["not_recognised", "liveness_token"]

    def test_a_token_of_another_browser(self, client, enrol, judged):
        enrol(1)
        token = self.frames(client, self.start(client), person_jpeg(1)).json()["token"]
        thief = Client()
        assert (
            thief.post(URL, {"token": token}, HTTP_ACCEPT="application/json").json()["code"]
            == "liveness_token"
        )
        assert not signed_in(thief)

    def test_a_challenge_of_another_browser(self, client, enrol, judged):
        challenge = self.start(client)
        answer = self.frames(Client(), challenge, person_jpeg(1))
        assert (answer.status_code, answer.json()["code"]) == (400, "no_challenge")

    def test_one_that_fails_counts_as_an_attempt(self, client, enrol, judged, settings):
        settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"face_login": "2/m/ip"}
        judged.append(Progress(state=State.FAILED, reason="flat"))
        for _ in range(2):
            answer = self.frames(client, self.start(client), person_jpeg(1))
            assert answer.json()["message"] == FAILURES["flat"]
        answer = self.frames(client, self.start(client), person_jpeg(1))
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")

    def test_challenges_are_bounded(self, client, settings):
        settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"face_challenge": "2/m/ip"}
        assert [client.post(URL + "challenge/").status_code for _ in range(3)] == [201, 201, 429]

    @pytest.mark.parametrize(
        "fields",
        [
            {"at": ""},
            {"at": "x"},
            {"at": "nan"},
            {"at": "-5"},
            {"at": "1,2"},
            {"at": ["1", "2"]},
            {"shown": "-2"},
            {"shown": "1,1"},
            {"nonce": ""},
        ],
    )
    def test_malformed_frames(self, client, judged, fields):
        answer = self.frames(client, self.start(client), person_jpeg(1), **fields)
        assert answer.status_code == 400

    def test_no_frames(self, client, judged):
        assert self.frames(client, self.start(client)).status_code == 400

    def test_off_where_face_login_is(self, client, settings):
        settings.FACE_LOGIN_ENABLED = False
        assert client.post(URL + "challenge/").status_code == 404

    @pytest.mark.parametrize("method", ["get", "put", "delete"])
    def test_only_sent(self, client, method):
        assert getattr(client, method)(URL + "challenge/").status_code == 405

    def test_from_another_site(self, enrol):
        assert Client(enforce_csrf_checks=True).post(URL + "challenge/").status_code == 403

    def test_the_page_offers_no_file(self, client):
        page = client.get(URL).content.decode()
        assert 'type="file"' not in page
        assert "challenge.js" in page
