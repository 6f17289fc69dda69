"""`manage.py up`: the whole site on this machine, as in production, until Ctrl-C."""

from __future__ import annotations

import logging
import os
import shlex
import socket
import sys
import urllib.error
import urllib.request
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from identity_site import embedded, env, first_run, private_files, static_files
from identity_site.hints import manage
from identity_site.supervisor import Child, ChildFailed, Stopped, Supervisor
from recognition.checks import LOCAL_HOSTS
from recognition.engine.types import EngineError
from recognition.services import models as model_services
from recognition.services.errors import ServiceError

READY_SECONDS = 90

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Prepare the database and the static files, then run the web server and a worker until Ctrl-C. "
        "The first time it makes an administrator and enrols the demo people."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1: this machine only")
        parser.add_argument(
            "--port", type=int, default=None, help="default 8000, or PORT; 0 takes a free one"
        )
        parser.add_argument("--no-demo", action="store_true", help="do not enrol the demo people")
        parser.add_argument("--no-worker", action="store_true", help="web server only")
        parser.add_argument("--no-cameras", action="store_true", help="do not watch the cameras of the admin")

    def handle(self, *args: Any, **options: Any) -> None:
        host: str = options["host"]
        port = options["port"] if options["port"] is not None else env.integer("PORT", 8000, maximum=65_535)
        port = free_port(host, port)
        self._prepare()
        children = [web_server(host, port)]
        if not options["no_worker"]:
            children += [worker()] if options["no_cameras"] else [worker(), camera_worker()]
        try:
            with Supervisor(children, beside=mend_servers) as supervisor:
                self._step("Starting the web server and the worker")
                if not supervisor.watch(lambda: answers(host, port), READY_SECONDS):
                    raise CommandError(f"The web server did not answer within {READY_SECONDS} seconds.")
                password = first_run.make_admin()
                if password:
                    self._show_password(password)
                demo = not options["no_demo"] and embedded.wanted()[0] and first_run.wants_demo()
                if demo:
                    self._enrol_demo(supervisor)
                self._welcome(host, port, password)
                connection.close()
                supervisor.watch(lambda: False)
        except Stopped:
            self.stdout.write("\nStopped.")
        except ChildFailed as error:
            raise CommandError(f"{error} Everything was stopped. The lines above say why.") from error

    def _prepare(self) -> None:
        private_files.close(settings.DATA_DIR)
        self._step("Preparing the database")
        call_command("migrate", interactive=False, verbosity=0)
        try:
            model_services.start(fetch=settings.FETCH_MODELS, tell=self.stdout.write)
        except (ServiceError, EngineError) as error:
            raise CommandError(str(error)) from None
        self._step("Collecting the static files")
        static_files.collect()

    def _enrol_demo(self, supervisor: Supervisor) -> None:
        self._step("Enrolling the demo people (only this time)")
        script = str(settings.BASE_DIR / "manage.py")
        # They are blends of nobody; a consent is recorded so that its pages can be tried, too.
        command = [sys.executable, script, "import_people", str(first_run.DEMO), "--consent"]
        status = supervisor.run(Child("import", command))
        if status:
            demo = shlex.quote(os.path.relpath(first_run.DEMO))
            self.stderr.write(
                f"The demo people were not enrolled (status {status}). The site works without them; "
                f"try again with: {manage(f'import_people {demo} --consent')}"
            )
            return
        first_run.demo_enrolled()

    def _step(self, text: str) -> None:
        self.stdout.write(f"{text} ...")
        self.stdout.flush()

    def _show_password(self, password: str) -> None:
        """At once, since what follows may be broken off; and again at the end, below the worker's first lines."""
        self.stdout.write("")
        self.stdout.write(self.style.SUCCESS(f"  Administrator: admin   password: {password}"))
        self.stdout.write("  It is shown this once. Write it down.\n\n")
        self.stdout.flush()

    def _welcome(self, host: str, port: int, password: str | None) -> None:
        address = f"http://{shown(host)}:{port}"
        lines = [
            "",
            self.style.SUCCESS(f"The site runs at {address}/"),
            "",
            f"  Enrol and manage people    {address}/admin/",
            f"  Sign in by face            {address}/accounts/face/",
            f"  Kiosk API, try it          {address}/api/v1/docs/",
        ]
        if host not in LOCAL_HOSTS and set(settings.ALLOWED_HOSTS) <= LOCAL_HOSTS:
            lines.insert(2, "  Other machines are refused until ALLOWED_HOSTS has the name they use.")
        if password:
            lines.insert(-2, f"    as admin, password       {password}  (shown this once)")
        if first_run.has_demo():
            off = "start with LIVENESS=off, then " if settings.LIVENESS == "challenge" else ""
            lines.insert(-1, f"    with a demo picture      {off}{first_run.PROBE}")
        lines += [
            "",
            f"  Is everything well?        {manage('doctor')}",
            f"  Forgot the password?       {manage('changepassword admin')}",
            f"  Your data                  {settings.DATA_DIR}",
            "",
            "Ctrl-C stops everything.",
        ]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def mend_servers() -> None:
    """Start an embedded server again that was killed or ran out of memory. What was committed is still there."""
    try:
        for name in embedded.mend():
            logger.warning("%s had ended and was started again", name)
    except embedded.EmbeddedError as error:
        logger.error("an embedded server does not start, trying again: %s", error)


def web_server(host: str, port: int) -> Child:
    config = settings.BASE_DIR / "identity_site" / "gunicorn.conf.py"
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Child("web server", [sys.executable, "-m", "gunicorn", "-c", str(config)], {"BIND": address})


def worker() -> Child:
    """One worker with the timetable in it. Processes: a photo that crashes a decoder costs one of them."""
    command = [sys.executable]
    if os.geteuid() == 0:  # no news to whoever did it, and usual in containers
        command += ["-W", "ignore:You're running the worker with superuser"]
    command += ["-m", "celery", "--quiet", "-A", "identity_site", "worker"]
    command += ["--beat", "--schedule", settings.CELERY_BEAT_SCHEDULE_FILENAME]
    command += ["--queues", "recognition,default", "--concurrency", str(settings.WORKER_PROCESSES)]
    command += ["--hostname", "up@%h", "--loglevel", settings.LOG_LEVEL]
    command += ["--without-gossip", "--without-mingle"]  # there is no second worker to talk to
    return Child("worker", command)


def camera_worker() -> Child:
    """Watches the cameras of the admin. It waits, light, as long as there is none."""
    script = str(settings.BASE_DIR / "manage.py")
    return Child("camera worker", [sys.executable, script, "watch", "--all"], vital=False)


def free_port(host: str, port: int) -> int:
    """The port, or a free one for 0. Raises CommandError when something else listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OverflowError:
            raise CommandError(f"{port} is no port number.") from None
        except OSError as error:
            raise CommandError(
                f"Port {port} on {host} cannot be used ({error.strerror}). Something else may run there. "
                f"Choose another with --port, for example `{manage(f'up --port {port + 1}')}` "
                f"or `make run PORT={port + 1}`."
            ) from None
        found: int = probe.getsockname()[1]
        return found


def shown(host: str) -> str:
    """The address by which this machine reaches itself."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def answers(host: str, port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{shown(host)}:{port}/healthz", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
