"""gunicorn's worker with threads, that leaves new connections to the one that has fewer.

All workers wait on one socket, and whoever is awake takes what comes: of eight kiosks that keep their connections all
may hang on one process while the other idles. A worker that holds connections lets a moment pass first.
"""

from __future__ import annotations

import socket
import time
from types import FrameType

from gunicorn.workers.gthread import ThreadWorker

MOMENT = 0.0005  # seconds for each connection held; another process wakes in less
MOST = 16


class EvenWorker(ThreadWorker):
    def accept(self, listener: socket.socket) -> None:
        """If another was quicker, there is nothing to accept, which gunicorn bears."""
        if self.nr_conns and self.cfg.workers > 1:
            time.sleep(MOMENT * min(self.nr_conns, MOST))
        super().accept(listener)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Streams have no end of their own, and stopping would wait for them."""
        from recognition import streams

        streams.ending.set()
        super().handle_exit(sig, frame)
