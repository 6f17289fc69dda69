"""A photo as the staff's pages show it: picture, boxes, crop, figures and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from recognition.models import Photo
from recognition.services import enrolment
from recognition.services.wording import Figure, describe_quality, describe_score, reason_text

UNFINISHED = (Photo.State.WAITING, Photo.State.PROCESSING)
STATE_LABELS = {
    Photo.State.WAITING: "info",
    Photo.State.PROCESSING: "info",
    Photo.State.READY: "success",
    Photo.State.REVIEW: "warning",
    Photo.State.REJECTED: "danger",
}


@dataclass(frozen=True, slots=True)
class Box:
    """A face in the picture, in its pixels. ``frame`` is the part of the picture to show it by: x y width height."""

    number: int
    left: float
    top: float
    width: float
    height: float
    chosen: bool = False
    frame: str = ""
    label: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    photo: Photo
    image: str
    crop: str
    label: str
    finished: bool
    reason: str
    score: float
    word: str
    boxes: list[Box] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)

    @property
    def choosable(self) -> bool:
        """Whether somebody can say which face is the person's."""
        return self.finished and len(self.boxes) > 1 and bool(self.image)

    @property
    def acceptable(self) -> bool:
        """Whether staff can say that it counts although its face is not fit."""
        return enrolment.acceptable(self.photo)

    @property
    def undecided(self) -> bool:
        return self.photo.reason == "several_faces"

    @property
    def text_size(self) -> float:
        """Height of the face numbers, in pixels of the picture."""
        return max(self.photo.width, self.photo.height) / 16


def photo_card(photo: Photo) -> Card:
    boxes = [
        box_of(face["box"], number, photo.width, photo.height, chosen=number == photo.chosen_face)
        for number, face in enumerate(photo.faces)
    ]
    finished = photo.state not in UNFINISHED
    score = float(photo.quality.get("score") or 0.0)
    return Card(
        photo=photo,
        image=reverse("recognition:photo-image", args=[photo.pk]) if photo.image else "",
        crop=reverse("recognition:photo-crop", args=[photo.pk]) if photo.crop else "",
        label=STATE_LABELS[Photo.State(photo.state)],
        finished=finished,
        reason=reason_text(photo.reason) if photo.reason else "",
        score=score,
        word=describe_score(score),
        boxes=boxes,
        figures=describe_quality(photo.quality) if finished else [],
    )


def photo_cards(photos: Iterable[Photo]) -> list[Card]:
    return [photo_card(photo) for photo in photos]


def box_of(box: Iterable[float], number: int, picture_width: int, picture_height: int, **more: Any) -> Box:
    left, top, right, bottom = (float(value) for value in box)
    # A square around the face with some room, inside the picture where that is possible.
    side = min(1.4 * max(right - left, bottom - top), picture_width, picture_height)
    x = min(max(0.0, (left + right - side) / 2), picture_width - side)
    y = min(max(0.0, (top + bottom - side) / 2), picture_height - side)
    frame = f"{x:.1f} {y:.1f} {side:.1f} {side:.1f}"
    return Box(number, left, top, right - left, bottom - top, frame=frame, **more)
