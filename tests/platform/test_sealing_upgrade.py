"""A site of the version before keys of people: `migrate` seals its vectors, and nothing in the clear is left."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from identity_site.env import BASE_DIR
from tests.platform.processes import environment

BEFORE = """
import json, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection
call_command("migrate", "recognition", "0012_photo_review", verbosity=0)
vectors = json.loads(sys.stdin.read())
with connection.cursor() as cursor:
    cursor.execute("INSERT INTO recognition_modelversion (name, version, sha256, dimensions, active, created_at)"
                   " VALUES ('m', '', '', 512, true, now()) RETURNING id")
    version = cursor.fetchone()[0]
    for number, vector in enumerate(vectors):
        if number % 2 == 0:
            cursor.execute("INSERT INTO recognition_identity (external_id, name, status, created_at, updated_at)"
                           " VALUES (%s, 'P', 'active', now(), now()) RETURNING id", [f"p{number}"])
            person = cursor.fetchone()[0]
        cursor.execute("INSERT INTO recognition_embedding (identity_id, model_version_id, vector, source, created_at)"
                       " VALUES (%s, %s, %s, %s, now())", [person, version, json.dumps(vector), str(number)])
"""
AFTER = """
import json
import django
django.setup()
import importlib
seal = importlib.import_module("recognition.migrations.0014_seal_vectors")
seal.BATCH = 3
from django.core.management import call_command
from django.db import connection
call_command("migrate", verbosity=0)
from recognition.models import DataKey, Embedding
with connection.cursor() as cursor:
    cursor.execute("CHECKPOINT")
    cursor.execute("SELECT pg_relation_filepath(c.oid), pg_relation_filepath(c.reltoastrelid),"
                   " current_setting('data_directory') FROM pg_class c WHERE relname = 'recognition_embedding'")
    *files, folder = cursor.fetchone()
print(json.dumps({
    "vectors": [row.vector.tolist() for row in Embedding.objects.order_by("pk")],
    "keys": DataKey.objects.count(),
    "files": [f"{folder}/{name}" for name in files],
}))
"""


def run(code: str, data_dir: Path, text: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"import identity_site.embedded as e; e.hold()\n{code}"],
        cwd=BASE_DIR,
        env=environment(data_dir, DJANGO_SETTINGS_MODULE="identity_site.settings"),
        input=text,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_vectors_in_the_clear_are_sealed_and_gone(data_dir: Path) -> None:
    vectors = np.random.default_rng(5).standard_normal((8, 512)).astype(np.float32)
    run(BEFORE, data_dir, json.dumps(vectors.tolist()))
    found = json.loads(run(AFTER, data_dir).splitlines()[-1])
    assert np.array_equal(np.array(found["vectors"], np.float32), vectors)
    assert found["keys"] == 4
    for file in found["files"]:
        kept = Path(file).read_bytes()
        for vector in vectors:
            # pgvector keeps the numbers as they are; a few in a row are enough to know them by
            assert vector[100:104].tobytes() not in kept
