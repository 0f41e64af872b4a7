"""One attempt per change: a notification that an attempt has overtaken needs no other."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from shared.domain.messages import MoveMessage, move_messages
from shared.domain.outcome import Outcome
from shared.domain.run import Mode, Signal
from shared.domain.saved import KnownUser
from shared.errors import StorageError
from tests.fakes import NOON, FakeUsers, guid, in_service, licensed, third_party
from tests.loglines import Lines
from tests.unit.shared.services.moving.world import MovingWorld

SECOND = timedelta(seconds=1)


@dataclass
class CountedUsers(FakeUsers):
    """Table `users`, whose reads are counted, or refused."""

    reads: int = 0
    unreadable: bool = False

    async def known(self, user_id: str) -> KnownUser | None:
        self.reads += 1
        if self.unreadable:
            raise StorageError("read table users", "HttpResponseError")
        return await super().known(user_id)


@dataclass
class World(MovingWorld):
    """A mover with one user on a third party, who was tried ten seconds after noon."""

    users: CountedUsers = field(default_factory=CountedUsers)

    async def tried(self) -> "World":
        self.directory.add(licensed())
        self.teams.add(in_service(1, third_party()))
        self.clock.passed = 10
        await self.move(1)
        self.clock.passed = 60
        self.users.reads = 0
        return self

    async def notified(self, arrived: datetime | None, **changed: object) -> int:
        """Handle a notification of user 1; return how many attempts it led to."""
        message = MoveMessage(Signal.LICENSE_EVENT, (guid(1),), mode=Mode.MOVE, arrived=arrived)
        return len(await self.mover().handle(replace(message, **changed)))  # type: ignore[arg-type]


async def test_a_notification_older_than_the_last_attempt_is_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Point read, no attempt: nothing of the services is read again; others of the message are tried."""
    world = await World().tried()
    before = world.directory.batches
    assert await world.notified(NOON) == 0
    assert (world.users.reads, world.directory.batches) == (1, before)
    lines = Lines(caplog)
    assert await world.notified(NOON, users=(guid(1), guid(2))) == 1
    line = lines.one("handled")
    assert (line["users"], line["duplicates"]) == ("1", "1")


@pytest.mark.parametrize(("later", "reads"), [(0, 1), (2, 1), (2.1, 2)])
async def test_what_nothing_can_have_overtaken_costs_no_read(later: float, reads: int) -> None:
    """Beside the read of the attempt: within the two seconds by which clocks may differ."""
    world = await World().tried()
    assert await world.notified(NOON + (60 - later) * SECOND) == 1
    assert world.users.reads == reads


@pytest.mark.parametrize("arrived", [NOON + 8 * SECOND, NOON + 11 * SECOND, None])
async def test_a_later_change_is_never_hidden(arrived: datetime | None) -> None:
    """An attempt that began before the notification came, or hardly after it, hides nothing."""
    world = await World().tried()
    assert await world.notified(arrived) == 1


@pytest.mark.parametrize(
    "changed",
    [
        *(
            {"cause": signal}
            for signal in sorted({*Signal} - {Signal.LICENSE_EVENT, Signal.RECHECK})
        ),
        {"run": "run-1"},
        {"run": "run-1", "cause": Signal.RECHECK},
    ],
)
async def test_only_notifications_are_left_out(changed: dict[str, object]) -> None:
    """A person's request, a sweep, a release and a catch-up are always carried out."""
    world = await World().tried()
    assert await world.notified(NOON, **changed) == 1


async def test_a_user_who_was_due_twice_is_attempted_once() -> None:
    """Where the queue is longer than an hour, each hour's recheck queues those again who are in it."""
    world = await World().tried()
    assert await world.notified(NOON, cause=Signal.RECHECK) == 0
    later = NOON + timedelta(seconds=30)
    assert await world.notified(later, cause=Signal.RECHECK) == 1


async def test_what_report_mode_saw_moves_nobody_later() -> None:
    """An attempt that only reported does not keep a notification from moving the user."""
    world = World(report=True)
    await world.tried()
    assert world.users.results[guid(1)].outcome is Outcome.WOULD_MOVE
    world.report = False
    assert await world.notified(NOON) == 1
    assert world.users.results[guid(1)].outcome is Outcome.MOVED


async def test_in_doubt_there_is_an_attempt() -> None:
    """A table that cannot be read hides no change."""
    world = await World().tried()
    world.users.unreadable = True
    assert await world.notified(NOON) == 1


async def test_a_clock_that_was_ahead_hides_neither_changes_nor_outcomes() -> None:
    """An attempt recorded as of tomorrow: the next notification counts, and so does what it finds."""
    world = await World().tried()
    world.users.began[guid(1)] = NOON + 86_400 * SECOND
    world.users.results[guid(1)] = replace(world.users.results[guid(1)], outcome=Outcome.UNLICENSED)
    world.clock.passed = 300
    assert await world.notified(NOON + 200 * SECOND) == 1
    assert world.users.results[guid(1)].outcome is Outcome.ALREADY_MICROSOFT
    assert world.users.began[guid(1)] == NOON + 300 * SECOND


async def test_who_has_an_outcome_is_listed_too() -> None:
    """A user whose waiting row cannot be written has no outcome, so the next notification counts."""
    world = World()
    world.directory.add(licensed())
    world.waiting.down.add(guid(1))
    world.clock.passed = 10
    assert await world.notified(NOON) == 0
    assert world.users.results == {}
    world.waiting.down.clear()
    world.clock.passed = 60
    assert await world.notified(NOON) == 1
    assert list(world.waiting.rows) == [guid(1)]


async def test_a_wave_with_three_notifications_each_is_one_attempt_each() -> None:
    """2,000 users, notified thrice within two seconds, 50 attempts a second: 1.2 each at most."""
    world = World()
    users = [guid(number) for number in range(1, 2001)]
    for number in range(1, 2001):
        world.directory.add(licensed(number))
        if number % 2:
            world.teams.add(in_service(number, third_party()))
    mover, attempts = world.mover(), 0
    for third in range(3):
        for message in move_messages(Signal.LICENSE_EVENT, users, mode=Mode.MOVE):
            arrived = NOON + third * SECOND
            if world.clock.now() < arrived:
                world.clock.passed = (arrived - NOON).total_seconds()
            results = await mover.handle(replace(message, arrived=arrived))
            attempts += len(results)
            world.clock.passed += 0.02 * len(results)
    assert set(world.users.results) == set(users)
    assert attempts / len(users) <= 1.2
    assert world.users.reads <= 2 * len(users) + attempts
