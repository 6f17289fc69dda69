"""Signing in by face, and the accounts of the demo people."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.account.signals import user_logged_in
from allauth.account.utils import perform_login
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_login_failed
from django.core.cache import cache
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _
from redis.exceptions import RedisError

from accounts import policies
from accounts.models import FaceOpens, User
from recognition.engine.types import EngineError
from recognition.services import identities, liveness, recognition, thresholds
from recognition.services.errors import Busy, NotFound, ServiceError
from recognition.services.wording import reason_text

log = logging.getLogger(__name__)

ALLAUTH = "allauth.account"  # whose settings hold the rate limits
ALIKE = "face_alike"  # of the session: whose face it may be, when several people look alike
TRIES = 3  # of the password, for one face that was shown
PROBE = "face_probe"  # of the session: what a face that is being signed in was recognised in
FACE = "face"  # the name of this way to sign in among allauth's authentication records

# What the person in front of the camera should do next. Other codes have their sentence in `REASONS`.
TEXTS = {
    "no_face": _("No face was found. Show your whole face, from the front."),
    "several_people": _("There are several people in the picture. Only one person, please."),
    "covered": _("Your face is covered. Take off mask or sunglasses, then try again."),
    "too_small": _("Come closer to the camera."),
    "too_blurred": _("Hold still, then try again."),
    "too_dark": _("More light, please. Turn towards a lamp or a window."),
    "too_bright": _("Too much light. Turn a little away from it."),
    "too_turned": _("Look straight into the camera."),
    "not_recognised": _("You were not recognised. Try again, or sign in with your password."),
    "too_many_attempts": _("Too many attempts. Wait some minutes, or sign in with your password."),
    "too_many_this_hour": _("Too many attempts this hour. Sign in with your password."),
    "liveness_required": _("Turn the camera on and follow the words. A file cannot sign anybody in."),
    "liveness_token": _("It took too long to sign in. Try again."),
    "not_live": _("It could not be seen that you are there in person. Try again with the camera."),
    "overloaded": _("Many people are signing in. Wait a moment, then try again."),
    "wrong_password": _("That is not the password of your account."),
    "unavailable": _("Face login is out of order at the moment. Sign in with your password."),
}
STATUS = {"too_many_attempts": 429, "too_many_this_hour": 429, "unavailable": 503, "overloaded": 503}
BUSY_SECONDS = 1

DEMO_ACCOUNTS = ("P001", "P002", "P003", "P004", "P005")


class FaceRefused(Exception):
    """Nobody was signed in. The text tells the person what to do next, and never whom the face resembles.

    wait: seconds until another attempt can succeed, 0 for none.
    """

    def __init__(self, code: str, message: str = "", *, wait: int = 0) -> None:
        self.code = code
        self.wait = wait
        self.status = STATUS.get(code, 400)
        known = gettext(TEXTS[code]) if code in TEXTS else ""
        otherwise = gettext(TEXTS["not_recognised"])
        super().__init__(message or known or reason_text(code, otherwise=otherwise))


def start_challenge(request: HttpRequest) -> dict[str, Any]:
    """A liveness challenge for this browser. Raises FaceRefused when it has had too many attempts."""
    try:
        if not ratelimit.consume(request, app=ALLAUTH, action="face_challenge"):
            raise FaceRefused("too_many_attempts", wait=_wait(request, "face_challenge"))
        return liveness.start(owner=_owner(request))
    except RedisError:
        log.exception("challenges cannot be kept")
        raise FaceRefused("unavailable") from None


def add_frames(
    request: HttpRequest, challenge: UUID, nonce: str, frames: Sequence[liveness.Frame]
) -> dict[str, Any]:
    """What the next frames of this browser's challenge showed. A challenge that fails counts as an attempt to sign in.

    Raises FaceRefused when it cannot go on.
    """
    try:
        answer = liveness.add_frames(
            challenge,
            owner=_owner(request),
            nonce=nonce,
            frames=frames,
            asker=recognition.Asker(kind="login"),
        )
        if answer.progress.reason:
            _take_attempt(request)
    except Busy:
        raise FaceRefused("overloaded", wait=BUSY_SECONDS) from None
    except ServiceError as error:
        raise FaceRefused(error.code, str(error)) from None
    except RedisError:
        log.exception("challenges cannot be kept")
        raise FaceRefused("unavailable") from None
    except EngineError:
        log.exception("face login cannot work")
        raise FaceRefused("unavailable") from None
    return answer.as_dict()


def _owner(request: HttpRequest) -> str:
    """Whose challenges and tokens these are: those of one browser."""
    if not request.session.session_key:
        request.session.create()
    return f"session:{request.session.session_key}"


def sign_in_by_face(request: HttpRequest, data: bytes, *, token: str = "") -> HttpResponse:
    """Sign in whoever is on the picture, through allauth's ordinary pipeline, and answer its redirect.

    token: of a passed liveness challenge; the picture is then its best frame. Raises FaceRefused when nobody was signed
    in.
    """
    try:
        attempt = _take_attempt(request)
    except RedisError:
        # Without a count anybody could try faces without end.
        log.exception("attempts cannot be counted")
        raise FaceRefused("unavailable") from None
    asker = recognition.Asker(kind="login")
    try:
        passed = liveness.probe_of(
            mode=liveness.of_sign_in(), owner=_owner(request), token=token, picture=data, asker=asker
        )
        asker = replace(asker, liveness=passed.evidence or None)
        answer = recognition.identify(passed.picture, asker=asker)
    except Busy:
        with suppress(RedisError):
            attempt.rollback()
        raise FaceRefused("overloaded", wait=BUSY_SECONDS) from None
    except ServiceError as error:
        raise FaceRefused(error.code, TEXTS.get(error.code, str(error))) from None
    except EngineError:
        log.exception("face login cannot work")
        raise FaceRefused("unavailable") from None
    try:
        face = _main_face(answer)
    except FaceRefused as refusal:
        recognition.refuse_sign_in(probe=answer.probe, reason=refusal.code)
        raise
    user = policies.account_to_open(face)
    alike = policies.lookalikes(face, thresholds.active_policy().margin)
    if alike:
        recognition.hold_sign_in(probe=answer.probe)
        # The attempt stays counted: wrong passwords are tried after it.
        request.session[ALIKE] = {
            "users": [one.pk for one in alike],
            "probe": str(answer.probe),
            "tries": TRIES,
        }
        return HttpResponseRedirect(reverse("accounts:lookalike"))
    if user is None:
        recognition.refuse_sign_in(probe=answer.probe, reason="no_account")
        log.info("face login refused", extra={"reason": face.reason or "no account that a face may open"})
        raise FaceRefused("not_recognised")
    try:
        attempt.rollback()
        ratelimit.clear(request, app=ALLAUTH, action="face_login", key=_owner(request))
    except RedisError:
        log.warning("a successful attempt stays counted")
    return _log_in(request, user, answer.probe)


def sign_in_lookalike(request: HttpRequest, password: str) -> HttpResponse:
    """Sign in the one of several people who look alike whose password this is, after their face was shown.

    Raises FaceRefused for a wrong password, and for the third one once and for all.
    """
    shown = request.session.get(ALIKE)
    if not shown:
        raise FaceRefused("not_recognised")
    users = User.objects.filter(pk__in=shown["users"], is_active=True)
    fitting = [user for user in users if policies.face_may_open(user) and user.check_password(password)]
    if len(fitting) != 1:  # two with the same password cannot be told apart either
        shown["tries"] -= 1
        request.session[ALIKE] = shown
        user_login_failed.send(sender=__name__, credentials={}, request=request)
        if shown["tries"] <= 0:
            del request.session[ALIKE]
            raise FaceRefused("not_recognised")
        raise FaceRefused("wrong_password")
    (user,) = fitting
    del request.session[ALIKE]
    recognition.settle_sign_in(probe=UUID(shown["probe"]), user_id=user.pk)
    record_authentication(request, user, method="password")
    return _log_in(request, user, UUID(shown["probe"]))


def shows_lookalikes(request: HttpRequest) -> bool:
    """Whether this browser has shown a face that several people have."""
    return ALIKE in request.session


def _take_attempt(request: HttpRequest) -> ratelimit.RateLimitUsage:
    """Count this attempt before anything is looked at.

    A success clears the short limit, but takes only itself off the long one: else whoever owns one account
    could try other faces without end between two sign-ins of his own.
    """
    short = ratelimit.consume(request, app=ALLAUTH, action="face_login", key=_owner(request))
    if not short:
        raise FaceRefused("too_many_attempts", wait=_wait(request, "face_login"))
    attempt = ratelimit.consume(request, app=ALLAUTH, action="face_login_hourly")
    if not attempt:
        short.rollback()
        raise FaceRefused("too_many_this_hour", wait=_wait(request, "face_login_hourly"))
    return attempt


def _wait(request: HttpRequest, action: str) -> int:
    """Seconds until allauth forgets an attempt of each limit that is reached."""
    waits = [1]
    for rate in ratelimit.get_rates(app=ALLAUTH, action=action):
        key = ratelimit.get_cache_key(request, app=ALLAUTH, action=action, rate=rate, key=_owner(request))
        attempts = cache.get(key) or ()
        if len(attempts) >= rate.amount:
            waits.append(math.ceil(attempts[-1] + rate.duration - time.time()))
    return max(waits)


def _main_face(answer: recognition.Identification) -> recognition.FaceAnswer:
    if not answer.faces:
        raise FaceRefused(answer.reason)
    if policies.several_people(answer.faces):
        raise FaceRefused("several_people")
    face = answer.faces[0]
    if face.decision == "rejected":
        raise FaceRefused(face.reason)
    return face


def _log_in(request: HttpRequest, user: User, probe: UUID) -> HttpResponse:
    if SESSION_KEY in request.session:
        # Of an account that is gone or locked. Django would empty it later, and the record below with it.
        request.session.flush()
    record_authentication(request, user, method=FACE)
    request.session[PROBE] = str(probe)
    response: HttpResponse = perform_login(request, user)
    # The camera may stand in a public place, so the session ends with the browser.
    request.session.set_expiry(0)
    if not request.user.is_authenticated:
        recognition.hold_sign_in(probe=probe)
        log.info("a face asks for a second step", extra={"user": user.pk})
    return response


@receiver(user_logged_in)
def note_face(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    """The account is open, at once or after a second step: the decision about the face was acted on."""
    probe = request.session.pop(PROBE, None)
    if probe and FACE in {record.get("method") for record in get_authentication_records(request, user)}:
        recognition.set_user(probe=UUID(probe), user_id=user.pk)
        log.info("signed in by face", extra={"user": user.pk})


def signed_in_how(records: Iterable[dict[str, Any]]) -> str:
    """The method of the last authentication record, such as ``face`` or ``password``; empty when none."""
    methods = [str(record.get("method", "")) for record in records]
    return methods[-1] if methods else ""


def only_a_face(records: Iterable[dict[str, Any]]) -> bool:
    """Whether nothing stronger than a face is known of this session; without any record nothing is."""
    return {record.get("method") for record in records} <= {FACE}


def opened_by_face(records: Sequence[dict[str, Any]]) -> bool:
    """Whether a face opened this session and nothing stronger came since."""
    return bool(records) and only_a_face(records)


def face_still_opens(user: User) -> bool:
    """Whether a face alone could open this account at present."""
    if not (face_login_enabled() and user.is_active and policies.face_opens(user) is FaceOpens.ALONE):
        return False
    identity = recognition.recognised_as(user_id=user.pk)
    return identity is not None and not identities.lookalikes_of(identity)


def face_login_enabled() -> bool:
    return bool(settings.FACE_LOGIN_ENABLED)


def ensure_demo_accounts(external_ids: Iterable[str] = DEMO_ACCOUNTS) -> list[str]:
    """Give some of the demo people an account without a password, so that face login works at once.

    Answers the user names that were made. People who have an account, and names that are taken, are left
    alone: running it again neither changes nor repairs what an administrator has done since.
    """
    made = []
    for external_id in external_ids:
        try:
            identity = identities.get_identity(external_id)
        except NotFound:
            continue
        username = external_id.lower()
        if identity.user_id or User.objects.filter(username__iexact=username).exists():
            continue
        first, _, last = identity.name.partition(" ")
        with transaction.atomic():
            user = User(username=username, first_name=first[:150], last_name=last[:150])
            user.set_unusable_password()
            user.save()
            identities.update_identity(identity, user_id=user.pk)
        made.append(username)
    return made
