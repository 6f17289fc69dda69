"""Ways of looking at a picture: at what size, with how much margin, and turned by how much."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from recognition.engine.types import Face, Image

PADDING = 114
AVERAGED_BELOW = 0.5  # scale; above, averaging takes six times as long and shows the networks no more
FIRST, SMALL, LARGE = 288, 320, 640  # sides of the inputs that every detector takes


@dataclass(frozen=True, slots=True)
class View:
    """A square of ``side`` pixels with the picture in it, on grey.

    margin: grey on all four sides, as a share of the picture's longer side. turn: degrees, clockwise; a head that
    leans by that much in the picture is upright in the square.
    """

    side: int
    margin: float = 0.0
    turn: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A view of a certain picture. canvas: (side, side, 3). matrix: (2, 3), from its pixels to the picture's."""

    view: View
    canvas: Image
    matrix: NDArray[np.float64]

    def in_picture(self, face: Face) -> Face:
        """A face of the canvas in pixels of the picture. The box stays as large, its sides those of the picture."""
        scale = float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))
        left, top, right, bottom = face.box
        centre = self.matrix[:, :2] @ [(left + right) / 2, (top + bottom) / 2] + self.matrix[:, 2]
        width, height = _beside(float(face.width) * scale, float(face.height) * scale, self.view.turn)
        x, y = float(centre[0]), float(centre[1])
        points = face.landmarks @ self.matrix[:, :2].T + self.matrix[:, 2]
        return replace(
            face,
            box=(x - width / 2, y - height / 2, x + width / 2, y + height / 2),
            landmarks=points.astype(np.float32),
            turn=float(self.view.turn),
        )


def draw(image: Image, view: View) -> Drawn:
    """The picture at the top left of a grey square, behind the margin."""
    height, width = image.shape[:2]
    turned_width, turned_height = _turned_size(width, height, view.turn)
    scale = view.side / (max(turned_width, turned_height) + 2 * view.margin * max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < AVERAGED_BELOW else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)
    to_small = np.eye(2, 3)
    if view.turn:
        small, to_small = _turned(small, view.turn)
    margin = round(view.margin * max(height, width) * scale)
    canvas = np.full((view.side, view.side, 3), PADDING, np.uint8)
    room = canvas[margin:, margin:]
    rows, columns = min(small.shape[0], room.shape[0]), min(small.shape[1], room.shape[1])
    room[:rows, :columns] = small[:rows, :columns]
    to_small[:, 2] -= to_small[:, :2] @ [margin, margin]
    return Drawn(view, canvas, to_small / scale)


def letterbox(image: Image, side: int) -> tuple[Image, float]:
    """The picture at the top left of a grey square, and by how much it was scaled."""
    drawn = draw(image, View(side))
    return drawn.canvas, side / max(image.shape[:2])


def quarters(turn: float) -> int:
    """How many quarter turns, 0..3, counterclockwise set a picture upright whose heads lean by ``turn`` clockwise."""
    return round(turn / 90) % 4  # a head that leans by 45 degrees does so in an upright picture


def turned_back(image: Image, count: int) -> Image:
    """The picture turned counterclockwise by so many quarters."""
    return np.ascontiguousarray(np.rot90(image, count))


def face_turned_back(face: Face, count: int, width: int, height: int) -> Face:
    """A face of a picture of this size in pixels of `turned_back`."""
    left, top, right, bottom = face.box
    points = face.landmarks
    for _ in range(count % 4):
        left, top, right, bottom = top, width - right, bottom, width - left
        points = np.column_stack([points[:, 1], width - 1 - points[:, 0]])  # counted from a pixel's middle
        width, height = height, width
    turn = face.turn - 90 * (count % 4)
    return replace(face, box=(left, top, right, bottom), landmarks=points, turn=turn)


def rotation(degrees: float) -> NDArray[np.float64]:
    """(2, 2), clockwise as seen, since y goes down."""
    angle = np.radians(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]])


def _turned(small: Image, turn: int) -> tuple[Image, NDArray[np.float64]]:
    """Turned back by ``turn`` around its middle, all of it kept, and the matrix (2, 3) back from there."""
    height, width = small.shape[:2]
    columns, rows = (max(1, round(v)) for v in _turned_size(width, height, turn))
    back = rotation(-turn)
    middle, new_middle = np.array([width, height]) / 2, np.array([columns, rows]) / 2
    # cv2 counts from the middle of the first pixel, boxes and landmarks from its corner.
    shift = new_middle - 0.5 - back @ (middle - 0.5)
    turned = cv2.warpAffine(
        small,
        np.column_stack([back, shift]),
        (columns, rows),
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(PADDING,) * 3,
    )
    there = back.T
    return np.asarray(turned, np.uint8), np.column_stack([there, middle - there @ new_middle])


def _turned_size(width: float, height: float, turn: int) -> tuple[float, float]:
    across, along = np.abs(rotation(turn))[0]
    return float(across * width + along * height), float(along * width + across * height)


def _beside(width: float, height: float, turn: int) -> tuple[float, float]:
    """Sides of the box in the picture: exchanged by a quarter turn, alike where it leans."""
    if turn % 180 == 0:
        return width, height
    if turn % 90 == 0:
        return height, width
    return (width + height) / 2, (width + height) / 2
