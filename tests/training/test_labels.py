from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from recognition.training.labels import LabelError, Labels, read_folder, read_labels


def picture(path: Path, size: tuple[int, int] = (200, 100), **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.new("RGB", size, (90, 120, 150)).save(path, **options)


def text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))
    return path


def test_shares_become_pixels(tmp_path: Path) -> None:
    line = "0 0.5 0.5 0.2 0.4 0.45 0.4 0.55 0.4 -1 -1 0.46 0.6 0.54 0.6"
    labels = read_labels(text(tmp_path / "a.txt", "0 0.1 0.2 0.1 0.2", "", line), (200, 100))
    np.testing.assert_allclose(labels.boxes, [[10, 10, 30, 30], [80, 30, 120, 70]], atol=1e-4)
    assert np.isnan(labels.points[0]).all()
    np.testing.assert_allclose(labels.points[1, 0], [90, 40], atol=1e-4)
    assert np.isnan(labels.points[1, 2]).all()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.2", "line 2: 4 numbers"),
        ("0 0.5 0.5 0.2 0.2 0.1", "line 2: 6 numbers"),
        ("0 0.5 0.5 0.2 x", "not all"),
        ("0.5 0.5 0.5 0.2 0.2", "class 0.5"),
        ("-1 0.5 0.5 0.2 0.2", "class -1"),
        ("0 100 50 20 20", "shares of the picture"),
        ("0 0.5 0.5 0 0.2", "with a width"),
        ("0 nan 0.5 0.1 0.2", "shares of the picture"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        read_labels(text(tmp_path / "a.txt", "0 0.5 0.5 0.1 0.1", line), (200, 100))


def test_pictures_find_their_labels(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "x" / "a.jpg")
    text(tmp_path / "labels" / "x" / "a.txt", "0 0.5 0.5 0.1 0.1")
    picture(tmp_path / "images" / "b.jpg")
    (tmp_path / "images" / "c.jpg").write_bytes(b"no picture")
    pictures, unreadable = read_folder(tmp_path)
    assert [len(p.labels) for p in pictures] == [0, 1]
    assert unreadable == 1


def test_labels_beside_the_pictures(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    text(tmp_path / "a.txt", "0 0.5 0.5 0.1 0.1")
    assert len(read_folder(tmp_path)[0][0].labels) == 1


def test_a_turned_photo_has_the_size_that_is_seen(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    picture(tmp_path / "a.jpg", (200, 100), exif=exif)
    text(tmp_path / "a.txt", "0 0.5 0.5 0.5 0.5")
    found = read_folder(tmp_path)[0][0]
    assert found.size == (100, 200)
    np.testing.assert_allclose(found.labels.boxes, [[25, 50, 75, 150]])


def test_folders_without_anything_to_learn(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="not a folder"):
        read_folder(tmp_path / "absent")
    with pytest.raises(LabelError, match="no picture"):
        read_folder(tmp_path)
    picture(tmp_path / "a.png")
    with pytest.raises(LabelError, match="has a face in a label file"):
        read_folder(tmp_path)


def test_a_mirrored_face_has_its_left_eye_on_the_left() -> None:
    points = np.array([[[2, 1], [8, 1], [6, 3], [3, 5], [7, 5]]], np.float32)
    labels = Labels(np.array([[0, 0, 10, 6]], np.float32), points)
    found = labels.mirrored(100)
    np.testing.assert_array_equal(found.boxes, [[90, 0, 100, 6]])
    np.testing.assert_array_equal(found.points[0], [[92, 1], [98, 1], [94, 3], [93, 5], [97, 5]])
    np.testing.assert_array_equal(found.mirrored(100).points, points)
