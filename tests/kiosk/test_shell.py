"""The app that a tablet keeps: page, service worker and manifest."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from recognition.engine.liveness.judging import FAILURES
from recognition.engine.liveness.plans import Step
from recognition.kiosk import shell

pytestmark = pytest.mark.django_db

FOLDER = Path(settings.BASE_DIR) / "static" / "kiosk"


def kept(client) -> list[str]:
    return json.loads(re.search(r"const SHELL = (\[.*\]);", client.get("/kiosk/worker.js").text)[1])


def test_the_page_holds_nothing_inline_and_asks_nothing_of_the_database(
    client, django_assert_num_queries, db
):
    with django_assert_num_queries(0):
        page = client.get("/kiosk/")
    assert "script-src" not in page["Content-Security-Policy"]  # the strict policy: default-src 'self'
    assert not re.search(r"style=|<style|onclick|<script>", page.text)
    assert "no-store" in page["Cache-Control"] or "no-cache" in page["Cache-Control"]


def test_the_worker_keeps_all_that_the_page_needs(client):
    files = kept(client)
    page = client.get("/kiosk/").text
    needed = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(needed) > 10
    assert set(needed) <= set(files)
    for path in files:
        response = client.get(path)
        response.close()
        assert response.status_code == 200, path


def test_every_script_is_loaded():
    assert {f"{name}.js" for name in shell.SCRIPTS} == {path.name for path in FOLDER.glob("*.js")}


def test_another_text_of_a_script_makes_another_worker(client, monkeypatch):
    before = client.get("/kiosk/worker.js").text
    monkeypatch.setattr(shell, "MARK", "kiosk/icon-192.png")
    assert client.get("/kiosk/worker.js").text != before
    assert client.get("/kiosk/worker.js")["Content-Type"] == "text/javascript"


def test_the_manifest_can_be_installed(client):
    manifest = json.loads(client.get("/kiosk/manifest.webmanifest").content)
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == (
        "/kiosk/",
        "/kiosk/",
        "fullscreen",
    )
    for icon in manifest["icons"]:
        side = int(icon["sizes"].partition("x")[0])
        response = client.get(icon["src"])
        data = b"".join(response.streaming_content)
        response.close()
        assert int.from_bytes(data[16:20], "big") == int.from_bytes(data[20:24], "big") == side  # of a PNG
    assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}


@pytest.mark.parametrize("path", ["", "worker.js", "manifest.webmanifest"])
def test_they_are_only_read(client, path):
    assert client.post(f"/kiosk/{path}").status_code == 405


WORDS = (FOLDER / "words.js").read_text(encoding="utf-8")


def words_of(language: str) -> dict[str, str]:
    block = re.search(rf"^    {language}: \{{\n(.*?)^    \}},", WORDS, re.MULTILINE | re.DOTALL)[1]
    return dict(re.findall(r'^      (\w+): "(.*)",$', block, re.MULTILINE))


def test_both_languages_say_everything_with_the_same_values():
    english, vietnamese = words_of("en"), words_of("vi")
    assert len(english) > 40
    assert english.keys() == vietnamese.keys()
    assert [word for word in english if values_in(english[word]) != values_in(vietnamese[word])] == []


def test_every_step_hint_and_failure_of_a_check_has_words():
    words = words_of("en")
    assert {f"failed_{code}" for code in FAILURES} == {word for word in words if word.startswith("failed_")}
    assert {f"ask_{step}" for step in [*Step, "rest"]} == {word for word in words if word.startswith("ask_")}
    site = (FOLDER.parent / "site" / "camera.js").read_text()
    hints = re.findall(r"^      (\w+): ", site.partition("    hint: {")[2].partition("},")[0], re.MULTILINE)
    assert len(hints) > 5
    assert {f"check_{hint}" for hint in hints} <= words.keys()


def values_in(text: str) -> set[str]:
    return set(re.findall(r"\{\w+\}", text))


def test_every_word_that_is_said_is_there():
    code = "".join(
        path.read_text(encoding="utf-8") for path in FOLDER.glob("*.js") if path.name != "words.js"
    )
    page = (Path(settings.BASE_DIR) / "templates/kiosk/app.html").read_text(encoding="utf-8")
    said = set(re.findall(r'say\("(\w+)"', code)) | set(re.findall(r'data-(?:text|label)="(\w+)"', page))
    assert said - words_of("en").keys() == set()
