"""Which embedder a site starts with, and which one it is told of. The models are the real ones of the manifest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recognition import tasks
from recognition.engine import packaged
from recognition.models import Embedding, ModelChange, ModelVersion
from recognition.services import thresholds
from recognition.services.analysis import installed
from recognition.services.analysis.analyzer import Analyzer, use_analyzer
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.models import catalogue, strongest
from recognition.services.models import changes as model_changes
from recognition.services.models import store as model_store
from recognition.services.models.switch import switch_if_wished
from recognition.services.thresholds import active_policy
from tests.fakes import person_vector

PUBLISHED = catalogue.RELEASES[0].name
BUNDLED = "ghostfacenet-v1-1.3-2-2026nov2"
SFACE = "sface-2021dec"


@pytest.fixture(autouse=True)
def new_site(settings, tmp_path, db):
    settings.DATA_DIR = tmp_path


@pytest.fixture
def unreachable(monkeypatch):
    """The publisher's server does not answer."""

    def download(remote, folder, **how):
        asked.append(how["patience"])
        raise Invalid("not_loaded", f"{remote.name} could not be loaded: no route. What has come is kept.")

    asked: list[float | None] = []
    monkeypatch.setattr(catalogue, "download", download)
    return asked


def figures(monkeypatch, *, accuracy, refused):
    """The bundled model as it would be with other figures."""
    manifest = installed.read_manifest()
    spec = manifest.spec(BUNDLED)
    other = replace(
        spec,
        accuracy={"lfw_whole_chain": {"mirrored": {"accuracy": accuracy}}},
        settings={"policy": {"measurements": {"verify": {"fnmr": refused}}}},
    )
    changed = replace(manifest, specs=tuple(other if s.name == BUNDLED else s for s in manifest.specs))
    monkeypatch.setattr(strongest.analysis, "read_manifest", lambda: changed)


@pytest.mark.parametrize(
    ("accuracy", "refused", "first"),
    [(0.966, 0.198, SFACE), (0.979, 0.05, SFACE), (0.99, 0.11, SFACE), (0.98, 0.10, BUNDLED)],
)
def test_the_bundled_one_comes_first_once_it_is_good_enough(monkeypatch, accuracy, refused, first):
    figures(monkeypatch, accuracy=accuracy, refused=refused)
    assert strongest.strongest().name == first


def test_without_the_package_the_bundled_one_is_the_strongest(monkeypatch):
    monkeypatch.setattr(packaged, "distribution", _no_package)
    assert strongest.strongest().name == BUNDLED


def _no_package(name):
    raise packaged.PackageNotFoundError(name)


def test_a_new_site_starts_with_the_strongest_and_says_how_good_it_is():
    said: list[str] = []
    version = strongest.start(tell=said.append)
    assert (version.name, version.active) == (SFACE, True)
    assert installed.active_model() == version
    (line,) = said
    assert "99.2 % of LFW's pairs, refuses one in 116 genuine pairs" in line


def test_the_published_one_is_looked_for_first(unreachable):
    said: list[str] = []
    assert strongest.start(fetch=True, tell=said.append).name == SFACE
    assert unreachable == [strongest.PATIENCE]
    assert PUBLISHED in said[0]
    assert "no route)" in said[-1]
    assert f"manage.py reembed --model {PUBLISHED} --activate" in said[-1]


def test_the_published_one_is_taken_when_it_is_there(monkeypatch, settings):
    def install_file(path, *, name, kind, policy, **facts):
        content = model_store.ConvertedModel(kind, b"weights", {}, {"dimensions": 512}, {"policy": policy})
        return model_store.install([content], name=name, **facts)

    monkeypatch.setattr(catalogue, "download", lambda remote, folder, **how: folder / remote.name)
    monkeypatch.setattr(catalogue, "install_file", install_file)
    version = strongest.start(fetch=True)
    assert version.name == PUBLISHED
    assert strongest.stronger_than(version) is None
    with use_analyzer(Analyzer(settings.MODELS_DIR, installed=settings.DATA_DIR / "models")):
        policy = active_policy(version)
        assert (policy.is_measured, policy.fmr, policy.fpir) == (False, None, None)
        assert "nobody knows which errors it allows" in thresholds.warnings(policy)[0]
    # Above what DeepFace accepts and above the pair of strangers that is reported.
    assert 0.35 < policy.verify_threshold < policy.identify_threshold


def test_a_load_that_takes_too_long_is_broken_off(monkeypatch):
    monkeypatch.setattr(strongest, "LONGEST", -1.0)
    monkeypatch.setattr(
        catalogue, "download", lambda remote, folder, progress, patience: progress(5, 17_000_000)
    )
    said: list[str] = []
    assert strongest.start(fetch=True, tell=said.append).name == SFACE
    assert "only 5 of 17,000,000 bytes came" in said[-1]


@pytest.mark.parametrize("name", [BUNDLED, SFACE])
def test_the_setting_chooses(settings, unreachable, name):
    settings.EMBEDDER = name
    assert strongest.start(fetch=True).name == name
    assert unreachable == []


def test_a_setting_that_names_nothing(settings):
    settings.EMBEDDER = "nobody"
    with pytest.raises(NotFound, match="sface-2021dec"):
        strongest.start()
    assert not ModelVersion.objects.exists()


def test_a_site_that_has_a_model_keeps_it(unreachable):
    version = installed.active_model()
    assert strongest.start(fetch=True) == version
    assert unreachable == []


def test_what_is_stronger_is_named():
    version = installed.start_with(installed.read_manifest().spec(BUNDLED))
    better = strongest.stronger_than(version)
    assert (better.name, better.at_hand) == (PUBLISHED, False)
    assert better.change == f"reembed --model {PUBLISHED} --activate"


def test_nothing_is_said_of_a_model_that_nobody_measured():
    content = model_store.ConvertedModel("embedder", b"weights", {}, {"dimensions": 512}, {})
    (spec,) = model_store.install([content], name="own", version="1")
    assert strongest.stronger_than(installed.start_with(spec)) is None


class TestOneClick:
    """From the model in use to the strongest at hand, switched to by the workers."""

    @pytest.fixture
    def change(self, enrol, monkeypatch, settings, tmp_path):
        """Begun on a site of fake models, of which another one is the strongest."""
        ann = enrol(1)
        other = strongest.Candidate("other-embedder", {"published": {"lfw": 0.99}}, {})
        monkeypatch.setattr(strongest, "candidates", lambda: [other])
        monkeypatch.setattr(catalogue, "fetch", lambda name: [])
        change = strongest.change_to_stronger(installed.active_model())
        assert change.switch_when_ready
        assert ann.embeddings.count() == 2
        return change

    def test_the_workers_compute_and_switch(self, change):
        tasks.reembed()
        change.refresh_from_db()
        assert change.state == ModelChange.State.DONE
        assert installed.active_model().name == "other-embedder"
        assert Embedding.objects.filter(model_version=change.target).count() == 2

    def test_a_second_click_changes_nothing(self, change):
        assert strongest.change_to_stronger(installed.active_model()) == change
        tasks.reembed()
        with pytest.raises(Conflict, match="changed meanwhile"):
            strongest.change_to_stronger(change.before)

    def test_a_change_that_was_begun_step_by_step_goes_on_by_itself_from_then(self, enrol, change):
        ModelChange.objects.update(switch_when_ready=False)
        tasks.reembed()
        assert installed.active_model() == change.before
        strongest.change_to_stronger(change.before)
        tasks.reembed()
        assert installed.active_model() == change.target

    def test_what_stands_in_the_way_is_said_and_a_person_decides(self, enrol, change):
        imported = enrol(2)
        imported.photos.all().delete()
        imported.embeddings.all().delete()
        Embedding.objects.create(
            identity=imported, model_version=change.before, vector=person_vector(2), source="x"
        )
        tasks.reembed()
        change.refresh_from_db()
        assert (change.state, change.switch_when_ready) == (ModelChange.State.SHADOW, False)
        assert "could not be recognised any more" in change.message

    def test_photos_that_come_meanwhile_are_computed_first(self, enrol, change, monkeypatch):
        model_changes.advance()
        monkeypatch.setattr("recognition.services.models.switch.LAST", 1)
        enrol(3)
        assert switch_if_wished(model_changes.open_change()).switch_when_ready
        tasks.reembed()
        tasks.reembed()
        assert installed.active_model() == change.target
