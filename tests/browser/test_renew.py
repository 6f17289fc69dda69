"""A page that waits for a worker shows by itself what is new."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from recognition.models import Evaluation

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_shows_how_far_it_is_and_stops_when_it_is_done(staff):
    run = Evaluation.objects.create(progress=10)
    page = staff(f"/admin/recognition/evaluation/{run.pk}/change/")
    page.get_by_role("button", name="Menu").focus()
    expect(page.locator("progress")).to_have_attribute("value", "10")
    Evaluation.objects.filter(pk=run.pk).update(progress=60)
    expect(page.locator("progress")).to_have_attribute("value", "60")
    Evaluation.objects.filter(pk=run.pk).update(state="failed", message="The disk is full.")
    expect(page.get_by_text("The disk is full.")).to_be_visible()
    expect(page.get_by_role("button", name="Menu")).to_be_focused()
