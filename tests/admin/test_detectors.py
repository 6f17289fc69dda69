"""Staff choose which detector finds faces."""

from __future__ import annotations

import pytest

from recognition.models import DetectorChoice
from recognition.services import analysis
from tests.admin.conftest import said
from tests.services.analysis.test_detectors import OTHER, site  # noqa: F401

pytestmark = pytest.mark.django_db

PAGE = "/admin/recognition/detectorchoice/"
SURE = {"detector": OTHER, "sure": "yes"}


def test_the_page_names_those_installed(site, staff):  # noqa: F811
    page = staff("view_detectorchoice").get(PAGE)
    assert [one.spec.name for one in page.context["offered"]] == ["fake-finder", OTHER]
    assert "Nobody has chosen one so far" in page.text
    assert f"Use {OTHER}" not in page.text


def test_it_is_asked_before_it_is_done(site, staff):  # noqa: F811
    clerk = staff("view_detectorchoice", "add_detectorchoice")
    asked = clerk.post(PAGE, {"detector": OTHER})
    assert "some people may have to try again" in asked.text
    assert not DetectorChoice.objects.exists()
    done = clerk.post(PAGE, SURE, follow=True)
    assert said(done) == [f"{OTHER} finds faces from the next request on."]
    assert DetectorChoice.objects.get().by.username.startswith("clerk")
    assert analysis.detector_in_use().name == OTHER


def test_the_right_is_one_of_its_own(site, staff):  # noqa: F811
    clerk = staff("view_detectorchoice", "change_modelversion", "add_modelchange", "change_modelchange")
    assert clerk.post(PAGE, SURE).status_code == 403
    assert staff("view_modelversion").get(PAGE).status_code == 403
    assert not DetectorChoice.objects.exists()


def test_the_environment_is_named(site, staff):  # noqa: F811
    site.pinned = True
    clerk = staff("view_detectorchoice", "add_detectorchoice")
    page = clerk.get(PAGE)
    assert "DETECTOR=fake-finder" in page.text
    assert f"Use {OTHER}" not in page.text
    assert "in the environment decides" in said(clerk.post(PAGE, SURE, follow=True))[0]


def test_photos_of_the_other_are_counted(site, staff, ann):  # noqa: F811
    analysis.choose_detector(OTHER)
    assert (
        "1 enrolled photo has its face as fake-finder found it."
        in staff("view_detectorchoice").get(PAGE).text
    )


def test_one_that_is_not_there(site, staff):  # noqa: F811
    clerk = staff("view_detectorchoice", "add_detectorchoice")
    assert "No detector" in said(clerk.post(PAGE, {"detector": "x", "sure": "yes"}, follow=True))[0]
