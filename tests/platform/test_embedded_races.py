"""Starting at the very moment at which others stop."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from identity_site.embedded import keeper, stop_unused
from identity_site.embedded.places import Places
from identity_site.embedded.running import lock
from tests.platform.processes import User, wait_until_gone


def test_a_start_while_the_last_user_stops_the_servers(data_dir: Path) -> None:
    """Who stops them removes the socket folder under the lock that the one who starts is waiting for."""
    places = Places(data_dir)
    with lock(places.start_lock):
        starting = User(data_dir)
        deadline = time.monotonic() + 60
        while not places.sockets.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        places.sockets.rmdir()
    assert starting.answer() == "held"
    starting.leave()
    wait_until_gone(data_dir)


def test_a_keeper_that_was_about_to_leave_stays_for_who_started(
    empty_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper_lock, users_lock, sign = (str(empty_dir / name) for name in ("keeper.lock", "users.lock", "sign"))
    for path in (keeper_lock, users_lock, sign):
        Path(path).touch()
    unused = keeper.unused
    in_use = iter([True, False])
    watched: list[bool] = []
    monkeypatch.setattr(keeper, "watch", lambda *_: watched.append(unused(keeper_lock)))
    monkeypatch.setattr(keeper, "unused", lambda _: not next(in_use))
    keeper.main("", "", keeper_lock, users_lock, sign)
    assert watched == [False, False]
    assert unused(keeper_lock)


def test_stopping_brings_nothing_back_into_a_removed_folder(empty_dir: Path) -> None:
    stop_unused(empty_dir)
    (empty_dir / "embedded").mkdir()
    stop_unused(empty_dir)
    assert not list((empty_dir / "embedded").iterdir())
