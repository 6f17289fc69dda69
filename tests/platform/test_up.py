"""`manage.py up`, run as a newcomer runs it, on a free port and in a folder of its own."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis
from django.conf import settings
from django.core.management.base import CommandError

from identity_site import embedded
from identity_site.env import BASE_DIR
from recognition.management.commands import up
from tests.platform.processes import Seen, User, environment, processes_of, wait_until_gone

TOKEN = "the-token-of-an-operator"


class Site:
    """A running `manage.py up` and what it printed."""

    def __init__(self, data_dir: Path, *arguments: str) -> None:
        self.data_dir = data_dir
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", *arguments],
            cwd=BASE_DIR,
            env=environment(
                data_dir,
                WEB_WORKERS="1",
                WORKER_PROCESSES="1",
                PYTHONUNBUFFERED="1",
                METRICS_TOKEN=TOKEN,
                METRICS_DIR=str(data_dir / "metrics"),
                INDEX_CHECK_SECONDS="5",
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            umask=0,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(iter(self.process.stdout.readline, ""))

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def wait_for(self, text: str, seconds: float = 120) -> str:
        deadline = time.monotonic() + seconds
        while text not in self.output:
            assert time.monotonic() < deadline, self.output
            assert self.process.poll() is None, self.output
            time.sleep(0.1)
        return self.output

    @property
    def address(self) -> str:
        found = re.search(r"The site runs at (http://\S+)/", self.output)
        assert found, self.output
        return found[1]

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(self.address + path, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode(errors="replace")

    def end(self, name: signal.Signals = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(name)
        status = self.process.wait(60)
        self._reader.join(10)
        # Closing it while a line is awaited would wait for ever for a process that was left behind.
        assert not self._reader.is_alive(), f"something still writes: {processes_of(self.data_dir)}"
        assert self.process.stdout
        self.process.stdout.close()
        return status


@pytest.fixture
def site(data_dir: Path) -> Iterator[Site]:
    started = Site(data_dir, "--port", "0", "--no-demo")
    yield started
    started.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def lasting_site(module_dir: Path) -> Iterator[Site]:
    """Of the tests that kill a part of it: each finds it whole and leaves it whole."""
    started = Site(module_dir, "--port", "0", "--no-demo")
    started.wait_for("Ctrl-C stops everything.")
    yield started
    started.end(signal.SIGTERM)


def open_to_others(folder: Path) -> list[Path]:
    """What group or others can reach and read or change; that they may pass towards the servers' files is no harm."""
    found = []
    for path in [folder, *folder.iterdir()]:
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & 0o066:
            found.append(path)
        elif path != folder and stat.S_ISDIR(mode) and mode & 0o011:
            found += open_to_others(path)
    return found


def named(data_dir: Path, word: str) -> list[Seen]:
    return [process for process in processes_of(data_dir) if word in process.cmdline]


def test_a_site_from_start_to_ctrl_c_and_again(data_dir: Path, site: Site) -> None:
    site.wait_for("Ctrl-C stops everything.")
    password = re.search(r"Administrator: admin   password: (\S{16})\n", site.output)
    assert password
    closing = site.output.partition("The site runs at")[2]
    assert f"as admin, password       {password[1]}" in closing
    assert site.get("/healthz") == (200, '{"status": "ok"}')
    status, page = site.get("/accounts/login/")
    assert status == 200
    stylesheet = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert stylesheet
    assert site.get(stylesheet[1])[0] == 200
    assert "password" in site.get("/admin/")[1]
    assert open_to_others(data_dir) == []

    assert site.end(signal.SIGINT) == 0
    assert "Stopped." in site.output
    wait_until_gone(data_dir)

    again = Site(data_dir, "--port", "0", "--no-demo")
    try:
        again.wait_for("Ctrl-C stops everything.")
        assert "password:" not in again.output
        assert again.get("/healthz")[0] == 200
    finally:
        assert again.end(signal.SIGTERM) == 0
    wait_until_gone(data_dir)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "127.0.0.1"),
        ("::1", "[::1]"),
        ("a.example", "a.example"),
    ],
)
def test_the_address_that_is_shown(host: str, address: str) -> None:
    assert up.shown(host) == address


@pytest.mark.parametrize("port", [-1, 70_000])
def test_no_port_number(port: int) -> None:
    with pytest.raises(CommandError, match=f"{port} is no port number"):
        up.free_port("127.0.0.1", port)


@pytest.mark.models
def test_a_newcomer_finds_the_demo_people_recognised(data_dir: Path) -> None:
    site = Site(data_dir, "--port", "0")
    try:
        output = site.wait_for("Ctrl-C stops everything.", seconds=300)
        assert "20 people added" in output
        assert "with a demo picture      start with LIVENESS=off, then demo/probes/P001.jpg" in output
        (face,) = _manage(data_dir, "identify", "demo/probes/P001.jpg", "--json")["faces"]
        assert face["decision"] == "match"
        assert face["candidates"][0]["external_id"] == "P001"
        deadline = time.monotonic() + 120
        # Right after the start a busy machine's worker may not answer in time.
        while not (doctor := _manage(data_dir, "doctor", "--json"))["ok"]:
            assert time.monotonic() < deadline, doctor
            time.sleep(1)
    finally:
        site.end()
    wait_until_gone(data_dir)


def _manage(data_dir: Path, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=environment(data_dir),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_a_taken_port(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        site = Site(data_dir, "--port", str(port))
        try:
            assert site.process.wait(120) == 1
        finally:
            site.end()
    assert f"Port {port} on 127.0.0.1 cannot be used" in site.output
    assert f"--port {port + 1}" in site.output
    assert "Traceback" not in site.output
    wait_until_gone(data_dir)


def test_metrics_of_web_server_and_worker(lasting_site: Site) -> None:
    """Each process of the site counts for itself; one page shows the sum."""
    site = lasting_site
    assert site.get("/accounts/login/")[0] == 200
    shown = {
        'identity_requests_total{area="accounts",method="GET",status="200"}',
        'identity_tasks_total{state="success",task="recognition.rebuild_index_if_stale"}',
        'identity_workers{queue="recognition"} 1.0',
        'identity_up{server="redis"} 1.0',
    }
    deadline = time.monotonic() + 60
    while missing := {
        line for line in shown if line not in site.get("/metrics", Authorization=f"Bearer {TOKEN}")[1]
    }:
        assert time.monotonic() < deadline, missing
        time.sleep(1)
    assert json.loads(site.get("/readyz")[1])["ready"]
    with pytest.raises(urllib.error.HTTPError, match="401"):
        site.get("/metrics")


@pytest.mark.faults
def test_killed_children_come_back(lasting_site: Site) -> None:
    site, data_dir = lasting_site, lasting_site.data_dir
    for word, name in (("gunicorn", "web server"), ("celery", "worker")):
        children = [p for p in named(data_dir, word) if p.ppid == site.process.pid]
        assert len(children) == 1
        orphans = children[0].process.children(recursive=True)
        children[0].kill()
        site.wait_for(f"the {name} ended, starting it again")
        _, left = psutil.wait_procs(orphans, timeout=60)
        assert not left
    deadline = time.monotonic() + 60
    while True:
        try:
            assert site.get("/healthz")[0] == 200
            break
        except OSError:
            assert time.monotonic() < deadline, site.output
            time.sleep(0.2)


def _stored(data_dir: Path) -> tuple[object, object]:
    """Something in either server."""
    database_url, redis_url = embedded.addresses(data_dir)
    with psycopg.connect(database_url) as connection, redis.Redis.from_url(redis_url) as client:
        client.set("kept", "here", nx=True)
        return connection.execute("SELECT username, password FROM accounts_user").fetchone(), client.get(
            "kept"
        )


@pytest.mark.faults
@pytest.mark.parametrize(("word", "name"), [("postgres -D", "PostgreSQL"), ("redis-server", "Redis")])
def test_a_killed_server_comes_back(lasting_site: Site, word: str, name: str) -> None:
    """Found by `up` itself; web server and worker go on without being started again, and nothing is lost."""
    site, data_dir = lasting_site, lasting_site.data_dir
    before, others = (
        _stored(data_dir),
        {p.pid for p in named(data_dir, "gunicorn") + named(data_dir, "celery")},
    )
    (server,) = named(data_dir, word)
    server.kill()
    site.wait_for(f"{name} had ended and was started again", seconds=60)
    assert _stored(data_dir) == before
    deadline = time.monotonic() + 60
    while not (doctor := _manage(data_dir, "doctor", "--json"))["ok"]:
        assert time.monotonic() < deadline, doctor
        time.sleep(0.5)
    # The key is looked for in PostgreSQL, the stranger's attempts are counted in Redis; without either it is a 503.
    request = urllib.request.Request(
        f"{site.address}/api/v1/people", headers={"Authorization": "Bearer fid_nobody"}
    )
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request, timeout=30)
    assert others <= {p.pid for p in processes_of(data_dir)}


@pytest.mark.faults
def test_nothing_is_left_when_it_is_killed_itself(data_dir: Path, site: Site) -> None:
    site.wait_for("Ctrl-C stops everything.")
    site.process.kill()
    site.process.wait()
    wait_until_gone(data_dir, seconds=60)


@pytest.mark.faults
def test_beat_and_the_pool_end_with_a_killed_worker(data_dir: Path) -> None:
    user = User(data_dir)
    assert user.answer() == "held"
    worker = subprocess.Popen(
        [*up.worker().command, "--schedule", str(data_dir / "schedule")],
        cwd=BASE_DIR,
        env=environment(data_dir),
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while len(children := psutil.Process(worker.pid).children()) < 1 + settings.WORKER_PROCESSES:
            assert time.monotonic() < deadline, children
            time.sleep(0.1)
    finally:
        worker.kill()
        worker.wait()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
    user.leave()
    wait_until_gone(data_dir)
