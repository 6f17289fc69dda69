"""Addresses that a telephone or tablet reads from a screen."""

from __future__ import annotations

import segno
from django.utils.safestring import SafeString, mark_safe


def qr_code(text: str) -> SafeString:
    """As an SVG that takes the size of what is around it."""
    picture = segno.make(text, error="m").svg_inline(omitsize=True, border=2, light="white", svgclass="id-qr")
    return mark_safe(picture)  # noqa: S308 - made of numbers by the library
