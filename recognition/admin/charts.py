"""Charts of the first page, drawn as SVG by the templates: here is where everything in them stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recognition.models import Decision
from recognition.services.overview import SCORE_STEP, Recent
from recognition.services.wording import reason_text

WIDTH, HEIGHT = 600.0, 140.0
GAP = 0.2  # of a bar's place
PARTS = (
    (Decision.Outcome.MATCH, "recognised"),
    (Decision.Outcome.NO_MATCH, "not recognised"),
    (Decision.Outcome.REJECTED, "not looked for"),
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
        [(kind, counts.get(kind, 0), f"{day:%-d %b}: {counts.get(kind, 0)} {name}") for kind, name in PARTS]
        for day, counts in recent.days
    ]
    bars, most = _stacked(columns)
    total = {kind: sum(counts.get(kind, 0) for _, counts in recent.days) for kind, _ in PARTS}
    every = max(1, len(recent.days) // 6)
    place = WIDTH / len(recent.days)
    return Chart(
        title="Decisions a day",
        said=f"In {len(recent.days)} days "
        + ", ".join(f"{total[kind]} {name}" for kind, name in PARTS)
        + ".",
        bars=bars,
        legend=[(kind, name) for kind, name in PARTS],
        labels=[
            ((n + 0.5) * place, f"{day:%-d %b}")
            for n, (day, _) in enumerate(recent.days)
            if (len(recent.days) - 1 - n) % every == 0
        ],
        head=("day", *(name for _, name in PARTS)),
        table=[
            (f"{day:%-d %b %Y}", *(counts.get(kind, 0) for kind, _ in PARTS)) for day, counts in recent.days
        ],
        most=most,
    )


def against_threshold(recent: Recent, threshold: float) -> Chart:
    """How alike people were to the nearest, and what is needed."""
    names = (("match", "recognised"), ("no_match", "not recognised"))
    columns = [
        [
            (kind, number, f"{n * SCORE_STEP:.2f} to {(n + 1) * SCORE_STEP:.2f}: {number} {name}")
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
        title="How alike, and how alike is needed",
        said=f"{threshold:.2f} is needed; {close} of {sum(map(sum, recent.scores))} searches were within 0.05 of it.",
        bars=bars,
        legend=list(names),
        labels=[(WIDTH * tenth / 10, f"{tenth / 10:.1f}") for tenth in range(1, 10, 2)],
        head=("score from", *(name for _, name in names)),
        table=[(f"{n * SCORE_STEP:.2f}", *step) for n, step in enumerate(recent.scores) if any(step)],
        most=most,
        line=WIDTH * threshold,
        line_label=f"needed: {threshold:.2f}",
    )


def reasons(recent: Recent) -> list[tuple[str, int, float]]:
    """Why people were not recognised: sentence, how many, and that as percents of the most frequent one."""
    first = list(recent.reasons.items())[:MOST_REASONS]
    return [(reason_text(code), number, 100 * number / first[0][1]) for code, number in first]


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
