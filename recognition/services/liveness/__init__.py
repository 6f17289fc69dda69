"""Is a living person in front of the camera: challenge sessions, their tokens, and signs on a single picture.

May import `recognition` and what that may.
"""

from __future__ import annotations

from recognition.services.liveness.challenges import (
    MOST_AT_ONCE,
    Answer,
    Frame,
    add_frames,
    frames_of,
    start,
)
from recognition.services.liveness.modes import of_sign_in, probe_of
from recognition.services.liveness.watching import Watcher

__all__ = [
    "MOST_AT_ONCE",
    "Answer",
    "Frame",
    "Watcher",
    "add_frames",
    "frames_of",
    "of_sign_in",
    "probe_of",
    "start",
]
