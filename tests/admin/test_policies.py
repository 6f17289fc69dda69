"""Threshold policies in the admin: what they were measured on, a preview before one is put in force, rolling back."""

from __future__ import annotations

import numpy as np
import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from recognition.engine.measures.thresholds import Tail, score_counts
from recognition.services.recognition import recognise
from recognition.services.thresholds.changes import activate, store_policy
from recognition.services.thresholds.policies import active_policy
from tests.admin.conftest import said
from tests.fakes import person_jpeg
from tests.galleries import enrol_vectors

pytestmark = pytest.mark.django_db
LIST = "/admin/recognition/thresholdpolicy/"


def policy(**changes):
    values = {
        "verify_threshold": 0.6,
        "identify_threshold": 0.99,
        "margin": 0.1,
        "source": "forty colleagues",
    }
    return store_policy(values | changes)


@pytest.fixture
def stricter(ann):
    """A policy under which Ann would not have been recognised."""
    recognise.identify(person_jpeg(3, variant=5))
    return policy()


def roll_back() -> str:
    return reverse("admin:recognition_thresholdpolicy_roll_back")


def put_in_force(chosen) -> str:
    return reverse("admin:recognition_thresholdpolicy_put_in_force", args=[chosen.pk])


@pytest.mark.parametrize("name", ["thresholdpolicy", "modelversion"])
def test_a_new_site_lists_what_came_with_it(owner, name):
    page = owner.get(f"/admin/recognition/{name}/").content.decode()
    assert "in force" in page or "in use" in page
    assert "No results found" not in page


def test_the_preview_tells_what_would_change_and_changes_nothing(owner, stricter, ann):
    before = active_policy()
    shown = owner.get(put_in_force(stricter)).content.decode()
    assert "1 would change: 0 to a match, 1 to no match" in shown
    assert f"/admin/recognition/identity/{ann.pk}/change/" in shown
    assert "forty colleagues" in shown
    assert "although 1 of 1 matches would be lost" in shown
    assert "was not measured" in shown
    assert active_policy() == before


def test_the_time_of_the_preview_can_be_chosen(owner, stricter):
    assert "<strong>7 days</strong>" in owner.get(f"{put_in_force(stricter)}?days=7").content.decode()
    assert "<strong>30 days</strong>" in owner.get(f"{put_in_force(stricter)}?days=evil").content.decode()


def test_putting_in_force_counts_at_once_and_is_logged(owner, stricter):
    before = active_policy()
    response = owner.post(put_in_force(stricter), follow=True)
    assert said(response) == [f"Policy {stricter.pk} is in force from the next request on."]
    now = active_policy()
    assert (now, now.replaces, now.activated_by.username) == (stricter, before, "owner")
    assert recognise.identify(person_jpeg(3, variant=6)).faces[0].decision == "no_match"
    assert LogEntry.objects.get().object_id == str(stricter.pk)


def test_rolling_back_previews_too(owner, stricter):
    before = active_policy()
    activate(stricter)
    shown = owner.get(roll_back()).content.decode()
    assert f"Put policy {before.pk} in force?" in shown
    assert f'name="policy" value="{before.pk}"' in shown
    owner.post(roll_back(), {"policy": before.pk})
    assert active_policy() == before


def test_a_roll_back_sent_twice_does_not_go_there_and_back(owner, stricter):
    before = active_policy()
    activate(stricter)
    owner.post(roll_back(), {"policy": before.pk})
    response = owner.post(roll_back(), {"policy": before.pk}, follow=True)
    assert f"Policy {before.pk} is in force already." in said(response)
    assert active_policy() == before


@pytest.mark.parametrize("sent", [{}, {"policy": "evil"}, {"policy": "shown"}])
def test_only_what_was_shown_is_rolled_back_to(owner, stricter, sent):
    shown = active_policy()
    activate(stricter)
    later = activate(policy())
    response = owner.post(
        roll_back(), {name: shown.pk if v == "shown" else v for name, v in sent.items()}, follow=True
    )
    assert f"would now put policy {stricter.pk} in force" in " ".join(said(response))
    assert active_policy() == later
    assert not LogEntry.objects.exists()


def test_nothing_to_roll_back_to(owner):
    active_policy()
    response = owner.get(roll_back(), follow=True)
    assert said(response) == ["No other policy was in force before this one."]


def test_growth_is_shown(owner):
    scores = np.random.default_rng(0).normal(0, 0.1, 300_000).astype(np.float32)
    tail = Tail.from_counts(score_counts(scores), people=700)
    measured = policy(
        identify_threshold=tail.for_gallery(0.01, 10)[0], fpir=0.01, measurements={"tail": tail.as_dict()}
    )
    shown = owner.get(f"{LIST}{measured.pk}/change/").content.decode()
    assert "never lowered" in shown
    enrol_vectors(60, 1)
    shown = owner.get(f"{LIST}{measured.pk}/change/").content.decode()
    assert "60 enrolled" in shown
    assert "will be raised" in shown
    assert "its 1:N threshold is too low" in owner.get(put_in_force(measured)).content.decode()


def test_a_policy_of_the_other_view_is_warned_of(owner):
    other = policy(measurements={"mirrored": True})
    assert "measured with the mirrored view" in owner.get(put_in_force(other)).content.decode()


def test_what_it_was_measured_on_is_shown(owner):
    from recognition.services.thresholds import calibration

    enrol_vectors(40, 4)
    proposal = calibration.from_enrolled(calibration.Wish(fmr=1e-3, fpir=0.1, people=40))
    stored = store_policy(proposal.as_dict())
    shown = owner.get(f"{LIST}{stored.pk}/change/").content.decode()
    assert "240 / 12480" in shown.replace(",", "")
    assert "40 enrolled people, 160 photos" in shown


def test_a_policy_that_was_not_measured_says_so(owner):
    shown = owner.get(f"{LIST}{policy().pk}/change/").content.decode()
    assert "Nothing was kept." in shown
    assert "does not follow their number" in shown


def test_who_may(staff, colleague, outsider, stricter):
    for address in (put_in_force(stricter), roll_back()):
        assert colleague.get(address).status_code == 403
        assert colleague.post(address).status_code == 403
        assert outsider.get(address).status_code == 302
    before = active_policy()
    assert before != stricter
    allowed = staff("view_thresholdpolicy", "change_thresholdpolicy")
    shown = allowed.get(put_in_force(stricter)).content.decode()
    assert "1 would change" in shown
    assert "/admin/recognition/identity/" not in shown.split("id-panel")[1]  # without the right to see people
    allowed.post(put_in_force(stricter))
    assert active_policy() == stricter


def test_a_policy_cannot_be_edited_or_deleted(owner, stricter):
    owner.post(f"{LIST}{stricter.pk}/change/", {"margin": "0"})
    stricter.refresh_from_db()
    assert stricter.margin == 0.1
    assert owner.post(f"{LIST}{stricter.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_unknown_policy(owner):
    assert owner.get(reverse("admin:recognition_thresholdpolicy_put_in_force", args=[999])).status_code == 404
