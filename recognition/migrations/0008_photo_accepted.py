from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("recognition", "0007_switch_when_ready"),
    ]

    operations = [
        migrations.AddField(
            model_name="photo",
            name="accepted",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="A member of staff said that it counts although its face is not fit.",
            ),
        ),
    ]
