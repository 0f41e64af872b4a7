"""Runs that people ask the deployed app for: taken in at once, handled page by page."""

from dataclasses import dataclass, field, replace

import pytest

from shared.domain.messages import PageMessage
from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions
from shared.domain.run import Mode, Run, RunState
from shared.errors import (
    ConflictError,
    RetryLaterError,
    ServerFaultError,
    StorageError,
    UnreadableRowError,
)
from shared.services.move_requests.queued import QueuedMoveRequests
from shared.services.moving.preview import Previewer
from shared.services.sweeping.finding import Finder
from shared.telemetry.log import EventLog
from shared.telemetry.operation import operation
from tests.fakes import FakeQueue, FakeRules, guid
from tests.unit.shared.services.move_requests.world import RequestingWorld

MANY = 250


@dataclass
class World(RequestingWorld):
    """The same world with a queue of pages."""

    pages: FakeQueue = field(default_factory=FakeQueue)

    def queued(self) -> QueuedMoveRequests:
        """The service as another instance has it."""
        return QueuedMoveRequests(
            runner=self.runner(),
            previewer=Previewer(self.directory, self.teams, FakeRules(self.rules)),
            finder=Finder(self.directory, self.teams, FakeRules(self.rules), self.clock),
            requests=self.requests,
            runs=self.runs,
            queue=self.pages,
            mode=Mode.REPORT if self.report else Mode.MOVE,
            clock=self.clock,
            log=EventLog("acp.requests"),
        )

    async def work(self, *, again: bool = False) -> Run:
        """Work off what is queued, also what that queues; return the last run."""
        while self.pages.messages:
            await self.queued().work(self.take(), again=again)
        return self.runs.last

    def take(self) -> PageMessage:
        """Take the first message off the queue."""
        message = self.pages.messages.pop(0)
        assert isinstance(message, PageMessage)
        return message


async def test_users_are_moved_page_by_page() -> None:
    """Three pages, handled one by one: the run ends with the last, each user set once."""
    world = World()
    run = await world.queued().accept(MoveRequest(tuple(world.fill(MANY))), None)
    assert (run.state, run.counts) == (RunState.RUNNING, {"users": MANY})
    assert len(world.pages.messages) == 3
    run = await world.work()
    assert (run.state, run.counts) == (RunState.FINISHED, {"users": MANY, "moved": MANY})
    assert world.set_once(MANY)


async def test_pages_carry_the_operation_under_way() -> None:
    """What is queued inside an operation says so, so that the log shows where it comes from."""
    world = World()
    with operation() as here:
        await world.queued().accept(MoveRequest(tuple(world.fill(MANY))), None)
        await world.queued().accept(MoveRequest(), None)
    assert [(each.page, each.operation) for each in world.pages.pages] == [
        (page, here.id) for page in (1, 2, 3, 0)
    ]


async def test_options_hold_for_every_page() -> None:
    """Numbers and mails that were asked for reach each user, and a dry run decides by them."""
    world = World()
    options = MoveOptions(True, "+15550111")
    await world.queued().accept(MoveRequest(tuple(world.fill(120)), options=options), None)
    await world.work()
    assert {number for _, _, number in world.teams.sets} == {"+15550111"}
    assert len(world.teams.mailed) == 120


async def test_everybody_of_a_provider() -> None:
    """Page 0 finds the users; a dry run over them changes nobody."""
    world = World()
    world.fill(3)
    await world.queued().accept(MoveRequest(provider="intercall", dry_run=True), None)
    run = await world.work()
    assert run.counts == {"users": 3, "would_move": 3}
    assert world.teams.sets == []
    await world.queued().accept(MoveRequest(), None)
    assert (await world.work()).counts == {"users": 3, "moved": 3}


async def test_a_key_stands_for_one_run_also_after_a_failure() -> None:
    """The queue fails after the users are stored: the same key again finishes the job."""
    world = World()
    names = tuple(world.fill(3))
    world.pages.down = True
    with pytest.raises(StorageError):
        await world.queued().accept(MoveRequest(names), "once")
    world.pages.down = False
    first = await world.queued().accept(MoveRequest(names), "once")
    again = await world.queued().accept(MoveRequest(names), "once")
    assert (first.id, len(world.runs.runs)) == (again.id, 1)
    assert (await world.work()).counts == {"users": 3, "moved": 3}
    assert world.set_once(3)


async def test_a_key_with_another_request_is_refused() -> None:
    """The first request failed half way: a second one with its key neither mixes with it nor begins."""
    world = World()
    names = tuple(world.fill(MANY))
    world.pages.down = True
    with pytest.raises(StorageError):
        await world.queued().accept(MoveRequest(names), "once")
    world.pages.down = False
    with pytest.raises(ConflictError, match="Idempotency-Key"):
        await world.queued().accept(MoveRequest(names[:1]), "once")
    assert world.pages.messages == []


async def test_a_request_repeated_while_it_is_worked_on_undoes_nothing() -> None:
    """The answer was lost, the pages are done: the same request again leaves every result as it is."""
    world = World()
    names = tuple(world.fill(120))
    run = await world.queued().accept(MoveRequest(names), "once")
    await world.work()
    world.runs.runs[run.id] = replace(world.runs.runs[run.id], scanned=False)
    await world.queued().accept(MoveRequest(names), "once")
    assert (await world.work()).counts == {"users": 120, "moved": 120}
    assert world.set_once(120)


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (RetryLaterError("Graph", "POST /v1.0/$batch", 300), 300),
        (ServerFaultError("Graph", "POST /v1.0/$batch", "HTTP 500"), 60),
    ],
)
async def test_a_service_that_does_not_answer_postpones_the_page(
    error: ServerFaultError, pause: float
) -> None:
    """Graph is away or throttles: the page comes again later, as often as it takes; nobody is lost."""
    world = World()
    await world.queued().accept(MoveRequest(tuple(world.fill(30))), None)
    world.directory.down = error
    for _ in range(10):
        await world.queued().work(world.take(), again=False)
    assert world.pages.delays[-1] == pause
    world.directory.down = None
    assert (await world.work()).counts == {"users": 30, "moved": 30}
    assert world.set_once(30)


async def test_a_table_that_does_not_answer_postpones_the_page() -> None:
    """Rule 5: for ten deliveries, which would be two poison messages; nobody has to resume it."""
    world = World()
    await world.queued().accept(MoveRequest(tuple(world.fill(30))), None)
    world.requests.down = True
    for _ in range(10):
        await world.queued().work(world.take(), again=False)
    assert world.pages.delays[-10:] == [60.0] * 10
    world.requests.down = False
    assert (await world.work()).counts == {"users": 30, "moved": 30}
    assert world.set_once(30)


async def test_a_row_that_will_never_do_is_no_outage() -> None:
    """It is raised, so that the message ends as poison, and a person is told."""
    world = World()
    run = await world.queued().accept(MoveRequest(tuple(world.fill(1))), None)
    world.runs.unreadable.add(run.id)
    with pytest.raises(UnreadableRowError):
        await world.queued().work(world.take(), again=False)
    assert world.pages.messages == []


async def test_a_user_named_twice_has_one_result_in_a_dry_run() -> None:
    """By id and by address: one result, so that the page can be stored."""
    world = World()
    names = (*world.fill(1), guid(1))
    await world.queued().accept(MoveRequest(names, dry_run=True), None)
    run = await world.work()
    assert run.counts == {"names": 2, "users": 1, "would_move": 1}


async def test_a_page_that_comes_again_looks_at_nobody_twice() -> None:
    """A crash between the move and the mark: the page comes again, and nobody is set again."""
    world = World()
    run = await world.queued().accept(MoveRequest(tuple(world.fill(3))), None)
    world.runs.fails = 1
    await world.queued().work(world.take(), again=False)
    await world.queued().work(world.take(), again=False)
    assert world.runs.runs[run.id].state is RunState.FINISHED
    assert world.set_once(3)


async def test_a_run_that_the_app_left_is_gone_on_with_by_hand() -> None:
    """One of three pages was lost for good: `acp move --resume` moves its users, nobody twice."""
    world = World()
    run = await world.queued().accept(MoveRequest(tuple(world.fill(MANY))), None)
    del world.pages.messages[1]
    assert (await world.work()).state is RunState.RUNNING
    assert guid(150) not in world.outcomes(run)
    run = await world.runner().carry_out(run.id)
    assert (run.state, run.counts) == (RunState.FINISHED, {"users": MANY, "moved": MANY})
    assert world.set_once(MANY)


async def test_names_and_users_of_a_run_are_counted_alike() -> None:
    """K8: three names of one user, one spelling of them twice: a run, and a dry run, count one user."""
    for dry_run, outcome in ((True, "would_move"), (False, "moved")):
        world = World()
        request = MoveRequest((*world.fill(1), guid(1)), dry_run=dry_run, named=3)
        begun = await world.queued().accept(request, None)
        assert begun.counts == {"names": 3, "users": 2}
        assert (await world.work()).counts == {"names": 3, "users": 1, outcome: 1}
