"""Side effects of a dry run, and users whom a rule takes to another bridge."""

import pytest

from shared.domain.bridge_changes import bounded, count_name, describe
from shared.domain.decision import Action
from shared.domain.listing import TenantSwitches
from shared.domain.number_rules import NumberRules
from shared.domain.outcome import Outcome, UserResult
from shared.domain.side_effects import SideEffects
from tests.fakes import guid

RESULTS = [
    UserResult(guid(number), Outcome.WOULD_MOVE, "why", decision=action)
    for number, action in enumerate([*Action, Action.CHANGE_BRIDGE, None])
]


@pytest.mark.parametrize(
    ("mails", "meetings", "asked", "expected"),
    [
        (False, False, False, (3, 4, 0, 0)),
        (True, False, False, (3, 4, 5, 0)),
        (False, True, False, (3, 4, 0, 5)),
        (False, False, True, (3, 4, 5, 0)),
    ],
)
def test_each_side_effect_is_counted(
    mails: bool, meetings: bool, asked: bool, expected: tuple[int, ...]
) -> None:
    """Rule 11: mails and meetings by the tenant's switches or the request; IDs and numbers by decision."""
    switches = TenantSwitches(False, mails, meetings)
    assert SideEffects.of(RESULTS, switches, send_email=asked) == SideEffects(switches, *expected)


def test_side_effects_in_words() -> None:
    """One line for each that happens, none for the others."""
    switches = TenantSwitches(False, True, True)
    assert list(SideEffects.of(RESULTS, switches, send_email=False).lines()) == [
        "3 users would get a new conference ID instead of the one they have",
        "4 users would get other numbers than they have",
        "5 users would be mailed their numbers and PIN",
        "all future meetings of 5 users would be sent again to everybody invited",
    ]
    assert list(SideEffects.of([], switches, send_email=True).lines()) == []


def test_many_numbers_stay_one_row() -> None:
    """A run is one row of at most 252 properties: the 50 most frequent numbers, and all other counts."""
    many = {count_name(f"+1425555{number:04d}"): number for number in range(60)}
    kept = bounded({"users": 7, **many})
    assert kept == {"users": 7, **{name: count for name, count in many.items() if count >= 10}}


def test_rules_that_change_no_bridge_are_not_named() -> None:
    """Nothing to say without such users; with many rules the first five and how many more."""
    rules = NumberRules.parse(
        {f"{letter}A": f"+1425555000{n}" for n, letter in enumerate("BCDEFGH")}
    )
    assert describe({"change_bridge": 3}, rules) == ""
    said = describe({count_name(number): 1 for _, number in rules.written()}, rules)
    assert said.startswith(
        "7 users on Microsoft would get a new conference ID because the rules BA="
    )
    assert "FA=+14255550004 and 2 more name numbers on another bridge" in said
