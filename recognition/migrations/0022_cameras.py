import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import recognition.fields


class Migration(migrations.Migration):
    dependencies = [
        ("recognition", "0021_events"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Camera",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "name",
                    models.SlugField(
                        help_text="Letters, numbers and dashes; part of its address here.",
                        max_length=40,
                        unique=True,
                    ),
                ),
                (
                    "place",
                    models.CharField(
                        blank=True,
                        help_text="Where it looks, such as “Main entrance”. Shown with what it saw.",
                        max_length=120,
                    ),
                ),
                (
                    "source",
                    recognition.fields.SealedTextField(
                        help_text="rtsp://…, http://… or the number of a webcam of the host, such as 0."
                    ),
                ),
                ("enabled", models.BooleanField(default=True, verbose_name="watched")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.AlterField(
            model_name="decision",
            name="kind",
            field=models.CharField(
                choices=[
                    ("identify", "identify"),
                    ("verify", "verify"),
                    ("login", "login"),
                    ("watch", "seen by a camera"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="camera",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="decisions",
                to="recognition.camera",
            ),
        ),
    ]
