"""The simulation in short, with fixed seeds, without the rules of `OFF_TODAY`: part of every test run."""

from dataclasses import replace
from functools import cache

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.rules import OFF_TODAY, STRICT, Broken
from tests.simulation.small import WORLDS, Schedule, play, schedules
from tests.simulation.universe import Plan, live

_UNIVERSES = 10

_FOUND_IN = {
    "lease never respected": Plan(1),
    "saves dropped": Plan(1),
    "save after set": Plan(1),
    "entries not read again": Plan(1),
    "license not read again": Plan(9),
    "results overwritten": Plan(1),
    "idempotency key ignored": Plan(1),
    "mode not carried": Plan(3),
    "waiting not recorded": Plan(2, days=0.5),
    "exclusions ignored": Plan(1),
}
"""A universe in which each fault that is put back breaks a rule. The nightly sweep heals the waiting ones."""


@cache
def _broken(plan: Plan) -> tuple[Broken, ...]:
    return tuple(each for each in live(plan).broken if each.rule not in OFF_TODAY)


@pytest.mark.parametrize("seed", range(101, 101 + _UNIVERSES))
def test_the_rules_hold_in_a_universe(seed: int) -> None:
    """Everybody acts and everything fails for hours; after a day of quiet all is well."""
    outcome = live(Plan(seed, limits=STRICT))
    assert [each for each in outcome.broken if each.rule not in OFF_TODAY] == []


@pytest.mark.parametrize("world", WORLDS)
def test_the_rules_hold_wherever_somebody_dies(world: str) -> None:
    """Each crash point of each small world, without delays."""
    _, calls = play(Schedule(world))
    for schedule in schedules(world, 0, calls):
        broken, _ = play(schedule)
        assert [each for each in broken if each.rule not in OFF_TODAY] == [], schedule


def test_the_same_seed_is_the_same_universe() -> None:
    """Two runs of a seed make the same calls at the same times."""
    assert live(Plan(7)).digest == live(Plan(7)).digest != live(Plan(8)).digest


def test_every_fault_has_a_seed() -> None:
    """No fault is left out below."""
    assert _FOUND_IN.keys() == BUGS.keys()


@pytest.mark.parametrize(("bug", "plan"), _FOUND_IN.items())
def test_a_fault_that_is_put_back_breaks_a_rule(bug: str, plan: Plan) -> None:
    """The simulation keeps its teeth: the same universe holds without the fault; no stand-in is to blame."""
    assert _broken(plan) == ()
    broken = _broken(replace(plan, bug=bug))
    assert broken != ()
    assert [each for each in broken if "TypeError" in each.facts] == []
