"""Who is in a picture (1:N) and whether it is a certain person (1:1): decided, recorded and answered.

Beside it the shadow decisions of a model to come, the pictures of probes where they are kept, and sign-ins
by face. May import `thresholds` and what that may.
"""

from __future__ import annotations

from recognition.services.recognition.ageing import decisions_before, drop_decisions, unknown_before
from recognition.services.recognition.answers import Asker, FaceAnswer, Identification
from recognition.services.recognition.pictures import (
    forget_probe_pictures,
    picture_of,
    probe_pictures_before,
    probe_pictures_of,
    purge_probe_pictures,
)
from recognition.services.recognition.recognise import (
    KEPT_CANDIDATES,
    MOST_CANDIDATES,
    identify,
    identify_together,
    record_refusal,
    verify_identity,
    verify_images,
)
from recognition.services.recognition.shadow import agreement, differences
from recognition.services.recognition.sign_ins import (
    hold_sign_in,
    recent_sign_ins,
    recognised_as,
    refuse_sign_in,
    set_user,
    settle_sign_in,
)
from recognition.services.recognition.stranger_vectors import (
    Strangers,
    forget_strangers_like,
    forget_strangers_of,
    models_of_strangers,
)
from recognition.services.recognition.strangers import clearly_below, drop_faces, remove_appearances

__all__ = [
    "KEPT_CANDIDATES",
    "MOST_CANDIDATES",
    "Asker",
    "FaceAnswer",
    "Identification",
    "Strangers",
    "agreement",
    "clearly_below",
    "decisions_before",
    "differences",
    "drop_decisions",
    "drop_faces",
    "forget_probe_pictures",
    "forget_strangers_like",
    "forget_strangers_of",
    "hold_sign_in",
    "identify",
    "identify_together",
    "models_of_strangers",
    "picture_of",
    "probe_pictures_before",
    "probe_pictures_of",
    "purge_probe_pictures",
    "recent_sign_ins",
    "recognised_as",
    "record_refusal",
    "refuse_sign_in",
    "remove_appearances",
    "set_user",
    "settle_sign_in",
    "unknown_before",
    "verify_identity",
    "verify_images",
]
