from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # decisions can be many, and probes go on being decided meanwhile

    dependencies = [("recognition", "0022_cameras")]

    operations = [
        AddIndexConcurrently(
            "decision",
            models.Index(
                fields=["camera", "-id"],
                name="decision_by_camera",
                condition=models.Q(camera__isnull=False),
            ),
        ),
    ]
