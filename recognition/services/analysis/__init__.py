"""What this process sees with: the engine's parts put together, the installed models and the version in use.

A picture goes in, faces with crops, quality and vectors come out; nothing is decided and nothing is written
but the row of a model version. May import the shared modules only.
"""

from __future__ import annotations

from recognition.services.analysis.analyzer import Analyzer, SeenFace, Timings, get_analyzer, quality_dict
from recognition.services.analysis.detectors import (
    Because,
    choose_detector,
    detector_in_use,
    detectors_of_photos,
    follow_choice,
    installed_detectors,
    see_with,
)
from recognition.services.analysis.installed import (
    active_model,
    hold_in_use,
    models_folder,
    read_manifest,
    register,
    start_with,
)

__all__ = [
    "Analyzer",
    "Because",
    "SeenFace",
    "Timings",
    "active_model",
    "choose_detector",
    "detector_in_use",
    "detectors_of_photos",
    "follow_choice",
    "get_analyzer",
    "hold_in_use",
    "installed_detectors",
    "models_folder",
    "quality_dict",
    "read_manifest",
    "register",
    "see_with",
    "start_with",
]
