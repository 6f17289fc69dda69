"""The kinds of attempts that are measured: genuine people in several circumstances, and attacks by what they use."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.liveness import actors, scene
from bench.liveness.actors import Actor
from bench.liveness.scene import Subject
from recognition.engine.liveness.light import draw_colours
from recognition.engine.liveness.plans import Plan, draw_plan
from recognition.engine.types import Image


@dataclass(frozen=True, slots=True)
class Stage:
    """What an attempt is made of. other: a second person, whom an attacker uses or is."""

    subject: Subject
    other: Subject
    ground: Image
    chance: np.random.Generator
    plan: Plan
    seed: int

    def another_plan(self, *, same_steps: bool = False) -> Plan:
        drawn = draw_plan(former=self.plan.steps, chance=random.Random(self.seed + 1))
        if not same_steps:
            return drawn
        pauses = tuple(self.chance.uniform(0.2, 0.9, len(self.plan.steps)).round(2).tolist())
        return Plan(self.plan.steps, pauses)

    def colours(self) -> tuple[str, ...]:
        return draw_colours(random.Random(int(self.chance.integers(1 << 30))))


@dataclass(frozen=True, slots=True)
class Kind:
    """genuine: whether it should be accepted. fps: frames a second. lit: whether the page shows colours."""

    name: str
    make: Callable[[Stage], Actor]
    genuine: bool = False
    fps: float = 8
    lit: bool = True


def person(stage: Stage, **how: float) -> Actor:
    return actors.Person(stage.subject, stage.ground, stage.chance, **how)


def paper(surface, **how):  # type: ignore[no-untyped-def]
    return lambda s: actors.Print(s.subject, s.ground, s.chance, surface=surface, **how)


KINDS = (
    Kind("person", person, genuine=True),
    Kind("person, 5 frames a second", person, genuine=True, fps=5),
    Kind("person, 15 frames a second", person, genuine=True, fps=15),
    Kind("person, 30 frames a second", person, genuine=True, fps=30, lit=False),
    Kind("person, low light", lambda s: person(s, light=0.45), genuine=True),
    Kind("person, no colours", person, genuine=True, lit=False),
    Kind("person, bright room", lambda s: person(s, glow=0.004), genuine=True),
    Kind("print, still", paper(scene.flat, tilt=0, zoom=False)),
    Kind("print, panned", paper(scene.flat, tilt=0, pan=1.0)),
    Kind("print, brought closer", paper(scene.flat, tilt=0)),
    Kind("print, tilted", paper(scene.flat)),
    Kind("print, tilted far", paper(scene.flat, tilt=1.3)),
    Kind("print, bent upright", paper(scene.bent(1.3), tilt=0.8)),
    Kind("print, bent level", paper(scene.bent(1.5, upright=False), tilt=0.8)),
    Kind(
        "mask of paper with eye holes",
        lambda s: actors.Mask(actors.with_eyes_of(s.subject, s.other), s.ground, s.chance),
    ),
    Kind(
        "screen, the person follows the words",
        lambda s: actors.Relay(s.subject, s.ground, s.chance, pitch=float(s.chance.uniform(0.55, 1.4))),
    ),
    Kind(
        "film of another challenge",
        lambda s: actors.Film(s.subject, s.ground, s.chance, plan=s.another_plan(), colours=s.colours()),
    ),
    Kind(
        "film of the same movements, other colours",
        lambda s: actors.Film(
            s.subject, s.ground, s.chance, plan=s.another_plan(same_steps=True), colours=s.colours()
        ),
    ),
    Kind(
        "film of the same movements, no colours shown",
        lambda s: actors.Film(s.subject, s.ground, s.chance, plan=s.another_plan(same_steps=True)),
        lit=False,
    ),
    Kind(
        "spliced: photo at rest, somebody else moves",
        lambda s: actors.Spliced(s.other, s.ground, s.chance, victim=s.subject),
    ),
    Kind(
        "one frame exchanged",
        lambda s: actors.Spliced(s.other, s.ground, s.chance, victim=s.subject, once=True),
    ),
    Kind(
        "exchanged in gaps between frames",
        lambda s: actors.Stuttering(
            s.subject,
            s.ground,
            s.chance,
            person=actors.Person(s.other, s.ground, s.chance),
            victim=actors.Person(s.subject, s.ground, s.chance),
        ),
    ),
    Kind("one file, sent again and again", lambda s: actors.Injected(s.subject, s.ground, s.chance)),
    Kind("print, tilted, low light", paper(scene.flat, light=0.45)),
)
