"""Everybody who can be recognised, current in every process: the change log, the live gallery and the built
index file.

Whoever changes a person's vectors or state calls `record_change` in the same transaction. May import
`analysis` and the shared modules.
"""

from __future__ import annotations

from recognition.services.gallery.index import files_from_before, rebuild_if_stale, rebuild_index
from recognition.services.gallery.live import AnyGallery, LiveGallery, gallery_folder, live_gallery
from recognition.services.gallery.log import Mark, last_change, record_change
from recognition.services.gallery.store import elsewhere
from recognition.services.gallery.vectors import enrolled_vectors, load_vectors, open_vectors

__all__ = [
    "AnyGallery",
    "LiveGallery",
    "Mark",
    "elsewhere",
    "enrolled_vectors",
    "files_from_before",
    "gallery_folder",
    "last_change",
    "live_gallery",
    "load_vectors",
    "open_vectors",
    "rebuild_if_stale",
    "rebuild_index",
    "record_change",
]
