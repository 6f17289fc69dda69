"""The embedded servers: started once, shared, stopped by the last who leaves, whatever happened before."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import redis

from identity_site import embedded
from identity_site.embedded import owner as owner_module
from identity_site.embedded import postgres
from identity_site.embedded import redis as redis_server
from identity_site.embedded.places import Places
from identity_site.env import BASE_DIR
from tests.platform.processes import Seen, User, alive, environment, processes_of, wait_until_gone

MakeUser = Callable[..., User]


def pids(data_dir: Path) -> tuple[int | None, int | None]:
    """Of PostgreSQL and Redis, None where it does not run."""
    places = Places(data_dir)
    servers = postgres.running(places), redis_server.running(places)
    return servers[0].pid if servers[0] else None, servers[1].pid if servers[1] else None


def query(data_dir: Path, sql: str) -> list[tuple[object, ...]]:
    url, _ = embedded.addresses(data_dir)
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []


def test_first_starts_second_joins_last_stops(data_dir: Path, user: MakeUser) -> None:
    first, second = user(), user()
    assert (first.answer(), second.answer()) == ("held", "held")
    running = pids(data_dir)
    assert None not in running

    first.leave()
    assert pids(data_dir) == running

    second.leave()
    assert pids(data_dir) == (None, None)
    wait_until_gone(data_dir)


def test_it_is_postgresql_18_with_pgvector_and_unicode(empty_dir: Path, user: MakeUser) -> None:
    assert user().answer() == "held"
    assert str(query(empty_dir, "SHOW server_version")[0][0]).startswith("18.")
    query(empty_dir, "CREATE EXTENSION vector")
    assert query(empty_dir, "SELECT '[1,2]'::vector <#> '[3,4]', lower('ÄÉ')") == [(-11.0, "äé")]


def test_data_outlives_the_servers(data_dir: Path, user: MakeUser) -> None:
    _, redis_url = embedded.addresses(data_dir)
    first = user()
    first.answer()
    query(data_dir, "CREATE TABLE kept AS SELECT 7 AS number")
    with redis.Redis.from_url(redis_url) as client:
        client.set("kept", "7")
    first.leave()

    user().answer()
    assert query(data_dir, "SELECT number FROM kept") == [(7,)]
    with redis.Redis.from_url(redis_url) as client:
        assert client.get("kept") == b"7"


def test_four_first_starts_at_once(empty_dir: Path, user: MakeUser) -> None:
    users = [user() for _ in range(4)]
    assert [one.answer() for one in users] == ["held"] * 4
    found = [process for process in processes_of(empty_dir) if "postgres" in process.name]
    assert sum(process.ppid not in {other.pid for other in found} for process in found) == 1
    for one in users:
        one.leave()
    wait_until_gone(empty_dir)


def test_folders_are_made_by_many_at_once(empty_dir: Path) -> None:
    owner = Places(empty_dir).owner()
    for round_ in range(20):
        places = Places(empty_dir / str(round_))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _, places=places: places.prepare(owner), range(8)))
        assert places.sockets.is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes an account")
@pytest.mark.parametrize("exists", [True, False])
def test_another_process_makes_the_account_first(monkeypatch: pytest.MonkeyPatch, exists: bool) -> None:
    nobody = pwd.getpwnam("nobody")
    account = pwd.struct_passwd(("identity-db", "x", 991, 991, "", "/nonexistent", "/usr/sbin/nologin"))
    known = {"nobody": nobody}

    def useradd(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if exists:
            known[command[-1]] = account
        return subprocess.CompletedProcess(command, 9, "", "useradd: user 'identity-db' already exists")

    monkeypatch.setattr(pwd, "getpwnam", lambda name: known[name])
    monkeypatch.setattr(subprocess, "run", useradd)
    assert owner_module._system_account() == (account if exists else nobody)


def test_a_file_where_the_folder_should_be(empty_dir: Path, user: MakeUser) -> None:
    (empty_dir / "file").touch()
    answer = user(empty_dir / "file").answer()
    assert answer.startswith("refused")
    assert "IDENTITY_DATA_DIR" in answer


@pytest.mark.parametrize("name", ["with spaces and 'quotes'", "Größe", "long-" + "x" * 120, "percent%20#?&"])
def test_any_folder_name(empty_dir: Path, user: MakeUser, name: str) -> None:
    folder = empty_dir / name
    one = user(folder)
    assert one.answer() == "held"
    assert query(folder, "SELECT 1") == [(1,)]
    with redis.Redis.from_url(embedded.addresses(folder)[1]) as client:
        assert client.ping()
    assert (folder / "embedded" / "postgres" / "PG_VERSION").exists()
    one.leave()
    assert not Places(folder).sockets.exists() or Places(folder).sockets.is_relative_to(folder)


def test_folders_of_others_sockets_are_refused(empty_dir: Path, user: MakeUser) -> None:
    folder = empty_dir / ("x" * 120)
    sockets = Places(folder).sockets
    sockets.mkdir(mode=0o777)
    sockets.chmod(0o777)
    try:
        answer = user(folder).answer()
        assert answer.startswith("refused")
        assert str(sockets) in answer
        wait_until_gone(folder)
    finally:
        sockets.rmdir()


@pytest.mark.faults
def test_a_killed_user_holds_nothing_up(data_dir: Path, user: MakeUser) -> None:
    killed, other = user(), user()
    assert (killed.answer(), other.answer()) == ("held", "held")
    killed.kill()
    assert None not in pids(data_dir)
    other.leave()
    assert pids(data_dir) == (None, None)


@pytest.mark.faults
def test_the_keeper_stops_what_killed_users_left(data_dir: Path, user: MakeUser) -> None:
    users = [user(), user()]
    assert [one.answer() for one in users] == ["held"] * 2
    for one in users:
        one.kill()
    wait_until_gone(data_dir)
    assert not (data_dir / "embedded" / "postgres" / "postmaster.pid").exists()


@pytest.mark.faults
def test_without_the_keeper_the_next_one_joins_and_stops(data_dir: Path, user: MakeUser) -> None:
    killed = user()
    killed.answer()
    running = pids(data_dir)
    (keeper,) = [process for process in processes_of(data_dir) if "keeper.py" in process.cmdline]
    keeper.kill()
    killed.kill()
    assert pids(data_dir) == running

    next_one = user()
    assert next_one.answer() == "held"
    assert pids(data_dir) == running
    next_one.leave()
    assert pids(data_dir) == (None, None)


@pytest.mark.faults
def test_killed_servers_come_back_with_what_was_committed(data_dir: Path, user: MakeUser) -> None:
    first = user()
    first.answer()
    query(data_dir, "CREATE TABLE kept AS SELECT 7 AS number")
    _kill_all(data_dir)
    assert (data_dir / "embedded" / "postgres" / "postmaster.pid").exists()

    assert user().answer() == "held"
    assert query(data_dir, "SELECT number FROM kept") == [(7,)]


@pytest.mark.faults
def test_a_pid_that_now_belongs_to_another_program(data_dir: Path, user: MakeUser) -> None:
    first = user()
    first.answer()
    _kill_all(data_dir)
    pid_file = data_dir / "embedded" / "postgres" / "postmaster.pid"
    owner = pid_file.stat()
    options = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    # PostgreSQL takes any living process of its own account for a server.
    with subprocess.Popen(["/bin/sleep", "120"], cwd="/", **options) as stranger:
        try:
            rest = pid_file.read_text().split("\n", 1)[1]
            pid_file.write_text(f"{stranger.pid}\n{rest}")
            assert user().answer() == "held"
            assert pids(data_dir)[0] != stranger.pid
            assert stranger.poll() is None
        finally:
            stranger.kill()


def _servers(data_dir: Path) -> list[Seen]:
    return [process for process in processes_of(data_dir) if "python" not in process.name]


def _kill_all(data_dir: Path) -> None:
    servers = _servers(data_dir)
    for process in servers:
        process.kill()
    # Their parent lives and has not looked at them, so they stay as zombies.
    deadline = time.monotonic() + 10
    while any(alive(server.process) for server in servers):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_interrupted_first_start_is_begun_again(empty_dir: Path, user: MakeUser) -> None:
    part = empty_dir / "embedded" / "postgres.part"
    part.mkdir(parents=True)
    (part / "PG_VERSION").write_text("18\n")
    assert user().answer() == "held"
    assert not part.exists()


def test_another_version_is_not_touched(empty_dir: Path, user: MakeUser) -> None:
    cluster = empty_dir / "embedded" / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("15\n")
    answer = user().answer()
    assert answer.startswith("refused")
    assert "PostgreSQL 15" in answer
    assert "pg_dump" in answer
    wait_until_gone(empty_dir)


def test_what_postgres_says_is_shown_when_it_does_not_start(data_dir: Path, user: MakeUser) -> None:
    first = user()
    first.answer()
    first.leave()
    (data_dir / "embedded" / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")
    answer = user().answer()
    assert answer.startswith("refused")
    assert "no_such_setting" in answer
    wait_until_gone(data_dir)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours(empty_dir: Path, user: MakeUser) -> None:
    empty_dir.chmod(0o500)
    answer = user(empty_dir / "below").answer()
    assert answer.startswith("refused")
    assert "IDENTITY_DATA_DIR" in answer


@pytest.mark.skipif(os.geteuid() != 0, reason="only root cannot run PostgreSQL itself")
def test_root_runs_the_servers_as_a_plain_account_and_keeps_the_folder_closed(
    empty_dir: Path, user: MakeUser
) -> None:
    assert user().answer() == "held"
    servers = _servers(empty_dir)
    assert servers
    assert all(server.uid != 0 for server in servers)
    assert empty_dir.stat().st_mode & 0o077 == 0o011
    assert (empty_dir / "embedded" / "postgres").stat().st_mode & 0o077 == 0


def test_importing_the_settings_starts_nothing(empty_dir: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", "import identity_site.settings"],
        cwd=BASE_DIR,
        env=environment(empty_dir),
        check=True,
        timeout=180,
    )
    assert not (empty_dir / "embedded").exists()


def test_configured_servers_replace_ours(empty_dir: Path) -> None:
    code = "from identity_site import embedded; embedded.hold(); print(embedded.wanted())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=BASE_DIR,
        env=environment(empty_dir, DATABASE_URL="postgresql://u@db/x", REDIS_URL="redis://cache:6379/0"),
        check=True,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.stdout.strip() == "(False, False)"
    assert not (empty_dir / "embedded").exists()


def test_a_forked_child_does_not_stop_the_servers(data_dir: Path) -> None:
    code = """
import os, sys
from identity_site import embedded
embedded.hold()
if os.fork() == 0:
    sys.exit(0)  # runs atexit handlers
os.wait()
import psycopg
psycopg.connect(embedded.addresses()[0]).close()
print("still there")
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=BASE_DIR,
        env=environment(data_dir),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.stdout.strip() == "still there", done.stderr
    wait_until_gone(data_dir)


def test_python_does_not_complain_about_what_outlives_it(data_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", "from identity_site import embedded; embedded.hold()"],
        cwd=BASE_DIR,
        env=environment(data_dir),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert (done.returncode, "ResourceWarning" in done.stderr) == (0, False), done.stderr


def test_a_forked_child_does_not_keep_the_servers(data_dir: Path) -> None:
    code = """
import os, time
from identity_site import embedded
embedded.hold()
child = os.fork()
if child == 0:
    os.close(1)
    time.sleep(20)
    os._exit(0)
embedded.release()
print(embedded.postgres.running(embedded.Places(embedded.env.data_dir())))
os.kill(child, 9)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=BASE_DIR,
        env=environment(data_dir),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.stdout.strip() == "None", done.stderr


@pytest.mark.faults
def test_a_removed_data_folder_leaves_no_servers(data_dir: Path, user: MakeUser) -> None:
    one = user()
    one.answer()
    servers = _servers(data_dir)
    assert len(servers) >= 2
    while data_dir.exists():  # the servers may write while it is being removed
        shutil.rmtree(data_dir, ignore_errors=True)
    one.leave()
    deadline = time.monotonic() + 10
    while any(alive(server.process) for server in servers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    wait_until_gone(data_dir)
    assert not data_dir.exists()


def test_a_data_folder_can_be_removed_once_it_was_left(data_dir: Path, user: MakeUser) -> None:
    """The keeper, which looks once more after the last user, must not bring a file back."""
    for _ in range(3):
        one = user()
        one.answer()
        one.leave()
        time.sleep(0.4)
    shutil.rmtree(data_dir)
    time.sleep(2.5)
    assert not data_dir.exists()
