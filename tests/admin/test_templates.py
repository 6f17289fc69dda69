"""The theme needs a lax content policy; our own templates do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

FOLDER = Path(settings.BASE_DIR) / "templates" / "admin"
TEMPLATES = sorted(FOLDER.rglob("*.html"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(FOLDER)))
@pytest.mark.parametrize("inline", ["<style", "style=", "onclick=", "onchange=", "<script>", "javascript:"])
def test_nothing_is_inline(template, inline):
    assert inline not in template.read_text()


def test_templates_are_found():
    assert len(TEMPLATES) > 10
