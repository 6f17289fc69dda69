"""Sentences for people: why a photo or a probe was not taken, and how good a face is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from recognition.engine.quality import ENROLMENT, QualityLimits
from recognition.engine.types import REASONS, TOO_LARGE

MORE_REASONS = {
    "failed": _(
        "It could not be processed, even after several attempts. Delete it and add it again;"
        " the log of the worker says more."
    ),
    "not_recognised": _(
        "Nobody who may be recognised is similar enough. Suspended people are not looked for."
    ),
    "ambiguous": _("The two most similar people are too close to tell which one it is."),
    "several_people": _("There were several people in the picture, so nobody was signed in."),
    "no_account": _("The person was recognised, but has no account that a face may open."),
    "second_step": _(
        "The person was recognised, but did not give the password or second factor that it takes as well."
    ),
    "not_live": _("It could not be seen that somebody was there in person, so nobody was looked for."),
    "not_the_same": _("The two faces are not similar enough."),
    "looks_like_another": _("It looks like somebody else who is enrolled. Somebody has to look at it."),
    "does_not_fit": _("It does not fit the other photos of this person. Somebody has to look at it."),
    "nobody_looked_on": _("It came by a link, and nobody looked on. Somebody has to look at it."),
    "not_this_person": _("It was found to show somebody else."),
}


def reason_text(code: str, otherwise: Any = None) -> str:
    """The sentence for a reason in the language of whoever reads it, with the site's own limit.

    otherwise: for a code that is not known here; by default the code itself.
    """
    if code == "too_large":
        return gettext(TOO_LARGE).format(megabytes=settings.MAX_UPLOAD_BYTES // 2**20)
    if code in REASONS:
        return gettext(REASONS[code])
    return str(MORE_REASONS.get(code) or (code if otherwise is None else otherwise))


@dataclass(frozen=True, slots=True)
class Figure:
    """One quality figure in words. ``wanted`` says what it has to be; ``fine`` whether it is."""

    name: str
    value: str
    wanted: str
    fine: bool


def describe_score(score: float) -> str:
    """The overall quality of a face in a word."""
    return str(next(word for least, word in SCORES if score >= least))


def describe_quality(quality: Mapping[str, Any], limits: QualityLimits = ENROLMENT) -> list[Figure]:
    """The figures of a stored quality, in the order in which a person would mend them. Empty for none."""
    if not quality:
        return []
    number = {name: float(quality.get(name) or 0.0) for name in ("size", "sharpness", "brightness", *TURNS)}
    bad = set(quality.get("reasons") or ())
    turn = max(TURNS, key=lambda name: abs(number[name]) / float(getattr(limits, f"max_{name}")))
    rows = (
        ("Size", f"{number['size']:.0f} px", f"at least {limits.min_size:.0f} px", {"too_small"}),
        ("Sharpness", f"{number['sharpness']:.0f}", f"at least {limits.min_sharpness:.0f}", {"too_blurred"}),
        (
            "Brightness",
            f"{number['brightness']:.0f}",
            f"{limits.min_brightness:.0f} to {limits.max_brightness:.0f}",
            {"too_dark", "too_bright"},
        ),
        (
            "Turned",
            f"{abs(number[turn]):.0f}° {_direction(turn, number[turn])}".strip(),
            f"at most {getattr(limits, f'max_{turn}'):.0f}°",
            {"too_turned"},
        ),
    )
    figures = [Figure(name, value, wanted, not bad & codes) for name, value, wanted, codes in rows]
    return (
        [Figure("Covered", "yes", "no mask, no sunglasses", fine=False), *figures]
        if "covered" in bad
        else figures
    )


SCORES = ((0.8, _("Very good")), (0.5, _("Good")), (0.25, _("Fair")), (float("-inf"), _("Poor")))
TURNS = ("yaw", "pitch", "roll")
DIRECTIONS = {"yaw": ("to the left", "to the right"), "pitch": ("down", "up"), "roll": ("tilted", "tilted")}


def _direction(turn: str, degrees: float) -> str:
    return "" if abs(degrees) < 0.5 else DIRECTIONS[turn][degrees > 0]


def one_in(share: float) -> str:
    """A share as people say it: "one in 52", "7 in 10", "none of those measured"."""
    if share <= 0:
        return "none of those measured"
    if share > 0.4:
        return f"{round(share * 10)} in 10"
    return f"one in {round(1 / share):,}"


# By how much a score is over the threshold, in cosine, and what that is called.
LIKENESS = (
    (0.1, "Clearly alike"),
    (0.03, "Alike"),
    (0.0, "Just alike enough"),
    (-0.03, "Nearly alike enough"),
    (-0.1, "Not alike enough"),
    (float("-inf"), "Not alike"),
)


def describe_likeness(score: float, threshold: float) -> str:
    """A score against what is needed: "Clearly alike: 0.74, 0.31 is needed"."""
    word = next(word for least, word in LIKENESS if round(score - threshold, 4) >= least)
    return f"{word}: {score:.2f}, {threshold:.2f} is needed"


def describe_lead(lead: float, needed: float) -> str:
    """Of the best over the second best."""
    return f"Two people are nearly equally alike: {lead:.2f} apart, {needed:.2f} is needed"


HAPPENED = {
    ("identify", "match"): "recognised",
    ("identify", "no_match"): "not recognised",
    ("identify", "rejected"): "not looked for",
    ("login", "match"): "signed in",
    ("login", "no_match"): "sign-in refused",
    ("login", "rejected"): "sign-in refused",
    ("watch", "match"): "seen",
    ("watch", "no_match"): "not recognised",
    ("watch", "rejected"): "not looked for",
    ("verify", "match"): "confirmed",
    ("verify", "no_match"): "not confirmed",
    ("verify", "rejected"): "not compared",
}
ATTENDED = {"in": "came", "out": "went"}


def what_happened(kind: str, outcome: str, attendance: str = "") -> str:
    """A decision in a word or two. attendance: in or out, where it stands for one."""
    return ATTENDED.get(attendance) or HAPPENED[kind, outcome]
