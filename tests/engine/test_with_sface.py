"""SFace and YuNet from the package that carries them, on the demo people."""

from __future__ import annotations

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from recognition.engine import packaged
from recognition.engine.alignment import align
from recognition.engine.detector import Detector
from recognition.engine.embedder import Embedder
from recognition.engine.finder import Finder
from recognition.engine.images import decode
from recognition.engine.inspector import Inspector
from recognition.engine.networks.convert import convert
from recognition.engine.quality import ENROLMENT, assess
from recognition.engine.refiner import Refiner
from recognition.engine.runtimes.pools import open_pool
from recognition.engine.types import Face, Floats, Image, ModelFileError
from recognition.engine.views import letterbox
from recognition.engine.weights import Manifest, file_sha256
from recognition.engine.yunet import YuNet, load_detector
from recognition.engine.yunet import decode as yunet_rows
from tests.engine.close_ups import CUTS, close_up

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "demo"
SFACE, YUNET = packaged.NAMES
PEOPLE = sorted((DEMO / "people").glob("*/*.jpg"))


def _missing() -> str:
    try:
        for name in packaged.NAMES:
            packaged.find(name)
    except ModelFileError as error:
        return str(error)
    return ""


MISSING = _missing()
pytestmark = [pytest.mark.models, pytest.mark.skipif(bool(MISSING), reason=MISSING)]


@dataclass
class Engine:
    manifest: Manifest
    detector: Detector
    embedder: Embedder
    inspector: Inspector

    def vectors(self, image: Image) -> Floats:
        return self.embedder.embed([align(image, face.landmarks) for face in self.faces(image)])

    def faces(self, image: Image) -> list[Face]:
        return Finder(self.detector, Refiner(None), self.inspector).find(image)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """As installed: the converted files in a folder, their entries in its manifest."""
    folder = tmp_path_factory.mktemp("models")
    entries = []
    for model in (packaged.find(name) for name in packaged.NAMES):
        (made,) = convert(model.path, model.spec.kind)
        path = folder / f"{model.spec.name}.tflite"
        path.write_bytes(made.content)
        stored = {"file": path.name, "sha256": file_sha256(path), "size": len(made.content)}
        entries.append(asdict(replace(model.spec, input=made.input, output=made.output)) | stored)
    (folder / "manifest.json").write_text(json.dumps({"models": entries}))
    manifest = Manifest.load(folder)
    inspector = Inspector.from_manifest(Manifest.load(ROOT / "models"))
    return Engine(manifest, load_detector(manifest), Embedder.from_manifest(manifest), inspector)


@pytest.fixture(scope="module")
def found(engine: Engine) -> dict[Path, list[Face]]:
    return {path: engine.faces(picture(path)) for path in PEOPLE}


def picture(path: Path) -> Image:
    return decode(path.read_bytes())


def test_each_photo_shows_one_face_that_is_fit(found: dict[Path, list[Face]]) -> None:
    for path, faces in found.items():
        assert len(faces) == 1, path
        image = picture(path)
        assert assess(image, faces[0], align(image, faces[0].landmarks), ENROLMENT).ok, path


def test_genuine_pairs_score_far_higher(engine: Engine, found: dict[Path, list[Face]]) -> None:
    crops = [align(picture(path), faces[0].landmarks) for path, faces in found.items()]
    vectors = engine.embedder.embed(crops)
    assert vectors.shape == (len(PEOPLE), 128)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    owners = np.array([path.parent.name for path in found])
    scores = (vectors @ vectors.T)[np.triu_indices(len(PEOPLE), 1)]
    same = (owners[:, None] == owners)[np.triu_indices(len(PEOPLE), 1)]
    assert scores[same].min() > scores[~same].max() + 0.1
    assert np.median(scores[same]) > np.median(scores[~same]) + 0.6


def by_opencv(name: str, pictures: Floats) -> list[Floats]:
    """What OpenCV computes from the published file, for (n, height, width, 3)."""
    net = cv2.dnn.readNetFromONNX(str(packaged.find(name).path), cv2.dnn.ENGINE_NEW)
    net.setInput(
        np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)), str(packaged.find(name).spec.input["name"])
    )
    return [np.array(output) for output in net.forward(list(net.getUnconnectedOutLayersNames()))]


def test_vectors_are_those_that_opencv_makes_of_the_published_file(
    engine: Engine, found: dict[Path, list[Face]]
) -> None:
    """For which the shipped policy was measured."""
    crops = [align(picture(path), found[path][0].landmarks) for path in PEOPLE[::3]]
    raw = np.concatenate([by_opencv(SFACE, crop[None].astype(np.float32))[0] for crop in crops])
    expected = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    np.testing.assert_allclose(engine.embedder.embed(crops), expected, atol=1e-4)
    assert (engine.embedder.embed(crops) * expected).sum(axis=1).min() > 0.9999


@pytest.mark.parametrize("side", [320, 640])
@pytest.mark.parametrize("path", sorted((DEMO / "groups").iterdir())[:2], ids=lambda path: path.stem)
def test_faces_are_those_that_opencv_finds_with_the_published_file(
    engine: Engine, path: Path, side: int
) -> None:
    canvas = letterbox(picture(path), side)[0][None, :, :, ::-1].astype(np.float32)
    spec = engine.manifest.spec(YUNET)
    rows = yunet_rows(open_pool(engine.manifest, spec).run(canvas), side, 0.3)
    expected = yunet_rows(by_opencv(YUNET, canvas), side, 0.3)
    assert len(expected) > 3
    np.testing.assert_allclose(rows, expected, atol=1e-2)


def test_landmarks_are_those_of_the_refiner(found: dict[Path, list[Face]]) -> None:
    bundled = Manifest.load(ROOT / "models")
    finder = Finder(Detector.from_manifest(bundled), Refiner.from_manifest(bundled), Inspector(None))
    errors = []
    for path in PEOPLE[::2]:
        image = picture(path)
        (other,) = finder.find(image)
        eyes = np.linalg.norm(other.landmarks[0] - other.landmarks[1])
        errors.append(np.linalg.norm(found[path][0].landmarks - other.landmarks, axis=1) / eyes)
    assert np.median(errors) < 0.1
    assert np.max(errors) < 0.25


@pytest.mark.parametrize("path", sorted((DEMO / "groups").iterdir()), ids=lambda path: path.stem)
def test_everybody_in_a_group_is_found(engine: Engine, path: Path) -> None:
    assert len(engine.faces(picture(path))) == len(path.stem.split("+"))


@pytest.mark.parametrize("person", ["P001", "P002"])
def test_turned_faces_are_found_and_the_turn_is_seen(engine: Engine, person: str) -> None:
    yaws: dict[int, list[float]] = {}
    for path in sorted((DEMO / "turns" / person).iterdir()):
        image = picture(path)
        (face,) = engine.faces(image)
        name = re.search(r"yaw([+-]\d+)_", path.name)
        assert name is not None
        quality = assess(image, face, align(image, face.landmarks), ENROLMENT)
        yaws.setdefault(int(name[1]), []).append(quality.yaw)
    assert np.mean(yaws[-26]) < np.mean(yaws[0]) - 4 < np.mean(yaws[26]) - 8


@pytest.mark.parametrize("share", [0.05, 0.1, 0.25, 0.6, 1.0])
def test_small_and_large_faces_are_found(engine: Engine, found: dict[Path, list[Face]], share: float) -> None:
    """Faces of this share of the picture's side, in the middle of a picture."""
    for path in PEOPLE[::20]:
        (face,) = found[path]
        scale = 800 * share / face.height
        left, top, right, bottom = (edge * scale for edge in face.box)
        matrix = np.array([[scale, 0, 400 - (left + right) / 2], [0, scale, 400 - (top + bottom) / 2]])
        image = cv2.warpAffine(picture(path), matrix, (800, 800), borderMode=cv2.BORDER_REPLICATE)
        boxes = [other.box for other in engine.faces(np.asarray(image, np.uint8))]
        assert len(boxes) == 1
        assert (boxes[0][0] + boxes[0][2]) / 2 == pytest.approx(400, abs=80 * share)
        assert boxes[0][3] - boxes[0][1] == pytest.approx(800 * share, rel=0.3)


@pytest.mark.parametrize("shape", [(1, 1), (3, 4000), (4000, 3), (480, 640)])
def test_no_face_is_found_where_there_is_none(engine: Engine, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(7).integers(0, 256, (*shape, 3), np.uint8)
    for image in (noise, np.full((*shape, 3), 190, np.uint8)):
        assert engine.faces(image) == []


@pytest.mark.parametrize("cut", list(CUTS))
def test_faces_that_fill_the_picture_or_are_cut_by_its_border(engine: Engine, cut: str) -> None:
    """The same face as in the whole photo."""
    for path in PEOPLE[::4]:
        image = picture(path)
        (whole,) = engine.faces(image)
        crop, left, top = close_up(image, whole, cut)
        found = max(engine.faces(crop), key=lambda face: face.area)
        eyes = np.linalg.norm(whole.landmarks[1] - whole.landmarks[0])
        off = np.linalg.norm(found.landmarks + np.array([left, top]) - whole.landmarks, axis=1).mean() / eyes
        assert off < 0.3, path


def test_many_threads_get_the_same_answers(engine: Engine) -> None:
    images = [picture(path) for path in PEOPLE[:30:5]]
    alone = [engine.vectors(image)[0] for image in images]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda image: engine.vectors(image)[0], images * 3))
    assert np.allclose(np.stack(alone * 3), np.stack(together), atol=1e-5)


def test_the_step_of_refining_is_left_out(engine: Engine) -> None:
    assert isinstance(engine.detector, YuNet)
    (face,) = engine.faces(picture(PEOPLE[0]))
    refiner = Refiner.from_manifest(engine.manifest)
    assert refiner.refine(picture(PEOPLE[0]), [face]) == [face]


def test_a_fetched_file_that_was_changed_is_refused(engine: Engine, tmp_path: Path) -> None:
    for file in engine.manifest.folder.iterdir():
        shutil.copy(file, tmp_path / file.name)
    manifest = Manifest.load(tmp_path)
    path = tmp_path / manifest.default("embedder").file
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelFileError, match="is not the file"):
        Embedder.from_manifest(manifest)
