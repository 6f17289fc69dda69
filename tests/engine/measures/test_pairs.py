"""Pairs: the LFW format, and pairs drawn from labelled photos."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.engine.measures.pairs import (
    NamedPair,
    PairsError,
    balanced,
    genuine_pairs,
    impostor_pairs,
    pair_scores,
    people_folds,
    read_pairs,
)

OWNERS = np.array([7, 7, 3, 7, 3, 9])


def write(tmp_path, text: str):
    path = tmp_path / "pairs.txt"
    path.write_text(text)
    return path


def test_lfw_format_with_folds(tmp_path):
    path = write(tmp_path, "2\t1\nAnn\t1\t2\nAnn\t1\tBob\t3\nCid\t4\t5\nCid 4 Dan 1\n")
    assert read_pairs(path) == [
        NamedPair(("Ann", 1), ("Ann", 2), 0),
        NamedPair(("Ann", 1), ("Bob", 3), 0),
        NamedPair(("Cid", 4), ("Cid", 5), 1),
        NamedPair(("Cid", 4), ("Dan", 1), 1),
    ]


def test_folds_are_inferred_without_a_first_line(tmp_path):
    path = write(tmp_path, "A 1 2\nB 1 2\nA 1 B 1\nB 1 C 2\n\nC 1 2\nD 1 2\nC 1 D 1\n")
    assert [pair.fold for pair in read_pairs(path)] == [0, 0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no pairs"),
        ("10 300\n", "no pairs"),
        ("Ann 1\tx\n", "line 1"),
        ("2 1\nAnn 1 2\nAnn 1 Bob\n", "line 3"),
        ("Ann 1 2\nAnn 1 Ann 2\n", "line 2"),
        ("Ann 1 2 Bob 1\n", "line 1"),
    ],
)
def test_a_bad_file_is_refused_with_the_line(tmp_path, text, message):
    with pytest.raises(PairsError, match=message):
        read_pairs(write(tmp_path, text))


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(PairsError, match="cannot be read"):
        read_pairs(path)
    with pytest.raises(PairsError, match="cannot be read"):
        read_pairs(tmp_path / "none.txt")


def test_all_genuine_pairs():
    a, b = genuine_pairs(OWNERS)
    assert {frozenset(pair) for pair in zip(a.tolist(), b.tolist(), strict=True)} == {
        frozenset(pair) for pair in [(0, 1), (0, 3), (1, 3), (2, 4)]
    }


def test_genuine_pairs_can_be_limited():
    a, b = genuine_pairs(np.zeros(100, int), limit=50)
    assert len(set(zip(a.tolist(), b.tolist(), strict=True))) == 50


def test_no_genuine_pairs_when_everybody_has_one_photo():
    a, b = genuine_pairs(np.arange(5))
    assert len(a) == len(b) == 0


def test_all_impostor_pairs_when_they_are_few():
    a, b = impostor_pairs(OWNERS)
    assert len(a) == 15 - 4
    assert np.all(OWNERS[a] != OWNERS[b])
    assert len({frozenset(pair) for pair in zip(a.tolist(), b.tolist(), strict=True)}) == 11


def test_impostor_pairs_are_drawn_without_repetition():
    owners = np.repeat(np.arange(100), 5)
    a, b = impostor_pairs(owners, limit=20_000)
    assert len(a) == 20_000
    assert np.all(owners[a] != owners[b])
    assert len(set(zip(a.tolist(), b.tolist(), strict=True))) == 20_000
    again = impostor_pairs(owners, limit=20_000)
    np.testing.assert_array_equal(a, again[0])
    # Every photo is drawn about as often as any other.
    assert np.bincount(np.r_[a, b], minlength=500).min() > 40


def test_pair_scores_are_inner_products():
    vectors = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    a, b = impostor_pairs(np.arange(300), limit=100_000)
    np.testing.assert_allclose(pair_scores(vectors, a, b), (vectors @ vectors.T)[a, b], rtol=1e-4, atol=1e-5)


def test_no_person_is_in_two_folds():
    owners = np.repeat(np.arange(30), 3)
    a, b = impostor_pairs(owners)
    folds = people_folds(owners, a, b, 10)
    inside = folds >= 0
    assert 0 < inside.sum() < len(folds)
    seen: dict[int, int] = {}
    for x, y, fold in zip(owners[a[inside]], owners[b[inside]], folds[inside], strict=True):
        assert seen.setdefault(x, fold) == fold
        assert seen.setdefault(y, fold) == fold
    g1, g2 = genuine_pairs(owners)
    assert np.all(people_folds(owners, g1, g2, 10) >= 0)


def test_balanced_keeps_as_many_of_each_kind():
    genuine = np.array([True] * 3 + [False] * 10 + [True] * 5 + [False] * 2)
    folds = np.array([0] * 13 + [1] * 6 + [-1])
    keep = balanced(genuine, folds)
    for fold, size in ((0, 3), (1, 1)):
        assert keep[(folds == fold) & genuine].sum() == size
        assert keep[(folds == fold) & ~genuine].sum() == size
    assert not keep[-1]
