"""Quality figures and reasons in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recognition.engine.quality import ENROLMENT, PROBE, assess
from recognition.engine.types import REASONS
from recognition.models import Decision
from recognition.services import wording
from recognition.services.analysis.analyzer import quality_dict
from recognition.services.wording import describe_quality, describe_score, one_in, reason_text
from tests.fakes import FakeDetector, person_picture


def quality(limits=ENROLMENT, **how):
    picture = person_picture(6, **how)
    face = FakeDetector().detect(picture)[0]
    left, top, right, bottom = (int(v) for v in face.box)
    return quality_dict(assess(picture, face, picture[top:bottom, left:right], limits))


def wrong(figures) -> list[str]:
    return [figure.name for figure in figures if not figure.fine]


@pytest.mark.parametrize(
    ("how", "blamed"),
    [({}, []), ({"size": 50}, ["Size"]), ({"dark": True}, ["Brightness"]), ({"turned": True}, ["Turned"])],
)
def test_the_figure_to_blame(how, blamed):
    assert wrong(describe_quality(quality(**how))) == blamed


def test_a_probe_may_be_a_little_worse():
    assert wrong(describe_quality(quality(PROBE, size=50), PROBE)) == []


def test_what_is_wanted_follows_the_limits():
    figures = describe_quality(
        quality(), replace(ENROLMENT, min_size=123, max_yaw=12, max_pitch=12, max_roll=12)
    )
    assert [figure.wanted for figure in figures if figure.name in ("Size", "Turned")] == [
        "at least 123 px",
        "at most 12°",
    ]


@pytest.mark.parametrize(
    ("angles", "words"),
    [
        ({"yaw": -20.0}, "20° to the left"),
        ({"yaw": 20.0}, "20° to the right"),
        ({"pitch": 15.0}, "15° up"),
        ({"pitch": -15.0, "yaw": 3.0}, "15° down"),
        ({"roll": -30.0}, "30° tilted"),
        ({}, "0°"),
    ],
)
def test_where_a_face_is_turned(angles, words):
    figures = {figure.name: figure.value for figure in describe_quality({"size": 100.0} | angles)}
    assert figures["Turned"] == words


@pytest.mark.parametrize("stored", [{}, {"score": None, "size": None, "reasons": None}])
def test_figures_that_were_never_stored(stored):
    figures = describe_quality(stored)
    assert all(figure.fine for figure in figures)
    assert bool(figures) == bool(stored)


def test_the_score_in_a_word():
    words = [describe_score(score) for score in (1.0, 0.8, 0.6, 0.3, 0.1, -1.0)]
    assert words == ["Very good", "Very good", "Good", "Fair", "Poor", "Poor"]


def test_every_reason_has_a_sentence():
    for code in (*REASONS, "failed", "not_recognised", "ambiguous", "not_the_same"):
        assert reason_text(code).endswith(".")
    assert reason_text("something_new") == "something_new"


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "none of those measured"),
        (0.0192, "one in 52"),
        (0.5, "5 in 10"),
        (0.34, "one in 3"),
        (1.0, "10 in 10"),
    ],
)
def test_a_share_as_people_say_it(share, said):
    assert one_in(share) == said


@pytest.mark.parametrize(
    ("score", "word"),
    [
        (0.6, "Clearly alike"),
        (0.55, "Alike"),
        (0.51, "Just alike enough"),
        (0.5, "Just alike enough"),
        (0.49, "Nearly alike enough"),
        (0.45, "Not alike enough"),
        (-0.2, "Not alike"),
    ],
)
def test_a_score_against_what_is_needed(score, word):
    assert wording.describe_likeness(score, 0.5) == f"{word}: {score:.2f}, 0.50 is needed"


def test_everything_that_can_happen_has_a_word():
    for kind in Decision.Kind.values:
        for outcome in Decision.Outcome.values:
            assert wording.what_happened(kind, outcome)
