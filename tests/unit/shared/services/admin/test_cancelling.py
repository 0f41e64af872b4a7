"""Cancelling a run: what was begun is finished, nobody else is changed, and the rest says so by name."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import batched

import pytest

from shared.domain.claim import Claim
from shared.domain.decision import Action
from shared.domain.guard import held_run_id
from shared.domain.held import HeldUser
from shared.domain.listing import TeamsPage
from shared.domain.messages import MoveMessage, move_messages
from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions
from shared.domain.outcome import Outcome, UserResult
from shared.domain.pause import RequestedBy
from shared.domain.retry import SettledUser, Waiting, WaitReason
from shared.domain.run import Mode, Run, RunState, Signal, SweepPage, SweepRequest
from shared.errors import (
    AccessDeniedError,
    ConflictError,
    ExpiredError,
    NoSuchItemError,
    ServiceError,
    StaleError,
)
from shared.services.admin.cancelling import Canceller
from shared.services.admin.releases import Releases
from shared.telemetry.log import EventLog
from tests.fakes import NOON, FakeQueue, FakeRuns, FakeSweepPages, FakeTeams, guid, microsoft
from tests.loglines import Lines
from tests.unit.shared.services.move_requests.test_queued import World as Requesting
from tests.unit.shared.services.moving.world import LIMIT
from tests.unit.shared.services.sweeping.world import SweepingWorld

ADELE = RequestedBy("adele@contoso.example", guid(900), "INC7", "wrong list")
WHY = "the run was cancelled, 2026-11-23 12:00 UTC: INC7: wrong list"
SWEEP = "20261123T020000Z-sweep-1f2e3d4c"


@dataclass
class World(Requesting):
    """Movers, requests, held users and sweeps, and a person who cancels."""

    sweep_pages: FakeSweepPages = field(default_factory=FakeSweepPages)
    users_queue: FakeQueue = field(default_factory=FakeQueue)

    def canceller(self) -> Canceller:
        return Canceller(
            requests=self.queued(),
            held=self.held,
            waiting=self.waiting,
            runs=self.runs,
            pages=self.sweep_pages,
            state=self.state,
            queue=self.users_queue,
            mode=Mode.REPORT if self.report else Mode.MOVE,
            clock=self.clock,
            log=EventLog("acp.releases"),
        )

    def releases(self) -> Releases:
        return Releases(
            held=self.held,
            waiting=self.waiting,
            runs=self.runs,
            history=self.history,
            pages=self.sweep_pages,
            state=self.state,
            queue=self.users_queue,
            mode=Mode.MOVE,
            clock=self.clock,
            log=EventLog("acp.releases"),
        )

    async def handle(self) -> None:
        """Let an instance handle every message about users."""
        mover = self.mover()
        while self.users_queue.messages:
            message = self.users_queue.messages.pop(0)
            assert isinstance(message, MoveMessage)
            await mover.handle(message)

    def count(self, run: Run) -> Counter[str]:
        return Counter(self.outcomes(run).values())


async def test_a_sweep_stops_where_it_is() -> None:
    """Queued, and not yet queued: both get the outcome `cancelled`; whoever was moved stays moved."""
    world = World()
    world.fill(60)
    users = [guid(number) for number in range(1, 61)]
    run = Run(SWEEP, Signal.SWEEP, RunState.RUNNING, NOON, mode=Mode.MOVE, scanned=True)
    await world.runs.save_run(run)
    world.state.sweep = SWEEP
    for number in range(3):
        some = users[20 * number : 20 * number + 20]
        await world.sweep_pages.save_sweep_page(SWEEP, SweepPage(number, some, some))
    for number in range(2):
        await world.sweep_pages.mark_sent(SWEEP, number)
    first, second = move_messages(Signal.SWEEP, users[:40], mode=Mode.MOVE, run=SWEEP)
    await world.mover().handle(first)
    cancelled = await world.canceller().cancel_run(SWEEP, ADELE)
    assert replace(cancelled, revision="") == replace(
        run, state=RunState.CANCELLED, reason=WHY, decided_by=str(ADELE), finished_at=NOON
    )
    world.users_queue.messages.append(second)
    await world.handle()
    assert world.set_once(20)
    assert world.count(run) == {Outcome.MOVED: 20, Outcome.CANCELLED: 40}
    assert {each.reason for each in world.runs.recorded[SWEEP][20:]} == {WHY}
    assert world.runs.recorded[SWEEP][-1].upn, "by name"
    assert world.state.sweep is None
    assert world.sweep_pages.known == {}
    assert [(what, who, detail) for what, who, detail, _ in world.state.actions] == [
        ("cancelled", str(ADELE), f"{SWEEP}; INC7: wrong list")
    ]
    for decide in (world.releases().release_run, world.releases().discard_run):
        with pytest.raises(ConflictError, match="is cancelled"):
            await decide(SWEEP, ADELE)


@pytest.mark.parametrize(
    ("app", "began", "mode"),
    [
        (Mode.MOVE, Mode.MOVE, Mode.MOVE),
        (Mode.REPORT, Mode.MOVE, Mode.REPORT),
        (Mode.MOVE, Mode.REPORT, Mode.REPORT),
    ],
)
async def test_all_that_a_cancelled_sweep_leaves_behind(
    app: Mode, began: Mode, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    """Messages for users without a result, its held users told to other runs, no timer, and a line."""
    lines, world = Lines(caplog), World(report=app is Mode.REPORT)
    await world.runs.save_run(Run(SWEEP, Signal.SWEEP, RunState.RUNNING, NOON, mode=began))
    users, held = [guid(number) for number in range(1_003)], guid(3_000)
    pages = {1: SweepPage(1, [], [guid(2_000)], sent=True), 2: SweepPage(2, [], users)}
    world.sweep_pages.known[SWEEP] = pages
    world.state.sweep, world.state.wanted = SWEEP, SweepRequest(SWEEP, 1)
    world.state.released = [SWEEP, "other"]
    row = HeldUser(held, "a@b.example", "BT", Signal.SWEEP, SWEEP, NOON, runs=(SWEEP, "other"))
    world.held.rows[held] = row
    await world.canceller().cancel_run(SWEEP, RequestedBy("alex"))
    line = lines.one("released")
    assert world.users_queue.messages == [
        MoveMessage(Signal.SWEEP, some, SWEEP, line["operation"], mode)
        for some in (*batched(users, 20, strict=False), (held,))
    ]
    why = "the run was cancelled, 2026-11-23 12:00 UTC"
    result = UserResult(held, Outcome.CANCELLED, why, "a@b.example")
    assert world.held.rows == {}
    assert world.waiting.told == {held: SettledUser(result, ("other",))}
    left = await world.state.current_sweep(), await world.state.sweep_request()
    assert (left, world.state.leases) == ((None, None), {})
    assert (world.state.released, world.sweep_pages.known) == (["other"], {})
    told = {"run": SWEEP, "state": "cancelled", "users": "0"}
    told["requested_by"] = str(EventLog("").who("alex"))
    assert line == {"operation": line["operation"], **told}


async def test_a_sweep_that_is_being_read_stops_quietly() -> None:
    """Its process finds the run changed, and begins nothing more; the next sweep is another run."""
    sweeping = SweepingWorld()
    sweeping.fill(3)

    class CancelledMeanwhile(FakeRuns):
        async def save_run(self, run: Run) -> Run:
            if run.revision and run.state is RunState.RUNNING:
                now = self.runs[run.id]
                self.runs[run.id] = replace(now, state=RunState.CANCELLED, revision="other")
                raise StaleError("somebody else has just written it")
            return await super().save_run(run)

    sweeping.runs = CancelledMeanwhile()
    run = await sweeping.sweep()
    assert (run.state, sweeping.queued) == (RunState.CANCELLED, set())
    sweeping.runs = FakeRuns(runs=sweeping.runs.runs)
    assert (await sweeping.sweep()).state is RunState.MOVING


@pytest.mark.parametrize(
    "error",
    [
        ExpiredError("Teams", "GET /users", "the page token has expired"),
        AccessDeniedError("Teams", "GET /users", "HTTP 403"),
    ],
)
async def test_a_cancelled_sweep_stays_cancelled_whatever_the_service_answers(
    error: ServiceError,
) -> None:
    """Neither a listing that begins again nor a failure makes it an open run, or requests another."""
    sweeping = SweepingWorld()

    class CancelledThenRefused(FakeTeams):
        async def pages(
            self,
            start: str | None = None,  # noqa: ARG002 - the port's
        ) -> AsyncIterator[TeamsPage]:
            for run in sweeping.runs.runs.values():
                sweeping.runs.runs[run.id] = replace(
                    run, state=RunState.CANCELLED, revision="other"
                )
            raise error
            yield  # an async generator

    sweeping.fill(3)
    sweeping.teams = CancelledThenRefused()
    with suppress(ServiceError):
        await sweeping.sweep()
    (run,) = sweeping.runs.runs.values()
    assert (run.state, sweeping.queued, sweeping.requested) == (RunState.CANCELLED, set(), None)


async def test_a_request_stops_page_by_page() -> None:
    """Users of pages that are left are named as cancelled, whether their messages were lost or not."""
    world = World()
    run = await world.queued().accept(MoveRequest(tuple(world.fill(250))), None, ADELE)
    assert (run.requested_by, run.ticket, run.note) == (str(ADELE), "INC7", "wrong list")
    await world.queued().work(world.take(), again=False)
    world.pages.messages.clear()
    await world.canceller().cancel_run(run.id, ADELE)
    assert [(each.page, each.again) for each in world.pages.pages] == [(2, True), (3, True)]
    run = await world.work()
    assert (run.state, run.reason, dict(run.counts)) == (
        RunState.CANCELLED,
        WHY,
        {"users": 250, "moved": 100, "cancelled": 150},
    )
    assert world.set_once(100)
    with pytest.raises(ConflictError, match="is cancelled: begin a new run"):
        await world.runner().carry_out(run.id)


async def test_a_run_of_the_command_line_needs_no_app_to_end() -> None:
    """Interrupted, then cancelled: the same process names the rest, and the run cannot be resumed."""
    world = World()
    run = await world.stopped(world.fill(150), after=100)
    cancelled = await world.canceller().cancel_run(run.id, ADELE)
    done = await world.runner().cancel(cancelled)
    moved = world.count(run)[Outcome.MOVED]
    assert dict(done.counts) == {"users": 150, "moved": moved, "cancelled": 150 - moved}
    assert (done.state, 0 < moved < 150, world.set_once(moved)) == (RunState.CANCELLED, True, True)


async def test_what_was_begun_says_what_became_of_it() -> None:
    """A process was killed behind the set: the user is told as moved, not as cancelled."""
    world = World()
    world.fill(2)
    run = Run(SWEEP, Signal.SWEEP, RunState.RUNNING, NOON, mode=Mode.MOVE)
    await world.runs.save_run(run)
    service = world.teams.known[guid(1)]
    await world.replaced.claim(service, Claim("killed", NOON, SWEEP), Action.REPLACE)
    world.teams.known[guid(1)] = replace(service, entries=(microsoft(),))
    await world.canceller().cancel_run(SWEEP, ADELE)
    world.clock.passed += 600
    users = [guid(1), guid(2)]
    world.users_queue.messages += move_messages(Signal.SWEEP, users, mode=Mode.MOVE, run=SWEEP)
    await world.handle()
    assert world.outcomes(run) == {guid(1): "moved", guid(2): "cancelled"}
    assert world.teams.sets == []


async def test_held_users_are_taken_off_the_list() -> None:
    """A run that holds users can be cancelled; nobody can release it then."""
    world = World(limit=replace(LIMIT, moves=1))
    run = await world.queued().accept(MoveRequest(tuple(world.fill(3))), None)
    assert (await world.work()).state is RunState.HELD
    await world.canceller().cancel_run(run.id, ADELE)
    await world.handle()
    assert world.count(run) == {Outcome.MOVED: 1, Outcome.CANCELLED: 2}
    assert (world.held.rows, await world.releases().resume()) == ({}, 0)
    with pytest.raises(ConflictError, match="is cancelled"):
        await world.releases().release_run(run.id, ADELE)


async def test_nobody_is_found_for_a_cancelled_request() -> None:
    """A provider's users are not looked for any more; a dry run names those who are left."""
    world = World()
    names = world.fill(2)
    found = await world.queued().accept(MoveRequest(provider="InterCall"), None)
    dry = await world.queued().accept(MoveRequest(tuple(names), dry_run=True), None)
    for run in (found, dry):
        await world.canceller().cancel_run(run.id, ADELE)
    await world.work()
    assert [world.runs.runs[run.id].state for run in (found, dry)] == [RunState.CANCELLED] * 2
    assert world.runs.recorded.get(found.id) is None
    assert world.runs.recorded[dry.id] == [
        UserResult(name, Outcome.CANCELLED, WHY, name) for name in names
    ]


async def test_other_signals_keep_what_they_know() -> None:
    """A user who waits because of a license stays on that list: the run only stopped asking."""
    world = World()
    world.fill(1)
    row = Waiting(guid(1), WaitReason.PROVISIONING, "not yet", NOON, NOON, NOON)
    world.waiting.rows[guid(1)] = row
    run = await world.queued().accept(
        MoveRequest((guid(1),), options=MoveOptions(expected=1)), None
    )
    await world.canceller().cancel_run(run.id, ADELE)
    await world.work()
    assert (world.waiting.rows, world.users.results) == ({guid(1): row}, {})


@pytest.mark.parametrize("state", [RunState.FINISHED, RunState.FAILED])
async def test_what_has_ended_cannot_be_cancelled(state: RunState) -> None:
    """Nor can what is not there, nor a list of held users, which is discarded instead."""
    world = World()
    await world.runs.save_run(Run(SWEEP, Signal.SWEEP, state, NOON))
    with pytest.raises(ConflictError, match=f"is {state}: there is nothing to cancel"):
        await world.canceller().cancel_run(SWEEP, ADELE)
    with pytest.raises(NoSuchItemError):
        await world.canceller().cancel_run("20261123T020000Z-sweep-00000000", ADELE)
    listed = held_run_id(Signal.CATCH_UP, NOON, LIMIT.window)
    await world.runs.save_run(Run(listed, Signal.CATCH_UP, RunState.HELD, NOON))
    with pytest.raises(ConflictError, match="discard them"):
        await world.canceller().cancel_run(listed, ADELE)


async def test_to_cancel_again_does_no_harm() -> None:
    """As after a crash in between: the first reason and the first person stay."""
    world = World()
    run = await world.queued().accept(MoveRequest(tuple(world.fill(1))), None)
    first = await world.canceller().cancel_run(run.id, ADELE)
    assert await world.canceller().cancel_run(run.id, RequestedBy("alex")) == first


class CountingRuns(FakeRuns):
    """Counts the rows that are read of results."""

    rows = 0

    async def results(self, run: str) -> AsyncIterator[UserResult]:
        async for result in super().results(run):
            self.rows += 1
            yield result

    async def results_of(self, run: str, names: Sequence[str]) -> list[UserResult]:
        self.rows += len(names)
        return await super().results_of(run, names)


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("pages", [3, 12])
async def test_a_large_request_is_cancelled_at_a_cost_that_grows_with_it(
    pages: int, dry_run: bool
) -> None:
    """Every page is delivered twice: a user's result is read twice, however many pages there are."""
    counting, users = CountingRuns(), 100 * pages
    world = World(runs=counting)
    request = MoveRequest(tuple(world.fill(users)), dry_run=dry_run)
    run = await world.queued().accept(request, None)
    await world.canceller().cancel_run(run.id, ADELE)
    assert len(world.pages.pages) == 2 * pages
    cancelled = await world.work()
    assert (cancelled.state, dict(cancelled.counts), cancelled.scanned) == (
        RunState.CANCELLED,
        {"users": users, "cancelled": users},
        True,
    )
    assert counting.rows <= 2 * users
