"""Every page of the staff in Vietnamese: whatever it says in the very words of the English page was forgotten.

The pages are those that `test_every_page` walks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from django.conf.locale import LANG_INFO
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.models import User
from identity_site.formats.en_GB import formats as en_GB
from identity_site.formats.vi import formats as vi
from identity_site.settings import BASE_DIR
from recognition.models import (
    ApiKey,
    AuditEntry,
    Camera,
    ConsentText,
    Delivery,
    DetectorChoice,
    Identity,
    ModelVersion,
    Photo,
    ThresholdPolicy,
    Webhook,
)
from recognition.services import identities
from recognition.services.analysis import detector_in_use, installed_detectors
from recognition.services.models import offers
from tests.accounts.conftest import enrol, fresh_state  # noqa: F401
from tests.admin.conftest import ann, owner  # noqa: F401
from tests.platform.test_every_page import ROUTES, address, as_often_as_wanted, values, visitors  # noqa: F401

STAFF = re.compile(r"admin/|cameras/")
# What is the same in both languages: names of things, and terms that the field has in English only.
LANGUAGES = {"en-gb", "vi", *(LANG_INFO[code]["name_local"] for code in ("en-gb", "vi"))}
# Rows that Django names when a group is deleted.
UNNAMED = re.compile(r"Group-permission relationship|\d+ \w+-\w+ relationships?")
TERMS = {
    *(
        "AUC",
        "EER",
        "FMR",
        "FNMR",
        "FPIR",
        "FNIR",
        "FPR",
        "TPR",
        "ROC",
        "LFW",
        "NIST",
        "PAD",
        "SP",
        "WIDER",
        "FACE",
    ),
    *(
        "API",
        "CSV",
        "Excel",
        "ID",
        "IP",
        "QR",
        "RAM",
        "TOTP",
        "WebAuthn",
        "http",
        "https",
        "kB",
        "KB",
        "MB",
        "px",
        "ms",
    ),
    *(
        "English",
        "Identity",
        "Email",
        "email",
        "Kiosk",
        "kiosk",
        "Vector",
        "vector",
        "Webhook",
        "webhook",
        "Webhooks",
    ),
    *(
        "JPEG",
        "PNG",
        "WebP",
        "HEIC",
        "AVIF",
        "TIFF",
        "BMP",
        "UTC",
        "rtsp",
        "manage",
        "py",
        "Id",
        "MFA",
        "TOTP",
        "webcam",
    ),
}
ROWS = {  # what people and the site have written into its tables
    Identity: ("name", "external_id"),
    User: ("username", "email"),
    ApiKey: ("name", "place", "prefix"),
    Camera: ("name", "place", "source"),
    ConsentText: ("text",),
    DetectorChoice: ("detector",),
    Delivery: ("error", "type", "id"),
    ModelVersion: ("name", "version"),
    Photo: ("filename",),
    ThresholdPolicy: ("source",),
    Webhook: ("name", "url"),
    AuditEntry: ("action", "who", "kind", "object", "detail"),
    LogEntry: ("object_repr",),
    Group: ("name",),
}
SPOKEN = ("title", "alt", "placeholder", "aria-label", "data-confirm", "data-placeholder", "label", "summary")
SILENT = {"script", "style", "code", "pre", "kbd", "template"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
DATE = re.compile(r"""date:["']([^"']+)""")
WORD = re.compile(r"[^\W\d_]{2,}")


class Texts(HTMLParser):
    """What a page says: the texts in it, and those of attributes that are shown or read out."""

    def __init__(self) -> None:
        super().__init__()
        self.silent: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        quiet = tag in SILENT or "material-symbols-outlined" in has.get("class", "") or "lang" in has
        if (self.silent or quiet) and tag not in VOID and tag != "html":
            self.silent.append(tag)
        self.found += [has[name] for name in SPOKEN if name in has]
        if tag == "input" and has.get("type") in ("submit", "button"):
            self.found.append(has.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if self.silent and tag == self.silent[-1]:
            self.silent.pop()

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.found.append(data)


def texts(page: str) -> list[str]:
    found = Texts()
    found.feed(page)
    return [" ".join(text.split()) for text in found.found if text.strip()]


def written() -> list[str]:
    """The texts of the tables, longest first."""
    found = {
        line.strip()
        for model, columns in ROWS.items()
        for row in model._default_manager.values_list(*columns)
        for value in row
        for line in ("\n".join(_flat(value))).split("\n")
    }
    found |= {text for offer in offers() for text in (offer.name, offer.origin)}
    found |= {spec.licence for spec in installed_detectors()} | {detector_in_use().name}
    return sorted((text for text in found if WORD.search(text)), key=len, reverse=True)


def _flat(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield str(key)
            yield from _flat(part)
    elif isinstance(value, list):
        for part in value:
            yield from _flat(part)
    else:
        yield str(value)


def words(text: str, data: list[str]) -> list[str]:
    for value in data:
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", " 0 ", text, flags=re.IGNORECASE)
    text = re.sub(
        r"[/\w.-]+/[/\w.-]*|[\w-]+[@.][\w.-]+|\b[A-Z]+_[A-Z_]+\b|\bfid_\w+|\w*\*+", " 0 ", text
    )  # addresses, settings
    return [word if word not in TERMS else "0" for word in re.findall(r"[^\W_]+|[.:;?!(]", text)]


def left_in_english(english: str, vietnamese: str, data: list[str]) -> list[str]:
    """Texts that the second page has in common with the first: whole ones, and two words in a row."""
    known = set(texts(english))
    pairs = {pair for text in known for pair in _pairs(words(text, data))}
    return [
        text
        for text in dict.fromkeys(texts(vietnamese))
        if text not in LANGUAGES
        and not UNNAMED.match(text)
        and (
            (text in known and any(WORD.fullmatch(word) for word in words(text, data)))
            or pairs & set(_pairs(words(text, data)))
        )
    ]


def _pairs(found: list[str]) -> Iterator[tuple[str, str]]:
    return ((one, other) for one, other in pairwise(found) if WORD.fullmatch(one) and WORD.fullmatch(other))


def pages(values, client: Client, language: str) -> dict[str, str]:  # noqa: F811
    found = {}
    for route in ROUTES:
        if not STAFF.match(route):
            continue
        path = address(route, values)
        answer = client.get(path, headers={"accept-language": language})
        if answer.streaming:
            list(answer.streaming_content)
        elif answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            found[path] = answer.text
    return found


def test_no_page_of_the_staff_is_left_in_english(values, visitors):  # noqa: F811
    identities.consent_text()  # the first one is made when somebody asks for it
    boss = visitors["owner"]
    english, vietnamese = pages(values, boss, "en-gb"), pages(values, boss, "vi")
    assert len(english) > 60
    data = written()
    wrong = [
        f"{path}: {text}"
        for path in english.keys() & vietnamese.keys()
        for text in left_in_english(english[path], vietnamese[path], data)
    ]
    assert wrong == [], "\n".join(sorted(wrong))


def test_history_is_told_in_the_language_of_whoever_reads_it(owner, ann):  # noqa: F811
    owner.post(reverse("admin:recognition_identity_suspend", args=[ann.pk]))
    page = reverse("admin:recognition_identity_history", args=[ann.pk])
    assert "Now suspended." in owner.get(page).text
    assert "Bây giờ tạm ngưng." in owner.get(page, headers={"accept-language": "vi"}).text


def test_days_are_written_as_the_language_does():
    """Templates name a format of `identity_site.formats`, and both languages have all of them."""
    pages = (BASE_DIR / "templates").rglob("*.*")
    wanted = {name for page in pages for name in DATE.findall(page.read_text())} - {"Y-m-d", "c"}
    for formats in (en_GB, vi):
        assert {name for name in wanted if not hasattr(formats, name)} == set()


@pytest.mark.parametrize(
    "page",
    [
        "<p>Nobody was compared.</p>",
        "<p>Đã thêm: Nobody was compared.</p>",
        "<th>person</th>",
        "<input placeholder='Name or ID'>",
        "<button aria-label='Close'></button>",
        "<form data-confirm='Delete this photo?'></form>",
    ],
)
def test_the_walk_sees_what_is_left(page):
    assert left_in_english(page.replace("Đã thêm: ", ""), page, ["Ann"])


@pytest.mark.parametrize(
    "page", ["<b>Ann</b>", "<code>manage.py doctor</code>", "<td>FMR</td>", "<i lang='en'>English here</i>"]
)
def test_data_and_terms_are_no_words_of_ours(page):
    assert left_in_english(page, page, ["Ann"]) == []
