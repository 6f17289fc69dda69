"""Thresholds from allowed errors, and what the data cannot support."""

from __future__ import annotations

import re

import numpy as np
import pytest

from recognition.engine.measures.identification import Enrolled, leave_one_out
from recognition.engine.measures.pairs import impostor_pairs, pair_scores
from recognition.services.errors import Invalid
from recognition.services.thresholds import calibration
from recognition.services.thresholds.calibration import Wish, propose
from tests.galleries import enrol_vectors, labelled_vectors


@pytest.fixture(scope="module")
def labelled():
    return labelled_vectors(80, 4, spread=1.2, dimensions=32)


def proposed(labelled, **wish):
    return propose(*labelled, Wish(**wish), source="made up", mirrored=False, current_margin=0.07)


def test_thresholds_keep_the_rates_they_were_asked_for(labelled):
    owners, vectors = labelled
    found = proposed(labelled, fmr=1e-3, fpir=0.05, people=80, margin_cost=0.05)
    impostor = pair_scores(vectors, *impostor_pairs(owners))
    assert np.mean(impostor >= found.verify_threshold) <= 1e-3
    one_out = leave_one_out(Enrolled.of(owners, vectors)).searches
    assert np.mean(one_out.best_other >= found.identify_threshold) <= 0.05
    assert found.measurements["identify"]["fpir"] == np.mean(one_out.best_other >= found.identify_threshold)
    assert found.measurements["on"]["people"] == 80
    low, high = found.measurements["verify"]["interval"]
    assert low <= found.verify_threshold <= high + 1e-3
    low, high = found.measurements["identify"]["interval"]
    assert low <= found.identify_threshold <= high + 1e-3
    assert found.source == "made up"
    assert not found.warnings


def test_a_stricter_wish_gives_a_higher_threshold(labelled):
    loose = proposed(labelled, fmr=1e-2, fpir=0.1, people=10)
    tight = proposed(labelled, fmr=1e-3, fpir=0.1, people=100)
    assert tight.verify_threshold > loose.verify_threshold
    assert tight.identify_threshold > loose.identify_threshold


def test_the_margin_costs_what_it_may(labelled):
    owners, vectors = labelled
    found = proposed(labelled, fmr=1e-2, fpir=0.1, people=10, margin_cost=0.05)
    margins = leave_one_out(Enrolled.of(owners, vectors)).searches.margins(found.identify_threshold)
    assert found.margin > 0
    assert np.mean(margins < found.margin) <= 0.05


def test_the_margin_stays_when_there_is_too_little_to_choose_it(labelled):
    found = proposed(labelled, fmr=1e-2, fpir=0.1, people=10, margin_cost=0.001)
    assert found.margin == 0.07
    assert "margin stays" in found.warnings[0]


def test_too_few_impostors_is_said_with_the_rule_of_three():
    small = labelled_vectors(10, 2)
    with pytest.raises(Invalid, match="rule of three") as error:
        proposed(small, fmr=1e-4)
    # 45 pairs of people, four pairs of photos each.
    assert "180 impostor pairs can speak of" in str(error.value)
    assert f"{3 / 180:.1e}" in str(error.value)


def test_a_picture_and_a_person_need_as_many_scores_as_two_pictures():
    # 122,500 pairs of pictures can speak of 2.4e-5, but 500 photos with 49 other people each of 1.2e-4 only.
    few = labelled_vectors(50, 10, spread=1.2, dimensions=32)
    with pytest.raises(Invalid, match="24500 scores of photos with another person can speak of") as error:
        proposed(few, fmr=1e-4, people=50)
    granted = re.search(r"ask for (\S+) or more", str(error.value))[1]
    assert not proposed(few, fmr=float(granted), people=50).measurements["verify"]["beyond"]
    found = proposed(few, fmr=1e-4, people=50, extrapolate=True)
    verify = found.measurements["verify"]
    assert verify["beyond"]
    assert verify["interval"] is None
    assert verify["smallest_fmr"] == pytest.approx(3 / 24500)
    assert "1:1 threshold lies beyond what was measured" in found.warnings[0]


@pytest.fixture(scope="module")
def alike():
    """A hundred people with ten photos; one photo of each of fifteen people resembles those of the others."""
    owners, vectors = labelled_vectors(100, 10, dimensions=128)
    random = np.random.default_rng(5)
    photos = random.normal(size=128) + 0.6 * random.normal(size=(15, 128))
    vectors[np.arange(15) * 10] = photos / np.linalg.norm(photos, axis=1, keepdims=True)
    return owners, vectors


@pytest.mark.parametrize(("fmr", "decides"), [(1e-4, "two_pictures"), (1e-2, "picture_and_person")])
def test_the_interval_is_that_of_the_threshold_in_use(alike, fmr, decides):
    found = proposed(alike, fmr=fmr, fpir=0.1, people=10)
    verify = found.measurements["verify"]
    assert verify["two_pictures"] != verify["picture_and_person"]
    assert found.verify_threshold == verify[decides]
    low, high = verify["interval"]
    assert low <= found.verify_threshold <= high + 1e-3


def test_look_alikes_in_a_few_photos_give_a_wide_interval(alike):
    """The highest scores are those of fifteen people, and a draw with few of them reaches far below."""
    found = proposed(alike, fmr=1e-3, fpir=5e-3, people=100)
    low, high = found.measurements["identify"]["interval"]
    assert low <= found.identify_threshold <= high + 1e-3
    assert high - low > 0.03


@pytest.mark.parametrize("fpir", [0.3, 0.1, 0.06, 0.01])
def test_people_with_single_photos_and_a_generous_rate(fpir):
    owners, vectors = labelled_vectors(300, 2, spread=1.2, dimensions=32)
    keep = np.r_[np.arange(0, 600, 2), np.arange(1, 100, 2)]
    found = proposed((owners[keep], vectors[keep]), fmr=1e-2, fpir=fpir)
    low, high = found.measurements["identify"]["interval"]
    assert low <= found.identify_threshold <= high + 1e-3


def test_a_large_gallery_cannot_be_promised_from_few_people(labelled):
    with pytest.raises(Invalid, match=r"needs an FMR of 1\.0e-06"):
        proposed(labelled, fmr=1e-3, fpir=0.01, people=10_000)


def test_extrapolation_has_to_be_allowed_and_is_marked(labelled):
    measured = proposed(labelled, fmr=1e-3, fpir=0.05, people=80)
    found = proposed(labelled, fmr=1e-6, fpir=0.01, people=10_000, extrapolate=True)
    assert found.measurements["verify"]["beyond"]
    assert found.measurements["identify"]["beyond"]
    assert len([text for text in found.warnings if "beyond what was measured" in text]) == 2
    assert found.verify_threshold > measured.verify_threshold
    assert found.identify_threshold > measured.identify_threshold


@pytest.mark.parametrize("wish", [{"fmr": 0}, {"fmr": 1}, {"fpir": -1}, {"margin_cost": 1}])
def test_rates_are_between_nought_and_one(wish):
    with pytest.raises(Invalid):
        Wish(**wish)


def test_from_the_enrolled(db):
    enrol_vectors(30, 4)
    found = calibration.from_enrolled(Wish(fmr=1e-2, fpir=0.1, people=30))
    assert found.source == "30 enrolled people, 120 photos"
    assert 0 < found.verify_threshold < 0.6


def test_nobody_enrolled(db):
    with pytest.raises(Invalid, match="Nobody is enrolled"):
        calibration.from_enrolled(Wish())
