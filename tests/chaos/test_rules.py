"""The storm's judge can be trusted: evidence made by hand, and the rule that it breaks."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.chaos.administrator import History
from tests.chaos.plan import Blow, Deed, draw
from tests.chaos.rules import Verdict, at_rest_broken, saved_broken, untouched_broken
from tests.chaos.truth import Life, Record, lives
from tests.e2e.tenant import User

Entry = dict[str, Any]
Span = tuple[float, float | None]

AT = datetime(2026, 11, 23, 10, tzinfo=UTC).timestamp()


def entry(name: str = "InterCall", code: str = "1234567") -> Entry:
    """A provider entry."""
    return {"name": name, "participantPassCode": code, "tollFreeNumber": None, "default": True}


def user(**fields: Any) -> User:
    """A licensed user on a third party."""
    entries = fields.pop("original_entries", [entry()])
    known = {"id": "u", "kind": "third_party", "licensed": True, "included": True}
    return {**known, "provider": "Microsoft", "original_entries": entries, **fields}


def life_of(*actions: str, history: History | None = None, **fields: Any) -> Life:
    """The life of a user to whom these changes happened, one a minute."""
    changes = [
        {"user": "u", "at": f"2026-11-23T10:{minute:02d}:00Z", "action": action}
        for minute, action in enumerate(actions)
    ]
    return lives([user(**fields)], changes, history or History())["u"]


def broken(life: Life, *records: Record) -> set[str]:
    """The rules that these records break."""
    return {rule for rule, _ in saved_broken(life, records)}


def test_a_replacement_with_its_record_is_right() -> None:
    """The record has all the entries and was there before."""
    assert broken(life_of("replaced"), Record([entry()], AT - 1)) == set()


@pytest.mark.parametrize(
    "records",
    [
        [],
        [Record([entry(code="")], AT - 1)],
        [Record([entry(), entry("BT")], AT - 1)],
        [Record([entry()], AT + 5)],
    ],
    ids=["none", "without its passcode", "of other entries", "made afterwards"],
)
def test_a_replacement_without_its_record_is_found(records: list[Record]) -> None:
    """A record that is missing, incomplete, not true, or too late."""
    assert "saved entries" in broken(life_of("replaced"), *records)


def test_two_records_of_the_same_entries_are_found() -> None:
    """One record for each replaced provider."""
    twice = [Record([entry()], AT - 1)] * 2
    assert broken(life_of("replaced"), *twice) == {"one record each"}


def test_what_was_set_by_hand_has_to_be_saved_too() -> None:
    """Each set of entries that was replaced needs its own record."""
    by_hand = entry("BT", "7654321")
    history = History(by_hand={"u": [[by_hand]]})
    life = life_of("replaced", "set_by_hand", "replaced", history=history)
    first, second = Record([entry()], AT - 1), Record([by_hand], AT + 60)
    assert broken(life, first, second) == set()
    assert broken(life, first) == {"saved entries"}


def test_enabling_a_user_without_entries_needs_no_record() -> None:
    """There is nothing to save."""
    assert broken(life_of("enabled", original_entries=[])) == set()


@pytest.mark.parametrize(
    ("kind", "spans", "excluded", "rules"),
    [
        ("third_party", [(0.0, None)], False, set()),
        ("third_party", [(0.0, AT - 9)], False, {"unlicensed"}),
        ("third_party", [(0.0, AT - 9), (AT - 3, None)], False, set()),
        ("unlicensed", [(AT + 9, None)], False, {"unlicensed"}),
        ("unlicensed", [], False, {"unlicensed"}),
        ("room", [(0.0, None)], False, {"excluded"}),
        ("third_party", [(0.0, None)], True, {"excluded"}),
    ],
)
def test_a_change_of_somebody_who_must_not_be_changed_is_found(
    kind: str, spans: list[Span], excluded: bool, rules: set[str]
) -> None:
    """Without a license at that moment, or excluded by kind or by the setting."""
    life = life_of("replaced")
    found = untouched_broken(user(kind=kind), life, spans, excluded)
    assert {rule for rule, _ in found} == rules


@pytest.mark.parametrize(
    ("row", "lost"),
    [
        (None, True),
        ({"PartitionKey": "due", "reason": "x"}, True),
        ({"PartitionKey": "attention", "reason": ""}, True),
        ({"PartitionKey": "attention", "reason": "x"}, False),
    ],
)
def test_who_is_neither_moved_nor_told_of_is_found(row: dict[str, Any] | None, lost: bool) -> None:
    """Only the attention list, with a reason, counts for somebody who is not on Microsoft."""
    found = list(at_rest_broken(user(provider="InterCall"), row, Verdict(), excluded=False))
    assert bool(found) is lost


def test_the_same_seed_gives_the_same_plan() -> None:
    """A plan follows from its seed and the users; a short one has every blow."""
    kinds = ("unlicensed", "third_party", "microsoft", "room")
    users = [user(id=f"{number:08x}", kind=kinds[number % 4]) for number in range(80)]
    plan = draw(5, users, minutes=0.4, hosts=2)
    assert plan == draw(5, users, minutes=0.4, hosts=2)
    assert plan != draw(6, users, minutes=0.4, hosts=2)
    assert {each.blow for each in plan.rounds} == set(Blow)
    assert {step.deed for step in plan.steps} == set(Deed)
