"""System checks: what is wrong, and which words lead out of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from recognition import checks

STRONG = "Zk3vQ9xT1mW7rB5nY8cH2jL6pF4dS0gAaEeUuIiOoPp-_123456"


def ids(messages: list[Any]) -> list[str]:
    return [message.id for message in messages]


class TestModels:
    @pytest.fixture
    def folder(self, settings: Any, tmp_path: Path) -> Path:
        """A copy of the site's own models."""
        copy = tmp_path / "models"
        shutil.copytree(settings.MODELS_DIR, copy)
        settings.MODELS_DIR = copy
        return copy

    def test_the_bundled_ones_are_right(self, folder: Path) -> None:
        assert checks.models(None) == []
        assert set(checks.verified_models()) == {"detector", "refiner", "inspector", "embedder"}

    def test_a_missing_file(self, folder: Path) -> None:
        file = checks.verified_models()["refiner"].file
        (folder / file).unlink()
        (found,) = checks.models(None)
        assert found.id == "identity.E001"
        assert file in found.msg
        assert "git checkout -- models" in found.hint

    def test_the_detectors_companion_counts(self, folder: Path) -> None:
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        (companion,) = (entry for entry in manifest["models"] if entry["name"] == "yolov5n-0.5-face-640")
        companion["file"] = "absent.tflite"
        path.write_text(json.dumps(manifest))
        assert ids(checks.models(None)) == ["identity.E001"]

    def test_another_detector_of_the_same_version_does_not(self, folder: Path) -> None:
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        manifest["models"].append(manifest["models"][0] | {"name": "absent", "file": "absent.tflite"})
        path.write_text(json.dumps(manifest))
        assert checks.models(None) == []

    def test_another_file_of_the_same_size(self, folder: Path) -> None:
        path = folder / checks.verified_models()["embedder"].file
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        assert ids(checks.models(None)) == ["identity.E001"]

    def test_no_manifest(self, folder: Path) -> None:
        (folder / "manifest.json").unlink()
        assert ids(checks.models(None)) == ["identity.E001"]

    def test_an_unknown_embedder(self, folder: Path, settings: Any) -> None:
        settings.EMBEDDER = "nobody"
        (found,) = checks.models(None)
        assert "'nobody'" in found.msg

    @pytest.mark.parametrize(
        ("name", "value"), [("verify_threshold", 53), ("identify_threshold", None), ("margin", -1)]
    )
    def test_a_threshold_out_of_range(self, folder: Path, name: str, value: object) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        for model in manifest["models"]:
            if "policy" in model["settings"]:
                model["settings"]["policy"][name] = value
        (folder / "manifest.json").write_text(json.dumps(manifest))
        (found,) = checks.models(None)
        assert found.id == "identity.E005"
        assert name in found.msg


def test_faces_of_strangers_are_warned_about(settings: Any) -> None:
    assert checks.unknown_visitors(None) == []
    settings.KEEP_VISITORS_DAYS = 14
    (found,) = checks.unknown_visitors(None)
    assert found.id == "identity.W007"
    assert "did not agree" in found.msg
    assert "KEEP_VISITORS_DAYS=0" in found.hint


@pytest.mark.parametrize("key", ["short", "a" * 80, "django-insecure-" + STRONG])
def test_a_weak_key_is_an_error_in_production_only(settings: Any, key: str) -> None:
    settings.SECRET_KEY = key
    settings.HTTPS_ONLY = True
    (found,) = checks.secret_key(None)
    assert found.id == "identity.E002"
    assert "token_urlsafe" in found.hint
    settings.HTTPS_ONLY = False
    assert checks.secret_key(None) == []


def test_a_strong_key(settings: Any) -> None:
    settings.SECRET_KEY = STRONG
    settings.HTTPS_ONLY = True
    assert checks.secret_key(None) == []


@pytest.mark.parametrize(
    ("hosts", "debug", "https", "expected"),
    [
        (["localhost", "127.0.0.1"], True, False, []),
        (["localhost", "identity.example"], False, True, []),
        (["identity.example"], False, False, ["identity.W004"]),
        (["identity.example"], True, True, ["identity.W003"]),
    ],
)
def test_names_that_others_reach(
    settings: Any, hosts: list[str], debug: bool, https: bool, expected: list[str]
) -> None:
    settings.ALLOWED_HOSTS, settings.DEBUG, settings.HTTPS_ONLY = hosts, debug, https
    found = checks.public_names(None)
    assert ids(found) == expected
    assert all("identity.example" in message.msg for message in found)


@pytest.mark.parametrize("engine", ["pgvector", "milvus"])
def test_an_engine_that_keeps_vectors_in_the_clear(settings: Any, engine: str) -> None:
    assert checks.gallery_engine(None) == []
    settings.GALLERY_BACKEND = engine
    (found,) = checks.gallery_engine(None)
    assert found.id == "identity.W006"
    assert "in the clear" in found.msg
