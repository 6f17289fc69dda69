from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("recognition", "0020_audit"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="decision",
            options={"ordering": ["-id"], "verbose_name": "event"},
        ),
    ]
