#!/usr/bin/env python
"""Django's command line. Starts the embedded PostgreSQL and Redis, or joins them, when no URLs are set."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def _end(signum: int, frame: FrameType | None) -> None:
    # Leave by the ordinary way out, so that the embedded servers are stopped when we were their last user.
    sys.exit(128 + signum)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "identity_site.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed here. Run `make setup` and use .venv/bin/python.")
    from identity_site import embedded

    arguments = sys.argv[1:]
    if arguments and arguments[0] != "help" and not {"-h", "--help", "--version"} & set(arguments):
        for name in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(name) is signal.SIG_DFL:
                signal.signal(name, _end)
        try:
            import identity_site.settings  # noqa: F401  tells of a wrong setting before anything is started

            embedded.hold()
        except (ImproperlyConfigured, embedded.EmbeddedError) as error:
            sys.exit(f"{error}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
