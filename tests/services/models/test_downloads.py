from __future__ import annotations

import fcntl
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from recognition.services.errors import Invalid
from recognition.services.models import downloads
from recognition.services.models.downloads import RemoteFile, download

CONTENT = bytes(range(256)) * 2000
NAME = "weights.h5"


class Publisher(BaseHTTPRequestHandler):
    """Breaks off after `most` bytes of each answer, and answers the first `failing` requests with `status`."""

    content, most, status, failing, ranges = CONTENT, 10**9, 500, 0, True
    asked: list[str | None] = []

    def do_GET(self):
        kind = type(self)
        kind.asked.append(self.headers.get("Range"))
        if kind.failing:
            kind.failing -= 1
            self.send_error(kind.status)
            return
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1]) if kind.ranges else 0
        body = kind.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(kind.content) - 1}/{len(kind.content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: kind.most])

    def log_message(self, *args):
        pass


@pytest.fixture
def publisher():
    handler = type("Publisher", (Publisher,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    handler.address = f"http://127.0.0.1:{server.server_port}"
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


def remote(address="http://127.0.0.1:9", content=CONTENT):
    return RemoteFile(f"{address}/release/{NAME}", len(content), hashlib.sha256(content).hexdigest())


def test_the_whole_file(publisher, tmp_path):
    seen = []
    path = download(
        remote(publisher.address), tmp_path / "new", progress=lambda done, total: seen.append(done)
    )
    assert path == tmp_path / "new" / NAME
    assert path.read_bytes() == CONTENT
    assert seen[-1] == len(CONTENT)
    assert seen == sorted(seen)
    assert [p.name for p in path.parent.iterdir()] == [NAME]
    download(remote(publisher.address), path.parent)
    assert len(publisher.asked) == 1


def test_a_load_that_breaks_off_is_resumed(publisher, tmp_path):
    publisher.most = 200_000
    path = download(remote(publisher.address), tmp_path)
    assert path.read_bytes() == CONTENT
    assert publisher.asked[0] == "bytes=0-"
    assert publisher.asked[1] != "bytes=0-"


def test_also_by_the_next_run(publisher, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "TRIES", 1)
    publisher.most = 300_000
    with pytest.raises(Invalid, match="run the command again"):
        download(remote(publisher.address), tmp_path)
    assert not (tmp_path / NAME).exists()
    download(remote(publisher.address), tmp_path)
    assert publisher.asked[1] == "bytes=300000-"


def test_a_server_without_ranges(publisher, tmp_path):
    publisher.ranges = False
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:1000])
    assert download(remote(publisher.address), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"x" * 1000, b"x" * (len(CONTENT) + 5), b"x" * len(CONTENT)])
def test_a_wrong_beginning_is_thrown_away(publisher, tmp_path, left):
    (tmp_path / f"{NAME}.part").write_bytes(left)
    if len(left) <= len(CONTENT):
        with pytest.raises(Invalid, match="not the published file"):
            download(remote(publisher.address), tmp_path)
    assert download(remote(publisher.address), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"x", CONTENT + b"x", CONTENT[:-1]])
def test_another_file_is_never_kept(publisher, tmp_path, content):
    publisher.content = content
    with pytest.raises(Invalid):
        download(remote(publisher.address), tmp_path)
    assert not (tmp_path / NAME).exists()


def test_a_server_that_fails_for_a_moment(publisher, tmp_path):
    publisher.failing = 2
    assert download(remote(publisher.address), tmp_path).exists()


def test_a_file_that_is_not_there(publisher, tmp_path):
    publisher.failing, publisher.status = 9, 404
    with pytest.raises(Invalid, match="404"):
        download(remote(publisher.address), tmp_path)
    assert len(publisher.asked) == 1


def test_no_network(tmp_path):
    with pytest.raises(Invalid) as caught:
        download(remote(), tmp_path)
    for hint in ("could not be loaded", "MODELS_MIRROR", "import_model", NAME):
        assert hint in str(caught.value)


def test_a_mirror(publisher, tmp_path, settings):
    settings.MODELS_MIRROR = publisher.address + "/mirror/"
    assert download(remote(), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_folder_as_mirror(tmp_path, settings, form):
    mirror = tmp_path / "a mirror"
    mirror.mkdir()
    settings.MODELS_MIRROR = form.format(str(mirror) if form == "{}" else str(mirror).replace(" ", "%20"))
    with pytest.raises(Invalid, match="No such file"):
        download(remote(), tmp_path / "new")
    (mirror / NAME).write_bytes(CONTENT)
    assert download(remote(), tmp_path / "new").read_bytes() == CONTENT


def test_two_at_once(tmp_path):
    with (tmp_path / f"{NAME}.part").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(Invalid, match="another process"):
            download(remote(), tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Invalid) as caught:
        download(remote(), Path(tmp_path / "file" / "below"))
    assert caught.value.code == "unwritable"
