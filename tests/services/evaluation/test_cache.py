"""The cache of measured photos survives a broken-off run, damage and a second process."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from recognition.services.evaluation.cache import HEADER, EmbeddingCache, Measured


def digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def vector(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(8).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "some.vectors"


def fill(path: Path, *names: str) -> None:
    with EmbeddingCache(path, 8) as cache:
        for seed, name in enumerate(names):
            cache.put(digest(name), Measured("ok", "too_small", vector(seed), vector(seed + 100)))


def test_what_was_put_is_found_by_the_next_run(path):
    fill(path, "a", "b")
    with EmbeddingCache(path, 8) as cache:
        cache.put(digest("c"), Measured("no_face"))
    with EmbeddingCache(path, 8) as cache:
        assert len(cache) == 3
        found = cache.get(digest("b"))
        assert (found.state, found.reason) == ("ok", "too_small")
        np.testing.assert_array_equal(found.plain, vector(1))
        np.testing.assert_array_equal(found.mirrored, vector(101))
        assert cache.get(digest("c")).state == "no_face"
        assert cache.get(digest("c")).plain is None
        assert cache.get(digest("d")) is None


def test_a_digest_that_ends_with_zeros(path):
    odd = b"\x01" * 30 + b"\x00" * 2
    with EmbeddingCache(path, 8) as cache:
        cache.put(odd, Measured("no_face"))
    with EmbeddingCache(path, 8) as cache:
        assert cache.get(odd).state == "no_face"


def test_a_record_cut_short_is_dropped_and_the_file_goes_on(path):
    fill(path, "a", "b", "c")
    path.write_bytes(path.read_bytes()[:-5])
    with EmbeddingCache(path, 8) as cache:
        assert len(cache) == 2
        cache.put(digest("d"), Measured("unreadable"))
    with EmbeddingCache(path, 8) as cache:
        assert len(cache) == 3
        assert cache.get(digest("d")).state == "unreadable"


def test_a_damaged_record_ends_what_is_believed(path):
    fill(path, "a", "b", "c")
    data = bytearray(path.read_bytes())
    data[HEADER + (len(data) - HEADER) // 3 + 70] ^= 1
    path.write_bytes(data)
    with EmbeddingCache(path, 8) as cache:
        assert len(cache) == 1


@pytest.mark.parametrize(
    "content", [b"", b"something else entirely" * 10, b"identity embeddings 1 9\n".ljust(64, b"\0")]
)
def test_another_file_is_started_anew(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    fill(path, "a")
    with EmbeddingCache(path, 8) as cache:
        assert len(cache) == 1


def test_a_second_process_reads_but_does_not_write(path):
    fill(path, "a")
    with EmbeddingCache(path, 8) as first, EmbeddingCache(path, 8) as second:
        second.put(digest("b"), Measured("no_face"))
        assert second.get(digest("a")).state == "ok"
        assert second.get(digest("b")).state == "no_face"
        first.put(digest("c"), Measured("no_face"))
    with EmbeddingCache(path, 8) as cache:
        assert cache.get(digest("b")) is None
        assert cache.get(digest("c")).state == "no_face"
