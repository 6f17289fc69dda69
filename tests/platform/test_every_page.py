"""Every address of the site, asked for by a stranger, a person, staff and a kiosk: the headers, and nothing inline.

The addresses are those that Django knows, so a new page is walked without being named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.http import HttpResponse
from django.test import Client
from django.urls import URLResolver, get_resolver
from django.utils import timezone

from accounts.models import User
from recognition.api.throttles import WindowThrottle
from recognition.kiosk import device
from recognition.models import (
    ApiKey,
    Appearance,
    Attendance,
    Calibration,
    Camera,
    DetectorChoice,
    Evaluation,
    Identity,
    Import,
    Merge,
    ModelChange,
    ModelVersion,
    ProbePicture,
    ThresholdPolicy,
)
from recognition.services import cameras, enrolment, identities, keys, retention, webhooks
from recognition.services.analysis.installed import active_model
from recognition.services.gallery import index
from recognition.services.recognition import recognise
from recognition.services.visitors import gather
from tests.accounts.conftest import enrol, fresh_state  # noqa: F401
from tests.admin.conftest import file
from tests.fakes import person_jpeg

PASSWORD = "a long enough secret"
GROUP = re.compile(r"\(\?P<(\w+)>[^()]*\)")  # of an address that is a regular expression
PART = re.compile(r"<(?:\w+:)?(\w+)>")
MODEL = re.compile(r"admin/(\w+)/(\w+)/")
# What nobody is shown by asking for it: it leads elsewhere, or is for what the site never lets anybody do.
UNSEEN = re.compile(
    r"admin/(r/.+|autocomplete/|login/|\(\?P<url>.+)"
    r"|admin/\w+/\w+/(add|export|roll_back|change_to_stronger)/"
    r"|admin/\w+/\w+/<path:object_id>/((delete|check_again)/)?"
    r"|admin/recognition/photo/<path:object_id>/change/"
    r"|accounts/(password/set|login/code/confirm|email)/"
    r"|accounts/face/(password|alike)/"
    r"|language/"
    r"|accounts/2fa/(authenticate|webauthn/(keys/.+|reauthenticate))/"  # within a sign-in; with a real passkey
    r"|api/(\^.+|v1/docs)"
)
# The admin's theme evaluates expressions. No page may run scripts in place.
LAX = {"script-src": "'self' 'unsafe-eval'", "style-src": "'self' 'unsafe-inline'"}
# Of whatever is loaded or sent somewhere without a click on a link.
LOADS = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "form": "action",
    "video": "src",
    "source": "src",
}


def routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        else:
            yield route


ROUTES = sorted(set(routes(get_resolver())))


@pytest.fixture
def values(db, request, settings) -> dict[str, object]:
    """A site with a row of every kind, and what stands for the variable parts of addresses."""
    settings.KEEP_VISITORS_DAYS = 7
    door = keys.add_kiosk(name="Front door")[0]
    recognise.identify(person_jpeg(9), asker=recognise.Asker(api_key=door))
    gather()
    settings.KEEP_PROBES_DAYS = 7
    patch = request.getfixturevalue("monkeypatch")
    patch.setattr("recognition.cameras.views.PATIENCE", 0.1)
    patch.setattr("recognition.api.views.event_stream.LONGEST", 0)
    cameras.save_camera(Camera(name="gate", source="0"))
    ann, gone = map(request.getfixturevalue("enrol"), (1, 2))
    identities.erase(gone)
    recognise.identify(person_jpeg(1, variant=1))
    Attendance.objects.create(identity=ann, kind="in", at=timezone.now(), api_key=door, read=uuid4())
    index.rebuild_index()
    retention.carry_out()
    EmailAddress.objects.create(user=ann.user, email="ann@example.org")
    Evaluation.objects.create()
    Calibration.objects.create(pk=ThresholdPolicy.objects.last().pk)
    other = ModelVersion.objects.create(name="other-embedder", version="1", dimensions=512)
    ModelChange.objects.create(before=active_model(), target=other, state=ModelChange.State.DONE)
    DetectorChoice.objects.create(detector="yolov5n-0.5-face")
    photo = ann.photos.first()
    without_account = identities.create_identity(name="Bob")
    identities.add_lookalikes(ann, without_account)
    webhooks.send_test(
        webhooks.add_webhook(name="door", url="https://example.org/", types=["attendance.in"])[0]
    )
    merge = Merge.objects.create(into=ann, other=ann, moved={})  # its page only asks
    return {
        "merge_id": merge.pk,
        "pk": photo.pk,
        "person": without_account.pk,
        "photo_id": photo.pk,
        "import_id": Import.objects.create().pk,
        "appearance": Appearance.objects.get().pk,
        "external_id": ann.external_id,
        "id": ann.user_id,
        "probe": ProbePicture.objects.get().probe,
        "token": identities.consent_token(ann),
        "invitation": invited(without_account),
        "content_type_id": ContentType.objects.get_for_model(Identity).pk,
        "object_id": ann.pk,
        "challenge": uuid4(),
        "challenge_id": uuid4(),
        "key": "x",
        "uidb36": "1",
        "app_label": "recognition",
        "name": "gate",
        "url": "nothing/",
        "rest": "nothing",
    }


def invited(identity: Identity) -> str:
    """The text of a link whose page shows the camera already."""
    invitation, text = enrolment.invite(identity)
    enrolment.agree(invitation, version=identities.consent_text().version, by="the person")
    return text


@pytest.fixture(autouse=True)
def as_often_as_wanted(monkeypatch) -> None:
    monkeypatch.setattr(WindowThrottle, "count", lambda *_: True)


@pytest.fixture
def visitors(values) -> dict[str, Client]:
    owner = User.objects.create_superuser("owner", password=PASSWORD)
    _, key = keys.issue_key(name="Reception", scopes=ApiKey.Scope.values)
    tablet = Client(headers={device.OWN: "1"})
    tablet.cookies[device.COOKIE] = key
    signed_in_owner = signed_in("owner")
    TOTP.activate(owner, "JBSWY3DPEHPK3PXP")  # afterwards, or it would have been asked for
    RecoveryCodes.activate(owner)
    return {
        "stranger": Client(),
        "person": signed_in(Identity.objects.get(name__startswith="Fake").user.username),
        "owner": signed_in_owner,
        "kiosk": Client(headers={"Authorization": f"Bearer {key}"}),
        "tablet": tablet,
    }


def signed_in(name: str) -> Client:
    client = Client()
    answer = client.post("/accounts/login/", {"login": name, "password": PASSWORD})
    assert answer.status_code == 302
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def address(route: str, values: dict[str, object]) -> str:
    """The address of a page that exists; in the admin, of a row of the page's own model."""
    if (found := MODEL.match(route)) and found[1] in apps.app_configs:
        row = apps.get_model(*found.groups()).objects.last()
        assert row is not None, f"there is no {found[2]} to look at"
        values = values | {"object_id": row.pk, "pk": row.pk}
    path = GROUP.sub(lambda part: str(values[part[1]]), route.replace("^", "").replace("$", ""))
    return "/" + PART.sub(lambda part: str(values[part[1]]), path)


class Inline(HTMLParser):
    """What a page does without a file of its own, or takes from elsewhere."""

    def __init__(self, *, styles: bool) -> None:
        super().__init__()
        self.styles = styles
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "script" and "src" not in has and has.get("type") != "application/json":
            self.found.append("a script in place")
        if not self.styles and (tag == "style" or "style" in has):
            self.found.append("a style in place")
        for name, value in has.items():
            if name.startswith("on"):
                self.found.append(f"{name}={value}")
            if value.strip().lower().startswith(("javascript:", "vbscript:", "data:text")):
                self.found.append(f"{name}={value}")
        target = has.get(LOADS.get(tag, ""), "")
        if re.match(r"(\w+:)?//", target):
            self.found.append(f"{tag} from {target}")


def faults(path: str, answer: HttpResponse) -> list[str]:
    """What is wrong with this answer."""
    headers = answer.headers
    expected = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    found = [f"{name}: {headers.get(name)}" for name, value in expected.items() if headers.get(name) != value]
    policy = dict(
        part.split(" ", 1) for part in headers.get("Content-Security-Policy", "").split("; ") if part
    )
    strict = dict.fromkeys(["default-src", "base-uri", "form-action"], "'self'")
    strict |= dict.fromkeys(["frame-ancestors", "object-src"], "'none'")
    found += [f"{name}: {policy.get(name)}" for name, value in strict.items() if policy.get(name) != value]
    lax = LAX if path.startswith("/admin/") else {}
    if {
        name: policy[name] for name in ("script-src", "style-src", "script-src-elem") if name in policy
    } != lax:
        found.append(f"scripts or styles: {policy}")
    if "microphone=()" not in headers.get("Permissions-Policy", ""):
        found.append("no Permissions-Policy")
    kept = headers.get("Cache-Control", "")
    if "no-store" not in kept and not ("private" in kept and "no-cache" in kept):
        found.append(f"may be kept: {kept}")
    if "text/html" in headers.get("Content-Type", ""):
        page = Inline(styles=path.startswith("/admin/"))
        page.feed(answer.text)
        found += page.found
    if answer.status_code >= 500:
        found.append(f"status {answer.status_code}")
    return found


def test_every_page(values, visitors):
    wrong, seen = [], set()
    for route in ROUTES:
        path = address(route, values)
        for name, visitor in visitors.items():
            answer = visitor.get(path)
            if answer.status_code in (200, 405):  # a page, or the place where a form goes to
                seen.add(route)
            wrong += [f"{path} for the {name}: {fault}" for fault in faults(path, answer)]
            if answer.streaming:
                list(answer.streaming_content)  # to its end, which closes it
    assert wrong == []
    assert [route for route in ROUTES if route not in seen and not UNSEEN.fullmatch(route)] == []
    assert len(seen) > 100


def test_pages_that_follow_a_form(values, visitors):
    """Those with a key, a code or a picture in them, and the questions before something is done."""
    ann = Identity.objects.get(name__startswith="Fake")
    owner, stranger = visitors["owner"], visitors["stranger"]
    selected = {"action": "delete_selected", "_selected_action": [ann.pk]}
    forms = {
        "/admin/recognition/apikey/add/": {"name": "Gate", "scopes": ["identify"], "liveness": "off"},
        "/admin/recognition/apikey/add_kiosk/": {
            "name": "Gate",
            "direction": "in",
            "pause_seconds": 60,
            "liveness": "off",
        },
        "/admin/recognition/decision/recognise/": {"picture": file(person_jpeg(1, variant=2))},
        "/admin/recognition/identity/add/": {"name": "", "external_id": "x"},
        "/admin/recognition/identity/": selected,
        "/admin/accounts/user/": {"action": "delete_selected", "_selected_action": [ann.user_id]},
        f"/admin/recognition/identity/{ann.pk}/merge/": {"into": "nobody"},
        f"/admin/recognition/identity/{ann.pk}/invite/": {},
    }
    for asks in ({"do": "decline"}, {"do": "nothing"}):
        bob = identities.create_identity(name="Bob")
        answer = stranger.post(f"/accounts/enrol/{enrolment.invite(bob)[1]}/", asks)
        assert faults("/accounts/enrol/", answer) == []
    wrong = []
    for path, form in forms.items():
        answer = owner.post(path, form)
        assert answer.status_code == 200, (path, answer)
        wrong += [f"{path}: {fault}" for fault in faults(path, answer)]
    answer = Client().post("/accounts/login/", {"login": "owner", "password": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/2fa/authenticate/")
    wrong += [f"second factor: {fault}" for fault in faults("/", answer)]
    for path, form, status in (
        ("/accounts/login/", {"login": "ann", "password": "wrong"}, 200),
        ("/accounts/face/", {"picture": file(b"no picture")}, 400),
        ("/accounts/password/reset/", {"email": "nobody"}, 200),
    ):
        answer = stranger.post(path, form)
        assert answer.status_code == status, (path, answer)
        wrong += [f"{path}: {fault}" for fault in faults(path, answer)]
    assert wrong == []


def test_refusals(values, settings):
    """Of what is too large, comes from a foreign page, asks for another host, or does not exist."""
    careful = Client(enforce_csrf_checks=True)
    refused = {
        413: careful.post("/accounts/face/", b"", content_type="image/jpeg", CONTENT_LENGTH=str(10**9)),
        403: careful.post("/accounts/login/", {"login": "ann"}),
        400: careful.get("/accounts/login/", headers={"host": "evil.example"}),
        404: careful.get("/nothing"),
    }
    assert {status: answer.status_code for status, answer in refused.items()} == {
        status: status for status in refused
    }
    assert {status: faults("/", answer) for status, answer in refused.items()} == {
        status: [] for status in refused
    }


def test_a_static_file(client, db):
    answer = client.get("/static/site/mark.svg")
    assert answer.status_code == 200
    answer.close()
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("default-src 'self'")
    assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.parametrize(
    "page",
    [
        "<script>alert(1)</script>",
        "<p onclick='alert(1)'>",
        "<a href=' JavaScript:alert(1)'>",
        "<p style='color: red'>",
        "<style>p {}</style>",
        "<script src='https://cdn.example/x.js'></script>",
        "<img src=//cdn.example/x.png>",
        "<form action='https://evil.example/'>",
    ],
)
def test_the_walk_sees_what_is_inline_or_from_elsewhere(page):
    found = Inline(styles=False)
    found.feed(page)
    assert found.found
