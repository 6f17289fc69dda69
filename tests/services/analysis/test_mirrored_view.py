"""Whether faces are also embedded mirrored: as the manifest says, unless the site says otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from recognition.engine.images import decode
from recognition.engine.quality import PROBE
from recognition.services.analysis.analyzer import MIRRORED, Analyzer

DEMO = Path(settings.BASE_DIR) / "demo" / "people" / "P001" / "1.jpg"

pytestmark = pytest.mark.models


@pytest.mark.parametrize("choice", ["auto", "on", "off"])
def test_the_setting_wins_over_the_manifest(choice):
    analyzer = Analyzer(Path(settings.MODELS_DIR), mirrored=MIRRORED[choice])
    crop = analyzer.find(decode(DEMO.read_bytes()), PROBE)[0].crop
    plain, mirrored = analyzer.embedder.embed_both([crop])
    used = {"auto": bool(analyzer.embedder_spec.settings["mirrored"]), "on": True, "off": False}[choice]
    np.testing.assert_array_equal(analyzer.embed([crop]), mirrored if used else plain)
    assert not np.array_equal(plain, mirrored)
