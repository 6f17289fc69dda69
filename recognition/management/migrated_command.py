"""Commands that need the tables: an embedded database gets them here, any other is left to whoever owns it."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from identity_site import embedded
from recognition.services import audit


class MigratedCommand(BaseCommand):
    requires_migrations_checks = True

    def execute(self, *args: Any, **options: Any) -> str | None:
        """What a command changes is noted as done by it, and by whom of the machine it was started."""
        name = type(self).__module__.rpartition(".")[2]
        with audit.noting(audit.Actor(who=f"{name} by {_account()}", way="command")):
            return super().execute(*args, **options)

    def check_migrations(self) -> None:
        """Before any work is done. Raises CommandError when somebody has to migrate first."""
        executor = MigrationExecutor(connection)
        if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return
        if not embedded.wanted()[0]:
            raise CommandError("The database lacks tables of this version. Run `manage.py migrate` first.")
        self.stderr.write("Preparing the database ...", style_func=lambda text: text)
        call_command("migrate", interactive=False, verbosity=0)


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in some containers
        return "somebody"
