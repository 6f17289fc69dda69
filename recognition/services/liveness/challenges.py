"""A liveness challenge from its start to its end: frames come in, words for the person go out, a token at the end."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.utils.translation import gettext

from recognition.engine.images import decode
from recognition.engine.liveness.judging import FAILURES, Phase, Progress, State, judge
from recognition.engine.liveness.light import draw_colours
from recognition.engine.liveness.plans import draw_plan
from recognition.engine.liveness.sights import Sight
from recognition.engine.types import ImageError
from recognition.services import recognition
from recognition.services.analysis import follow_choice
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.liveness import state, tokens
from recognition.services.turns import in_turn
from recognition.services.wording import reason_text

log = logging.getLogger(__name__)

FRAMES_A_SECOND = 8  # that a camera should send
MOST_AT_ONCE = 30  # frames in a request
MOST_FRAMES = 900  # in a challenge
MOST_FRAME_BYTES = 600_000
FRAME_SIDE = 640  # pixels of the longer side; larger frames are shrunk
COLOUR_SECONDS = 0.6
AHEAD = 2.0  # seconds by which a camera's clock may run ahead of the site's


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture as it was sent. at: milliseconds by the clock of the camera's device. shown: the number of the
    colour that the page showed, -1 for none or two."""

    data: bytes
    at: float
    shown: int = -1


def frames_of(pictures: Sequence[bytes], at: Sequence[float], shown: Sequence[float]) -> list[Frame]:
    """Frames as a form sends them, in three lists. shown: none where no colours are shown.

    Raises Invalid when the lists do not belong together.
    """
    colours = shown or [-1] * len(pictures)
    if not pictures or len(at) != len(pictures) or len(colours) != len(pictures):
        raise Invalid("unequal", "Send as many times as frames, and as many colours or none.")
    return [Frame(*one) for one in zip(pictures, at, map(int, colours), strict=True)]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page or kiosk is told. nonce: for the next frames. token: once the challenge is passed."""

    progress: Progress
    steps: int
    nonce: str = ""
    token: str = ""

    def as_dict(self) -> dict[str, Any]:
        progress = self.progress
        found = {
            "state": progress.state,
            "phase": progress.phase,
            "step": progress.step,
            "steps": self.steps,
            "asked": progress.asked or "",
            "done": round(progress.done, 2),
            "hint": progress.hint,
            "reason": progress.reason,
            "message": gettext(FAILURES[progress.reason]) if progress.reason in FAILURES else "",
        }
        return (
            found
            | ({"nonce": self.nonce} if self.nonce else {})
            | ({"token": self.token} if self.token else {})
        )


def start(*, owner: str, light: bool | None = None) -> dict[str, Any]:
    """A new challenge: its number, the first nonce, and the colours to show, if any.

    owner: who may go on with it. light: whether a screen beside the camera can show colours; None: as
    LIVENESS_LIGHT says.
    """
    plan = draw_plan(former=state.last_steps(owner))
    lit = settings.LIVENESS_LIGHT != "off" if light is None else light and settings.LIVENESS_LIGHT != "off"
    challenge = state.Challenge(uuid4(), owner, plan, draw_colours() if lit else ())
    state.save(challenge)
    state.remember_steps(owner, plan)
    return {
        "id": str(challenge.id),
        "nonce": state.new_nonce(challenge.id),
        "expires_in": state.LIFE,
        "frames_a_second": FRAMES_A_SECOND,
        "colours": list(challenge.light),
        "colour_ms": round(COLOUR_SECONDS * 1000),
    }


@in_turn
def add_frames(
    challenge_id: UUID, *, owner: str, nonce: str, frames: Sequence[Frame], asker: recognition.Asker
) -> Answer:
    """Look at the next frames, in the order in which they were taken.

    Raises NotFound when the challenge is over or somebody else's, Conflict when the nonce was used before, and Invalid
    when a frame is no picture. A challenge that failed is recorded as a refused decision.
    """
    _check(frames)
    challenge = state.load(challenge_id)
    if challenge is None or challenge.owner != owner:
        raise NotFound("no_challenge", gettext("This challenge is over. Start a new one."))
    if not state.take_nonce(challenge_id, nonce):
        raise Conflict(
            "wrong_nonce",
            gettext("These frames were sent before, or out of order. Start a new challenge."),
        )
    follow_choice()
    try:
        progress = _go_on(challenge, frames)
    except Invalid:
        state.forget(challenge_id)
        raise
    steps = len(challenge.plan.steps)
    if progress.state == State.RUNNING:
        state.save(challenge)
        return Answer(progress, steps, nonce=state.new_nonce(challenge_id))
    state.forget(challenge_id)
    found = evidence(challenge, progress)
    if progress.state == State.PASSED:
        return Answer(progress, steps, token=tokens.issue(owner, challenge.best, found))
    log.info("liveness challenge failed", extra={"reason": progress.reason})
    recognition.record_refusal(asker=asker, reason="not_live", liveness=found)
    return Answer(progress, steps)


def _check(frames: Sequence[Frame]) -> None:
    if not 0 < len(frames) <= MOST_AT_ONCE:
        raise Invalid("too_many_frames", f"Send 1 to {MOST_AT_ONCE} frames at once.")
    if any(len(frame.data) > MOST_FRAME_BYTES for frame in frames):
        raise Invalid("too_large", f"A frame may have at most {MOST_FRAME_BYTES // 1000} kB.")


def _go_on(challenge: state.Challenge, frames: Sequence[Frame]) -> Progress:
    now = time.time()
    challenge.started = challenge.started or now - (frames[-1].at - frames[0].at) / 1000
    challenge.frames += len(frames)
    for frame in frames:
        try:
            image = decode(frame.data, max_bytes=MOST_FRAME_BYTES, max_pixels=4_000_000, max_side=FRAME_SIDE)
        except ImageError as error:
            raise Invalid(error.code, reason_text(error.code)) from None
        sight = challenge.watcher.see(frame.at / 1000, image)
        challenge.sights.append(sight)
        challenge.shown.append(_colour(challenge, frame))
        progress = _judge(challenge)
        if progress.phase == Phase.SETTLE:
            challenge.watcher.at_rest()
        if progress.best is not None and progress.best == len(challenge.sights) - 1:
            challenge.best, challenge.best_number = frame.data, progress.best
        if progress.state != State.RUNNING:
            break
    seconds = challenge.sights[-1].at - challenge.sights[0].at
    ahead = seconds - (now - challenge.started)
    if ahead > AHEAD or challenge.frames > MOST_FRAMES or not _in_order(challenge.sights):
        # Frames that come faster than time goes by were not taken now.
        progress.state, progress.reason, progress.asked = State.FAILED, "interrupted", None
    return progress


def _judge(challenge: state.Challenge) -> Progress:
    needed = settings.LIVENESS_LIGHT == "required"
    return judge(
        challenge.sights, challenge.plan, challenge.shown if challenge.light else (), light_needed=needed
    )


def _colour(challenge: state.Challenge, frame: Frame) -> str:
    return challenge.light[frame.shown % len(challenge.light)] if challenge.light and frame.shown >= 0 else ""


def _in_order(sights: Sequence[Sight]) -> bool:
    return all(a.at < b.at for a, b in itertools.pairwise(sights))


def evidence(challenge: state.Challenge, progress: Progress) -> dict[str, Any]:
    """What is kept with the decision, for the staff: no picture and no vector."""
    return {
        "mode": "challenge",
        "state": str(progress.state),
        "reason": progress.reason,
        "steps": [str(step) for step in challenge.plan.steps],
        "reached": progress.step,
        "evidence": progress.evidence,
    }
