"""`manage.py watch SOURCE`: who is seen by a camera or in a film."""

from __future__ import annotations

import logging
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management.base import CommandParser

from recognition.engine.film import FilmWriter, file_fps, is_live
from recognition.engine.types import Image
from recognition.management.service_command import Failed, ServiceCommand
from recognition.services import cameras
from recognition.services.wording import reason_text

log = logging.getLogger(__name__)

LIVE_FPS = 12.0  # of an annotated film of a live source


class Command(ServiceCommand):
    help = (
        "Watch a webcam (its number), a network camera (rtsp:// or http://) or a film, and say who is seen: one"
        " decision for each track of a face, from its best looks. With --all, the cameras of the admin, until it is"
        " stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("source", nargs="?", metavar="SOURCE")
        parser.add_argument("--all", action="store_true", help="all cameras of the admin; what `up` runs")
        parser.add_argument(
            "--annotated",
            type=Path,
            metavar="FILE",
            help="write the film with boxes and names: .mp4, .webm, .avi",
        )
        parser.add_argument("--seconds", type=float, metavar="S", help="stop after so long")
        parser.add_argument("--fps", type=float, metavar="N", help="at most so many frames a second")
        parser.add_argument("--no-record", action="store_true", help="keep no decisions")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["source"]) == options["all"]:
            raise Failed("invalid_option", "Name a source, or use --all.")
        for name in ("seconds", "fps"):
            if options[name] is not None and not options[name] > 0:
                raise Failed("invalid_option", f"--{name} must be more than 0.")
        self._ends = time.monotonic() + options["seconds"] if options["seconds"] else float("inf")
        self._asked = False
        before = {name: signal.signal(name, self._ask) for name in (signal.SIGINT, signal.SIGTERM)}
        try:
            if options["all"]:
                cameras.watch_all(self._over)
            else:
                self._watch(options)
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)

    def _watch(self, options: dict[str, Any]) -> None:
        source: str = options["source"]
        live = is_live(source)
        seen: list[cameras.Seen] = []
        watcher = cameras.Watcher(
            record=not options["no_record"], on_seen=lambda one: self._note(one, seen, options)
        )
        fps = LIVE_FPS if live else min(options["fps"] or 1e9, file_fps(source))
        writer = FilmWriter(options["annotated"], fps=fps) if options["annotated"] else None
        due = 0.0

        def show(image: Image, labels: list[cameras.Label]) -> None:
            nonlocal due
            if not live and self._over():
                raise _Over
            if writer is not None and (not live or time.monotonic() >= due):
                due = max(due + 1 / fps, time.monotonic() - 1 / fps)
                writer.write(cameras.draw_labels(image, labels))

        started = time.monotonic()
        try:
            if live:
                figures = cameras.watch_live(
                    source,
                    watcher,
                    stop=self._over,
                    fps=options["fps"],
                    on_frame=show,
                    on_pause=self._trouble,
                )
            else:
                figures = cameras.watch_file(source, watcher, fps=options["fps"], on_frame=show)
        except _Over:
            watcher.end()
            return
        finally:
            if writer is not None:
                writer.close()
        self._sum_up(figures, watcher, seen, time.monotonic() - started, options)

    def _note(self, one: cameras.Seen, seen: list[cameras.Seen], options: dict[str, Any]) -> None:
        seen.append(one)
        if options["json"]:
            return
        answer = one.answer
        if answer.identity is not None:
            who = self.style.SUCCESS(f"{answer.identity.name} ({answer.identity.external_id})")
        else:
            who = self.style.WARNING(reason_text(answer.reason))
        score = f"{answer.candidates[0].score:.3f}" if answer.candidates else "–"
        self.stdout.write(f"track {one.track}: {who}, {score}, from {one.looks} looks in {one.seconds:.1f} s")
        self.stdout.flush()

    def _sum_up(
        self,
        figures: cameras.Figures,
        watcher: cameras.Watcher,
        seen: list[cameras.Seen],
        seconds: float,
        options: dict[str, Any],
    ) -> None:
        document = {
            "frames": figures.frames,
            "looked": watcher.looked,
            "missed": figures.missed,
            "seconds": round(seconds, 2),
            "fps": round(figures.frames / seconds, 1) if seconds else 0.0,
            "delay_ms": round(1000 * figures.delay),
            "seen": [
                {
                    "track": one.track,
                    "seconds": one.seconds,
                    "looks": one.looks,
                    "decision": one.answer.decision,
                    "reason": one.answer.reason,
                    "candidates": [candidate.as_dict() for candidate in one.answer.candidates],
                }
                for one in seen
            ],
        }
        if options["json"]:
            self.print_document(document)
            return
        self.stdout.write(
            f"{figures.frames} frames in {seconds:.1f} s ({document['fps']} a second), faces looked for in"
            f" {watcher.looked}, {figures.missed} missed; known {document['delay_ms']} ms after it arrived"
        )

    def _trouble(self, figures: cameras.Figures, trouble: str) -> None:
        if trouble:
            self.stderr.write(self.style.WARNING(trouble))

    def _over(self) -> bool:
        return self._asked or time.monotonic() >= self._ends

    def _ask(self, signum: int, frame: FrameType | None) -> None:
        self._asked = True


class _Over(Exception):
    """The time for a film is over."""
