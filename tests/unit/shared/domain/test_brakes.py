"""Guard, claims, held users and the pause: the rules alone, whole values."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.bridge_changes import bounded, describe
from shared.domain.claim import Claim
from shared.domain.guard import GuardLimit, Slot, Slots, held_run_id
from shared.domain.held import HeldSelection, HeldUser
from shared.domain.number_rules import NumberRules
from shared.domain.pause import Pause, RequestedBy
from shared.domain.run import Signal
from tests.fakes import NOON, guid

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
LIMIT = GuardLimit(5, 0.5, HOUR, numbers=NumberRules(default="+49"))


@pytest.mark.parametrize(
    ("limit", "licensed", "most", "named"),
    [
        (GuardLimit(500, None, HOUR), None, 500, "ACP_GUARD_MAX_MOVES is 500 per 60 minutes"),
        (LIMIT, 100, 5, "ACP_GUARD_MAX_MOVES is 5 per 60 minutes"),
        (LIMIT, 9, 4, "ACP_GUARD_MAX_SHARE is 0.5 of 9 licensed users per 60 minutes"),
        (LIMIT, None, None, "ACP_GUARD_MAX_SHARE is 0.5 of None licensed users per 60 minutes"),
    ],
)
def test_the_smaller_limit_holds(
    limit: GuardLimit, licensed: int | None, most: int | None, named: str
) -> None:
    """A number, or a share of the licensed; not known before somebody counted them."""
    assert (limit.most(licensed), limit.named(licensed)) == (most, named)


HELD = "it would replace the conference IDs of 6 users; ACP_GUARD_MAX_MOVES is 5 per 60 minutes"
BRIDGES = (
    "2 users on Microsoft would get a new conference ID because rule *=+49 names a number on another "
    "bridge"
)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"replace": 5, "enable": 99, "licensed": 99}, None),
        ({"replace": 6, "licensed": 99}, HELD),
        ({"replace": 4, "change_bridge": 2, "licensed": 99}, HELD),
        (
            {"replace": 4, "change_bridge": 2, "change_bridge_49": 2, "licensed": 99},
            f"{HELD}; {BRIDGES}",
        ),
        (
            {"replace": 1},
            "it would replace the conference IDs of 1 user; ACP_GUARD_MAX_SHARE is 0.5 of 0 licensed "
            "users per 60 minutes",
        ),
    ],
)
def test_a_sweep_that_would_replace_too_many_is_held(
    counts: dict[str, int], reason: str | None
) -> None:
    """Only those who lose a conference ID count; the rules that change a bridge are named."""
    assert LIMIT.holds_sweep(counts) == reason


def test_the_slots_of_a_user_are_tried_in_the_same_order_everywhere() -> None:
    """Each slot once; instances that count differently would let too many through."""

    def order(user: str, most: int) -> list[int]:
        slots, found = Slots(), []
        while (free := slots.free_for(user, most, NOON)) is not None:
            found.append(free[0])
            slots.add(free[0], Slot(f"other {free[0]}", NOON + SECOND))
        return found

    assert [order(guid(user), 6) for user in (1, 3, 7)] == [
        [4, 3, 2, 1, 0, 5],
        [3, 2, 1, 0, 5, 4],
        [3, 4, 5, 0, 1, 2],
    ]
    assert [order(guid(2), most) for most in (7, 1, 0)] == [[3, 0, 4, 1, 5, 2, 6], [0], []]


def test_a_slot_is_free_again_when_its_window_is_over() -> None:
    """Who had it is returned with it; a slot beyond a lowered limit counts for as long as it is taken."""
    slots = Slots()
    old, beyond = Slot("a", NOON), Slot("b", NOON + SECOND)
    slots.add(0, old)
    assert slots.free_for("c", 1, NOON) == (0, old)
    slots.add(4, beyond)
    assert slots.free_for("c", 1, NOON) is None
    assert slots.free_for("c", 1, NOON + SECOND) == (0, old)
    assert slots.free_for("c", 2, NOON - SECOND) is None


def test_a_user_counts_once_and_by_the_newest_slot() -> None:
    """An older slot of the same user, read later, does not make the user forgotten."""
    slots = Slots()
    new, old = Slot("a", NOON + SECOND), Slot("a", NOON)
    slots.add(1, new)
    slots.add(2, old)
    own = [slots.own(user, at) for user, at in (("a", NOON), ("a", new.at), ("b", NOON))]
    assert own == [(1, new), None, None]
    slots.drop(2, old)
    assert slots.own("a", NOON) == (1, new)
    same_time = Slot("a", NOON + SECOND)
    slots.add(3, same_time)
    assert slots.own("a", NOON) == (3, same_time)
    slots.drop(3, same_time)
    assert slots.own("a", NOON) is None
    assert slots.free_for("c", 2, NOON - SECOND), "one slot is left"


def test_a_slot_that_another_user_took_is_the_others() -> None:
    """Who had it does not count any more, and dropping what is gone takes nobody's."""
    slots = Slots()
    first, second = Slot("a", NOON), Slot("b", NOON)
    slots.add(0, first)
    slots.add(0, second)
    before = NOON - SECOND
    assert slots.own("a", before) is None
    slots.drop(0, first)
    assert (slots.own("a", before), slots.own("b", before)) == (None, (0, second))
    assert slots.free_for("c", 1, before) is None


@pytest.mark.parametrize(
    ("at", "window", "began"),
    [
        (NOON + timedelta(minutes=59, seconds=59), HOUR, "20261123T120000Z"),
        (NOON + timedelta(minutes=59), timedelta(minutes=7), "20261123T125800Z"),
    ],
)
def test_the_run_of_a_window_is_named_after_its_beginning(
    at: datetime, window: timedelta, began: str
) -> None:
    """Every instance lists whom it holds in a window on the same run."""
    assert held_run_id(Signal.CATCH_UP, at, window) == f"{began}-catch-up-held"


BT = HeldUser("ID-1", "Ann@x", "BT", Signal.SWEEP, "run", NOON)
PGI = HeldUser("id-2", "bob@x", "PGi", Signal.SWEEP, "run", NOON)
THIRD = HeldUser("id-3", "eve@x", "bt", Signal.SWEEP, "run", NOON)


@pytest.mark.parametrize(
    ("chosen", "users"),
    [
        (HeldSelection(), [BT, PGI, THIRD]),
        (HeldSelection(limit=2), [BT, PGI]),
        (HeldSelection(limit=0), []),
        (HeldSelection(provider="Bt"), [BT, THIRD]),
        (HeldSelection(1, "bt", frozenset({"eve@x", "id-2"})), [THIRD]),
        (HeldSelection(users=frozenset({"id-1", "bob@x"})), [BT, PGI]),
    ],
)
def test_whom_of_the_held_a_person_chooses(chosen: HeldSelection, users: list[HeldUser]) -> None:
    """By number, provider and name; all that is given has to fit."""
    assert list(chosen.of([BT, PGI, THIRD])) == users


@pytest.mark.parametrize(
    ("released", "released_at", "after", "is_over"),
    [
        (True, NOON + HOUR, HOUR, False),
        (True, NOON + HOUR, HOUR + SECOND, True),
        (True, None, SECOND, True),
        (False, NOON, HOUR, False),
    ],
)
def test_a_release_permits_for_seven_days(
    released: bool, released_at: datetime | None, after: timedelta, is_over: bool
) -> None:
    """Since it was given; one of the version before, since the user was held."""
    held = replace(BT, released=released, released_at=released_at)
    assert held.is_out_of_date(NOON + timedelta(days=7) + after) is is_over


def test_names_that_are_not_held_are_told() -> None:
    """By id or address, in whatever case, sorted."""
    chosen = HeldSelection(users=frozenset({"zoe@x", "Id-1", "ANN@x", "carl@x"}))
    assert chosen.strangers([BT, PGI]) == ["carl@x", "zoe@x"]
    assert HeldSelection().strangers([BT]) == []


def test_a_claim_keeps_others_out_for_two_minutes() -> None:
    """Another attempt waits for 120 s, or for none if the claim is of a clock that jumped ahead by that much.

    The claim's own never waits.
    """
    span = timedelta(seconds=120)
    claim = Claim("a", NOON)
    for end in (NOON + span, NOON - span):
        near = end - (end - NOON) / 120
        others = [Claim("b", near), Claim("b", end), Claim("a", NOON)]
        assert [claim.keeps_out(other) for other in others] == [True, False, False]


def test_whoever_shares_the_attempt_or_the_run_may_tell() -> None:
    """Two attempts without a run share nothing."""
    mine, its, alone = Claim("a", NOON, "run"), Claim("b", NOON, "run"), Claim("c", NOON)
    pairs = [(mine, its), (mine, Claim("a", NOON)), (alone, Claim("d", NOON)), (mine, alone)]
    assert [one.is_same(other) for one, other in pairs] == [True, True, False, False]


def test_a_pause_in_words() -> None:
    """With the name for people, without it for the log."""
    pause = Pause("maintenance", RequestedBy("adele", "id"), NOON)
    assert str(pause) == "paused by adele (id) since 2026-11-23 12:00 UTC: maintenance"
    assert pause.reason == "changes are paused since 2026-11-23 12:00 UTC: maintenance"
    assert str(RequestedBy("key 0af7")) == "key 0af7"


def rules(count: int) -> NumberRules:
    """A rule for each of so many groups, each with a number of its own."""
    return NumberRules.parse({guid(number): f"+{number}" for number in range(1, count + 1)})


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, f"1,000 users {{}} because rule {guid(1)}=+1 names a number on another bridge"),
        (2, f"2,000 users {{}} because the rules {guid(1)}=+1, {guid(2)}=+2 name numbers {{on}}"),
        (5, "5,000 users {} because the rules {five} name numbers {on}"),
        (7, "7,000 users {} because the rules {five} and 2 more name numbers {on}"),
    ],
)
def test_the_rules_that_change_bridges_are_named(count: int, text: str) -> None:
    """At most five of them; what no rule names is not counted."""
    counts = {f"change_bridge_{number}": 1000 for number in range(1, count + 1)}
    counts |= {"change_bridge_99": 5}
    five = ", ".join(f"{guid(number)}=+{number}" for number in range(1, 6))
    what = "on Microsoft would get a new conference ID"
    assert describe(counts, rules(7)) == text.format(what, five=five, on="on another bridge")
    assert describe({}, rules(7)) == ""


def test_rules_with_one_number_count_its_users_once() -> None:
    """Two rules may name the same number."""
    both = NumberRules.parse({"DE": "+1", "*": "+1"})
    assert describe({"change_bridge_1": 3}, both).startswith("3 users on Microsoft")


def test_the_fifty_most_frequent_numbers_are_counted_apart() -> None:
    """Every other count stays."""
    counts = {f"change_bridge_{number}": 100 - number for number in range(52)} | {"users": 1}
    kept = [f"change_bridge_{number}" for number in range(50)]
    assert list(bounded(counts)) == [*kept, "users"]
