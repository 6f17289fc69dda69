"""Whose face is kept: strangers' alone, seen by a kiosk or camera, clearly, and clearly nobody who is known."""

from __future__ import annotations

import logging

import pytest
from django.db import connection

from recognition.engine.images import decode
from recognition.models import Appearance, DataKey, Decision, ThresholdPolicy
from recognition.sealing import is_sealed
from recognition.services import queue
from recognition.services.recognition import (
    Asker,
    drop_decisions,
    identify,
    record_refusal,
    strangers,
    verify_identity,
)
from tests.fakes import person_jpeg, person_vector

pytestmark = pytest.mark.django_db


def test_nothing_is_kept_by_default(shown, settings):
    settings.KEEP_VISITORS_DAYS = 0
    shown(9)
    assert not Appearance.objects.exists()
    assert not DataKey.objects.exists()


def test_a_stranger_at_a_kiosk(shown, monkeypatch):
    sent = []
    monkeypatch.setattr(queue, "enqueue_again", lambda *task: sent.append(task))
    decision = shown(9)
    row = Appearance.objects.get()
    assert (row.decision, row.visitor, row.at) == (decision, None, decision.created_at)
    assert row.model_version == decision.model_version
    assert float(row.vector @ person_vector(9)) > 0.9
    assert decode(row.crop).shape == (112, 112, 3)
    assert sent == [(queue.GATHER_VISITORS,)]


def test_a_stranger_before_a_camera(filmed):
    decision = filmed(9)
    assert Appearance.objects.get().decision == decision
    assert decision.camera.name == "yard"


def test_everything_is_sealed_with_a_key_of_its_own(shown):
    shown(9)
    shown(8)
    first, second = Appearance.objects.all()
    assert first.key_id != second.key_id
    assert DataKey.objects.filter(identity=None).count() == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT vector, crop, picture FROM recognition_appearance")
        assert all(is_sealed(bytes(sealed)) for row in cursor.fetchall() for sealed in row)
    with pytest.raises(TypeError):
        Appearance.objects.update(crop=b"in the clear")


def test_only_what_is_around_the_face(shown):
    """Of two strangers each has a picture without the other."""
    shown(9, 8)
    widths = {decode(row.picture).shape[1] for row in Appearance.objects.all()}
    assert len(Appearance.objects.all()) == 2
    assert max(widths) < 500


class TestWhoIsNot:
    def test_somebody_who_is_known(self, shown, enrol):
        enrol(1)
        shown(1, variant=3)
        assert Decision.objects.get().outcome == Decision.Outcome.MATCH
        assert not Appearance.objects.exists()

    def test_beside_somebody_who_is_known(self, shown, enrol):
        enrol(1)
        shown(1, 9, variant=3)
        assert Appearance.objects.get().decision.outcome == Decision.Outcome.NO_MATCH

    @pytest.mark.parametrize(("threshold", "kept"), [(0.98, False), (0.5, True)])
    def test_somebody_who_is_nearly_known(self, shown, enrol, threshold, kept):
        """The best score is about 0.9 with oneself and 0 with others; the margin is 0.1."""
        enrol(1)
        ThresholdPolicy.objects.update(identify_threshold=threshold)
        shown(1 if threshold > 0.9 else 9, variant=3)
        decision = Decision.objects.get()
        assert decision.reason == "not_recognised"
        assert Appearance.objects.exists() is kept

    def test_nearly_is_within_the_margin(self):
        policy = ThresholdPolicy(identify_threshold=0.5, margin=0.07)
        assert strangers.clearly_below(0.42, policy)
        assert not strangers.clearly_below(0.44, policy)

    def test_one_of_two_who_look_alike(self, shown, enrol):
        enrol(1)
        enrol(2)
        ThresholdPolicy.objects.update(margin=1.5)
        shown(1, variant=3)
        assert Decision.objects.get().reason == "ambiguous"
        assert not Appearance.objects.exists()

    @pytest.mark.parametrize("how", [{"size": 50}, {"blurred": True}, {"turned": True}, {"dark": True}])
    def test_a_face_that_would_be_no_enrolment_photo(self, shown, how):
        shown(9, **how)
        assert not Appearance.objects.exists()

    def test_whoever_signs_in_by_face_and_whom_staff_try(self, admin_user):
        identify(person_jpeg(9), asker=Asker(kind=Decision.Kind.LOGIN))
        identify(person_jpeg(9), asker=Asker(user_id=admin_user.pk))
        assert Decision.objects.count() == 2
        assert not Appearance.objects.exists()

    def test_who_claims_to_be_somebody(self, door, enrol):
        verify_identity(person_jpeg(9), identity=enrol(1), asker=Asker(kind="verify", api_key=door))
        assert not Appearance.objects.exists()

    def test_a_picture_of_a_picture(self, door):
        record_refusal(asker=Asker(api_key=door), reason="not_live", liveness={"state": "failed"})
        assert not Appearance.objects.exists()


def test_what_goes_wrong_is_not_told_to_who_asks(shown, monkeypatch, caplog):
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(strangers, "encode_jpeg", full)
    with caplog.at_level(logging.ERROR):
        assert shown(9).outcome == Decision.Outcome.NO_MATCH
    assert "could not be kept" in caplog.text
    assert not Appearance.objects.exists()
    assert not DataKey.objects.exists()


def test_goes_with_its_decision(shown):
    shown(9)
    drop_decisions(Decision.objects.all())
    assert not Appearance.objects.exists()
    assert not DataKey.objects.exists()
