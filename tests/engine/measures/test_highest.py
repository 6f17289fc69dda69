"""The highest scores of many blocks are those that sorting all of them gives."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.engine.measures.highest import Highest


@pytest.mark.parametrize("most", [0, 1, 7, 60, 10_000])
@pytest.mark.parametrize("digits", [1, 6])
def test_blocks_together_give_what_sorting_gives(most: int, digits: int) -> None:
    random = np.random.default_rng(most)
    scores = random.normal(size=(90, 20)).round(digits).astype(np.float32)
    people = random.integers(0, 20, 90)
    scores[np.arange(90), people] = -np.inf
    kept = Highest(most)
    for start in range(0, 90, 25):
        kept.add(scores[start : start + 25], people[start : start + 25])
    wanted = np.sort(scores[np.isfinite(scores)])[::-1][:most]
    np.testing.assert_array_equal(np.sort(kept.scores)[::-1], wanted)
    assert len(kept.probe) == len(kept.other) == len(wanted)
    met = {
        (int(person), other): set(scores[people == person, other]) for person in people for other in range(20)
    }
    for score, probe, other in zip(kept.scores, kept.probe, kept.other, strict=True):
        assert score in met[int(probe), int(other)]
