"""Challenges from start to end: nonces, owners, tokens, what is recorded, and what hostile devices send."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache

from recognition.engine.liveness.judging import Phase, Progress, State
from recognition.engine.liveness.plans import Step
from recognition.models import Decision
from recognition.services import liveness, recognition
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.liveness import challenges, state, tokens
from tests.accounts.conftest import fresh_state  # noqa: F401
from tests.fakes import black_jpeg, person_jpeg, wall_jpeg

pytestmark = pytest.mark.django_db

OWNER = "key:1"
ASKER = recognition.Asker(kind=Decision.Kind.LOGIN)


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> list[Progress]:
    """What the judge says to each frame in turn; the last one again and again."""
    said: list[Progress] = [Progress(phase=Phase.MOVE, asked=Step.LEFT)]

    def judge(sights: list[object], *_: object, **__: object) -> Progress:
        return said[min(len(sights), len(said)) - 1]

    monkeypatch.setattr(challenges, "judge", judge)
    return said


class Device:
    """A camera that follows the rules."""

    def __init__(self, owner: str = OWNER) -> None:
        started = liveness.start(owner=owner)
        self.owner = owner
        self.id, self.nonce = UUID(started["id"]), started["nonce"]
        self.at = 1000.0

    def frames(self, *pictures: bytes) -> list[liveness.Frame]:
        found = []
        for picture in pictures:
            self.at += 125
            found.append(liveness.Frame(picture, self.at))
        return found

    def send(self, *pictures: bytes, nonce: str | None = None, owner: str | None = None) -> liveness.Answer:
        frames = self.frames(*pictures)
        answer = liveness.add_frames(
            self.id, owner=owner or self.owner, nonce=nonce or self.nonce, frames=frames, asker=ASKER
        )
        self.nonce = answer.nonce
        return answer


def seconds_left(key: str) -> int:
    """Until Redis forgets it; -1: never."""
    return int(cache._cache.get_client().ttl(cache.make_and_validate_key(key)))


def refused(kind: type[Exception], code: str) -> Iterator[None]:
    return pytest.raises(kind, check=lambda error: error.code == code)  # type: ignore[call-overload, no-any-return]


def test_it_goes_on_from_answer_to_answer(verdicts):
    device = Device()
    first = device.send(person_jpeg(1), person_jpeg(1, variant=1))
    assert first.as_dict()["asked"] == "left"
    assert first.token == ""
    assert device.send(person_jpeg(1, variant=2)).progress.state == State.RUNNING


@pytest.mark.parametrize(("picture", "hint"), [(black_jpeg(), "too_dark"), (wall_jpeg(), "no_face")])
def test_a_black_picture_is_told_as_too_dark(picture, hint):
    assert Device().send(picture).progress.hint == hint


def test_who_passes_gets_a_token_for_the_best_frame(verdicts):
    passed = Progress(state=State.PASSED, best=1)
    verdicts[:] = [Progress(best=0), Progress(best=1), passed]
    best = person_jpeg(1, variant=1)
    answer = Device().send(person_jpeg(1), best, person_jpeg(1, variant=2))
    assert answer.nonce == ""
    redeemed = tokens.redeem(answer.token, owner=OWNER)
    assert redeemed.picture == best
    assert redeemed.evidence["state"] == "passed"


def test_a_token_works_once(verdicts):
    token = tokens.issue(OWNER, b"picture", {})
    assert tokens.redeem(token, owner=OWNER).picture == b"picture"
    with refused(Conflict, "liveness_token"):
        tokens.redeem(token, owner=OWNER)


def test_a_token_of_another_is_worth_nothing_and_used_up():
    token = tokens.issue(OWNER, b"picture", {})
    with refused(Conflict, "liveness_token"):
        tokens.redeem(token, owner="key:2")
    with refused(Conflict, "liveness_token"):
        tokens.redeem(token, owner=OWNER)


@pytest.mark.parametrize("token", ["x", "é" * 20, "a" * 5000, "\x00"])
def test_made_up_tokens(token):
    with refused(Conflict, "liveness_token"):
        tokens.redeem(token, owner=OWNER)


def test_a_token_is_sealed_and_does_not_last():
    token = tokens.issue(OWNER, person_jpeg(1), {})
    key = tokens._key(token)
    assert person_jpeg(1)[:200] not in cache.get(key)
    assert 0 < seconds_left(key) <= tokens.LIFE
    cache.set(key, b"\x00SEALED1" + bytes(60))
    with refused(Conflict, "liveness_token"):
        tokens.redeem(token, owner=OWNER)


def test_what_is_remembered_is_sealed_and_does_not_last(verdicts):
    device = Device()
    device.send(person_jpeg(1))
    key = f"liveness:{device.id}"
    assert b"landmarks" not in cache.get(key)
    assert 0 < seconds_left(key) <= state.LIFE


def test_it_is_remembered_as_it_was(verdicts):
    verdicts[:] = [Progress(best=0)]
    device = Device()
    device.send(person_jpeg(1), person_jpeg(1, variant=1))
    found = state.load(device.id)
    assert found is not None
    assert [sight.at for sight in found.sights] == [1.125, 1.25]
    assert found.best == person_jpeg(1)
    assert found.watcher.frames == 2
    assert found.watcher.first is not None
    state.save(found)
    assert state.load(device.id).plan == found.plan


def test_a_nonce_works_once(verdicts):
    device = Device()
    first = device.nonce
    device.send(person_jpeg(1))
    with refused(Conflict, "wrong_nonce"):
        device.send(person_jpeg(1), nonce=first)


@pytest.mark.parametrize("nonce", ["", "made up", "é", "x" * 5000])
def test_made_up_nonces(verdicts, nonce):
    device = Device()
    with refused(Conflict, "wrong_nonce"):
        liveness.add_frames(
            device.id, owner=OWNER, nonce=nonce, frames=device.frames(person_jpeg(1)), asker=ASKER
        )


def test_frames_of_one_challenge_are_worth_nothing_in_another(verdicts):
    one, other = Device(), Device()
    with refused(Conflict, "wrong_nonce"):
        other.send(person_jpeg(1), nonce=one.nonce)


def test_a_challenge_of_another_owner(verdicts):
    device = Device()
    with refused(NotFound, "no_challenge"):
        device.send(person_jpeg(1), owner="key:2")
    assert device.frames(person_jpeg(1))
    assert liveness.add_frames(
        device.id, owner=OWNER, nonce=device.nonce, frames=device.frames(person_jpeg(1)), asker=ASKER
    ).nonce


def test_one_that_never_was():
    with refused(NotFound, "no_challenge"):
        liveness.add_frames(
            uuid4(), owner=OWNER, nonce="x", frames=[liveness.Frame(person_jpeg(1), 1.0)], asker=ASKER
        )


def test_one_that_failed_is_over_and_recorded_without_a_person(verdicts, enrol):
    enrol(1)
    verdicts[:] = [Progress(state=State.FAILED, reason="flat", evidence={"parallax_left": 0.01})]
    device = Device()
    answer = device.send(person_jpeg(1))
    assert (answer.nonce, answer.token) == ("", "")
    decision = Decision.objects.get()
    assert (decision.outcome, decision.reason, decision.identity) == ("rejected", "not_live", None)
    assert decision.liveness["reason"] == "flat"
    assert decision.liveness["evidence"] == {"parallax_left": 0.01}
    with refused(NotFound, "no_challenge"):
        device.send(person_jpeg(1), nonce="x")


def test_the_same_movements_are_not_asked_for_twice_in_a_row():
    for _ in range(30):
        one, two = (state.load(UUID(liveness.start(owner=OWNER)["id"])) for _ in range(2))
        assert one is not None
        assert two is not None
        assert one.plan.steps != two.plan.steps


def test_frames_that_come_faster_than_time_goes_by(verdicts):
    device = Device()
    device.send(person_jpeg(1))
    device.at += 5000
    assert device.send(person_jpeg(1)).progress.reason == "interrupted"


def test_real_time_is_fine(verdicts, monkeypatch):
    device = Device()
    device.send(person_jpeg(1))
    device.at += 5000
    later = time.time() + 5
    monkeypatch.setattr(time, "time", lambda: later)
    assert device.send(person_jpeg(1)).progress.state == State.RUNNING


def test_frames_out_of_order(verdicts):
    device = Device()
    frames = device.frames(person_jpeg(1), person_jpeg(1))
    answer = liveness.add_frames(device.id, owner=OWNER, nonce=device.nonce, frames=frames[::-1], asker=ASKER)
    assert answer.progress.reason == "interrupted"


@pytest.mark.parametrize("data", [b"", b"no picture", person_jpeg(1)[:200]])
def test_what_is_no_picture_ends_it(verdicts, data):
    device = Device()
    with pytest.raises(Invalid):
        device.send(data)
    with refused(NotFound, "no_challenge"):
        device.send(person_jpeg(1), nonce="x")


def test_too_much_at_once(verdicts):
    device = Device()
    with refused(Invalid, "too_many_frames"):
        device.send(*[wall_jpeg()] * (liveness.MOST_AT_ONCE + 1))
    with refused(Invalid, "too_many_frames"):
        device.send()
    with refused(Invalid, "too_large"):
        device.send(b"x" * (challenges.MOST_FRAME_BYTES + 1))


def test_too_many_in_all(verdicts, monkeypatch):
    monkeypatch.setattr(challenges, "MOST_FRAMES", 2)
    device = Device()
    assert device.send(person_jpeg(1), person_jpeg(1)).progress.state == State.RUNNING
    assert device.send(person_jpeg(1)).progress.reason == "interrupted"


def test_colours_only_where_wanted(settings):
    assert liveness.start(owner=OWNER)["colours"]
    assert liveness.start(owner=OWNER, light=False)["colours"] == []
    settings.LIVENESS_LIGHT = "off"
    assert liveness.start(owner=OWNER, light=True)["colours"] == []


def test_the_colour_of_each_frame_reaches_the_judge(monkeypatch):
    seen = []
    monkeypatch.setattr(
        challenges, "judge", lambda sights, plan, shown, **_: seen.append(list(shown)) or Progress()
    )
    device = Device()
    colours = state.load(device.id).light
    frames = [
        liveness.Frame(person_jpeg(1), 1.0, 0),
        liveness.Frame(person_jpeg(1), 2.0, -1),
        liveness.Frame(person_jpeg(1), 3.0, 8),
    ]
    liveness.add_frames(device.id, owner=OWNER, nonce=device.nonce, frames=frames, asker=ASKER)
    assert seen[-1] == [colours[0], "", colours[8 % len(colours)]]


class TestModes:
    def probe(self, mode: str, **sent: object) -> tokens.Passed:
        return liveness.probe_of(mode=mode, owner=OWNER, asker=ASKER, **sent)  # type: ignore[arg-type]

    def test_off_believes_any_picture(self):
        assert self.probe("off", picture=b"any") == tokens.Passed(b"any", {})

    def test_a_challenge_takes_no_picture(self):
        with refused(Conflict, "liveness_required"):
            self.probe("challenge", picture=person_jpeg(1))

    @pytest.mark.parametrize("mode", ["off", "passive", "challenge"])
    def test_with_a_token_only_its_own_picture_counts(self, mode):
        token = tokens.issue(OWNER, b"of the challenge", {"mode": "challenge"})
        assert self.probe(mode, token=token, picture=b"another").picture == b"of the challenge"

    def test_passive_looks_for_signs(self, monkeypatch):
        monkeypatch.setattr("recognition.services.liveness.modes.shown_by", lambda signs: "")
        assert self.probe("passive", picture=person_jpeg(1)).evidence == {
            "mode": "passive",
            "state": "passed",
        }
        monkeypatch.setattr("recognition.services.liveness.modes.shown_by", lambda signs: "grid")
        with refused(Invalid, "not_live"):
            self.probe("passive", picture=person_jpeg(1))
        assert Decision.objects.get().liveness["reason"] == "grid"

    def test_passive_leaves_pictures_without_a_face_to_the_decision(self):
        assert self.probe("passive", picture=wall_jpeg()).picture == wall_jpeg()

    def test_passive_and_no_picture(self):
        with refused(Invalid, "unreadable"):
            self.probe("passive", picture=b"no picture")
