"""The audit log hears of cameras, rules of sign-in and e-mail addresses."""

from django.db import migrations

from recognition.migrations._audit_sql import WATCHED_SINCE_24, no_triggers, triggers


class Migration(migrations.Migration):
    dependencies = [
        ("recognition", "0023_decision_by_camera"),
        ("accounts", "0002_sign_in_rules"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]

    operations = [migrations.RunSQL(triggers(WATCHED_SINCE_24), no_triggers(WATCHED_SINCE_24))]
