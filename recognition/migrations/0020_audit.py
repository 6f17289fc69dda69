"""The audit log: append-only, chained, and filled by triggers on what matters."""

from __future__ import annotations

import django.db.models.functions.datetime
from django.db import migrations, models

from recognition.migrations._audit_sql import BACK, FORTH


class Migration(migrations.Migration):
    dependencies = [
        ("recognition", "0019_decision_by_probe"),
        ("accounts", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True),
                ),
                ("action", models.CharField(max_length=60)),
                ("who", models.CharField(blank=True, max_length=200)),
                ("user", models.BigIntegerField(null=True)),
                ("key", models.BigIntegerField(null=True)),
                ("address", models.CharField(blank=True, max_length=60, verbose_name="from")),
                ("way", models.CharField(blank=True, max_length=20)),
                ("kind", models.CharField(blank=True, max_length=60, verbose_name="what")),
                ("object", models.CharField(blank=True, max_length=60, verbose_name="number")),
                ("person", models.BigIntegerField(db_index=True, null=True)),
                ("detail", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name_plural": "audit log",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["action", "-id"], name="audit_by_action")],
            },
        ),
        migrations.CreateModel(
            name="AuditLink",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("entry", models.BigIntegerField(unique=True)),
                ("digest", models.CharField(max_length=64)),
            ],
        ),
        migrations.RunSQL(FORTH, BACK),
    ]
