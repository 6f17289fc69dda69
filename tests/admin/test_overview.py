"""The first page of the admin."""

from __future__ import annotations

from datetime import date
from unittest import mock

import pytest
from django.core.cache import cache

from recognition.admin import charts
from recognition.services import overview
from recognition.services.enrolment import photos
from recognition.services.errors import Invalid
from recognition.services.gallery import index
from recognition.services.identities import people
from recognition.services.recognition import recognise
from tests.admin.conftest import add_photo, person
from tests.fakes import person_jpeg, wall_jpeg

URL = "/admin/"


@pytest.fixture(autouse=True)
def a_worker():
    """Nobody listens in tests; asking takes half a second."""
    with mock.patch.object(overview, "_ask_workers", return_value=True) as ask:
        yield ask


def tiles(response) -> dict[str, tuple[str, str]]:
    return {tile.name: (tile.value, tile.note) for tile in response.context["tiles"]}


def test_an_empty_site(owner):
    page = owner.get(URL)
    shown = tiles(page)
    assert shown["People"] == ("0", "all can be recognised")
    assert shown["Photos ready"] == ("0", "none waiting, none rejected")
    assert shown["Index"] == ("not built", "people are read from the database")
    assert "Nobody has asked yet" in page.text


def test_how_things_stand(owner, ann):
    people.suspend(person("Ben", 5))
    people.create_identity(name="Bare")
    index.rebuild_index()
    add_photo(ann, wall_jpeg(), "wall.jpg")
    photos.add_photo(identity=ann, data=person_jpeg(3, variant=1))
    recognise.identify(person_jpeg(3, 9, variant=2))
    page = owner.get(URL)
    shown = tiles(page)
    assert shown["People"] == ("2", "1 suspended, 1 without a usable photo")
    assert shown["Photos waiting"] == ("1", "1 rejected")
    assert shown["Recognised today"] == ("1", "1 not recognised, 0 rejected")
    assert shown["Index"] == ("1 people", "up to date")
    assert "No face was found." in page.text


def test_changes_since_the_build(owner, ann):
    index.rebuild_index()
    person("Ben", 5)
    assert tiles(owner.get(URL))["Index"] == ("1 people", "1 changes since, already counted")


@pytest.mark.parametrize(("answers", "value"), [(True, "answers"), (False, "silent")])
def test_the_worker(owner, a_worker, answers, value):
    a_worker.return_value = answers
    assert tiles(owner.get(URL))["Worker"][0] == value


def test_the_worker_is_not_asked_at_every_look(owner, a_worker, monkeypatch):
    monkeypatch.setattr(overview, "WORKER_KNOWN", 600)
    owner.get(URL)
    owner.get(URL)
    assert a_worker.call_count == 1


@pytest.mark.parametrize(
    ("right", "seen"),
    [
        ("view_identity", {"People", "Worker"}),
        ("view_photo", {"Photos ready", "Worker"}),
        ("view_decision", {"Recognised today", "Worker"}),
        ("view_gallerybuild", {"Index", "Worker"}),
        ("view_apikey", set()),
    ],
)
def test_everybody_sees_what_they_may_see(staff, ann, right, seen):
    add_photo(ann, wall_jpeg())
    page = staff(right).get(URL)
    assert set(tiles(page)) == seen
    assert ("Ann" in page.text) == (right == "view_photo")


def test_quick_actions_are_those_that_are_allowed(owner, colleague):
    assert [title for title, *_ in owner.get(URL).context["quick"]] == [
        "Enrol a person",
        "Recognise a picture",
        "Make an API key",
    ]
    assert [title for title, *_ in colleague.get(URL).context["quick"]] == ["Recognise a picture"]


def test_the_side_bar_lists_what_is_allowed(staff, owner):
    page = staff("view_photo").get(URL).text
    assert "/admin/recognition/photo/" in page
    for hidden in ("identity", "apikey", "decision", "gallerybuild"):
        assert f'href="/admin/recognition/{hidden}/' not in page
    assert 'href="/admin/recognition/apikey/' in owner.get(URL).text


def test_queries_do_not_grow(owner, ann, django_assert_max_num_queries):
    for number in range(5, 10):
        add_photo(person(f"Person {number}", number), wall_jpeg())
        recognise.identify(person_jpeg(number, variant=2))
    owner.get(URL)
    with django_assert_max_num_queries(16):
        owner.get(URL)


class TestCharts:
    @pytest.fixture(autouse=True)
    def fresh(self) -> None:
        cache.clear()

    def test_none_where_nothing_was_decided(self, owner):
        assert "id-chart" not in owner.get(URL).text

    def test_what_was_decided_is_drawn_and_told(self, owner, ann):
        recognise.identify(person_jpeg(3, 9, variant=2))
        with pytest.raises(Invalid):
            recognise.identify(b"no picture")
        page = owner.get(URL).text
        assert "In 30 days 1 recognised, 1 not recognised, 0 not looked for." in page
        assert page.count('<rect class="id-bar-match"') == 2  # one in each chart
        assert "is needed; " in page
        assert "Nobody who may be recognised is similar enough. Suspended people are not looked for." in page
        assert ">As a table<" in page

    def test_only_for_who_may_see_decisions(self, staff, ann):
        recognise.identify(person_jpeg(3, variant=2))
        assert "id-chart" not in staff("view_photo").get(URL).text
        assert "id-chart" in staff("view_decision").get(URL).text

    def test_bars_stand_upon_one_another_within_the_picture(self):
        days = [(date(2026, 1, 1), {"match": 3, "no_match": 1}), (date(2026, 1, 2), {})]
        chart = charts.per_day(overview.Recent(days, [], {}))
        assert [(bar.kind, bar.y, bar.height) for bar in chart.bars] == [
            ("match", 35.0, 105.0),
            ("no_match", 0.0, 35.0),
        ]
        assert chart.most == 4
        assert all(bar.x >= 0 and bar.x + bar.width <= charts.WIDTH for bar in chart.bars)
