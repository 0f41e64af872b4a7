"""Every sweep ends, in bounded time, and what one could not do another one does."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.decision import Rules
from shared.domain.listing import TeamsPage
from shared.domain.number_rules import NumberRules
from shared.domain.retry import Pace
from shared.domain.run import Run, RunState, SweepRequest
from shared.errors import (
    AccessDeniedError,
    AcpError,
    BusyError,
    ContractError,
    RejectedError,
    RetryLaterError,
    ServiceError,
    SettingsError,
    StorageError,
    UnreachableError,
)
from tests.fakes import (
    FakeDirectory,
    FakeSweepPages,
    FakeTeams,
    guid,
    in_service,
    licensed,
    microsoft,
    third_party,
)
from tests.unit.shared.services.sweeping.world import SweepingWorld as World

HOUR = 3600.0


async def minutes(world: World, count: int) -> list[Exception]:
    """Let `resume` run each minute, as its timer does; return what it raised."""
    errors: list[Exception] = []
    for _ in range(count):
        world.clock.passed += 60
        try:
            await world.sweeper().resume()
        except (AcpError, ArithmeticError) as error:
            errors.append(error)
    return errors


@pytest.mark.parametrize(
    "error",
    [
        AccessDeniedError("Teams", "GET", "HTTP 403"),
        ContractError("Teams", "GET", "field users"),
        RejectedError("Teams", "GET", "HTTP 400"),
    ],
)
async def test_a_failed_sweep_is_repeated_with_growing_pauses(error: ServiceError) -> None:
    """Finding 11: not given up for a day, nor tried each minute; cured, it is done within the pause."""
    world = World(pace=Pace(0.1, timedelta(minutes=1), timedelta(minutes=60)))
    world.fill(6)
    world.teams.stop_at, world.teams.stop_with = 3, error
    with pytest.raises(ServiceError):
        await world.sweep()
    assert len(await minutes(world, 10 * 60)) == 3 + 9
    assert world.state.wanted is not None
    assert world.state.wanted.failures == 13
    world.teams.stop_at = None
    assert await minutes(world, 60) == []
    assert (world.runs.last.state, world.requested) == (RunState.MOVING, None)
    assert len(world.queued) == 6


async def test_a_refused_next_link_begins_the_sweep_again() -> None:
    """Finding 11: a link that expired while the sweep paused ends that sweep, and another begins soon."""
    world = World()
    world.fill(6)
    world.teams.stop_at = 3
    with pytest.raises(UnreachableError):
        await world.sweep()
    world.teams.stop_with = RejectedError("Teams", "GET", "HTTP 400 InvalidSkipToken")
    assert len(await minutes(world, 1)) == 1
    world.teams.stop_at = None
    await minutes(world, 1)
    states = [run.state for run in world.runs.runs.values()]
    assert states == [RunState.FAILED, RunState.MOVING]
    assert len(world.queued) == 6


async def test_a_requested_sweep_that_fails_stays_requested() -> None:
    """Finding 11: after a lost delta link a request is forgotten when its sweep ended, not before."""
    world = World()
    world.fill(3)
    await world.state.request_sweep()
    world.teams.stop_at, world.teams.stop_with = 0, AccessDeniedError("Teams", "GET", "HTTP 403")
    with pytest.raises(AccessDeniedError):
        await world.sweeper().resume()
    assert world.state.wanted is not None
    world.teams.stop_at = None
    await minutes(world, 1)
    assert (world.runs.last.state, world.requested) == (RunState.MOVING, None)


async def test_what_is_requested_during_a_sweep_is_another_sweep() -> None:
    """Finding 11: a request that came after a sweep began is not answered by that one."""

    class Requesting(FakeTeams):
        async def pages(self, start: str | None = None) -> AsyncIterator[TeamsPage]:
            await world.state.request_sweep()
            async for page in super().pages(start):
                yield page

    world = World(teams=Requesting())
    world.fill(3)
    await world.state.request_sweep()
    await world.sweeper().resume()
    assert world.state.wanted == SweepRequest()
    world.teams.__class__ = FakeTeams
    await minutes(world, 3)
    assert (len(world.runs.runs), world.requested) == (2, None)


async def test_the_pause_that_a_service_asks_for_is_kept() -> None:
    """Rule 7: a sweep resumes after the pause that the service asked for, where it is the longer one."""
    world = World()
    world.fill(3)
    world.teams.stop_at, world.teams.stop_with = 0, RetryLaterError("Teams", "GET", 2 * HOUR)
    with pytest.raises(RetryLaterError):
        await world.sweep()
    assert await minutes(world, 119) == []
    assert world.directory.listings == 1
    world.teams.stop_at = None
    await minutes(world, 1)
    assert world.runs.last.state is RunState.MOVING


async def test_a_pause_without_measure_is_a_day() -> None:
    """Attack 4: a pause of 1e300 seconds is one of a day."""
    world = World()
    world.fill(3)
    world.teams.stop_at, world.teams.stop_with = 0, RetryLaterError("Teams", "GET", 1e300)
    with pytest.raises(RetryLaterError):
        await world.sweep()
    assert world.runs.last.not_before == world.clock.now() + timedelta(days=1)


async def test_a_listing_of_many_hours_is_read_to_its_end() -> None:
    """Finding 12: what makes progress is not given up: 40 pages of half an hour each are one sweep."""

    class Slow(FakeTeams):
        async def pages(self, start: str | None = None) -> AsyncIterator[TeamsPage]:
            async for page in super().pages(start):
                world.clock.passed += HOUR / 2
                yield page

    world = World(teams=Slow())
    world.fill(120)
    await world.sweep()
    slots = 1
    while world.runs.last.state is RunState.RUNNING:
        await minutes(world, 1)
        slots += 1
    assert (len(world.runs.runs), world.runs.last.state) == (1, RunState.MOVING)
    assert (slots, len(world.queued)) == (20, 120)


async def test_an_unexpected_error_waits_as_well() -> None:
    """Finding 12: a defect does not list the tenant 60 times an hour, and the run says what it was."""

    class Defective(FakeDirectory):
        async def licensed_ids(self, *, rooms: bool, **_: Any) -> AsyncIterator[list[str]]:
            self.listings += 1
            yield [guid(number + rooms) for number in range(3)]
            raise ZeroDivisionError

    world = World(directory=Defective())
    world.pace = Pace(0.1, timedelta(minutes=1), timedelta(minutes=60))
    with pytest.raises(ZeroDivisionError):
        await world.sweep()
    assert world.runs.last.reason == "unexpected ZeroDivisionError"
    assert len(await minutes(world, 24 * 60)) < 40
    assert world.directory.listings < 40


async def test_one_user_whose_entries_no_table_takes_stops_nobody() -> None:
    """Finding 12, rule 5: the others' entries are saved, and the sweep ends."""
    world = World()
    world.teams.add(*(in_service(number, third_party()) for number in range(3)))
    world.replaced.refused.add(guid(1))
    run = await world.sweep()
    assert (run.state, run.counts["saved"]) == (RunState.FINISHED, 2)


async def test_a_deleted_group_of_a_number_rule_fails_no_sweep() -> None:
    """Finding 12: that rule meets nobody; the others hold, and the fault is named."""
    numbers = NumberRules.parse({guid(91): "+15550177", guid(92): "+15550188"})
    world = World(rules=Rules(numbers=numbers))
    world.directory.no_groups.add(guid(91))
    world.directory.add(replace(licensed(1), groups=frozenset({guid(92)})), licensed(2))
    world.teams.add(in_service(1, microsoft()), in_service(2, third_party()))
    assert (await world.sweep()).state is RunState.MOVING
    assert world.queued == {guid(1), guid(2)}


async def test_a_deleted_excluded_group_stops_the_sweep() -> None:
    """Rule 9: who is excluded is not known, so nobody is queued; the sweep is tried again."""
    world = World(rules=Rules(excluded_groups=frozenset({guid(91)})))
    world.directory.no_groups.add(guid(91))
    world.fill(3)
    with pytest.raises(SettingsError):
        await world.sweep()
    assert (world.queued, world.runs.last.state) == (set(), RunState.FAILED)
    world.directory.no_groups.clear()
    await minutes(world, 1)
    assert world.queued == {guid(0), guid(1), guid(2)}


async def test_a_sweeper_past_its_lease_changes_nothing() -> None:
    """Attack 7: who stood still while another one finished the run does not make it running again."""

    class Asleep(FakeTeams):
        async def pages(self, start: str | None = None) -> AsyncIterator[TeamsPage]:
            async for page in super().pages(start):
                if not world.slept:
                    world.slept = True
                    world.clock.passed += 301
                    finished.append(await world.sweeper().sweep())
                yield page

    class Sleeping(World):
        slept = False

    finished: list[Run | None] = []
    world = Sleeping(teams=Asleep())
    world.fill(9)
    with pytest.raises(BusyError):
        await world.sweeper().sweep()
    assert finished == [world.runs.last]
    assert world.runs.last.state is RunState.MOVING
    assert len(world.sent) == 9


@pytest.mark.parametrize("error", [StorageError("read", "HttpResponseError"), ValueError("defect")])
async def test_who_lost_the_lease_does_not_interrupt_the_run(error: Exception) -> None:
    """Finding 21: an error that comes after another instance finished the run changes nothing of it."""

    class Failing(FakeSweepPages):
        async def mark_sent(self, run: str, number: int) -> None:
            world.clock.passed += 301
            assert await world.state.acquire("sweep", "x", world.clock.now(), timedelta(minutes=5))
            assert number == 1
            known = world.runs.runs[run]
            await world.runs.save_run(replace(known, state=RunState.MOVING))
            raise error

    world = World(pages=Failing())
    world.fill(3)
    with pytest.raises(type(error)):
        await world.sweep()
    assert world.runs.last.state is RunState.MOVING


async def test_a_run_whose_row_is_damaged_stops_no_sweep() -> None:
    """Attack 10: the unfinished sweep cannot be read, so another one begins in its place."""
    world = World()
    world.fill(6)
    world.teams.stop_at = 3
    with pytest.raises(UnreachableError):
        await world.sweep()
    world.runs.unreadable.add(world.runs.last.id)
    world.teams.stop_at = None
    assert (await world.sweep()).state is RunState.MOVING
    assert len(world.queued) == 6


async def test_a_second_sweep_ends_as_the_first() -> None:
    """Nothing changed in between: the same counts, the same users, nothing left behind."""
    world = World()
    world.fill(7)
    first = await world.sweep()
    sent, world.queue.messages[:] = world.sent, []
    second = await world.sweep()
    assert (first.counts, sent) == (second.counts, world.sent)
    assert (world.state.sweep, world.state.wanted, world.pages.known) == (None, None, {})
