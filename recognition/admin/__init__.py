"""The staff's pages. Every write goes through `recognition.services`; here are only forms, lists and words."""

from recognition.admin import (
    attendance,
    audit,
    cameras,
    consents,
    decisions,
    erasures,
    evaluation,
    gallery,
    identities,
    keys,
    lookalikes,
    model_changes,
    model_versions,
    photos,
    policies,
    retention,
)

__all__ = [
    "attendance",
    "audit",
    "cameras",
    "consents",
    "decisions",
    "erasures",
    "evaluation",
    "gallery",
    "identities",
    "keys",
    "lookalikes",
    "model_changes",
    "model_versions",
    "photos",
    "policies",
    "retention",
]
