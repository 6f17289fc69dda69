"""A command as the first thing that is ever started in a data folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.migrations.executor import MigrationExecutor

from identity_site import embedded, env


def test_an_embedded_database_is_prepared(tmp_path: Path) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SITE_KEY", "DJANGO_SETTINGS_MODULE"}
    }
    environment["IDENTITY_DATA_DIR"] = str(tmp_path / "data")
    command = [sys.executable, env.BASE_DIR / "manage.py", "export_people", tmp_path / "out"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Preparing the database" in done.stderr
    assert (tmp_path / "out" / "data.csv").read_text().splitlines() == ["person_id,name,path,consent"]


@pytest.mark.parametrize("command", ["rebuild_index", "replay", "export_people"])
def test_another_database_is_left_alone(
    db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    arguments = {
        "replay": ["--policy", "1", "--since", "2026-01-31"],
        "export_people": [str(tmp_path / "out")],
    }.get(command, [])
    monkeypatch.setattr(embedded, "wanted", lambda: (False, False))
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *args, **kwargs: ["something"])
    with pytest.raises(CommandError, match="migrate"):
        call_command(command, *arguments)
    assert not list(tmp_path.iterdir())
