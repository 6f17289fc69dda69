"""What `manage.py doctor` says about models: their files, what runs them, which one the people are enrolled with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from django.conf import settings

from identity_site.hints import manage
from recognition.checks import verified_models
from recognition.engine.types import ModelFileError

OK, WARNING, ERROR = "ok", "warning", "error"


def models() -> Iterator[tuple[str, ...]]:
    try:
        specs = verified_models()
    except ModelFileError as error:
        yield (
            ERROR,
            str(error),
            "The files that came with the site: git checkout -- models. Others: fetch_models NAME.",
        )
        return
    yield OK, ", ".join(f"{spec.kind} {spec.name} {spec.version}".strip() for spec in specs.values())


def device() -> Iterator[tuple[str, ...]]:
    """What runs the networks when a GPU is asked for. Loads TensorFlow then."""
    from recognition.engine.runtimes import accelerator, keras_pool
    from recognition.services.analysis import read_manifest

    if settings.INFERENCE != "gpu":
        return
    found = accelerator.find_device()
    if not found:
        yield WARNING, f"recognition runs on the CPU. {found.summary}", "Mend that, or remove INFERENCE=gpu."
        return
    yield OK, f"recognition runs on {found.summary} ({found.place})"
    with suppress(ModelFileError):  # which the check of the models tells
        for spec in verified_models().values():
            if reason := keras_pool.lacks_weights(read_manifest(), spec):
                yield (
                    WARNING,
                    f"{spec.name} runs on the CPU. {reason}",
                    "Install it from its original weights.",
                )


WHY = {
    "environment": "as DETECTOR in the environment says",
    "chosen": "as chosen in the admin",
    "default": "the default",
}


def detector_in_use() -> Iterator[tuple[str, ...]]:
    """What finds faces, which need not be the manifest's default either."""
    from recognition.services import analysis

    try:
        found = analysis.detector_in_use()
    except ModelFileError:  # which the check of the models tells
        return
    if found.missing:
        yield (
            ERROR,
            f"{found.missing} was chosen in the admin and cannot be used on this machine; {found.name} finds faces",
            f"Install it here (`{manage('fetch_models --list')}`) and start the site again, or choose another.",
        )
        return
    yield OK, f"{found.name} finds faces, {WHY[found.because]}"


def model_in_use() -> Iterator[tuple[str, ...]]:
    """Which model the people are enrolled with; it need not be the default of the manifest."""
    from recognition.models import ModelChange, ModelVersion
    from recognition.services import models as model_services
    from recognition.services.analysis import get_analyzer

    version = ModelVersion.objects.filter(active=True).first()
    if version is None:
        return
    try:
        get_analyzer().embedder_of(version)
        yield OK, f"people are enrolled with {version.name}"
    except ModelFileError as error:
        yield (
            ERROR,
            str(error),
            f"Without its file nobody is recognised. See `{manage('fetch_models --list')}`.",
        )
    if settings.EMBEDDER and version.name != settings.EMBEDDER:
        yield (
            WARNING,
            f"EMBEDDER is {settings.EMBEDDER}, which is not used for the people who are enrolled",
            f"Change to it with `{manage(f'reembed --model {settings.EMBEDDER}')}`, or remove the setting.",
        )
    with suppress(ModelFileError):
        better = model_services.stronger_than(version)
        if better and version.name != settings.EMBEDDER:
            yield (
                OK,
                f"stronger: {better.in_words()}",
                f"Change to it without stopping: `{manage(better.change)}`.",
            )
    for change in ModelChange.objects.filter(state__in=ModelChange.OPEN).select_related("before", "target"):
        yield (
            OK,
            f"change from {change}: {change.get_state_display()}, {change.done} of {change.total} photos",
        )
