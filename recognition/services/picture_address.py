"""Drawings inside a page, without a file of their own."""

from __future__ import annotations

import base64


def picture_address(svg: bytes | str) -> str:
    """A data address for an <img>, in which scripts of the drawing never run."""
    raw = svg.encode() if isinstance(svg, str) else svg
    return "data:image/svg+xml;base64," + base64.b64encode(raw).decode()
