"""What an import did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recognition.services.enrolment.import_plan import PlannedPerson
from recognition.services.errors import ServiceError
from recognition.services.wording import reason_text


@dataclass(slots=True)
class Report:
    """What became of each photo: enrolled, enqueued, skipped (there already) or rejected with the reason.

    in_review: how many of the rejected wait for somebody to look at them.
    without_vector: people of the plan who are in now, but cannot be recognised by any photo yet.
    stopped: somebody asked to stop before everybody was done.
    kept, known: ID and path of each photo that was taken, with its number, and of each that was there already.
    """

    people: int = 0
    enrolled: int = 0
    enqueued: int = 0
    skipped: int = 0
    rejected: list[dict[str, str]] = field(default_factory=list)
    in_review: int = 0
    without_vector: list[str] = field(default_factory=list)
    stopped: bool = False
    kept: list[tuple[str, Path, int]] = field(default_factory=list, compare=False)
    known: list[tuple[str, Path]] = field(default_factory=list, compare=False)

    def reject(self, person: PlannedPerson, path: Path | None, reason: str, message: str = "") -> None:
        text = message or reason_text(reason)
        shown = "" if path is None else str(path)
        self.rejected.append(
            {"external_id": person.external_id, "path": shown, "reason": reason, "message": text}
        )

    def skip(self, person: PlannedPerson, path: Path) -> None:
        self.skipped += 1
        self.known.append((person.external_id, path))

    def refuse(self, person: PlannedPerson, error: ServiceError) -> None:
        """Reject all photos of a person who cannot be made."""
        paths: list[Path | None] = [*person.paths] or [None]
        for path in paths:
            self.reject(person, path, error.code, str(error))

    def add(self, other: Report) -> None:
        self.people += other.people
        self.enrolled += other.enrolled
        self.enqueued += other.enqueued
        self.skipped += other.skipped
        self.rejected += other.rejected
        self.in_review += other.in_review
        self.without_vector += other.without_vector
        self.kept += other.kept
        self.known += other.known

    def shorten(self, root: Path) -> None:
        """Name photos as they are below this folder, which may be gone soon."""
        for row in self.rejected:
            row["path"] = row["path"].removeprefix(f"{root}/")

    def as_dict(self) -> dict[str, Any]:
        return {
            "people": self.people,
            "enrolled": self.enrolled,
            "enqueued": self.enqueued,
            "skipped": self.skipped,
            "rejected": self.rejected,
            "in_review": self.in_review,
            "reasons": dict(Counter(row["reason"] for row in self.rejected)),
            "without_vector": self.without_vector,
        }
