"""Seal the vectors that there are, a thousand at a time; broken off, it goes on where it stopped. The second of three steps."""

import os

import numpy as np
from django.db import migrations

from recognition.sealing import seal, wrap

BATCH = 1000


def seal_vectors(apps, schema_editor):
    DataKey = apps.get_model("recognition", "DataKey")
    connection = schema_editor.connection
    while True:
        with connection.cursor() as cursor:
            # A person's vectors together, so that each person gets one key.
            cursor.execute(
                "SELECT id, identity_id, vector::real[] FROM recognition_embedding WHERE identity_id IN ("
                " SELECT DISTINCT identity_id FROM (SELECT identity_id FROM recognition_embedding WHERE sealed IS NULL"
                " ORDER BY identity_id LIMIT %s) AS first) AND sealed IS NULL ORDER BY identity_id",
                [BATCH],
            )
            rows = cursor.fetchall()
        if not rows:
            return
        people = sorted({row[1] for row in rows})
        keys = {person: os.urandom(32) for person in people}
        made = DataKey.objects.bulk_create(
            DataKey(identity_id=person, wrapped=wrapped, site_key=site_key)
            for person in people
            for wrapped, site_key in [wrap(keys[person])]
        )
        numbers = {row.identity_id: row.pk for row in made}
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE recognition_embedding SET sealed = %s, key_id = %s WHERE id = %s",
                [
                    (
                        seal(np.array(vector, "<f4").tobytes(), numbers[person], keys[person]),
                        numbers[person],
                        pk,
                    )
                    for pk, person, vector in rows
                ],
            )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("recognition", "0013_keys_of_people")]

    operations = [migrations.RunPython(seal_vectors, elidable=True)]
