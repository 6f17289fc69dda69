"""What a challenge asks for."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from recognition.engine.liveness.plans import LONGEST_PAUSE, SHORTEST_PAUSE, SIDEWAYS, Plan, Step, draw_plan

DRAWN = [draw_plan(chance=random.Random(seed)) for seed in range(400)]


def test_each_turns_to_a_side_and_looks_up():
    assert all(set(plan.steps) & set(SIDEWAYS) and Step.UP in plan.steps for plan in DRAWN)


def test_no_movement_comes_twice_in_a_row():
    assert all(a != b for plan in DRAWN for a, b in zip(plan.steps, plan.steps[1:], strict=False))


def test_every_movement_and_both_lengths_occur_in_every_place():
    assert {len(plan.steps) for plan in DRAWN} == {3, 4}
    for place in range(3):
        assert set(Counter(plan.steps[place] for plan in DRAWN)) == set(Step)
    assert len({plan.steps for plan in DRAWN}) > 80


def test_pauses_are_random_within_bounds():
    pauses = [pause for plan in DRAWN for pause in plan.pauses]
    assert min(pauses) >= SHORTEST_PAUSE
    assert max(pauses) <= LONGEST_PAUSE
    assert len(set(pauses)) > 50


def test_the_former_movements_are_never_asked_for_again():
    for seed in range(200):
        former = draw_plan(chance=random.Random(seed)).steps
        assert draw_plan(former=former, chance=random.Random(seed)).steps != former


def test_without_a_source_of_chance_plans_differ():
    assert len({draw_plan().steps for _ in range(50)}) > 10


def test_stored_and_read_again():
    plan = Plan((Step.LEFT, Step.UP), (0.3, 0.5))
    assert Plan.from_dict(plan.as_dict()) == plan


@pytest.mark.parametrize(("steps", "pauses"), [((), ()), ((Step.UP,), ()), ((Step.UP,), (0.1, 0.2))])
def test_no_plan(steps, pauses):
    with pytest.raises(ValueError, match="plan"):
        Plan(steps, pauses)
