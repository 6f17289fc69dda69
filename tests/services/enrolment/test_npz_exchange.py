"""The original project's embeddings file: round trip without loss, equal search results, and bad files."""

from __future__ import annotations

import pickle
from pathlib import Path

import faiss
import numpy as np
import pytest

from recognition.models import Embedding, Identity, Photo
from recognition.services.enrolment import npz_exchange
from recognition.services.enrolment.npz_exchange import export_npz, import_npz
from recognition.services.errors import Invalid
from recognition.services.gallery.live import live_gallery
from recognition.services.identities import people
from recognition.services.recognition import recognise
from tests.fakes import person_jpeg
from tests.galleries import labelled_vectors

pytestmark = pytest.mark.django_db


def original(path: Path, *, people_count: int = 6, photos: int = 3, scale: float = 1.0, **arrays) -> Path:
    owners, vectors = labelled_vectors(people_count, photos)
    content = {
        "embs": vectors * np.float32(scale),
        "imm_classes": np.array([f"P{owner:03d}" for owner in owners]),
        "filenames": np.array([f"faces/P{owner:03d}/{n}.jpg" for n, owner in enumerate(owners)]),
    } | arrays
    np.savez(path, **content)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vn2db.npz"


def load(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def test_classes_become_people_with_their_embeddings(path):
    report = import_npz(original(path))
    assert (report.people, report.imported, report.rejected) == (6, 18, [])
    identity = people.get_identity("P002")
    assert identity.name == "P002"
    assert list(identity.embeddings.order_by("id").values_list("source", flat=True)) == [
        "faces/P002/6.jpg", "faces/P002/7.jpg", "faces/P002/8.jpg",
    ]  # fmt: skip


@pytest.mark.parametrize("scale", [1.0, 17.3])
def test_round_trip_keeps_every_bit(path, tmp_path, scale):
    """Whether the vectors were normalised before or not."""
    before = load(original(path, scale=scale))
    report = import_npz(path)
    assert report.normalised == (18 if scale != 1 else 0)
    exported = tmp_path / "again.npz"
    assert export_npz(exported) == (6, 18)
    after = load(exported)
    assert set(after) == set(before)
    np.testing.assert_array_equal(after["embs"].view(np.uint32), before["embs"].view(np.uint32))
    np.testing.assert_array_equal(after["imm_classes"], before["imm_classes"])
    np.testing.assert_array_equal(after["filenames"], before["filenames"])


def test_a_second_import_adds_nothing(path):
    import_npz(original(path))
    report = import_npz(path)
    assert (report.people, report.imported, report.skipped) == (0, 0, 18)
    assert Embedding.objects.count() == 18


def test_numbers_as_classes(path):
    owners, _ = labelled_vectors(6, 3)
    report = import_npz(original(path, imm_classes=owners))
    assert report.people == 6
    assert people.get_identity("5").embeddings.count() == 3


def test_names_come_from_a_table(path):
    import_npz(original(path), names={"P001": "Ann Example"})
    assert people.get_identity("P001").name == "Ann Example"
    assert people.get_identity("P002").name == "P002"


@pytest.mark.parametrize(("photos", "scale"), [(1, 1.0), (1, 4.2), (3, 1.0), (3, 4.2)])
def test_search_equals_faiss_on_the_mean_of_normalised_vectors(path, photos, scale):
    before = load(original(path, people_count=40, photos=photos, scale=scale))
    import_npz(path)
    unit = before["embs"] / np.linalg.norm(before["embs"], axis=1, keepdims=True)
    names = np.unique(before["imm_classes"])
    means = np.stack([unit[before["imm_classes"] == name].mean(0) for name in names])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    index = faiss.IndexFlatIP(512)
    index.add(means)
    probes = labelled_vectors(40, 1, seed=3)[1]
    scores, places = index.search(probes, 5)
    gallery = live_gallery.current()
    keys = dict(Identity.objects.values_list("external_id", "pk"))
    for probe, row, place in zip(probes, scores, places, strict=True):
        found = {match.identity_id: match for match in gallery.search(probe[None], 40)[0]}
        for score, name in zip(row, names[place], strict=True):
            match = found[keys[name]]
            assert match.template_score == pytest.approx(score, abs=1e-6)
            if photos == 1:
                assert match.score == pytest.approx(score, abs=1e-6)


def photos_of_two(folder: Path) -> Path:
    """Of the people of `original` with two photos each; the last one is no picture."""
    for n, owner in enumerate([0, 0, 1, 1]):
        home = folder / f"P{owner:03d}"
        home.mkdir(parents=True, exist_ok=True)
        (home / f"{n}.jpg").write_bytes(person_jpeg(owner, variant=n))
    (folder / "P001" / "3.jpg").write_bytes(b"no picture")
    return folder


def test_photos_are_attached_with_the_face_found_in_them(path, tmp_path):
    folder = photos_of_two(tmp_path / "photos")
    report = import_npz(original(path, people_count=2, photos=2), folder=folder)
    assert (report.imported, report.photos) == (4, 3)
    assert report.without_photo == [{"external_id": "P001", "filename": "faces/P001/3.jpg"}]
    photo = Photo.objects.get(filename="1.jpg")
    assert photo.state == Photo.State.READY
    assert photo.crop
    assert len(photo.faces) == 1
    stored = Embedding.objects.get(photo=photo)
    np.testing.assert_array_equal(np.asarray(stored.vector, np.float32), load(path)["embs"][1])
    assert photo.identity.external_id == "P000"


def test_photos_are_attached_to_vectors_of_a_former_import(path, tmp_path):
    import_npz(original(path, people_count=2, photos=2))
    before = dict(Embedding.objects.values_list("source", "pk"))
    folder = photos_of_two(tmp_path / "photos")
    report = import_npz(path, folder=folder)
    assert (report.people, report.imported, report.photos, report.skipped) == (0, 0, 3, 4)
    assert dict(Embedding.objects.values_list("source", "pk")) == before
    stored = Embedding.objects.get(photo__filename="1.jpg")
    assert stored.source == "faces/P000/1.jpg"
    np.testing.assert_array_equal(np.asarray(stored.vector, np.float32), load(path)["embs"][1])
    assert Embedding.objects.get(photo=None).source == "faces/P001/3.jpg"
    assert import_npz(path, folder=folder).photos == 0


def test_imported_people_are_recognised_by_the_next_request(path):
    """The fake embedder's vectors of two people, imported; a new photo of one of them is found."""
    from recognition.services.analysis.analyzer import get_analyzer
    from recognition.services.enrolment.examination import examine
    from tests.fakes import person_picture

    assert get_analyzer().embedder.name == "fake-embedder"
    vectors = np.stack([examine(person_picture(person)).vector for person in (4, 7)])
    original(
        path, embs=vectors, imm_classes=np.array(["four", "seven"]), filenames=np.array(["4.jpg", "7.jpg"])
    )
    import_npz(path)
    face = recognise.identify(person_jpeg(7, variant=3)).faces[0]
    assert face.identity.external_id == "seven"


def test_exports_enrolled_photos_too(enrol, path):
    enrol(3)
    export_npz(path)
    exported = load(path)
    assert exported["imm_classes"].tolist() == ["F3", "F3"]
    assert all(name.endswith(".jpg") for name in exported["filenames"])
    assert exported["embs"].dtype == np.float32


def test_export_of_nobody(path):
    assert export_npz(path) == (0, 0)
    assert load(path)["embs"].shape == (0, 512)


# --- Bad files


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: path.write_bytes(b"some text"), "damaged"),
        (lambda path: path.write_bytes(original(path).read_bytes()[:3000]), "damaged"),
        (lambda path: path.unlink(missing_ok=True), "no_such_path"),
        (lambda path: np.savez(path, embs=np.ones((2, 512))), "missing_arrays"),
        (lambda path: original(path, embs=np.ones((18, 128), np.float32)), "wrong_dimensions"),
        (lambda path: original(path, embs=np.ones(18, np.float32)), "wrong_shape"),
        (lambda path: original(path, embs=np.array([["a"] * 512] * 18)), "wrong_shape"),
        (lambda path: original(path, imm_classes=np.ones((18, 2))), "wrong_shape"),
        (lambda path: original(path, filenames=np.array(["a"] * 17)), "different_lengths"),
        (lambda path: original(path, people_count=0), "nobody"),
        (lambda path: original(path, filenames=np.array(["a"] * 18, object)), "pickled"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_and_nothing_is_imported(path, damage, code):
    damage(path)
    with pytest.raises(Invalid) as error:
        import_npz(path)
    assert error.value.code == code
    assert str(path) in str(error.value)
    assert not Identity.objects.exists()


def test_damage_inside_an_array(path):
    data = bytearray(original(path).read_bytes())
    data[5000] ^= 255
    path.write_bytes(data)
    with pytest.raises(Invalid) as error:
        import_npz(path)
    assert error.value.code == "damaged"


class Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/identity-site-was-here"),))


def test_pickles_are_never_loaded(path, tmp_path):
    original(path, filenames=np.array([Bomb()] * 18, object))
    assert b"identity-site-was-here" in pickle.dumps(Bomb())
    with pytest.raises(Invalid, match="could run code"):
        import_npz(path)
    assert not Path("/tmp/identity-site-was-here").exists()


def test_bad_rows_are_reported_and_the_others_imported(path):
    vectors = labelled_vectors(6, 3)[1]
    vectors[0, 0] = np.nan
    vectors[4, 9] = np.inf
    vectors[7] = 0
    report = import_npz(original(path, embs=vectors))
    assert report.imported == 15
    assert [(row["filename"], row["reason"]) for row in report.rejected] == [
        ("faces/P000/0.jpg", "not_finite"),
        ("faces/P001/4.jpg", "not_finite"),
        ("faces/P002/7.jpg", "zero_vector"),
    ]


@pytest.mark.parametrize("bad", ["a\x00b", "a\ud800b", "a\nb"])
def test_what_is_no_text_is_reported_and_the_others_imported(path, bad):
    names = np.array(["P1", bad, "P3", "P4"], dtype=object).astype("U")
    files = np.array(["1.jpg", "2.jpg", f"{bad}.jpg", "4.jpg"])
    report = import_npz(original(path, people_count=4, photos=1, imm_classes=names, filenames=files))
    assert [row["reason"] for row in report.rejected] == ["no_text", "no_text"]
    assert set(Identity.objects.values_list("external_id", flat=True)) == {"P1", "P4"}


def test_the_same_row_again_is_skipped(path):
    before = load(original(path))
    np.savez(path, **{name: np.concatenate([array, array[:2]]) for name, array in before.items()})
    report = import_npz(path)
    assert (report.imported, report.skipped, report.rejected) == (18, 2, [])


def test_one_name_with_two_embeddings_refuses_the_person(path):
    before = load(original(path))
    before["filenames"][4] = before["filenames"][3]
    np.savez(path, **before)
    report = import_npz(path)
    assert report.people == 5
    assert {row["external_id"] for row in report.rejected} == {"P001"}
    assert len(report.rejected) == 3
    assert not Identity.objects.filter(external_id="P001").exists()


def test_a_person_with_an_impossible_id_is_refused_alone(path):
    before = load(original(path))
    before["imm_classes"] = np.where(before["imm_classes"] == "P003", "a/b", before["imm_classes"])
    np.savez(path, **before)
    report = import_npz(path)
    assert report.people == 5
    assert {row["reason"] for row in report.rejected} == {"invalid_person"}


def test_nothing_of_a_person_stays_when_its_import_fails(path, monkeypatch):
    create = Embedding.objects.create

    def fail(**values):
        if values["source"] == "faces/P002/8.jpg":
            raise Invalid("test", "made to fail")
        return create(**values)

    monkeypatch.setattr(npz_exchange.Embedding.objects, "create", fail)
    report = import_npz(original(path))
    assert report.people == 5
    assert report.imported == 15
    assert len(report.rejected) == 3
    assert not Identity.objects.filter(external_id="P002").exists()


def test_paths_that_lead_out_of_the_folder_do_not(path, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (tmp_path / "secret.jpg").write_bytes(person_jpeg(1))
    original(
        path, people_count=1, photos=1, filenames=np.array(["../secret.jpg"]),
    )  # fmt: skip
    report = import_npz(path, folder=folder)
    assert report.photos == 0
    assert len(report.without_photo) == 1
