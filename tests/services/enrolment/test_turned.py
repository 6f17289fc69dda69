"""Photos that lie on their side or head and do not say so, with the networks that are shipped."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from django.conf import settings

from recognition.engine import images
from recognition.engine.alignment import align
from recognition.models import Embedding, Photo, StoredFile
from recognition.services.enrolment import import_plan, importing, photos
from recognition.services.gallery.live import live_gallery
from recognition.services.identities import people
from recognition.services.recognition import recognise

pytestmark = [pytest.mark.django_db, pytest.mark.models]
DEMO = Path(settings.BASE_DIR) / "demo"


def turned(path: Path, turn: int) -> bytes:
    """The photo turned clockwise, without a word of it in its metadata. Wider than it is high when upright."""
    picture = PIL.Image.open(path).convert("RGB")
    wide = PIL.Image.new("RGB", (picture.width + 100, picture.height), (90, 110, 120))
    wide.paste(picture, (50, 0))
    buffer = BytesIO()
    wide.rotate(-turn, expand=True).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def assert_upright(photo: Photo) -> None:
    """Stored photo, size, box, landmarks and crop are of one picture, in which the head is at the top."""
    image = images.decode(photo.image.read())
    assert image.shape[:2] == (photo.height, photo.width)
    assert photo.width > photo.height
    (face,) = photo.faces
    left, top, right, bottom = face["box"]
    landmarks = np.array(face["landmarks"], np.float32)
    assert left < landmarks[:, 0].min() < landmarks[:, 0].max() < right
    assert top < landmarks[:2, 1].max() < landmarks[2, 1] < landmarks[3:, 1].min() < bottom
    assert abs(face["quality"]["roll"]) < 10
    crop = images.decode(photo.crop.read())
    assert np.abs(crop.astype(int) - align(image, landmarks)).mean() < 6


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_an_enrolment_photo_is_kept_upright(turn: int) -> None:
    identity = people.create_identity(name="Pat", external_id="P001")
    data = turned(DEMO / "people" / "P001" / "1.jpg", turn)
    photo = photos.add_photo(identity=identity, data=data)
    files = StoredFile.objects.count()
    assert photos.process_photos([photo.pk]) == 1
    photo = Photo.objects.get()
    assert (photo.state, photo.reason) == ("ready", "")
    assert StoredFile.objects.count() == files + 1  # the crop; the lying photo is gone
    assert_upright(photo)
    before = np.array(Embedding.objects.get().vector)
    Photo.objects.update(state="waiting", attempts=0)
    assert photos.process_photos([photo.pk]) == 1  # once more, as after a change of the model
    assert_upright(Photo.objects.get())
    assert before @ np.array(Embedding.objects.get().vector) > 0.97


def test_an_import_keeps_them_upright_too(tmp_path: Path) -> None:
    (tmp_path / "Pat").mkdir()
    for turn in (90, 180):
        (tmp_path / "Pat" / f"{turn}.jpg").write_bytes(turned(DEMO / "people" / "P001" / "1.jpg", turn))
    report = importing.import_people(import_plan.read_plan(tmp_path))
    assert (report.people, report.enrolled) == (1, 2)
    for photo in Photo.objects.all():
        assert_upright(photo)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_the_answer_is_in_the_picture_as_it_was_sent(turn: int) -> None:
    identity = people.create_identity(name="Pat", external_id="P001")
    for path in sorted((DEMO / "people" / "P001").glob("*.jpg")):
        photos.process_photos([photos.add_photo(identity=identity, data=path.read_bytes()).pk])
    live_gallery.forget()
    data = turned(DEMO / "probes" / "P001.jpg", turn)
    answer = recognise.identify(data).as_dict()
    (face,) = answer["faces"]
    assert face["decision"] == "match"
    assert face["turned"] == turn
    assert abs(face["quality"]["roll"]) < 10
    eyes, mouth = np.mean(face["landmarks"][:2], axis=0), np.mean(face["landmarks"][3:], axis=0)
    down = np.degrees(np.arctan2(*(mouth - eyes)[::-1])) - 90  # where the chin is, from below clockwise
    assert abs((down - turn + 180) % 360 - 180) < 15
    left, top, right, bottom = face["box"]
    assert left < eyes[0] < right
    assert top < eyes[1] < bottom
    verified = recognise.verify_identity(data, identity=identity).as_dict()
    assert (verified["decision"], verified["faces"][0]["turned"]) == ("match", turn)
