"""Who may sign in by face, and with which face. No state and no side effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from recognition.services.recognition import FaceAnswer

if TYPE_CHECKING:
    from accounts.models import User

# A second face this large, compared with the largest, may belong to somebody who stands in front of the
# camera as well. Smaller ones are in the background.
RIVAL_SHARE = 0.5


def several_people(faces: Sequence[FaceAnswer]) -> bool:
    """Whether it is unclear which face is meant. Faces come largest first."""
    return len(faces) > 1 and faces[1].seen.quality.size >= RIVAL_SHARE * faces[0].seen.quality.size


def account_to_open(face: FaceAnswer) -> User | None:
    """The account that this decision opens; None for every reason alike, so that the answers cannot differ."""
    identity = face.identity
    if face.decision != "match" or identity is None or identity.status != "active":
        return None
    user: User | None = identity.user
    return user if user is not None and face_may_open(user) else None


def face_may_open(user: User) -> bool:
    """Not those of staff and superusers: a photo can fool a camera as long as liveness is not checked."""
    return user.is_active and not (user.is_staff or user.is_superuser)
