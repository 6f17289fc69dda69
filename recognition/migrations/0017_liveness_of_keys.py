"""What has to show, for each kiosk, that a living person is there."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recognition", "0016_nothing_in_the_clear_is_left")]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="liveness",
            field=models.CharField(
                choices=[
                    ("off", "nothing: any picture is believed"),
                    ("passive", "no signs of a print or a screen on the picture"),
                    ("challenge", "a challenge: the person moves the head as asked"),
                ],
                default="off",
                help_text="What has to show that a living person is there before this kiosk's pictures are believed.",
                max_length=10,
                verbose_name="must see",
            ),
        ),
    ]
