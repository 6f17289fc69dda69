from __future__ import annotations

import json
import shutil

import pytest

from recognition.engine import packaged
from recognition.engine.types import ConvertedModel, EngineError, ModelFileError
from recognition.models import Embedding, ModelVersion
from recognition.services.analysis import installed
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.identities import people
from recognition.services.models import catalogue as model_catalogue
from recognition.services.models import changes as model_changes
from recognition.services.models import conversion as model_conversion
from recognition.services.models import store as model_store
from tests.fakes import person_vector

CROP = {"shape": [1, 112, 112, 3]}


@pytest.fixture(autouse=True)
def data_folder(settings, tmp_path, db):
    settings.DATA_DIR = tmp_path


def embedder(content=b"weights"):
    return ConvertedModel("embedder", content, CROP, {"dimensions": 512}, {"mirrored": True})


def install(name="own", content=b"weights"):
    return model_store.install([embedder(content)], name=name, version="1", licence="ours")


def test_an_installed_model_is_found_verified_and_a_version(tmp_path):
    (spec,) = install()
    manifest = installed.read_manifest()
    assert manifest.spec("own") == spec
    assert manifest.path(spec).read_bytes() == b"weights"
    version = ModelVersion.objects.get(name="own")
    assert (version.sha256, version.dimensions, version.active) == (spec.sha256, 512, False)
    assert install() == [spec]
    assert len(json.loads((tmp_path / "models" / "manifest.json").read_text())["models"]) == 1


def test_a_damaged_file_says_how_to_install_it_again(tmp_path):
    (spec,) = install()
    (tmp_path / "models" / spec.file).write_bytes(b"weighty")
    with pytest.raises(ModelFileError, match="fetch_models own"):
        installed.read_manifest().path(spec)


def test_a_damaged_manifest_is_not_written_over(tmp_path):
    install()
    path = tmp_path / "models" / "manifest.json"
    path.write_text("{")
    with pytest.raises(ModelFileError, match="install the models again"):
        install("second")
    assert path.read_text() == "{"


@pytest.mark.parametrize("name", ["", "../up", "Own", "a b", "-a", "a/b", "x" * 90, ".hidden"])
def test_impossible_names(name):
    with pytest.raises(Invalid) as caught:
        install(name)
    assert caught.value.code == "bad_name"


def test_names_that_are_taken():
    install()
    with pytest.raises(Conflict, match="--remove own"):
        install(content=b"other weights")
    with pytest.raises(Conflict, match="bundled"):
        install("ghostfacenet-v1-1.3-2-2026nov2")


def test_weights_that_the_site_cannot_take_leave_no_file(tmp_path):
    install()
    ModelVersion.objects.update(active=True)
    shutil.rmtree(tmp_path / "models")  # a data folder made anew, with the former database
    with pytest.raises(Conflict, match="another name"):
        install(content=b"other weights")
    assert install()[0].sha256 == ModelVersion.objects.get(name="own").sha256


def test_removing(tmp_path):
    (spec,) = install()
    install("second")
    model_store.remove("own")
    assert not (tmp_path / "models" / spec.file).exists()
    assert not ModelVersion.objects.filter(name="own").exists()
    assert installed.read_manifest().spec("second")
    with pytest.raises(NotFound):
        model_store.remove("own")
    install(content=b"other weights")


def test_a_model_with_vectors_stays(tmp_path):
    (spec,) = install()
    version = ModelVersion.objects.get(name="own")
    ann = people.create_identity(name="Ann")
    Embedding.objects.create(identity=ann, model_version=version, vector=person_vector(1), source="x")
    with pytest.raises(Conflict, match="Remove them first"):
        model_store.remove("own")
    assert (tmp_path / "models" / spec.file).exists()
    model_changes.drop("own")
    ModelVersion.objects.update(active=True)
    with pytest.raises(Conflict, match="in use"):
        model_store.remove("own")


def test_a_detector_goes_with_its_second_file(tmp_path):
    files = [
        ConvertedModel("detector", b"small", {}, {}),
        ConvertedModel("detector", b"large", {}, {}, {}, "-640"),
    ]
    model_store.install(files, name="finder", version="f1")
    model_store.install([ConvertedModel("detector", b"third", {}, {})], name="finder-2", version="f2")
    assert not ModelVersion.objects.exists()
    model_store.remove("finder")
    assert sorted(p.name for p in (tmp_path / "models").iterdir()) == [
        "finder-2.tflite",
        "lock",
        "manifest.json",
    ]


def test_a_model_of_the_same_version_with_a_longer_name_stays(tmp_path):
    install("door")
    install("door-640", b"others")
    install("door-new", b"new")
    ModelVersion.objects.filter(name="door-new").update(active=True)
    model_store.remove("door")
    manifest = installed.read_manifest()
    for name in ("door-640", "door-new"):
        assert manifest.path(manifest.spec(name)).exists()
    assert not (tmp_path / "models" / "door.tflite").exists()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "models").write_bytes(b"")
    with pytest.raises(Invalid) as caught:
        install()
    assert caught.value.code == "unwritable"


class TestCatalogue:
    def test_what_is_offered(self):
        found = {offer.name: offer for offer in model_catalogue.offers()}
        assert set(found) == {"ghostfacenet-v1-1.3-1", *packaged.NAMES}
        official = found["ghostfacenet-v1-1.3-1"]
        assert (official.size, official.installed) == (17_271_840, False)
        assert official.accuracy["published"]["lfw"] == 0.9973

    def test_an_unknown_name_says_what_there_is(self):
        with pytest.raises(NotFound, match="sface-2021dec"):
            model_catalogue.fetch("nobody")

    def test_a_release_that_is_not_the_published_file(self, settings, tmp_path):
        (tmp_path / "GhostFaceNet_W1.3_S1_ArcFace.h5").write_bytes(b"something else")
        settings.MODELS_MIRROR = str(tmp_path)
        with pytest.raises(Invalid, match="not the published file"):
            model_catalogue.fetch("ghostfacenet-v1-1.3-1")

    def test_a_packaged_model(self, tmp_path):
        try:
            packaged.find("sface-2021dec")
        except ModelFileError as error:
            pytest.skip(str(error))
        (spec,) = model_catalogue.fetch("sface-2021dec")
        assert spec.file == "sface-2021dec.tflite"
        assert spec.settings == packaged.find("sface-2021dec").spec.settings
        assert (spec.input["scaling"], spec.output["dimensions"]) == ("x", 128)
        assert installed.read_manifest().path(spec).exists()
        assert installed.read_manifest().weights_path(spec).suffix == ".onnx"
        assert ModelVersion.objects.get().dimensions == 128
        assert model_catalogue.fetch("sface-2021dec") == [spec]


class TestConversion:
    def test_a_ready_embedder(self, settings):
        path = next(settings.MODELS_DIR.glob("ghostfacenet-v1-1.3-2-2026nov2.tflite"))
        (spec,) = model_catalogue.install_file(path, name="own", licence="ours")
        assert (spec.kind, spec.output["dimensions"], spec.source) == ("embedder", 512, path.name)
        assert spec.size == path.stat().st_size

    def test_a_network_of_another_kind(self, settings):
        path = next(settings.MODELS_DIR.glob("face-refiner-64.tflite"))
        with pytest.raises(ModelFileError, match="no embedder"):
            model_conversion.convert_file(path)
        with pytest.raises(ModelFileError, match="original weights"):
            model_conversion.convert_file(path, "refiner")

    @pytest.mark.parametrize("content", [b"", b"not a network", b"TFL3" * 100])
    def test_no_network_at_all(self, tmp_path, content):
        path = tmp_path / "model.tflite"
        path.write_bytes(content)
        with pytest.raises(ModelFileError):
            model_conversion.convert_file(path)

    def test_a_missing_file_and_a_folder(self, tmp_path):
        for path in (tmp_path / "none.h5", tmp_path):
            with pytest.raises(ModelFileError):
                model_conversion.convert_file(path)

    def test_without_tensorflow_it_says_what_to_install(self, tmp_path, monkeypatch):
        import sys

        path = tmp_path / "weights.h5"
        path.write_bytes(b"weights")
        monkeypatch.setitem(sys.modules, "keras", None)
        with pytest.raises(EngineError, match=r"requirements-train\.txt"):
            model_conversion.convert_file(path)


class TestOriginalWeights:
    """What a GPU worker builds the network from; see `recognition.engine.runtimes.keras_pool`."""

    def install(self, tmp_path, name="own", *, content=b"original"):
        original = tmp_path / "Somebody's weights.H5"
        original.write_bytes(content)
        return model_store.install([embedder()], name=name, version="1", original=original)

    def test_they_are_kept_and_verified(self, tmp_path):
        (spec,) = self.install(tmp_path)
        assert spec.weights["file"] == "own.h5"
        manifest = installed.read_manifest()
        path = manifest.weights_path(manifest.spec("own"))
        assert path.read_bytes() == b"original"
        path.write_bytes(b"trifling")
        with pytest.raises(ModelFileError, match="fetch_models own"):
            manifest.weights_path(manifest.spec("own"))

    def test_they_go_with_the_model(self, tmp_path):
        self.install(tmp_path)
        self.install(tmp_path, "other")
        model_store.remove("own")
        assert sorted(p.name for p in (tmp_path / "models").glob("*.*")) == [
            "manifest.json",
            "other.h5",
            "other.tflite",
        ]

    def test_a_model_that_was_installed_before_gets_them(self, tmp_path):
        install()
        manifest = installed.read_manifest()
        with pytest.raises(ModelFileError, match="names no original weights"):
            manifest.weights_path(manifest.spec("own"))
        self.install(tmp_path)
        manifest = installed.read_manifest()
        assert manifest.weights_path(manifest.spec("own")).exists()

    def test_a_detectors_two_files_share_them(self, tmp_path):
        original = tmp_path / "face.npz"
        original.write_bytes(b"original")
        files = [
            ConvertedModel("detector", c, {}, {}, {}, s) for c, s in ((b"small", ""), (b"large", "-640"))
        ]
        small, large = model_store.install(files, name="finder", version="f", original=original)
        assert small.weights == large.weights
        model_store.remove("finder")
        assert not list((tmp_path / "models").glob("finder*"))

    def test_converted_files_keep_theirs_and_ready_ones_have_none(self, tmp_path, settings, monkeypatch):
        ready = next(settings.MODELS_DIR.glob("ghostfacenet-v1-1.3-2-2026nov2.tflite"))
        (spec,) = model_catalogue.install_file(ready, name="ready")
        assert spec.weights == {}
        monkeypatch.setattr(model_catalogue, "convert_file", lambda path, kind: [embedder()])
        original = tmp_path / "net.h5"
        original.write_bytes(b"original")
        (spec,) = model_catalogue.install_file(original, name="converted")
        assert spec.weights["size"] == 8
