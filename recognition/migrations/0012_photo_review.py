import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("recognition", "0011_erasure"),
    ]

    operations = [
        migrations.AddField(
            model_name="photo",
            name="confirmed",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="A member of staff said that it is this person's, whomever it looks like.",
            ),
        ),
        migrations.AddField(
            model_name="photo",
            name="resembles",
            field=models.ForeignKey(
                blank=True,
                help_text="Who is enrolled already and looks like this photo.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="recognition.identity",
            ),
        ),
        migrations.AlterField(
            model_name="photo",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "waiting"),
                    ("processing", "being processed"),
                    ("ready", "ready"),
                    ("review", "to be reviewed"),
                    ("rejected", "rejected"),
                ],
                default="waiting",
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="photo",
            index=models.Index(
                condition=models.Q(("state", "review")), fields=["id"], name="photo_in_review"
            ),
        ),
    ]
