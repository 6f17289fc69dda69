"""Who in the gallery resembles a person most: to find someone who is enrolled twice, and lookalikes."""

from __future__ import annotations

from dataclasses import dataclass

from recognition.models import Identity
from recognition.services.gallery import live_gallery
from recognition.services.thresholds import active_policy


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another person. ``alike``: so similar that a photo of one could be taken for the other in 1:N."""

    identity: Identity
    score: float
    alike: bool


def neighbours(identity: Identity, *, count: int = 6) -> list[Neighbour]:
    """The most similar other people, best first; empty for a person who is not in the gallery.

    Raises EngineError when there is no model to compare with.
    """
    matches = live_gallery.current().neighbours(identity.pk, count)
    if not matches:
        return []
    threshold = active_policy().identify_threshold
    people = Identity.objects.in_bulk([match.identity_id for match in matches])
    return [
        Neighbour(people[match.identity_id], match.score, match.score >= threshold)
        for match in matches
        if match.identity_id in people
    ]


def in_gallery(identity: Identity) -> bool:
    """Whether the next probe can be recognised as this person."""
    return identity.pk in live_gallery.current()
