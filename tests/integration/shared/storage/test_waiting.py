"""Table `waiting` against the real Azurite: one row per user, whoever writes at once."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

import pytest
from azure.data.tables import TableEntity
from azure.data.tables.aio import TableClient, TableServiceClient

from local.azurite.server import Azurite
from shared.domain.decision import Action
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import SettledUser, Waiting, WaitReason, ask_person
from shared.storage.lean_client import LeanTableClient, LeanTableServiceClient
from shared.storage.tables import Table, Tables
from shared.storage.waiting import WaitingTable
from tests.fakes import NOON, FakeClock, guid, settled
from tests.loglines import Lines

_NUMBERS = itertools.count(1)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass
class World:
    """The table as the app has it, and as it is."""

    waiting: WaitingTable
    raw: TableClient
    client: LeanTableClient
    tables: Tables
    clock: FakeClock

    def process(self) -> WaitingTable:
        """The table as another process has it."""
        return WaitingTable(self.tables.table("waiting"), self.clock)

    async def keys(self) -> list[tuple[str, str]]:
        """Partition and row of all that there is."""
        return sorted([(r["PartitionKey"], r["RowKey"]) async for r in self.raw.list_entities()])

    async def listed(self) -> tuple[list[Waiting], list[Waiting]]:
        """Those who wait, and those who need attention."""
        return (
            [row async for row in self.waiting.waiting()],
            [row async for row in self.waiting.attention()],
        )


@pytest.fixture
async def world(azurite_server: Azurite) -> AsyncIterator[World]:
    """A table of this test alone."""
    prefix, connection = f"w{next(_NUMBERS)}x", azurite_server.connection_string
    tables = Tables.open(prefix, connection=connection)
    async with (
        TableServiceClient.from_connection_string(connection) as service,
        LeanTableServiceClient.from_connection_string(connection) as lean,
    ):
        raw = await service.create_table(prefix + "waiting")
        client = cast(LeanTableClient, lean.get_table_client(prefix + "waiting"))
        clock = FakeClock()
        yield World(WaitingTable(tables.table("waiting"), clock), raw, client, tables, clock)
    await tables.close()


def waits(number: int, *, looked_at: timedelta = timedelta(0)) -> Waiting:
    """A user who waits, last looked at some time after noon."""
    return Waiting(
        user_id=f"{number % 16:x}{guid(number)[1:]}",
        cause=WaitReason.SERVICE,
        reason="HTTP 503",
        since=NOON,
        due=NOON + looked_at + MINUTE,
        looked_at=NOON + looked_at,
        attempt=2,
        failures=1,
        upn="adele@contoso.com",
        reprocessed=True,
        operation="0123456789abcdef",
    )


def old_row(number: int, partition: str, **other: Any) -> dict[str, Any]:
    """A row as version 6a26332 wrote it; those who needed attention had no due time."""
    row = {
        "PartitionKey": partition,
        "RowKey": guid(number),
        "upn": "",
        "cause": "failure",
        "reason": "HTTP 403",
        "since": NOON,
        "looked_at": NOON,
        "attempt": 2,
        "failures": 1,
        "reprocessed": False,
        "operation": "",
    }
    return row | ({"due": NOON} if partition == "due" else {}) | other


async def test_each_user_is_on_one_list_whoever_writes_at_once(world: World) -> None:
    """Rule 3: 40 users put onto both lists at the same moment: each is on exactly one of them."""
    pairs = [waits(number) for number in range(40)]
    both = [*pairs, *(replace(row, needs_attention=True, reason="a person") for row in pairs)]
    random.Random(7).shuffle(both)
    gate = asyncio.Semaphore(60)

    async def save(row: Waiting) -> None:
        async with gate:
            await world.waiting.save_waiting(row)

    async with asyncio.TaskGroup() as group:
        for row in both:
            group.create_task(save(row))
    waiting, attention = await world.listed()
    listed = sorted(row.user_id for row in (*waiting, *attention))
    assert listed == sorted(row.user_id for row in pairs)
    assert len(await world.keys()) == 40
    assert all(row in both for row in (*waiting, *attention))


async def test_a_later_look_stays(world: World) -> None:
    """Neither an older row nor an older settlement undoes what a later look wrote."""
    later = replace(waits(1, looked_at=HOUR), needs_attention=True)
    await world.waiting.save_waiting(later)
    await world.waiting.save_waiting(waits(1))
    assert await world.waiting.remove_waiting(settled(later.user_id), NOON + HOUR - MINUTE) is None
    assert await world.waiting.find_waiting(later.user_id) == later
    assert await world.listed() == ([], [later])
    assert await world.waiting.remove_waiting(settled(later.user_id), NOON + HOUR) == later
    assert await world.listed() == ([], [])


async def test_both_lists_come_due_and_are_claimed(world: World) -> None:
    """Who needs attention is due like who waits; a claim keeps either from coming again."""
    rows = [waits(1), replace(waits(2), needs_attention=True), waits(3, looked_at=HOUR)]
    for row in rows:
        await world.waiting.save_waiting(row)
    now = NOON + MINUTE
    assert [user.user_id async for user in world.waiting.due(now)] == [
        row.user_id for row in rows[:2]
    ]
    async for user in world.waiting.due(now):
        assert await world.waiting.claim(user, now + HOUR)
        assert not await world.waiting.claim(user, now + HOUR), "the row is another one by now"
    assert [user.user_id async for user in world.waiting.due(now)] == []
    claimed = [replace(row, due=now + HOUR) for row in rows[:2]]
    assert await world.listed() == ([claimed[0], rows[2]], [claimed[1]])


@pytest.mark.parametrize("partition", ["due", "attention"])
async def test_rows_of_before_are_read_and_move_over(world: World, partition: str) -> None:
    """Upgrade: found, listed, due and claimed where they are; the next look moves or removes them."""
    await world.raw.create_entity(old_row(1, partition))
    await world.raw.create_entity(old_row(2, partition))
    known = Waiting(
        user_id=guid(1),
        cause=WaitReason.FAILURE,
        reason="HTTP 403",
        since=NOON,
        due=NOON,
        looked_at=NOON,
        needs_attention=partition == "attention",
        attempt=2,
        failures=1,
    )
    assert await world.waiting.find_waiting(guid(1)) == known
    both = [known, replace(known, user_id=guid(2))]
    assert await world.listed() == (([], both) if known.needs_attention else (both, []))
    assert [user.user_id async for user in world.waiting.due(NOON)] == [guid(1), guid(2)]
    first = await anext(world.waiting.due(NOON))
    assert await world.waiting.claim(first, NOON + HOUR)
    assert [user.user_id async for user in world.waiting.due(NOON)] == [guid(2)]

    later = replace(known, looked_at=NOON + MINUTE, due=NOON + HOUR, reason="HTTP 500", attempt=3)
    await world.process().save_waiting(later)
    assert await world.keys() == [("0", guid(1)), (partition, guid(2))]
    assert await world.waiting.find_waiting(guid(1)) == later
    assert await world.process().remove_waiting(settled(guid(2)), NOON + MINUTE) == both[1]
    assert await world.keys() == [("0", guid(1))]


async def test_a_row_of_before_that_comes_during_the_update_is_found(world: World) -> None:
    """An instance of the version before still runs: what it writes then comes due, too."""
    assert await world.waiting.find_waiting(guid(1)) is None
    await world.raw.create_entity(old_row(1, "due"))
    assert [user.user_id async for user in world.waiting.due(NOON)] == [guid(1)]
    assert await world.waiting.remove_waiting(settled(guid(1)), NOON) is not None
    assert await world.keys() == []


async def test_rows_of_before_are_looked_for_once_a_minute(world: World) -> None:
    """A rolling update: what an old instance writes is seen by every process, not by the timer's alone."""
    assert await world.waiting.find_waiting(guid(1)) is None
    await world.raw.create_entity(old_row(1, "attention"))
    world.clock.passed += 59
    assert await world.waiting.find_waiting(guid(1)) is None
    world.clock.passed += 1
    known = await world.waiting.find_waiting(guid(1))
    assert known
    await world.waiting.save_waiting(replace(known, looked_at=NOON + MINUTE))
    assert await world.keys() == [("0", guid(1))]


@pytest.mark.parametrize("relisted", [True, False])
async def test_a_row_that_changed_in_between_is_not_told_as_removed(
    world: World, relisted: bool
) -> None:
    """A later attempt listed the user: the row stays. A claim moved it only: it is removed as it is now."""
    row = waits(1)
    later = replace(row, looked_at=NOON + HOUR) if relisted else replace(row, due=NOON + HOUR)

    class Racing(Table):
        async def get(self, partition: str, row_key: str) -> TableEntity | None:
            found = await super().get(partition, row_key)
            if not meanwhile:
                meanwhile.append(row_key)
                if relisted:
                    await world.waiting.save_waiting(later)
                else:
                    keys = {"PartitionKey": partition, "RowKey": row_key}
                    await super().merge({**keys, "due": NOON + HOUR})
            return found

    meanwhile: list[str] = []
    await world.waiting.save_waiting(row)
    racing = WaitingTable(Racing(world.client, "waiting"), world.clock)
    removed = await racing.remove_waiting(settled(row.user_id), NOON)
    assert removed == (None if relisted else later)
    assert await world.listed() == (([later] if relisted else []), [])


async def test_an_older_attempt_does_not_remove_the_row_of_one_before_its_time(
    world: World,
) -> None:
    """Such an attempt leaves `looked_at` as it was; its row stays until a later one settles the user."""
    row = waits(1, looked_at=-HOUR)
    await world.waiting.save_waiting(row)
    assert await world.waiting.remove_waiting(settled(row.user_id), NOON - MINUTE) is None
    assert await world.listed() == ([row], [])
    assert await world.waiting.remove_waiting(settled(row.user_id), NOON) == row


async def test_an_attempt_that_is_late_adds_its_run_to_the_row_of_the_later_one(
    world: World,
) -> None:
    """Its run says `waiting` too, and has to be told in the end; nothing else of the row changes."""
    later = replace(waits(1), looked_at=NOON + HOUR, reason="later", runs=("sweep",))
    await world.waiting.save_waiting(later)
    for runs in ((), ("request",), ("request",)):
        await world.waiting.save_waiting(replace(waits(1), runs=runs))
    assert await world.listed() == ([replace(later, runs=("request", "sweep"))], [])
    await world.waiting.remove_waiting(settled(later.user_id), NOON + HOUR)
    await world.waiting.save_waiting(replace(waits(1), runs=("other",)))
    (told,) = [each async for each in world.waiting.settled()]
    assert (told.runs, await world.listed()) == (("other", "request", "sweep"), ([], []))


async def test_a_row_of_a_later_version_stops_nobody(world: World) -> None:
    """After a rollback: such a row counts as none, is overwritten by the next look, or removed."""
    for number in (1, 2):
        await world.waiting.save_waiting(waits(number))
        await world.raw.update_entity(
            {"PartitionKey": str(number), "RowKey": waits(number).user_id, "cause": "moonlight"}
        )
    assert await world.waiting.find_waiting(waits(1).user_id) is None
    await world.waiting.save_waiting(waits(1))
    assert await world.waiting.remove_waiting(settled(waits(2).user_id), NOON) is None
    assert await world.listed() == ([waits(1)], [])


async def test_a_row_that_cannot_be_read_hides_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Finding 10: a cause of a later version, and a damaged row: passed over, reported, still due."""
    lines = Lines(caplog)
    await world.waiting.save_waiting(waits(1))
    await world.waiting.save_waiting(waits(2))
    await world.raw.upsert_entity(
        {"PartitionKey": "3", "RowKey": f"3{guid(3)[1:]}", "list": "due", "due": NOON}
    )
    await world.raw.update_entity(
        {"PartitionKey": "1", "RowKey": waits(1).user_id, "cause": "moonlight"}
    )
    assert await world.listed() == ([waits(2)], [])
    unreadable = lines.of("row_unreadable")
    assert [each["error"] for each in unreadable] == ["ValueError", "KeyError"]
    assert all(each["table"].endswith("waiting") for each in unreadable)
    assert len([user.user_id async for user in world.waiting.due(NOON + MINUTE)]) == 3


async def test_ask_person_is_kept_whole(world: World) -> None:
    """A row that needs attention comes back as it was written."""
    row = ask_person(guid(1), "adele@contoso.com", "retired", NOON)
    await world.waiting.save_waiting(row)
    assert await world.waiting.find_waiting(guid(1)) == row


async def test_acknowledged_until_another_reason_comes(world: World) -> None:
    """Who knows and since when stands in the row, through retries, until the reason is another one."""
    row = ask_person(guid(1), "a@contoso.example", "refused", NOON)
    await world.waiting.save_waiting(row)
    assert await world.waiting.acknowledge(guid(1), "ada", NOON)
    known = replace(row, acknowledged_by="ada", acknowledged_at=NOON)
    assert await world.waiting.first_in_need(5) == [known]
    again = replace(row, looked_at=NOON + timedelta(hours=1), attempt=2)
    await world.waiting.save_waiting(again)
    kept = replace(again, acknowledged_by="ada", acknowledged_at=NOON)
    assert await world.waiting.first_in_need(5) == [kept]
    other = replace(again, looked_at=NOON + timedelta(hours=2), reason="another")
    await world.waiting.save_waiting(other)
    assert await world.waiting.first_in_need(5) == [other]
    await world.waiting.save_waiting(
        replace(other, reason="refused", looked_at=NOON + timedelta(days=1))
    )
    (found,) = await world.waiting.first_in_need(5)
    assert not found.acknowledged_by


async def test_only_who_needs_attention_is_acknowledged(world: World) -> None:
    """Nobody else's row is written, and no row is made."""
    await world.waiting.save_waiting(
        replace(ask_person(guid(2), "b", "r", NOON), needs_attention=False)
    )
    assert not await world.waiting.acknowledge(guid(2), "ada", NOON)
    assert not await world.waiting.acknowledge(guid(3), "ada", NOON)
    assert await world.waiting.first_in_need(5) == []
    assert await world.waiting.find_waiting(guid(3)) is None


async def test_a_settled_user_is_on_no_list_until_the_runs_were_told(world: World) -> None:
    """Runs are remembered by whoever writes the row; the outcome is kept for all of them."""
    first, second = replace(waits(2), runs=("run-a",)), replace(waits(2), runs=("run-b",))
    await world.waiting.save_waiting(first)
    await world.process().save_waiting(second)
    both = replace(first, runs=("run-a", "run-b"))
    assert await world.waiting.find_waiting(first.user_id) == both
    result = UserResult(
        first.user_id,
        Outcome.BRIDGE_CHANGED,
        "why",
        "adele@contoso.com",
        "",
        decision=Action.CHANGE_BRIDGE,
    )
    assert await world.waiting.remove_waiting(result, NOON) == both
    assert await world.waiting.find_waiting(first.user_id) is None
    assert await world.listed() == ([], [])
    assert [user async for user in world.waiting.due(NOON + HOUR)] == []
    assert await world.waiting.remove_waiting(result, NOON + HOUR) is None
    (told,) = [user async for user in world.waiting.settled()]
    assert told == SettledUser(result, ("run-a", "run-b"), told.revision)
    await world.waiting.forget_settled(replace(told, revision="2 other"))
    assert len(await world.keys()) == 1, "somebody changed it"
    await world.waiting.forget_settled(told)
    assert await world.keys() == []


async def test_a_settled_user_who_waits_again_keeps_the_runs(world: World) -> None:
    """Before they were told: they are told what comes of it in the end."""
    await world.waiting.save_waiting(replace(waits(2), runs=("run-a",)))
    await world.waiting.remove_waiting(settled(waits(2).user_id), NOON)
    again = replace(waits(2, looked_at=HOUR), runs=("run-b",))
    await world.waiting.save_waiting(again)
    assert await world.listed() == ([replace(again, runs=("run-a", "run-b"))], [])
    assert [user async for user in world.waiting.settled()] == []


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
    assert await waiting.counts() == (1, {"help": 1})
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
