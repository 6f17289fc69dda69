"""`identify`, `verify` and `rebuild_index`: one shape for machines, a table for people, no traceback for anybody."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from recognition.management.service_command import Failed
from recognition.models import Decision, GalleryBuild
from recognition.services.gallery import index
from tests.commands.processes import run
from tests.fakes import black_jpeg, person_jpeg, wall_jpeg

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture
def picture(tmp_path):
    """Writes a picture and answers its path."""

    def picture(data: bytes, name: str = "probe.jpg"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return picture


def said(command: str, *arguments: object) -> str:
    out = StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue()


class TestIdentify:
    def test_every_face(self, enrol, picture):
        enrol(1)
        text = said("identify", picture(person_jpeg(1, 5, variant=9)))
        lines = text.splitlines()
        assert any(line.endswith("px: Fake Person 1 (F1)") for line in lines)
        assert any(
            line.endswith(
                "px: Nobody who may be recognised is similar enough. Suspended people are not looked for."
            )
            for line in lines
        )
        assert sum(line.split()[1:2] == ["F1"] for line in lines) == 2
        assert lines[-1].endswith(" ms")

    def test_no_face(self, enrol, picture):
        assert said("identify", picture(wall_jpeg())).startswith("No face was found.")

    def test_a_black_picture(self, enrol, picture):
        assert said("identify", picture(black_jpeg())).startswith("The face is too dark. Use more light.")

    def test_top_and_record(self, enrol, picture):
        for number in range(4):
            enrol(number, account=False)
        document = json.loads(said("identify", picture(person_jpeg(1)), "--json", "--top", 2, "--no-record"))
        assert len(document["faces"][0]["candidates"]) == 2
        assert not Decision.objects.exists()
        said("identify", picture(person_jpeg(1)))
        assert Decision.objects.get().kind == "identify"

    @pytest.mark.parametrize("top", [0, -1, 101])
    def test_top_out_of_range(self, picture, top):
        with pytest.raises(CommandError, match="between 1 and 100"):
            said("identify", picture(person_jpeg(1)), "--top", top)

    @committed
    def test_one_document_from_a_shell(self, enrol, picture):
        enrol(1, account=False)
        ended = run("identify", picture(person_jpeg(1, variant=9)), "--json")
        assert (ended.status, ended.err) == (0, "")
        assert set(ended.document) == {"faces", "timings_ms"}
        (face,) = ended.document["faces"]
        assert (face["decision"], face["candidates"][0]["external_id"]) == ("match", "F1")

    @pytest.mark.parametrize(
        ("data", "code"), [(b"", "empty"), (b"text", "unreadable"), (b"\xff" * (15 * 2**20 + 1), "too_large")]
    )
    def test_a_bad_file(self, db, picture, data, code):
        with pytest.raises(Failed) as caught:
            said("identify", picture(data))
        assert caught.value.code == code
        assert not Decision.objects.exists()

    def test_no_file_or_a_folder(self, db, tmp_path):
        for path in (tmp_path, tmp_path / "missing.jpg"):
            with pytest.raises(Failed) as caught:
                said("identify", path)
            assert caught.value.code == "missing"

    @committed
    def test_an_error_from_a_shell(self, db, picture):
        path = picture(b"text")
        ended = run("identify", path, "--json")
        assert (ended.status, ended.out, ended.error["code"]) == (1, "", "unreadable")
        ended = run("identify", path)
        assert (ended.status, ended.out) == (1, "")
        assert ended.err.startswith("Failed: The file is not a picture")
        assert len(ended.err.splitlines()) == 1


class TestVerify:
    @pytest.mark.parametrize(
        ("second", "text"),
        [
            (person_jpeg(1, variant=9), "The same person: score 0."),
            (person_jpeg(2), "Not the same person: score "),
            (wall_jpeg(), "No face was found."),
        ],
    )
    def test_what_it_says(self, db, picture, second, text):
        first = picture(person_jpeg(1), "first.jpg")
        assert said("verify", first, picture(second)).startswith(text)
        assert Decision.objects.get().kind == "verify"
        said("verify", first, picture(second), "--no-record")
        assert Decision.objects.count() == 1

    def test_for_machines(self, db, picture):
        document = json.loads(said("verify", *[picture(person_jpeg(1))] * 2, "--json"))
        assert (document["decision"], document["score"], document["threshold"]) == ("match", 1.0, 0.5)

    @pytest.mark.parametrize("bad_first", [True, False])
    def test_a_bad_file(self, db, picture, bad_first):
        pair = [picture(b"text", "bad.jpg"), picture(person_jpeg(1))]
        with pytest.raises(CommandError, match="not a picture"):
            said("verify", *(pair if bad_first else pair[::-1]))


class TestRebuildIndex:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path, monkeypatch):
        place = tmp_path / "gallery"
        monkeypatch.setattr(index, "gallery_folder", lambda: place)
        return place

    def test_it_always_builds(self, enrol):
        enrol(1)
        assert "1 people, 2 vectors" in said("rebuild_index")
        document = json.loads(said("rebuild_index", "--json"))
        build = GalleryBuild.objects.first()
        assert document["generation"] == build.pk
        assert (document["people"], document["vectors"], document["model"]) == (1, 2, "fake-embedder")

    def test_somebody_else_is_building(self, db, monkeypatch):
        monkeypatch.setattr(index, "_sole_writer", lambda: False)
        with pytest.raises(CommandError, match="Another process"):
            said("rebuild_index")

    def test_where_nothing_can_be_written(self, enrol, folder):
        folder.write_text("not a folder")
        with pytest.raises(CommandError, match="cannot be written"):
            said("rebuild_index")
        assert not GalleryBuild.objects.exists()


@pytest.mark.parametrize("command", ["import_people", "identify", "verify", "rebuild_index"])
def test_help(command, capsys):
    with pytest.raises(SystemExit) as caught:
        call_command(command, "--help")
    assert caught.value.code == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
@pytest.mark.faults
class TestFromAShellWithoutHelpers:
    def test_without_models(self, tmp_path):
        (tmp_path / "probe.jpg").write_bytes(person_jpeg(1))
        ended = run("identify", tmp_path / "probe.jpg", "--json", fake=False, MODELS_DIR=str(tmp_path))
        assert (ended.status, ended.out) == (1, "")
        assert ended.error["code"] in ("system_check", "not_ready")
        assert "manifest.json is missing" in ended.error["message"]

    def test_without_a_database(self, tmp_path):
        (tmp_path / "probe.jpg").write_bytes(person_jpeg(1))
        nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}
        nowhere |= {"SECRET_KEY": "x" * 60, "SITE_KEY": "y" * 60}
        ended = run("identify", tmp_path / "probe.jpg", "--json", **nowhere)
        assert (ended.status, ended.out) == (1, "")
        assert ended.error["code"] == "unavailable"
