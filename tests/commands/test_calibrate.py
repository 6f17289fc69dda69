"""`manage.py calibrate` and `manage.py replay`."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from recognition.models import ThresholdPolicy
from recognition.services.analysis.analyzer import use_analyzer
from recognition.services.recognition import recognise
from recognition.services.thresholds.changes import growth, store_policy
from recognition.services.thresholds.policies import active_policy
from tests.accounts.conftest import FakeAnalyzer
from tests.fakes import person_jpeg
from tests.galleries import enrol_vectors, people_folder

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: object) -> str:
    out = StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue()


def test_the_policy_is_stored_with_who_when_and_on_what():
    enrol_vectors(40, 4)
    user = User.objects.create_user("clerk")
    before = active_policy()
    said = run("calibrate", "--fmr", "1e-3", "--fpir", "0.1", "--user", "clerk")
    policy = ThresholdPolicy.objects.exclude(pk=before.pk).get()
    assert (policy.created_by, policy.source, policy.active) == (
        user,
        "40 enrolled people, 160 photos",
        False,
    )
    assert (policy.fmr, policy.fpir) == (1e-3, 0.1)
    assert policy.measurements["identify"]["people"] == 40
    assert policy.measurements["tail"]["people"] == 40
    assert active_policy() == before
    assert f"{policy.verify_threshold:.4f} for FMR 1.0e-03 (95 %:" in said
    assert f"replay --policy {policy.pk}" in said


def test_an_activated_policy_is_used_by_the_next_request(enrol):
    enrol(1)
    assert recognise.identify(person_jpeg(1, variant=5)).faces[0].decision == "match"
    enrol_vectors(40, 4)
    document = json.loads(run("calibrate", "--fmr", "1e-3", "--fpir", "0.1", "--activate", "--json"))
    policy = active_policy()
    assert (document["id"], document["active"]) == (policy.pk, True)
    answer = recognise.verify_images(person_jpeg(1, variant=5), person_jpeg(1, variant=6), record=False)
    assert answer.threshold == policy.verify_threshold


def test_a_dry_run_stores_nothing():
    enrol_vectors(40, 4)
    active_policy()
    assert "Nothing was stored" in run("calibrate", "--fmr", "1e-3", "--fpir", "0.1", "--dry-run")
    assert ThresholdPolicy.objects.count() == 1


def test_shipping_changes_the_manifest_alone(tmp_path):
    enrol_vectors(40, 4)
    manifest = {"models": [{"name": "other"}, {"name": "fake-embedder", "size": 7}], "defaults": {"a": "b"}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    analyzer = FakeAnalyzer()
    analyzer.manifest = replace(analyzer.manifest, folder=tmp_path)
    before = active_policy()
    with use_analyzer(analyzer):
        run("calibrate", "--fmr", "1e-3", "--fpir", "0.1", "--ship")
    written = json.loads((tmp_path / "manifest.json").read_text())
    policy = written["models"][1].pop("settings")["policy"]
    assert written == manifest
    assert policy["source"] == "40 enrolled people, 160 photos"
    assert policy["measurements"]["tail"]["people"] == 40
    assert ThresholdPolicy.objects.get() == before
    # A site that starts anew with this manifest takes it, and it follows the number of people.
    before.delete()
    spec = replace(analyzer.embedder_spec, settings={"policy": policy})
    analyzer.manifest = replace(analyzer.manifest, specs=(spec,))
    with use_analyzer(analyzer):
        assert growth(active_policy()).needed == policy["identify_threshold"]


def test_a_folder_in_place_of_the_enrolled(tmp_path, settings):
    settings.DATA_DIR = tmp_path / "data"
    folder = people_folder(tmp_path / "staff", people=12, photos=3)
    document = json.loads(
        run(
            "calibrate",
            folder,
            "--fmr",
            "1e-2",
            "--fpir",
            "0.1",
            "--people",
            "5",
            "--name",
            "our staff",
            "--json",
        )
    )
    assert document["source"] == "our staff: 12 people, 36 photos"
    assert document["measurements"]["identify"]["people"] == 5


def test_wishes_that_cannot_be_supported_are_told_and_nothing_is_stored():
    enrol_vectors(6, 3)
    before = active_policy()
    with pytest.raises(CommandError, match="rule of three"):
        run("calibrate", "--fmr", "1e-4")
    assert ThresholdPolicy.objects.get() == before
    assert "beyond what was measured" in run("calibrate", "--fmr", "1e-4", "--extrapolate")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fmr", "2"], "between 0 and 1"),
        (["--user", "nobody"], "no user 'nobody'"),
        (["/no/such/folder"], "no folder"),
        ([], "Nobody is enrolled"),
    ],
)
def test_bad_wishes(arguments, message):
    with pytest.raises(CommandError, match=message):
        run("calibrate", *arguments)


def test_replay_tells_how_many_and_for_whom(enrol):
    enrol(1)
    recognise.identify(person_jpeg(1, variant=5))
    policy = store_policy(
        {"verify_threshold": 0.5, "identify_threshold": 0.99, "margin": 0.1, "source": "a test"}
    )
    said = run("replay", "--policy", policy.pk, "--since", "2020-01-01")
    assert "1 of 1 decisions replayed" in said
    assert "1 change, 0 to a match, 1 to no match" in said
    assert "Fake Person 1 (F1): 0 more matches, 1 fewer" in said
    document = json.loads(run("replay", "--policy", policy.pk, "--since", "2020-01-01T08:30", "--json"))
    assert document["changed"] == 1
    assert document["people"][0]["external_id"] == "F1"
    assert (
        json.loads(run("replay", "--policy", policy.pk, "--since", "2999-01-01", "--json"))["decisions"] == 0
    )


@pytest.mark.parametrize("since", ["yesterday", "2026-13-40", "2026-01-01T99:00"])
def test_replay_since_no_date(since):
    with pytest.raises(CommandError, match="no date"):
        run("replay", "--policy", active_policy().pk, "--since", since)


def test_replay_of_an_unknown_policy():
    with pytest.raises(CommandError, match="no policy 999"):
        run("replay", "--policy", 999, "--since", "2026-01-01")
