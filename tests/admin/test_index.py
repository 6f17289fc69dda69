"""Index builds, thresholds and models."""

from __future__ import annotations

import re
from unittest import mock

from recognition.models import ThresholdPolicy
from recognition.services import queue
from recognition.services.gallery import index
from recognition.services.thresholds import policies
from tests.admin.conftest import said

BUILDS = "/admin/recognition/gallerybuild/"


def test_rebuild_asks_and_then_hands_it_to_a_worker(owner, ann, django_capture_on_commit_callbacks):
    assert "Rebuild the index?" in owner.get(f"{BUILDS}rebuild/").text
    with mock.patch.object(queue, "_send") as send, django_capture_on_commit_callbacks(execute=True):
        response = owner.post(f"{BUILDS}rebuild/", follow=True)
    send.assert_called_once_with("recognition.rebuild_index", ())
    assert "A worker was asked" in said(response)[0]


def test_a_look_does_not_rebuild(owner, ann, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as sent:
        owner.get(f"{BUILDS}rebuild/")
    assert sent == []


def test_builds_are_listed(owner, colleague, ann):
    build = index.rebuild_index()
    page = owner.get(BUILDS)
    assert list(page.context["cl"].result_list) == [build]
    assert "Rebuild now" in page.text
    assert "Rebuild now" not in colleague.get(BUILDS).text


def test_the_policy_in_force_is_marked(owner, ann):
    active = policies.active_policy()
    ThresholdPolicy.objects.create(
        model_version=active.model_version,
        verify_threshold=0.9,
        identify_threshold=0.9,
        margin=0,
        source="old",
    )
    page = owner.get("/admin/recognition/thresholdpolicy/").text
    assert len(re.findall(r">\s*in force\s*</span>", page)) == 1


def test_the_model_in_force_is_marked(owner, ann):
    assert owner.get("/admin/recognition/modelversion/").text.count("in use") == 1
