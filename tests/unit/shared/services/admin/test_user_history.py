"""A user's history: decisions of people are in it, everybody is found, and what is older is told."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from shared.domain.history import DialIn, HistoryEvent, HistoryRecord
from shared.domain.outcome import Outcome, UserResult
from shared.domain.pause import RequestedBy
from shared.domain.retry import ask_person
from shared.domain.run import Signal
from shared.errors import ConflictError, NoSuchItemError, StorageError
from shared.services.admin.attention import Acknowledger
from shared.services.admin.people import KnownPerson, People
from shared.services.admin.saved_ids import SavedIds
from shared.services.admin.user_history import HistoryPage, UserHistory
from shared.telemetry.log import EventLog
from tests.fakes import (
    NOON,
    FakeClock,
    FakeDirectory,
    FakeHistory,
    FakeReplaced,
    FakeState,
    FakeUsers,
    FakeWaiting,
    guid,
    in_service,
    licensed,
    third_party,
)
from tests.unit.shared.services.admin.test_forget import Data

ADELE = RequestedBy("adele", "id-1", "INC1", "asked")
DAY = timedelta(days=1)
ADDRESS = licensed(1).upn


@dataclass
class World:
    """A reader of histories and what it reads."""

    data: Data = field(default_factory=Data)
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    history: FakeHistory = field(default_factory=FakeHistory)
    users: FakeUsers = field(default_factory=FakeUsers)
    replaced: FakeReplaced = field(default_factory=FakeReplaced)

    def reader(self) -> UserHistory:
        people = People(self.directory, self.data)
        return UserHistory(people, self.history, self.users, self.replaced)

    async def add(self, number: int, *days: int) -> list[HistoryRecord]:
        """Add moves on these days; return them, the newest first."""
        records = [
            HistoryRecord(guid(number), HistoryEvent.MOVED, NOON + day * DAY) for day in days
        ]
        for record in records:
            await self.history.add(record)
        return sorted(records, key=lambda each: each.at, reverse=True)

    async def moved_before(self, number: int, at: datetime) -> HistoryRecord:
        """Let the version before have moved a user; return how that is told."""
        await self.replaced.save_entries(in_service(number, third_party()), at)
        moved = UserResult(guid(number), Outcome.MOVED, "x", old_provider="InterCall")
        await self.users.record_result(moved, Signal.SWEEP, at, "run-1")
        had = DialIn("InterCall", "+15550100", "+18000100", "", "******46")
        return HistoryRecord(
            guid(number),
            HistoryEvent.MOVED,
            at,
            run="run-1",
            reason="recorded before the app kept a history",
            before=had,
            after=DialIn("Microsoft"),
        )


@pytest.mark.parametrize("name", [guid(1), ADDRESS, "old@x"])
@pytest.mark.parametrize("gone", [True, False])
async def test_a_user_is_found_by_any_name_whether_gone_or_not(name: str, gone: bool) -> None:
    """By id, today's address and an earlier one; whoever left has the same history."""
    world = World(Data({"old@x": {guid(1)}, ADDRESS: {guid(1)}}))
    if not gone:
        world.directory.add(licensed(1))
    records = await world.add(1, 1, 3, 2)
    person = KnownPerson(guid(1), None if gone else licensed(1))
    assert await world.reader().read(name, 10) == HistoryPage(person, records)


async def test_who_had_the_address_earlier_is_shown_on_request() -> None:
    """A rehire has a new id: the history of the old one is added, in the order of time, page by page."""
    world = World(Data({ADDRESS: {guid(7)}}))
    world.directory.add(licensed(1))
    new, old = await world.add(1, 2, 4), await world.add(7, 1, 3)
    person = KnownPerson(guid(1), licensed(1))
    assert await world.reader().read(ADDRESS, 10) == HistoryPage(person, new)
    first = await world.reader().read(ADDRESS, 3, earlier=True)
    assert (first.records, bool(first.more)) == ([new[0], old[0], new[1]], True)
    rest = await world.reader().read(ADDRESS, 3, first.more or "", earlier=True)
    assert rest == HistoryPage(person, [old[1]])


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_a_move_of_the_version_before_is_told_last(limit: int) -> None:
    """It kept no history: table `users` has its last move, and the saved entries what was replaced."""
    world = World()
    world.directory.add(licensed(1))
    old = await world.moved_before(1, NOON)
    newer = await world.add(1, 1, 2)
    read: list[HistoryRecord] = []
    after: str | None = ""
    while after is not None:
        page = await world.reader().read(guid(1), limit, after)
        assert len(page.records) <= limit
        read += page.records
        after = page.more
    assert read == [*newer, old]


async def test_a_move_that_is_in_the_history_is_not_told_twice() -> None:
    """Table `users` says when it was recorded, the history when it began."""
    world = World()
    world.directory.add(licensed(1))
    await world.moved_before(1, NOON + timedelta(minutes=5))
    records = await world.add(1, 0)
    assert (await world.reader().read(guid(1), 10)).records == records


async def test_a_user_of_whom_nothing_is_known_is_an_error() -> None:
    """An id or a name that neither directory nor table knows; whoever is in a table is somebody."""
    world = World(Data({"two@x": {guid(1), guid(2)}}))
    for name in (guid(1), "no@x"):
        with pytest.raises(
            NoSuchItemError, match=f"user '{name}': neither the directory nor a table"
        ):
            await world.reader().read(name, 10)
    with pytest.raises(ConflictError, match="several users had this address"):
        await world.reader().read("two@x", 10)
    await world.replaced.save_entries(in_service(1, third_party()), NOON)
    assert await world.reader().read(guid(1), 10) == HistoryPage(KnownPerson(guid(1)), [])


async def test_reading_conference_ids_is_in_the_history_of_the_user() -> None:
    """Who read them and why; where that cannot be recorded they are not shown."""
    world = World()
    await world.replaced.save_entries(in_service(1, third_party()), NOON)
    reader = SavedIds(
        world.replaced, world.history, FakeState(), FakeClock(), EventLog("acp.history")
    )
    await reader.read(guid(1), ADELE)
    what = HistoryEvent.IDS_READ
    record = HistoryRecord(
        guid(1), what, NOON, ADDRESS, by="adele (id-1)", ticket="INC1", note="asked"
    )
    assert world.history.of(guid(1)) == [record]
    world.history.down.add(guid(1))
    with pytest.raises(StorageError):
        await reader.read(guid(1), ADELE)


async def test_an_acknowledgment_is_in_the_history_with_what_it_is_of() -> None:
    """Whoever needs no attention is neither acknowledged nor recorded."""
    waiting, history = FakeWaiting(), FakeHistory()
    await waiting.save_waiting(ask_person(guid(1), ADDRESS, "HTTP 403", NOON))
    acknowledger = Acknowledger(waiting, history, FakeClock())
    assert await acknowledger.acknowledge([guid(1), guid(2)], ADELE) == 1
    what, by, why = HistoryEvent.ACKNOWLEDGED, "adele (id-1)", ("INC1", "asked", "HTTP 403")
    record = HistoryRecord(guid(1), what, NOON, ADDRESS, "", "", by, *why)
    assert list(history.records.values()) == [record]
    assert waiting.rows[guid(1)].acknowledged_by == by
