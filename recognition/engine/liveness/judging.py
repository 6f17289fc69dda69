"""Do the sights of a series of frames answer the plan? A pure function of both, run anew as frames arrive.

The person is first seen at rest (*settle*). Then, for each step of the plan: a pause of random length (*wait*), the
movement is asked for (*move*), and the head comes back (*return*). The next movement is known to nobody before the one
before it was made, so that a film cannot be prepared. What must hold all the time: one face, the same in every frame,
moving as a head does, without cuts and without pictures that repeat.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from recognition.engine.liveness.depth import parallax
from recognition.engine.liveness.light import Answer, answer_of
from recognition.engine.liveness.plans import NODS, SIDEWAYS, Plan, Step
from recognition.engine.liveness.sights import Sight
from recognition.engine.liveness.signs import shown_by
from recognition.engine.types import Floats


class State(StrEnum):
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


class Phase(StrEnum):
    SETTLE = "settle"
    WAIT = "wait"
    MOVE = "move"
    RETURN = "return"


# Why a challenge failed, with what to do next. What exactly was seen is for the staff, not for whoever attacks.
FAILURES: dict[str, str] = {
    "not_done": "The movement was not seen. Try again, and follow the words.",
    "other_movement": "Another movement was seen than the one asked for. Try again, and follow the words.",
    "too_early": "The movement came before it was asked for. Try again, and wait for the words.",
    "lost": "Your face was lost. Try again, and keep it in the picture.",
    "several_people": "There are several people in the picture. Try again alone.",
    "another_face": "The face changed meanwhile. Try again.",
    "jumped": "The picture jumped. Try again with steady movements.",
    "interrupted": "Too few pictures arrived. Check your connection and try again.",
    "repeated": "The pictures do not change. Try again with a live camera.",
    "flat": "It could not be seen that you are there in person. Try again, and turn your head, not a picture.",
    "screen": "It could not be seen that you are there in person. Try again with the camera directly on you.",
    "light": "It could not be seen that you are there in person. Try again, without strong light from behind.",
    "settle": "Your face could not be seen well enough. Try again in better light, facing the camera.",
    "too_long": "It took too long. Try again.",
}

CALM_FRAMES = 4  # at rest, until the challenge begins
CALM_SECONDS = 0.4
SETTLE_SECONDS = 15.0
MOVE_SECONDS = 6.0
RETURN_SECONDS = 6.0
WHOLE_SECONDS = 45.0
REACTION = 0.2  # seconds after the words were sent; nobody moves before
HELD_FRAMES = 2
# How far from rest a movement counts as made. Of 2,492 frames of moved prints (NUAA) none turned by more than 15
# degrees, and 1 in 100 nodded by more than 7.
TURN, NOD = 15.5, 7.5  # degrees
CLOSER, BACK = math.log(1.25), math.log(1 / 1.2)
SIDE_PARALLAX, NOD_PARALLAX, RELIEF = 0.1, 0.022, 0.034  # eye distances
SHORTENED = (
    1.07  # how much wider a face may look that nods upwards; what is tilted further without a nose is paper
)
AWAY, NEAR_REST = 0.5, 0.45  # as shares of a whole movement
WRONG_WAY, WRONG_AXIS = 0.8, 1.1
REST_YAW, REST_PITCH = 22.0, 25.0  # degrees; how far from straight somebody may hold the head at rest
STILL_YAW, STILL_SIZE = 5.0, 0.06
LEAST_EYES = 26.0  # pixels
FARTHEST, NEAREST = 0.085, 0.3  # eye distance as a share of the picture's shorter side
LONGEST_GAP = 1.0  # seconds between two frames
FEWEST_A_SECOND = 3.5
LOST_SECONDS = 1.0
RIVALS_SECONDS = 3.0
FASTEST_TURN = 400.0  # degrees a second
FASTEST_MOVE = 12.0  # eye distances a second
FASTEST_SIZE = 3.0  # the size's logarithm a second
SLACK = 0.1  # seconds added to the time between two frames: clocks of browsers are coarse
# Least cosine to the frame before, and to the first one near rest. Of 1,706 frames of people 0.70 and 0.65.
LIKE, SAME = 0.38, 0.5
REPEATED = 0.02  # greys
MOST_REPEATED = 0.25  # of the frames
FORESHORTENED = 20.0  # degrees by which the eyes may tell of more turn than the nose does


@dataclass(slots=True)
class Progress:
    """How far a challenge has come.

    step: number of the step in progress; as many as there are when it passed. asked: the movement that the person
    should be told now, if any. done: how far that movement is made, 0 .. 1. hint: what keeps it from going on,
    as a code. reason: of `FAILURES`, when it failed. best: number of the sight whose picture is the best
    probe, once there is one. evidence: what was measured, for the staff.
    """

    state: State = State.RUNNING
    phase: Phase = Phase.SETTLE
    step: int = 0
    asked: Step | None = None
    done: float = 0.0
    hint: str = ""
    reason: str = ""
    best: int | None = None
    evidence: dict[str, float | str] = field(default_factory=dict)


def judge(
    sights: Sequence[Sight], plan: Plan, light: Sequence[str] = (), *, light_needed: bool = False
) -> Progress:
    """sights: of all frames so far, in order of time. light: colours that the page shows, one for each frame
    or none."""
    watch = _Watch(plan)
    for number, sight in enumerate(sights):
        watch.see(number, sight)
        if watch.progress.state != State.RUNNING:
            break
    progress = watch.progress
    if progress.state == State.PASSED:
        _look_back(progress, sights, light, light_needed)
    return progress


class _Watch:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.progress = Progress()
        self.last: Sight | None = None  # the last frame with a face
        self.rest: _Rest | None = None
        self.calm: list[Sight] = []
        self.since = 0.0  # when the phase began
        self.held: list[Sight] = []
        self.rise = 0.0  # the furthest that the nose rose in the movement in progress
        self.rivals_since: float | None = None
        self.first_at: float | None = None
        self.before_at = 0.0
        self.frames = 0
        self.repeated = 0
        self.best_quality = -1.0  # of the sight that is the best probe so far

    def see(self, number: int, sight: Sight) -> None:
        if self.first_at is None:
            self.first_at = self.before_at = self.since = sight.at
        self.frames += 1
        reason = self._continuity(sight)
        if not reason and sight.at - self.first_at > WHOLE_SECONDS:
            reason = "too_long"
        if not reason:
            reason = self._go_on(sight)
        if sight.faces:
            self.last = sight
            self._keep_best(number, sight)
        self.before_at = sight.at
        if reason:
            self.progress.state, self.progress.reason = State.FAILED, reason
            self.progress.asked = None

    # --- what must hold all the time -------------------------------------------------------------------------

    def _continuity(self, sight: Sight) -> str:
        started = self.rest is not None
        gap = sight.at - self.before_at
        if started and (gap > LONGEST_GAP or gap < 0):
            return "interrupted"
        if not sight.faces:
            return "lost" if started and self.last and sight.at - self.last.at > LOST_SECONDS else ""
        self.repeated += sight.change < REPEATED
        if self.frames >= 12 and self.repeated > MOST_REPEATED * self.frames:
            return "repeated"
        if sight.faces > 1:
            self.rivals_since = self.rivals_since if self.rivals_since is not None else sight.at
            if sight.at - self.rivals_since > RIVALS_SECONDS:
                return "several_people"
        else:
            self.rivals_since = None
        last = self.last
        if last is None or not started:
            return ""
        if sight.like < LIKE:
            return "another_face"
        between = sight.at - last.at + SLACK
        moved = math.hypot(sight.x - last.x, sight.y - last.y) / max(last.share, 1e-6)
        grown = abs(math.log(max(sight.eyes, 1.0) / max(last.eyes, 1.0)))
        turned = max(
            abs(sight.yaw - last.yaw), abs(sight.pitch - last.pitch), abs(_turn(sight.roll, last.roll))
        )
        fast = (turned / FASTEST_TURN, moved / FASTEST_MOVE, grown / FASTEST_SIZE)
        return "jumped" if max(fast) > between else ""

    # --- the way through the plan ----------------------------------------------------------------------------

    def _go_on(self, sight: Sight) -> str:
        progress = self.progress
        progress.hint = _hint(sight, settled=self.rest is not None)
        if self.rest is None:
            return self._settle(sight)
        if not sight.faces or sight.faces > 1:
            return self._overdue(sight)
        shares = self.rest.shares(sight)
        if self.rest.is_near(shares) and sight.same < SAME:
            return "another_face"
        if progress.phase == Phase.WAIT:
            return self._wait(sight, shares)
        if progress.phase == Phase.MOVE:
            return self._move(sight, shares)
        return self._return(sight, shares)

    def _settle(self, sight: Sight) -> str:
        if sight.at - self.since > SETTLE_SECONDS:
            return "settle"
        if self.progress.hint or (self.calm and not _is_still([*self.calm, sight])):
            self.calm = []
            if self.progress.hint:
                return ""
        self.calm.append(sight)
        if len(self.calm) >= CALM_FRAMES and sight.at - self.calm[0].at >= CALM_SECONDS:
            self.rest = _Rest(self.calm)
            self._begin(Phase.WAIT, sight)
        return ""

    def _wait(self, sight: Sight, shares: dict[Step, float]) -> str:
        if not self.rest or not self.rest.is_near(shares):
            self.since = sight.at  # whoever moves in the pause waits longer
        elif sight.at - self.since >= self.plan.pauses[self.progress.step]:
            self.progress.asked = self.plan.steps[self.progress.step]
            self._begin(Phase.MOVE, sight)
        return ""

    def _move(self, sight: Sight, shares: dict[Step, float]) -> str:
        asked = self.plan.steps[self.progress.step]
        share = shares[asked]
        self.rise = max(self.rise, -sight.relief)
        self.progress.done = float(np.clip(share, 0, 1))
        if sight.at - self.since < REACTION and share > AWAY:
            return "too_early"
        if share < AWAY and _is_another(asked, shares):
            return "other_movement"
        if share < 1 or not self._is_deep(asked, sight):
            self.held = []
            return self._overdue(sight)
        self.held.append(sight)
        if len(self.held) < HELD_FRAMES:
            return ""
        if self._is_flat(asked):
            return "flat"
        self.progress.asked, self.progress.done = None, 1.0
        self._begin(Phase.RETURN, sight)
        return ""

    def _return(self, sight: Sight, shares: dict[Step, float]) -> str:
        progress = self.progress
        if not self.rest or not self.rest.is_near(shares):
            return self._overdue(sight)
        progress.step += 1
        progress.done = 0.0
        if progress.step == len(self.plan.steps):
            progress.state = State.PASSED
        else:
            self._begin(Phase.WAIT, sight)
        return ""

    def _begin(self, phase: Phase, sight: Sight) -> None:
        self.progress.phase, self.since, self.held, self.rise = phase, sight.at, [], 0.0

    def _overdue(self, sight: Sight) -> str:
        limits = {Phase.MOVE: MOVE_SECONDS, Phase.RETURN: RETURN_SECONDS}
        late = sight.at - self.since > limits.get(self.progress.phase, WHOLE_SECONDS)
        return "not_done" if late else ""

    # --- a head, not something flat ----------------------------------------------------------------------------

    def _is_deep(self, asked: Step, sight: Sight) -> bool:
        """Whether the nose moved out of the plane of eyes and mouth, to the side that was asked for."""
        if self.rest is None or asked not in (*SIDEWAYS, *NODS):
            return True
        aside, down = parallax(self.rest.landmarks, sight.points())
        if asked in SIDEWAYS:
            found = aside if asked == Step.LEFT else -aside
            least = SIDE_PARALLAX
        else:
            found = -down if asked == Step.UP else down
            least = NOD_PARALLAX
        if asked == Step.UP:
            self.progress.evidence["rise"] = round(self.rise, 4)
        key = f"parallax_{asked}"
        self.progress.evidence[key] = round(max(found, float(self.progress.evidence.get(key, -1.0))), 4)
        if asked == Step.UP and (self.rise < RELIEF or self.rest.narrowing(sight) > SHORTENED):
            return False
        return found >= least

    def _is_flat(self, asked: Step) -> bool:
        """Whether the eyes moved together further than a head does whose nose moved so little: a bent picture."""
        if self.rest is None or asked not in SIDEWAYS:
            return False
        return all(
            self.rest.narrowing(sight)
            < math.cos(math.radians(min(89.0, abs(sight.yaw - self.rest.yaw) + FORESHORTENED)))
            for sight in self.held
        )

    def _keep_best(self, number: int, sight: Sight) -> None:
        if self.rest is None or sight.reasons or sight.faces != 1:
            return
        if sight.quality > self.best_quality and self.rest.is_near(self.rest.shares(sight)):
            self.progress.best, self.best_quality = number, sight.quality


class _Rest:
    """How the person holds the head at rest; movements are measured from there."""

    def __init__(self, calm: Sequence[Sight]) -> None:
        self.yaw, self.pitch, self.eyes, self.drop = (
            float(np.median([getattr(sight, name) for sight in calm]))
            for name in ("yaw", "pitch", "eyes", "drop")
        )
        self.landmarks: Floats = np.median([sight.points() for sight in calm], axis=0).astype(np.float32)

    def shares(self, sight: Sight) -> dict[Step, float]:
        """How much of each movement this frame shows; 1 is a whole one."""
        turn = (sight.yaw - self.yaw) / TURN
        nod = (sight.pitch - self.pitch) / NOD
        # A turn to the side brings the eyes together, a nod shortens the face; coming closer makes both longer.
        size = math.log(max(sight.eyes / max(self.eyes, 1), sight.drop / max(self.drop, 1), 1e-3))
        return {
            Step.LEFT: turn,
            Step.RIGHT: -turn,
            Step.UP: nod,
            Step.DOWN: -nod,
            Step.CLOSER: size / CLOSER,
            Step.BACK: size / BACK,
        }

    @staticmethod
    def is_near(shares: dict[Step, float]) -> bool:
        return bool(max(shares.values()) < NEAR_REST)

    def narrowing(self, sight: Sight) -> float:
        """The eye distance against the height of the face, 1 at rest; smaller from the side, larger from below."""
        return (sight.eyes / max(sight.drop, 1.0)) / (self.eyes / max(self.drop, 1.0))


def _is_another(asked: Step, shares: dict[Step, float]) -> bool:
    axis = next(
        pair
        for pair in ((Step.LEFT, Step.RIGHT), (Step.UP, Step.DOWN), (Step.CLOSER, Step.BACK))
        if asked in pair
    )
    return any(
        share > (WRONG_WAY if step in axis else WRONG_AXIS) for step, share in shares.items() if step != asked
    )


def _look_back(progress: Progress, sights: Sequence[Sight], light: Sequence[str], light_needed: bool) -> None:
    """What only the whole series tells."""
    seconds = sights[-1].at - sights[0].at
    progress.evidence["frames"], progress.evidence["seconds"] = len(sights), round(seconds, 2)
    reason = ""
    if seconds > 0 and (len(sights) - 1) / seconds < FEWEST_A_SECOND:
        reason = "interrupted"
    elif sign := shown_by([sight.signs for sight in sights if sight.signs]):
        progress.evidence["sign"] = sign
        reason = "screen"
    elif light:
        answer = answer_of(sights, light)
        progress.evidence["light"] = answer
        if answer == Answer.OTHER or (light_needed and answer != Answer.GIVEN):
            reason = "light"
    if reason:
        progress.state, progress.reason = State.FAILED, reason


def _hint(sight: Sight, *, settled: bool) -> str:
    """What the person should change, as a code; empty when nothing."""
    if not sight.faces:
        return sight.reasons[0] if sight.reasons else "no_face"
    if sight.faces > 1:
        return "several_people"
    if settled:
        return ""
    if sight.share < FARTHEST or sight.eyes < LEAST_EYES:
        return "too_small"
    if sight.share > NEAREST:
        return "too_near"
    if abs(sight.yaw) > REST_YAW or abs(sight.pitch) > REST_PITCH:
        return "too_turned"
    return sight.reasons[0] if sight.reasons else ""


def _is_still(sights: Sequence[Sight]) -> bool:
    yaws, pitches, sizes = ([getattr(s, n) for s in sights] for n in ("yaw", "pitch", "eyes"))
    return bool(
        max(yaws) - min(yaws) < STILL_YAW
        and max(pitches) - min(pitches) < STILL_YAW
        and max(sizes) / max(min(sizes), 1e-6) < 1 + STILL_SIZE
    )


def _turn(a: float, b: float) -> float:
    return (a - b + 180) % 360 - 180
