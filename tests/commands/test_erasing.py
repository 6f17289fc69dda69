"""`erase` and `verify_erasure`: what they print, their exit status, and what they refuse."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from recognition.models import Erasure, Identity
from recognition.services.identities import people
from tests.accounts.conftest import enrol  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fake_model_in_use")]


@pytest.fixture(autouse=True)
def data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"


def said(command: str, *arguments: object) -> str:
    out = StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue()


def refusal(command: str, *arguments: object) -> CommandError:
    with pytest.raises(CommandError) as refused:
        said(command, *arguments)
    return refused.value


def test_erases_and_checks(tmp_path):
    people.create_identity(name="Ann", external_id="A-1")
    text = said("erase", "A-1", "--yes", "--receipt", tmp_path / "r.json")
    assert "0  photos" in text
    assert not Identity.objects.exists()
    assert json.loads((tmp_path / "r.json").read_text()) == Erasure.objects.get().receipt
    for arguments in ([], [tmp_path / "r.json"]):
        text = said("verify_erasure", *arguments)
        assert "nothing is left" in text
        assert text.endswith("1 receipts are genuine.\n")


def test_in_json():
    people.create_identity(name="Ann", external_id="A-1")
    receipt = json.loads(said("erase", "A-1", "--yes", "--json"))
    assert receipt == Erasure.objects.get().receipt
    document = json.loads(said("verify_erasure", "--json"))
    assert document["left"] == 0
    assert document["receipts"][0]["person"] == receipt["person"]["number"]


def test_asks_first(tmp_path):
    people.create_identity(name="Ann", external_id="A-1")
    assert refusal("erase", "A-1").code == "not_confirmed"
    assert refusal("erase", "A-1", "--json").code == "not_confirmed"
    (tmp_path / "there.json").touch()
    assert refusal("erase", "A-1", "--yes", "--receipt", tmp_path / "there.json").code == "unwritable"
    assert refusal("erase", "A-1", "--yes", "--receipt", tmp_path / "no" / "r.json").code == "unwritable"
    assert Identity.objects.exists()
    assert refusal("erase", "A-2", "--yes").code == "unknown_person"


def test_whoever_came_back_is_named_and_erased_again(tmp_path):
    ann = people.create_identity(name="Ann", external_id="A-1")
    said("erase", "A-1", "--yes", "--receipt", tmp_path / "r.json")
    back = people.create_identity(name="Ann", external_id="A-1")
    Identity.objects.filter(pk=back.pk).update(id=ann.pk, created_at=ann.created_at)
    refused = refusal("verify_erasure", tmp_path / "r.json")
    assert refused.code == "not_erased"
    assert refused.detail[0]["left"] == {"the person": 1}
    assert "erased again; nothing is left" in said("verify_erasure", tmp_path / "r.json", "--again")
    assert not Identity.objects.exists()
    assert Erasure.objects.count() == 2


def test_a_changed_file(tmp_path):
    people.create_identity(name="Ann", external_id="A-1")
    said("erase", "A-1", "--yes", "--receipt", tmp_path / "r.json")
    changed = (tmp_path / "r.json").read_text().replace('"photos": 0', '"photos": 9')
    (tmp_path / "r.json").write_text(changed)
    assert refusal("verify_erasure", tmp_path / "r.json").code == "wrong_signature"
