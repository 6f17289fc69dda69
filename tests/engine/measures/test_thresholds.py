"""Thresholds by allowed error, the rule of three, the bootstrap over people, and the tail."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recognition.engine.measures.pairs import impostor_pairs
from recognition.engine.measures.thresholds import (
    Tail,
    bootstrap_tail,
    bootstrap_threshold,
    score_counts,
    smallest_rate,
    strict,
    threshold_at,
)


@pytest.fixture
def impostor() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, 100_000).astype(np.float32)


def test_threshold_by_hand():
    scores = np.array([0.1, 0.4, 0.2, 0.3], np.float32)
    assert threshold_at(scores, 0.25) == pytest.approx(0.3)
    assert np.mean(scores >= threshold_at(scores, 0.25)) == 0.25
    assert np.mean(scores >= threshold_at(scores, 0.2)) == 0
    assert np.mean(scores >= threshold_at(scores, 0.5)) == 0.5


def test_equal_scores_are_all_refused_when_one_would_be_too_many():
    scores = np.array([0.9, 0.5, 0.5, 0.5], np.float32)
    assert np.mean(scores >= threshold_at(scores, 0.5)) == 0.25


@pytest.mark.parametrize("rate", [1e-1, 1e-2, 1e-3, 1e-4])
def test_the_share_accepted_is_the_largest_allowed(impostor, rate):
    accepted = np.sum(impostor >= threshold_at(impostor, rate))
    assert accepted == round(rate * len(impostor))


def test_rule_of_three():
    assert smallest_rate(3_000) == pytest.approx(1e-3)
    assert smallest_rate(0) == math.inf


def test_strict_rounds_up_to_four_digits():
    assert strict(0.30001) == 0.3001
    assert strict(0.3) == 0.3
    assert strict(-0.30009) == -0.3
    assert strict(1.7) == 1


def test_tail_meets_the_quantiles(impostor):
    tail = Tail.from_counts(score_counts(impostor), people=500)
    assert tail.trials == 100_000
    assert tail.points[-1][0] == pytest.approx(3e-5)
    for rate, threshold in tail.points:
        assert np.mean(impostor >= threshold) <= rate * 1.0001
        assert threshold == pytest.approx(threshold_at(impostor, rate), abs=1e-3)


def test_tail_is_none_with_too_few_scores():
    assert Tail.from_counts(score_counts(np.zeros(29, np.float32)), people=8) is None


def test_tail_says_when_it_goes_beyond_what_was_measured(impostor):
    tail = Tail.from_counts(score_counts(impostor), people=500)
    threshold, beyond = tail.threshold(1e-3)
    assert not beyond
    assert threshold == pytest.approx(0.309, abs=0.01)  # 3.09 deviations
    threshold, beyond = tail.threshold(1e-7)
    assert beyond
    # The tail of a normal distribution bends down, so the straight line is stricter than the truth (5.2 deviations).
    assert 0.52 < threshold < 0.75


def test_threshold_grows_with_the_gallery(impostor):
    tail = Tail.from_counts(score_counts(impostor), people=500)
    thresholds = [tail.for_gallery(0.01, people)[0] for people in (1, 10, 100, 1_000, 10_000)]
    assert thresholds == sorted(thresholds)
    assert thresholds[1] == tail.threshold(0.001)[0]
    assert tail.for_gallery(0.01, 0) == tail.for_gallery(0.01, 1)


def test_tail_survives_json(impostor):
    tail = Tail.from_counts(score_counts(impostor), people=500)
    assert Tail.from_dict(tail.as_dict()) == tail


def test_bootstrap_holds_the_truth_and_narrows_with_more_people():
    # Each person has a shift of its own, so pairs of one person go together.
    def interval(people: int) -> tuple[float, float]:
        random = np.random.default_rng(5)
        shift = random.normal(0, 0.05, people)
        a, b = impostor_pairs(np.arange(people), 20_000)
        scores = (shift[a] + shift[b] + random.normal(0, 0.05, len(a))).astype(np.float32)
        return bootstrap_threshold(scores, a, b, 0.01, repeats=100)

    truth = 2.326 * math.sqrt(3 * 0.05**2)
    low, high = interval(400)
    assert low < truth < high
    few_low, few_high = interval(40)
    assert few_high - few_low > 1.5 * (high - low)


def test_bootstrap_of_the_tail_agrees_with_that_of_all_pairs():
    random = np.random.default_rng(5)
    people = 150
    shift = random.normal(0, 0.05, people)
    a, b = np.nonzero(~np.eye(people, dtype=bool))
    scores = (shift[a] + shift[b] + random.normal(0, 0.05, len(a))).astype(np.float32)
    all_pairs = bootstrap_threshold(scores, a, b, 0.01, repeats=100)
    high = scores > threshold_at(scores, 0.05)
    tail = bootstrap_tail(scores[high], a[high], b[high], np.ones(people), 0.01, repeats=100)
    assert tail == pytest.approx(all_pairs, abs=1e-6)


def test_no_interval_where_the_kept_scores_do_not_reach():
    random = np.random.default_rng(5)
    a, b = np.nonzero(~np.eye(40, dtype=bool))
    scores = random.normal(0, 0.1, len(a)).astype(np.float32)
    photos = np.ones(40)
    order = np.argsort(-scores)

    def interval(kept: int) -> tuple[float, float] | None:
        top = order[:kept]
        return bootstrap_tail(scores[top], a[top], b[top], photos, 0.01, repeats=100)

    assert interval(len(order)) is not None
    assert interval(100) == interval(len(order))
    assert interval(17) is None  # some draws need the eighteenth
    assert interval(0) is None


def test_draws_of_one_person_alone_say_nothing():
    scores = np.array([0.3, 0.2], np.float32)
    found = bootstrap_tail(scores, np.array([0, 1]), np.array([1, 0]), np.ones(2), 0.1)
    assert found == pytest.approx((0.3, 0.3))


def test_rate_is_the_inverse_of_threshold(impostor):
    tail = Tail.from_counts(score_counts(impostor), people=500)
    for rate in (3e-2, 1e-3, 7e-5):
        assert tail.rate(tail.threshold(rate)[0]) == pytest.approx(rate, rel=0.02)
    assert tail.rate(0.99) == pytest.approx(tail.points[-1][0])


def test_bootstrap_over_single_owners():
    scores = np.random.default_rng(2).normal(0, 0.1, 5_000).astype(np.float32)
    low, high = bootstrap_threshold(scores, np.arange(5_000) // 5, None, 0.01, repeats=100)
    assert low < threshold_at(scores, 0.01) < high
    assert high - low < 0.05
