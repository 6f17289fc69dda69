"""Keys of people, and a place for sealed vectors beside those in the clear. The first of three steps."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import recognition.fields


def key():
    return models.ForeignKey(
        db_constraint=False,
        editable=False,
        null=True,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to="recognition.datakey",
    )


class Migration(migrations.Migration):
    dependencies = [("recognition", "0012_photo_review")]

    operations = [
        migrations.CreateModel(
            name="DataKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("wrapped", models.BinaryField(max_length=60)),
                (
                    "site_key",
                    models.CharField(
                        db_index=True, help_text="Name of the site's key that wraps it.", max_length=16
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "identity",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="data_keys",
                        to="recognition.identity",
                        verbose_name="person",
                    ),
                ),
            ],
        ),
        migrations.AddField("photo", "key", key()),
        migrations.AddField("probepicture", "key", key()),
        migrations.AddField("embedding", "key", key()),
        migrations.AddField("embedding", "sealed", models.BinaryField(null=True)),
        migrations.AlterField("photo", "image", recognition.fields.SealedFileField(upload_to="photos/")),
        migrations.AlterField(
            "photo", "crop", recognition.fields.SealedFileField(blank=True, upload_to="crops/")
        ),
        migrations.AlterField(
            "probepicture", "image", recognition.fields.SealedFileField(upload_to="probes/")
        ),
    ]
