from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from recognition.engine import first_stage
from recognition.engine.gallery import Gallery, fuse
from recognition.engine.gallery_file import DamagedRows, GalleryFile
from recognition.engine.types import Floats, GalleryCorrupt, GalleryIncompatible

D = 32


def unit(rows: int, seed: int = 0, dimensions: int = D) -> Floats:
    vectors = np.random.default_rng(seed).standard_normal((rows, dimensions)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def crowd(people: int = 40, photos: int = 3) -> tuple[Any, Floats]:
    """Owners 100, 101, ... with some photos each, those of one person near each other."""
    centres = np.repeat(unit(people), photos, axis=0)
    vectors = centres + 0.1 * unit(people * photos, 1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.repeat(np.arange(100, 100 + people), photos), vectors.astype(np.float32)


@pytest.fixture
def gallery() -> Gallery:
    return Gallery.from_arrays(D, "m", *crowd())


def same(one: Gallery, other: Gallery) -> bool:
    probes = unit(20, 9)
    return (
        set(one.identities()) == set(other.identities())
        and one.vector_count == other.vector_count
        and [[(m.identity_id, round(m.score, 4)) for m in row] for row in one.search(probes, 5)]
        == [[(m.identity_id, round(m.score, 4)) for m in row] for row in other.search(probes, 5)]
    )


def test_an_empty_gallery_finds_nobody() -> None:
    gallery = Gallery(D, "m")
    assert len(gallery) == 0
    assert gallery.search(unit(2), 5) == [[], []]
    assert gallery.search(unit(0), 5) == []
    assert gallery.score(unit(1)[0], 7) is None
    assert gallery.neighbours(7, 3) == []
    assert gallery.template(7) is None
    assert not gallery.remove(7)


def test_one_vector_scores_like_the_flat_index() -> None:
    vectors = unit(50)
    gallery = Gallery.from_arrays(D, "m", np.arange(50), vectors)
    index = faiss.IndexFlatIP(D)
    index.add(vectors)
    probes = unit(10, 3)
    scores, owners = index.search(probes, 5)
    for row, best, names in zip(gallery.search(probes, 5), scores, owners, strict=True):
        assert [m.identity_id for m in row] == names.tolist()
        assert np.allclose([m.score for m in row], best, atol=1e-6)
        assert np.allclose([m.template_score for m in row], best, atol=1e-6)
    one = gallery.score(probes[0], int(owners[0, 0]))
    assert one is not None
    assert one.score == pytest.approx(scores[0, 0], abs=1e-6)


def test_the_score_mixes_template_and_best_photo(gallery: Gallery) -> None:
    owners, vectors = crowd()
    probe = unit(1, 4)[0]
    mine = vectors[owners == 105]
    template = mine.sum(0) / np.linalg.norm(mine.sum(0))
    match = gallery.score(probe, 105)
    assert match is not None
    assert match.template_score == pytest.approx(template @ probe, abs=1e-5)
    assert match.score == pytest.approx(0.75 * (template @ probe) + 0.25 * (mine @ probe).max(), abs=1e-3)
    assert gallery.template(105) == pytest.approx(template, abs=1e-6)


def test_search_and_score_agree_and_the_best_comes_first(gallery: Gallery) -> None:
    owners, vectors = crowd()
    for row, owner in zip(gallery.search(vectors, 4), owners, strict=True):
        assert row[0].identity_id == owner
        assert [m.score for m in row] == sorted((m.score for m in row), reverse=True)
        assert gallery.score(vectors[list(owners).index(owner)], owner) is not None
    row = gallery.search(vectors[:1], 3)[0]
    for match in row:
        alone = gallery.score(vectors[0], match.identity_id)
        assert alone is not None
        assert alone.score == pytest.approx(match.score, abs=1e-5)


def test_the_best_photo_can_overtake_the_template() -> None:
    axis = np.eye(D, dtype=np.float32)
    gallery = Gallery(D, "m")
    gallery.put(1, np.stack([axis[0], axis[1]]))
    gallery.put(2, (0.73 * axis[0] + np.sqrt(1 - 0.73**2) * axis[2])[None])
    best = gallery.search(axis[:1], 2)[0]
    assert [m.identity_id for m in best] == [1, 2]
    assert best[0].template_score < best[1].template_score


def test_more_people_wanted_than_there_are(gallery: Gallery) -> None:
    assert len(gallery.search(unit(1), 1000)[0]) == 40
    assert gallery.search(unit(1), 0) == [[]]


def test_put_replaces_and_adds() -> None:
    owners, vectors = crowd()
    gallery = Gallery(D, "m")
    for owner in np.unique(owners).tolist():
        gallery.put(owner, unit(5, owner))
        gallery.put(owner, vectors[owners == owner])
    assert same(gallery, Gallery.from_arrays(D, "m", owners, vectors))


def test_vectors_in_any_order_of_owners() -> None:
    owners, vectors = crowd()
    order = np.random.default_rng(0).permutation(len(owners))
    assert same(
        Gallery.from_arrays(D, "m", owners[order], vectors[order]),
        Gallery.from_arrays(D, "m", owners, vectors),
    )


@pytest.mark.parametrize("stage", ["flat", "rabitq"])
def test_ten_thousand_changes_find_what_the_flat_index_finds(stage: str) -> None:
    """Against all that is there, compared one by one: the same best person and the same scores."""
    random = np.random.default_rng(11)
    people, dimensions = 4_000, 128
    vectors = unit(people, 1, dimensions)
    gallery = Gallery.from_arrays(dimensions, "m", np.arange(people), vectors, stage)
    truth = dict(enumerate(vectors))
    fresh = unit(10_000, 2, dimensions)
    for step in range(10_000):
        owner = int(random.integers(people + 1_000))
        if random.random() < 0.4:
            assert gallery.remove(owner) == (truth.pop(owner, None) is not None)
        else:
            truth[owner] = fresh[step]
            gallery.put(owner, fresh[step][None])
        if step % 500 == 499:
            index = faiss.IndexFlatIP(dimensions)
            index.add(np.stack(list(truth.values())))
            names = np.array(list(truth))
            probes = 0.6 * index.reconstruct_batch(random.integers(len(names), size=50))
            probes += 0.8 * unit(50, step, dimensions)
            probes /= np.linalg.norm(probes, axis=1, keepdims=True)
            scores, rows = index.search(probes, 1)
            found = gallery.search(probes, 5)
            assert [row[0].identity_id for row in found] == names[rows[:, 0]].tolist()
            assert np.allclose([row[0].score for row in found], scores[:, 0], atol=1e-4)
            assert len(gallery) == gallery.vector_count == len(truth)
    assert sorted(gallery.identities()) == sorted(truth)


def test_random_changes_leave_what_a_fresh_build_has() -> None:
    random = np.random.default_rng(3)
    owners, vectors = crowd()
    gallery = Gallery.from_arrays(D, "m", owners, vectors)
    truth = {int(owner): vectors[owners == owner] for owner in np.unique(owners)}
    for step in range(300):
        owner = int(random.integers(90, 150))
        if random.random() < 0.5:
            assert gallery.remove(owner) == (owner in truth)
            truth.pop(owner, None)
        else:
            truth[owner] = unit(int(random.integers(1, 5)), 1000 + step)
            gallery.put(owner, truth[owner])
        assert len(gallery) == len(truth)
        assert (owner in gallery) == (owner in truth)
    owners = np.concatenate([np.full(len(v), k) for k, v in truth.items()])
    assert same(gallery, Gallery.from_arrays(D, "m", owners, np.concatenate(list(truth.values()))))


def test_removing_everybody(gallery: Gallery) -> None:
    for owner in gallery.identities():
        assert gallery.remove(owner)
    assert len(gallery) == gallery.vector_count == 0
    assert gallery.search(unit(1), 3) == [[]]
    gallery.put(1, unit(1))
    assert gallery.search(unit(1), 3)[0][0].score == pytest.approx(1)


def test_neighbours_are_the_most_similar_others(gallery: Gallery) -> None:
    near = gallery.template(100)
    assert near is not None
    gallery.put(7, near[None])
    found = gallery.neighbours(100, 3)
    assert found[0].identity_id == 7
    assert len(found) == 3
    assert 100 not in [m.identity_id for m in found]


@pytest.mark.parametrize(
    "vectors", [unit(2, dimensions=D + 1), unit(1)[0], np.full((1, D), np.nan, np.float32), unit(0)]
)
def test_unfit_vectors_are_refused_and_change_nothing(gallery: Gallery, vectors: Floats) -> None:
    before = gallery.template(100)
    with pytest.raises(ValueError, match=r"vector"):
        gallery.put(100, vectors)
    assert np.array_equal(before, gallery.template(100))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"owners|vector"):
        Gallery.from_arrays(D, "m", np.arange(2), vectors)


def test_searches_from_many_threads_during_changes(gallery: Gallery) -> None:
    owners, vectors = crowd()
    stop = threading.Event()
    wrong: list[str] = []

    def look() -> None:
        while not stop.is_set():
            for row, owner in zip(gallery.search(vectors[:30], 2), owners[:30], strict=True):
                if not row or row[0].identity_id != owner:
                    wrong.append(f"{owner}: {row}")

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for step in range(400):
            gallery.put(1000 + step % 50, -vectors[:30].mean(0, keepdims=True))
            if step % 3 == 0:
                gallery.remove(1000 + step % 50)
            gallery.put(int(owners[step % 30]), vectors[owners == owners[step % 30]])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong


def test_save_and_load(gallery: Gallery, tmp_path: Path) -> None:
    gallery.put(7, unit(1, 5))
    gallery.remove(101)
    gallery.change_number, gallery.generation = 12, 34
    path = tmp_path / "x.gallery"
    gallery.save(path)
    loaded = Gallery.load(path, dimensions=D, model="m")
    assert same(gallery, loaded)
    assert (loaded.change_number, loaded.generation) == (12, 34)
    assert [p.name for p in tmp_path.iterdir()] == ["x.gallery"]
    # What was loaded can be changed, also after its file is gone, and saved over.
    path.unlink()
    loaded.put(100, unit(2, 8))
    loaded.remove(102)
    loaded.save(path)
    assert same(loaded, Gallery.load(path, dimensions=D, model="m"))


def test_an_empty_gallery_can_be_saved(tmp_path: Path) -> None:
    Gallery(D, "m").save(tmp_path / "x")
    assert len(Gallery.load(tmp_path / "x", dimensions=D, model="m")) == 0


def test_a_failed_save_leaves_the_old_file(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    gallery.save(path)
    gallery.put(1, unit(1))

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("recognition.engine.gallery_file.os.replace", full)
    with pytest.raises(OSError, match="no space"):
        gallery.save(path)
    assert 1 not in Gallery.load(path, dimensions=D, model="m")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.99, 1.0])
def test_a_file_cut_short_is_corrupt(gallery: Gallery, tmp_path: Path, share: float) -> None:
    gallery.save(tmp_path / "x")
    data = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(data[: min(int(len(data) * share), len(data) - 1)])
    with pytest.raises(GalleryCorrupt):
        Gallery.load(tmp_path / "x", dimensions=D, model="m")


@pytest.mark.parametrize("place", [0, 9, 40, 1000, -40, -1])
def test_a_flipped_bit_is_corrupt(gallery: Gallery, tmp_path: Path, place: int) -> None:
    gallery.save(tmp_path / "x")
    data = bytearray((tmp_path / "x").read_bytes())
    data[place] ^= 4
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(GalleryCorrupt):
        Gallery.load(tmp_path / "x", dimensions=D, model="m")


def test_another_model_length_or_format_is_incompatible(gallery: Gallery, tmp_path: Path) -> None:
    gallery.save(tmp_path / "x")
    for dimensions, model in ((D, "n"), (D + 1, "m")):
        with pytest.raises(GalleryIncompatible):
            Gallery.load(tmp_path / "x", dimensions=dimensions, model=model)
    data = bytearray((tmp_path / "x").read_bytes())
    data[7] += 1
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(GalleryIncompatible, match="format"):
        Gallery.load(tmp_path / "x", dimensions=D, model="m")


def test_a_missing_file_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Gallery.load(tmp_path / "x", dimensions=D, model="m")


class TestCodes:
    """The gallery of many people: candidates by codes, then their rows in half precision."""

    @pytest.fixture
    def crowded(self) -> Gallery:
        return Gallery.from_arrays(D, "m", *crowd(3_000), "rabitq")

    def test_scores_and_people_are_those_of_the_flat_index(self, crowded: Gallery) -> None:
        owners, vectors = crowd(3_000)
        flat = Gallery.from_arrays(D, "m", owners, vectors, "flat")
        for one, other in zip(crowded.search(vectors[:200], 3), flat.search(vectors[:200], 3), strict=True):
            assert one[0].identity_id == other[0].identity_id
            assert [m.score for m in one] == pytest.approx([m.score for m in other], abs=1e-3)
            assert [m.template_score for m in one] == pytest.approx(
                [m.template_score for m in other], abs=1e-3
            )
        assert crowded.vector_count == flat.vector_count == 9_000

    def test_a_crowd_of_removed_people_hides_nobody(self) -> None:
        """The codes still find them: so many that they fill all the places of candidates."""
        everyone = Gallery.from_arrays(
            D, "m", np.arange(2_600), np.concatenate([np.repeat(unit(1), 2_500, 0), unit(100, 3)]), "rabitq"
        )
        for owner in range(2_499):
            everyone.remove(owner)
        found = everyone.search(unit(1), 3)[0]
        assert found[0].identity_id == 2_499
        assert len(found) == 3
        assert all(match.identity_id >= 2_499 for match in found)

    def test_saved_and_loaded(self, crowded: Gallery, tmp_path: Path) -> None:
        _, vectors = crowd(3_000)
        crowded.put(5, unit(2, 5))
        crowded.put(3_050, unit(3, 6))
        crowded.put(9_000, unit(1, 7))
        crowded.remove(101)
        crowded.save(tmp_path / "x", "rabitq")
        loaded = Gallery.load(tmp_path / "x", dimensions=D, model="m")
        assert sorted(loaded.identities()) == sorted(crowded.identities())
        assert loaded.vector_count == crowded.vector_count
        assert loaded.changed == 0
        for one, other in zip(crowded.search(vectors[::50], 5), loaded.search(vectors[::50], 5), strict=True):
            assert [m.score for m in one] == pytest.approx([m.score for m in other], abs=1e-3)
        for owner in (5, 3_050, 9_000, 102):
            assert np.allclose(crowded.template(owner), loaded.template(owner), atol=1e-3)  # type: ignore[arg-type]
            one, other = crowded.score(vectors[0], owner), loaded.score(vectors[0], owner)
            assert one is not None
            assert other is not None
            assert one.score == pytest.approx(other.score, abs=1e-3)

    @pytest.mark.parametrize("dimensions", [1, 3, 6, 128, 600])
    def test_any_number_of_dimensions(self, dimensions: int) -> None:
        vectors = unit(300, 1, dimensions)
        gallery = Gallery.from_arrays(dimensions, "m", np.arange(300), vectors, "rabitq")
        best = gallery.search(vectors[7:8], 1)[0][0]
        assert best.score == pytest.approx(1, abs=1e-3)

    def test_the_kind_follows_the_size(self) -> None:
        assert first_stage.chosen("auto", 100, 512) == "flat"
        assert first_stage.chosen("auto", 20_000, 512) == "rabitq"
        assert first_stage.chosen("auto", 20_000, 128) == "flat"
        assert first_stage.chosen("rabitq", 1, 512) == "rabitq"
        assert first_stage.chosen("flat", 10**7, 512) == "flat"


class TestDamage:
    """A flipped bit of a row is found when the row is read for an answer."""

    @pytest.fixture
    def damaged(self, tmp_path: Path) -> Gallery:
        owners, vectors = crowd(3_000)
        Gallery.from_arrays(D, "m", owners, vectors).save(tmp_path / "x", "rabitq")
        data = bytearray((tmp_path / "x").read_bytes())
        row = 4 * 17 + 2  # the second photo of the 18th person
        data[64 + row * D * 2 + 5] ^= 1
        (tmp_path / "x").write_bytes(data)
        return Gallery.load(tmp_path / "x", dimensions=D, model="m")

    def test_others_are_found_and_the_damaged_one_is_not_answered(self, damaged: Gallery) -> None:
        _, vectors = crowd(3_000)
        assert damaged.search(vectors[300:301], 1)[0][0].identity_id == 200
        with pytest.raises(DamagedRows) as caught:
            damaged.search(vectors[17 * 3 : 17 * 3 + 1], 1)
        assert caught.value.owners == [117]
        with pytest.raises(DamagedRows):
            damaged.score(vectors[0], 117)
        with pytest.raises(DamagedRows):
            damaged._base.file.check()

    def test_it_is_repaired_and_the_search_goes_on(self, damaged: Gallery) -> None:
        owners, vectors = crowd(3_000)
        asked: list[list[int]] = []

        def repair(gallery: Gallery, wanted: list[int]) -> None:
            asked.append(wanted)
            for owner in wanted:
                gallery.put(owner, vectors[owners == owner])

        damaged.repair = repair
        best = damaged.search(vectors[17 * 3 : 17 * 3 + 1], 1)[0][0]
        assert best.identity_id == 117
        assert best.score == pytest.approx(0.98, abs=0.02)
        damaged.search(vectors[17 * 3 : 17 * 3 + 1], 1)
        assert asked == [[117]]
        assert len(damaged) == 3_000

    def test_a_damaged_person_who_has_gone(self, damaged: Gallery) -> None:
        _, vectors = crowd(3_000)
        damaged.repair = lambda gallery, owners: [gallery.remove(owner) for owner in owners]
        found = damaged.search(vectors[17 * 3 : 17 * 3 + 1], 3)[0]
        assert 117 not in [match.identity_id for match in found]
        assert 117 not in damaged

    def test_a_repair_that_does_nothing_is_not_repeated_for_ever(self, damaged: Gallery) -> None:
        damaged.repair = lambda gallery, owners: None
        with pytest.raises(DamagedRows):
            damaged.score(unit(1)[0], 117)

    @pytest.mark.parametrize("section", ["sums", "owners", "starts", "turn", "centre", "codes"])
    def test_everything_else_is_checked_by_opening(self, tmp_path: Path, section: str) -> None:
        Gallery.from_arrays(D, "m", *crowd(100)).save(tmp_path / "x", "rabitq")
        file = GalleryFile.open(tmp_path / "x", dimensions=D, model="m")
        needle = getattr(file if hasattr(file, section) else file.stage, section).tobytes()
        data = bytearray((tmp_path / "x").read_bytes())
        data[data.index(needle) + len(needle) // 2] ^= 1
        (tmp_path / "x").write_bytes(data)
        with pytest.raises(GalleryCorrupt, match=section):
            GalleryFile.open(tmp_path / "x", dimensions=D, model="m")


def test_a_file_that_was_replaced_is_read_on(gallery: Gallery, tmp_path: Path) -> None:
    _, vectors = crowd()
    gallery.save(tmp_path / "x", "rabitq")
    loaded = Gallery.load(tmp_path / "x", dimensions=D, model="m")
    Gallery(D, "m").save(tmp_path / "x")
    (tmp_path / "x").unlink()
    assert loaded.search(vectors[:1], 1)[0][0].identity_id == 100


def test_fuse_without_photos_is_the_template_score() -> None:
    scores = np.array([0.5, 0.25], np.float32)
    assert np.array_equal(fuse(scores, [0, 0], np.empty(0, np.float32)), scores)
    assert fuse(scores, [0, 2], np.array([0.1, 0.75], np.float32)).tolist() == [0.5, 0.375]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """FAISS as it looks with one GPU."""
    monkeypatch.setattr(first_stage.faiss, "get_num_gpus", lambda: 1)
    monkeypatch.setattr(first_stage.faiss, "StandardGpuResources", object, raising=False)
    monkeypatch.setattr(
        first_stage.faiss, "index_cpu_to_gpu", lambda _, __, index: faiss.clone_index(index), raising=False
    )


@pytest.mark.usefixtures("gpu")
def test_changes_beside_a_base_on_the_gpu() -> None:
    test_random_changes_leave_what_a_fresh_build_has()
    gallery = Gallery.from_arrays(D, "m", *crowd())
    random = np.random.default_rng(0)
    for step in range(200):
        owner = int(random.integers(90, 150))
        if random.random() < 0.4:
            gallery.remove(owner)
        else:
            vector = unit(1, 500 + step)
            gallery.put(owner, vector)
            assert gallery.search(vector, 1)[0][0].identity_id == owner
        probe = unit(1, step)
        everyone = sorted((gallery.score(probe[0], i) for i in gallery.identities()), key=lambda m: -m.score)
        found = gallery.search(probe, 60)[0]
        assert [m.identity_id for m in found] == [m.identity_id for m in everyone]


@pytest.mark.usefixtures("gpu")
def test_a_gpu_fault_falls_back_to_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = Gallery.from_arrays(D, "m", *crowd())

    def fault(*_: object) -> None:
        raise RuntimeError("CUDA error 2 out of memory")

    monkeypatch.setattr(first_stage.faiss, "index_cpu_to_gpu", fault)
    owners, vectors = crowd()
    assert gallery.search(vectors[:1], 1)[0][0].identity_id == owners[0]
    gallery.put(5, unit(1, 77))
    assert gallery.search(unit(1, 77), 1)[0][0].identity_id == 5
