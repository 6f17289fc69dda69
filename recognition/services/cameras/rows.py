"""Cameras as rows: checked and written."""

from __future__ import annotations

import re

from django.utils.translation import gettext

from recognition.engine.film import is_network
from recognition.models import Camera
from recognition.services.errors import Invalid

PRINTABLE = re.compile(r"[\x21-\x7e]{1,500}")


def save_camera(camera: Camera) -> Camera:
    """Write a new or changed camera; the worker follows within seconds. Raises Invalid for a source that is none.

    Files are no cameras here: an address of this kind could show what is on the host's disk.
    """
    camera.source = camera.source.strip()
    webcam = camera.source.isascii() and camera.source.isdigit() and len(camera.source) < 3
    if not webcam and not (is_network(camera.source) and PRINTABLE.fullmatch(camera.source)):
        raise Invalid(
            "no_camera",
            gettext(
                "The source is the address of a camera (rtsp://… or http://…) or the number of "
                "a webcam, such as 0."
            ),
        )
    camera.save()
    return camera
