"""Do the sights answer the plan? Every rule with somebody who breaks it, by geometry alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from recognition.engine.liveness import judging
from recognition.engine.liveness.judging import FAILURES, Phase, Progress, State, judge
from recognition.engine.liveness.plans import Plan, Step
from recognition.engine.liveness.sights import Sight
from tests.engine.liveness.heads import points, sight

MOVES = {
    Step.LEFT: {"yaw": 25},
    Step.RIGHT: {"yaw": -25},
    Step.UP: {"pitch": 17},
    Step.DOWN: {"pitch": -17},
    Step.CLOSER: {"near": 1.4},
    Step.BACK: {"near": 0.75},
}
PLAN = Plan((Step.LEFT, Step.UP, Step.CLOSER), (0.3, 0.5, 0.4))
FPS = 8
RISE = 0.003  # eye distances a degree

Change = Callable[[Sight, Progress], Sight | None]


def play(
    plan: Plan = PLAN,
    *,
    delay: float = 0.5,
    moves: dict[Step, dict[str, float]] = MOVES,
    depth: float = 1.0,
    fps: float = FPS,
    change: Change | None = None,
    seconds: float = 40,
) -> tuple[Progress, list[Sight]]:
    """Somebody follows the words ``delay`` seconds late, and turns in half a second. change: spoils a sight,
    or drops it."""
    sights: list[Sight] = []
    progress = Progress()
    asked: Step | None = None
    since, share = 0.0, 0.0
    target: dict[str, float] = {}
    for number in range(int(seconds * fps)):
        at = number / fps
        if progress.asked != asked:
            asked, since = progress.asked, at
        if at - since >= delay:
            target = moves.get(asked, {}) if asked else target
            share = min(1.0, share + 2 / fps) if asked else max(0.0, share - 2 / fps)
        turn = {
            name: (1 + (value - 1) * share) if name == "near" else value * share
            for name, value in target.items()
        }
        rise = RISE * turn.get("pitch", 0) * depth  # as the movement of the picture tells it
        seen: Sight | None = sight(at, points(**turn, depth=depth), relief=-rise)
        if change is not None and seen is not None:
            seen = change(seen, progress)
        if seen is None:
            continue
        sights.append(seen)
        progress = judge(sights, plan)
        if progress.state != State.RUNNING:
            break
    return progress, sights


@pytest.mark.parametrize("fps", [5, 8, 15, 30])
def test_somebody_who_follows_the_words(fps):
    progress, sights = play(fps=fps)
    assert (progress.state, progress.reason, progress.step) == (State.PASSED, "", 3)
    assert sights[-1].at < 14


@pytest.mark.parametrize("step", list(Step))
def test_each_movement(step):
    assert play(Plan((step,), (0.2,)))[0].state == State.PASSED


def test_the_best_picture_is_a_straight_one():
    def better_when_turned(seen: Sight, progress: Progress) -> Sight:
        return replace(seen, quality=0.99) if abs(seen.yaw) > 10 else seen

    progress, sights = play(change=better_when_turned)
    assert progress.best is not None
    assert abs(sights[progress.best].yaw) < 8


def test_the_words_come_one_after_another():
    told = []
    play(change=lambda seen, progress: told.append(progress.asked) or seen)  # type: ignore[func-returns-value]
    assert [step for step in dict.fromkeys(told) if step] == list(PLAN.steps)


def test_nothing_is_asked_before_the_pause_is_over():
    _, sights = play(Plan((Step.LEFT,), (0.9,)))
    asked_at = next(
        s.at for n, s in enumerate(sights) if judge(sights[: n + 1], Plan((Step.LEFT,), (0.9,))).asked
    )
    assert asked_at >= 0.9 + judging.CALM_SECONDS


def test_somebody_who_stays_still():
    assert play(moves={})[0].reason == "not_done"


def test_a_flat_picture_that_is_tilted():
    far = {
        step: {name: 2 * value if name != "near" else value for name, value in move.items()}
        for step, move in MOVES.items()
    }
    assert play(depth=0, moves=far)[0].reason == "not_done"


def test_who_looks_up_without_a_nose_that_rises():
    """Landmarks alone can be fooled by bent paper; the movement of the picture is not."""
    still = lambda seen, progress: replace(seen, relief=-0.02)  # noqa: E731
    assert play(Plan((Step.UP,), (0.2,)), change=still)[0].reason == "not_done"


def test_what_is_tilted_far_instead_of_looking_up():
    low = lambda seen, progress: replace(seen, drop=seen.drop * 0.93) if seen.at > 1 else seen  # noqa: E731
    assert play(Plan((Step.UP,), (0.2,)), change=low)[0].reason == "not_done"


def test_a_bent_picture_that_turns_further_than_its_nose_tells():
    steep = {Step.LEFT: {"yaw": 68}}
    assert play(Plan((Step.LEFT,), (0.2,)), depth=0.32, moves=steep)[0].reason in ("flat", "not_done")


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        (Step.LEFT, Step.RIGHT),
        (Step.LEFT, Step.UP),
        (Step.UP, Step.DOWN),
        (Step.UP, Step.LEFT),
        (Step.CLOSER, Step.BACK),
    ],
)
def test_another_movement(asked, made):
    assert play(Plan((asked,), (0.2,)), moves={asked: MOVES[made]})[0].reason == "other_movement"


def test_a_film_moves_before_it_is_asked():
    """It turns in the very frames in which the words are still on their way."""

    def jump(seen: Sight, progress: Progress) -> Sight:
        calm = seen.at < 1.05
        return seen if calm else sight(seen.at, points(yaw=min(25, (seen.at - 1.0) * 200)))

    assert play(Plan((Step.LEFT,), (0.45,)), change=jump)[0].reason == "too_early"


def test_who_moves_in_the_pause_waits_longer():
    moved = lambda seen, progress: sight(seen.at, points(yaw=14)) if 0.6 < seen.at < 3 else seen  # noqa: E731
    progress, sights = play(Plan((Step.UP,), (0.6,)), change=moved)
    assert progress.state == State.PASSED
    assert sights[-1].at > 3.6


def test_another_face():
    swap = lambda seen, progress: replace(seen, like=0.1) if len_is(seen, 3.0) else seen  # noqa: E731
    assert play(change=swap)[0].reason == "another_face"


def test_another_face_that_came_unseen():
    """Each frame is like the one before, and still it is not who began."""
    drift = lambda seen, progress: replace(seen, same=0.2) if seen.at > 2 else seen  # noqa: E731
    assert play(change=drift)[0].reason == "another_face"


def len_is(seen: Sight, at: float) -> bool:
    return abs(seen.at - at) < 0.5 / FPS


def test_a_cut():
    cut = lambda seen, progress: replace(seen, x=seen.x + 0.5) if seen.at >= 3.0 else seen  # noqa: E731
    assert play(change=cut)[0].reason == "jumped"


def test_a_hole_between_frames():
    hole = lambda seen, progress: None if 2.0 < seen.at < 3.2 else seen  # noqa: E731
    assert play(change=hole)[0].reason == "interrupted"


def test_too_few_frames():
    assert play(fps=2, delay=0.4)[0].reason in ("interrupted", "jumped")


def test_the_same_picture_again_and_again():
    assert play(change=lambda seen, progress: replace(seen, change=0.0))[0].reason == "repeated"


def test_some_doubled_frames_of_a_slow_camera_are_fine():
    double = lambda seen, progress: replace(seen, change=0.0) if int(seen.at * FPS) % 6 == 5 else seen  # noqa: E731
    assert play(change=double)[0].state == State.PASSED


def test_a_face_that_is_lost():
    gone = lambda seen, progress: Sight(seen.at) if seen.at > 3 else seen  # noqa: E731
    assert play(change=gone)[0].reason == "lost"


def test_a_face_that_is_lost_for_a_moment():
    gone = lambda seen, progress: Sight(seen.at) if 3 < seen.at < 3.4 else seen  # noqa: E731
    assert play(change=gone)[0].state == State.PASSED


def test_a_second_face():
    two = lambda seen, progress: replace(seen, faces=2) if seen.at > 2 else seen  # noqa: E731
    assert play(change=two)[0].reason == "several_people"


def test_a_passer_by():
    two = lambda seen, progress: replace(seen, faces=2) if 2 < seen.at < 3 else seen  # noqa: E731
    assert play(change=two)[0].state == State.PASSED


def test_nobody_comes():
    progress, _ = play(change=lambda seen, progress: Sight(seen.at))
    assert (progress.reason, progress.phase) == ("settle", Phase.SETTLE)


@pytest.mark.parametrize(
    ("spoilt", "hint"),
    [
        ({"share": 0.05}, "too_small"),
        ({"share": 0.4}, "too_near"),
        ({"yaw": 30.0}, "too_turned"),
        ({"reasons": ("too_dark",)}, "too_dark"),
        ({"faces": 2}, "several_people"),
        ({"faces": 0}, "no_face"),
        ({"faces": 0, "reasons": ("too_dark",)}, "too_dark"),
    ],
)
def test_hints_before_it_begins(spoilt, hint):
    assert judge([replace(sight(0.0), **spoilt)], PLAN).hint == hint


def test_the_grid_of_a_screen():
    shown = lambda seen, progress: replace(seen, signs={"grid": 9.0, "border": 0.0})  # noqa: E731
    progress, _ = play(change=shown)
    assert (progress.reason, progress.evidence["sign"]) == ("screen", "grid")


def test_times_that_run_backwards():
    sights = play()[1]
    assert judge([*sights[:20], replace(sights[20], at=0.1)], PLAN).reason == "interrupted"


def test_it_ends_after_a_while():
    slow = lambda seen, progress: sight(seen.at, points(yaw=14)) if seen.at > 0.7 else seen  # noqa: E731
    assert play(change=slow, seconds=60)[0].reason in ("too_long", "not_done")


def test_light():
    sights = play()[1]
    coloured = [replace(s, face_colour=(150.0, 115.0, 95.0), room_colour=(90.0, 90.0, 90.0)) for s in sights]
    shown = [("red", "blue", "green")[n // 4 % 3] for n in range(len(sights))]
    assert judge(coloured, PLAN, shown).state == State.PASSED
    assert judge(coloured, PLAN, shown, light_needed=True).reason == "light"


def test_every_failure_has_a_sentence_that_tells_no_attacker_why():
    assert all(text.endswith(".") for text in FAILURES.values())
    assert "print" not in " ".join(FAILURES.values())


def test_sights_are_stored_and_read_again():
    seen = replace(
        sight(1.25), signs={"grid": 1.2, "border": 0.0}, reasons=("too_dark",), face_colour=(1.0, 2.0, 3.0)
    )
    again = Sight.from_dict(seen.as_dict())
    assert again.reasons == seen.reasons
    assert again.signs == seen.signs
    assert again.points() == pytest.approx(seen.points(), abs=1e-3)
