"""Folders of photos, the cache of crops, the teacher's file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from recognition.training.faces import FolderError, crops_of, samples_of, teacher_crop
from recognition.training.teacher import Teacher, TeacherError, widened


def photo(path: Path, value: int, side: int = 112) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((side, side, 3), value, np.uint8))


def teacher_file(path: Path, names: list[str], **arrays: np.ndarray) -> Path:
    vectors = np.random.default_rng(0).normal(size=(len(names), 8))
    np.savez(path, names=np.array(names), **{"emb": vectors, **arrays})
    return path


@pytest.fixture
def people(tmp_path: Path) -> Path:
    folder = tmp_path / "people"
    for person, value in (("anna", 10), ("bert", 20), ("carl", 30)):
        photo(folder / person / "1.png", value)
        photo(folder / person / "more" / "2.png", value + 1)
    return folder


def no_face(photo: np.ndarray) -> None:
    return None


def test_a_person_for_each_folder(people: Path, tmp_path: Path) -> None:
    crops = crops_of(people, samples_of(people), tmp_path / "caches", no_face)
    assert crops.people.tolist() == [0, 0, 1, 1, 2, 2]
    assert crops.images[:, 0, 0, 0].tolist() == [10, 11, 20, 21, 30, 31]
    assert crops.count == 3


def test_the_second_time_crops_come_from_the_cache(people: Path, tmp_path: Path) -> None:
    seen: list[int] = []

    def align(photo: np.ndarray) -> np.ndarray:
        seen.append(int(photo[0, 0, 0]))
        return photo[:112, :112]

    photo(people / "anna" / "large.png", 99, side=200)
    for _ in range(2):
        crops_of(people, samples_of(people), tmp_path / "caches", align)
    assert seen == [99]
    photo(people / "anna" / "large.png", 77, side=201)
    crops_of(people, samples_of(people), tmp_path / "caches", align)
    assert seen == [99, 77]


def test_what_cannot_be_used_is_counted_and_left_out(people: Path, tmp_path: Path) -> None:
    (people / "anna" / "broken.jpg").write_bytes(b"no picture")
    photo(people / "bert" / "wall.png", 5, side=150)
    (people / "dora").mkdir()
    photo(people / "dora" / "wall.png", 5, side=150)
    photo(people / "emil" / "1.png", 40)
    crops = crops_of(people, samples_of(people), tmp_path / "caches", no_face, threads=2)
    assert crops.lost == {"unreadable": 1, "without a face": 2}
    assert crops.people.tolist() == [0, 0, 1, 1, 2, 2, 3]  # nobody has Dora's number


def test_nothing_to_learn_from(tmp_path: Path, people: Path) -> None:
    with pytest.raises(FolderError, match="is not a folder"):
        samples_of(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError, match="no photo"):
        samples_of(tmp_path / "empty")
    photo(tmp_path / "one" / "anna" / "1.png", 1)
    with pytest.raises(FolderError, match="one person only"):
        samples_of(tmp_path / "one")
    with pytest.raises(FolderError, match="sub-folder of their own"):
        samples_of(people / "anna" / "more")
    photo(tmp_path / "walls" / "a" / "1.png", 1, side=150)
    photo(tmp_path / "walls" / "b" / "1.png", 1, side=150)
    with pytest.raises(FolderError, match="2 without a face"):
        crops_of(tmp_path / "walls", samples_of(tmp_path / "walls"), tmp_path / "caches", no_face)


def test_with_a_teacher_photos_may_lie_together(tmp_path: Path) -> None:
    for number in range(3):
        photo(tmp_path / "flat" / f"{number}.png", number)
    teacher = Teacher.load(teacher_file(tmp_path / "t.npz", ["0.png", "2.png"]))
    samples = samples_of(tmp_path / "flat", teacher)
    assert [sample.path.name for sample in samples] == ["0.png", "2.png"]
    with pytest.raises(FolderError, match="names none of the 3 photos"):
        samples_of(tmp_path / "flat", Teacher.load(teacher_file(tmp_path / "u.npz", ["x.png"])))


def test_teachers_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "t.npz").write_bytes(b"nothing")
    with pytest.raises(TeacherError, match="names"):
        Teacher.load(tmp_path / "t.npz")
    with pytest.raises(TeacherError, match="2 names"):
        Teacher.load(teacher_file(tmp_path / "t.npz", ["a", "b"], emb=np.ones((3, 8))))
    with pytest.raises(TeacherError, match="aff"):
        Teacher.load(teacher_file(tmp_path / "t.npz", ["a", "b"], aff=np.ones((2, 3))))


def test_widened_vectors_keep_their_cosines() -> None:
    vectors = np.random.default_rng(1).normal(size=(5, 8)).astype(np.float32)
    np.testing.assert_allclose(widened(vectors, 32) @ widened(vectors, 32).T, vectors @ vectors.T, atol=1e-4)
    with pytest.raises(TeacherError, match="only 4"):
        widened(vectors, 4)


def test_widened_vectors_take_the_directions_of_a_network_that_has_learned() -> None:
    random = np.random.default_rng(2)
    vectors = random.normal(size=(300, 8)).astype(np.float32)
    basis = np.linalg.qr(random.normal(size=(32, 8)))[0].T
    learned = vectors @ basis + random.normal(0, 0.05, (300, 32))
    found = widened(vectors[:5], 32, (vectors, learned.astype(np.float32)))
    np.testing.assert_allclose(found, vectors[:5] @ basis, atol=0.1)


def test_teacher_crop_is_cut_from_the_photo_at_300_pixels_with_a_border_of_30() -> None:
    large = np.zeros((400, 600, 3), np.uint8)
    large[100:110, 200:210] = (
        255  # centre (204.5, 104.5), at half the size (102, 52), with the border (132, 82)
    )
    shift = np.array([[1, 0, 56 - 132], [0, 1, 56 - 82]], np.float64)
    crop = teacher_crop(large, shift)
    rows, columns = np.nonzero(crop[..., 0] > 127)
    assert (rows.mean(), columns.mean()) == pytest.approx((56, 56), abs=0.6)
