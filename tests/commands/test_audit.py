"""verify_audit and export_audit."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from recognition.models import AuditEntry
from recognition.services import audit
from recognition.services.identities import people

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def three(transactional_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE recognition_auditentry, recognition_auditlink")
    for number in range(3):
        audit.record("thing.done", number=number)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_all_well():
    said = run("verify_audit")
    assert "3 entries, all as they were written." in said
    assert "Head: 3:" in said
    assert json.loads(run("verify_audit", "--json"))["problems"] == []


def test_with_a_head_from_before():
    head = json.loads(run("verify_audit", "--json"))["head"]
    people.create_identity(name="Ann Example")
    assert "4 entries" in run("verify_audit", "--head", head)
    with pytest.raises(CommandError, match="1 problem"):
        run("verify_audit", "--head", "3:" + "0" * 64)
    with pytest.raises(CommandError, match="NUMBER:DIGEST"):
        run("verify_audit", "--head", "nonsense")


def test_something_was_changed():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE recognition_auditentry DISABLE TRIGGER USER")
        cursor.execute("UPDATE recognition_auditentry SET who = 'nobody' WHERE object = '1'")
        cursor.execute("ALTER TABLE recognition_auditentry ENABLE TRIGGER USER")
    with pytest.raises(CommandError, match="was changed"):
        run("verify_audit")


def test_export_and_that_it_is_noted(tmp_path):
    assert "3 entries are in" in run("export_audit", str(tmp_path / "log.jsonl"))
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.way) == ("export.audit", "command")
    with pytest.raises(CommandError, match="already there"):
        run("export_audit", str(tmp_path / "log.jsonl"))
    with pytest.raises(CommandError, match="cannot be written"):
        run("export_audit", str(tmp_path / "missing" / "log.jsonl"))


def test_what_a_command_changes_is_noted_with_its_name():
    people.create_identity(name="Ann Example", external_id="E-1")
    call_command("erase", "E-1", "--yes", stdout=StringIO(), stderr=StringIO())
    assert AuditEntry.objects.filter(action="person.removed").get().who.startswith("erase by ")
