"""The staff's pages. Every write goes through `recognition.services`; here are only forms, lists and words."""

from recognition.admin import decisions, evaluation, gallery, identities, keys, photos, policies

__all__ = ["decisions", "evaluation", "gallery", "identities", "keys", "photos", "policies"]
