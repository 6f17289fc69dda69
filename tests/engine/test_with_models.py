"""The engine's parts together, with the real weights, on the demo people."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from recognition.engine.alignment import SIDE, TEMPLATE, align, similarity
from recognition.engine.detector import Detector
from recognition.engine.embedder import Embedder
from recognition.engine.finder import Finder
from recognition.engine.gallery import Gallery
from recognition.engine.images import decode
from recognition.engine.inspector import Inspector
from recognition.engine.quality import ENROLMENT, PROBE, assess
from recognition.engine.refiner import Refiner
from recognition.engine.types import Face, Floats, Image, Quality
from recognition.engine.views import face_turned_back, quarters
from recognition.engine.weights import Manifest
from recognition.training.coverings import with_glasses, with_mask, with_sunglasses
from tests.engine.close_ups import CUTS, close_up

pytestmark = pytest.mark.models

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "demo"


@dataclass
class Engine:
    detector: Detector
    refiner: Refiner
    inspector: Inspector
    embedder: Embedder

    def faces(self, image: Image, **how: float) -> list[Face]:
        return Finder(self.detector, self.refiner, self.inspector).find(image, **how)  # type: ignore[arg-type]

    def vectors(self, image: Image, faces: list[Face]) -> Floats:
        return self.embedder.embed([align(image, face.landmarks) for face in faces])

    def quality(self, image: Image, face: Face) -> Quality:
        return assess(image, face, align(image, face.landmarks), ENROLMENT)


@pytest.fixture(scope="module")
def engine() -> Engine:
    manifest = Manifest.load(ROOT / "models")
    return Engine(
        Detector.from_manifest(manifest),
        Refiner.from_manifest(manifest),
        Inspector.from_manifest(manifest),
        Embedder.from_manifest(manifest),
    )


def picture(path: Path) -> Image:
    return decode(path.read_bytes())


def number(name: str) -> int:
    return int(name[1:4])


@pytest.fixture(scope="module")
def gallery(engine: Engine) -> Gallery:
    """Three photos of each of the demo people."""
    owners, vectors = [], []
    for folder in sorted((DEMO / "people").iterdir()):
        for path in sorted(folder.iterdir())[:3]:
            image = picture(path)
            owners.append(number(folder.name))
            vectors.append(engine.vectors(image, engine.faces(image)[:1])[0])
    return Gallery.from_arrays(engine.embedder.dimensions, "m", np.array(owners), np.stack(vectors))


def test_every_enrolment_photo_shows_one_fit_face(engine: Engine) -> None:
    for path in sorted((DEMO / "people").glob("*/*.jpg")):
        image = picture(path)
        faces = engine.faces(image)
        assert len(faces) == 1, path
        assert engine.quality(image, faces[0]).ok, path


def test_probes_are_recognised_and_strangers_are_not(engine: Engine, gallery: Gallery) -> None:
    def best(path: Path) -> tuple[int, float]:
        image = picture(path)
        match = gallery.search(engine.vectors(image, engine.faces(image)[:1]), 1)[0][0]
        return match.identity_id, match.score

    genuine = {path.name: best(path) for path in (DEMO / "probes").glob("*.jpg")}
    strangers = [best(path)[1] for path in (DEMO / "probes" / "strangers").glob("*.jpg")]
    assert len(genuine) == 20
    assert len(strangers) == 10
    assert all(owner == number(name) for name, (owner, _) in genuine.items())
    assert min(score for _, score in genuine.values()) > max(strangers) + 0.05


@pytest.mark.parametrize("path", sorted((DEMO / "groups").iterdir()), ids=lambda path: path.stem)
def test_everybody_in_a_group_is_found_and_known(engine: Engine, gallery: Gallery, path: Path) -> None:
    image = picture(path)
    faces = sorted(engine.faces(image), key=lambda face: face.box[0])
    names = [number(name) for name in path.stem.split("+")]
    assert len(faces) == len(names)
    for name, row in zip(names, gallery.search(engine.vectors(image, faces), 1), strict=True):
        if name in gallery:
            assert row[0].identity_id == name


def test_small_faces_are_found_when_wanted(engine: Engine) -> None:
    image = np.full((1200, 1600, 3), 120, np.uint8)
    people = sorted((DEMO / "people").glob("*/1.jpg"))[:6]
    for column, path in enumerate(people):
        small = cv2.resize(picture(path), (220, 220), interpolation=cv2.INTER_AREA)
        image[400:620, 40 + column * 260 : 260 + column * 260] = small
    faces = engine.faces(image, min_face=50)
    assert len(faces) == len(people)


@pytest.mark.parametrize("cut", list(CUTS))
def test_faces_that_fill_the_picture_or_are_cut_by_its_border(engine: Engine, cut: str) -> None:
    """The same person as in the whole photo."""
    for path in sorted((DEMO / "people").glob("*/1.jpg")):
        image = picture(path)
        (whole,) = engine.faces(image)
        crop, left, top = close_up(image, whole, cut)
        found = max(engine.faces(crop), key=lambda face: face.area, default=None)
        assert found is not None, path
        eyes = np.linalg.norm(whole.landmarks[1] - whole.landmarks[0])
        off = np.linalg.norm(found.landmarks + np.array([left, top]) - whole.landmarks, axis=1).mean() / eyes
        assert off < 0.3, path


@pytest.mark.parametrize("turn", [90, 180, 270, 45, -45, 20])
def test_turned_pictures_show_the_same_faces(engine: Engine, turn: int) -> None:
    cosines = []
    for path in sorted((DEMO / "people").glob("*/1.jpg")):
        image = picture(path)
        turned = leaning(image, turn)
        (upright,), (face,) = engine.faces(image), engine.faces(turned)
        if turn % 90 == 0:
            assert face.turn == turn
            stood = face_turned_back(face, quarters(face.turn), turned.shape[1], turned.shape[0])
            eyes = np.linalg.norm(upright.landmarks[1] - upright.landmarks[0])
            assert np.linalg.norm(stood.landmarks - upright.landmarks, axis=1).mean() < 0.1 * eyes
        roll = engine.quality(turned, face).roll
        assert abs(roll - (0 if turn % 90 == 0 else turn)) < 15
        a, b = engine.vectors(image, [upright])[0], engine.vectors(turned, [face])[0]
        cosines.append(float(a @ b))
    assert np.median(cosines) > 0.97
    assert min(cosines) > 0.8


def leaning(image: Image, turn: int) -> Image:
    """All of the picture turned clockwise, mirrored beyond its border."""
    if turn % 90 == 0:
        return np.ascontiguousarray(np.rot90(image, -turn // 90))
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -turn, 1)
    room = int(np.ceil(np.hypot(width, height)))
    matrix[:, 2] += [(room - width) / 2, (room - height) / 2]
    return np.asarray(cv2.warpAffine(image, matrix, (room, room), borderMode=cv2.BORDER_REFLECT), np.uint8)


@pytest.mark.parametrize("person", ["P001", "P002"])
def test_turning_and_nodding_have_the_right_signs(engine: Engine, person: str) -> None:
    angles: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for path in sorted((DEMO / "turns" / person).iterdir()):
        image = picture(path)
        quality = engine.quality(image, engine.faces(image)[0])
        found = re.search(r"yaw([+-]\d+)_pitch([+-]\d+)", path.name)
        assert found is not None
        angles.setdefault((int(found[1]), int(found[2])), []).append((quality.yaw, quality.pitch))
    means = {key: np.mean(values, axis=0) for key, values in angles.items()}
    assert means[-26, 0][0] < means[0, 0][0] - 4
    assert means[26, 0][0] > means[0, 0][0] + 4
    assert means[0, -16][1] > means[0, 0][1]  # the names count a rising nose as negative


def no_face_pictures() -> dict[str, Image]:
    random = np.random.default_rng(7)
    y, x = np.mgrid[0:480, 0:640]
    sky = np.stack([120 + y / 8, 160 + y / 10, 230 - y / 4], axis=2)
    blobs = cv2.resize(
        random.integers(0, 256, (9, 12, 3), np.uint8), (640, 480), interpolation=cv2.INTER_CUBIC
    )
    return {
        "noise": random.integers(0, 256, (480, 640, 3), np.uint8),
        "wall": np.full((480, 640, 3), 190, np.uint8),
        "sky": np.clip(sky + random.normal(0, 5, sky.shape), 0, 255).astype(np.uint8),
        "blobs": blobs,
        "board": np.repeat((((x // 40 + y // 40) % 2) * 255)[:, :, None], 3, 2).astype(np.uint8),
        "dot": np.zeros((1, 1, 3), np.uint8),
        "strip": np.full((3, 4000, 3), 90, np.uint8),
    }


@pytest.mark.parametrize(("name", "image"), no_face_pictures().items())
def test_no_face_is_found_where_there_is_none(engine: Engine, name: str, image: Image) -> None:
    assert engine.faces(image) == []


@pytest.mark.parametrize(
    ("reason", "spoil"),
    [
        ("too_blurred", lambda image: cv2.GaussianBlur(image, (0, 0), 6)),
        ("too_dark", lambda image: (image * 0.2).astype(np.uint8)),
        ("too_small", lambda image: cv2.resize(image, (130, 130), interpolation=cv2.INTER_AREA)),
    ],
)
def test_spoilt_photos_are_refused_for_the_right_reason(engine: Engine, reason: str, spoil: object) -> None:
    refused = []
    for path in sorted((DEMO / "people").glob("*/2.jpg")):
        image = spoil(picture(path))  # type: ignore[operator]
        refused += [reason in engine.quality(image, face).reasons for face in engine.faces(image)[:1]]
    assert len(refused) >= 10
    assert np.mean(refused) >= 0.9


COVERINGS = {"mask": with_mask, "sunglasses": with_sunglasses, "glasses": with_glasses}


@pytest.mark.parametrize("kind", ["mask", "sunglasses", "glasses", "nothing", "dark"])
def test_what_covers_a_face_is_seen(engine: Engine, kind: str) -> None:
    """Drawn on the whole photo, so that detector and refiner have to do with it as well."""
    random, covered = np.random.default_rng(5), []
    for path in sorted((DEMO / "people").glob("*/*.jpg"))[::2] + sorted((DEMO / "probes").glob("*.jpg")):
        image = picture(path)
        (face,) = engine.faces(image)
        if kind == "dark":
            image = (image * 0.35).astype(np.uint8)
        elif kind != "nothing":
            image = drawn_on(image, face, COVERINGS[kind], random)
        found = max(engine.faces(image), key=lambda face: face.area, default=None)
        covered.append(found is not None and "covered" in engine.quality(image, found).reasons)
    assert len(covered) > 50
    if kind in ("mask", "sunglasses"):
        assert np.mean(covered) > 0.9
    else:
        assert np.mean(covered) < 0.02


def drawn_on(
    image: Image,
    face: Face,
    draws: Callable[[Image, np.random.Generator], Image],
    random: np.random.Generator,
) -> Image:
    matrix = similarity(face.landmarks, TEMPLATE)
    crop = cv2.warpAffine(image, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT)
    changed = draws(np.asarray(crop, np.uint8), random)
    change = cv2.warpAffine(
        changed.astype(np.float32) - crop,
        matrix,
        image.shape[1::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )
    return np.clip(image + change, 0, 255).astype(np.uint8)


def test_noise_moves_the_vector_little(engine: Engine) -> None:
    random = np.random.default_rng(2)
    for path in sorted((DEMO / "people").glob("*/1.jpg"))[:5]:
        image = picture(path)
        noisy = np.clip(image + random.normal(0, 12, image.shape), 0, 255).astype(np.uint8)
        clean = engine.vectors(image, engine.faces(image))
        spoilt = engine.vectors(noisy, engine.faces(noisy))
        assert float(clean[0] @ spoilt[0]) > 0.85


def test_many_threads_get_the_same_answers(engine: Engine) -> None:
    images = [picture(path) for path in sorted((DEMO / "people").glob("*/1.jpg"))[:6]]

    def vector(image: Image) -> Floats:
        return engine.vectors(image, engine.faces(image))[0]

    alone = [vector(image) for image in images]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(vector, images * 3))
    assert np.allclose(np.stack(alone * 3), np.stack(together), atol=1e-5)


def test_probe_limits_let_the_turned_frames_through(engine: Engine) -> None:
    for path in sorted((DEMO / "turns" / "P001").iterdir()):
        image = picture(path)
        face = engine.faces(image)[0]
        assert assess(image, face, align(image, face.landmarks), PROBE).ok, path.name
