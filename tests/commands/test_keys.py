"""`rotate_keys`, `export_keys` and `import_keys`: what they print and refuse."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from recognition import sealing
from recognition.models import DataKey
from recognition.services.identities import people

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fake_model_in_use")]


@pytest.fixture(autouse=True)
def key() -> DataKey:
    sealing.forget_all_keys()
    return sealing.new_key(people.create_identity(name="Ann").pk)


def said(command: str, *arguments: object) -> str:
    out = StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue()


def test_rotates_after_the_key_was_replaced(settings):
    assert said("rotate_keys").startswith("0 keys rotated")
    settings.SITE_KEYS = ["the new key of the site, long enough", *settings.SITE_KEYS]
    assert json.loads(said("rotate_keys", "--json")) == {"rotated": 1, "sealed": 0}


def test_makes_a_new_key_where_the_site_keeps_its_own(settings, tmp_path, key):
    with pytest.raises(CommandError) as refused:
        said("rotate_keys", "--new")
    assert refused.value.code == "not_ours"
    (tmp_path / "site_key").write_text(settings.SITE_KEYS[0])
    settings.SITE_KEYS_KEPT_IN = tmp_path / "site_key"
    assert said("rotate_keys", "--new", "--forget").startswith("1 keys rotated")
    (left,) = (tmp_path / "site_key").read_text().split()
    assert left != settings.SITE_KEYS[0]
    sealing.forget_all_keys()
    assert sealing.key_by_number(key.pk)


def test_former_keys_stay_when_some_cannot_be_rotated(settings, tmp_path):
    (tmp_path / "site_key").write_text(settings.SITE_KEYS[0])
    settings.SITE_KEYS_KEPT_IN = tmp_path / "site_key"
    DataKey.objects.update(site_key="0" * 16)
    with pytest.raises(CommandError) as refused:
        said("rotate_keys", "--new", "--forget")
    assert refused.value.code == "wrong_site_key"
    assert len((tmp_path / "site_key").read_text().split()) == 2


def test_exports_and_imports(tmp_path):
    assert said("export_keys", tmp_path / "keys").startswith("1 keys written")
    DataKey.objects.all().delete()
    assert said("import_keys", tmp_path / "keys").startswith("1 keys added; 0 are of people")
    assert json.loads(said("export_keys", tmp_path / "keys", "--json")) == {"keys": 1}
    assert json.loads(said("import_keys", tmp_path / "keys", "--json")) == {"added": 0, "of_nobody_here": 0}
    (tmp_path / "keys").write_text("x")
    with pytest.raises(CommandError) as refused:
        said("import_keys", tmp_path / "keys")
    assert refused.value.code == "no_keys"
