"""Log lines for people and for machines."""

from __future__ import annotations

import json
import logging
import sys

from identity_site.logs import JsonFormatter, TextFormatter


def record(**extra: object) -> logging.LogRecord:
    made = logging.LogRecord("recognition.tasks", logging.INFO, __file__, 1, "%s photos", (3,), None)
    vars(made).update(extra)
    return made


def test_json_is_one_line_with_the_added_fields() -> None:
    line = JsonFormatter().format(record(identity=7, reason="first\nsecond"))
    assert "\n" not in line
    document = json.loads(line)
    assert document.pop("time").endswith("+00:00")
    assert document == {
        "level": "info",
        "logger": "recognition.tasks",
        "message": "3 photos",
        "identity": 7,
        "reason": "first\nsecond",
    }


def test_json_keeps_the_exception() -> None:
    made = record()
    try:
        raise ValueError("broken")
    except ValueError:
        made.exc_info = sys.exc_info()
    document = json.loads(JsonFormatter().format(made))
    assert "ValueError: broken" in document["exception"]


def test_text_shows_the_added_fields() -> None:
    line = TextFormatter().format(record(identity=7))
    assert line.endswith("INFO    recognition.tasks: 3 photos identity=7")
