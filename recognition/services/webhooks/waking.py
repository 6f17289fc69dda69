"""Asking a worker to send what has just happened, where anybody wants to be told."""

from __future__ import annotations

from recognition.services import queue

_expected = False


def expect(somebody: bool) -> None:
    """Note whether there is a webhook; whoever reads the state of the site anyway says so."""
    global _expected
    _expected = somebody


def wake() -> None:
    """After what was recorded is committed. Costs nothing where there is no webhook."""
    if _expected:
        queue.enqueue_again(queue.DELIVER)
