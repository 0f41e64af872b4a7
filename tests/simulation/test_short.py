"""The simulation in short, with fixed seeds: part of every test run."""

from dataclasses import replace
from functools import cache

import pytest

from tests.simulation.bugs import BUGS, WITHIN
from tests.simulation.rules import STRICT, Broken
from tests.simulation.small import WORLDS, Schedule, play, schedules
from tests.simulation.universe import Plan, live

_UNIVERSES = 3

_SHORT = Plan(1, hours=1, days=0.1)
_FIRST = {
    "lease never respected": 1,
    "saves dropped": 2,
    "save after set": 1,
    "entries not read again": 2,
    "license not read again": 25,
    "results overwritten": 1,
    "idempotency key ignored": 1,
    "mode not carried": 3,
    "waiting not recorded": 3,
    "exclusions ignored": 2,
    "pause ignored": 1,
    "guard not written": 57,
    "history not written": 1,
}
"""The seed at which the search begins: of universes of an hour, the first that finds the fault."""

_QUICK = (
    "saves dropped",
    "save after set",
    "mode not carried",
    "exclusions ignored",
    "history not written",
)
"""One fault of each kind of rule; the others are found by `make large`, and all by `make simulate`."""


@cache
def _broken(plan: Plan) -> tuple[Broken, ...]:
    return tuple(live(plan).broken)


@pytest.mark.parametrize("seed", range(101, 101 + _UNIVERSES))
def test_the_rules_hold_in_a_universe(seed: int) -> None:
    """Everybody acts and everything fails for hours; after a day of quiet all is well."""
    outcome = live(Plan(seed, limits=STRICT))
    assert outcome.broken == []


@pytest.mark.parametrize(
    "world",
    [
        world if world == "mover and person" else pytest.param(world, marks=pytest.mark.large)
        for world in WORLDS
    ],
)
def test_the_rules_hold_wherever_somebody_dies(world: str) -> None:
    """Each crash point of each small world, without delays."""
    _, calls = play(Schedule(world))
    for schedule in schedules(world, 0, calls):
        broken, _ = play(schedule)
        assert broken == [], schedule


def test_the_same_seed_is_the_same_universe() -> None:
    """Two runs of a seed make the same calls at the same times."""
    first, other = Plan(7, hours=1, days=0.1), Plan(8, hours=1, days=0.1)
    assert live(first).digest == live(first).digest != live(other).digest


@pytest.mark.parametrize(
    "bug", [bug if bug in _QUICK else pytest.param(bug, marks=pytest.mark.large) for bug in BUGS]
)
def test_a_fault_that_is_put_back_breaks_a_rule(bug: str) -> None:
    """The simulation keeps its teeth: each fault is found within the stated number of universes.

    That universe holds without the fault, and no stand-in is to blame.
    """
    plans = [replace(_SHORT, seed=_FIRST[bug] + number) for number in range(WITHIN)]
    found = (each for each in plans if _broken(replace(each, bug=bug)) and not _broken(each))
    plan = next(found, None)
    assert plan is not None
    broken = _broken(replace(plan, bug=bug))
    assert [each for each in broken if "TypeError" in each.facts] == []
