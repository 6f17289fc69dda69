"""`make qa` asks whether installed packages have known weaknesses, and does without where it cannot ask."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.conf import settings

SCRIPT = settings.BASE_DIR / "scripts" / "advisories.py"


def weakness(package: str) -> dict[str, object]:
    """As osv.dev describes one."""
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999.1"}]}]
    affected = [{"package": {"name": package, "ecosystem": "PyPI"}, "ranges": ranges}]
    return {"id": f"PYSEC-1-{package}", "summary": "Something is wrong.", "affected": affected}


class Database(BaseHTTPRequestHandler):
    """Answers like osv.dev, for one package with a weakness."""

    weak = ""
    status = 200

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
        body = json.dumps({"vulns": [weakness(asked)]} if asked == self.weak else {}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def database() -> Iterator[ThreadingHTTPServer]:
    handler = type("Handler", (Database,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(port: int, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--osv-url", f"http://127.0.0.1:{port}/v1/query", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_nothing_is_known(database):
    done = ask(database.server_port)
    assert done.returncode == 0, done.stderr
    assert "installed packages checked, nothing known" in done.stdout


def test_a_package_of_the_site_has_a_weakness(database):
    database.RequestHandlerClass.weak = "django"
    done = ask(database.server_port)
    assert done.returncode == 1
    assert "PYSEC-1-django, mended in 999.1" in done.stdout
    assert ask(database.server_port, "--ignore-vuln", "PYSEC-1-django").returncode == 0


def test_pip_is_named_but_no_part_of_the_site(database):
    database.RequestHandlerClass.weak = "pip"
    done = ask(database.server_port)
    assert done.returncode == 0
    assert "PYSEC-1-pip" in done.stdout


def test_the_database_is_away(database):
    """Nobody listens at the port of a server that was closed; or it answers that it is down."""
    database.RequestHandlerClass.status = 503
    down = ask(database.server_port)
    closed = ThreadingHTTPServer(("127.0.0.1", 0), Database)
    closed.server_close()
    for done in (down, ask(closed.server_port)):
        assert done.returncode == 0, done.stderr
        assert "NOT checked" in done.stdout


def test_other_trouble_is_no_missing_network(database):
    done = ask(database.server_port, "--no-such-option")
    assert done.returncode == 1
    assert "--no-such-option" in done.stderr
