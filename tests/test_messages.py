"""The catalogues of translations: complete, and told when they are not."""

from __future__ import annotations

import polib
import pytest

from scripts import messages


@pytest.fixture(scope="module")
def collected():
    return messages.collect()


@pytest.mark.parametrize("domain", ["django", "djangojs"])
@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_every_text_is_translated(collected, language, domain):
    catalogue = messages.ROOT / "locale" / language / "LC_MESSAGES" / f"{domain}.po"
    assert messages.complaints(catalogue, collected[domain]) == []


def test_what_is_found(collected):
    assert ("Sign in with your face", "") in collected["django"]  # of a template
    assert ("Choose a photo.", "") in collected["django"]  # of code
    assert ("The face is too dark. Use more light.", "") in collected["django"]  # of the engine
    assert ("Incorrect password.", "") in collected["django"]  # of allauth
    assert ("Turn your head to the left", "") in collected["djangojs"]


def test_tells_what_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    catalogue = tmp_path / "vi" / "LC_MESSAGES" / "django.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.touch()
    found = {("Hello, %(name)s.", ""): {"a.html"}, ("Gone", ""): {"b.html"}}
    messages.update(catalogue, found)
    file = polib.pofile(str(catalogue))
    file.find("Hello, %(name)s.").msgstr = "Xin chào."
    file.save()
    wrong = " ".join(
        messages.complaints(catalogue, {("Hello, %(name)s.", ""): {"a.html"}, ("New", ""): {"c.html"}})
    )
    for said in (
        "other values: 'Hello",
        "no longer used: 'Gone'",
        "not translated: 'Gone'",
        "not in the catalogue: 'New' of c.html",
        "django.mo is not",
    ):
        assert said in wrong
