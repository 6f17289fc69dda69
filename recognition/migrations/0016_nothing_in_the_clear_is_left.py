"""Postgres keeps the former rows, with the vectors in the clear, until their space is used again. So the table is written
anew."""

from django.db import migrations


def write_anew(apps, schema_editor):
    if schema_editor.connection.in_atomic_block:  # of a test that migrates in a transaction
        return
    if apps.get_model("recognition", "Embedding").objects.exists():
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("VACUUM FULL recognition_embedding")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("recognition", "0015_vectors_are_sealed")]

    operations = [migrations.RunPython(write_anew, elidable=True)]
