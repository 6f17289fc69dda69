"""The audit log: what is noted, by whom, and that nobody can change it unseen."""

from __future__ import annotations

import json
import threading

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from recognition.migrations._audit_sql import (
    GUARDS,
    WATCHED,
    WATCHED_SINCE_24,
    WATCHED_SINCE_26,
    WATCHED_SINCE_28,
    WATCHED_SINCE_29,
    WATCHED_SINCE_30,
    WATCHED_SINCE_33,
    WATCHED_SINCE_35,
)
from recognition.models import AuditEntry, AuditLink, Identity, Photo
from recognition.services import audit, keys, recognition
from recognition.services.enrolment import photos
from recognition.services.identities import people
from tests.fakes import person_jpeg

pytestmark = pytest.mark.django_db(transaction=True)

EVERY = (
    WATCHED
    + WATCHED_SINCE_24
    + WATCHED_SINCE_26
    + WATCHED_SINCE_28
    + WATCHED_SINCE_29
    + WATCHED_SINCE_30
    + WATCHED_SINCE_33
    + WATCHED_SINCE_35
)
NOT_WATCHED = {
    # Noted in another way: second factors and sign-ins by signals, probes by a trigger of their own.
    "mfa_authenticator",
    "django_session",
    "recognition_decision",
    "recognition_shadowdecision",
    "recognition_probepicture",
    "recognition_attendance",
    # By the service that takes imports in.
    "recognition_import",
    "recognition_importpart",
    "recognition_importrow",
    "recognition_loggedevent",
    # Follows from what is noted, or is the log itself.
    "recognition_auditentry",
    "recognition_auditlink",
    "recognition_appearance",
    "recognition_datakey",
    "recognition_embedding",
    "recognition_gallerytemplate",
    "recognition_templatemark",
    "recognition_delivery",
    "recognition_calibration",
    "recognition_evaluation",
    "recognition_gallerybuild",
    "recognition_gallerychange",
    "recognition_storedfile",
    "account_emailconfirmation",
    "django_admin_log",
    # The same on every site.
    "auth_permission",
    "django_content_type",
}

ADA = audit.Actor(who="ada", user=7, address="10.0.0.9", way="password")


@pytest.fixture(autouse=True)
def empty(transactional_db: None) -> None:
    """The ready groups are made anew for each test, and noted."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE recognition_auditentry, recognition_auditlink")


def entries(action: str = "") -> list[AuditEntry]:
    found = AuditEntry.objects.order_by("pk")
    return list(found.filter(action=action) if action else found)


def tamper(statement: str, *values: object) -> None:
    """As somebody who owns the tables can: with the guards away."""
    with connection.cursor() as cursor:
        for table in ("auditentry", "auditlink"):
            cursor.execute(f"ALTER TABLE recognition_{table} DISABLE TRIGGER USER")
        cursor.execute(statement, values)
        for table in ("auditentry", "auditlink"):
            cursor.execute(f"ALTER TABLE recognition_{table} ENABLE TRIGGER USER")


@pytest.fixture
def written() -> list[AuditEntry]:
    for number in range(5):
        audit.record("thing.done", kind="thing", number=number)
    return entries()


class TestWhatIsNoted:
    def test_a_change_with_who_made_it(self):
        with audit.noting(ADA):
            identity = people.create_identity(name="Ann Example", external_id="E-1")
            people.suspend(identity)
        added, changed = entries()
        assert (added.action, added.who, added.user, added.address, added.way) == (
            "person.added",
            "ada",
            7,
            "10.0.0.9",
            "password",
        )
        assert added.person == identity.pk
        assert changed.action == "person.changed"
        assert changed.detail == {"changed": ["status"], "status": ["active", "suspended"]}

    def test_no_name_and_no_id_is_noted(self):
        identity = people.create_identity(name="Ann Example", external_id="E-1")
        people.update_identity(identity, name="Ann Other", external_id="E-2")
        assert entries()[-1].detail == {"changed": ["external_id", "name"]}
        assert "Ann" not in json.dumps([entry.detail for entry in entries()])

    def test_a_change_past_the_services(self):
        identity = people.create_identity(name="Ann Example")
        Identity.objects.filter(pk=identity.pk).update(status="suspended")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE recognition_identity SET status = 'active'")
        assert [entry.detail.get("status") for entry in entries("person.changed")] == [
            ["active", "suspended"],
            ["suspended", "active"],
        ]

    def test_a_change_that_changes_nothing(self):
        identity = people.create_identity(name="Ann Example")
        people.update_identity(identity, name="Ann Example")
        assert len(entries()) == 1

    def test_photos_as_they_come_and_end(self):
        identity = people.create_identity(name="Ann Example")
        photo = photos.add_photo(identity=identity, data=person_jpeg(1))
        photos.process_photos([photo.pk])
        photos.delete_photo(Photo.objects.get())
        assert [entry.action for entry in entries() if entry.kind == "photo"] == [
            "photo.added",
            "photo.changed",
            "photo.removed",
        ]
        assert entries("photo.changed")[0].detail["state"] == ["processing", "ready"]

    def test_keys_without_their_secret(self):
        key, text = keys.issue_key(name="Door", scopes=["identify"])
        keys.authenticate(text)
        keys.revoke_key(key)
        assert [entry.action for entry in entries()] == ["key.added", "key.changed"]
        assert key.digest not in json.dumps([entry.detail for entry in entries()])

    def test_a_probe_is_one_entry(self):
        recognition.identify(person_jpeg(1, 2))
        (entry,) = entries("probe.identify")
        assert len(entry.detail["outcomes"]) == 2

    def test_accounts_and_their_rights(self):
        user = User.objects.create_user("bob", password="a long enough secret")
        user.is_staff = True
        user.save()
        user.last_login = None
        user.save()
        added, changed = entries()
        assert (added.action, changed.detail) == (
            "account.added",
            {"changed": ["is_staff"], "is_staff": [False, True]},
        )

    def test_nothing_is_noted_of_what_did_not_happen(self):
        with transaction.atomic():
            people.create_identity(name="Ann Example")
            transaction.set_rollback(True)
        assert entries() == []

    def test_who_acted_is_not_kept_for_others(self):
        with audit.noting(ADA):
            people.create_identity(name="Ann Example")
        people.create_identity(name="Ben Example")
        assert [entry.who for entry in entries()] == ["ada", ""]

    def test_what_somebody_is_found_out_to_be_only_when_wanted(self):
        asked = []
        actor = audit.Actor(find_out=lambda it: asked.append(it) or setattr(it, "who", "found"))
        with audit.noting(actor):
            Identity.objects.count()
            assert asked == []
            people.create_identity(name="Ann Example")
            people.create_identity(name="Ben Example")
        assert len(asked) == 1
        assert {entry.who for entry in entries()} == {"found"}

    @pytest.mark.parametrize("row", EVERY, ids=[row[0] for row in EVERY])
    def test_every_watched_table_has_its_triggers(self, row):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [row[0]]
            )
            assert {"audit_rows", "audit_updates"} <= {name for (name,) in cursor.fetchall()}

    def test_every_table_is_watched_or_known_not_to_be(self):
        tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
        assert tables == {row[0] for row in EVERY} | NOT_WATCHED


class TestNobodyChangesIt:
    @pytest.mark.parametrize("table", ["recognition_auditentry", "recognition_auditlink"])
    @pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
    def test_postgres_refuses(self, written, table, statement):
        column = "action" if table.endswith("entry") else "digest"
        with connection.cursor() as cursor, pytest.raises(DatabaseError, match="cannot be changed"):
            cursor.execute(statement.format(table, column, column))
        assert audit.verify().problems == ()

    def test_emptying_is_refused_on_a_site(self, written):
        """The tests' own database lacks these two triggers."""
        guards = [line for line in GUARDS.split(";") if "audit_kept" in line]
        assert len(guards) == 2
        with transaction.atomic(), connection.cursor() as cursor:
            for guard in guards:
                cursor.execute(guard)
            with pytest.raises(DatabaseError, match="cannot be changed"):
                cursor.execute("TRUNCATE recognition_auditentry")
            transaction.set_rollback(True)


class TestTheChain:
    def test_as_it_was_written(self, written):
        head = audit.verify()
        assert (head.entries, head.problems) == (5, ())
        assert audit.verify(number=head.entries, digest=head.digest).problems == ()
        assert list(AuditLink.objects.order_by("number").values_list("number", flat=True)) == [1, 2, 3, 4, 5]

    def test_an_empty_log(self):
        assert audit.verify() == audit.Head(0, "")

    def test_a_changed_entry(self, written):
        tamper("UPDATE recognition_auditentry SET who = 'nobody' WHERE id = %s", written[2].pk)
        (problem,) = audit.verify().problems
        assert f"Entry {written[2].pk} at place 3" in problem

    @pytest.mark.parametrize("column", ["at", "address", "detail", "person"])
    def test_any_part_of_an_entry(self, written, column):
        new = {
            "at": "now() - interval '1 day'",
            "address": "'1.2.3.4'",
            "detail": "'{\"a\": 1}'",
            "person": "5",
        }
        tamper(f"UPDATE recognition_auditentry SET {column} = {new[column]} WHERE id = {written[1].pk}")
        assert len(audit.verify().problems) == 1

    def test_a_removed_entry(self, written):
        tamper("DELETE FROM recognition_auditentry WHERE id = %s", written[1].pk)
        assert "The entry at place 2 was removed." in audit.verify().problems

    def test_an_entry_removed_with_its_link(self, written):
        tamper("DELETE FROM recognition_auditlink WHERE number = 2")
        tamper("DELETE FROM recognition_auditentry WHERE id = %s", written[1].pk)
        problems = audit.verify().problems
        assert "Place 2 is missing." in problems
        assert any("place 3 is not what was written, or what stood before" in problem for problem in problems)

    def test_an_added_entry(self, written):
        tamper(
            "INSERT INTO recognition_auditentry (at, action, who, address, way, kind, object, detail)"
            " VALUES (now(), 'made.up', '', '', '', '', '', '{}')"
        )
        (problem,) = audit.verify().problems
        assert "was added past the chain" in problem

    def test_two_entries_that_changed_places(self, written):
        one, two = written[1].pk, written[2].pk
        tamper("UPDATE recognition_auditlink SET entry = -1 WHERE entry = %s", one)
        tamper("UPDATE recognition_auditlink SET entry = %s WHERE entry = %s", one, two)
        tamper("UPDATE recognition_auditlink SET entry = %s WHERE entry = -1", two)
        assert len(audit.verify().problems) == 2

    def test_entries_cut_off_at_the_end(self, written):
        head = audit.verify()
        tamper("DELETE FROM recognition_auditlink WHERE number > 3")
        tamper("DELETE FROM recognition_auditentry WHERE id > %s", written[2].pk)
        assert audit.verify().problems == ()  # the chain alone cannot know
        (problem,) = audit.verify(number=head.entries, digest=head.digest).problems
        assert "ends at place 3; entries up to 5 are missing" in problem

    def test_a_chain_that_was_written_anew(self, written):
        head = audit.verify()
        tamper("TRUNCATE recognition_auditentry, recognition_auditlink")
        for _ in range(5):
            audit.record("made.up")
        assert audit.verify().problems == ()
        (problem,) = audit.verify(number=head.entries, digest=head.digest).problems
        assert "another one" in problem

    def test_many_at_once_make_one_chain(self):
        def write() -> None:
            try:
                for number in range(20):
                    with transaction.atomic():
                        audit.record("thing.done", number=number)
                        audit.record("thing.done", number=number)
            finally:
                connection.close()

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        head = audit.verify()
        assert (head.entries, head.problems) == (160, ())

    def test_the_digest_does_not_depend_on_the_session(self, written):
        with connection.cursor() as cursor:
            cursor.execute("SET timezone = 'Asia/Ho_Chi_Minh'")
        try:
            audit.record("thing.done")
            assert audit.verify().problems == ()
        finally:
            connection.close()


def test_export(written, tmp_path):
    assert audit.export_entries(tmp_path / "log.jsonl") == 5
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["place"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[-1]["digest"] == audit.verify().digest
    assert audit.export_entries(tmp_path / "rest.jsonl", after=written[3].pk) == 1
    with pytest.raises(FileExistsError):
        audit.export_entries(tmp_path / "log.jsonl")
