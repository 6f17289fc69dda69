"""Celery's doors to the services: ids in, one service call, nothing else."""

from __future__ import annotations

from celery import shared_task

from recognition.services import (
    data_keys,
    enrolment,
    evaluation,
    gallery,
    jobs,
    retention,
    thresholds,
    visitors,
    webhooks,
)
from recognition.services import models as model_services

# Other photos wait for their turn on the same queue, so that a long change takes it in slices.
REEMBED_SECONDS = 20.0


@shared_task(name="recognition.process_photos")
def process_photos(photo_ids: list[int]) -> int:
    return enrolment.process_photos(photo_ids)


@shared_task(name="recognition.rebuild_index")
def rebuild_index() -> int | None:
    build = gallery.rebuild_index()
    return build.pk if build else None


@shared_task(name="recognition.rebuild_index_if_stale")
def rebuild_index_if_stale() -> int | None:
    build = gallery.rebuild_if_stale()
    return build.pk if build else None


@shared_task(name="recognition.sweep_photos")
def sweep_photos() -> int:
    return enrolment.sweep_photos()


@shared_task(name="recognition.sweep_jobs")
def sweep_jobs() -> int:
    return jobs.sweep_jobs()


@shared_task(name="recognition.deliver")
def deliver() -> int:
    return webhooks.deliver_due()


@shared_task(name="recognition.gather_visitors")
def gather_visitors() -> int:
    return visitors.gather()


@shared_task(name="recognition.follow_growth")
def follow_growth() -> int | None:
    policy = thresholds.follow_growth()
    return policy.pk if policy else None


@shared_task(name="recognition.seal_files")
def seal_files() -> int:
    return data_keys.seal_files()


@shared_task(name="recognition.carry_out_retention")
def carry_out_retention() -> dict[str, int]:
    return retention.carry_out()


@shared_task(name="recognition.evaluate")
def evaluate(evaluation_id: int) -> None:
    evaluation.run_evaluation(evaluation_id)


@shared_task(name="recognition.calibrate")
def calibrate(calibration_id: int) -> None:
    thresholds.run_calibration(calibration_id)


@shared_task(name="recognition.import_people")
def import_people(import_id: int) -> None:
    enrolment.run_import(import_id)


@shared_task(name="recognition.reembed")
def reembed() -> None:
    change = model_services.advance(seconds=REEMBED_SECONDS)
    if change is None:
        return
    if change.state == change.State.COMPUTING and not change.worker:
        reembed.delay()
    model_services.switch_if_wished(change)


@shared_task(name="recognition.compare_models")
def compare_models(change_id: int) -> None:
    model_services.compare(change_id)
