from django.db import migrations, models

from recognition.migrations import _outbox_sql


class Migration(migrations.Migration):
    dependencies = [
        ("recognition", "0030_visitors"),
    ]

    operations = [
        migrations.CreateModel(
            name="LoggedEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("type", models.CharField(max_length=30)),
                ("subject", models.BigIntegerField()),
                ("at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.RunSQL(_outbox_sql.LOG_FORTH, _outbox_sql.LOG_BACK),
    ]
