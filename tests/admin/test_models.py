"""Changing the embedding model in the admin, from installing it to going back."""

from __future__ import annotations

import pytest

from recognition.engine import packaged
from recognition.engine.types import ModelFileError
from recognition.models import ModelChange, ModelVersion
from recognition.services.analysis import installed
from recognition.services.analysis.installed import active_model
from recognition.services.identities import people
from recognition.services.models import changes as model_changes
from recognition.services.models import comparison as model_comparison
from recognition.services.models import switch as model_switch
from recognition.services.recognition import recognise, shadow
from tests.admin.conftest import said
from tests.fakes import person_jpeg, person_vector

pytestmark = pytest.mark.django_db
MODELS = "/admin/recognition/modelversion/"
CHANGES = "/admin/recognition/modelchange/"
OTHER = "other-embedder"


@pytest.fixture
def other():
    active_model()
    return model_changes.version_of(OTHER)


@pytest.fixture
def ready(enrol, other, monkeypatch):
    monkeypatch.setattr(shadow, "ASKED_EVERY", 0.0)
    for number in (1, 2, 3):
        enrol(number)
    model_changes.begin(OTHER)
    change = model_changes.advance()
    model_comparison.compare(change.pk)
    return change


def page(change):
    return f"{CHANGES}{change.pk}/change/"


def test_beginning_leads_to_a_page_that_follows_it(owner, other, enrol):
    enrol(1)
    asked = owner.get(f"{MODELS}{other.pk}/change_to/").content.decode()
    assert "Change from fake-embedder to other-embedder?" in asked
    assert not ModelChange.objects.exists()
    response = owner.post(f"{MODELS}{other.pk}/change_to/")
    change = ModelChange.objects.get()
    assert response.url == page(change)
    assert change.created_by.username == "owner"
    shown = owner.get(page(change)).content.decode()
    assert "data-renew" in shown
    assert "Waiting for a worker" in shown
    assert "2 photos to compute" in shown


def test_the_model_in_use_is_no_aim(owner):
    version = active_model()
    response = owner.post(f"{MODELS}{version.pk}/change_to/", follow=True)
    assert "is the model in use" in " ".join(said(response))


def test_the_comparison_is_shown(owner, ready):
    recognise.identify(person_jpeg(1, 2, variant=3))
    shown = owner.get(page(ready)).content.decode()
    assert "refresh" not in shown
    assert "2 faces: 2 decided alike" in shown
    assert shown.count("data:image/svg") >= 2
    assert "Every photo has a vector of other-embedder" in shown
    assert "other people" in shown


def test_differences_lead_to_the_decisions(owner, ready):
    recognise.identify(person_jpeg(1, variant=3))
    row = ready.shadows.get()
    row.agrees, row.outcome, row.identity = False, "no_match", None
    row.save()
    assert f"/admin/recognition/decision/{row.decision_id}/change/" in owner.get(page(ready)).content.decode()


def test_switching_and_going_back(owner, ready):
    assert "Switch to other-embedder?" in owner.get(f"{CHANGES}{ready.pk}/switch/").content.decode()
    assert active_model().name == "fake-embedder"
    response = owner.post(f"{CHANGES}{ready.pk}/switch/", follow=True)
    assert "in use from the next request on" in " ".join(said(response))
    assert active_model().name == OTHER
    shown = owner.get(f"{MODELS}roll_back/").content.decode()
    assert "Go back to fake-embedder?" in shown
    assert f'name="model" value="{ready.before_id}"' in shown
    assert active_model().name == OTHER
    owner.post(f"{MODELS}roll_back/", {"model": ready.before_id})
    assert active_model().name == "fake-embedder"


@pytest.mark.parametrize("sent", [{}, {"model": "evil"}])
def test_going_back_needs_the_model_that_was_shown(owner, ready, sent):
    owner.post(f"{CHANGES}{ready.pk}/switch/")
    response = owner.post(f"{MODELS}roll_back/", sent, follow=True)
    assert "would now lead to fake-embedder" in " ".join(said(response))
    assert active_model().name == OTHER


def test_going_back_sent_twice_does_not_go_there_and_back(owner, ready):
    owner.post(f"{CHANGES}{ready.pk}/switch/")
    owner.post(f"{MODELS}roll_back/", {"model": ready.before_id})
    response = owner.post(f"{MODELS}roll_back/", {"model": ready.before_id}, follow=True)
    assert "fake-embedder is the model in use already." in said(response)
    assert active_model().name == "fake-embedder"
    assert model_changes.open_change() is None


def test_nothing_to_go_back_to(owner, other):
    assert "No other model" in " ".join(said(owner.get(f"{MODELS}roll_back/", follow=True)))


def test_people_who_would_be_left_behind(owner, ready):
    ann = people.create_identity(name="Ann")
    ann.embeddings.create(model_version=active_model(), vector=person_vector(9), source="vn2db.npz")
    assert "One person has" in owner.get(page(ready)).content.decode().replace(
        "1 person has", "One person has"
    )
    assert "leave_behind" in owner.get(f"{CHANGES}{ready.pk}/switch/").content.decode()
    assert "could not be recognised" in " ".join(
        said(owner.post(f"{CHANGES}{ready.pk}/switch/", follow=True))
    )
    owner.post(f"{CHANGES}{ready.pk}/switch/", {"leave_behind": "yes"})
    assert active_model().name == OTHER


def test_a_model_without_thresholds(owner, enrol):
    enrol(1)
    model_changes.begin("bare-embedder")
    change = model_changes.advance()
    assert "calibrate --model bare-embedder" in owner.get(page(change)).content.decode()
    assert model_switch.readiness(change).policy is None
    assert "calibrate" in " ".join(said(owner.post(f"{CHANGES}{change.pk}/switch/", follow=True)))


def test_giving_up(owner, ready):
    owner.get(f"{CHANGES}{ready.pk}/stop/")
    assert model_changes.open_change() is not None
    owner.post(f"{CHANGES}{ready.pk}/stop/")
    assert model_changes.open_change() is None
    assert "Switch to" not in owner.get(page(ready)).content.decode()


@pytest.mark.parametrize(
    ("address", "right"),
    [
        (MODELS + "install/", "add_modelchange"),
        (MODELS + "{version}/change_to/", "add_modelchange"),
        (MODELS + "roll_back/", "change_modelchange"),
        (CHANGES + "{change}/switch/", "change_modelchange"),
        (CHANGES + "{change}/stop/", "change_modelchange"),
    ],
)
def test_rights(address, right, ready, staff):
    url = address.format(version=ready.target_id, change=ready.pk)
    others = [
        f"{verb}_{m}" for verb in ("view", "add", "change", "delete") for m in ("modelversion", "modelchange")
    ]
    clerk = staff(*(name for name in others if name != right))
    assert clerk.get(url).status_code == 403
    assert clerk.post(url, {"name": OTHER}).status_code == 403
    assert staff().get(page(ready)).status_code == 403
    assert staff("view_modelchange").get(page(ready)).status_code == 200
    assert active_model().name == "fake-embedder"
    assert model_changes.open_change() is not None


@pytest.mark.parametrize("number", ["0", "987654", "99999999999999999999999"])
def test_unknown_numbers(owner, number):
    for address in (
        f"{MODELS}{number}/change_to/",
        f"{CHANGES}{number}/change/",
        f"{CHANGES}{number}/switch/",
    ):
        assert owner.get(address).status_code == 404


class TestInstalling:
    @pytest.fixture(autouse=True)
    def data_folder(self, settings, tmp_path):
        settings.DATA_DIR = tmp_path

    def test_what_there_is(self, owner):
        shown = owner.get(f"{MODELS}install/").content.decode()
        assert "manage.py fetch_models ghostfacenet-v1-1.3-1" in shown
        assert "99.73 %" in shown
        for name in packaged.NAMES:
            assert f'value="{name}"' in shown

    def test_one_click(self, owner):
        try:
            packaged.find("sface-2021dec")
        except ModelFileError as error:
            pytest.skip(str(error))
        response = owner.post(f"{MODELS}install/", {"name": "sface-2021dec"})
        version = ModelVersion.objects.get(name="sface-2021dec")
        assert "Apache-2.0" in owner.get(response.url).content.decode()
        assert response.url == f"{MODELS}{version.pk}/change/"
        assert installed.read_manifest().spec("sface-2021dec")

    @pytest.mark.parametrize("name", ["", "nobody", "../etc/passwd", "ghostfacenet-v1-1.3-1"])
    def test_other_names(self, owner, name):
        response = owner.post(f"{MODELS}install/", {"name": name}, follow=True)
        assert "no model" in " ".join(said(response)).lower()
        assert not ModelVersion.objects.filter(name=name).exists()

    def test_a_package_that_is_not_installed(self, owner, monkeypatch):
        def absent(name):
            raise ModelFileError("pip install -r requirements-base.txt")

        monkeypatch.setattr(packaged, "find", absent)
        response = owner.post(f"{MODELS}install/", {"name": "sface-2021dec"}, follow=True)
        assert "requirements-base.txt" in " ".join(said(response))
