"""Small things that people stumbled over."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from recognition.models import AuditEntry, Identity, RetentionRun
from recognition.services.identities import people

PERSON = "/admin/recognition/identity/{}/"


def test_a_suspended_person_has_a_banner(owner, ann):
    page = PERSON.format(ann.pk) + "change/"
    assert "id-banner" not in owner.get(page).text
    people.update_identity(ann, status=Identity.Status.SUSPENDED)
    assert "id-banner" in owner.get(page).text


def test_erasing_goes_by_one_name(owner, ann):
    page = owner.get(PERSON.format(ann.pk) + "change/").text
    assert "Delete person" not in re.sub(r"\s+", " ", page)
    page = owner.get(PERSON.format(ann.pk) + "delete/").text
    assert "Delete" not in page.partition("<main")[2].partition("</main>")[0]


def test_the_history_says_its_heads_once(owner, ann):
    people_page = PERSON.format(ann.pk)
    owner.post(people_page + "suspend/")
    page = owner.get(people_page + "history/").text
    assert "data-label" not in page
    assert "Now suspended." in page


def test_no_way_back_where_there_is_none(owner, db):
    for page in ("thresholdpolicy", "modelversion"):
        assert "roll_back" not in owner.get(f"/admin/recognition/{page}/").text


def test_one_clock_everywhere(owner, settings, db):
    """Local time with 24 hours, in names of rows, too."""
    settings.TIME_ZONE = "Asia/Ho_Chi_Minh"
    evening = datetime(2026, 5, 3, 12, 12, tzinfo=UTC)
    run = RetentionRun(ended_at=evening)
    assert str(run) == "3 May 2026, 19:12:00"
    assert "19:12:00" in str(AuditEntry(at=evening, action="x"))


def test_no_dead_links_between_pages(owner, db):
    page = owner.get("/admin/recognition/decision/").text
    assert "Previous" not in page
    assert "yielded" not in page
