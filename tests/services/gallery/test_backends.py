"""What every engine behind GALLERY_BACKEND has to do: right, current, complete, whatever happened before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from django.db import connection, transaction

from recognition.engine.gallery import TEMPLATE_SHARE
from recognition.engine.types import Floats, GalleryError
from recognition.models import (
    Embedding,
    GalleryBuild,
    GalleryChange,
    GalleryTemplate,
    Identity,
    Merge,
    ModelVersion,
)
from recognition.services import queue
from recognition.services.gallery import index, pgvector, stored
from recognition.services.gallery import live as live_gallery
from recognition.services.gallery.live import LiveGallery
from recognition.services.gallery.log import record_change
from recognition.services.gallery.stored import StoredGallery
from recognition.services.identities import erasure, merging, people
from tests.fakes import person_vector
from tests.galleries import enrol_vectors, labelled_vectors
from tests.threads import at_once

milvus_lite = pytest.importorskip("milvus_lite", reason="pip install -r requirements-dev.txt")

FAISS = [("faiss", "flat"), ("faiss", "rabitq")]
STORES = [("pgvector", "exact"), ("pgvector", "hnsw"), ("pgvector", "bits"), ("milvus", "")]
committed = pytest.mark.django_db(transaction=True)
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="session")
def milvus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("milvus") / "milvus.db"


@pytest.fixture(params=[*FAISS, *STORES], ids=lambda param: "-".join(filter(None, param)))
def backend(request, settings, tmp_path, monkeypatch, milvus_file) -> Iterator[str]:
    name, kind = request.param
    settings.GALLERY_BACKEND = name
    if name == "faiss":
        settings.GALLERY_INDEX = kind
        monkeypatch.setattr(live_gallery, "gallery_folder", lambda: tmp_path)
        monkeypatch.setattr(index, "gallery_folder", lambda: tmp_path)
    elif name == "pgvector":
        settings.GALLERY_PG_INDEX = kind
    else:
        settings.MILVUS_URL = str(milvus_file)
        settings.MILVUS_COLLECTION = f"test_{abs(hash(request.node.nodeid))}"
    yield name
    if name == "milvus":
        from recognition.services.gallery.milvus import _client

        client = _client(str(milvus_file), "")
        for collection in client.list_collections():
            client.drop_collection(collection)


only_stores = pytest.mark.parametrize(
    "backend", STORES, indirect=True, ids=lambda param: "-".join(filter(None, param))
)


def truth(probes: Floats, k: int) -> list[list[tuple[int, float]]]:
    """By comparing with every vector of everybody who is active, without any of the site's gallery code."""
    version = index.active_model()
    rows = Embedding.objects.filter(
        model_version=version, identity__status=Identity.Status.ACTIVE
    ).values_list("identity_id", "vector")
    of: dict[int, list[Floats]] = {}
    for owner, vector in rows:
        of.setdefault(owner, []).append(np.asarray(vector, np.float64))
    found = []
    for probe in probes.astype(np.float64):
        scores = []
        for owner, vectors in of.items():
            mean = np.sum(vectors, axis=0)
            score = float(mean @ probe / np.linalg.norm(mean))
            if len(vectors) > 1:
                best = max(float(vector @ probe) for vector in vectors)
                score = TEMPLATE_SHARE * score + (1 - TEMPLATE_SHARE) * best
            scores.append((owner, score))
        found.append(sorted(scores, key=lambda pair: -pair[1])[:k])
    return found


def agree(gallery: object, probes: Floats, k: int) -> None:
    """The same people in the same order with the same scores; those within a thousandth may change places."""
    for row, right in zip(gallery.search(probes, k), truth(probes, k), strict=True):
        assert len(row) == len(right)
        scores = dict(right)
        for match, (_, score) in zip(row, right, strict=True):
            assert match.score == pytest.approx(score, abs=1e-3)
            assert scores.get(match.identity_id, match.score) == pytest.approx(match.score, abs=1e-3)
        if right:
            assert row[0].identity_id == right[0][0]


class TestFreshness:
    """Two `LiveGallery` objects stand for two processes."""

    def test_enrolled_suspended_resumed_erased(self, backend, enrol):
        here, there = LiveGallery(), LiveGallery()
        assert len(here.current()) == len(there.current()) == 0
        assert here.current().search(person_vector(1)[None], 3) == [[]]
        ann = enrol(1, account=False)
        for process in (here, there):
            assert process.current().search(person_vector(1)[None], 1)[0][0].identity_id == ann.pk
        people.suspend(ann)
        assert ann.pk not in there.current()
        assert there.current().search(person_vector(1)[None], 3) == [[]]
        people.resume(ann)
        assert ann.pk in here.current()
        erasure.erase(ann)
        assert ann.pk not in there.current()
        assert here.current().identities() == []

    def test_merged_and_undone(self, backend, enrol):
        process = LiveGallery()
        ann, twin = enrol(1, account=False), enrol(2, account=False)
        assert len(process.current()) == 2
        merging.merge(into=ann, other=twin)
        assert process.current().identities() == [ann.pk]
        assert process.current().vector_count == 4
        merging.undo_merge(Merge.objects.get())
        assert process.current().identities() == [ann.pk, twin.pk]

    def test_what_is_rolled_back_never_counted(self, backend, enrol):
        process = LiveGallery()
        ann = enrol(1, account=False)
        process.current()
        with transaction.atomic():
            people.suspend(ann)
            process.current()
            transaction.set_rollback(True)
        agree(process.current(), person_vector(1)[None], 3)
        assert ann.pk in process.current()

    def test_a_change_of_everything(self, backend, enrol):
        enrol(1, account=False)
        process = LiveGallery()
        assert len(process.current()) == 1
        Embedding.objects.all().delete()
        record_change(None)
        assert len(process.current()) == 0


class TestAnswers:
    def test_the_best_people_and_their_scores(self, backend):
        _, vectors = enrol_vectors(300, 2)
        gallery = LiveGallery().current()
        probes = labelled_vectors(300, 3, seed=0)[1][2::61]  # third photos of some of them
        strangers = labelled_vectors(5, 1, seed=9)[1]
        agree(gallery, np.concatenate([probes, strangers]), 10)
        assert len(gallery) == 300
        assert gallery.vector_count == 600
        assert len(vectors) == 600

    def test_more_are_asked_for_than_there_are(self, backend):
        enrol_vectors(3, 1)
        rows = LiveGallery().current().search(labelled_vectors(3, 1)[1], 50)
        assert [len(row) for row in rows] == [3, 3, 3]

    def test_one_person(self, backend, enrol):
        ann, ben = enrol(1, account=False), enrol(2, account=False)
        gallery = LiveGallery().current()
        assert gallery.score(person_vector(1), ann.pk).score == pytest.approx(
            truth(person_vector(1)[None], 1)[0][0][1], abs=1e-3
        )
        assert gallery.score(person_vector(1), 0) is None
        assert gallery.template(0) is None
        assert np.linalg.norm(gallery.template(ann.pk)) == pytest.approx(1, abs=1e-3)
        assert [match.identity_id for match in gallery.neighbours(ann.pk, 5)] == [ben.pk]
        assert gallery.neighbours(0, 5) == []
        assert 0 not in gallery
        assert "x" not in gallery

    def test_vectors_of_another_length_are_refused(self, backend, enrol):
        enrol(1, account=False)
        with pytest.raises(ValueError, match="shape"):
            LiveGallery().current().search(np.ones((1, 7), np.float32), 1)

    def test_ten_thousand_random_changes(self, backend):
        """Enrolled, removed, suspended, one photo more or less, in batches as they come; always the truth."""
        random = np.random.default_rng(5)
        owners, vectors = enrol_vectors(150, 2)
        process, version = LiveGallery(), index.active_model()
        pks = np.unique(owners).tolist()
        pool = labelled_vectors(400, 1, seed=3)[1]
        done = 0
        while done < 10_000:
            chosen = random.choice(pks, 125, replace=False).tolist()
            kinds = random.integers(0, 4, len(chosen))
            of_kind = [[pk for pk, kind in zip(chosen, kinds, strict=True) if kind == n] for n in range(4)]
            with transaction.atomic():
                Identity.objects.filter(pk__in=of_kind[0]).update(status=Identity.Status.SUSPENDED)
                Identity.objects.filter(pk__in=of_kind[1]).update(status=Identity.Status.ACTIVE)
                Embedding.objects.filter(identity__in=of_kind[2]).delete()
                Embedding.objects.bulk_create(
                    Embedding(
                        identity_id=pk,
                        model_version=version,
                        vector=pool[random.integers(len(pool))],
                        source=f"{done}-{pk}.jpg",
                    )
                    for pk in of_kind[2][::2] + of_kind[3]
                )
                record_change(*chosen)
            done += len(chosen)
            if done % 1_000 == 0:
                agree(process.current(), np.concatenate([pool[:4], vectors[:3]]), 5)
        agree(process.current(), pool[::20], 10)
        agree(LiveGallery().current(), pool[::20], 10)

    def test_another_model(self, backend, enrol):
        """Each model has templates of its own; the one in use answers."""
        enrol_vectors(5, 1)
        first = LiveGallery().current()
        assert len(first) == 5
        other = ModelVersion.objects.create(name="other", version="1", sha256="1" * 64, dimensions=64)
        second = LiveGallery(lambda: other).current()
        assert (second.model, len(second), second.search(np.eye(64, dtype=np.float32)[:1], 3)) == (
            "other",
            0,
            [[]],
        )
        assert len(LiveGallery().current()) == 5


class TestAfterARestart:
    def test_a_new_process_finds_what_is_there(self, backend):
        _, vectors = enrol_vectors(20, 1)
        index.rebuild_index()
        agree(LiveGallery().current(), vectors[:5], 3)

    def test_the_log_was_pruned_meanwhile(self, backend):
        _, vectors = enrol_vectors(20, 1)
        process = LiveGallery()
        process.current()
        enrol_vectors(5, 1, seed=4)
        GalleryChange.objects.exclude(pk=GalleryChange.objects.latest("pk").pk).delete()
        agree(process.current(), vectors[:5], 3)
        assert len(process.current()) == 25

    def test_an_older_backup_of_the_database(self, backend):
        """Its numbers are given again, to other changes."""
        enrol_vectors(4, 1)
        process = LiveGallery()
        process.current()
        last = GalleryChange.objects.latest("pk")
        gone = Identity.objects.latest("pk")
        Embedding.objects.filter(identity=gone).delete()
        last.delete()
        GalleryChange.objects.create(pk=last.pk, identity=Identity.objects.earliest("pk").pk)
        assert len(process.current()) == 3


@only_stores
class TestStores:
    def test_a_search_writes_nothing_when_nothing_changed(self, backend, monkeypatch):
        enrol_vectors(5, 1)
        process = LiveGallery()
        process.current()
        monkeypatch.setattr(StoredGallery, "_write", lambda *a, **k: pytest.fail("written"))
        process.current()
        LiveGallery().current()

    def test_too_much_for_somebody_who_waits_is_left_to_a_worker(self, backend, monkeypatch):
        asked: list[str] = []
        monkeypatch.setattr(queue, "enqueue", lambda task, *args: asked.append(task))
        monkeypatch.setattr(stored, "MOST_CHANGES", 10)
        _, vectors = enrol_vectors(11, 1)
        process = LiveGallery()
        for _ in range(2):
            with pytest.raises(GalleryError, match="being built"):
                process.current()
        assert asked == [queue.REBUILD_INDEX]
        build = index.rebuild_index()
        assert (build.identities, build.vectors, build.file) == (11, 11, "")
        agree(process.current(), vectors, 3)

    def test_a_worker_brings_it_up_to_date_and_prunes_the_log(self, backend, monkeypatch):
        enrol_vectors(5, 1)
        assert index.rebuild_if_stale().identities == 5
        assert index.rebuild_if_stale() is None
        enrol_vectors(5, 1, seed=4)
        GalleryBuild.objects.update(created_at="2020-01-01T00:00Z")
        written: list[int] = []
        real = StoredGallery._write_everybody
        monkeypatch.setattr(StoredGallery, "_write_everybody", lambda self: written.append(1) or real(self))
        assert index.rebuild_if_stale().identities == 10
        assert written == []  # from the log
        for _ in range(3):
            index.rebuild_index()
        assert written == [1, 1, 1]
        assert GalleryChange.objects.count() == 1

    def test_a_store_that_lost_everything_is_filled_again(self, backend):
        _, vectors = enrol_vectors(5, 1)
        process = LiveGallery()
        store = process.current().store
        if backend == "pgvector":
            GalleryTemplate.objects.all().delete()
            pgvector.TemplateMark.objects.all().delete()
        else:
            store._client.drop_collection(store._name)
        agree(LiveGallery().current(), vectors, 3)

    def test_whom_the_store_still_proposes_but_nobody_knows(self, backend):
        """A store that lags, whatever the reason, finds nobody who left."""
        owners, vectors = enrol_vectors(5, 1)
        process = LiveGallery()
        gallery = process.current()
        Identity.objects.filter(pk=owners[0]).update(status=Identity.Status.SUSPENDED)
        assert owners[0] in gallery.store.nearest(vectors[:1], 5)[0]
        assert owners[0] not in [match.identity_id for match in gallery.search(vectors[:1], 5)[0]]

    @committed
    def test_many_processes_at_once(self, backend):
        """One writes, the others wait; then all find the same."""
        with transaction.atomic():
            owners, vectors = enrol_vectors(40, 1)
        written: list[int] = []

        def look(process: LiveGallery) -> Callable[[], None]:
            def work() -> None:
                found = process.current().search(vectors[:3], 1)
                written.append(sum(row[0].identity_id == owner for row, owner in zip(found, owners)))  # noqa: B905
                connection.close()

            return work

        at_once(*[look(LiveGallery()) for _ in range(4)])
        assert written == [3, 3, 3, 3]
        assert len(LiveGallery().current()) == 40


class TestPgVector:
    @pytest.fixture(autouse=True)
    def chosen(self, settings):
        settings.GALLERY_BACKEND = "pgvector"

    @committed
    @pytest.mark.parametrize("kind", ["hnsw", "bits"])
    def test_the_index_is_built_once_and_used(self, settings, kind):
        settings.GALLERY_PG_INDEX = kind
        with transaction.atomic():
            _, vectors = enrol_vectors(60, 1)
        index.rebuild_if_stale()
        index.rebuild_if_stale()
        store = LiveGallery().current().store
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off; SET enable_sort = off")
            literal = str(vectors[0].tolist())
            cursor.execute("EXPLAIN " + store._select(kind), {"probe": literal, "width": 40, "k": 5})
            plan = "\n".join(row[0] for row in cursor.fetchall())
            cursor.execute("RESET enable_seqscan; RESET enable_sort")
            name = f"gallery_{kind}_{index.active_model().pk}"
            assert name in plan
            agree(LiveGallery().current(), vectors[:10], 3)
            cursor.execute(f"DROP INDEX {name}")

    @committed
    def test_few_people_have_no_index(self, settings):
        settings.GALLERY_PG_INDEX = "auto"
        with transaction.atomic():
            enrol_vectors(5, 1)
        index.rebuild_if_stale()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'gallery_hnsw%'")
            assert cursor.fetchone() == (0,)


class TestMilvus:
    @pytest.fixture(autouse=True)
    def chosen(self, settings):
        settings.GALLERY_BACKEND = "milvus"

    def test_a_server_that_is_away_is_said_so(self, settings):
        settings.MILVUS_URL = "http://127.0.0.1:9"
        with pytest.raises(GalleryError, match=r"Milvus at http://127\.0\.0\.1:9"):
            LiveGallery().current()
