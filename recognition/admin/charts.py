"""Charts of the first page, drawn as SVG by the templates: here is where everything in them stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from recognition.models import Decision
from recognition.services.overview import SCORE_STEP, Recent
from recognition.services.wording import decimal, reason_text

WIDTH, HEIGHT = 600.0, 140.0
GAP = 0.2  # of a bar's place
PARTS = (
    (Decision.Outcome.MATCH, _("recognised")),
    (Decision.Outcome.NO_MATCH, _("not recognised")),
    (Decision.Outcome.REJECTED, _("not looked for")),
)
MOST_REASONS = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """x, y, width, height: in the units of the picture, from its upper left corner. kind: the style's name for it."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of what was counted. said: the same in a sentence. table: its head and rows. labels: text at places along
    the foot. line: where a threshold stands."""

    title: str
    said: str
    bars: list[Bar]
    legend: list[tuple[str, str]]
    labels: list[tuple[float, str]]
    head: tuple[str, ...]
    table: list[tuple[object, ...]]
    most: int
    line: float | None = None
    line_label: str = ""


def per_day(recent: Recent) -> Chart:
    columns = [
        [(kind, counts.get(kind, 0), f"{_day(day)}: {counts.get(kind, 0)} {name}") for kind, name in PARTS]
        for day, counts in recent.days
    ]
    bars, most = _stacked(columns)
    total = {str(kind): sum(counts.get(kind, 0) for __, counts in recent.days) for kind, __ in PARTS}
    every = max(1, len(recent.days) // 6)
    place = WIDTH / len(recent.days)
    return Chart(
        title=_("Decisions a day"),
        said=_(
            "In %(days)s days %(match)s recognised, %(no_match)s not recognised, %(rejected)s not looked for."
        )
        % {"days": len(recent.days), **total},
        bars=bars,
        legend=[(kind, name) for kind, name in PARTS],
        labels=[
            ((n + 0.5) * place, _day(day))
            for n, (day, __) in enumerate(recent.days)
            if (len(recent.days) - 1 - n) % every == 0
        ],
        head=(_("day"), *(name for __, name in PARTS)),
        table=[
            (date_format(day), *(counts.get(kind, 0) for kind, __ in PARTS)) for day, counts in recent.days
        ],
        most=most,
    )


def against_threshold(recent: Recent, threshold: float) -> Chart:
    """How alike people were to the nearest, and what is needed."""
    names = (("match", _("recognised")), ("no_match", _("not recognised")))
    columns = [
        [
            (
                kind,
                number,
                _("%(low)s to %(high)s: %(number)s %(name)s")
                % {
                    "low": decimal(n * SCORE_STEP, 2),
                    "high": decimal((n + 1) * SCORE_STEP, 2),
                    "number": number,
                    "name": name,
                },
            )
            for (kind, name), number in zip(names, step, strict=True)
        ]
        for n, step in enumerate(recent.scores)
    ]
    bars, most = _stacked(columns)
    near = range(
        max(0, int((threshold - 0.05) / SCORE_STEP)), min(len(columns), int((threshold + 0.05) / SCORE_STEP))
    )
    close = sum(sum(recent.scores[n]) for n in near)
    return Chart(
        title=_("How alike, and how alike is needed"),
        said=_("%(threshold)s is needed; %(close)s of %(searches)s searches were within 0.05 of it.")
        % {
            "threshold": decimal(threshold, 2),
            "close": close,
            "searches": sum(map(sum, recent.scores)),
        },
        bars=bars,
        legend=list(names),
        labels=[(WIDTH * tenth / 10, decimal(tenth / 10, 1)) for tenth in range(1, 10, 2)],
        head=(_("score from"), *(name for __, name in names)),
        table=[(decimal(n * SCORE_STEP, 2), *step) for n, step in enumerate(recent.scores) if any(step)],
        most=most,
        line=WIDTH * threshold,
        line_label=_("needed: %(threshold)s") % {"threshold": decimal(threshold, 2)},
    )


def reasons(recent: Recent) -> list[tuple[str, int, float]]:
    """Why people were not recognised: sentence, how many, and that as percents of the most frequent one."""
    first = list(recent.reasons.items())[:MOST_REASONS]
    return [(reason_text(code), number, 100 * number / first[0][1]) for code, number in first]


def _day(day: date) -> str:
    return date_format(day, "DAY_FORMAT")


def _stacked(columns: Sequence[Sequence[tuple[str, int, str]]]) -> tuple[list[Bar], int]:
    """Bars side by side, each of parts upon one another; and the highest sum."""
    most = max((sum(number for _, number, _ in parts) for parts in columns), default=0)
    place = WIDTH / max(1, len(columns))
    bars = []
    for n, parts in enumerate(columns):
        foot = HEIGHT
        for kind, number, title in parts:
            if number:
                height = HEIGHT * number / most
                foot -= height
                bars.append(
                    Bar(
                        round((n + GAP / 2) * place, 2),
                        round(foot, 2),
                        round(place * (1 - GAP), 2),
                        round(height, 2),
                        kind,
                        title,
                    )
                )
    return bars, most
