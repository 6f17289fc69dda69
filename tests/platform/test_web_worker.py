"""Connections are spread over the web processes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from gunicorn.workers.gthread import ThreadWorker

from identity_site import web_worker
from identity_site.web_worker import EvenWorker


@pytest.mark.parametrize(("held", "workers", "waits"), [(0, 2, 0), (3, 2, 3), (900, 2, 16), (900, 1, 0)])
def test_who_holds_connections_leaves_new_ones_to_others(monkeypatch, held, workers, waits):
    waited: list[float] = []
    accepted: list[object] = []
    monkeypatch.setattr(web_worker.time, "sleep", waited.append)
    monkeypatch.setattr(ThreadWorker, "accept", lambda self, listener: accepted.append(listener))
    worker = EvenWorker.__new__(EvenWorker)
    worker.nr_conns, worker.cfg = held, SimpleNamespace(workers=workers)
    worker.accept("a socket")
    assert accepted == ["a socket"]
    assert sum(waited) == pytest.approx(waits * web_worker.MOMENT)
