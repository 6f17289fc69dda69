"""Faces of a film that belong together."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.engine.tracking import Tracker, iou
from recognition.engine.types import Face

POINTS = np.zeros((5, 2), np.float32)
FRAME = 0.1  # seconds


def face(x: float, y: float = 100, size: float = 50, score: float = 0.9) -> Face:
    return Face((x, y, x + size, y + size), score, POINTS)


def followed(frames: list[list[Face]], tracker: Tracker | None = None) -> list[list[int]]:
    """The numbers of the tracks in each frame, in the order of the faces."""
    tracker = tracker or Tracker()
    numbers = []
    for step, faces in enumerate(frames):
        seen, _ = tracker.update(faces, step * FRAME)
        by_face = {id(track.face): track.number for track in seen}
        numbers.append([by_face.get(id(one), 0) for one in faces])
    return numbers


def test_a_face_that_moves_is_one_track():
    assert followed([[face(10 * step)] for step in range(20)]) == [[1]] * 20


def test_two_faces_that_pass_one_another_keep_their_tracks():
    frames = [[face(20 * step, y=100), face(400 - 20 * step, y=130)] for step in range(21)]
    assert followed(frames) == [[1, 2]] * 21


def test_one_that_is_not_found_for_a_while_goes_on_where_it_was_going():
    there = [[face(12 * step)] for step in range(10)]
    gone = [[] for _ in range(4)]
    back = [[face(12 * step)] for step in range(14, 18)]
    assert followed(there + gone + back)[-1] == [1]


def test_one_that_was_away_too_long_has_ended():
    tracker = Tracker(patience=0.5)
    followed([[face(0)], [face(0)]], tracker)
    _, ended = tracker.update([], 0.4)
    assert ended == []
    _, ended = tracker.update([], 0.7)
    assert [(track.number, track.hits, round(track.age, 3)) for track in ended] == [(1, 2, 0.1)]
    seen, _ = tracker.update([face(0)], 0.8)
    assert [track.number for track in seen] == [2]


def test_a_doubtful_face_continues_a_track_and_begins_none():
    frames = [[face(0)], [face(2, score=0.3)], [face(4)]]
    assert followed(frames) == [[1], [1], [1]]
    assert followed([[face(0, score=0.3)]] * 3) == [[0]] * 3


def test_another_face_far_away_is_another_track():
    assert followed([[face(0)], [face(300)]]) == [[1], [2]]


def test_the_end_of_the_film_ends_all():
    tracker = Tracker()
    followed([[face(0), face(200)]], tracker)
    assert [track.number for track in tracker.end()] == [1, 2]
    assert tracker.tracks == []


def test_time_between_frames_may_vary():
    tracker = Tracker()
    for at in (0.0, 0.05, 0.3, 0.35, 0.7):
        seen, _ = tracker.update([face(100 * at)], at)
        assert [track.number for track in seen] == [1]


def test_a_jump_makes_no_box_fly_away():
    tracker = Tracker()
    tracker.update([face(0)], 0.0)
    tracker.update([face(20)], 0.001)  # two frames at nearly the same time
    tracker.update([], 0.5)
    assert abs(tracker.tracks[0].box[0]) < 3 * 50 * 0.5 + 25


@pytest.mark.parametrize(
    ("second", "wanted"),
    [((0, 0, 10, 10), 1.0), ((5, 0, 15, 10), 1 / 3), ((20, 20, 30, 30), 0.0), ((0, 0, 0, 0), 0.0)],
)
def test_overlap(second, wanted):
    found = iou(np.array([(0.0, 0.0, 10.0, 10.0)]), np.array([second], np.float64))
    assert found[0, 0] == pytest.approx(wanted)
