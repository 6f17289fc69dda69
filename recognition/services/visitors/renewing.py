"""Faces of strangers after a change of the model: their vectors are made anew from the crops that are kept."""

from __future__ import annotations

import logging
import time

from django.db import transaction

from recognition.engine import images
from recognition.engine.types import Floats, ImageError
from recognition.models import Appearance, ModelVersion
from recognition.sealing import SealError
from recognition.services.analysis import get_analyzer
from recognition.services.recognition import drop_faces

log = logging.getLogger(__name__)

BATCH = 32


def renew(version: ModelVersion, until: float) -> bool:
    """Give every face a vector of this model; whether all have one. until: of the monotonic clock.

    A face whose crop cannot be read any more is dropped. Raises EngineError when the model cannot be used.
    """
    while rows := list(
        Appearance.objects.exclude(model_version=version)
        .exclude(key=None)
        .values_list("pk", flat=True)[:BATCH]
    ):
        if time.monotonic() >= until:
            return False
        crops = []
        for number in rows:
            try:
                crop = Appearance.objects.filter(pk=number).values_list("crop", flat=True).first()
                crops.append((number, images.decode(bytes(crop or b""))))
            except (SealError, ImageError):
                log.warning("the crop of appearance %s cannot be read; its face is dropped", number)
                drop_faces(Appearance.objects.filter(pk=number))
        if not crops:
            continue
        vectors = get_analyzer().embed([crop for _, crop in crops], version=version)
        for (number, _), vector in zip(crops, vectors, strict=True):
            _store(number, vector, version)
    Appearance.objects.exclude(model_version=version).update(model_version=version)
    return True


def _store(number: int, vector: Floats, version: ModelVersion) -> None:
    with transaction.atomic():
        rows = Appearance.objects.select_for_update(of=("self",)).filter(pk=number).exclude(key=None)
        row = rows.defer("vector", "crop", "picture").first()
        if row is not None:
            row.vector, row.model_version = vector, version
            row.save(update_fields=["vector", "model_version"])
