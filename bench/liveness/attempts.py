"""One attempt, in a process of its own: the people of the demo before the networks of the site."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.liveness.kinds import KINDS, Stage
from bench.liveness.scene import HEIGHT, WIDTH, Subject
from recognition.engine.liveness.plans import draw_plan

DEMO = Path(__file__).resolve().parents[2] / "demo" / "people"
MODELS = DEMO.parents[1] / "models"


def attempt(work: tuple[int, int]) -> dict[str, Any]:
    """work: number of the kind, and seed. Answers state, reason and seconds."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.liveness.settings")
    analyzer, subjects, ground = _cast()
    from bench.liveness import simulation
    from recognition.services.liveness import Watcher

    number, seed = work
    kind = KINDS[number]
    chance = np.random.default_rng([number, seed])
    plan = draw_plan(chance=random.Random(1000 * number + seed))
    subject, other = (subjects[(seed + shift) % len(subjects)] for shift in (0, 7))
    stage = Stage(subject, other, ground, chance, plan, 1000 * number + seed)
    lit = stage.colours() if kind.lit else ()
    out = simulation.run(kind.make(stage), plan, Watcher(analyzer=analyzer), fps=kind.fps, light=lit)
    progress = out.progress
    return {"state": str(progress.state), "reason": progress.reason, "seconds": out.seconds}


_there: list[Any] = []


def _cast() -> Any:
    """The networks, the people of the demo, and a room; made once in each process."""
    if not _there:
        import django

        django.setup()
        from recognition.engine.images import decode
        from recognition.engine.quality import PROBE
        from recognition.services.analysis import Analyzer

        analyzer = Analyzer(MODELS, mirrored=False)
        subjects = []
        for folder in sorted(DEMO.iterdir()):
            photo = decode(next(iter(sorted(folder.glob("*.jpg")))).read_bytes())
            subjects.append(Subject(photo, analyzer.find(photo, PROBE)[0].face.landmarks))
        ground = cv2.GaussianBlur(cv2.resize(subjects[-1].photo, (WIDTH, HEIGHT)), (0, 0), 9)
        _there.extend([analyzer, subjects, ground])
    return _there
