"""Which detector finds faces: that of the environment, else the one that staff chose, else the manifest's default.

A choice is a row of Postgres and counts from the next request on: whoever decides about a probe reads it in the query
that says which policy is in force, everybody else by `follow_choice`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.db import connection
from django.utils.translation import gettext

from recognition.engine.types import ModelFileError, ModelSpec
from recognition.engine.weights import COMPANION
from recognition.models import DetectorChoice, ModelVersion
from recognition.services.analysis.analyzer import get_analyzer
from recognition.services.analysis.installed import read_manifest
from recognition.services.errors import Conflict, Invalid

NEWEST = "SELECT id, detector FROM recognition_detectorchoice ORDER BY id DESC LIMIT 1"


class Because(StrEnum):
    ENVIRONMENT = "environment"
    CHOSEN = "chosen"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class DetectorInUse:
    """What this process finds faces by, and why. missing: the chosen one, where it cannot be used on this machine."""

    name: str
    because: Because
    missing: str = ""


def follow_choice() -> None:
    """Let this process find faces by the detector that is chosen at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(NEWEST)
        row = cursor.fetchone()
    see_with(*(row or (None, None)))


def see_with(number: int | None, name: str | None) -> None:
    """number, name: of the newest choice, as it was read together with something else; None while there is none."""
    if number is not None and name is not None:
        get_analyzer().see_with(name, number)


def detector_in_use() -> DetectorInUse:
    """Raises ModelFileError when a manifest is damaged."""
    follow_choice()
    analyzer = get_analyzer()
    name = analyzer.detector_spec.name
    if analyzer.pinned:
        return DetectorInUse(name, Because.ENVIRONMENT)
    chosen = DetectorChoice.objects.first()
    if chosen is None:
        return DetectorInUse(name, Because.DEFAULT)
    missing = "" if chosen.detector == name else chosen.detector
    return DetectorInUse(name, Because.DEFAULT if missing else Because.CHOSEN, missing)


def installed_detectors() -> list[ModelSpec]:
    """Those that can be chosen. A second entry for larger inputs of the same detector is none of its own."""
    specs = [spec for spec in read_manifest().specs if spec.kind == "detector"]
    names = {spec.name for spec in specs}
    return [spec for spec in specs if spec.name.removesuffix(COMPANION) not in names - {spec.name}]


def choose_detector(name: str, *, user_id: int | None = None) -> DetectorChoice:
    """Find faces by this detector from the next request on, in every process.

    Raises Conflict while the environment names one, or when this one is in use, and Invalid for one that is not
    installed here or whose file is damaged.
    """
    now = detector_in_use()
    if now.because == Because.ENVIRONMENT:
        raise Conflict(
            "pinned",
            gettext("DETECTOR=%(name)s in the environment decides. Remove it there first.")
            % {"name": now.name},
        )
    if name == now.name and not now.missing:
        raise Conflict("in_use", gettext("%(name)s is in use already.") % {"name": name})
    if all(spec.name != name for spec in installed_detectors()):
        raise Invalid("unknown_detector", gettext("No detector “%(name)s” is installed.") % {"name": name})
    try:
        get_analyzer().detector_named(name)
    except ModelFileError as error:
        raise Invalid("unusable_detector", str(error)) from None
    made = DetectorChoice.objects.create(detector=name, by_id=user_id)
    see_with(made.pk, made.detector)
    return made


def detectors_of_photos(version: ModelVersion) -> dict[str, int]:
    """Of how many enrolled photos each detector found the faces; "" for those from before that was noted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.detector, count(*) FROM recognition_photo p JOIN recognition_embedding e ON e.photo_id = p.id"
            " WHERE e.model_version_id = %s GROUP BY 1",
            [version.pk],
        )
        return dict(cursor.fetchall())
