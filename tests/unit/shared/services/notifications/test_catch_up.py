"""Delta: the truth about licenses, whatever notifications were lost."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from shared.domain.listing import ChangedUser, ChangePage
from shared.domain.messages import MoveMessage
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import ask_person
from shared.domain.run import Mode, Signal, SweepRequest
from shared.domain.saved import KnownUser
from shared.errors import (
    BusyError,
    ContractError,
    ExpiredError,
    StaleError,
    StorageError,
    UnreadableRowError,
)
from shared.services.notifications.catch_up import SLOT, CatchUp
from shared.services.sweeping.sweep import SLOT as SWEEP_SLOT
from shared.telemetry.log import EventLog
from tests.fakes import (
    NOON,
    FakeClock,
    FakeDirectory,
    FakeQueue,
    FakeState,
    FakeUsers,
    FakeWaiting,
    guid,
)
from tests.loglines import Lines

_HOST_JSON = json.loads((Path(__file__).parents[5] / "host.json").read_text())
HOST_TIMEOUT = timedelta(hours=int(_HOST_JSON["functionTimeout"].partition(":")[0]))


@dataclass
class World:
    """A catch-up with fakes around it."""

    directory: FakeDirectory = field(default_factory=FakeDirectory)
    state: FakeState = field(default_factory=lambda: FakeState(link="stored"))
    queue: FakeQueue = field(default_factory=FakeQueue)
    users: FakeUsers = field(default_factory=FakeUsers)
    waiting: FakeWaiting = field(default_factory=FakeWaiting)
    clock: FakeClock = field(default_factory=FakeClock)

    async def catch_up(self) -> int:
        service = CatchUp(
            directory=self.directory,
            state=self.state,
            queue=self.queue,
            users=self.users,
            waiting=self.waiting,
            mode=Mode.REPORT,
            clock=self.clock,
            log=EventLog("acp.catching_up"),
        )
        return await service.catch_up()

    @property
    def queued(self) -> list[str]:
        return self.queue.users


def changed(
    number: int,
    *,
    removed: bool = False,
    may_be_licensed: bool = False,
    assigned_at: datetime | None = None,
) -> ChangedUser:
    """A user whom the delta query reports."""
    return ChangedUser(guid(number), removed, may_be_licensed, assigned_at)


def page(*users: ChangedUser, delta: str | None = None) -> ChangePage:
    """A page of changes."""
    return ChangePage(users, delta)


async def test_first_time_starts_from_now() -> None:
    """Without a link the newest one is taken; nobody is queued."""
    world = World(state=FakeState())
    assert await world.catch_up() == 0
    assert world.state.link == "latest-1"


async def test_changed_conferencing_plans_are_queued() -> None:
    """Users who may be licensed now are queued, also over empty pages; others are not."""
    world = World()
    world.directory.delta_pages = [
        page(),
        page(changed(1, may_be_licensed=True), changed(2)),
        page(changed(3, may_be_licensed=True), changed(4), delta="new"),
    ]
    assert await world.catch_up() == 2
    assert world.queued == [guid(1), guid(3)]
    assert world.state.link == "new"


async def test_removed_users_who_wait_are_looked_at_and_keep_their_row() -> None:
    """A removal may be old and the user live again: it means only "look", for those who wait."""
    world = World()
    row = ask_person(guid(1), "", "why", NOON)
    await world.waiting.save_waiting(row)
    removed = [changed(number, removed=True) for number in (1, 2)]
    world.directory.delta_pages = [page(*removed, delta="new")]
    assert await world.catch_up() == 1
    assert world.waiting.rows == {guid(1): row}
    assert world.queue.moves == [
        MoveMessage(
            Signal.CATCH_UP, (guid(1),), None, world.queue.moves[0].operation, mode=Mode.REPORT
        )
    ]


async def test_link_is_stored_only_when_the_queue_has_the_users() -> None:
    """When the queue is down the old link stays, and the changes are read again."""
    world = World(queue=FakeQueue(down=True))
    world.directory.delta_pages = [page(changed(1, may_be_licensed=True), delta="new")]
    with pytest.raises(StorageError):
        await world.catch_up()
    assert world.state.link == "stored"


async def test_expired_link_takes_a_new_one_and_requests_a_sweep_before_it_is_stored() -> None:
    """Nothing falls between: a crash before the link is stored leaves a request, which the tick takes up."""

    class Crashing(FakeState):
        async def save_delta_link(self, *link: object) -> None:
            raise StorageError("write in table state", str(link[0]))

    gone = ExpiredError("Graph", "GET /v1.0/users/delta", "HTTP 410")
    world, crashed = World(), World(state=Crashing(link="stored"))
    world.directory.delta_error = crashed.directory.delta_error = gone
    await world.catch_up()
    with pytest.raises(StorageError, match="latest-1"):
        await crashed.catch_up()
    for each, link in ((world, "latest-1"), (crashed, "stored")):
        assert (each.state.link, each.state.wanted) == (link, SweepRequest())


async def test_broken_page_keeps_the_old_link() -> None:
    """A page that breaks Graph's contract ends the run; the old link stays."""
    world = World()
    world.directory.delta_error = ContractError("Graph", "GET /v1.0/users/delta", "field x")
    with pytest.raises(ContractError):
        await world.catch_up()
    assert world.state.link == "stored"


def round_of(*pages: ChangePage) -> list[ChangePage]:
    """Pages that lead to each other, and the last one to the next round."""
    links = [f"page-{number}" for number in range(1, len(pages))]
    return [
        *(replace(each, next_link=link) for each, link in zip(pages[:-1], links, strict=True)),
        replace(pages[-1], delta_link="new"),
    ]


async def test_a_page_that_fails_does_not_repeat_those_before_it() -> None:
    """Finding 7: the place is stored page by page, so a late fault repeats nobody and loses nobody."""
    world = World()
    pages = [page(changed(number, may_be_licensed=True)) for number in range(5)]
    world.directory.delta_pages = round_of(*pages)
    world.directory.delta_error = ContractError("Graph", "GET /v1.0/users/delta", "field x")
    world.directory.delta_fails_at = 3
    for _ in range(2):
        with pytest.raises(ContractError):
            await world.catch_up()
    assert (world.queued, world.state.link) == ([guid(0), guid(1), guid(2)], "page-3")
    assert world.state.link_at is None, "the round has not come to its end"
    world.directory.delta_error = None
    assert await world.catch_up() == 2
    assert (world.queued, world.state.link) == ([guid(number) for number in range(5)], "new")
    assert world.state.link_at == NOON
    assert world.directory.delta_links == ["stored", "page-3", "page-3"]


async def test_a_round_that_takes_hours_ends() -> None:
    """Finding 7: a run stops by itself before the host stops it; the next one reads on from there."""

    class Slow(FakeDirectory):
        async def changes(self, link: str) -> AsyncIterator[ChangePage]:
            async for each in super().changes(link):
                world.clock.passed += 1_000
                yield each

    world = World(directory=Slow())
    pages = [page(changed(number, may_be_licensed=True)) for number in range(10)]
    world.directory.delta_pages = round_of(*pages)
    counts = []
    while world.state.link != "new":
        began = world.clock.now()
        counts.append(await world.catch_up())
        assert world.clock.now() - began < HOST_TIMEOUT
    assert counts == [3, 3, 3, 1]
    assert world.queued == [guid(number) for number in range(10)]


def test_a_run_is_shorter_than_the_host_lets_it_be() -> None:
    """Catch-up and sweep stop by themselves ten minutes at least before host.json stops the process."""
    assert max(SLOT, SWEEP_SLOT) + timedelta(minutes=10) <= HOST_TIMEOUT


async def test_who_is_settled_is_not_queued_for_another_product() -> None:
    """Finding 7: a product change reports everybody; only whose conferencing plan changed is queued."""
    world = World()
    old, recent = NOON - timedelta(days=90), NOON - timedelta(minutes=5)
    for number in range(1, 6):
        await world.users.record_result(
            UserResult(guid(number), Outcome.ALREADY_MICROSOFT, ""), Signal.SWEEP, NOON
        )
    world.directory.delta_pages = [
        page(
            changed(1, may_be_licensed=True, assigned_at=old),
            changed(2, may_be_licensed=True, assigned_at=recent),
            changed(3, may_be_licensed=True),
            changed(4),
            changed(5, may_be_licensed=True, assigned_at=old),
            changed(6, may_be_licensed=True, assigned_at=old),
            delta="new",
        )
    ]
    assert await world.catch_up() == 3
    assert world.queued == [guid(2), guid(3), guid(6)]


async def test_whose_last_outcome_cannot_be_read_is_queued() -> None:
    """Rule 3: a table that does not answer makes nobody drop out."""

    class Down(FakeUsers):
        async def known(self, user_id: str) -> KnownUser | None:
            raise StorageError(f"read {user_id} in table users", "HttpResponseError")

    world = World(users=Down())
    world.directory.delta_pages = [
        page(changed(1, may_be_licensed=True, assigned_at=NOON - timedelta(days=90)), delta="new")
    ]
    assert await world.catch_up() == 1


async def test_what_is_no_user_is_skipped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Finding 7: odd elements of a page do not stop the others; how many there were is logged."""
    world = World()
    odd = [ChangedUser(name, False, True) for name in ("", "x", "1" * 5_000, "../../users")]
    world.directory.delta_pages = [
        replace(page(*odd, changed(1, may_be_licensed=True), delta="new"), skipped=2)
    ]
    lines = Lines(caplog)
    assert await world.catch_up() == 1
    assert (lines.one("caught_up")["queued"], lines.one("caught_up")["skipped"]) == ("1", "6")


async def test_a_damaged_link_takes_a_new_one_and_a_sweep() -> None:
    """Attack 10: nobody knows which changes were seen, so a sweep of everybody follows."""

    class Damaged(FakeState):
        async def delta_link(self) -> str | None:
            raise UnreadableRowError("read in table state", "a row is damaged")

    world = World(state=Damaged())
    assert await world.catch_up() == 0
    assert (world.state.link, world.state.wanted) == ("latest-1", SweepRequest())


async def test_of_two_at_once_the_slower_one_stops() -> None:
    """Attack 7: a catch-up that stood still does not set back the place that another one reached."""

    class Overtaken(FakeDirectory):
        async def changes(self, link: str) -> AsyncIterator[ChangePage]:
            async for each in super().changes(link):
                world.state.link = "newer"
                yield each

    world = World(directory=Overtaken())
    world.directory.delta_pages = [page(changed(1, may_be_licensed=True), delta="older")]
    with pytest.raises(StaleError):
        await world.catch_up()
    assert world.state.link == "newer"


async def test_while_one_catches_up_another_reads_nothing() -> None:
    """Tick and upkeep queue may be on two instances: the second one is postponed before its first read."""

    class Meanwhile(FakeDirectory):
        async def changes(self, link: str) -> AsyncIterator[ChangePage]:
            with pytest.raises(BusyError, match="another instance is catching up"):
                await other.catch_up()
            async for each in super().changes(link):
                yield each

    world = World(directory=Meanwhile())
    other = World(state=world.state, queue=world.queue)
    for directory in (world.directory, other.directory):
        directory.delta_pages = [page(changed(1, may_be_licensed=True), delta="newer")]
    assert await world.catch_up() == 1
    assert (world.state.leases, world.state.link) == ({}, "newer")
    other.directory.delta_pages = [page(changed(2, may_be_licensed=True), delta="newest")]
    assert await other.catch_up() == 1
    assert world.queued == [guid(1), guid(2)]


async def test_a_long_catch_up_keeps_its_lease_and_a_killed_one_loses_it() -> None:
    """Nobody gets in between; it is renewed after a third of its span; two minutes later anybody does."""
    steps = iter((0, 35, 5, 35, 5, 60))

    class Long(FakeDirectory):
        async def changes(self, link: str) -> AsyncIterator[ChangePage]:
            async for each in super().changes(link):
                with pytest.raises(BusyError) as busy:
                    await other.catch_up()
                assert str(busy.value) == "another instance is catching up"
                world.clock.passed += next(steps)
                yield each

    world = World(directory=Long())
    other = World(state=world.state, clock=world.clock)
    pages = [page(changed(number, may_be_licensed=True)) for number in range(5)]
    world.directory.delta_pages = [*pages, page(delta="newer")]
    assert await world.catch_up() == 5
    span = timedelta(minutes=2)
    assert world.state.leased == [
        ("catch-up", NOON, span, False),
        *(("catch-up", NOON + timedelta(seconds=at), span, True) for at in (40, 80, 140)),
        ("catch-up", NOON + timedelta(seconds=140), None, False),
    ]
    world.state.leases["catch-up"] = ("killed", world.clock.now() + timedelta(seconds=120))
    with pytest.raises(BusyError):
        await other.catch_up()
    world.clock.passed += 120
    other.directory.delta_pages = [page(delta="newest")]
    assert await other.catch_up() == 0
    assert world.state.link == "newest"
