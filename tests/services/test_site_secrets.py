"""Short secrets sealed with the key of the site."""

from __future__ import annotations

import pytest

from recognition.services.errors import Conflict
from recognition.services.site_secrets import open_text, seal_text


def test_sealed_and_opened():
    sealed = seal_text("a secret", purpose="tests")
    assert "secret" not in sealed
    assert open_text(sealed, purpose="tests") == "a secret"
    assert seal_text("a secret", purpose="tests") != sealed


def test_for_another_purpose_it_is_closed():
    with pytest.raises(Conflict, match="SITE_KEY"):
        open_text(seal_text("a secret", purpose="tests"), purpose="other tests")


def test_a_former_key_opens_it(settings):
    sealed = seal_text("a secret", purpose="tests")
    settings.SITE_KEYS = ["another key of the site, quite long", *settings.SITE_KEYS]
    assert open_text(sealed, purpose="tests") == "a secret"
    settings.SITE_KEYS = settings.SITE_KEYS[:1]
    with pytest.raises(Conflict):
        open_text(sealed, purpose="tests")
