"""A release that is fetched, converted, installed and served, with a random network in the official layout."""

from __future__ import annotations

import hashlib
import json
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from recognition.engine import packaged
from recognition.engine.embedder import Embedder
from recognition.models import ModelVersion
from recognition.services.analysis import installed
from recognition.services.models import catalogue as model_catalogue
from recognition.services.models.catalogue import Release
from recognition.services.models.downloads import RemoteFile
from tests.networks.pairs import DATA, pairs

NAME = "ghostfacenet_v1_w0.5_s2_bias"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def said(*arguments: object) -> dict:
    out = StringIO()
    call_command(*map(str, arguments), "--json", stdout=out)
    return json.loads(out.getvalue())


def check(name: str) -> None:
    """The served vectors are those of the stored pairs."""
    stored = pairs(NAME)
    embedder = Embedder.from_manifest(installed.read_manifest(), name)
    found = embedder.embed(stored["x"], mirrored=False)
    expected = stored["y"] / np.linalg.norm(stored["y"], axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert ModelVersion.objects.get(name=name).dimensions == 512


def test_a_release_from_a_mirror(settings, monkeypatch):
    content = (DATA / f"{NAME}.h5").read_bytes()
    remote = RemoteFile(
        f"https://releases.example/{NAME}.h5", len(content), hashlib.sha256(content).hexdigest()
    )
    release = Release("tiny", "embedder", "v0", remote, "none", "a test", {"published": {"lfw": 0.5}})
    monkeypatch.setattr(model_catalogue, "RELEASES", (release,))
    settings.MODELS_MIRROR = str(DATA)
    (spec,) = said("fetch_models", "tiny")["installed"]
    assert (spec["version"], spec["accuracy"]) == ("v0", {"published": {"lfw": 0.5}})
    check("tiny")
    assert said("fetch_models", "tiny")["installed"][0]["sha256"] == spec["sha256"]
    assert spec["settings"]["mirrored"] is True
    offer = next(offer for offer in model_catalogue.offers() if offer.name == "tiny")
    assert (offer.installed, offer.lfw) == (True, 0.5)


def test_importing_files_of_both_families():
    """By their content; SFace takes raw pixels and gains nothing from the mirrored view."""
    said("import_model", DATA / f"{NAME}.h5", "--name", "own")
    check("own")
    (spec,) = said("import_model", packaged.find("sface-2021dec").path, "--name", "other")["installed"]
    assert (spec["kind"], spec["output"]["dimensions"]) == ("embedder", 128)
    assert (spec["input"]["scaling"], spec["settings"]) == ("x", {"mirrored": False})


@pytest.mark.parametrize("suffix", ["h5", "keras", "onnx", "npz"])
def test_a_file_that_is_none(tmp_path, suffix):
    path = tmp_path / f"notes.{suffix}"
    path.write_bytes(b"\x89HDF\r\n\x1a\n not really")
    with pytest.raises(CommandError, match="notes"):
        said("import_model", path, "--name", "own")
    assert not ModelVersion.objects.exists()
    assert [spec.name for spec in installed.read_manifest().specs if spec.name == "own"] == []
