"""How long each kind of data is kept, and removing what is older. May import every other package.

A beat task carries it out every hour.
"""

from __future__ import annotations

from recognition.services.retention.rules import rules
from recognition.services.retention.runs import carry_out

__all__ = ["carry_out", "rules"]
