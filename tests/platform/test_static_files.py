"""Static files are collected when they changed, and only then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from identity_site import static_files


@pytest.fixture
def source(settings: Any, tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.css").write_text("body {}")
    settings.STATICFILES_DIRS = [source]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "collected"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    return source


def manifest(settings: Any) -> dict[str, str]:
    found: dict[str, str] = json.loads((settings.STATIC_ROOT / "staticfiles.json").read_text())["paths"]
    return found


def test_once_until_something_changes(source: Path, settings: Any) -> None:
    assert static_files.collect()
    first = manifest(settings)["a.css"]
    assert (settings.STATIC_ROOT / first).read_text() == "body {}"
    assert not static_files.collect()

    (source / "a.css").write_text("body { margin: 0 }")
    assert static_files.collect()
    assert manifest(settings)["a.css"] != first


def test_removed_files_go(source: Path, settings: Any) -> None:
    (source / "b.css").write_text("p {}")
    static_files.collect()
    (source / "b.css").unlink()
    assert static_files.collect()
    assert list(manifest(settings)) == ["a.css"]
    assert not (settings.STATIC_ROOT / "b.css").exists()


def test_an_interrupted_collection_is_made_again(source: Path, settings: Any) -> None:
    static_files.collect()
    (settings.STATIC_ROOT / "staticfiles.json").unlink()
    assert static_files.collect()
    assert "a.css" in manifest(settings)
