"""What a challenge asks for: movements in random order and number, with random pauses before each."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Step(StrEnum):
    """A movement of the head. Left and right are the person's own."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    CLOSER = "closer"
    BACK = "back"


SIDEWAYS = (Step.LEFT, Step.RIGHT)
NODS = (Step.UP, Step.DOWN)
LENGTHS = (3, 3, 3, 4)
# Seconds of rest before a movement is asked for. Whoever plays a film cannot know when it comes.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 0.9


@dataclass(frozen=True, slots=True)
class Plan:
    """steps: some movements. pauses: seconds of rest before each of them."""

    steps: tuple[Step, ...]
    pauses: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.steps or len(self.steps) != len(self.pauses):
            raise ValueError("A plan has one pause for each step, and at least one step.")

    def as_dict(self) -> dict[str, Any]:
        return {"steps": list(self.steps), "pauses": list(self.pauses)}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Plan:
        """Raises KeyError or ValueError when it is no plan."""
        return cls(tuple(Step(step) for step in found["steps"]), tuple(float(p) for p in found["pauses"]))


def draw_plan(*, former: Sequence[Step] = (), chance: random.Random | None = None) -> Plan:
    """A new plan, never with the steps of the former one.

    The head always turns to a side and looks up once. Paper that is bent around a head can look as if it
    turned or looked down, but not as if it looked up: that shows the nose against the eyes. The same movement
    never comes twice in a row.

    chance: where the random numbers come from; the system's secure source unless a test asks for another.
    """
    chance = chance or random.SystemRandom()
    while True:
        steps = _steps(chance)
        if steps != tuple(former):
            break
    pauses = tuple(round(chance.uniform(SHORTEST_PAUSE, LONGEST_PAUSE), 2) for _ in steps)
    return Plan(steps, pauses)


def _steps(chance: random.Random) -> tuple[Step, ...]:
    while True:
        steps = tuple(chance.choice(list(Step)) for _ in range(chance.choice(LENGTHS)))
        repeated = any(a == b for a, b in itertools.pairwise(steps))
        if not repeated and set(steps) & set(SIDEWAYS) and Step.UP in steps:
            return steps
