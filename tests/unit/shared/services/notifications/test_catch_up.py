"""Delta: the truth about licenses, whatever notifications were lost."""

from dataclasses import dataclass, field

import pytest

from shared.domain.listing import ChangedUser, ChangePage
from shared.domain.messages import MoveMessage
from shared.domain.retry import ask_person
from shared.domain.run import Mode, Signal
from shared.errors import ContractError, ExpiredError, StorageError
from shared.services.notifications.catch_up import CatchUp
from shared.telemetry.log import EventLog
from tests.fakes import NOON, FakeDirectory, FakeQueue, FakeState, FakeWaiting, guid


@dataclass
class World:
    """A catch-up with fakes around it."""

    directory: FakeDirectory = field(default_factory=FakeDirectory)
    state: FakeState = field(default_factory=lambda: FakeState(link="stored"))
    queue: FakeQueue = field(default_factory=FakeQueue)
    waiting: FakeWaiting = field(default_factory=FakeWaiting)
    sweeps: list[tuple[str | None, bool]] = field(default_factory=list)
    """For each sweep begun: the stored link and whether it was requested, at that moment."""

    async def sweep(self) -> None:
        self.sweeps.append((self.state.link, self.state.wanted))

    async def catch_up(self) -> int:
        service = CatchUp(
            directory=self.directory,
            state=self.state,
            queue=self.queue,
            waiting=self.waiting,
            sweep=self.sweep,
            mode=Mode.REPORT,
            log=EventLog("acp.catching_up"),
        )
        return await service.catch_up()

    @property
    def queued(self) -> list[str]:
        return self.queue.users


def changed(number: int, *, removed: bool = False, may_be_licensed: bool = False) -> ChangedUser:
    """A user whom the delta query reports."""
    return ChangedUser(guid(number), removed, may_be_licensed)


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


async def test_expired_link_takes_a_new_one_first_and_then_sweeps() -> None:
    """Nothing falls between: the new link is stored, the sweep stored, and only then begun."""
    world = World()
    world.directory.delta_error = ExpiredError("Graph", "GET /v1.0/users/delta", "HTTP 410")
    await world.catch_up()
    assert world.sweeps == [("latest-1", True)]


async def test_broken_page_keeps_the_old_link() -> None:
    """A page that breaks Graph's contract ends the run; the old link stays."""
    world = World()
    world.directory.delta_error = ContractError("Graph", "GET /v1.0/users/delta", "field x")
    with pytest.raises(ContractError):
        await world.catch_up()
    assert world.state.link == "stored"
