"""Sentences for people: why a photo or a probe was not taken, and how good a face is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.formats import number_format
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
        (
            gettext("Size"),
            f"{number['size']:.0f} px",
            gettext("at least %(least)s px") % {"least": f"{limits.min_size:.0f}"},
            {"too_small"},
        ),
        (
            gettext("Sharpness"),
            f"{number['sharpness']:.0f}",
            gettext("at least %(least)s") % {"least": f"{limits.min_sharpness:.0f}"},
            {"too_blurred"},
        ),
        (
            gettext("Brightness"),
            f"{number['brightness']:.0f}",
            gettext("%(low)s to %(high)s")
            % {"low": f"{limits.min_brightness:.0f}", "high": f"{limits.max_brightness:.0f}"},
            {"too_dark", "too_bright"},
        ),
        (
            gettext("Turned"),
            f"{abs(number[turn]):.0f}° {_direction(turn, number[turn])}".strip(),
            gettext("at most %(most)s°") % {"most": f"{getattr(limits, f'max_{turn}'):.0f}"},
            {"too_turned"},
        ),
    )
    figures = [Figure(name, value, wanted, not bad & codes) for name, value, wanted, codes in rows]
    return (
        [Figure(gettext("Covered"), gettext("yes"), gettext("no mask, no sunglasses"), fine=False), *figures]
        if "covered" in bad
        else figures
    )


SCORES = ((0.8, _("Very good")), (0.5, _("Good")), (0.25, _("Fair")), (float("-inf"), _("Poor")))
TURNS = ("yaw", "pitch", "roll")
DIRECTIONS = {
    "yaw": (_("to the left"), _("to the right")),
    "pitch": (_("down"), _("up")),
    "roll": (_("tilted"), _("tilted")),
}


def _direction(turn: str, degrees: float) -> str:
    return "" if abs(degrees) < 0.5 else str(DIRECTIONS[turn][degrees > 0])


def decimal(value: float, places: int = 2) -> str:
    """A number as it is written in the reader's language: 0.74 or 0,74."""
    return str(number_format(Decimal(f"{value:.{places}f}"), places))


def whole(value: float) -> str:
    """The nearest whole number, with its thousands apart."""
    return str(number_format(round(value), force_grouping=True))


def percent(share: float, places: int = 2) -> str:
    return f"{decimal(100 * share, places)} %"


def one_in(share: float) -> str:
    """A share as people say it: "one in 52", "7 in 10", "none of those measured"."""
    if share <= 0:
        return gettext("none of those measured")
    if share > 0.4:
        return gettext("%(number)s in 10") % {"number": round(share * 10)}
    return gettext("one in %(number)s") % {"number": whole(1 / share)}


# By how much a score is over the threshold, in cosine, and what that is called.
LIKENESS = (
    (0.1, _("Clearly alike")),
    (0.03, _("Alike")),
    (0.0, _("Just alike enough")),
    (-0.03, _("Nearly alike enough")),
    (-0.1, _("Not alike enough")),
    (float("-inf"), _("Not alike")),
)


def describe_likeness(score: float, threshold: float) -> str:
    """A score against what is needed: "Clearly alike: 0.74, 0.31 is needed"."""
    word = next(word for least, word in LIKENESS if round(score - threshold, 4) >= least)
    return gettext("%(word)s: %(score)s, %(threshold)s is needed") % {
        "word": word,
        "score": decimal(score),
        "threshold": decimal(threshold),
    }


def describe_lead(lead: float, needed: float) -> str:
    """Of the best over the second best."""
    return gettext("Two people are nearly equally alike: %(lead)s apart, %(needed)s is needed") % {
        "lead": decimal(lead),
        "needed": decimal(needed),
    }


HAPPENED = {
    ("identify", "match"): _("recognised"),
    ("identify", "no_match"): _("not recognised"),
    ("identify", "rejected"): _("not looked for"),
    ("login", "match"): _("signed in"),
    ("login", "no_match"): _("sign-in refused"),
    ("login", "rejected"): _("sign-in refused"),
    ("watch", "match"): _("seen"),
    ("watch", "no_match"): _("not recognised"),
    ("watch", "rejected"): _("not looked for"),
    ("verify", "match"): _("confirmed"),
    ("verify", "no_match"): _("not confirmed"),
    ("verify", "rejected"): _("not compared"),
}
ATTENDED = {"in": _("came"), "out": _("went")}


def what_happened(kind: str, outcome: str, attendance: str = "") -> str:
    """A decision in a word or two. attendance: in or out, where it stands for one."""
    return str(ATTENDED.get(attendance) or HAPPENED[kind, outcome])


def noted(text: str, **values: object) -> str:
    """A sentence for the history of a row, with what stands in it apart: everybody reads it in their own language."""
    return json.dumps({"noted": text, "values": {name: str(value) for name, value in values.items()}})


def noted_text(message: str) -> str:
    """What `noted` kept; any other text as it is."""
    try:
        kept = json.loads(message)
        return str(gettext(kept["noted"]) % kept["values"])
    except (ValueError, TypeError, KeyError):
        return message


# What erasures count, and what may be left of a person, as receipts name it.
KINDS = {
    "photos": _("photos"),
    "crops": _("crops"),
    "files": _("files"),
    "vectors": _("vectors"),
    "keys": _("keys"),
    "consents": _("consents"),
    "attendance": _("attendance"),
    "decisions": _("decisions"),
    "pictures shown for recognition": _("pictures shown for recognition"),
    "entries of the admin's log": _("entries of the admin's log"),
    "the person": _("the person"),
    "decisions that name the person": _("decisions that name the person"),
    "entries of the admin's log with the name": _("entries of the admin's log with the name"),
    "the gallery in memory": _("the gallery in memory"),
    "photos of other people from the same files": _("photos of other people from the same files"),
    "gallery files from before": _("gallery files from before"),
}


def kind_text(kind: str) -> str:
    return str(KINDS.get(kind, kind))
