"""Choosing thresholds in the browser, from the wish in words to the policy that is put in force."""

from __future__ import annotations

import pytest
from django.urls import reverse

from recognition.models import Calibration, Identity, ThresholdPolicy
from recognition.services.identities import people
from recognition.services.thresholds import run_calibration
from recognition.services.thresholds.policies import active_policy
from tests.digests import without_digests
from tests.galleries import enrol_vectors

pytestmark = pytest.mark.django_db

ASK = "/admin/recognition/thresholdpolicy/calibrate/"
WISH = {"strangers": "100", "claims": "1000", "people": "10"}


def ask(client, **changes: str) -> Calibration:
    answer = client.post(ASK, WISH | changes)
    assert answer.status_code == 302, answer.content.decode()
    run = Calibration.objects.latest("id")
    assert answer["Location"] == page_of(run)
    return run


def page_of(run: Calibration) -> str:
    return reverse("admin:recognition_thresholdpolicy_calibration", args=[run.pk])


def done(run: Calibration) -> Calibration:
    run_calibration(run.pk)
    run.refresh_from_db()
    return run


def test_from_a_wish_in_words_to_a_policy(owner):
    enrol_vectors(40, 4)
    assert "all 40 active people" in owner.get(ASK).text
    run = ask(owner)
    shown = owner.get(page_of(run)).text
    assert "Waiting for a worker" in shown
    assert "data-renew" in shown
    before = active_policy()
    policy = done(run).policy
    assert (policy.fmr, policy.fpir, policy.active) == (1e-3, 1e-2, False)
    assert policy.measurements["identify"]["people"] == 10
    assert policy.created_by.username == "owner"
    assert active_policy() == before
    preview = owner.get(page_of(run), follow=True).text
    assert f"Put policy {policy.pk} in force?" in preview
    assert "one in 1,000" in preview
    assert "not measured" in preview  # the one that came with the model
    answer = owner.post(reverse("admin:recognition_thresholdpolicy_put_in_force", args=[policy.pk]))
    assert answer.status_code == 302
    assert active_policy() == policy


def test_the_page_of_a_policy_says_how_often_it_errs(owner):
    enrol_vectors(40, 4)
    policy = done(ask(owner)).policy
    shown = owner.get(f"/admin/recognition/thresholdpolicy/{policy.pk}/change/").text
    assert (
        "People who say that they are somebody else and are believed: <strong>one in 1,000</strong>" in shown
    )
    assert "none of those measured" in shown
    made = ThresholdPolicy.objects.exclude(pk=policy.pk).first()
    assert "calibrate" in owner.get(f"/admin/recognition/thresholdpolicy/{made.pk}/change/").text


def test_a_looser_one_than_is_advised_for_signing_in_says_so(owner):
    enrol_vectors(40, 4)
    run = done(ask(owner))
    assert "one in 10,000 is the most" in owner.get(page_of(run), follow=True).text


def test_what_cannot_be_measured_is_refused_with_what_can(owner):
    enrol_vectors(40, 4)
    run = done(ask(owner, claims="100000"))
    assert run.state == "failed"
    assert "40 people are too few" in owner.get(page_of(run)).text
    assert '<option value="100000" selected>' in owner.get(ASK).text
    assert done(ask(owner, claims="100000", beyond="on")).policy is not None


class TestTwoWhoLookLikeOne:
    @pytest.fixture
    def run(self, owner) -> Calibration:
        enrol_vectors(40, 4)
        first, second = (people.get_identity(f"V{n}").embeddings.order_by("pk") for n in (0, 1))
        for mine, other in zip(first, second, strict=True):
            mine.vector = other.vector
            mine.save()
        return done(ask(owner))

    def test_they_are_named_and_nothing_comes_of_it(self, owner, run):
        assert (run.state, run.policy) == ("failed", None)
        shown = owner.get(page_of(run)).text
        for external_id in ("V0", "V1"):
            person = people.get_identity(external_id)
            assert (
                f'<a class="id-link" href="/admin/recognition/identity/{person.pk}/change/">{person}</a>'
                in shown
            )
        assert "look like one person each" in shown

    def test_their_names_are_not_kept(self, owner, run):
        people.update_identity(people.get_identity("V0"), name="Somebody Unmistakable")
        assert "Somebody Unmistakable" in owner.get(page_of(run)).text
        assert "Unmistakable" not in run.message
        Identity.objects.filter(external_id="V0").delete()
        shown = without_digests(owner.get(page_of(run)).text)
        assert "somebody who was erased" in shown

    def test_twins_are_counted_when_said_so(self, owner, run):
        assert done(ask(owner, twins="on")).policy is not None


@pytest.mark.parametrize(
    "wrong", [{"strangers": "7"}, {"claims": ""}, {"people": "0"}, {"people": "x"}, {"people": "1000000000"}]
)
def test_a_wish_that_is_none_is_asked_again(owner, wrong):
    answer = owner.post(ASK, WISH | wrong)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text
    assert not Calibration.objects.exists()


def test_one_at_a_time(owner):
    enrol_vectors(4, 2)
    ask(owner)
    assert "Another calibration is under way" in owner.post(ASK, WISH).text
    assert Calibration.objects.count() == 1


def test_only_for_who_may_add_policies(owner, staff, client):
    enrol_vectors(4, 2)
    run = ask(owner)
    for other in (staff(), client):
        for page in (ASK, page_of(run)):
            assert other.get(page).status_code in (302, 403)
        assert other.post(ASK, WISH).status_code in (302, 403)
    assert Calibration.objects.count() == 1
