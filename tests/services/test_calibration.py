"""Thresholds from allowed errors, and what the data cannot support."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.engine.identification import Enrolled, leave_one_out
from recognition.engine.pairs import impostor_pairs, pair_scores
from recognition.services import calibration
from recognition.services.calibration import Wish, propose
from recognition.services.errors import Invalid
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
    assert low <= found.measurements["verify"]["two_pictures"] <= high + 1e-3
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
    assert "180 impostor pairs of 10 people" in str(error.value)
    assert f"{3 / 180:.1e}" in str(error.value)


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
