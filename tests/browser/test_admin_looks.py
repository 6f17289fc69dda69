"""The admin on a telephone, and whether its warnings can be read."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from recognition.models import Identity, Photo
from recognition.services.enrolment import photos
from recognition.services.identities import people
from tests.fakes import person_jpeg

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TELEPHONE = 390  # pixels
READABLE = 4.5  # WCAG 2.2, 1.4.3
NAME = "Person with a rather long name"

# By WCAG's formula, over the backgrounds of everything around the element.
CONTRAST = """(element) => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const paint = (colour) => {
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
  };
  const luminance = () => {
    const [red, green, blue] = [...pen.getImageData(0, 0, 1, 1).data].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
  };
  const grounds = [];
  for (let at = element; at; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor);
  ["white", ...grounds].forEach(paint);
  const ground = luminance();
  paint(getComputedStyle(element).color);
  const text = luminance();
  return Math.max(ground, text) / Math.min(ground, text);
}"""


@pytest.fixture
def ann(db) -> Identity:
    """A person with a photo that shows two people, so that the page asks."""
    identity = people.create_identity(name="Ann", external_id="A1")
    photos.add_photo(identity=identity, data=person_jpeg(5, 3))
    photos.process_photos(list(Photo.objects.values_list("pk", flat=True)))
    return identity


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def all_of_it(page: Page, selector: str) -> bool:
    """Whether the text is shown whole."""
    return page.locator(selector).first.evaluate("(it) => it.scrollWidth <= it.clientWidth")


def test_who_is_merged_into_whom_can_be_read_on_a_telephone(staff, ann):
    people.create_identity(name=NAME, external_id="P2")
    page = staff(f"/admin/recognition/identity/{ann.pk}/merge/?q=Person", width=TELEPHONE)
    expect(page.locator(".id-who strong")).to_have_text(NAME)
    assert all_of_it(page, ".id-who strong")
    assert sideways(page) <= 0


def test_the_scopes_of_a_key_can_be_read_on_a_telephone(staff, db):
    page = staff("/admin/recognition/apikey/add/", width=TELEPHONE)
    page.wait_for_selector("#id_scopes")
    assert all_of_it(page, "#id_scopes label:has([value=enrol]) span")
    assert sideways(page) <= 0


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("place", [".id-say", ".id-note", ".id-ask"])
def test_a_warning_can_be_read(staff, ann, place, colours):
    page = staff(f"/admin/recognition/identity/{ann.pk}/change/", colours=colours)
    assert (page.locator("html.dark").count() == 1) == (colours == "dark")
    page.locator(".id-say").evaluate("(it) => void (it.textContent = 'At most 50 photos')")
    assert page.locator(place).first.evaluate(CONTRAST) >= READABLE
