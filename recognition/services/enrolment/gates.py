"""Whether a new photo shows its person and nobody else. One that does not waits for somebody to look at it.

Without this, one photo of a colleague under the wrong name makes both too close to tell, and neither can sign in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recognition.engine.measures.identification import Enrolled
from recognition.engine.types import Floats
from recognition.models import Identity, ModelVersion
from recognition.services.gallery import live_gallery, load_vectors
from recognition.services.thresholds import active_policy, fitting_threshold

LOOKS_LIKE_ANOTHER = "looks_like_another"
DOES_NOT_FIT = "does_not_fit"
NOBODY_LOOKED_ON = "nobody_looked_on"


@dataclass(frozen=True, slots=True)
class Doubt:
    """reason: a code of `wording.reason_text`. resembles: primary key of the person whom the photo resembles."""

    reason: str
    resembles: int | None = None


def doubt_about(
    vector: Floats, identity_id: int, version: ModelVersion, *, unseen: bool = False
) -> Doubt | None:
    """What speaks against enrolling a face (dimensions,) for this person; None when nothing does.

    It looks like another when that one would be recognised in it, and it is nearer to that one than to its own person.
    It does not fit when it is less like the person's other photos than even strangers seldom are.

    version: must be the one in use. unseen: it came by a link, so that anybody who had that may have shown a face. It
    then counts for a person with an account alone, who sees it there, and only where the face would be confirmed as
    theirs (1:1) by the photos that they have already.
    """
    policy = active_policy(version)
    own = _own_score(vector, identity_id, version)
    matches = live_gallery.current().search(vector[None], 2)[0]
    other = next((match for match in matches if match.identity_id != identity_id), None)
    if other is not None and other.score >= policy.identify_threshold and (own is None or other.score > own):
        return Doubt(LOOKS_LIKE_ANOTHER, other.identity_id)
    if own is not None and own < fitting_threshold(policy):
        return Doubt(DOES_NOT_FIT)
    if unseen and (own is None or own < policy.verify_threshold or not _has_account(identity_id)):
        return Doubt(NOBODY_LOOKED_ON)
    return None


def _has_account(identity_id: int) -> bool:
    return Identity.objects.filter(pk=identity_id).exclude(user=None).exists()


def _own_score(vector: Floats, identity_id: int, version: ModelVersion) -> float | None:
    """Read from the database: the photos of a bulk import are not in the gallery before all of them are written."""
    _, vectors = load_vectors(version, [identity_id])
    if not len(vectors):
        return None
    return float(Enrolled.of(np.zeros(len(vectors), np.int64), vectors).scores(vector[None])[0, 0])
