"""The evaluation of the enrolled people in the admin, from asking to the curves."""

from __future__ import annotations

import pytest

from recognition.models import Evaluation
from recognition.services import queue
from recognition.services.evaluation.runs import run_evaluation
from recognition.services.identities import erasure, people
from recognition.services.thresholds.changes import activate, store_policy
from tests.admin.conftest import said
from tests.galleries import enrol_vectors

pytestmark = pytest.mark.django_db
LIST = "/admin/recognition/evaluation/"
MEASURE = f"{LIST}measure/"


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    sent = []
    monkeypatch.setattr(queue, "enqueue", lambda *call: sent.append(call))
    return sent


@pytest.fixture
def done(db):
    from recognition.services.evaluation.runs import request_evaluation

    enrol_vectors(8, 3, spread=0.5)
    run = request_evaluation()
    run_evaluation(run.pk)
    return Evaluation.objects.get(pk=run.pk)


def page(run: Evaluation) -> str:
    return f"{LIST}{run.pk}/change/"


def test_asking_leads_to_a_page_that_waits(owner, sent):
    assert "Measure now" in owner.get(MEASURE).content.decode()
    assert not Evaluation.objects.exists()
    response = owner.post(MEASURE)
    run = Evaluation.objects.get()
    assert response.url == page(run)
    assert sent == [(queue.EVALUATE, run.pk)]
    assert run.created_by.username == "owner"
    shown = owner.get(page(run)).content.decode()
    assert "data-renew" in shown
    assert "Waiting for a worker" in shown


def test_progress_is_shown(owner):
    run = Evaluation.objects.create(state=Evaluation.State.RUNNING, progress=42)
    assert 'value="42"' in owner.get(page(run)).content.decode()


def test_asking_twice_is_told(owner):
    owner.post(MEASURE)
    response = owner.post(MEASURE, follow=True)
    assert said(response) == ["Another evaluation is under way. Wait until it is done."]
    assert Evaluation.objects.count() == 1


def test_figures_curves_and_confusable_people_with_links(owner, done):
    shown = owner.get(page(done)).content.decode()
    assert "data-renew" not in shown
    plain, _, terms = shown.partition("All figures, in the terms of the field")
    assert "Somebody else is taken for them: <strong>" in plain
    assert "FNMR" not in plain
    assert "FNMR" in terms
    assert "refresh" not in shown.split("</head>")[0].split("<title>")[1]
    assert shown.count("data:image/svg+xml;base64,") == 3
    assert "at the 1:1 threshold in force</th><td>0.500: FMR" in shown
    assert "too few impostor pairs" in shown
    first = done.figures["identification"]["confusable"][0]["first"]
    assert f"/admin/recognition/identity/{first}/change/" in shown
    assert "Another policy is in force" not in shown


def test_erased_people_are_not_named(owner, done):
    for number in range(8):
        erasure.erase(people.get_identity(f"V{number}"))
    shown = owner.get(page(done)).content.decode()
    assert "None of them is enrolled any more" in shown
    assert "Person 3" not in shown


def test_a_later_policy_is_pointed_out(owner, done):
    activate(
        store_policy({"verify_threshold": 0.6, "identify_threshold": 0.6, "margin": 0.1, "source": "a test"})
    )
    assert "Another policy is in force now" in owner.get(page(done)).content.decode()


def test_a_failed_run_says_why(owner):
    run = Evaluation.objects.create(state=Evaluation.State.FAILED, message="Only one person has a photo.")
    assert "Only one person has a photo." in owner.get(page(run)).content.decode()


def test_the_list_does_not_load_the_figures(owner, done, django_assert_max_num_queries):
    with django_assert_max_num_queries(20) as queries:
        assert f"evaluation {done.pk}" in owner.get(LIST).content.decode()
    assert not any('"figures"' in query["sql"] for query in queries.captured_queries)


def test_who_may(staff, outsider, done, sent):
    looker = staff("view_evaluation")
    assert looker.get(LIST).status_code == 200
    assert looker.get(page(done)).status_code == 200
    assert looker.post(MEASURE).status_code == 403
    assert staff("view_identity").get(page(done)).status_code == 403
    assert outsider.get(page(done)).status_code == 302
    assert staff("view_evaluation", "add_evaluation").post(MEASURE).status_code == 302


def test_an_unknown_run(owner):
    assert owner.get(f"{LIST}999/change/").status_code == 404
    assert owner.get(f"{LIST}abc/change/").status_code == 404
