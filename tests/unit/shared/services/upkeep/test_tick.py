"""The tick: parts that are due run together, fail apart, and are cut off when they take long."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from shared.domain.messages import Message, Upkeep, UpkeepMessage
from shared.domain.schedule import Schedule
from shared.errors import BusyError, StorageError
from shared.services.upkeep.tick import Part, Ticker
from shared.telemetry.log import EventLog
from tests.fakes import FakeClock, FakeQueue
from tests.loglines import Lines

MINUTE = timedelta(minutes=1)
EVERY_MINUTE = Schedule.parse("0 * * * * *")
EVERY_FIVE = Schedule.parse("0 */5 * * * *")


@dataclass
class World:
    """A ticker whose parts note that they ran. works: the rest of what a part does."""

    works: dict[Upkeep, Callable[[], Awaitable[object]]] = field(default_factory=dict)
    slice_: timedelta = timedelta(seconds=40)
    clock: FakeClock = field(default_factory=FakeClock)
    queue: FakeQueue = field(default_factory=FakeQueue)
    ran: list[Upkeep] = field(default_factory=list)

    def __post_init__(self) -> None:
        schedules = {
            Upkeep.RENEW: None,
            Upkeep.RECHECK: EVERY_MINUTE,
            Upkeep.SWEEP: EVERY_MINUTE,
            Upkeep.CATCH_UP: EVERY_FIVE,
        }
        self.parts = {name: Part(self._part(name), when) for name, when in schedules.items()}
        self.ticker = self.process()

    def process(self) -> Ticker:
        """A ticker that has not run yet."""
        log, of = EventLog("acp.tick"), self
        return Ticker(of.parts, EVERY_MINUTE, of.queue, of.clock, log, slice_=of.slice_)

    def _part(self, name: Upkeep) -> Callable[[], Awaitable[object]]:
        async def run() -> None:
            self.ran.append(name)
            if work := self.works.get(name):
                await work()

        return run

    async def tick(self, *, seconds: float = 0, missed: bool = False) -> list[Upkeep]:
        """Tick at NOON and so many seconds; return the parts that ran."""
        self.clock.passed = seconds
        self.ran.clear()
        await self.ticker.tick(missed=missed)
        return sorted(self.ran)


async def forever() -> None:
    """Never end."""
    await asyncio.Event().wait()


def failing(error: Exception) -> Callable[[], Awaitable[object]]:
    """Return what fails with an error."""

    async def fail() -> None:
        raise error

    return fail


BOTH = [Upkeep.RECHECK, Upkeep.SWEEP]
ALL = [Upkeep.CATCH_UP, *BOTH]


@pytest.mark.parametrize(
    ("seconds", "due"),
    [(0, ALL), (0.9, ALL), (-0.02, ALL), (58.9, ALL), (60, BOTH), (100, BOTH), (299.99, ALL)],
)
async def test_a_part_runs_at_its_schedule(seconds: float, due: list[Upkeep]) -> None:
    """The first tick of a process does what was due in the last minute, and may be a little early."""
    assert await World().tick(seconds=seconds) == due


async def test_what_was_due_since_the_last_tick_is_not_left_out() -> None:
    """A tick that came minutes late does everything that was due meanwhile, and nothing twice."""
    world = World()
    assert await world.tick(seconds=60) == BOTH
    assert await world.tick(seconds=60 * 7) == ALL
    assert await world.tick(seconds=60 * 8) == BOTH
    assert await world.tick(seconds=60 * 9, missed=True) == ALL
    world.clock.passed = 60 * 9 + 60
    world.ran.clear()
    await world.ticker.tick()
    assert sorted(world.ran) == ALL
    world.ran.clear()
    world.clock.passed += 60
    await world.ticker.tick()
    assert sorted(world.ran) == BOTH, "no earlier tick was left out"
    assert await world.tick(seconds=60 * 11 + 30) == ALL, "by hand"
    assert await world.tick(seconds=86_400 + 60) == ALL


@pytest.mark.parametrize("seconds", [0, 29, 30, 58])
async def test_a_new_process_leaves_out_no_moment_of_the_last_minute(seconds: float) -> None:
    """Whether the process before it did its part is not known; a part too often does no harm."""
    world = World()
    world.parts = {
        Upkeep.SWEEP: Part(world.parts[Upkeep.SWEEP].run, Schedule.parse("30 * * * * *")),
        Upkeep.CATCH_UP: world.parts[Upkeep.CATCH_UP],
    }
    schedule = Schedule.parse("0,30 * * * * *")
    world.ticker = Ticker(world.parts, schedule, world.queue, world.clock, EventLog("acp.tick"))
    assert await world.tick(seconds=seconds) == [Upkeep.CATCH_UP, Upkeep.SWEEP]


async def test_a_part_that_fails_stops_no_other() -> None:
    """Every part runs; the errors come out together at the end."""
    storage, division = StorageError("read", "503"), ZeroDivisionError()
    world = World({Upkeep.RECHECK: failing(storage), Upkeep.CATCH_UP: failing(division)})
    with pytest.raises(ExceptionGroup) as caught:
        await world.tick()
    assert set(caught.value.exceptions) == {storage, division}
    assert sorted(world.ran) == ALL
    world.works = {Upkeep.SWEEP: failing(storage)}
    with pytest.raises(StorageError):
        await world.tick(seconds=60)


async def test_a_part_that_takes_long_continues_by_message_and_delays_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The slice ends for it alone; the message lets it run for as long as it takes."""
    lines = Lines(caplog)
    world = World({Upkeep.SWEEP: forever}, slice_=timedelta(0))
    assert await world.tick() == ALL
    expected: list[Message] = [UpkeepMessage(Upkeep.SWEEP)]
    assert world.queue.messages == expected
    long, running_still = "it takes long and continues by message", "it is still running"
    done = asyncio.Event()
    world.works = {Upkeep.SWEEP: done.wait}
    running = asyncio.create_task(world.ticker.run(Upkeep.SWEEP))
    await asyncio.sleep(0)
    assert await world.tick(seconds=60) == [Upkeep.RECHECK], "it is not doubled"
    told = [(line["part"], line["reason"]) for line in lines.of("upkeep_postponed")]
    assert told == [("sweep", long), ("sweep", running_still)]
    done.set()
    await running
    assert await world.tick(seconds=120) == BOTH


async def test_a_part_that_another_instance_does_is_no_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever meets another instance at work leaves it to that."""
    lines = Lines(caplog)
    world = World({Upkeep.CATCH_UP: failing(BusyError("another instance is catching up"))})
    assert await world.tick() == ALL
    line = lines.one("upkeep_postponed")
    assert (line["part"], line["reason"]) == ("catch_up", "another instance is catching up")
    assert world.queue.messages == []


async def test_a_time_out_of_its_own_is_a_failure() -> None:
    """Only the end of the slice is no error; a part's own time-out is."""
    world = World({Upkeep.CATCH_UP: failing(TimeoutError())})
    with pytest.raises(TimeoutError):
        await world.tick()
    assert world.queue.messages == []


async def test_a_message_runs_any_part_and_its_error_fails_the_message() -> None:
    """Graph's wish to renew has no schedule; the queue delivers again what failed."""
    world = World({Upkeep.RENEW: failing(StorageError("write", "503"))})
    with pytest.raises(StorageError):
        await world.ticker.run(Upkeep.RENEW)
    world.works.clear()
    await world.ticker.run(Upkeep.RENEW)
    assert world.ran == [Upkeep.RENEW] * 2
