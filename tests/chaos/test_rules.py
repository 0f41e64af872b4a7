"""The storm's judge can be trusted: evidence made by hand, and the rule that it breaks."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.chaos.administrator import History
from tests.chaos.callers import Requested, requested_broken
from tests.chaos.plan import Blow, Deed, Plan, draw
from tests.chaos.rules import (
    Verdict,
    at_rest_broken,
    mailed_broken,
    quiet_broken,
    saved_broken,
    untouched_broken,
)
from tests.chaos.truth import Life, Record, lives
from tests.chaos.weather import lengthen
from tests.e2e.tenant import MICROSOFT, User

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


def test_what_the_service_made_may_be_saved_as_well() -> None:
    """Microsoft's entry of a user whom the app changed; of another one nothing says that it is true."""
    made = Record([entry(MICROSOFT, "377857036")], AT + 1)
    assert broken(life_of("replaced"), Record([entry()], AT - 1), made) == set()
    assert broken(life_of(), made) == {"saved entries"}


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


@pytest.mark.parametrize(("window", "rules"), [(61, set()), (60, {"saved entries"})])
def test_what_was_set_just_before_may_be_lost(window: float, rules: set[str]) -> None:
    """Within the window, and not a second longer."""
    history = History(by_hand={"u": [[entry("BT", "7654321")]]})
    life = life_of("replaced", "set_by_hand", "replaced", history=history)
    found = saved_broken(life, [Record([entry()], AT - 1)], window)
    assert {rule for rule, _ in found} == rules


@pytest.mark.parametrize(("mails", "rules"), [(2, set()), (3, {"one mail each"})])
def test_a_mail_without_a_change_is_found(mails: int, rules: set[str]) -> None:
    """Each change may bring one, that of licensing as well; a set by hand brings none."""
    history = History(by_hand={"u": [[entry()]]})
    life = life_of("replaced", "set_by_hand", "replaced_automatically", history=history)
    assert {rule for rule, _ in mailed_broken(user(mails=mails), life)} == rules


@pytest.mark.parametrize(
    ("start", "end", "rules"),
    [(AT - 9, AT + 9, {"quiet"}), (AT, AT + 9, set()), (AT - 9, AT, set())],
)
def test_a_change_in_quiet_is_found(start: float, end: float, rules: set[str]) -> None:
    """In mode `report`, or during a pause."""
    found = quiet_broken(life_of("replaced"), [("paused", start, end)])
    assert {rule for rule, _ in found} == rules


@pytest.mark.parametrize(
    ("told", "results", "state", "rules"),
    [
        (("r", "r"), ["a", "b"], "finished", set()),
        (("r", "s"), ["a", "b"], "finished", {"one run per key"}),
        (("r", ""), ["a", "b"], "finished", {"one run per key"}),
        (("r", "r"), ["a"], "running", {"one result each", "requests end"}),
        (("r", "r"), ["a", "b", "c"], "finished", {"one result each"}),
    ],
)
def test_a_request_that_was_not_carried_out_once_is_found(
    told: tuple[str, str], results: list[str], state: str, rules: set[str]
) -> None:
    """One run for both callers, which ended, with a result of everybody named and of nobody else."""
    requested = [Requested("key", frozenset({"a", "b"}), told)]
    rows = [{"PartitionKey": "r", "RowKey": each} for each in results]
    found = requested_broken(requested, [{"RowKey": "r", "state": state}], rows)
    assert {rule for rule, _ in found} == rules


def plan_of(seed: int) -> tuple[Plan, list[User]]:
    """A short plan, and its users."""
    kinds = ("unlicensed", "third_party", "microsoft", "room")
    users = [user(id=f"{number:08x}", kind=kinds[number % 4]) for number in range(80)]
    return draw(seed, users, minutes=0.4, hosts=2), users


def test_long_weather_has_every_spell_and_three_seeds_differ() -> None:
    """The short plan's rounds are all there; what is struck changes with the seed."""
    spells = []
    for seed in (1, 2, 3):
        plan, users = plan_of(seed)
        long = lengthen(plan, users)
        assert long == lengthen(*plan_of(seed))
        assert [each.blow for each in long.rounds if each.blow] == [
            each.blow for each in plan.rounds
        ]
        assert sum(each.seconds for each in long.rounds if each.spell) == 480
        spells.append({each.spell.name for each in long.rounds if each.spell})
        assert sum(bool(each.named) for each in long.rounds) == 2
    assert {len(each) for each in spells} == {7}
    assert set.intersection(*spells) == {"throttled teams", "mode report", "paused"}
    assert len(set.union(*spells)) == 3 + 4 * 3


def test_the_same_seed_gives_the_same_plan() -> None:
    """A plan follows from its seed and the users; a short one has every blow."""
    plan, users = plan_of(5)
    assert plan == draw(5, users, minutes=0.4, hosts=2)
    assert plan != draw(6, users, minutes=0.4, hosts=2)
    assert {each.blow for each in plan.rounds} == set(Blow)
    assert {step.deed for step in plan.steps} == set(Deed)
