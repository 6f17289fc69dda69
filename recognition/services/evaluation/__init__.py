"""How good the models are, on labelled photos or on the enrolled people: figures, drawings and reports.

Nothing is enrolled and no threshold is changed by it. May import `enrolment` and what that may.
"""

from __future__ import annotations

from recognition.services.evaluation.figures import InForce, figures_of
from recognition.services.evaluation.folder import evaluate
from recognition.services.evaluation.measured_photos import VARIANTS, main_face, measure_photos
from recognition.services.evaluation.report import LABELS, picture_address, svg_pictures, write_report
from recognition.services.evaluation.runs import request_evaluation, run_evaluation

__all__ = [
    "LABELS",
    "VARIANTS",
    "InForce",
    "evaluate",
    "figures_of",
    "main_face",
    "measure_photos",
    "picture_address",
    "request_evaluation",
    "run_evaluation",
    "svg_pictures",
    "write_report",
]
