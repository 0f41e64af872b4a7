"""A run is true in the end: final outcomes of users who waited or failed, counts, and its end."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from shared.domain.messages import MoveMessage, move_messages
from shared.domain.outcome import Outcome
from shared.domain.run import Mode, Run, RunState, Signal
from shared.errors import ServerFaultError, StorageError
from shared.services.upkeep.recheck import Rechecker
from shared.services.upkeep.run_outcomes import RunOutcomes
from shared.telemetry.log import EventLog
from tests.fakes import (
    NOON,
    FakeQueue,
    FakeRuns,
    FakeState,
    guid,
    in_service,
    licensed,
    third_party,
)
from tests.unit.shared.services.moving.world import MovingWorld

SWEEP = "20261123T020000Z-sweep-1f2e3d4c"
LATER = "20261124T020000Z-sweep-1f2e3d4c"
BUSY = ServerFaultError("Teams", "GET user", "HTTP 503")


@dataclass
class World(MovingWorld):
    """Movers, rechecks and the timer that tells runs."""

    rechecks: FakeQueue = field(default_factory=FakeQueue)

    def fill(self, count: int) -> list[str]:
        """Add licensed users of a third party; return their ids."""
        self.directory.add(*(licensed(number) for number in range(1, count + 1)))
        self.teams.add(*(in_service(number, third_party()) for number in range(1, count + 1)))
        return [guid(number) for number in range(1, count + 1)]

    async def begin(self, run: str, users: list[str], *, handled: int) -> None:
        """Let a sweep queue users; so many of them are handled."""
        self.state.open.add(run)
        counts = {"users": 700, "unlicensed": 40, "queued": len(users)}
        await self.runs.save_run(
            Run(run, Signal.SWEEP, RunState.MOVING, NOON, NOON, counts=counts, mode=Mode.MOVE)
        )
        for message in move_messages(Signal.SWEEP, users[:handled], mode=Mode.MOVE, run=run):
            await self.mover().handle(message)

    async def recheck(self) -> None:
        """Let everybody who waits be tried again, a day later."""
        self.clock.passed += 86_400
        log = EventLog("acp.recheck")
        rechecker = Rechecker(
            self.waiting, self.rechecks, Mode.MOVE, self.clock, log, state=self.state
        )
        await rechecker.recheck()
        while self.rechecks.messages:
            message = self.rechecks.messages.pop(0)
            assert isinstance(message, MoveMessage)
            await self.mover().handle(message)

    def outcomes(self) -> RunOutcomes:
        return RunOutcomes(
            self.runs, self.users, self.waiting, self.state, self.clock, held=self.held
        )

    async def run(self, run: str = SWEEP) -> Run:
        """The run after its timer has run."""
        await self.outcomes().update()
        return self.runs.runs[run]

    def told(self, run: str = SWEEP) -> Counter[str]:
        return Counter(str(result.outcome) for result in self.runs.recorded[run])


async def test_a_sweep_under_faults_tells_the_truth_when_they_are_over() -> None:
    """D1: 55 of 100 users fail; all are moved by rechecks: results, counts and tenant agree, user by user."""
    world = World()
    users = world.fill(100)
    world.teams.errors = dict.fromkeys(users[:55], BUSY)
    await world.begin(SWEEP, users, handled=100)
    run = await world.run()
    assert dict(run.counts) == {
        "users": 700,
        "unlicensed": 40,
        "queued": 100,
        "moved": 45,
        "failed": 55,
    }
    assert (run.state, world.state.open) == (RunState.FINISHED, set())
    world.teams.errors.clear()
    await world.recheck()
    assert world.told() == {"moved": 45, "failed": 55}, "the timer tells it"
    run = await world.run()
    assert (world.told(), world.runs.recorded_at) == ({"moved": 100}, {SWEEP: world.clock.now()})
    assert dict(run.counts) == {"users": 700, "unlicensed": 40, "queued": 100, "moved": 100}
    assert {each.old_provider for each in world.runs.recorded[SWEEP]} == {"InterCall"}
    assert {user for user, _, _ in world.teams.sets} == set(users)
    assert (world.waiting.rows, world.waiting.told, world.state.open) == ({}, {}, set())


async def test_a_run_is_moving_until_everybody_has_an_outcome() -> None:
    """D3: queued is not finished."""
    world = World()
    users = world.fill(60)
    await world.begin(SWEEP, users, handled=40)
    run = await world.run()
    assert (run.state, run.counts["moved"], world.state.open) == (RunState.MOVING, 40, {SWEEP})
    assert (await world.outcomes().shown(run)).counts == run.counts
    (message,) = move_messages(Signal.SWEEP, users[40:], mode=Mode.MOVE, run=SWEEP)
    await world.mover().handle(message)
    assert (await world.outcomes().shown(run)).counts["moved"] == 60
    run = await world.run()
    assert (run.state, run.counts["moved"], world.state.open) == (RunState.FINISHED, 60, set())


async def test_each_run_that_tried_a_user_in_vain_is_told() -> None:
    """Two nightly sweeps fail on the same user; a license event moves the user in the end."""
    world = World()
    users = world.fill(1)
    world.teams.errors = {users[0]: BUSY}
    await world.begin(SWEEP, users, handled=1)
    world.clock.passed += 86_400
    await world.begin(LATER, users, handled=1)
    assert (await world.run(), (await world.run(LATER)).state)[1] is RunState.FINISHED
    world.teams.errors.clear()
    world.clock.passed += 60
    (event,) = move_messages(Signal.LICENSE_EVENT, users, mode=Mode.MOVE)
    await world.mover().handle(event)
    await world.outcomes().update()
    assert (world.told(), world.told(LATER)) == ({"moved": 1}, {"moved": 1})


@pytest.mark.parametrize("outcome", [Outcome.ALREADY_MICROSOFT, Outcome.UNLICENSED])
async def test_what_comes_after_a_move_does_not_undo_it(outcome: Outcome) -> None:
    """Moved after the run began, but another attempt settled the user before the timer told of it."""
    world = World()
    users = world.fill(1)
    world.teams.errors = {users[0]: BUSY}
    await world.begin(SWEEP, users, handled=1)
    world.teams.errors.clear()
    await world.recheck()
    (moved,) = world.waiting.told.values()
    later = replace(moved.result, outcome=outcome, reason="later", old_provider=None)
    world.waiting.told[users[0]] = replace(moved, result=later)
    await world.begin(LATER, users, handled=0)
    began = world.users.moved[users[0]] + timedelta(seconds=1)
    world.runs.runs[LATER] = replace(world.runs.runs[LATER], started_at=began)
    world.waiting.told[users[0]] = replace(world.waiting.told[users[0]], runs=(SWEEP, LATER))
    await world.outcomes().update()
    assert {
        run: (each.outcome, each.reason, each.old_provider)
        for run in (SWEEP, LATER)
        for each in world.runs.recorded[run]
    } == {
        SWEEP: (Outcome.MOVED, "the provider was InterCall", "InterCall"),
        LATER: (outcome, "later", None),
    }, "a run that began after the move did not move the user"


async def test_a_crash_before_a_run_is_told_loses_nothing() -> None:
    """The row of the settled user stays until the runs know; a table that is busy only delays it."""
    world = World()
    users = world.fill(1)
    world.teams.errors = {users[0]: BUSY}
    await world.begin(SWEEP, users, handled=1)
    world.teams.errors.clear()
    await world.recheck()
    world.runs.fails = 1
    with pytest.raises(StorageError):
        await world.outcomes().update()
    assert (await world.run()).counts["moved"] == 1


async def test_a_run_that_is_deleted_stays_deleted() -> None:
    """The janitor deleted it: no result of it comes back; another run of the user is told."""
    world = World()
    users = world.fill(1)
    world.teams.errors = {users[0]: BUSY}
    await world.begin(SWEEP, users, handled=1)
    await world.begin(LATER, users, handled=1)
    world.teams.errors.clear()
    del world.runs.runs[SWEEP], world.runs.recorded[SWEEP]
    await world.recheck()
    await world.outcomes().update()
    assert (world.waiting.told, world.state.open) == ({}, set())
    assert (set(world.runs.recorded), world.told(LATER)) == ({LATER}, {"moved": 1})


@pytest.mark.parametrize(("cause", "moved"), [(Signal.SWEEP, 0), (Signal.REQUEST, 1)])
async def test_counts_that_are_shown_while_a_run_is_carried_out(cause: Signal, moved: int) -> None:
    """A request tells what happened so far; a sweep that still reads has queued nobody."""
    world = World()
    await world.begin(SWEEP, world.fill(1), handled=1)
    run = replace(world.runs.runs[SWEEP], cause=cause, state=RunState.RUNNING, counts={})
    assert (await world.outcomes().shown(run)).counts.get("moved", 0) == moved


@pytest.mark.parametrize("state", [RunState.RELEASED, RunState.CANCELLED])
async def test_a_run_that_is_changed_as_it_ends_is_looked_at_again(state: RunState) -> None:
    """Released in between, its timer goes on; a run that is over has none."""
    world = World()

    class Releasing(FakeState):
        async def remove_open_run(self, run: str) -> None:
            await super().remove_open_run(run)
            world.runs.runs[run] = replace(world.runs.runs[run], state=state)

    world.state = Releasing()
    await world.begin(SWEEP, world.fill(1), handled=1)
    await world.outcomes().update()
    assert world.state.open == ({SWEEP} if state is RunState.RELEASED else set())


async def test_a_run_that_somebody_resumes_is_left_to_them() -> None:
    """Read as moving, and running by the time that it is written; what is up to date is not written."""
    world = World()

    class Resuming(FakeRuns):
        async def save_run(self, run: Run) -> Run:
            if self.fails and run.id in self.runs:
                self.fails = 0
                await super().save_run(replace(self.runs[run.id], state=RunState.RUNNING))
            return await super().save_run(run)

    world.runs = Resuming()
    await world.begin(SWEEP, world.fill(2), handled=1)
    await world.outcomes().update()
    written = world.runs.revisions
    await world.outcomes().update()
    assert world.runs.revisions == written
    (message,) = move_messages(Signal.SWEEP, [guid(2)], mode=Mode.MOVE, run=SWEEP)
    await world.mover().handle(message)
    world.runs.fails = 1
    run = await world.run()
    assert (run.state, run.counts["moved"]) == (RunState.RUNNING, 1)


async def test_a_run_whose_messages_are_lost_ends() -> None:
    """After the seven days that a queue keeps a message nobody comes any more."""
    world = World()
    await world.begin(SWEEP, world.fill(3), handled=2)
    world.clock.passed += timedelta(days=7).total_seconds() + 1
    run = await world.run()
    assert (run.state, run.reason) == (
        RunState.FINISHED,
        "users without an outcome: 1; a later sweep finds them again",
    )


async def test_a_request_is_told_as_well() -> None:
    """Its counts go by outcome, and one who was waiting is no longer among them."""
    world = World()
    users = world.fill(2)
    world.teams.errors = {users[0]: BUSY}
    run = Run(SWEEP, Signal.REQUEST, RunState.FINISHED, NOON, counts={"users": 2, "failed": 1})
    await world.runs.save_run(replace(run, mode=Mode.MOVE))
    await world.mover().move(MoveMessage(Signal.REQUEST, tuple(users), SWEEP, mode=Mode.MOVE))
    world.teams.errors.clear()
    await world.recheck()
    assert dict((await world.run()).counts) == {"users": 2, "moved": 2}
    assert {each.outcome for each in world.runs.recorded[SWEEP]} == {Outcome.MOVED}
