"""Past decisions under another policy."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from recognition.models import Decision, ModelVersion
from recognition.services.analysis.installed import active_model
from recognition.services.identities import people
from recognition.services.recognition import recognise
from recognition.services.thresholds.changes import store_policy
from recognition.services.thresholds.policies import active_policy
from recognition.services.thresholds.replays import replay
from tests.fakes import person_jpeg, wall_jpeg

pytestmark = pytest.mark.django_db
SINCE = timezone.now() - timedelta(days=3650)


def policy(**changes):
    values = {"verify_threshold": 0.5, "identify_threshold": 0.5, "margin": 0.1, "source": "a test"}
    return store_policy(values | changes)


def decided(**fields):
    """A decision as `recognise` writes it, by default an identification that matched with 0.6 and 0.2 ahead."""
    values = {
        "kind": "identify", "outcome": "match", "reason": "", "probe": uuid4(), "score": 0.6, "margin": 0.2,
        "policy": active_policy(), "model_version": active_model(),
    } | fields  # fmt: skip
    return Decision.objects.create(**values)


@pytest.fixture
def ann():
    return people.create_identity(name="Ann", external_id="A1")


def test_the_policy_that_decided_changes_nothing(enrol):
    """Real decisions of every kind, replayed under the policy they were made under."""
    ann, _ = enrol(1), enrol(2)
    for data in (person_jpeg(1, 2, variant=5), person_jpeg(9), wall_jpeg(), person_jpeg(1, size=30)):
        recognise.identify(data)
    recognise.verify_identity(person_jpeg(1, variant=7), identity=ann)
    recognise.verify_identity(person_jpeg(2, variant=7), identity=ann)
    recognise.verify_images(person_jpeg(1, variant=3), person_jpeg(1, variant=4))
    found = replay(active_policy(), SINCE)
    assert found.decisions == 8
    assert found.replayed == 6
    assert found.changed == 0


def test_stricter_thresholds_lose_matches(enrol):
    enrol(1)
    recognise.identify(person_jpeg(1, variant=5))
    found = replay(policy(identify_threshold=0.99), SINCE)
    assert (found.lost, found.gained) == (1, 0)
    assert found.people() == [
        {
            "identity": found.people()[0]["identity"],
            "external_id": "F1",
            "name": "Fake Person 1",
            "gained": 0,
            "lost": 1,
            "kinds": {"identify_lost": 1},
        }
    ]


def test_looser_thresholds_gain_for_the_best_candidate(ann):
    decided(
        outcome="no_match", reason="not_recognised", score=0.45,
        candidates=[{"identity": ann.pk, "score": 0.45}],
    )  # fmt: skip
    found = replay(policy(identify_threshold=0.4), SINCE)
    assert (found.gained, found.people()[0]["external_id"]) == (1, "A1")


def test_the_margin_decides_too(ann):
    decided(identity=ann)
    decided(outcome="no_match", reason="ambiguous", margin=0.05, kind="login")
    assert replay(policy(margin=0.3), SINCE).lost == 1
    assert replay(policy(margin=0.01), SINCE).gained == 1


def test_someone_alone_has_no_margin(ann):
    decided(identity=ann, margin=None)
    assert replay(policy(margin=1.0), SINCE).changed == 0


def test_verification_uses_its_own_threshold(ann):
    decided(kind="verify", identity=ann, score=0.55, margin=None)
    assert replay(policy(identify_threshold=0.9), SINCE).changed == 0
    found = replay(policy(verify_threshold=0.56), SINCE)
    assert found.people()[0]["kinds"] == {"verify_lost": 1}


def test_an_erased_best_candidate_is_nobody(ann):
    decided(
        outcome="no_match", reason="not_recognised", score=0.45, margin=0.2,
        candidates=[{"identity": ann.pk, "score": 0.25}],
    )  # fmt: skip
    found = replay(policy(identify_threshold=0.4), SINCE)
    assert found.people() == [
        {
            "identity": None, "external_id": None, "name": None, "gained": 1, "lost": 0,
            "kinds": {"identify_gained": 1},
        }
    ]  # fmt: skip


def test_what_thresholds_do_not_decide_stays():
    decided(outcome="rejected", reason="too_small", score=None)
    decided(outcome="no_match", reason="not_live", score=0.9)
    other = ModelVersion.objects.create(name="other", sha256="1" * 64, dimensions=512)
    decided(model_version=other)
    found = replay(policy(identify_threshold=-1, margin=0), SINCE)
    assert (found.decisions, found.replayed, found.changed) == (3, 0, 0)


def test_since(ann):
    old = decided(identity=ann)
    Decision.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=40))
    decided(identity=ann)
    assert replay(policy(), timezone.now() - timedelta(days=30)).decisions == 1
    assert replay(policy(), timezone.now() - timedelta(days=50)).decisions == 2
