"""1:N metrics against slow loops, small cases by hand, and the gallery that serves."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.engine.gallery import Gallery
from recognition.engine.measures.identification import (
    Enrolled,
    leave_one_out,
    open_set_curve,
    open_set_points,
    search,
)
from recognition.engine.measures.thresholds import score_counts


def people(count: int, photos: int | list[int], spread: float = 0.8, seed: int = 0, dimensions: int = 32):
    """Owners and unit vectors of so many people."""
    random = np.random.default_rng(seed)
    sizes = [photos] * count if isinstance(photos, int) else photos
    owners = np.repeat(np.arange(count) * 10 + 3, sizes)
    centres = np.repeat(random.normal(size=(count, dimensions)), sizes, axis=0)
    vectors = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    noise = random.normal(size=vectors.shape)
    vectors = vectors + spread * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return owners, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def angle(degrees: float) -> list[float]:
    return [np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]


def test_scores_are_those_of_the_serving_gallery():
    owners, vectors = people(12, [1, 2, 3, 1, 5, 2, 2, 1, 4, 3, 2, 2])
    probes = people(12, 1, seed=4)[1]
    scores = Enrolled.of(owners, vectors).scores(probes)
    gallery = Gallery.from_arrays(32, "m", owners, vectors)
    for row, matches in zip(scores, gallery.search(probes, 12), strict=True):
        served = {match.identity_id: match.score for match in matches}
        np.testing.assert_allclose(row, [served[name] for name in np.unique(owners)], atol=2e-4)


def test_leave_one_out_against_a_slow_loop():
    owners, vectors = people(9, [1, 2, 3, 4, 2, 1, 6, 2, 3], spread=1.5)
    order = np.random.default_rng(1).permutation(len(owners))
    gallery = Enrolled.of(owners[order], vectors[order])
    result = leave_one_out(gallery, keep=40)
    found, counts = result.searches, result.counts
    everybody = np.repeat(gallery.names, gallery.counts)
    impostor = []
    for i, owner in enumerate(everybody):
        others = np.arange(len(everybody)) != i
        reduced = Enrolled.of(everybody[others], gallery.vectors[others])
        row = dict(zip(reduced.names, reduced.scores(gallery.vectors[[i]])[0], strict=True))
        own = row.pop(owner, None)
        best = max(row, key=row.get)
        impostor += list(row.values())
        assert gallery.names[found.other[i]] == best
        assert found.best_other[i] == pytest.approx(row[best], abs=1e-6)
        assert found.second_other[i] == pytest.approx(sorted(row.values())[-2], abs=1e-6)
        if own is None:
            assert np.isnan(found.own[i])
            assert found.rank[i] == 0
        else:
            assert found.own[i] == pytest.approx(own, abs=1e-6)
            assert found.rank[i] == 1 + sum(score > own for score in row.values())
    np.testing.assert_allclose(np.sort(result.high), np.sort(impostor)[-40:], atol=1e-6)
    assert np.all(result.probe != result.other)
    assert counts.sum() == len(impostor)
    wanted = np.cumsum(score_counts(np.array(impostor, np.float32)))
    assert (
        np.abs(np.cumsum(counts) - wanted).max() <= 2
    )  # a score on the edge of a bin may fall to either side


def test_ranks_by_hand():
    # Three people on a circle at 0, 10 and 90 degrees; a second photo of the first lies nearer to the second person.
    owners = np.array([1, 2, 3])
    gallery = Enrolled.of(owners, np.array([angle(0), angle(10), angle(90)], np.float32))
    found = search(gallery, np.array([angle(8), angle(80), angle(40)], np.float32), np.array([1, 3, 4]))
    assert found.rank.tolist() == [2, 1, 0]
    assert found.rank_rate(1) == 0.5
    assert found.rank_rate(2) == 1
    assert found.own[0] == pytest.approx(np.cos(np.radians(8)))
    assert found.best_other[0] == pytest.approx(np.cos(np.radians(2)))
    assert found.best_other[2] == pytest.approx(np.cos(np.radians(30)))
    assert found.second_other[2] == pytest.approx(np.cos(np.radians(40)))
    # The first probe misses by rank, whatever the threshold; the second is found until 0.985.
    assert found.fnir(0.9) == 0.5
    assert found.fnir(0.99) == 1
    np.testing.assert_allclose(
        found.margins(0.9), [np.cos(np.radians(10)) - np.cos(np.radians(70))], atol=1e-6
    )


def test_open_set_points_need_enough_strangers():
    owners, vectors = people(40, 4)
    gallery = Enrolled.of(owners[::2], vectors[::2])
    mated = search(gallery, vectors[1::2], owners[1::2])
    strangers = search(gallery, people(300, 1, seed=9)[1], np.full(300, -1)).best_other
    one, three = open_set_points(strangers, mated)
    assert one.fpir == 0.01
    assert np.mean(strangers >= one.threshold) == pytest.approx(0.01)
    assert one.fnir == mated.fnir(one.threshold)
    assert three.fnir is None  # 0.003 needs a thousand
    assert open_set_points(strangers[:299], mated)[0].fnir is None


def test_open_set_curve_matches_the_rates():
    owners, vectors = people(30, 4)
    gallery = Enrolled.of(owners[::2], vectors[::2])
    mated = search(gallery, vectors[1::2], owners[1::2])
    strangers = search(gallery, people(100, 1, seed=9)[1], np.full(100, -1)).best_other
    curve = open_set_curve(strangers, mated, points=50)
    assert curve[0][1] == 1
    for threshold, fpir, fnir in curve[::7]:
        assert fpir == pytest.approx(np.mean(strangers >= threshold))
        assert fnir == pytest.approx(mated.fnir(threshold), abs=1e-9)
