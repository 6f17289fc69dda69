"""Writing gallery files: people come as a stream, so a build needs little memory whatever their number."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from recognition.engine.first_stage import RABITQ, Codes, Stored
from recognition.engine.gallery_file import GalleryFile, GalleryWriter, Header, Ints
from recognition.engine.types import Floats

CHUNK = 4096  # people that are looked at in one go where they are not read from elsewhere


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """owners: (n,) ascending ids; templates: (n, dimensions) representative vectors; counts: (n,) of photo vectors
    of each, 0 for a person with one vector, which is the template; photos: (counts.sum(), dimensions)."""

    owners: Ints
    templates: Floats
    counts: Ints
    photos: Floats

    def merged(self, other: People) -> People:
        """Both, in the order of their owners."""
        owners = np.concatenate([self.owners, other.owners])
        order = np.argsort(owners, kind="stable")
        counts = np.concatenate([self.counts, other.counts])
        photos = np.concatenate([self.photos, other.photos])
        return People(
            owners[order],
            np.concatenate([self.templates, other.templates])[order],
            counts[order],
            photos[ranges(np.cumsum(counts) - counts, counts, order)],
        )


def people(owners: Ints, vectors: Floats) -> People:
    """owners: (n,) ascending ids, those of one person together; vectors: (n, dimensions). Raises ValueError."""
    who, starts, counts = np.unique(owners, return_index=True, return_counts=True)
    several = counts > 1
    templates = unit(_sums(vectors, starts, counts)) if len(who) else vectors
    return People(who, templates, np.where(several, counts, 0), vectors[np.repeat(several, counts)])


def in_chunks(owners: Ints, vectors: Floats) -> Iterator[People]:
    """The same for many people, a part at a time."""
    _, starts = np.unique(owners, return_index=True)
    borders = [*starts[::CHUNK].tolist(), len(owners)]
    for start, end in itertools.pairwise(borders):
        yield people(owners[start:end], vectors[start:end])


def write(path: Path, header: Header, chunks: Iterable[People]) -> None:
    """Replace ``path`` at one blow; whoever reads it sees the old file or the new one."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            _stream(file, header, chunks)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def in_memory(header: Header, chunks: Iterable[People]) -> GalleryFile:
    """The same without a place in any folder, for this process alone."""
    with os.fdopen(os.memfd_create("gallery"), "w+b") as file:
        _stream(file, header, chunks)
        file.seek(0)
        return GalleryFile(file, "the gallery", dimensions=header.dimensions, model=header.model)


def header(model: str, dimensions: int, stage: str, *, change_number: int = 0, generation: int = 0) -> Header:
    """stage: ``flat`` or ``rabitq``. Codes go with half precision (an error of at most 2e-4 in the score)."""
    dtype = "<f2" if stage == RABITQ else "<f4"
    return Header(model, dimensions, stage, dtype, change_number=change_number, generation=generation)


def _stream(file: IO[bytes], header: Header, chunks: Iterable[People]) -> None:
    writer = GalleryWriter(file, header)
    codes = Codes(header.dimensions) if header.stage == RABITQ else None
    for chunk in chunks:
        if len(chunk.owners):
            templates = writer.add(chunk.owners, chunk.templates, chunk.counts, chunk.photos)
            if codes is not None:
                codes.add(templates)
    writer.finish(codes.stored() if codes is not None else Stored.nothing())


def ranges(starts: Ints, counts: Ints, order: Ints | None = None) -> Ints:
    """The numbers start, start + 1, ... of each, ``count`` many, one after the other."""
    if order is not None:
        starts, counts = starts[order], counts[order]
    numbers: Ints = np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    return numbers


def unit(sums: Floats) -> Floats:
    """Each row at length 1. Raises ValueError for a number that is not finite."""
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths)):
        raise ValueError("a vector holds a number that is not finite")
    return np.asarray(sums / np.maximum(lengths, 1e-12), np.float32)


def _sums(vectors: Floats, starts: NDArray[np.intp], counts: NDArray[np.intp]) -> Floats:
    """(n, dimensions) sums of the rows from each start; much faster than reduceat for a few rows each."""
    sums = vectors[starts]
    for row in range(1, int(counts.max())):
        longer = counts > row
        sums[longer] += vectors[starts[longer] + row]
    return sums
