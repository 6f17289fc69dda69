"""Is the log as it was written? Walks the chain from its beginning and computes each digest anew."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.db import connection, transaction

BATCH = 5000
# Both tables from one moment; an entry whose transaction has not ended has no link and is not seen either.
LINKS = """
    SELECT link.number, link.digest, noted.id, identity_audit_text(noted)
    FROM recognition_auditlink AS link LEFT JOIN recognition_auditentry AS noted ON noted.id = link.entry
    WHERE link.number > %s ORDER BY link.number LIMIT %s
"""
UNLINKED = """
    SELECT entry.id FROM recognition_auditentry AS entry
    LEFT JOIN recognition_auditlink AS link ON link.entry = entry.id WHERE link.entry IS NULL ORDER BY entry.id LIMIT 20
"""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain. Kept elsewhere, it tells later whether entries were removed from the end.

    problems: sentences about what is wrong; none when the log is as it was written.
    """

    entries: int
    digest: str
    problems: tuple[str, ...] = ()


def verify(*, number: int = 0, digest: str = "") -> Head:
    """Check the whole log. number, digest: of a head from before, which has to be in the chain still."""
    problems: list[str] = []
    last, before = 0, ""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        while rows := _fetch(cursor, last):
            for place, noted, entry, text in rows:
                if place != last + 1:
                    problems.append(_gap(last + 1, place - 1))
                if entry is None:
                    problems.append(f"The entry at place {place} was removed.")
                elif hashlib.sha256((before + text).encode()).hexdigest() != noted:
                    problems.append(
                        f"Entry {entry} at place {place} is not what was written, or what stood before it is not."
                    )
                if place == number and digest and noted != digest:
                    problems.append(f"At place {place} the chain is another one than when its head was kept.")
                last, before = place, noted
        cursor.execute(UNLINKED)
        problems += [f"Entry {entry} was added past the chain." for (entry,) in cursor.fetchall()]
    if number > last:
        problems.append(f"The chain ends at place {last}; entries up to {number} are missing.")
    return Head(last, before, tuple(problems))


def _fetch(cursor: object, last: int) -> list[tuple[int, str, int | None, str]]:
    cursor.execute(LINKS, [last, BATCH])  # type: ignore[attr-defined]
    rows: list[tuple[int, str, int | None, str]] = cursor.fetchall()  # type: ignore[attr-defined]
    return rows


def _gap(first: int, last: int) -> str:
    return f"Place {first} is missing." if first == last else f"Places {first} to {last} are missing."
