"""Whom the demo licenses, and what it keeps away from the app."""

from cli.demo.wave import choose
from shared.domain.user import MICROSOFT
from tests.unit.cli.demo.people import person


def test_most_of_those_without_a_license_get_one() -> None:
    """Three of five, with and without a third party alike."""
    without = [person(number, licensed=False, plan_status=None) for number in range(5)]
    third = [person(number, "BT", licensed=False, plan_status=None) for number in range(10, 15)]
    chosen = choose([*without, *third])
    assert sum(user in chosen for user in without) == 3
    assert sum(user in chosen for user in third) == 3


def test_nobody_else_gets_a_license() -> None:
    """Not the licensed, not the excluded, not those whose license is suspended."""
    users = [
        person(1, "BT"),
        person(2, MICROSOFT),
        person(3, "BT", licensed=False, plan_status=None, included=False),
        person(4, "BT", licensed=False, plan_status="Suspended"),
    ] * 5
    assert choose(users) == []
