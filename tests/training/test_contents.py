"""Digests of what a run learns from change with it, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recognition.training import contents
from recognition.training.faces import Crops
from recognition.training.labels import NONE, Labels, Picture
from recognition.training.teacher import Teacher


def crops(folder: str = "/a", names: str = "wxyz", people: tuple[int, ...] = (0, 0, 1, 1)) -> Crops:
    paths = tuple(Path(folder, f"p{person}", name) for person, name in zip(people, names, strict=True))
    return Crops(np.zeros((4, 112, 112, 3), np.uint8), np.array(people, np.int32), paths, {})


def test_photos_and_who_is_on_them() -> None:
    digest = contents.of_crops(crops())
    assert contents.of_crops(crops("elsewhere/b")) == digest
    others = [crops(names="wxyv"), crops(names="xwyz"), crops(people=(0, 1, 1, 0))]
    assert len({digest, *map(contents.of_crops, others)}) == 4
    same_paths = Crops(crops().images, np.array([0, 1, 0, 1], np.int32), crops().paths, {})
    assert contents.of_crops(same_paths) != digest


def test_the_teachers_names_and_vectors() -> None:
    vectors = np.eye(2, 8, dtype=np.float32)
    rows = {"a.jpg": 0, "b.jpg": 1}
    digest = contents.of_teacher(Teacher(rows, vectors))
    assert contents.of_teacher(Teacher(dict(rows), vectors.copy())) == digest
    others = [
        Teacher({"a.jpg": 0, "c.jpg": 1}, vectors),
        Teacher({"a.jpg": 1, "b.jpg": 0}, vectors),
        Teacher(rows, -vectors),
        Teacher(rows, vectors, np.zeros((2, 2, 3))),
    ]
    assert len({digest, *map(contents.of_teacher, others)}) == 5
    assert contents.of_teacher(None) is None


def test_pictures_and_their_labels() -> None:
    def picture(name: str = "a.jpg", *, size: int = 90, left: float = 1, nose: float = 5) -> Picture:
        points = np.full((1, 5, 2), nose, np.float32)
        points[0, 0] = np.nan
        return Picture(
            Path("/p") / name, (size, 80), Labels(np.array([[left, 2, 30, 40]], np.float32), points)
        )

    empty = Picture(Path("/p/e.jpg"), (90, 80), NONE)
    digest = contents.of_pictures([picture(), empty])
    assert contents.of_pictures([picture(), empty]) == digest
    others = [
        [picture("b.jpg"), empty],
        [picture(size=91), empty],
        [picture(left=3), empty],
        [picture(nose=6), empty],
        [empty, picture()],
        [picture()],
    ]
    assert len({digest, *map(contents.of_pictures, others)}) == 7


def test_the_file_to_start_from(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"one")
    (tmp_path / "b.h5").write_bytes(b"two")
    assert contents.of_file(tmp_path / "a.h5") != contents.of_file(tmp_path / "b.h5")
    assert contents.of_file(None) is None
