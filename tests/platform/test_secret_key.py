"""The key that a site makes for itself."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from identity_site import secret_key


def test_it_is_made_once_and_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    key = secret_key.kept_in(folder)
    assert len(key) >= 64
    assert secret_key.kept_in(folder) == key
    assert stat.S_IMODE((folder / secret_key.NAME).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [secret_key.NAME]


def test_each_site_has_its_own(tmp_path: Path) -> None:
    assert secret_key.kept_in(tmp_path / "a") != secret_key.kept_in(tmp_path / "b")


def test_first_starts_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: secret_key.kept_in(tmp_path), range(32)))
    assert len(keys) == 1


def test_an_unusable_folder_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match="Set SECRET_KEY, or IDENTITY_DATA_DIR"):
        secret_key.kept_in(tmp_path / "file")
