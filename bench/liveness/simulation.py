"""One challenge, from the first frame to the verdict: actor, camera, network and the judge of the site."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.liveness.actors import Actor, Stuttering
from recognition.engine.liveness.judging import Phase, Progress, State, judge
from recognition.engine.liveness.plans import Plan, Step
from recognition.engine.liveness.sights import Sight
from recognition.services.liveness import Watcher

LATENCY = 0.2  # seconds from the last frame of a batch until the page shows what the site answered
BATCH = 0.25  # seconds of frames in a request
COLOUR_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    progress: Progress
    seconds: float
    frames: int
    plan: Plan
    sights: list[Sight]


def run(actor: Actor, plan: Plan, watcher: Watcher, *, fps: float, light: tuple[str, ...] = ()) -> Outcome:
    """light: the colours that the page shows in turn; none: it shows none."""
    sights: list[Sight] = []
    shown: list[str] = []
    asked: Step | None = None
    coming: list[tuple[float, Step | None]] = []
    progress = Progress()
    batch_since = 0.0
    count = 0
    while progress.state == State.RUNNING and count < 60 * fps:
        time = count / fps
        count += 1
        while coming and coming[0][0] <= time:
            asked = coming.pop(0)[1]
        if isinstance(actor, Stuttering) and _in_a_gap(time, actor.gap):
            continue
        colour = light[int(time / COLOUR_SECONDS) % len(light)] if light else ""
        sights.append(watcher.see(time, actor.frame(time, asked, colour)))
        if progress.phase == Phase.SETTLE:
            watcher.at_rest()
        shown.append(colour)
        if time - batch_since >= BATCH:
            batch_since = time
            progress = judge(sights, plan, shown if light else ())
            coming.append((time + LATENCY, progress.asked))
    return Outcome(progress, count / fps, len(sights), plan, sights)


def _in_a_gap(time: float, gap: float) -> bool:
    return time > 2.0 and math.fmod(time, gap + 0.9) < gap
