"""What a program handed in for an import, kept sealed in pieces until it is done, for workers of any host."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import IO

from django.db import transaction

from recognition import sealing
from recognition.models import DataKey, Import, ImportPart

PIECE = 1 << 20  # bytes in memory at once


def keep(job: Import, file: IO[bytes]) -> None:
    """In the transaction that makes the import. Its key is of nobody: the photos show many."""
    key = sealing.new_key(None)
    Import.objects.filter(pk=job.pk).update(key=key.pk)
    secret = sealing.key_by_number(key.pk)
    number = 0
    while piece := file.read(PIECE):
        ImportPart.objects.create(job=job, number=number, content=sealing.seal(piece, key.pk, secret))
        number += 1


def is_kept(job: Import) -> bool:
    return ImportPart.objects.filter(job=job).exists()


def write(job: Import, path: Path) -> None:
    """Raises SealError."""
    with path.open("xb") as file:
        for content in (
            ImportPart.objects.filter(job=job).values_list("content", flat=True).iterator(chunk_size=4)
        ):
            file.write(sealing.open_sealed(bytes(content)))


def drop(job_ids: Collection[int]) -> None:
    """With the keys, so that copies in dumps cannot be read any more."""
    with transaction.atomic():
        ImportPart.objects.filter(job__in=job_ids).delete()
        keys = list(Import.objects.filter(pk__in=job_ids, key__isnull=False).values_list("key", flat=True))
        Import.objects.filter(pk__in=job_ids).update(key=None)
        DataKey.objects.filter(pk__in=keys, identity=None).delete()
        transaction.on_commit(partial(sealing.forget_keys, keys))
