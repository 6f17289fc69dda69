"""The gallery file is in memory, and in a folder that nobody else can write to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from identity_site import memory_folder
from recognition.engine.types import GalleryError
from recognition.services.gallery.live import check_folder


def test_each_site_has_its_own_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_folder, "MEMORY", tmp_path)
    here, there = memory_folder.default(Path("/srv/a")), memory_folder.default(Path("/srv/b"))
    assert here.parent == tmp_path
    assert here != there
    assert here == memory_folder.default(Path("/srv/a"))
    assert str(os.geteuid()) in here.name


def test_without_such_a_place_it_is_in_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_folder, "MEMORY", tmp_path / "nothing")
    assert memory_folder.default(tmp_path) == tmp_path / "gallery"


def test_a_folder_of_somebody_else_is_not_used(tmp_path, monkeypatch):
    check_folder(tmp_path / "not there yet")
    (tmp_path / "ours").mkdir(mode=0o700)
    check_folder(tmp_path / "ours")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path / "ours")
    for name in ("open", "link"):
        with pytest.raises(GalleryError, match="Set GALLERY_DIR"):
            check_folder(tmp_path / name)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(GalleryError):
        check_folder(tmp_path / "ours")
