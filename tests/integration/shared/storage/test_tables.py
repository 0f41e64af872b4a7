"""The tables against the real Azurite: what is written is there, once, whatever happens around it."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from local.azurite.server import Azurite
from shared.domain.capabilities import Capabilities, Known
from shared.domain.claim import HELD_FOR, BegunChange, Claim
from shared.domain.decision import Action
from shared.domain.history import Change, DialIn, HistoryEvent
from shared.domain.listing import TenantSwitches
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import Waiting, WaitReason, ask_person
from shared.domain.run import Run, RunState, Signal, SweepPage, SweepRequest, new_run_id
from shared.domain.saved import ReplacedProvider
from shared.domain.subscription import ChangeSubscription, Secret
from shared.domain.user import ProviderEntry, ServiceUser
from shared.errors import (
    BusyError,
    StaleError,
    StorageError,
    TooLargeError,
    UnreadableRowError,
)
from shared.storage.replaced import ReplacedProviderTable
from shared.storage.runs import RunTable
from shared.storage.state import StateTable
from shared.storage.sweep_pages import SweepPageTable
from shared.storage.tables import Tables
from shared.storage.users import UserTable
from shared.storage.waiting import WaitingTable
from tests.fakes import (
    NOON,
    FakeClock,
    conferencing,
    guid,
    in_service,
    microsoft,
    settled,
    third_party,
)

_NUMBERS = itertools.count(1)


@pytest.fixture
async def tables(azurite_server: Azurite) -> AsyncIterator[Tables]:
    """Tables of this test alone."""
    opened = Tables.open(f"t{next(_NUMBERS)}x", connection=azurite_server.connection_string)
    yield opened
    await opened.close()


async def test_saved_entries_come_back_whole(tables: Tables) -> None:
    """Every field of every entry, the passcode too, is read back as it was."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    user = in_service(1, third_party(), third_party("PGi", default=False), microsoft(default=False))
    assert await replaced.save_entries(user, NOON)
    (record,) = await replaced.of(user.id)
    assert record.entries == user.entries
    assert (record.provider, record.saved_at) == ("InterCall", NOON)


async def test_same_entries_leave_one_record_other_entries_another(tables: Tables) -> None:
    """Saving twice, even at once, leaves one record; later entries do not overwrite earlier ones."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    user = in_service(1, third_party())
    news = await asyncio.gather(*(replaced.save_entries(user, NOON) for _ in range(5)))
    assert sorted(news) == [False, False, False, False, True]
    assert await replaced.save_entries(in_service(1, third_party("BT")), NOON + timedelta(days=1))
    assert [record.provider for record in await replaced.of(user.id)] == ["InterCall", "BT"]
    assert len([record async for record in replaced.all()]) == 2


async def test_what_is_saved_is_known_by_its_keys(tables: Tables) -> None:
    """Keys that were read once spare a request for each record; other entries are still saved."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    saved = [in_service(number, third_party()) for number in range(1, 6)]
    for user in saved:
        await replaced.save_entries(user, NOON)
    keys = await replaced.saved_keys()
    for user in saved:
        assert not await replaced.save_entries(user, NOON, keys)
    assert await replaced.save_entries(in_service(1, third_party("BT")), NOON, keys)
    assert await replaced.save_entries(in_service(6, third_party()), NOON, keys)
    assert len([record async for record in replaced.all()]) == 7


async def test_order_and_unknown_fields_make_no_other_entries(tables: Tables) -> None:
    """Finding 19: a listing in another order, or with a field that changes daily, adds no record."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    entries = (third_party(), third_party("PGi", default=False))
    assert await replaced.save_entries(in_service(1, *entries), NOON)
    assert not await replaced.save_entries(in_service(1, *reversed(entries)), NOON)
    for day in range(5):
        odd = [replace(entry, other=f'{{"lastSeen": {day}}}') for entry in entries]
        assert not await replaced.save_entries(in_service(1, *odd), NOON)
    (record,) = await replaced.of(guid(1))
    assert record.entries == entries


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


async def test_a_conferencing_user_comes_back_whole_and_is_told_from_entries(
    tables: Tables,
) -> None:
    """Saved twice: one record, the first; the new state is another one. The version before reads an entry."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    old, new = conferencing(guid(1)), conferencing(guid(1), "+4969120012345", "europe")
    for minute, before in enumerate((old, old, new)):
        await replaced.save_conferencing(before, "a@x.example", NOON + timedelta(minutes=minute))
    assert await replaced.save_entries(in_service(1, third_party()), NOON + timedelta(hours=1))
    conference, later, entries = await replaced.of(guid(1))
    entry = ProviderEntry("Microsoft", "", "+15550199", "", old.conference_id, "", True)
    assert conference == ReplacedProvider(guid(1), "Microsoft", (entry,), NOON, "a@x.example", old)
    assert (later.conferencing, entries.conferencing) == (new, None)
    assert await replaced.begun(guid(1)) == []


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


async def test_a_cancelled_run_has_failed_for_the_version_before(tables: Tables) -> None:
    """It is read here as it was stored, with who and why; what that version writes later wins."""
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    run = Run(
        "20261123T020000Z-sweep-1f2e3d4c",
        Signal.SWEEP,
        RunState.CANCELLED,
        NOON,
        requested_by="adele",
        decided_by="alex",
        ticket="INC7",
        note="wrong list",
    )
    stored = await runs.save_run(run)
    assert await runs.find_run(run.id) == run
    row = await tables.table("runs").get("202611", run.id)
    assert row
    assert row["state"] == "failed"
    old = {name: value for name, value in row.items() if name != "exact_state"}
    await tables.table("runs").replace_if_unchanged({**old, "state": "held"}, stored.revision)
    assert await runs.find_run(run.id) == replace(run, state=RunState.HELD)


async def test_rows_of_a_later_version_hide_no_other(tables: Tables) -> None:
    """After a rollback: an outcome, a state and entries that are not known are passed over, everywhere."""
    users, replaced = (
        UserTable(tables.table("users")),
        ReplacedProviderTable(tables.table("replacedproviders")),
    )
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    run = Run("20261123T120000Z-sweep-1", Signal.SWEEP, RunState.FINISHED, NOON)
    later = "20261123T130000Z-sweep-2"
    await runs.save_run(run)
    await runs.save_run(replace(run, id=later))
    for number in (1, 2):
        result = UserResult(guid(number), Outcome.MOVED, "why", old_provider="BT")
        await users.record_result(result, Signal.SWEEP, NOON)
        await runs.record_results(run.id, [result], NOON)
        await replaced.save_entries(in_service(number, third_party()), NOON)
    strange = {
        "users": {"PartitionKey": "0", "RowKey": guid(1), "outcome": "teleported"},
        "runresults": {"PartitionKey": run.id, "RowKey": guid(1), "outcome": "teleported"},
        "runs": {"PartitionKey": "202611", "RowKey": later, "state": "dreaming"},
    }
    for table, row in strange.items():
        await tables.table(table).merge(row)
    (row,) = [
        row
        async for row in tables.table("replacedproviders").query(
            "PartitionKey eq @user", {"user": guid(1)}
        )
    ]
    await tables.table("replacedproviders").merge({**row, "entries": '[{"name": "x", "new": 1}]'})
    assert [each.user_id async for each in users.all()] == [guid(2)]
    assert [each.user_id async for each in runs.results(run.id)] == [guid(2)]
    assert [each async for each in runs.back_to(NOON.date(), NOON)] == [run]
    assert [each.user_id async for each in replaced.all()] == [guid(2)]
    assert await users.known(guid(1)) is None
    with pytest.raises(UnreadableRowError):
        await runs.find_run(later)
    assert await replaced.of(guid(1)) == []


async def test_entries_too_long_for_the_table_are_refused(tables: Tables) -> None:
    """What the table cannot hold whole is an error, so that nothing is replaced."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    with pytest.raises(TooLargeError, match="too many"):
        await replaced.save_entries(in_service(1, *[third_party()] * 500), NOON)


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


async def test_begun_move_is_known(tables: Tables) -> None:
    """Entries saved for a move tell which provider it replaces and when it began; others do not."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    user = in_service(1, third_party("BT"))
    await replaced.save_entries(user, NOON)
    assert await replaced.begun(user.id) == []
    later = NOON + timedelta(days=1)
    claim = Claim("attempt", later, "run")
    await replaced.claim(user, claim, Action.REPLACE)
    assert await replaced.begun(user.id) == [BegunChange("BT", later, claim)]
    (record,) = await replaced.of(user.id)
    assert record.saved_at == NOON


async def test_who_began_a_change_tells_of_it_whoever_claims_later(tables: Tables) -> None:
    """A run enables a user, another one gives a number, a third one another bridge: each is told apart."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    user, hour = in_service(1, microsoft()), timedelta(hours=1)
    first, second, third = (
        Claim(f"attempt {number}", NOON + number * hour, f"run-{number}") for number in range(3)
    )
    await replaced.claim(in_service(1), first, Action.ENABLE)
    had = DialIn("Microsoft", "+15550199", bridge="bridge")
    await replaced.claim(user, second, Action.SET_NUMBER, had)
    number = BegunChange("Microsoft", second.at, second, had)
    assert await replaced.begun(user.id) == [BegunChange("", NOON, first), number]
    late = Claim("reader", second.at + HELD_FOR)
    with pytest.raises(BusyError):
        await replaced.take_over(user.id, replace(late, at=second.at), number=True)
    await replaced.take_over(user.id, late, number=True)
    await replaced.claim(user, third, Action.CHANGE_BRIDGE)
    number = replace(number, claim=replace(second, by=third.by))
    assert await replaced.begun(user.id) == [BegunChange("Microsoft", third.at, third), number]
    with pytest.raises(BusyError):
        await replaced.claim(user, Claim("attempt 4", third.at), Action.SET_NUMBER)
    await replaced.cancel(user, third.at)
    assert await replaced.begun(user.id) == [number]
    await replaced.take_over(user.id, Claim("reader", third.at), number=True)
    assert [each.number for each in await replaced.begun(user.id)] == [had], "no move again"
    await replaced.cancel(user, third.at, number=True)
    assert await replaced.begun(user.id) == []
    await replaced.claim(user, Claim("attempt 5", third.at + HELD_FOR), Action.SET_NUMBER, had)
    table = tables.table("replacedproviders")
    (row,) = [row async for row in table.query("PartitionKey eq @user", {"user": user.id})]
    await table.merge({**row, "number_before": "["})
    assert await replaced.begun(user.id) == []
    assert await replaced.of(user.id) == []


async def test_a_move_that_did_not_happen_is_not_the_last_one(tables: Tables) -> None:
    """Finding 16: a canceled move is forgotten, its entries stay saved; begun again it counts."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    user, later = in_service(1, third_party("BT")), NOON + timedelta(hours=1)
    await replaced.claim(user, Claim("attempt", NOON), Action.REPLACE)
    await replaced.cancel(user, NOON + timedelta(seconds=1))
    assert await replaced.begun(user.id) == []
    assert [record.entries for record in await replaced.of(user.id)] == [user.entries]
    claim = Claim("another attempt", later)
    await replaced.claim(user, claim, Action.REPLACE)
    assert await replaced.begun(user.id) == [BegunChange("BT", later, claim)]


async def test_one_of_five_attempts_at_once_changes_a_user(tables: Tables) -> None:
    """A claim keeps the others out, with and without entries, until it is given up or too old."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))

    async def claim(user: ServiceUser, by: str, at: datetime) -> str | None:
        try:
            await replaced.claim(user, Claim(by, at), Action.REPLACE)
        except BusyError:
            return None
        return by

    for user in (in_service(1, third_party("BT")), in_service(2)):
        tries = [claim(user, f"attempt {number}", NOON) for number in range(5)]
        (first,) = [by for by in await asyncio.gather(*tries) if by]
        assert await claim(user, first, NOON) == first
        assert await claim(user, "late", NOON + HELD_FOR - timedelta(seconds=1)) is None
        await replaced.cancel(user, NOON)
        assert await claim(user, "second", NOON) == "second"
        assert await claim(user, "third", NOON + HELD_FOR) == "third"
        with pytest.raises(BusyError):
            await replaced.take_over(user.id, Claim("fourth", NOON + HELD_FOR))
        claims = [Claim(f"reader {number}", NOON + 2 * HELD_FOR) for number in range(5)]
        told = await asyncio.gather(
            *(replaced.take_over(user.id, claim) for claim in claims), return_exceptions=True
        )
        assert [type(each) for each in told if each].count(BusyError) == 4
    assert [record.provider async for record in replaced.all()] == ["BT"]


@pytest.mark.parametrize("switches", [None, TenantSwitches(False, True, False)])
async def test_capabilities_are_remembered(tables: Tables, switches: TenantSwitches | None) -> None:
    """What was found comes back whole; what a later version wrote in words of its own is found out again."""
    state = StateTable(tables.table("state"))
    assert await state.capabilities() is None
    found = Capabilities("admin", NOON, Known.NO, set_verb="accepted", switches=switches)
    await state.save_capabilities(found)
    assert await state.capabilities() == found
    row = {"PartitionKey": "state", "RowKey": "capabilities", "value": '{"api": "admin"}'}
    await tables.table("state").replace(row)
    assert await state.capabilities() is None


async def test_what_protects_is_remembered(tables: Tables) -> None:
    """Ids of excluded names, the digests of the settings, and what is wrong with the rules."""
    state = StateTable(tables.table("state"))
    assert (await state.excluded_ids(), await state.rule_faults()) == ({}, [])
    assert await state.protection() is None
    await state.save_excluded_ids({"jürgen@x.example": guid(1)}, {})
    with pytest.raises(StaleError):
        await state.save_excluded_ids({"adele@x.example": guid(2)}, {})
    await state.save_protection({"ACP_MODE": "0123"})
    await state.save_rule_faults(["one", "two"])
    assert await state.excluded_ids() == {"jürgen@x.example": guid(1)}
    assert await state.protection() == {"ACP_MODE": "0123"}
    assert await state.rule_faults() == ["one", "two"]
    await state.save_rule_faults([])
    assert await state.rule_faults() == []


async def test_waiting_list(tables: Tables) -> None:
    """Due users are found, claimed ones are not, and each user is on one list only."""
    waiting = WaitingTable(tables.table("waiting"), FakeClock())
    rows = [
        Waiting(
            guid(n),
            WaitReason.PROVISIONING,
            "why",
            NOON,
            NOON + timedelta(minutes=n),
            NOON,
            attempt=2,
            failures=1,
            upn="upn",
            reprocessed=True,
            operation="0123456789abcdef",
        )
        for n in (1, 2)
    ]
    for row in rows:
        await waiting.save_waiting(row)
    now = NOON + timedelta(minutes=1)
    assert [user.user_id async for user in waiting.due(now)] == [guid(1)]
    assert await waiting.find_waiting(guid(1)) == rows[0]
    assert await waiting.claim(await anext(waiting.due(now)), now + timedelta(minutes=10))
    assert [user.user_id async for user in waiting.due(now)] == []
    await waiting.save_waiting(ask_person(guid(2), "upn", "help", NOON))
    assert [row.user_id async for row in waiting.waiting()] == [guid(1)]
    assert [row.reason async for row in waiting.attention()] == ["help"]
    assert await waiting.remove_waiting(settled(guid(2)), NOON - timedelta(seconds=1)) is None
    assert await waiting.find_waiting(guid(2)) is not None, "a newer look put the user there"
    removed = await waiting.remove_waiting(settled(guid(2)), NOON)
    assert removed == ask_person(guid(2), "upn", "help", NOON)
    assert await waiting.find_waiting(guid(2)) is None


async def test_claiming_a_user_who_left_the_list_does_nothing(tables: Tables) -> None:
    """A claim does not bring back a user who was settled meanwhile."""
    waiting = WaitingTable(tables.table("waiting"), FakeClock())
    await waiting.save_waiting(ask_person(guid(1), "upn", "help", NOON - timedelta(hours=1)))
    due = await anext(waiting.due(NOON))
    await waiting.remove_waiting(settled(guid(1)), NOON)
    assert not await waiting.claim(due, NOON)
    assert await waiting.find_waiting(guid(1)) is None


async def test_runs_of_a_month_and_their_results(tables: Tables) -> None:
    """A run is found by its month with its counts, its users under its id."""
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    run = Run(
        new_run_id(Signal.SWEEP, NOON), Signal.SWEEP, RunState.RUNNING, NOON, next_link="link"
    )
    saved = await runs.save_run(run)
    assert await runs.find_run(run.id) == run
    with pytest.raises(StaleError):
        await runs.save_run(run)
    finished = replace(
        saved,
        state=RunState.FINISHED,
        finished_at=NOON,
        counts={"users": 3},
        page=2,
        progressed_at=NOON,
    )
    await runs.save_run(finished)
    with pytest.raises(StaleError):
        await runs.save_run(replace(saved, page=1))
    assert [item async for item in runs.back_to(NOON.date(), NOON)] == [finished]
    results = [UserResult(guid(n), Outcome.MOVED, "why") for n in range(20)]
    await runs.record_results(run.id, results, NOON)
    await runs.record_results(run.id, results, NOON)
    assert [item async for item in runs.results(run.id)] == results


async def test_subscription_is_remembered(tables: Tables) -> None:
    """The subscription comes back as it was stored, also while it has no id yet."""
    state = StateTable(tables.table("state"))
    assert await state.subscription() is None
    pending = ChangeSubscription((Secret("new"), Secret("old", "id-0", NOON.isoformat())))
    before = None
    for known in (pending, ChangeSubscription((Secret("new", "id-1"),), "id-1", NOON, NOON)):
        await state.save_subscription(known, before)
        assert await state.subscription() == known
        with pytest.raises(StaleError):
            await state.save_subscription(pending, before)
        before = known


async def test_delta_link_and_sweep_are_remembered(tables: Tables) -> None:
    """The delta link, the unfinished sweep and the request for one survive a restart."""
    state = StateTable(tables.table("state"))
    assert (await state.delta_link(), await state.current_sweep()) == (None, None)
    assert await state.sweep_request() is None
    await state.save_delta_link("link", None, NOON)
    await state.save_current_sweep("run", None)
    await state.request_sweep()
    assert (await state.delta_link(), await state.current_sweep()) == ("link", "run")
    assert await state.sweep_request() == SweepRequest()
    served = SweepRequest("run", 2, NOON)
    await state.save_sweep_request(served, SweepRequest())
    assert await state.sweep_request() == served
    await state.save_delta_link("page", "link")
    assert (await state.delta_link(), await state.delta_at()) == ("page", NOON)
    for late in (
        state.save_delta_link("other", "link"),
        state.save_current_sweep("other", None),
        state.save_sweep_request(None, SweepRequest()),
    ):
        with pytest.raises(StaleError):
            await late
    await state.save_current_sweep(None, "run")
    await state.save_sweep_request(None, served)
    assert (await state.current_sweep(), await state.sweep_request()) == (None, None)


async def test_released_sweeps(tables: Tables) -> None:
    """Released sweeps are listed oldest first until they are done."""
    state = StateTable(tables.table("state"))
    for run in ("20261124-b", "20261123-a", "20261123-a"):
        await state.add_released_sweep(run)
    assert await state.released_sweeps() == ["20261123-a", "20261124-b"]
    await state.remove_released_sweep("20261123-a")
    assert await state.released_sweeps() == ["20261124-b"]


async def test_lease_has_one_holder(tables: Tables) -> None:
    """Of many who want a lease at once one gets it; it ends by its time or by its holder."""
    state = StateTable(tables.table("state"))
    span = timedelta(minutes=1)
    names = [str(number) for number in range(8)]
    got = await asyncio.gather(*(state.acquire("x", name, NOON, span) for name in names))
    assert sum(got) == 1
    holder, other = names[got.index(True)], names[got.index(False)]
    assert await state.acquire("x", holder, NOON, span)
    assert not await state.acquire("x", other, NOON + span - timedelta(seconds=1), span)
    await state.release("x", other, NOON)
    assert not await state.acquire("x", other, NOON, span)
    assert not await state.acquire("x", other, NOON + 2 * span, span, renew=True)
    later = NOON + span
    again = await asyncio.gather(*(state.acquire("x", name, later, span) for name in names))
    assert sum(again) == 1
    await state.release("x", names[again.index(True)], later)
    assert await state.acquire("x", other, later, span)


async def test_pages_of_a_sweep(tables: Tables) -> None:
    """Pages come back in order; one that is written again, by whomever, loses no user."""
    pages = SweepPageTable(tables.table("plans"))
    users = [guid(number) for number in range(1000)]
    await pages.save_sweep_page("run", SweepPage(2, users, users[:3]))
    await pages.save_sweep_page("run", SweepPage(1, [], [guid(7)]))
    await pages.save_sweep_page("run", SweepPage(1, users[:1], []))
    await pages.mark_sent("run", 2)
    assert [page async for page in pages.pages("run")] == [
        SweepPage(1, users[:1], [guid(7)]),
        SweepPage(2, users, users[:3], sent=True),
    ]
    await pages.delete("run")
    assert [page async for page in pages.pages("run")] == []


async def test_storage_that_is_gone_is_one_kind_of_error() -> None:
    """Without storage every table says so with our error, naming what was tried, and no key."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    connection = (
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=c2VjcmV0;"
        f"TableEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
    )
    tables = Tables.open("x", connection=connection, timeout=1)
    try:
        with pytest.raises(StorageError, match=r"storage: create in table xstate failed") as caught:
            await StateTable(tables.table("state")).probe()
        assert "c2VjcmV0" not in str(caught.value)
    finally:
        await tables.close()


async def test_runs_are_read_back_from_the_newest(tables: Tables) -> None:
    """Over months, in spans of days that grow, back to a day; from one of them, only what is older."""
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    assert await runs.first_month() is None
    known = []
    for days in (40, 2, 1):
        at = NOON - timedelta(days=days)
        run = Run(new_run_id(Signal.SWEEP, at), Signal.SWEEP, RunState.FINISHED, at)
        known.append(await runs.save_run(run))
    oldest = await runs.first_month()
    assert oldest == date(2026, 10, 1)
    assert [run async for run in runs.back_to(oldest, NOON)] == known[::-1]
    found = [run async for run in runs.back_to(oldest, NOON, known[2].id)]
    assert found == known[1::-1]
    assert [run async for run in runs.back_to(known[1].started_at.date(), NOON)] == known[:0:-1]
    assert await runs.newest(NOON, 2) == known[:0:-1]


@pytest.mark.parametrize(
    ("known", "later", "kept"),
    [
        (Outcome.WAITING, Outcome.FAILED, Outcome.WAITING),
        (Outcome.WAITING, Outcome.UNLICENSED, Outcome.UNLICENSED),
        (Outcome.HELD, Outcome.CANCELLED, Outcome.CANCELLED),
        (Outcome.UNLICENSED, Outcome.EXCLUDED, Outcome.UNLICENSED),
        (Outcome.UNLICENSED, Outcome.WAITING, Outcome.UNLICENSED),
        (Outcome.UNLICENSED, Outcome.MOVED, Outcome.MOVED),
        (Outcome.MOVED, Outcome.UNLICENSED, Outcome.MOVED),
    ],
)
async def test_what_ends_a_wait_counts_whatever_the_clocks_say(
    tables: Tables, known: Outcome, later: Outcome, kept: Outcome
) -> None:
    """Written second, by a clock 20 s behind: it replaces a result that waits, and none that is final."""
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    behind = NOON - timedelta(seconds=20)
    await runs.record_results("run-1", [UserResult(guid(1), known, "first")], NOON, NOON)
    await runs.record_results("run-1", [UserResult(guid(1), later, "second")], NOON, behind)
    assert [each.outcome async for each in runs.results("run-1")] == [kept]
