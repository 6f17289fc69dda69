"""What has to be shown before a face is believed: nothing, a picture without signs of a fake, or a challenge."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext

from recognition.engine.images import decode
from recognition.engine.liveness.signs import shown_by, signs_of
from recognition.engine.quality import PROBE
from recognition.engine.types import ImageError
from recognition.models import ApiKey
from recognition.services import recognition
from recognition.services.analysis import follow_choice, get_analyzer
from recognition.services.errors import Conflict, Invalid
from recognition.services.liveness import tokens
from recognition.services.wording import reason_text

FRAME_SIDE = 2000
Mode = ApiKey.Liveness


def of_sign_in() -> str:
    """The mode of the sign-in page."""
    return str(settings.LIVENESS)


def probe_of(
    *,
    mode: str,
    owner: str,
    token: str = "",
    use: str = "",
    picture: bytes | None = None,
    asker: recognition.Asker,
) -> tokens.Passed:
    """The picture to decide about, with what speaks for a living person.

    With a token it is the one of the challenge, whatever else was sent; use: as of `redeem`. Raises Conflict when a
    challenge is demanded and there is no good token, and Invalid when the picture shows signs of a print or a screen.
    """
    if token:
        return tokens.redeem(token, owner=owner, use=use)
    if mode == Mode.CHALLENGE:
        raise Conflict(
            "liveness_required",
            gettext("Pass a liveness challenge first, then send its token in place of a picture."),
        )
    data = picture or b""
    if mode == Mode.PASSIVE and (sign := _sign_on(data)):
        recognition.record_refusal(
            asker=asker, reason="not_live", liveness={"mode": "passive", "state": "failed", "reason": sign}
        )
        raise Invalid(
            "not_live",
            gettext(
                "It could not be seen that somebody is there in person. Show your face, not a picture of it."
            ),
        )
    return tokens.Passed(data, {"mode": "passive", "state": "passed"} if mode == Mode.PASSIVE else {})


def _sign_on(data: bytes) -> str:
    try:
        image = decode(data, max_side=FRAME_SIDE)
    except ImageError as error:
        raise Invalid(error.code, reason_text(error.code)) from None
    follow_choice()
    seen = get_analyzer().find(image, PROBE)
    return shown_by([signs_of(image, seen[0].face)]) if seen else ""
