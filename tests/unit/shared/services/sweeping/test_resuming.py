"""A sweep that is killed, interrupted, refused or asked for: it goes on, once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.held import HeldUser
from shared.domain.run import Mode, Run, RunState, Signal, SweepPage
from shared.errors import (
    AccessDeniedError,
    ExpiredError,
    RejectedError,
    RetryLaterError,
    StorageError,
    UnreachableError,
)
from tests.fakes import NOON, FakeQueue, FakeState, guid, in_service, licensed, third_party
from tests.unit.shared.services.sweeping.world import LIMIT
from tests.unit.shared.services.sweeping.world import SweepingWorld as World


async def test_interrupted_sweep_goes_on_from_its_last_page() -> None:
    """A sweep that broke off reads no page twice, and its counts and users are those of a whole one."""
    world = World()
    world.fill(12)
    world.directory.add(licensed(99))
    for stop in (3, 9):
        world.teams.stop_at = stop
        with pytest.raises(UnreachableError):
            await world.sweeper().sweep()
        assert world.runs.last.state is RunState.INTERRUPTED
        assert "ReadTimeout" in world.runs.last.reason
        assert world.sent == []
        assert await world.sweeper().resume() is None, "it goes on after a pause"
        world.clock.passed += 60
    world.teams.stop_at = None
    run = await world.sweeper().resume()
    assert run is not None
    assert run.state is RunState.MOVING
    assert world.teams.pages_read == [0, 3, 6, 9]
    assert (run.counts["users"], run.counts["queued"], run.counts["unlisted"]) == (12, 13, 1)
    assert sorted(world.sent) == sorted([*(guid(number) for number in range(12)), guid(99)])
    assert len(world.runs.runs) == 1


@pytest.mark.parametrize("start", [0, 6])
async def test_a_long_pause_is_waited_for_with_the_lease(start: int) -> None:
    """What was read of the licensed users is in memory alone: it is not read again, nor is any page."""
    world = World()
    world.fill(12)
    world.teams.stop_at, world.teams.stops = start, 3
    world.teams.stop_with = RetryLaterError("Teams", "GET users", 600)
    run = await world.sweep()
    assert (run.state, len(world.queued)) == (RunState.MOVING, 12)
    assert (world.directory.listings, world.teams.pages_read) == (1, [0, 3, 6, 9])
    assert world.clock.slept == [60.0] * 30
    assert world.runs.last.interruptions == 0


async def test_a_pause_that_no_function_survives_interrupts_the_sweep() -> None:
    """After an hour the host would stop it."""
    world = World()
    world.fill(12)
    world.teams.stop_at, world.teams.stop_with = 6, RetryLaterError("Teams", "GET users", 3600)
    with pytest.raises(RetryLaterError):
        await world.sweep()
    assert (world.runs.last.state, world.clock.slept) == (RunState.INTERRUPTED, [])


async def test_queue_that_fails_loses_nobody() -> None:
    """When the queue is down the sweep goes on later, from the pages that it stored, and reads none again."""
    world = World(queue=FakeQueue(down=True))
    world.fill(4)
    world.directory.add(licensed(4), licensed(70))
    world.teams.add(in_service(4, third_party()))
    world.teams.faults = [(guid(60), "field acpInfo: Field required")]
    world.held.rows = {guid(4): HeldUser(guid(4), "", "BT", Signal.CATCH_UP, "run", NOON)}
    with pytest.raises(StorageError) as error:
        await world.sweep()
    run, some = world.runs.last, [guid(0), guid(1), guid(2), guid(60)]
    assert world.pages.known[run.id] == {
        1: SweepPage(1, some, some),
        2: SweepPage(2, [guid(3), guid(4)], [guid(3)]),
        3: SweepPage(3, [guid(70)], [guid(70)]),
    }
    counts = {"licensed": 6, "users": 5, "enable": 4, "unreadable": 1, "held": 1}
    assert run == Run(
        run.id,
        Signal.SWEEP,
        RunState.INTERRUPTED,
        NOON,
        reason=str(error.value),
        counts={**counts, "unlisted": 1, "attention": 0},
        page=2,
        scanned=True,
        interruptions=1,
        not_before=NOON + timedelta(minutes=1),
        mode=Mode.MOVE,
        progressed_at=NOON,
    )
    world.queue.down = False
    world.clock.passed += 60
    await world.sweeper().resume()
    assert len(world.queued) == 6
    assert world.teams.pages_read == [0, 3]


async def test_refused_link_ends_the_sweep() -> None:
    """A link that the service does not take any more fails the run; the next sweep starts again."""
    world = World()
    world.fill(6)
    world.teams.stop_at, world.teams.stop_with = 3, RejectedError("Teams", "GET", "HTTP 400")
    with pytest.raises(RejectedError):
        await world.sweep()
    assert world.runs.last.state is RunState.FAILED
    world.teams.stop_at = None
    assert (await world.sweep()).state is RunState.MOVING
    assert len(world.runs.runs) == 2


EXPIRED = ExpiredError("Graph", "GET /v1.0/users", "HTTP 400 Directory_ExpiredPageToken")


async def test_a_listing_whose_next_page_expired_is_begun_again_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In the middle, or where an interrupted sweep goes on: the run is that of an undisturbed one."""
    plain, expired, resumed = World(), World(), World()
    for world in (plain, expired, resumed):
        world.fill(8)
        world.directory.add(licensed(20))
    expected = await plain.sweep()
    resumed.teams.stop_at = 3
    with pytest.raises(UnreachableError):
        await resumed.sweep()
    for world in (expired, resumed):
        world.teams.stop_at, world.teams.stops, world.teams.stop_with = 3, 1, EXPIRED
        caplog.clear()
        run = await world.sweep()
        assert (run.state, run.counts, run.page) == (
            RunState.MOVING,
            expected.counts,
            expected.page,
        )
        assert world.sent == plain.sent
        assert [name for name in caplog.messages if "listing_begun_again" in name] != []


async def test_a_listing_that_expires_again_fails_by_name() -> None:
    """Twice in one go: the run has failed, says why, and queued nobody."""
    world = World()
    world.fill(8)
    world.teams.stop_at, world.teams.stop_with = 3, EXPIRED
    with pytest.raises(ExpiredError):
        await world.sweep()
    assert (world.runs.last.state, world.runs.last.reason) == (RunState.FAILED, str(EXPIRED))
    assert (world.teams.pages_read, world.sent) == ([0, 0], [])


@pytest.mark.parametrize(
    ("listed", "licensed_users", "doubted"),
    [(20, 1_000, True), (20, 40, True), (95, 100, False), (0, 9, False), (20, 20, False)],
)
async def test_a_listing_that_lacks_many_licensed_users_is_doubted(
    listed: int, licensed_users: int, doubted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A short page that names no next one ends well, with a warning; those who are missing are queued."""
    world = World(limit=None)
    world.teams.page_size = 1_000
    world.fill(listed)
    world.directory.add(*(licensed(number) for number in range(listed, licensed_users)))
    run = await world.sweep()
    missing = licensed_users - listed
    said = (
        f"Teams' listing of {listed} users lacks {missing} of {licensed_users} licensed users: it "
        "may have been cut off"
    )
    assert (run.state, run.reason) == (RunState.MOVING, said if doubted else "")
    assert any("listing_doubtful" in line for line in caplog.messages) is doubted
    assert len(world.queued) == licensed_users


async def test_old_interrupted_sweep_is_given_up() -> None:
    """After hours the picture is old: the unfinished sweep fails, and a new one reads everything."""
    world = World()
    world.fill(6)
    world.teams.stop_at = 3
    with pytest.raises(UnreachableError):
        await world.sweep()
    world.teams.stop_at = None
    world.clock.passed += 7 * 3600
    assert (await world.sweep()).counts["users"] == 6
    assert [run.state for run in world.runs.runs.values()] == [RunState.FAILED, RunState.MOVING]


async def test_two_sweeps_never_run_at_once() -> None:
    """While one instance holds the lease another does nothing; a killed holder's lease ends by itself."""
    world = World()
    world.fill(3)
    await world.state.acquire("sweep", "somebody else", world.clock.now(), timedelta(minutes=5))
    assert await world.sweeper().sweep() is None
    assert world.teams.pages_read == []
    world.clock.passed += 301
    assert (await world.sweep()).state is RunState.MOVING


async def test_missing_role_ends_the_sweep_at_once() -> None:
    """What trying again cannot mend is not tried every minute: the run fails, with the reason."""
    world = World()
    world.fill(1)
    world.teams.stop_at, world.teams.stop_with = 0, AccessDeniedError("Teams", "GET", "HTTP 403")
    with pytest.raises(AccessDeniedError):
        await world.sweep()
    assert world.runs.last.state is RunState.FAILED
    assert await world.sweeper().resume() is None
    world.teams.stop_at = None
    world.clock.passed += 60
    run = await world.sweeper().resume()
    assert run is not None
    assert (run.state, world.requested) == (RunState.MOVING, None)


async def test_finished_sweep_leaves_no_scratch() -> None:
    """The pages of a sweep are forgotten at its end, also when users of it are held."""
    world = World()
    world.fill(3)
    await world.sweep()
    assert world.pages.known == {}
    world = World(limit=replace(LIMIT, moves=0))
    world.fill(3, third_party())
    assert (await world.sweep()).state is RunState.HELD
    assert world.pages.known == {}


async def test_requested_sweep_begins_at_the_next_resume() -> None:
    """A sweep that was requested is begun once, also after a crash of who asked."""
    world = World()
    world.fill(1)
    assert await world.sweeper().resume() is None
    await world.state.request_sweep()
    assert await world.sweeper().resume() is not None
    assert await world.sweeper().resume() is None


class Counting(FakeState):
    """Counts how often a lease is taken or renewed."""

    renewals = 0

    async def acquire(self, *args: Any, **options: Any) -> bool:
        self.renewals += 1
        return await super().acquire(*args, **options)


async def test_the_lease_is_renewed_by_the_clock_and_not_by_the_page() -> None:
    """A hundred pages within a third of the lease renew it as often as one page does."""
    small, large = World(state=Counting()), World(state=Counting())
    for world, users in ((small, 1), (large, 200)):
        world.fill(users)
        assert (await world.sweep()).state is RunState.MOVING
    assert len(large.teams.pages_read) > 20 * len(small.teams.pages_read)
    assert vars(large.state)["renewals"] == vars(small.state)["renewals"]
