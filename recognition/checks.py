"""System checks: they run before every command, and `manage.py up` does not start while one is an error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from recognition.engine import packaged
from recognition.engine.types import ModelFileError, ModelSpec
from recognition.engine.weights import KINDS, Manifest

LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]", "::1"}
SHORTEST_KEY = 50


@register("models")
def models(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """The files that recognition needs are there, are the right ones, and say which scores are a match."""
    try:
        specs = verified_models()
    except ModelFileError as error:
        hint = (
            "The files that came with the site: git checkout -- models. Others: manage.py fetch_models NAME."
        )
        return [Error(str(error), hint=hint, id="identity.E001")]
    return _thresholds(specs["embedder"])


def verified_models() -> dict[str, ModelSpec]:
    """The model in use of each kind. Raises ModelFileError when a file is missing or another."""
    manifest = Manifest.load(Path(settings.MODELS_DIR), Path(settings.DATA_DIR) / "models")
    chosen = {"embedder": settings.EMBEDDER, "detector": settings.DETECTOR}
    if settings.EMBEDDER in packaged.NAMES and all(spec.name != settings.EMBEDDER for spec in manifest.specs):
        packaged.find(settings.EMBEDDER)  # it is installed at the first start
        chosen["embedder"] = ""
    specs = {
        kind: manifest.spec(chosen[kind]) if chosen.get(kind) else manifest.default(kind) for kind in KINDS
    }
    for kind, name in chosen.items():
        if specs[kind].kind != kind:
            raise ModelFileError(f"{kind.upper()}={name} names a {specs[kind].kind}.")
    for spec in specs.values():
        for part in manifest.parts(spec):
            manifest.path(part)
    return specs


def _thresholds(embedder: ModelSpec) -> list[CheckMessage]:
    policy: Any = embedder.settings.get("policy") or {}
    found: list[CheckMessage] = []
    for name, lowest, highest in (
        ("verify_threshold", -1, 1),
        ("identify_threshold", -1, 1),
        ("margin", 0, 2),
    ):
        value = policy.get(name)
        if not isinstance(value, int | float) or not lowest <= value <= highest:
            text = f"The manifest's {name} of {embedder.name} is {value}, not a number from {lowest} to {highest}."
            found.append(Error(text, hint="Restore models/manifest.json.", id="identity.E005"))
    return found


@register(Tags.security)
def secret_key(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Whoever guesses the key can sign in as anybody."""
    key = settings.SECRET_KEY
    weak = len(key) < SHORTEST_KEY or len(set(key)) < 10 or key.startswith("django-insecure")
    if not (settings.HTTPS_ONLY and weak):
        return []
    hint = 'python -c "import secrets; print(secrets.token_urlsafe(64))" makes one.'
    text = f"SECRET_KEY is too easy to guess for a site in production (at least {SHORTEST_KEY} random characters)."
    return [Error(text, hint=hint, id="identity.E002")]


@register(Tags.security)
def public_names(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """What must not be when the site is reached by other machines."""
    remote = sorted(set(settings.ALLOWED_HOSTS) - LOCAL_HOSTS)
    if not remote:
        return []
    found: list[CheckMessage] = []
    if settings.DEBUG:
        text = f"DEBUG is on and the site answers to {remote[0]}: error pages show its inside to everybody."
        found.append(Warning(text, hint="Remove DEBUG from the environment.", id="identity.W003"))
    if not settings.HTTPS_ONLY:
        text = f"The site answers to {remote[0]} without https: browsers give it no camera, and passwords can be read."
        found.append(Warning(text, hint="Put https in front and set HTTPS_ONLY=true.", id="identity.W004"))
    return found


@register(Tags.security)
def gallery_engine(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """An engine that searches has to see what it searches."""
    if settings.GALLERY_BACKEND == "faiss":
        return []
    where = "Postgres" if settings.GALLERY_BACKEND == "pgvector" else f"Milvus ({settings.MILVUS_URL})"
    text = (
        f"GALLERY_BACKEND={settings.GALLERY_BACKEND} keeps one vector of each person in the clear in {where}."
    )
    hint = "Encrypt its disks and dumps, or take GALLERY_BACKEND=faiss, which keeps them in memory only."
    return [Warning(text, hint=hint, id="identity.W006")]


@register(Tags.security)
def unknown_visitors(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Faces of people whom nobody asked."""
    days = settings.KEEP_VISITORS_DAYS
    if not days:
        return []
    text = (
        f"KEEP_VISITORS_DAYS={days} keeps faces and vectors of people who are not known and did not agree:"
        " biometric data."
    )
    hint = (
        "Make sure that you may, say so where cameras and kiosks are, and take the fewest days that do."
        " PRIVACY.md says what is kept. KEEP_VISITORS_DAYS=0 keeps none and removes what there is."
    )
    return [Warning(text, hint=hint, id="identity.W007")]
