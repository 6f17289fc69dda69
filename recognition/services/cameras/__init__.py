"""Films and cameras: faces followed from frame to frame, one decision a track, and pictures for who looks on.

May import `recognition` and what that may.
"""

from __future__ import annotations

from recognition.services.cameras.drawing import draw_labels
from recognition.services.cameras.rows import save_camera
from recognition.services.cameras.running import Figures, watch_all, watch_file, watch_live
from recognition.services.cameras.stream import pictures_of, state_of
from recognition.services.cameras.watcher import Label, Seen, Watcher

__all__ = [
    "Figures",
    "Label",
    "Seen",
    "Watcher",
    "draw_labels",
    "pictures_of",
    "save_camera",
    "state_of",
    "watch_all",
    "watch_file",
    "watch_live",
]
