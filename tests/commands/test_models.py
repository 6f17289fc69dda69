"""`manage.py fetch_models`, `import_model` and `reembed`."""

from __future__ import annotations

import json
import signal
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from recognition.engine import packaged
from recognition.engine.types import ModelFileError
from recognition.models import Embedding, ModelChange, ModelVersion
from recognition.services.analysis import installed
from recognition.services.analysis.analyzer import Analyzer, use_analyzer
from recognition.services.analysis.installed import active_model
from recognition.services.models import changes as model_changes
from recognition.services.recognition import recognise
from tests.commands.processes import COMMAND
from tests.commands.processes import run as run_process
from tests.fakes import person_jpeg
from tests.galleries import people_folder

OTHER = "other-embedder"
DEMO = Path(__file__).parents[2] / "demo" / "people"


def run(command: str, *arguments: object) -> str:
    out = StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue()


@pytest.fixture
def data_folder(settings, tmp_path, db):
    settings.DATA_DIR = tmp_path / "data"
    return settings.DATA_DIR


class TestFetchModels:
    def test_the_list(self, data_folder):
        said = run("fetch_models", "--list")
        for name in ("ghostfacenet-v1-1.3-1", "sface-2021dec", "yunet-2023mar"):
            assert name in said
        document = json.loads(run("fetch_models", "--list", "--json"))
        assert {offer["name"] for offer in document} >= {"ghostfacenet-v1-1.3-1"}

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [((), "--list"), (("nobody",), "no model 'nobody'"), (("--remove", "nobody"), "nobody")],
    )
    def test_names_that_are_none(self, data_folder, arguments, message):
        with pytest.raises(CommandError, match=message):
            run("fetch_models", *arguments)

    def test_without_a_network_it_says_what_to_do(self, data_folder, settings):
        settings.MODELS_MIRROR = "http://127.0.0.1:9/"
        with pytest.raises(CommandError, match="MODELS_MIRROR"):
            run("fetch_models", "ghostfacenet-v1-1.3-1")

    def test_installing_and_removing(self, data_folder):
        try:
            packaged.find("sface-2021dec")
        except ModelFileError as error:
            pytest.skip(str(error))
        said = run("fetch_models", "sface-2021dec", "yunet-2023mar")
        assert "reembed --model sface-2021dec" in said
        assert ModelVersion.objects.filter(name="sface-2021dec").exists()
        run("fetch_models", "--remove", "sface-2021dec")
        assert [spec.name for spec in installed.read_manifest().specs if spec.name in packaged.NAMES] == [
            "yunet-2023mar"
        ]


class TestImportModel:
    def test_a_converted_embedder(self, data_folder, settings):
        file = Path(settings.MODELS_DIR) / "ghostfacenet-v1-1.3-2-2026nov2.tflite"
        document = json.loads(run("import_model", file, "--name", "own", "--licence", "ours", "--json"))
        (spec,) = document["installed"]
        assert (spec["name"], spec["licence"], spec["kind"]) == ("own", "ours", "embedder")
        assert "reembed --model own" in run("import_model", file, "--name", "own-2")

    @pytest.mark.parametrize("name", ["../own", "ghostfacenet-v1-1.3-2-2026nov2"])
    def test_names_that_it_may_not_have(self, data_folder, settings, name):
        file = Path(settings.MODELS_DIR) / "ghostfacenet-v1-1.3-2-2026nov2.tflite"
        with pytest.raises(CommandError):
            run("import_model", file, "--name", name)

    def test_a_file_that_is_no_model(self, data_folder, tmp_path):
        (tmp_path / "notes.tflite").write_text("nothing")
        for file in ("notes.tflite", "none.h5"):
            with pytest.raises(CommandError, match=file.split(".")[0]):
                run("import_model", tmp_path / file, "--name", "own")


@pytest.mark.django_db
class TestReembed:
    def test_from_beginning_to_going_back(self, enrol):
        people = [enrol(number) for number in range(1, 4)]
        said = run("reembed", "--model", OTHER)
        assert "6 of 6 photos computed, 0 to do" in said
        assert "to come" in said
        assert "reembed --activate" in said
        assert active_model().name == "fake-embedder"
        assert "other-embedder is the model in use" in run("reembed", "--activate")
        (face,) = recognise.identify(person_jpeg(2, variant=5)).faces
        assert face.identity == people[1]
        assert json.loads(run("reembed", "--status", "--json")) == {"model": OTHER, "change": None}
        assert "fake-embedder is in use again" in run("reembed", "--rollback")
        assert "6 vectors" in run("reembed", "--drop", OTHER)

    def test_in_one_step(self, enrol):
        enrol(1)
        document = json.loads(run("reembed", "--model", OTHER, "--activate", "--json"))
        assert (document["state"], document["to"], document["missing"]) == ("done", OTHER, 0)

    def test_in_the_background(self, enrol):
        enrol(1)
        run("reembed", "--model", OTHER, "--async")
        assert not Embedding.objects.filter(model_version__name=OTHER).exists()
        assert json.loads(run("reembed", "--status", "--json"))["missing"] == 2

    def test_stopping(self, enrol):
        enrol(1)
        run("reembed", "--model", OTHER)
        run("reembed", "--stop")
        assert model_changes.open_change() is None

    @pytest.mark.parametrize(
        "arguments",
        [(), ("--activate",), ("--stop",), ("--rollback",), ("--model", "nobody"), ("--drop", "nobody")],
    )
    def test_wishes_that_cannot_be_met(self, arguments):
        active_model()
        with pytest.raises(CommandError):
            run("reembed", *arguments)
        assert not ModelChange.objects.exists()

    def test_a_model_without_thresholds_gets_them_from_photos(self, enrol, tmp_path):
        enrol(1)
        said = run("reembed", "--model", "bare-embedder")
        assert "calibrate --model bare-embedder" in said
        with pytest.raises(CommandError, match="calibrate"):
            run("reembed", "--activate")
        folder = people_folder(tmp_path / "people", people=20, photos=4)
        run("calibrate", folder, "--model", "bare-embedder", "--fmr", "0.01", "--fpir", "0.2", "--activate")
        run("reembed", "--activate")
        assert active_model().name == "bare-embedder"


KILLED = f"""
import os, signal
from recognition.services.models import changes as model_changes
real = model_changes._note
def note(*args):
    real(*args)
    os.kill(os.getpid(), signal.SIGKILL)
model_changes._note = note
model_changes.BATCH = 2
{COMMAND}
"""


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_a_killed_command_is_continued_by_the_next(enrol):
    for number in range(1, 4):
        enrol(number)
    active_model()
    done = run_process("reembed", "--model", OTHER, code=KILLED)
    assert done.status == -signal.SIGKILL
    assert Embedding.objects.filter(model_version__name=OTHER).count() == 2
    change = ModelChange.objects.get()
    assert (change.state, bool(change.worker), change.done) == ("computing", True, 2)
    # Its lease runs out within a minute.
    ModelChange.objects.update(worker_until=timezone.now() + timedelta(seconds=1))
    done = run_process("reembed", "--activate", "--json")
    assert done.status == 0, done.err
    assert done.document["state"] == "done"
    assert Embedding.objects.filter(model_version__name=OTHER).count() == 6
    assert active_model().name == OTHER


def test_a_site_that_asks_for_a_model_that_is_missing_can_fetch_it(db):
    wish = {"EMBEDDER": "ghostfacenet-v1-1.3-1"}
    done = run_process("identify", "none.jpg", fake=False, **wish)
    assert done.status
    assert "fetch_models" in done.err
    assert run_process("fetch_models", "--list", fake=False, **wish).status == 0


@pytest.mark.models
@pytest.mark.django_db
def test_real_networks_from_ghostfacenet_to_sface(settings, tmp_path):
    """Twenty real people are recognised by the one, by the other, and by the first again."""
    try:
        packaged.find("sface-2021dec")
    except ModelFileError as error:
        pytest.skip(str(error))
    settings.DATA_DIR = tmp_path
    settings.EMBEDDER = "ghostfacenet-v1-1.3-2-2026nov2"
    with use_analyzer(Analyzer(Path(settings.MODELS_DIR), installed=tmp_path / "models")):
        run("import_people", DEMO)
        run("fetch_models", "sface-2021dec")
        probe = (DEMO.parent / "probes" / "P001.jpg").read_bytes()
        scores = {}
        for step in (("--status",), ("--model", "sface-2021dec", "--activate"), ("--rollback",)):
            run("reembed", *step)
            (face,) = recognise.identify(probe).faces
            assert face.identity.external_id == "P001"
            scores[active_model().name] = face.candidates[0].score
        assert len(set(scores.values())) == 2
