"""The embedding models of the site: catalogue, downloads, conversion, installation, and the change from one to
another without stopping.

Vectors of the model to come are computed beside those in use; the switch and the way back are one
transaction each. May import all other packages.
"""

from __future__ import annotations

from recognition.services.models.catalogue import fetch, install_file, install_packaged, installed, offers
from recognition.services.models.changes import (
    OPEN,
    advance,
    begin,
    drop,
    enrolled_photos,
    missing,
    open_change,
    stop,
    version_of,
)
from recognition.services.models.comparison import compare
from recognition.services.models.store import remove
from recognition.services.models.strongest import change_to_stronger, start, stronger_than
from recognition.services.models.switch import (
    activate,
    left_behind,
    model_before,
    no_policy_text,
    readiness,
    roll_back,
    switch_if_wished,
)

__all__ = [
    "OPEN",
    "activate",
    "advance",
    "begin",
    "change_to_stronger",
    "compare",
    "drop",
    "enrolled_photos",
    "fetch",
    "install_file",
    "install_packaged",
    "installed",
    "left_behind",
    "missing",
    "model_before",
    "no_policy_text",
    "offers",
    "open_change",
    "readiness",
    "remove",
    "roll_back",
    "start",
    "stop",
    "stronger_than",
    "switch_if_wished",
    "version_of",
]
