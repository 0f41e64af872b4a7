"""Table `history` against the real Azurite: one row per change, the newest first, in few requests."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from local.azurite.server import Azurite
from shared.domain.claim import Claim
from shared.domain.decision import Action
from shared.domain.history import DialIn, HistoryEvent, HistoryRecord
from shared.storage.history import HistoryTable
from shared.storage.leftovers import LeftoverTables
from shared.storage.replaced import ReplacedProviderTable
from shared.storage.tables import Tables
from tests.fakes import NOON, guid, in_service, third_party

_NUMBERS = itertools.count(1)
MOMENT = timedelta(milliseconds=1)
FULL = HistoryRecord(
    guid(1),
    HistoryEvent.MOVED,
    NOON,
    "user1@contoso.example",
    "request",
    "run-1",
    "Adele (id-1)",
    "INC1",
    "pilot",
    "the provider is InterCall",
    DialIn("InterCall", "+15550100", "+18000100", "", "******46"),
    DialIn("Microsoft", "+15550199", "", "bridge", "*"),
)


@dataclass
class World:
    """The table as the app has it."""

    tables: Tables
    history: HistoryTable


@pytest.fixture
async def world(azurite_server: Azurite) -> AsyncIterator[World]:
    """A table of this test alone."""
    tables = Tables.open(f"h{next(_NUMBERS)}x", connection=azurite_server.connection_string)
    yield World(tables, HistoryTable(tables.table("history")))
    await tables.close()


def records(number: int, count: int, step: timedelta = MOMENT) -> list[HistoryRecord]:
    """Records of a user, the newest first."""
    plain = HistoryRecord(guid(number), HistoryEvent.MOVED, NOON)
    return [replace(plain, at=NOON + at * step) for at in reversed(range(count))]


async def test_a_record_is_read_as_it_was_written_and_once(world: World) -> None:
    """Told twice, and by another attempt in other words, it stays the first."""
    await world.history.add(FULL)
    await world.history.add(replace(FULL, reason="x", what=HistoryEvent.BRIDGE_CHANGED))
    assert await world.history.page([guid(1)], 10) == ([FULL], None)
    other = replace(FULL, what=HistoryEvent.IDS_READ, before=None, after=None)
    await world.history.add(other)
    found, _ = await world.history.page([guid(1)], 10)
    assert sorted(found, key=lambda each: each.what) == [other, FULL]


async def test_pages_are_in_the_order_of_time_whoever_writes_when(world: World) -> None:
    """The newest first, of two users in one order, and each record on one page."""
    mine, theirs = records(1, 5), records(2, 3, 3 * MOMENT)
    for record in (*mine, *theirs, *records(3, 2)):
        await world.history.add(record)
    wanted = sorted((*mine, *theirs), key=lambda each: each.at, reverse=True)
    read: list[HistoryRecord] = []
    after: str | None = ""
    while after is not None:
        page, after = await world.history.page([guid(1), guid(2)], 3, after)
        assert len(page) <= 3
        read += page
    assert [record.at for record in read] == [record.at for record in wanted]
    assert set(read) == set(wanted)


async def test_a_change_has_one_key_whoever_tells_of_it(world: World) -> None:
    """When a change began is read back to the moment, so that a later attempt names the same change."""
    at = NOON + timedelta(microseconds=123_456)
    replaced = ReplacedProviderTable(world.tables.table("replacedproviders"))
    await replaced.claim(in_service(1, third_party()), Claim("a", at), Action.REPLACE)
    (begun,) = await replaced.begun(guid(1))
    await world.history.add(replace(FULL, at=at))
    await world.history.add(replace(FULL, at=begun.at, reason="later"))
    assert await world.history.page([guid(1)], 10) == ([replace(FULL, at=at)], None)


async def test_a_move_is_found_up_to_a_time(world: World) -> None:
    """Only moves count, and not what came later."""
    await world.history.add(replace(FULL, what=HistoryEvent.HELD, at=NOON - MOMENT))
    await world.history.add(FULL)
    assert not await world.history.has_move_until(guid(1), NOON - MOMENT)
    assert await world.history.has_move_until(guid(1), NOON)
    assert not await world.history.has_move_until(guid(2), NOON)


async def test_what_is_old_is_found_for_the_janitor(world: World) -> None:
    """Of every user, and nothing that is younger."""
    for number in (1, 2):
        for record in records(number, 4):
            await world.history.add(record)
    leftovers = LeftoverTables(world.tables)
    old = [keys async for keys in leftovers.old_history(NOON + 2 * MOMENT)]
    assert [user for user, _ in old] == [guid(1)] * 2 + [guid(2)] * 2
    for keys in old:
        await leftovers.delete_history(keys)
    assert (await world.history.page([guid(1)], 10))[0] == records(1, 4)[:2]
