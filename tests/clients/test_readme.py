"""The examples of the client's own page run as they stand there."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from django.conf import settings

from recognition.services import keys
from tests.clients.conftest import EVERYTHING
from tests.fakes import person_jpeg

README = Path(settings.BASE_DIR) / "clients/python/README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
SAYS = {
    "status()": ["1 people can be recognised", "Fake Person 1", "match"],
    "attendance.record": ["Fake Person 1 in "],
    "imports": ["2 people, 1 of them new", "Ben Ben/1.jpg"],
    "ada1.jpg": ["ada1.jpg waiting", "E-17 Ada Example 0"],
}


@pytest.fixture
def here(live_server, enrol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = enrol(1)
    type(identity).objects.update(external_id="P001")
    for number, name in ((1, "camera"), (4, "ada1"), (5, "ada2")):
        (tmp_path / f"{name}.jpg").write_bytes(person_jpeg(number, variant=5))
    with zipfile.ZipFile(tmp_path / "people.zip", "w") as archive:
        archive.writestr("P001/1.jpg", person_jpeg(1, variant=7))
        archive.writestr("Ben/1.jpg", person_jpeg(2))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IDENTITY_SITE_URL", live_server.url)
    monkeypatch.setenv("IDENTITY_SITE_KEY", keys.issue_key(name="Program", scopes=EVERYTHING)[1])


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example(number: int, here: None, capsys: pytest.CaptureFixture[str]) -> None:
    example = EXAMPLES[number]
    exec(compile(example, f"{README.name}, example {number + 1}", "exec"), {"__name__": "example"})
    said = capsys.readouterr().out
    for words, texts in SAYS.items():
        assert words not in example or all(text in said for text in texts), said
