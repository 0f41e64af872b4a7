"""A user's history: decisions of people are in it, everybody is found, and what is older is told."""

from dataclasses import dataclass, field, replace
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
    settled,
    third_party,
)
from tests.loglines import Lines
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
        await self.replaced.save_entries(
            in_service(number, replace(third_party(), toll_number="+15550111")), at + DAY
        )
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
        assert (page.person, len(page.records) <= limit) == (
            KnownPerson(guid(1), licensed(1)),
            True,
        )
        read += page.records
        after = page.more
    assert read == [*newer, old]


async def test_a_move_of_a_user_without_a_provider_is_told() -> None:
    """Nothing was saved, so nothing is told of what was replaced."""
    world = World()
    await world.users.record_result(
        UserResult(guid(1), Outcome.MOVED, "x", old_provider=""), Signal.SWEEP, NOON
    )
    (record,) = (await world.reader().read(guid(1), 10)).records
    assert (record.before, record.after) == (DialIn(""), DialIn("Microsoft"))


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
    await world.users.record_result(settled(guid(2)), Signal.SWEEP, NOON)
    for number in (1, 2):
        person = KnownPerson(guid(number))
        assert await world.reader().read(guid(number), 10) == HistoryPage(person, [])


async def test_reading_conference_ids_is_in_the_history_of_the_user(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Who read them and why, logged and recorded; where that cannot be, they are not shown."""
    lines, world, state = Lines(caplog), World(), FakeState()
    await world.replaced.save_entries(in_service(1, third_party()), NOON)
    reader = SavedIds(world.replaced, world.history, state, FakeClock(), EventLog("acp.history"))
    who = EventLog("").who
    for number, upn, count in ((1, ADDRESS, 1), (2, "", 0)):
        records = await reader.read(guid(number), ADELE)
        assert records == await world.replaced.of(guid(number))
        read = HistoryRecord(guid(number), HistoryEvent.IDS_READ, NOON, upn, by="adele (id-1)")
        expected = replace(read, ticket="INC1", note="asked")
        assert world.history.of(guid(number)) == [expected]
        line = {"by": "adele (id-1)", "user": str(who(guid(number))), "records": str(count)}
        assert lines.of("conference_ids_read")[-1] == line
    action = ("read conference IDs", "adele (id-1)", "of one user; INC1: asked", NOON)
    assert state.actions == [action] * 2
    await reader.record(guid(3), ADELE)
    assert world.history.of(guid(3)) == [replace(expected, user_id=guid(3))]
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
    row = waiting.rows[guid(1)]
    assert (row.acknowledged_by, row.acknowledged_at) == (by, NOON)
