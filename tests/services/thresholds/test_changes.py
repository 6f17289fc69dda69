"""Putting policies in force, rolling back, and following the number of people."""

from __future__ import annotations

import numpy as np
import pytest
from django.contrib.auth import get_user_model

from recognition.engine.measures.thresholds import Tail, score_counts
from recognition.models import ModelVersion, ThresholdPolicy
from recognition.services.analysis.installed import active_model
from recognition.services.errors import Conflict
from recognition.services.identities import erasure, people
from recognition.services.thresholds import changes as policy_changes
from recognition.services.thresholds.changes import activate, follow_growth, growth, roll_back, store_policy
from recognition.services.thresholds.policies import active_policy
from tests.galleries import enrol_vectors

pytestmark = pytest.mark.django_db


def values(**changes):
    return {
        "verify_threshold": 0.4, "identify_threshold": 0.35, "margin": 0.05,
        "fmr": 1e-4, "fpir": 0.01, "source": "a test", "measurements": {},
    } | changes  # fmt: skip


def measured(**changes):
    scores = np.random.default_rng(0).normal(0, 0.1, 300_000).astype(np.float32)
    tail = Tail.from_counts(score_counts(scores), people=700)
    threshold, _ = tail.for_gallery(0.01, 10)
    return values(identify_threshold=threshold, measurements={"tail": tail.as_dict()}, **changes)


def test_a_stored_policy_is_not_in_force():
    before = active_policy()
    user = get_user_model().objects.create_user("clerk")
    policy = store_policy(values(), user_id=user.pk)
    assert not policy.active
    assert policy.created_by == user
    assert active_policy() == before


def test_activation_is_seen_by_the_next_request_and_remembered():
    before = active_policy()
    user = get_user_model().objects.create_user("clerk")
    policy = activate(store_policy(values()), user_id=user.pk)
    assert active_policy() == policy
    assert (policy.activated_by, policy.replaces) == (user, before)
    assert policy.activated_at is not None
    assert ThresholdPolicy.objects.filter(active=True).count() == 1


def test_activating_again_changes_nothing():
    policy = activate(store_policy(values()))
    again = activate(policy)
    assert again.replaces == policy.replaces
    assert again.activated_at == policy.activated_at


def test_rolling_back_and_forth():
    first = active_policy()
    second = activate(store_policy(values()))
    assert roll_back() == first
    assert roll_back() == second


def test_nothing_to_roll_back_to():
    with pytest.raises(Conflict):
        roll_back()


def test_a_policy_of_another_model_is_refused():
    other = ModelVersion.objects.create(name="other", sha256="1" * 64, dimensions=512)
    active_policy()
    policy = store_policy(values(), version=other)
    with pytest.raises(Conflict, match="other"):
        activate(policy)


def test_growth_shows_what_the_threshold_lets_through():
    enrol_vectors(10, 1)
    policy = activate(store_policy(measured()))
    found = growth(policy)
    assert found.people == 10
    assert found.expected_fpir == pytest.approx(0.01, rel=0.02)
    assert not found.too_loose


def test_suspended_people_are_not_met():
    enrol_vectors(3, 2)
    identity = people.get_identity("V1")
    people.suspend(identity)
    assert policy_changes.enrolled_people(active_model()) == 2


def test_the_threshold_follows_growth_upwards():
    policy = activate(store_policy(measured()))
    enrol_vectors(60, 1)
    before = growth(policy)
    assert before.too_loose
    assert before.expected_fpir == pytest.approx(0.06, rel=0.1)
    raised = follow_growth()
    assert active_policy() == raised
    assert raised.replaces == policy
    assert raised.identify_threshold > before.needed > policy.identify_threshold
    assert raised.verify_threshold == policy.verify_threshold
    assert raised.measurements["raised_from"] == policy.pk
    assert raised.measurements["identify"]["people"] == 66
    assert raised.source == "a test (raised for 66 people)"
    assert growth(raised).expected_fpir <= 0.01
    # A second look has nothing to do, and a few more people fit.
    assert follow_growth() is None
    enrol_vectors(5, 1, seed=8)
    assert follow_growth() is None


def test_the_threshold_is_never_lowered():
    enrol_vectors(60, 1)
    activate(store_policy(measured()))
    raised = follow_growth()
    for number in range(50):
        erasure.erase(people.get_identity(f"V{number}"))
    assert growth(raised).needed < raised.identify_threshold
    assert follow_growth() is None
    assert active_policy() == raised


def test_a_policy_without_measurements_stays_and_says_so():
    enrol_vectors(60, 1)
    policy = activate(store_policy(values()))
    assert follow_growth() is None
    assert growth(policy).needed is None
    assert not growth(policy).too_loose
