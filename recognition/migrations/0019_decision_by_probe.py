from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # decisions can be many, and probes go on being decided meanwhile

    dependencies = [("recognition", "0018_attendance")]

    operations = [
        AddIndexConcurrently("decision", models.Index(fields=["probe"], name="decision_by_probe")),
    ]
