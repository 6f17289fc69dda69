"""1:1 metrics against cases computed by hand and against scikit-learn."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from recognition.engine.measures import metrics
from recognition.engine.measures.thresholds import threshold_at


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def normal_scores(genuine: int, impostor: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return (
        random.normal(0.5, 0.15, genuine).astype(np.float32),
        random.normal(0.0, 0.1, impostor).astype(np.float32),
    )


def test_auc_is_the_share_of_rightly_ordered_pairs():
    # Of the 3 x 2 comparisons 0.9 wins both, 0.4 one, 0.3 one, so 4 of 6.
    curve = metrics.roc(floats(0.9, 0.4, 0.3), floats(0.5, 0.2))
    assert curve.auc == pytest.approx(4 / 6)


def test_parted_scores_have_no_error():
    curve = metrics.roc(floats(0.8, 0.9), floats(0.1, 0.2))
    assert curve.auc == 1
    assert curve.eer == 0


def test_eer_of_a_case_by_hand():
    # At a threshold of 0.5 one of four impostors gets in and one of four genuine stays out.
    curve = metrics.roc(floats(0.9, 0.8, 0.7, 0.3), floats(0.6, 0.2, 0.1, 0.0))
    assert curve.eer == pytest.approx(0.25)


def test_eer_between_two_points():
    # FPR, TPR run (0, 0) (0, 1/3) (1/2, 1/3) (1/2, 1) (1, 1); they cross FPR = 1 - TPR where FPR is 1/2.
    curve = metrics.roc(floats(0.9, 0.4, 0.3), floats(0.5, 0.2))
    assert curve.eer == pytest.approx(0.5)
    # (0, 0) (0, 1/2) (1, 1): on the line from (0, 1/2) to (1, 1), FPR = 1 - TPR at 1/3.
    tied = metrics.roc(floats(0.9, 0.4), floats(0.4))
    assert tied.eer == pytest.approx(1 / 3)


def test_roc_and_auc_are_those_of_scikit_learn():
    genuine, impostor = normal_scores(2_000, 5_000)
    labels = np.r_[np.ones(len(genuine)), np.zeros(len(impostor))]
    scores = np.r_[genuine, impostor]
    curve = metrics.roc(genuine, impostor)
    fpr, tpr, _ = roc_curve(labels, scores)
    np.testing.assert_allclose(curve.fpr, fpr)
    np.testing.assert_allclose(curve.tpr, tpr)
    assert curve.auc == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_operating_points_are_those_of_scikit_learns_curve():
    genuine, impostor = normal_scores(2_000, 30_000)
    labels = np.r_[np.ones(len(genuine)), np.zeros(len(impostor))]
    fpr, tpr, _ = roc_curve(labels, np.r_[genuine, impostor], drop_intermediate=False)
    for point in metrics.operating_points(genuine, impostor):
        if point.rate >= 1e-4:
            assert point.tpr == pytest.approx(tpr[fpr <= point.rate + 1e-12].max())
            assert np.mean(impostor >= point.threshold) <= point.rate
        else:
            assert point.tpr is None
            assert point.threshold is None


def test_a_rate_is_reported_from_three_expected_errors_on():
    genuine, impostor = normal_scores(50, 3_000)
    said = {point.rate for point in metrics.operating_points(genuine, impostor) if point.tpr is not None}
    assert said == {1e-1, 1e-2, 1e-3}
    said = {point.rate for point in metrics.operating_points(genuine, impostor[:-1]) if point.tpr is not None}
    assert said == {1e-1, 1e-2}


def test_fold_accuracy_by_hand():
    scores = floats(0.9, 0.1, 0.8, 0.2, 0.3, 0.7)
    genuine = np.array([True, False, True, False, True, False])
    folds = np.array([0, 0, 1, 1, 2, 2])
    result = metrics.fold_accuracy(scores, genuine, folds)
    # Folds 0 and 1 part themselves, also by a threshold from others; fold 2 is upside down and gets one or none right.
    assert result.accuracies[2] == 0
    assert result.thresholds[2] == pytest.approx(0.5)
    # On folds 1 and 2 the best cuts are above 0.7 (3 of 4 right), on folds 0 and 2 likewise.
    assert result.thresholds[0] == pytest.approx(0.75)
    assert result.accuracies[0] == 1
    assert result.accuracies[1] == 1
    assert result.mean == pytest.approx(2 / 3)
    assert result.deviation == pytest.approx(np.std([1, 1, 0], ddof=1))
    assert result.standard_error == pytest.approx(np.std([1, 1, 0], ddof=1) / 3**0.5)


def test_fold_accuracy_needs_two_folds():
    with pytest.raises(ValueError, match="two"):
        metrics.fold_accuracy(floats(0.9, 0.1), np.array([True, False]), np.array([0, 0]))


def test_best_threshold_beats_every_other():
    genuine, impostor = normal_scores(300, 300, seed=3)
    genuine -= 0.35  # let them overlap
    scores = np.r_[genuine, impostor]
    labels = np.r_[np.ones(300, bool), np.zeros(300, bool)]
    best = metrics.best_threshold(scores, labels)
    found = np.mean((scores >= best) == labels)
    assert found == max(np.mean((scores >= t) == labels) for t in np.r_[scores, 2.0])


def test_best_threshold_may_accept_nobody():
    scores = floats(0.9, 0.8, 0.7)
    threshold = metrics.best_threshold(scores, np.array([False, False, False]))
    assert threshold > scores.max()


def test_equal_scores_are_accepted_together():
    threshold = metrics.best_threshold(floats(0.5, 0.5, 0.1), np.array([True, False, False]))
    assert np.mean((floats(0.5, 0.5, 0.1) >= threshold) == [True, False, False]) == pytest.approx(2 / 3)


def test_histogram_counts_every_score_once():
    counts = metrics.histogram(floats(-1.00001, -1, 0, 0.999, 1.0), bins=4)
    assert counts == [2, 0, 1, 2]


def test_thinned_curve_keeps_ends_and_the_best_tpr():
    genuine, impostor = normal_scores(20_000, 100_000)
    curve = metrics.roc(genuine, impostor)
    thin = curve.thinned(300)
    assert len(thin.fpr) <= 310
    assert (thin.fpr[0], thin.tpr[-1]) == (curve.fpr[0], 1)
    assert thin.auc == pytest.approx(curve.auc, abs=2e-4)
    for rate in (1e-3, 1e-2, 0.1):
        exact = np.mean(genuine >= threshold_at(impostor, rate))
        assert np.interp(rate, thin.fpr, thin.tpr) == pytest.approx(exact, abs=5e-3)


def test_a_million_impostor_pairs_take_seconds():
    genuine, impostor = normal_scores(240_000, 1_000_000)
    start = time.perf_counter()
    curve = metrics.roc(genuine, impostor)
    assert 0.99 < curve.auc < 1
    assert 0 < curve.eer < 0.1
    metrics.operating_points(genuine, impostor)
    metrics.histogram(impostor)
    assert time.perf_counter() - start < 30  # about two seconds on one core
