import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("recognition", "0017_liveness_of_keys"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Attendance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(choices=[("in", "in"), ("out", "out")], max_length=3)),
                ("stated", models.BooleanField(default=False)),
                ("at", models.DateTimeField(db_index=True)),
                (
                    "place",
                    models.CharField(blank=True, help_text="Where the kiosk stood then.", max_length=120),
                ),
                ("read", models.UUIDField()),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="arrived")),
            ],
            options={
                "verbose_name_plural": "attendance",
                "ordering": ["-at", "-id"],
            },
        ),
        migrations.AddField(
            model_name="apikey",
            name="direction",
            field=models.CharField(
                choices=[
                    ("auto", "in and out by turns"),
                    ("in", "everybody comes in"),
                    ("out", "everybody goes out"),
                ],
                db_default="auto",
                default="auto",
                max_length=10,
                verbose_name="being seen means",
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="paired_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="paired"),
        ),
        migrations.AddField(
            model_name="apikey",
            name="pairing_digest",
            field=models.CharField(blank=True, db_default="", db_index=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="apikey",
            name="pairing_expires_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="pause_seconds",
            field=models.PositiveIntegerField(
                db_default=60,
                default=60,
                help_text="Within it the same person counts once.",
                validators=[django.core.validators.MaxValueValidator(86400)],
                verbose_name="pause in seconds",
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="place",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="Where it stands, such as “Main entrance”. Shown with what it saw.",
                max_length=120,
            ),
        ),
        migrations.AlterField(
            model_name="apikey",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("identify", "identify"),
                        ("verify", "verify"),
                        ("enrol", "enrol"),
                        ("read", "read"),
                        ("attendance", "attendance"),
                        ("admin", "admin"),
                    ],
                    max_length=10,
                ),
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="attendance",
            name="api_key",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="attendances",
                to="recognition.apikey",
                verbose_name="kiosk",
            ),
        ),
        migrations.AddField(
            model_name="attendance",
            name="decision",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="attendances",
                to="recognition.decision",
            ),
        ),
        migrations.AddField(
            model_name="attendance",
            name="identity",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="attendances",
                to="recognition.identity",
                verbose_name="person",
            ),
        ),
        migrations.AddIndex(
            model_name="attendance",
            index=models.Index(fields=["identity", "-at"], name="attendance_by_identity"),
        ),
        migrations.AddConstraint(
            model_name="attendance",
            constraint=models.UniqueConstraint(
                fields=("api_key", "read", "identity"), name="attendance_once_per_read"
            ),
        ),
    ]
