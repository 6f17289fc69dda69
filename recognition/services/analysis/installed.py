"""The models that are installed, bundled and added ones, and the version whose vectors are compared."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from recognition.engine.types import ModelSpec
from recognition.engine.weights import Manifest
from recognition.models import ModelVersion
from recognition.services.analysis.analyzer import get_analyzer
from recognition.services.errors import Conflict


def models_folder() -> Path:
    return Path(settings.DATA_DIR) / "models"


def read_manifest() -> Manifest:
    """Bundled and installed models. Raises ModelFileError when a manifest is damaged."""
    return Manifest.load(Path(settings.MODELS_DIR), models_folder())


def register(spec: ModelSpec) -> ModelVersion:
    """The model version of an embedder. Raises Conflict when there are vectors of other weights of this name."""
    values = {
        "version": spec.version,
        "sha256": spec.sha256,
        "dimensions": int(str(spec.output["dimensions"])),
    }
    with transaction.atomic():
        version, new = ModelVersion.objects.select_for_update().get_or_create(name=spec.name, defaults=values)
        if not new and version.sha256 != spec.sha256:
            if version.active or version.embeddings.exists():
                raise Conflict(
                    "other_weights",
                    f"There are vectors of other weights of {spec.name}. Install the new ones under another name.",
                )
            ModelVersion.objects.filter(pk=version.pk).update(**values)
            version.refresh_from_db()
    return version


def active_model() -> ModelVersion:
    """The version whose vectors are compared; the installed default embedder registers itself on first use."""
    version = ModelVersion.objects.filter(active=True).first()
    return version or start_with(get_analyzer().embedder_spec)


def start_with(spec: ModelSpec) -> ModelVersion:
    """Put the installed embedder to use on a site that uses none yet; what is in use then, if another was faster."""
    try:
        with transaction.atomic():
            version = register(spec)
            version.active = True
            version.save(update_fields=["active"])
            return version
    except IntegrityError:  # another process was first
        return ModelVersion.objects.get(active=True)


def hold_in_use(version: ModelVersion) -> bool:
    """Whether this is the model in use. If so it stays that until the transaction ends: vectors of it may be kept."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT active FROM recognition_modelversion WHERE id = %s FOR SHARE", [version.pk])
        row = cursor.fetchone()
    return bool(row and row[0])
