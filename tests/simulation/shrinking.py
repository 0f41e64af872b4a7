"""Makes a universe that breaks a rule smaller, while it still breaks that rule."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from tests.simulation.universe import Outcome, Plan, live

_FEWEST: Final = 1


def shrink(plan: Plan, rule: str, lived: Callable[[Plan], Outcome] = live) -> Plan:
    """Return the plan without the actors, faults, users and hours that the broken rule does not need."""
    smaller = True
    while smaller:
        smaller = False
        for tried in _smaller(plan):
            if any(broken.rule == rule for broken in lived(tried).broken):
                plan, smaller = tried, True
                break
    return plan


def _smaller(plan: Plan) -> Iterator[Plan]:
    for actor in plan.actors:
        yield replace(plan, actors=tuple(each for each in plan.actors if each != actor))
    for fault in plan.faults:
        yield replace(plan, faults=tuple(each for each in plan.faults if each != fault))
    if plan.users // 2 > _FEWEST:
        yield replace(plan, users=plan.users // 2)
    if plan.hours > 1:
        yield replace(plan, hours=plan.hours / 2)
