"""Several things at once, each in a thread with a database connection of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection

PATIENCE = 30


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """Start all actions at the same moment; their results in order. Raises what the first of them raised."""
    start = Barrier(len(actions))

    def run(action: Callable[[], Any]) -> Any:
        start.wait(PATIENCE)
        return with_connection(action)

    with ThreadPoolExecutor(len(actions)) as pool:
        return [future.result(PATIENCE) for future in [pool.submit(run, action) for action in actions]]


def in_background(pool: ThreadPoolExecutor, action: Callable[[], Any]) -> Future[Any]:
    return pool.submit(with_connection, action)


def with_connection(action: Callable[[], Any]) -> Any:
    try:
        return action()
    finally:
        connection.close()


def wait_for_a_waiting_lock(patience: float = PATIENCE) -> None:
    """Until some connection to this database waits for a lock."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits for a lock")
