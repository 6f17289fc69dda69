"""`manage.py import_people`: what it prints, its exit status, and Ctrl-C in the middle."""

from __future__ import annotations

import shutil
import signal
import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from recognition.models import Identity, Photo
from tests.commands.processes import run, start, wait_for
from tests.fakes import person_jpeg, wall_jpeg
from tests.galleries import people_folder

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fake_model_in_use")]


@pytest.fixture
def folder(tmp_path):
    return people_folder(tmp_path / "people", 3, 2, walls=1)


def imported(*arguments: object) -> str:
    out = StringIO()
    call_command("import_people", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_it_records_that_everybody_agreed(folder, settings):
    settings.CONSENT_REQUIRED = True
    assert "There is no consent of Person 0 on record" in imported(folder)
    assert not Identity.objects.exists()
    imported(folder, "--consent")
    assert set(Identity.objects.values_list("consents__way", flat=True)) == {"import"}


def test_what_it_says(folder):
    (folder / "Wall").mkdir()
    (folder / "Wall" / "wall.jpg").write_bytes(wall_jpeg())
    text = imported(folder)
    assert "rejected   Person_0" in text
    assert "Person_0_0003.jpg  No face was found." in text
    assert "warning    Wall" in text
    assert text.endswith("4 people added. Photos: 6 enrolled, 0 enqueued, 0 there already, 2 rejected.\n")
    assert imported(folder).endswith(
        "0 people added. Photos: 0 enrolled, 0 enqueued, 8 there already, 0 rejected.\n"
    )


def test_a_zip_of_the_folder(folder):
    archive = shutil.make_archive(str(folder.parent / "people"), "zip", folder.parent, "people")
    text = imported(archive)
    assert "rejected   Person_0          Person_0/Person_0_0003.jpg " in text
    assert text.endswith("3 people added. Photos: 6 enrolled, 0 enqueued, 0 there already, 1 rejected.\n")
    assert imported(folder).endswith(
        "0 people added. Photos: 0 enrolled, 0 enqueued, 7 there already, 0 rejected.\n"
    )


def test_in_the_background(folder):
    assert "7 enqueued" in imported(folder, "--async")
    assert set(Photo.objects.values_list("state", flat=True)) == {"waiting"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing"], "no folder or CSV file at"),
        (["people", "--threads", "0"], "--threads must be at least 1"),
        (["empty"], "names nobody"),
        (["wrong.csv"], "lacks the columns name"),
        (["picture.jpg"], "not a CSV file in UTF-8"),
    ],
)
def test_what_cannot_be_imported(folder, arguments, said):
    place = folder.parent
    (place / "empty").mkdir()
    (place / "wrong.csv").write_text("id,path\n1,a.jpg\n")
    (place / "picture.jpg").write_bytes(person_jpeg(1))
    with pytest.raises(CommandError, match=said):
        imported(place / arguments[0], *arguments[1:])
    assert not Identity.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestFromAShell:
    def test_one_document_for_machines(self, folder):
        ended = run("import_people", folder, "--json")
        assert (ended.status, ended.err) == (0, "")
        document = ended.document
        assert (document["people"], document["enrolled"]) == (3, 6)
        assert document["reasons"] == {"no_face": 1}
        assert set(document["rejected"][0]) == {"external_id", "path", "reason", "message"}

    def test_an_error_is_a_document_on_stderr(self, tmp_path):
        ended = run("import_people", tmp_path / "missing", "--json")
        assert (ended.status, ended.out) == (1, "")
        assert ended.error["code"] == "no_such_path"

    def test_an_error_for_people(self, tmp_path):
        ended = run("import_people", tmp_path / "missing")
        assert (ended.status, ended.out) == (1, "")
        assert "There is no folder" in ended.err
        assert "Traceback" not in ended.err

    @pytest.mark.faults
    @pytest.mark.parametrize("for_machines", [False, True])
    def test_ctrl_c_leaves_whole_people_and_says_so(self, tmp_path, for_machines):
        many = people_folder(tmp_path / "many", 20, 10)
        process = start("import_people", many, *(["--json"] if for_machines else []))
        deadline = time.monotonic() + 120
        while process.poll() is None and Photo.objects.count() < 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        ended = wait_for(process)
        assert ended.status == 130
        assert "Traceback" not in ended.err
        done = Identity.objects.count()
        assert 2 <= done < 20
        assert set(Photo.objects.values_list("state", flat=True)) == {"ready"}
        assert Photo.objects.count() == 10 * done
        if for_machines:
            assert ended.out == ""
            assert ended.error["code"] == "interrupted"
            assert ended.error["detail"]["people"] == done
        else:
            assert f"{done} people added. Photos: {10 * done} enrolled" in ended.out
            assert "run it again for the rest" in ended.err
        left = [*sorted(many.iterdir())[:done], many / "Person_19"]
        for place in set(many.iterdir()) - set(left):
            shutil.rmtree(place)
        assert imported(many).startswith("1 people added. Photos: 10 enrolled")
