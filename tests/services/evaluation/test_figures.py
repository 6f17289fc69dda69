"""The document of an evaluation, from vectors alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from recognition.engine.measures.pairs import genuine_pairs, impostor_pairs
from recognition.services.errors import Invalid
from recognition.services.evaluation import figures
from tests.galleries import labelled_vectors


def test_figures_of_people_who_are_easily_told_apart():
    owners, vectors = labelled_vectors(20, 4, spread=0.5)
    found = figures.figures_of(owners, vectors, in_force=figures.InForce(0.5, 0.4))
    verification = found["verification"]
    assert verification["genuine_pairs"] == 20 * 6
    assert verification["impostor_pairs"] == 190 * 16
    assert verification["auc"] == 1
    assert verification["eer"] == 0
    assert verification["accuracy"]["mean"] == 1
    assert verification["in_force"] == {"threshold": 0.5, "fmr": 0, "fnmr": 0}
    assert [point["tpr"] for point in verification["points"][:3]] == [1, 1, 1]
    assert [point["tpr"] for point in verification["points"][3:]] == [None] * 3
    assert sum(verification["histogram"]["genuine"]) == 120
    identification = found["identification"]
    assert identification["leave_one_out"] == {"probes": 80, "people": 20, "rank_1": 1, "rank_5": 1}
    assert identification["closed"] == {"probes": 40, "people": 20, "rank_1": 1, "rank_5": 1}
    assert identification["open"]["people"] == 10
    assert identification["open"]["mated"] == 20
    assert identification["open"]["strangers"] == 40
    assert [point["fnir"] for point in identification["open"]["points"]] == [None, None]
    assert identification["in_force"]["fpir"] == 0
    assert identification["in_force"]["fnir"] == 0
    json.dumps(found, allow_nan=False)


def test_auc_agrees_with_scikit_learn_on_all_pairs():
    owners, vectors = labelled_vectors(30, 3, spread=3.0)
    found = figures.figures_of(owners, vectors)["verification"]
    a, b = genuine_pairs(owners), impostor_pairs(owners)
    scores = np.concatenate([np.sum(vectors[x] * vectors[y], axis=1) for x, y in (a, b)])
    assert 0.5 < found["auc"] < 1
    assert found["auc"] == pytest.approx(roc_auc_score(np.arange(len(scores)) < len(a[0]), scores), abs=1e-6)


def test_closed_and_open_set_by_hand():
    # Two people with two photos at right angles and a third person with one photo between them.
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0.8, 0.6]], np.float32)
    owners = np.array([5, 5, 6, 6, 7])
    assert figures.closed_set(owners, vectors) == {"probes": 2, "people": 2, "rank_1": 1, "rank_5": 1}
    found = figures.open_set(owners, vectors)
    assert (found["people"], found["mated"], found["strangers"]) == (1, 1, 3)
    fpir = {round(threshold, 6): rate for threshold, rate, _ in found["curve"]}
    assert fpir[0.0] == 1
    assert min(fpir.values()) == 0


def test_confusable_names_each_pair_once():
    owners, vectors = labelled_vectors(8, 3, spread=0.3)
    vectors[owners == 5] = vectors[owners == 2]
    found = figures.figures_of(owners + 100, vectors)["identification"]["confusable"]
    assert (found[0]["first"], found[0]["second"]) == (102, 105)
    assert found[0]["score"] > 0.9
    assert len({(pair["first"], pair["second"]) for pair in found}) == len(found)
    assert all(pair["first"] < pair["second"] for pair in found)


def test_groups_are_measured_inside_themselves():
    owners, vectors = labelled_vectors(10, 3, spread=0.5)
    # In the second group everybody looks alike.
    vectors[owners >= 5] = vectors[owners == 5][0]
    groups = {person: "first" if person < 5 else "second" for person in range(9)}
    first, second = figures.group_figures(owners, vectors, groups, threshold=0.5)
    assert (first["group"], first["people"], first["photos"]) == ("first", 5, 15)
    assert (first["genuine_pairs"], first["impostor_pairs"]) == (15, 90)
    assert (first["fmr"], first["fnmr"]) == (0, 0)
    assert (second["people"], second["fmr"], second["fnmr"]) == (4, 1, 0)
    assert second["eer"] == pytest.approx(0.5)


def test_the_group_that_is_turned_away_most_comes_first_with_an_interval():
    owners, vectors = labelled_vectors(60, 3, spread=0.5)
    unlike = np.flatnonzero(owners >= 30)[::6]
    vectors[unlike] = -vectors[unlike]
    groups = {person: "alike" if person < 30 else "unlike" for person in range(60)} | {59: "one"}
    worst, best, one = figures.group_figures(owners, vectors, groups, threshold=0.3)
    assert [row["group"] for row in (worst, best)] == ["unlike", "alike"]
    low, high = worst["interval"]
    assert 0 < low < worst["fnmr"] < high < 1
    assert best["interval"] == (0, 0)
    assert [row["few"] for row in (worst, best, one)] == [False, False, True]
    assert one["fmr"] is None


def test_named_pairs_without_a_face_count_as_no_match():
    found = figures.named_pair_figures(
        [0.9, None, 0.1, None, 0.8, 0.2], [True, True, False, False, True, False], [0, 0, 0, 0, 1, 1],
        figures.InForce(0.5, 0.5),
    )  # fmt: skip
    assert found["without_score"] == 2
    assert found["in_force"]["fnmr"] == pytest.approx(1 / 3)
    assert found["in_force"]["fmr"] == 0
    assert found["accuracy"]["folds"] == 2


@pytest.mark.parametrize(
    ("people", "photos", "code"), [(1, 3, "one_person"), (5, 1, "no_genuine_pairs"), (0, 1, "one_person")]
)
def test_too_little_is_refused(people, photos, code):
    owners, vectors = labelled_vectors(people, photos)
    with pytest.raises(Invalid) as error:
        figures.figures_of(owners, vectors)
    assert error.value.code == code
