"""A YOLOv5-face learns a few pictures, through the command; what it writes is read again and serves."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.core.management import call_command

from recognition.engine.detector import Detector
from recognition.engine.views import View
from recognition.management import training_command
from recognition.management.service_command import Failed
from tests.training.conftest import DEMO


def command(*arguments: object) -> Any:
    out = StringIO()
    call_command("train_detector", *map(str, arguments), "--json", stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture(autouse=True)
def _own_data_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture
def portraits(tmp_path: Path) -> Path:
    """Twelve photos of the demo; the face is said to be in the middle, which is good enough to be learned by heart."""
    folder = tmp_path / "portraits"
    (folder / "labels").mkdir(parents=True)
    for person in sorted(DEMO.iterdir())[:12]:
        image = cv2.imread(str(sorted(person.iterdir())[0]))
        (folder / "images").mkdir(exist_ok=True)
        cv2.imwrite(str(folder / "images" / f"{person.name}.jpg"), image)
        landmarks = "0.4 0.4 0.6 0.4 0.5 0.5 -1 -1 -1 -1"
        (folder / "labels" / f"{person.name}.txt").write_text(f"0 0.5 0.5 0.45 0.6 {landmarks}\n")
    return folder


def test_a_small_network_learns_serves_and_can_be_read(portraits: Path, tmp_path: Path) -> None:
    pytest.importorskip("keras")
    pytest.importorskip("h5py")
    options = ["--side", 96, "--epochs", 10, "--batch", 4, "--rate", 0.003, "--out", tmp_path / "out"]
    done = command(portraits, *options, "--validation", portraits)
    history = done["history"]
    assert len(history) == 10
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]
    assert {"recall", "false_boxes"} <= history[-1].keys()
    assert (done["pictures"], done["faces"]) == (12, 12)
    files = {Path(path).name: Path(path) for path in done["files"]}
    assert files["curves.png"].stat().st_size > 1000

    from recognition.engine.networks.yolov5face_weights import load_yolov5face

    model, _ = load_yolov5face(files["detector.h5"])
    image = cv2.cvtColor(cv2.imread(str(next((portraits / "images").iterdir()))), cv2.COLOR_BGR2RGB)
    assert [head.shape[-1] for head in model(np.zeros((1, 96, 96, 3), np.float32))] == [48, 48, 48]
    detector = Detector({320: files["detector.tflite"], 640: files["detector-640.tflite"]})
    detector.look(image, View(320), score=0.01)

    text = sorted((portraits / "labels").iterdir())[0]
    text.write_text(text.read_text().replace("0.45", "0.4"))
    with pytest.raises(Failed, match="another pictures"):
        command(portraits, *options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--side", "100"], "multiple of 32"),
        (["--epochs", "0"], "--epochs must be at least 1"),
        (["--scale", "1"], "--scale must be less than 1"),
        (["--start", "absent.npz"], "no file absent.npz"),
        (["--start", "a.npz", "--architecture", "s"], "of the file of --start"),
    ],
)
def test_options_that_cannot_be_meant(portraits: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(Failed, match=message):
        command(portraits, *arguments)


def test_folders_and_files_that_cannot_be_used(portraits: Path, tmp_path: Path) -> None:
    pytest.importorskip("keras")
    pytest.importorskip("h5py")
    (tmp_path / "start.npz").write_bytes(b"nothing")
    with pytest.raises(Failed, match="not a YOLOv5-face"):
        command(portraits, "--start", tmp_path / "start.npz")
    (portraits / "labels" / "P001.txt").write_text("0 0.5 0.5\n")
    with pytest.raises(Failed, match=r"P001\.txt line 1: 3 numbers"):
        command(portraits)
    with pytest.raises(Failed, match="no picture"):
        command(portraits / "labels")


def test_without_keras_it_says_what_to_install(portraits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_command, "find_spec", lambda name: None)
    with pytest.raises(Failed, match=r"pip install -r requirements-train\.txt"):
        command(portraits)
