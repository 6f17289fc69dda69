"""The Django project: settings, addresses, processes."""

from . import private_files

private_files.keep()  # before anything else of the project, in every process, can write

from .celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]
