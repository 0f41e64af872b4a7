"""Table `users` against the real Azurite: what was last known of each user."""

from dataclasses import replace
from datetime import timedelta

from shared.domain.claim import BegunChange
from shared.domain.decision import Action
from shared.domain.history import Change, DialIn, HistoryEvent
from shared.domain.outcome import Outcome, UserResult
from shared.domain.run import Signal
from shared.storage.runs import RunTable
from shared.storage.tables import Tables
from shared.storage.users import UserTable
from tests.fakes import (
    NOON,
    guid,
)


async def test_a_user_nobody_knows_leaves_no_row(tables: Tables) -> None:
    """Finding 19: 4,300 made-up ids in a request leave nothing in `users`; a known user's row is kept up."""
    users = UserTable(tables.table("users"))
    unknown = UserResult(guid(1), Outcome.NOT_FOUND, "the directory does not know the user")
    await users.record_result(unknown, Signal.REQUEST, NOON)
    assert await users.known(guid(1)) is None
    moved = UserResult(guid(1), Outcome.MOVED, "the provider is BT", "a@contoso.example", "BT")
    await users.record_result(moved, Signal.SWEEP, NOON)
    await users.record_result(unknown, Signal.REQUEST, NOON + timedelta(hours=1))
    known = await users.known(guid(1))
    assert known is not None
    assert (known.outcome, known.moved_at) == (Outcome.NOT_FOUND, NOON)


async def test_outcomes_are_read_here_and_by_the_version_before(tables: Tables) -> None:
    """A change of bridge is stored beside the nearest outcome of before; what that writes later wins."""
    users, runs = (
        UserTable(tables.table("users")),
        RunTable(tables.table("runs"), tables.table("runresults")),
    )
    told = {
        Outcome.BRIDGE_CHANGED: "already_microsoft",
        Outcome.WOULD_CHANGE_BRIDGE: "would_move",
        Outcome.CANCELLED: "excluded",
        Outcome.MOVED: "moved",
    }
    for number, (outcome, before) in enumerate(told.items()):
        result = UserResult(guid(number), outcome, "why", decision=Action.CHANGE_BRIDGE)
        await users.record_result(result, Signal.SWEEP, NOON, "run-1")
        await runs.record_results("run-1", [result], NOON)
        for table, partition in (("users", "0"), ("runresults", "run-1")):
            row = await tables.table(table).get(partition, guid(number))
            assert row
            assert row["outcome"] == before
        assert [each async for each in runs.results("run-1")][number] == result
        known = await users.known(guid(number))
        assert known
        assert (known.outcome, known.moved_run, known.bridge_run) == (
            outcome,
            "run-1" if outcome is Outcome.MOVED else None,
            "run-1" if outcome is Outcome.BRIDGE_CHANGED else None,
        )
    known = await users.known(guid(0))
    assert known
    assert known.bridge_changed_at == NOON
    await tables.table("users").merge(
        {"PartitionKey": "0", "RowKey": guid(0), "outcome": "unlicensed"}
    )
    known = await users.known(guid(0))
    assert known
    assert known.outcome is Outcome.UNLICENSED


async def test_date_of_the_move_outlives_later_looks(tables: Tables) -> None:
    """A user who was moved and tried again is still known as moved."""
    users = UserTable(tables.table("users"))
    moved = UserResult(guid(1), Outcome.MOVED, "the provider is BT", "a@contoso.example", "BT")
    await users.record_result(moved, Signal.SWEEP, NOON)
    later = UserResult(guid(1), Outcome.ALREADY_MICROSOFT, "Microsoft is the provider")
    await users.record_result(later, Signal.LICENSE_EVENT, NOON + timedelta(hours=1))
    await users.record_result(
        UserResult("f" + guid(2)[1:], Outcome.UNLICENSED, "x"), Signal.SWEEP, NOON
    )
    known = {user.user_id: user async for user in users.all()}
    assert known[guid(1)].outcome is Outcome.ALREADY_MICROSOFT
    assert known[guid(1)].moved_at == NOON
    assert len(known) == 2
    one = await users.known(guid(1))
    assert one
    assert await users.known(guid(3)) is None
    had, at = DialIn("Microsoft", "+15550199"), NOON + timedelta(hours=1)
    begun = BegunChange("Microsoft", at, None, had)
    assert [one.has_recorded(replace(begun, at=NOON)), one.has_recorded(begun)] == [True, False]
    change = Change(HistoryEvent.NUMBER_CHANGED, at, had)
    await users.record_result(replace(later, change=change), Signal.SWEEP, at)
    one = await users.known(guid(1))
    assert one
    assert one.has_recorded(begun)
    assert not one.has_recorded(replace(begun, number=None)), "a move is another change"


async def test_a_look_elsewhere_outlives_later_looks(tables: Tables) -> None:
    """What began five minutes before the user was found without Microsoft is ruled out from then on."""
    users = UserTable(tables.table("users"))
    waits = UserResult(guid(1), Outcome.WAITING, "changes are paused", provider="InterCall")
    for result, provider in [
        (Outcome.WAITING, "InterCall"),
        (Outcome.ALREADY_MICROSOFT, "Microsoft"),
    ]:
        look = replace(waits, outcome=result, provider=provider)
        await users.record_result(look, Signal.SWEEP, NOON + timedelta(hours=1), began=NOON)
    known = await users.known(guid(1))
    assert known
    begun = BegunChange("InterCall", NOON - timedelta(minutes=5))
    later = replace(begun, at=begun.at + timedelta(seconds=1))
    assert [known.rules_out(begun), known.rules_out(later)] == [True, False]


async def test_an_outcome_of_the_future_is_replaced(tables: Tables) -> None:
    """A clock was a day ahead: the next attempt's outcome is written over it, an older attempt's never."""
    users = UserTable(tables.table("users"))
    ahead, later = NOON + timedelta(days=1), NOON + timedelta(hours=1)
    waiting = UserResult(guid(1), Outcome.WAITING, "not provisioned")
    already = UserResult(guid(1), Outcome.ALREADY_MICROSOFT, "Microsoft is the provider")
    await users.record_result(waiting, Signal.SWEEP, ahead)
    await users.record_result(already, Signal.SWEEP, later)
    await users.record_result(waiting, Signal.SWEEP, later, began=NOON)
    known = await users.known(guid(1))
    assert known
    assert (known.outcome, known.began_at) == (Outcome.ALREADY_MICROSOFT, later)
