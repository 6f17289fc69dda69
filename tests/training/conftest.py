"""A few dozen faces of the demo as people and aligned crops."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

DEMO = Path(__file__).resolve().parents[2] / "demo" / "people"


@pytest.fixture
def few_people(tmp_path: Path) -> Path:
    """Eight people with four photos each, as crops of 112x112 (not aligned; enough to learn them by heart)."""
    folder = tmp_path / "few"
    for person in sorted(DEMO.iterdir())[:8]:
        (folder / person.name).mkdir(parents=True)
        for photo in sorted(person.iterdir())[:4]:
            image = cv2.imread(str(photo))
            side = min(image.shape[:2])
            top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
            square = cv2.resize(
                image[top : top + side, left : left + side], (112, 112), interpolation=cv2.INTER_AREA
            )
            cv2.imwrite(str(folder / person.name / f"{photo.stem}.png"), square)
    return folder
