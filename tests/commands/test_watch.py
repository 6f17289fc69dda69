"""`manage.py watch`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from recognition.engine.film import FilmWriter, read_file
from recognition.models import Decision
from recognition.services.enrolment import photos
from recognition.services.identities import people
from tests.films import frame, playing

pytestmark = pytest.mark.django_db(transaction=True)
DEMO = Path(settings.BASE_DIR) / "demo"


@pytest.fixture
def film(tmp_path) -> str:
    """Two seconds in which fake person 3 walks by."""
    return written(tmp_path, [frame((3, 100 + 6 * step), variant=step % 3) for step in range(20)])


def written(folder: Path, frames: list) -> str:
    writer = FilmWriter(folder / "film.avi", fps=10)
    for one in frames:
        writer.write(one)
    writer.close()
    return str(folder / "film.avi")


def watch(capsys, *arguments: str) -> dict:
    call_command("watch", *arguments, "--json")
    return json.loads(capsys.readouterr().out)


def test_a_film(film, enrol, capsys):
    enrol(3)
    document = watch(capsys, film)
    assert (document["frames"], document["missed"]) == (20, 0)
    (one,) = document["seen"]
    assert (one["decision"], one["candidates"][0]["name"]) == ("match", "Fake Person 3")
    assert Decision.objects.get().kind == "watch"


def test_in_words(film, enrol, capsys):
    enrol(3)
    call_command("watch", film, "--no-record")
    said = capsys.readouterr().out
    assert "track 1: Fake Person 3 (F3)" in said
    assert "20 frames in" in said
    assert not Decision.objects.exists()


def test_fewer_frames(film, enrol, capsys):
    assert watch(capsys, film, "--fps", "5")["frames"] == 10


def test_an_annotated_film(film, enrol, tmp_path):
    enrol(3)
    call_command("watch", film, "--annotated", str(tmp_path / "out.webm"))
    before, after = list(read_file(film)), list(read_file(str(tmp_path / "out.webm")))
    assert len(after) == len(before)
    assert abs(after[-1].image.astype(int) - before[-1].image).max() > 100  # a frame and a name


def test_a_live_source_for_a_while(enrol, capsys):
    enrol(3)
    with playing(*[frame((3, 100 + 10 * step)) for step in range(8)]) as address:
        document = watch(capsys, address, "--seconds", "3")
    assert document["frames"] > 5
    assert document["seen"][0]["decision"] == "match"
    assert document["delay_ms"] < 1000


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.avi", "--all"],
        ["nowhere.avi"],
        ["0", "--seconds", "0"],
        ["0", "--fps", "-1"],
        ["FILM", "--annotated", "x.gif"],
    ],
)
def test_what_cannot_be_watched(arguments, film):
    with pytest.raises(CommandError):
        call_command("watch", *[film if argument == "FILM" else argument for argument in arguments])


@pytest.mark.models
def test_real_faces(tmp_path, capsys, transactional_db):
    import cv2
    import numpy as np

    from recognition.engine.images import decode

    for external_id in ("P001", "P002"):
        person = people.create_identity(name=external_id, external_id=external_id)
        for path in sorted((DEMO / "people" / external_id).iterdir())[:3]:
            photos.process_photos([photos.add_photo(identity=person, data=path.read_bytes()).pk])
    probe = cv2.resize(
        decode((DEMO / "probes" / "P001.jpg").read_bytes()), (360, 360), interpolation=cv2.INTER_AREA
    )
    frames = []
    for step in range(25):
        image = np.full((720, 1280, 3), 120, np.uint8)
        image[200:560, 200 + 12 * step : 560 + 12 * step] = probe
        frames.append(image)
    document = watch(capsys, written(tmp_path, frames))
    assert [(one["decision"], one["candidates"][0]["external_id"]) for one in document["seen"]] == [
        ("match", "P001")
    ]
