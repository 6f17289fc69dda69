"""Who stands in front of the camera: people who follow the words, and attackers with paper, films and spliced pictures.

An actor is asked for its picture at a moment, knowing what the page shows then.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from bench.liveness import scene
from bench.liveness.scene import Pose, Subject
from recognition.engine.liveness.plans import Plan, Step
from recognition.engine.types import Image

SHEET = (1.7, 2.2)
TINTS = {
    "red": (1.0, 0.35, 0.35),
    "green": (0.35, 1.0, 0.35),
    "blue": (0.35, 0.35, 1.0),
    "yellow": (1.0, 1.0, 0.3),
    "white": (1.0, 1.0, 1.0),
}


@dataclass
class Actor:
    """Answers the picture at ``time`` seconds. asked: the movement that the page shows. colour: that it shows."""

    subject: Subject
    ground: Image
    chance: np.random.Generator
    light: float = 1.0
    glow: float = 0.06  # of the page's colour on the face

    def frame(self, time: float, asked: Step | None, colour: str = "") -> Image:
        raise NotImplementedError

    def lit(self, picture: Image, colour: str) -> Image:
        """The page's light on whatever is near it."""
        if colour not in TINTS or not self.glow:
            return picture
        weight = _near(self.glow)
        tint = 1 + weight * (np.asarray(TINTS[colour], np.float32) - 0.6)
        return np.asarray(np.clip(picture * tint, 0, 255), np.uint8)

    def taken(self, picture: Image) -> Image:
        noise = 2.0 if self.light > 0.7 else 4.0
        return scene.camera(picture, self.chance, noise=noise, light=self.light)


def _near(glow: float) -> np.ndarray:
    """How strongly the page lights each pixel: the middle of the picture is near, the room far."""
    rows, columns = np.mgrid[0 : scene.HEIGHT, 0 : scene.WIDTH].astype(np.float32)
    far = np.hypot((columns - scene.WIDTH / 2) / 150, (rows - scene.HEIGHT * 0.45) / 190)
    return np.asarray(glow * np.clip(1.6 - far, 0.05, 1)[..., None], np.float32)


@dataclass
class Person(Actor):
    """Follows the words as people do: a moment later, not quite straight, further when nothing happens."""

    surface: Callable[..., np.ndarray] = scene.head
    before: Step | None = None
    change_at: float = -10.0
    came_from: Pose = field(default_factory=Pose)
    delay: float = 0.5
    duration: float = 0.7
    strength: float = 1.0

    def frame(self, time: float, asked: Step | None, colour: str = "") -> Image:
        return self.taken(self.lit(self.seen(self.pose(time, asked)), colour))

    def seen(self, pose: Pose) -> Image:
        return scene.view(self.subject, pose, self.surface, ground=self.ground)

    def pose(self, time: float, asked: Step | None) -> Pose:
        if asked != self.before:
            self.came_from = self._at(time)
            self.before, self.change_at = asked, time
            self.delay = self.chance.uniform(0.25, 0.6)
            self.duration = self.chance.uniform(0.45, 0.9)
            self.strength = self.chance.uniform(0.9, 1.15)
        pose = self._at(time)
        sway = [math.sin(time * f + p) for f, p in ((1.3, 0), (0.9, 1), (1.7, 2), (0.7, 3))]
        return Pose(
            pose.yaw + 0.8 * sway[0],
            pose.pitch + 0.7 * sway[1],
            pose.roll + 0.8 * sway[2],
            pose.x + 0.02 * sway[3],
            pose.y + 0.015 * sway[0],
            pose.near * (1 + 0.006 * sway[1]),
        )

    def _at(self, time: float) -> Pose:
        gone = (time - self.change_at - self.delay) / self.duration
        share = 0.5 - 0.5 * math.cos(math.pi * min(max(gone, 0.0), 1.0))
        impatient = 1 + 0.12 * max(0.0, time - self.change_at - 2.0) if self.before else 1.0
        target = _target(self.before, self.strength * min(impatient, 1.4))
        return _between(self.came_from, target, share)


def _target(step: Step | None, strength: float) -> Pose:
    match step:
        case Step.LEFT:
            return Pose(yaw=25 * strength, pitch=1)
        case Step.RIGHT:
            return Pose(yaw=-25 * strength, pitch=-1)
        case Step.UP:
            return Pose(pitch=28 * strength, yaw=1.5)
        case Step.DOWN:
            return Pose(pitch=-28 * strength, yaw=-1.5)
        case Step.CLOSER:
            return Pose(near=1 + 0.38 * strength, pitch=2)
        case Step.BACK:
            return Pose(near=1 / (1 + 0.32 * strength))
    return Pose()


def _between(a: Pose, b: Pose, share: float) -> Pose:
    names = ("yaw", "pitch", "roll", "x", "y", "near")
    return Pose(*(getattr(a, n) + share * (getattr(b, n) - getattr(a, n)) for n in names))


# --- paper -----------------------------------------------------------------------------------------------------


@dataclass
class Print(Person):
    """A print, held by somebody who does with it what the page asks for."""

    tilt: float = 1.0  # share of the movement that is made by tilting
    pan: float = 0.0  # eye distances sideways for a movement to the side
    zoom: bool = True
    size: tuple[float, float] = SHEET

    def seen(self, pose: Pose) -> Image:
        more = 1.6 * self.tilt
        held = Pose(
            pose.yaw * more,
            pose.pitch * more,
            pose.roll,
            pose.x + self.pan * pose.yaw / 25,
            pose.y - self.pan * pose.pitch / 25,
            pose.near if self.zoom else 1.0,
        )
        return scene.view(
            self.subject, held, self.surface, ground=self.ground, moves_alone=False, size=self.size
        )


@dataclass
class Mask(Person):
    """A print cut out as a mask, bent around the wearer's head, who looks through two holes."""

    surface: Callable[..., np.ndarray] = field(default_factory=lambda: scene.bent(1.3))


def with_eyes_of(subject: Subject, other: Subject) -> Subject:
    """The photograph with the eyes of somebody else, as through holes in a mask."""
    photo = subject.photo.astype(np.float32)
    scale = subject.eyes / other.eyes
    for mine, theirs in zip(subject.landmarks[:2], other.landmarks[:2], strict=True):
        move = np.array([[scale, 0, mine[0] - scale * theirs[0]], [0, scale, mine[1] - scale * theirs[1]]])
        height, width = photo.shape[:2]
        moved = cv2.warpAffine(other.photo, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
        rows, columns = np.mgrid[0:height, 0:width]
        hole = np.hypot((columns - mine[0]) / 1.4, rows - mine[1]) < 0.16 * subject.eyes
        photo[hole] = moved[hole]
    return Subject(photo.astype(np.uint8), subject.landmarks)


# --- films -----------------------------------------------------------------------------------------------------


@dataclass
class Relay(Person):
    """The person on a screen, who sees and follows the words: only the screen gives it away."""

    pitch: float = 0.9

    def frame(self, time: float, asked: Step | None, colour: str = "") -> Image:
        shown = scene.screen(self.seen(self.pose(time, asked)), self.chance, pitch=self.pitch)
        return self.taken(self.lit(shown, colour))


@dataclass
class Film(Actor):
    """A film of the person, made while another challenge ran, played again and again.

    plan, colours: those of that challenge.
    """

    plan: Plan | None = None
    colours: tuple[str, ...] = ()
    colour_seconds: float = 0.5
    person: Person | None = None
    length: float = 0.0
    moments: list[tuple[float, Step | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert self.plan is not None
        self.person = Person(self.subject, self.ground, self.chance, glow=self.glow)
        at = 1.5
        for step, pause in zip(self.plan.steps, self.plan.pauses, strict=True):
            at += pause + 0.3
            self.moments.append((at, step))
            at += self.chance.uniform(1.1, 1.6)
            self.moments.append((at, None))
            at += self.chance.uniform(0.8, 1.2)
        self.length = at

    def frame(self, time: float, asked: Step | None, colour: str = "") -> Image:
        assert self.person is not None
        at = time % self.length
        told = [step for moment, step in self.moments if moment <= at]
        then = self.colours[int(at / self.colour_seconds) % len(self.colours)] if self.colours else ""
        picture = self.person.lit(self.person.seen(self.person.pose(time, told[-1] if told else None)), then)
        return self.taken(picture)  # a film shines; the page's light adds nothing to it


# --- spliced -----------------------------------------------------------------------------------------------------


@dataclass
class Spliced(Person):
    """An attacker who makes the movements, and the person's photograph whenever the head is at rest."""

    victim: Subject | None = None
    once: bool = False  # in a single frame only
    done: bool = False
    frames: int = 0

    def seen(self, pose: Pose) -> Image:
        at_rest = abs(pose.yaw) < 4 and abs(pose.pitch) < 4 and abs(pose.near - 1) < 0.05
        self.frames += 1
        swap = self.victim is not None and at_rest and not (self.once and (self.done or self.frames < 12))
        if swap and self.victim is not None:
            self.done = True
            return scene.view(self.victim, pose, self.surface, ground=self.ground)
        return super().seen(pose)


@dataclass
class Stuttering(Actor):
    """Cuts hidden in gaps: somebody else's movements between pictures of the person, with long holes between both."""

    person: Person | None = None
    victim: Person | None = None
    gap: float = 1.3

    def frame(self, time: float, asked: Step | None, colour: str = "") -> Image:
        assert self.person is not None
        assert self.victim is not None
        return (self.victim if asked is None else self.person).frame(time, asked, colour)


@dataclass
class Injected(Person):
    """One file, sent again and again without a camera."""

    file: Image | None = None

    def frame(self, time: float, asked: Step | None, colour: str = "") -> Image:
        if self.file is None:
            self.file = self.taken(self.seen(Pose()))
        return self.file
