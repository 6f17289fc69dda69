"""Pictures with boxes and landmarks in the YOLO format.

``FOLDER/images/a.jpg`` belongs to ``FOLDER/labels/a.txt``, folders in between included; pictures may also lie in FOLDER
itself, with ``labels/`` or the text file beside them. A line is ``class cx cy w h`` or that and ``x1 y1 ... x5 y5``,
all but the class as shares of the picture's width and height; -1 is a landmark that is not known. Every class is a
face. A picture without a text file shows none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from recognition.engine.images import FORMATS, ORIENTATION
from recognition.engine.types import EngineError, Floats
from recognition.training.faces import SUFFIXES

QUARTER_TURNS = (5, 6, 7, 8)  # in a camera's note of how it was held
SLACK = 0.05  # how far a box may reach out of the picture, as a share of it
SWAPPED = [1, 0, 2, 4, 3]  # the landmarks of a mirrored face


class LabelError(EngineError):
    """Labels that cannot be used; the text names file and line."""


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """boxes: (n, 4) left, top, right, bottom in pixels. points: (n, 5, 2), not a number where not known."""

    boxes: Floats
    points: Floats

    def __len__(self) -> int:
        return len(self.boxes)

    def moved(self, scale: float, left: float, top: float) -> Labels:
        shift = np.array([left, top], np.float32)
        return Labels(
            self.boxes * np.float32(scale) + np.tile(shift, 2), self.points * np.float32(scale) + shift
        )

    def mirrored(self, width: float) -> Labels:
        """In the picture mirrored left to right; its left eye is what was the right one."""
        left, top, right, bottom = self.boxes.T
        points = self.points[:, SWAPPED].copy()
        points[..., 0] = width - points[..., 0]
        return Labels(np.stack([width - right, top, width - left, bottom], 1), points)

    def chosen(self, keep: NDArray[np.bool_]) -> Labels:
        return Labels(self.boxes[keep], self.points[keep])


NONE = Labels(np.empty((0, 4), np.float32), np.empty((0, 5, 2), np.float32))


def joined(parts: list[Labels]) -> Labels:
    return Labels(np.concatenate([p.boxes for p in parts]), np.concatenate([p.points for p in parts]))


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """size: width and height of the upright picture, of which the labels are pixels."""

    path: Path
    size: tuple[int, int]
    labels: Labels


def read_folder(folder: Path) -> tuple[list[Picture], int]:
    """The pictures, and how many files were left out because they are no pictures. Raises LabelError."""
    if not folder.is_dir():
        raise LabelError(f"{folder} is not a folder.")
    inside = folder / "images" if (folder / "images").is_dir() else folder
    paths = sorted(p for p in inside.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not paths:
        raise LabelError(f"There is no picture in {inside} ({', '.join(sorted(SUFFIXES))}).")
    pictures, unreadable = [], 0
    for path in paths:
        try:
            with PIL.Image.open(path, formats=FORMATS) as opened:
                size = _upright_size(opened)
        except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError):
            unreadable += 1
            continue
        text = _text_of(path, inside, folder)
        pictures.append(Picture(path, size, NONE if text is None else read_labels(text, size)))
    if not any(len(picture.labels) for picture in pictures):
        raise LabelError(f"No picture in {inside} has a face in a label file ({folder / 'labels'}/NAME.txt).")
    return pictures, unreadable


def read_labels(path: Path, size: tuple[int, int]) -> Labels:
    """size: width and height of the picture. Raises LabelError."""
    boxes, points = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        if fields := line.split():
            box, five = _read_line(fields, f"{path} line {number}")
            boxes.append(box)
            points.append(five)
    if not boxes:
        return NONE
    width, height = size
    scaled = np.array(boxes, np.float32) * np.array([width, height, width, height], np.float32)
    return Labels(scaled, np.array(points, np.float32) * np.array([width, height], np.float32))


def _read_line(fields: list[str], where: str) -> tuple[list[float], list[list[float]]]:
    try:
        numbers = [float(field) for field in fields]
    except ValueError:
        raise LabelError(f"{where}: not all of {' '.join(fields)!r} are numbers.") from None
    if len(numbers) not in (5, 15):
        raise LabelError(
            f"{where}: {len(numbers)} numbers; write class cx cy w h, and x1 y1 ... x5 y5 where landmarks are known."
        )
    kind, x, y, width, height = numbers[:5]
    box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    if kind != int(kind) or kind < 0:
        raise LabelError(f"{where}: the class {fields[0]} is not 0, 1, 2 ...")
    if not (width > 0 and height > 0 and min(box) >= -SLACK and max(box) <= 1 + SLACK):
        raise LabelError(
            f"{where}: the box must be shares of the picture, 0 to 1, with a width and a height."
        )
    flat = numbers[5:] or [-1.0] * 10
    # A face at the edge may have a landmark a little outside; -1 -1 is nobody's.
    known = [a if a > -0.9 else float("nan") for a in flat]
    return box, [known[i : i + 2] for i in range(0, 10, 2)]


def _upright_size(opened: PIL.Image.Image) -> tuple[int, int]:
    width, height = opened.size
    return (height, width) if opened.getexif().get(ORIENTATION, 1) in QUARTER_TURNS else (width, height)


def _text_of(path: Path, inside: Path, folder: Path) -> Path | None:
    beside = path.with_suffix(".txt")
    in_labels = (folder / "labels" / path.relative_to(inside)).with_suffix(".txt")
    return next((text for text in (in_labels, beside) if text.is_file()), None)
