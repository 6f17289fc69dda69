"""The log of events: written with them, read in order, and nothing is left out, whoever is how slow."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from recognition.models import LoggedEvent
from recognition.services import events
from recognition.services.events import Follower, log
from recognition.services.identities import erase
from recognition.services.recognition import Asker, identify
from tests.fakes import person_jpeg
from tests.threads import PATIENCE, at_once, in_background

pytestmark = pytest.mark.django_db(transaction=True)


def write(subject: int = 1) -> int:
    return LoggedEvent.objects.create(type="attendance.in", subject=subject, at=timezone.now()).pk


@contextmanager
def being_written(rolled_back: bool = False):
    """An event of another connection that is not committed before the block ends. Gives its number."""
    written, over = threading.Event(), threading.Event()
    number: list[int] = []

    def work() -> None:
        with transaction.atomic():
            number.append(write())
            written.set()
            over.wait(PATIENCE)
            transaction.set_rollback(rolled_back)

    with ThreadPoolExecutor(1) as pool:
        done = in_background(pool, work)
        written.wait(PATIENCE)
        try:
            yield number[0]
        finally:
            over.set()
            done.result(PATIENCE)


def read(follower: Follower) -> list[int]:
    return [event.pk for event in follower.read()]


class TestInOrder:
    def test_one_after_the_other(self):
        follower = Follower(0)
        assert read(follower) == []
        numbers = [write(), write()]
        assert read(follower) == numbers
        assert read(follower) == []
        assert follower.place == numbers[-1]

    def test_it_waits_for_who_began_earlier_and_is_slower(self):
        follower = Follower(write())
        with being_written() as slow:
            quick = write()
            assert read(follower) == read(follower) == []  # however often it looks
            assert follower.place == slow - 1
        assert read(follower) == [slow, quick]

    def test_what_was_rolled_back_holds_up_nobody(self):
        follower = Follower(write())
        with being_written(rolled_back=True):
            next_one = write()
            assert read(follower) == []
        assert read(follower) == [next_one]

    def test_those_who_come_later_do_not_hold_it_up(self):
        """Else a busy site would never go on."""
        follower = Follower(write())
        with being_written(rolled_back=True):
            first = write()
            assert read(follower) == []
        with being_written():
            second = write()
            assert read(follower) == [first]
            assert read(follower) == []
        assert read(follower)[-1] == second

    def test_other_work_does_not_hold_it_up(self):
        """A long transaction that has nothing to do with events, such as the building of an index."""
        began, over = threading.Event(), threading.Event()

        def work() -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("CREATE TABLE a_long_work (n int)")
                began.set()
                over.wait(PATIENCE)
                transaction.set_rollback(True)

        with ThreadPoolExecutor(1) as pool:
            done = in_background(pool, work)
            began.wait(PATIENCE)
            try:
                follower = Follower(0)
                with transaction.atomic():
                    write()
                    transaction.set_rollback(True)  # a gap
                assert read(follower) == []
                last = write()
                assert read(follower) == [last]
            finally:
                over.set()
                done.result(PATIENCE)

    def test_many_writers_of_whom_some_fail(self):
        """Every event that was committed is read once and in order, by several who follow meanwhile."""
        over = threading.Event()

        def writer(seed: int) -> list[int]:
            dice, kept = random.Random(seed), []
            for _ in range(60):
                keep = dice.random() > 0.2
                with transaction.atomic():
                    numbers = [write() for _ in range(dice.randrange(1, 4))]
                    time.sleep(dice.random() * 0.004)
                    if not keep:
                        transaction.set_rollback(True)
                kept += numbers if keep else []
            return kept

        def follow() -> list[int]:
            follower, found = Follower(0), []
            while not over.is_set():
                found += read(follower)
            for _ in range(3):  # a gap at the very end takes one look more
                found += read(follower)
            return found

        with ThreadPoolExecutor(3) as pool:
            readers = [in_background(pool, follow) for _ in range(3)]
            written = at_once(*(lambda seed=seed: writer(seed) for seed in range(4)))
            over.set()
            found = [reader.result(PATIENCE) for reader in readers]
        wanted = sorted(number for numbers in written for number in numbers)
        assert len(wanted) > 200
        assert found == [wanted] * 3

    def test_more_than_are_read_at_once(self, monkeypatch):
        monkeypatch.setattr(log, "AT_ONCE", 3)
        numbers = [write() for _ in range(7)]
        follower = Follower(0)
        assert [read(follower) for _ in range(4)] == [numbers[:3], numbers[3:6], numbers[6:], []]


class TestWhereToBegin:
    def test_from_now_on(self):
        write()
        start = events.last_number()
        follower = Follower(start)
        assert not follower.missed
        number = write()
        assert read(follower) == [number]

    def test_it_waits_for_who_is_writing(self):
        """So that whatever is committed once it has begun is told, though its number may be lower than one seen."""
        with ThreadPoolExecutor(1) as pool:
            with being_written() as slow:
                seen = write()
                answer = in_background(pool, events.last_number)
                time.sleep(0.2)
                assert not answer.done()
            assert answer.result(PATIENCE) == seen > slow

    def test_but_not_for_ever(self):
        with being_written():
            seen = write()
            assert events.last_number(patience=0.05) == seen

    def test_older_than_what_is_kept(self):
        first = write()
        assert not Follower(first - 1).missed
        last = [write() for _ in range(4)][-1]
        LoggedEvent.objects.filter(pk__lt=last).delete()
        follower = Follower(first)
        assert (follower.missed, read(follower)) == (True, [last])

    def test_a_number_from_before_a_backup_was_restored(self):
        last = write()
        follower = Follower(last + 1000)
        assert (follower.missed, read(follower)) == (True, [])
        assert read(follower) == []
        number = write()
        assert read(follower) == [number]

    def test_an_empty_log(self):
        assert events.last_number() == 0
        assert not Follower(0).missed


class TestForgetting:
    def test_a_week(self):
        old, young = write(), write()
        LoggedEvent.objects.filter(pk=old).update(at=timezone.now() - timedelta(days=8))
        assert events.forget_old() == 1
        assert [event.pk for event in LoggedEvent.objects.all()] == [young]

    def test_what_a_clock_that_was_ahead_has_written(self):
        wrong, ahead, last = write(), write(), write()
        LoggedEvent.objects.filter(pk=wrong).update(at=timezone.now() + timedelta(days=400))
        LoggedEvent.objects.filter(pk=ahead).update(at=timezone.now() + timedelta(hours=23))
        assert events.forget_old() == 1
        assert {event.pk for event in LoggedEvent.objects.all()} == {ahead, last}

    def test_never_the_last(self):
        """Its number tells that nothing was missed."""
        number = write()
        LoggedEvent.objects.update(at=timezone.now() - timedelta(days=80))
        assert events.forget_old() == 0
        assert not Follower(number).missed


class TestWithTheEvents:
    def test_in_the_same_transaction(self, enrol):
        enrol(1)
        with transaction.atomic():
            identify(person_jpeg(1, variant=5), asker=Asker())
            transaction.set_rollback(True)
        assert not LoggedEvent.objects.exists()
        identify(person_jpeg(1, variant=5), asker=Asker())
        (event,) = Follower(0).read()
        assert event.type == "person.recognised"
        message = events.message_of(event.type, event.subject, event.at, with_names=False)
        assert message["data"]["person"] == {"external_id": "F1"}

    def test_who_was_erased_is_not_told(self, enrol):
        ann = enrol(1)
        identify(person_jpeg(1, variant=5), asker=Asker())
        (event,) = Follower(0).read()
        told = events.message_of(event.type, event.subject, event.at, with_names=True)
        assert told["data"]["person"]["external_id"] == "F1"
        erase(ann)
        (event,) = Follower(0).read()
        told = events.message_of(event.type, event.subject, event.at, with_names=True)
        assert told is None or told["data"]["person"] is None
