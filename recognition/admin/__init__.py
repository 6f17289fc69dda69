"""The staff's pages. Every write goes through `recognition.services`; here are only forms, lists and words."""

from recognition.admin import decisions, gallery, identities, keys, photos

__all__ = ["decisions", "gallery", "identities", "keys", "photos"]
