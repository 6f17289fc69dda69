"""Pictures that a face fills, or whose border cuts it."""

from __future__ import annotations

from recognition.engine.types import Face, Image

# Left, top, right and bottom as shares of the face's box that are cut off; what is negative stays around it.
CUTS = {
    "filling": (0.06, 0.1, 0.06, 0.04),
    "left": (0.2, -2, -2, -2),
    "right": (-2, -2, 0.2, -2),
    "top": (-2, 0.25, -2, -2),
    "bottom": (-2, -2, -2, 0.15),
}


def close_up(image: Image, face: Face, cut: str) -> tuple[Image, int, int]:
    """The part of the picture, and how far its left and top are from those of the picture."""
    shares = CUTS[cut]
    height, width = image.shape[:2]
    left = max(0, round(face.box[0] + shares[0] * face.width))
    top = max(0, round(face.box[1] + shares[1] * face.height))
    right = min(width, round(face.box[2] - shares[2] * face.width))
    bottom = min(height, round(face.box[3] - shares[3] * face.height))
    return image[top:bottom, left:right].copy(), left, top
