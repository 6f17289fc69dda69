"""Celery's doors to the services: ids in, one service call, nothing else."""

from __future__ import annotations

from celery import shared_task

from recognition.services import evaluation_runs, index, kept_pictures, model_changes, photos, policy_changes

# Other photos wait for their turn on the same queue, so that a long change takes it in slices.
REEMBED_SECONDS = 20.0


@shared_task(name="recognition.process_photos")
def process_photos(photo_ids: list[int]) -> int:
    return photos.process_photos(photo_ids)


@shared_task(name="recognition.rebuild_index")
def rebuild_index() -> int | None:
    build = index.rebuild_index()
    return build.pk if build else None


@shared_task(name="recognition.rebuild_index_if_stale")
def rebuild_index_if_stale() -> int | None:
    build = index.rebuild_if_stale()
    return build.pk if build else None


@shared_task(name="recognition.sweep_photos")
def sweep_photos() -> int:
    return photos.sweep_photos()


@shared_task(name="recognition.sweep_evaluations")
def sweep_evaluations() -> int:
    return evaluation_runs.sweep_evaluations()


@shared_task(name="recognition.follow_growth")
def follow_growth() -> int | None:
    policy = policy_changes.follow_growth()
    return policy.pk if policy else None


@shared_task(name="recognition.purge_probes")
def purge_probes() -> int:
    return kept_pictures.purge()


@shared_task(name="recognition.evaluate")
def evaluate(evaluation_id: int) -> None:
    # Loads scikit-learn and matplotlib, which no other task needs.
    from recognition.services import site_evaluation

    site_evaluation.run_evaluation(evaluation_id)


@shared_task(name="recognition.reembed")
def reembed() -> None:
    change = model_changes.advance(seconds=REEMBED_SECONDS)
    if change is not None and change.state == change.State.COMPUTING and not change.worker:
        reembed.delay()


@shared_task(name="recognition.compare_models")
def compare_models(change_id: int) -> None:
    from recognition.services import model_comparison

    model_comparison.compare(change_id)
