"""The list of decisions and one decision in detail."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings
from django.utils import timezone

from recognition.models import Decision, ProbePicture
from recognition.services import attendance, keys
from recognition.services.identities import people
from recognition.services.recognition import answers, recognise
from tests.admin.conftest import person
from tests.fakes import person_jpeg

LIST = "/admin/recognition/decision/"


@pytest.fixture
def decisions(ann) -> None:
    person("Ben", 5)
    key, _ = keys.issue_key(name="Front door", scopes=["identify"])
    recognise.identify(person_jpeg(3, variant=2), asker=answers.Asker(api_key=key))
    recognise.identify(person_jpeg(9, variant=2))
    recognise.identify(person_jpeg(3, size=30))
    recognise.verify_identity(person_jpeg(3, variant=4), identity=ann)


def outcomes(response) -> list[tuple[str, str]]:
    return [(d.kind, d.outcome) for d in response.context["cl"].result_list]


def test_newest_first(owner, decisions):
    assert outcomes(owner.get(LIST)) == [
        ("verify", "match"),
        ("identify", "rejected"),
        ("identify", "no_match"),
        ("identify", "match"),
    ]
    page = owner.get(LIST).text
    assert "Front door" in page
    assert "By day" in page


def test_filters(owner, decisions, ann):
    assert outcomes(owner.get(f"{LIST}?kind__exact=verify")) == [("verify", "match")]
    assert outcomes(owner.get(f"{LIST}?outcome__exact=rejected")) == [("identify", "rejected")]
    assert len(outcomes(owner.get(f"{LIST}?identity__id__exact={ann.pk}"))) == 2
    old = Decision.objects.latest("id")
    Decision.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=10))
    day = (timezone.now() - timedelta(days=5)).strftime("%Y-%m-%d")
    assert len(outcomes(owner.get(f"{LIST}?created_at_from={day}"))) == 3
    assert len(outcomes(owner.get(f"{LIST}?created_at_to={day}"))) == 1


def test_the_last_day_counts_in_full_and_days_are_written_as_here(owner, decisions):
    zone = ZoneInfo("Pacific/Auckland")
    Decision.objects.update(created_at=datetime(2026, 11, 5, 23, 30, tzinfo=zone))
    with override_settings(TIME_ZONE=zone.key):
        for day in ("2026-11-05", "05/11/2026"):
            assert len(outcomes(owner.get(f"{LIST}?created_at_from={day}&created_at_to={day}"))) == 4
        assert outcomes(owner.get(f"{LIST}?created_at_to=2026-11-04")) == []
        assert outcomes(owner.get(f"{LIST}?created_at_from=2026-11-06")) == []


@pytest.mark.parametrize("day", ["x", "31/02/2026", "9999-12-31", "0001-01-01", "2026-11-05T10:00"])
def test_days_that_make_no_sense(owner, decisions, day):
    assert owner.get(f"{LIST}?created_at_from={day}&created_at_to={day}").status_code == 200


@pytest.mark.parametrize(
    "query", ["identity__id__exact=x", "created_at_from=x", "kind__exact=x", "nonsense=1"]
)
def test_filters_that_make_no_sense(owner, decisions, query):
    assert owner.get(f"{LIST}?{query}", follow=True).status_code == 200


def test_queries_do_not_grow(owner, decisions, django_assert_num_queries):
    owner.get(LIST)
    with django_assert_num_queries(4):  # session, user, rows, attendance
        owner.get(LIST)
    for variant in range(3, 8):
        recognise.identify(person_jpeg(5, variant=variant))
    with django_assert_num_queries(4):
        assert len(outcomes(owner.get(LIST))) == 9


def test_candidates_by_name(owner, decisions, ann):
    decision = Decision.objects.filter(kind="identify", outcome="match").get()
    page = owner.get(f"{LIST}{decision.pk}/change/").text
    assert "Ann" in page
    assert "Ben" in page
    assert f"{decision.candidates[1]['score']:.3f}" in page
    assert "To be recognised, a face has to reach 0.500 and lead by 0.100." in page


def test_what_the_account_may_not_open_is_no_link(staff, decisions, ann):
    clerk = staff("view_decision")
    match = Decision.objects.filter(outcome="match").first()
    ProbePicture.objects.create(probe=match.probe, image="probes/none.jpg")
    page = clerk.get(f"/admin/recognition/decision/{match.pk}/change/").text
    assert ann.name in page
    assert f"/admin/recognition/identity/{ann.pk}/change/" not in page
    assert "The picture was kept. Your account may not see it." in page
    assert "/photos/probes/" not in page


def test_an_erased_candidate(owner, decisions, ann):
    decision = Decision.objects.filter(kind="identify", outcome="match").get()
    Decision.objects.filter(pk=decision.pk).update(candidates=[{"identity": 987654, "score": 0.4}])
    assert "erased meanwhile" in owner.get(f"{LIST}{decision.pk}/change/").text


def test_why_not(owner, decisions):
    decision = Decision.objects.get(outcome="no_match")
    assert (
        "Nobody who may be recognised is similar enough. Suspended people are not looked for."
        in owner.get(f"{LIST}{decision.pk}/change/").text
    )
    rejected = Decision.objects.get(outcome="rejected")
    assert "The face is too small." in owner.get(f"{LIST}{rejected.pk}/change/").text


@pytest.mark.parametrize("model", ["decision", "gallerybuild", "thresholdpolicy", "modelversion"])
def test_nothing_here_can_be_written_even_by_the_owner(owner, decisions, model):
    pk = Decision.objects.latest("id").pk
    assert owner.get(f"/admin/recognition/{model}/add/").status_code == 403
    assert owner.post(f"/admin/recognition/{model}/{pk}/delete/", {"post": "yes"}).status_code in (302, 403)
    assert Decision.objects.count() == 4


def test_suspended_people_keep_their_name_here(owner, decisions, ann):
    people.suspend(ann)
    assert "Ann" in owner.get(LIST).text


def labels(response) -> list[str]:
    """What happened, as the list says it."""
    admin = response.context["cl"].model_admin
    return [str(admin.happened(row)) for row in response.context["cl"].result_list]


def test_what_happened_where_and_how_sure(owner, decisions):
    page = owner.get(LIST)
    assert labels(page) == ["confirmed", "not looked for", "not recognised", "recognised"]
    assert "Clearly alike: 0." in page.text
    assert "The face is too small." in page.text
    assert "0.50 is needed" in page.text


def test_attendance_is_told_with_its_place_and_time(owner, ann):
    door = keys.add_kiosk(name="Front door", place="Main entrance")[0]
    attendance.read(
        person_jpeg(3, variant=2), asker=answers.Asker(api_key=door), read=uuid4(), age=timedelta(hours=2)
    )
    keys.change_kiosk(door, place="Elsewhere")
    page = owner.get(LIST)
    assert labels(page) == ["came"]
    assert "Main entrance" in page.text
    assert "Elsewhere" not in page.text
    taken = timezone.localtime(timezone.now() - timedelta(hours=2))
    assert f"{taken:%-d %b %Y, %H:}" in page.text
    assert outcomes(owner.get(f"{LIST}?attended=in")) == [("identify", "match")]
    assert outcomes(owner.get(f"{LIST}?attended=out")) == outcomes(owner.get(f"{LIST}?attended=no")) == []
    assert len(outcomes(owner.get(f"{LIST}?api_key__id__exact={door.pk}"))) == 1
    assert len(outcomes(owner.get(f"{LIST}?q=elsewhere"))) == 1


def test_who_looks_like_two_people(owner, decisions):
    decision = Decision.objects.get(outcome="no_match")
    Decision.objects.filter(pk=decision.pk).update(reason="ambiguous", margin=0.02)
    page = owner.get(f"{LIST}{decision.pk}/change/").text
    assert "Two people are nearly equally alike: 0.02 apart, 0.10 is needed" in page


def test_the_kept_picture_stands_beside_the_candidates(owner, ann, settings):
    settings.KEEP_PROBES_DAYS = 1
    recognise.identify(person_jpeg(3, variant=2))
    decision = Decision.objects.get()
    page = owner.get(f"{LIST}{decision.pk}/change/").text
    assert f"/photos/probes/{decision.probe}" in page
    assert f"/photos/{ann.photos.get().pk}/crop" in page


def test_titles_are_in_words_and_local_time(owner, decisions):
    decision = Decision.objects.get(outcome="no_match")
    Decision.objects.filter(pk=decision.pk).update(
        created_at=datetime(2026, 3, 1, 23, 30, tzinfo=ZoneInfo("UTC"))
    )
    with override_settings(TIME_ZONE="Asia/Ho_Chi_Minh"):
        page = owner.get(f"{LIST}{decision.pk}/change/").text
    assert "identify, no match, 2 Mar 2026, 06:30:00" in page
