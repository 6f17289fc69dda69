"""Only sealed vectors from here on. The third of three steps."""

from django.db import migrations, models

import recognition.fields


class Migration(migrations.Migration):
    dependencies = [("recognition", "0014_seal_vectors")]

    operations = [
        migrations.RemoveField("embedding", "vector"),
        migrations.AlterField("embedding", "sealed", models.BinaryField()),
        migrations.RenameField("embedding", "sealed", "vector"),
        migrations.AlterField("embedding", "vector", recognition.fields.SealedVectorField()),
    ]
