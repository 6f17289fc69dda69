"""Whether Redis takes what it is given: a server that is full answers, and still no task reaches a worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FULL = 0.99  # of its memory


def refuses(info: Mapping[str, Any]) -> str:
    """Why it takes nothing at present, by what it says of itself; empty when it does."""
    most = int(info.get("maxmemory", 0))
    if most and int(info.get("used_memory", 0)) >= FULL * most:
        return f"its memory is full ({info.get('used_memory_human')} of {info.get('maxmemory_human')})"
    if info.get("aof_enabled") and info.get("aof_last_write_status") == "err":
        return "it cannot write to its disk"
    return ""


def may_drop(info: Mapping[str, Any]) -> bool:
    """Whether it throws tasks away when its memory is full, instead of refusing new ones."""
    return bool(int(info.get("maxmemory", 0))) and info.get("maxmemory_policy") != "noeviction"
