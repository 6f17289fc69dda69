from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False  # decisions can be many, and probes go on being decided meanwhile

    dependencies = [("recognition", "0004_model_change")]

    operations = [
        AddIndexConcurrently(
            "decision",
            GinIndex(fields=["candidates"], name="decision_by_candidate", opclasses=["jsonb_path_ops"]),
        ),
    ]
