"""A small GhostFaceNet learns a few people, through the command; what it writes is read again and serves."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.core.management import call_command

from recognition.engine.embedder import Embedder
from recognition.management import training_command
from recognition.management.service_command import Failed


def command(*arguments: object, **options: Any) -> Any:
    out = StringIO()
    call_command("train_embedder", *map(str, arguments), "--json", stdout=out, **options)
    return json.loads(out.getvalue())


@pytest.fixture(autouse=True)
def _own_data_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


def pairs_file(path: Path, folder: Path) -> Path:
    names = sorted(person.name for person in folder.iterdir())
    lines = ["2\t2"]
    for fold in (0, 4):
        a, b, c, d = names[fold : fold + 4]
        lines += [f"{a}\t1\t2", f"{b}\t1\t2", f"{a}\t1\t{c}\t1", f"{b}\t2\t{d}\t2"]
    path.write_text("\n".join(lines))
    return path


def test_a_small_network_learns_serves_and_can_be_read(few_people: Path, tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    pytest.importorskip("h5py")
    pairs = pairs_file(tmp_path / "pairs.txt", few_people)
    options = [
        "--width",
        0.1,
        "--batch",
        16,
        "--epochs",
        4,
        "--augment",
        0.2,
        "--rate",
        0.004,
        "--out",
        tmp_path / "out",
    ]
    done = command(few_people, *options, "--pairs", pairs, "--pairs-folder", few_people)
    losses = [figures["loss"] for figures in done["history"]]
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    assert 0 <= done["history"][-1]["pairs_accuracy"] <= 1
    assert done["images_per_second"] > 0
    assert (done["photos"], done["people"]) == (32, 8)
    files = {Path(path).name: Path(path) for path in done["files"]}
    assert files["curves.png"].stat().st_size > 1000

    from recognition.engine.networks.ghostfacenet_weights import load_ghostfacenet

    crop = cv2.cvtColor(cv2.imread(str(next(few_people.rglob("*.png")))), cv2.COLOR_BGR2RGB)
    scaled = (crop[None].astype(np.float32) - 127.5) / 128
    expected = keras.ops.convert_to_numpy(load_ghostfacenet(files["embedder.h5"])(scaled, training=False))
    assert expected.shape == (1, 512)
    vector = Embedder(files["embedder.tflite"]).embed([crop])
    np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-3)

    # As many photos of as many people, but one of them is another person's now.
    photo = sorted(few_people.rglob("*.png"))[0]
    photo.rename(sorted(few_people.iterdir())[1] / "moved.png")
    with pytest.raises(Failed, match="another photos"):
        command(few_people, *options)


def test_photos_of_nobody_in_particular_are_put_on_their_teachers_vectors(
    few_people: Path, tmp_path: Path
) -> None:
    """No head over the photos; what is measured and written is the average of the weights."""
    pytest.importorskip("keras")
    pytest.importorskip("h5py")
    folder = tmp_path / "photos"
    folder.mkdir()
    names = []
    for number, photo in enumerate(sorted(few_people.rglob("*.png"))[:16]):
        names.append(f"{number}.png")
        (folder / names[-1]).write_bytes(photo.read_bytes())
    vectors = np.random.default_rng(0).normal(size=(16, 8)).astype(np.float32)
    np.savez(tmp_path / "teacher.npz", names=names, emb=vectors)
    arguments = ["--teacher", tmp_path / "teacher.npz", "--width", 0.1, "--batch", 8, "--rate", 0.004]
    done = command(folder, *arguments, "--epochs", 5, "--augment", 0, "--out", tmp_path / "out")
    assert (done["photos"], done["people"]) == (16, 16)
    losses = [figures["loss"] for figures in done["history"]]
    assert losses[-1] < losses[0]
    assert not [name for figures in done["history"] for name in figures if "identity" in name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "--epochs must be at least 1"),
        (["--rate", "0"], "--rate"),
        (["--low-resolution", "-1"], "--low-resolution"),
        (["--pairs", "pairs.txt"], "belong together"),
        (["--start", "absent.h5"], "no file absent.h5"),
        (["--teacher", "absent.npz"], "no file absent.npz"),
        (["--start", "a.h5", "--width", "1"], "of the file of --start"),
    ],
)
def test_options_that_cannot_be_meant(few_people: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(Failed, match=message):
        command(few_people, *arguments)


def test_a_folder_with_nothing_to_learn_from(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    pytest.importorskip("h5py")
    (tmp_path / "empty").mkdir()
    with pytest.raises(Failed, match="no photo"):
        command(tmp_path / "empty")


def test_a_start_that_is_no_network(few_people: Path, tmp_path: Path) -> None:
    pytest.importorskip("keras")
    pytest.importorskip("h5py")
    (tmp_path / "start.h5").write_bytes(b"nothing")
    with pytest.raises(Failed, match="not a GhostFaceNetV1"):
        command(few_people, "--start", tmp_path / "start.h5")


def test_without_keras_it_says_what_to_install(few_people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_command, "find_spec", lambda name: None)
    with pytest.raises(Failed, match=r"pip install -r requirements-train\.txt") as raised:
        command(few_people)
    assert raised.value.code == "no_keras"
