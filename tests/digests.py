"""Texts without what is drawn by chance, such as signatures and tokens: a short name may stand in any of them."""

from __future__ import annotations

import re

_BY_CHANCE = re.compile(r"[A-Za-z0-9+/_-]{40,}=*")


def without_digests(text: str) -> str:
    return _BY_CHANCE.sub("", text)
