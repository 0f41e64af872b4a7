"""Poison messages: users who come once more alone, renewals that are reported, texts that stay."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from shared.domain.messages import MoveMessage, PoisonMessage, Upkeep, UpkeepMessage
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import Waiting, WaitReason, ask_person
from shared.domain.run import Mode, Signal
from shared.errors import StorageError
from shared.services.upkeep.poison import PoisonRecorder
from shared.telemetry.log import EventLog
from tests.fakes import (
    NOON,
    FakeClock,
    FakePoison,
    FakeQueue,
    FakeRuns,
    FakeUsers,
    FakeWaiting,
    guid,
)
from tests.loglines import Lines

REASON = "its queue message failed repeatedly; the log of move_users says why"
ALONE = MoveMessage(Signal.SWEEP, (guid(1),), "run-1", retries=1)
FAILED = UserResult(guid(1), Outcome.FAILED, REASON)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """What is logged from here on."""
    return Lines(caplog)


@dataclass
class World:
    """Poison queues, and what a recorder works with."""

    moves: FakePoison[MoveMessage] = field(default_factory=FakePoison)
    upkeep: FakePoison[UpkeepMessage] = field(default_factory=FakePoison)
    queue: FakeQueue = field(default_factory=FakeQueue)
    users: FakeUsers = field(default_factory=FakeUsers)
    runs: FakeRuns = field(default_factory=FakeRuns)
    waiting: FakeWaiting = field(default_factory=FakeWaiting)

    async def record(self) -> int:
        recorder = PoisonRecorder(
            moves=self.moves,
            upkeep=self.upkeep,
            queue=self.queue,
            users=self.users,
            runs=self.runs,
            waiting=self.waiting,
            clock=FakeClock(),
            log=EventLog("acp.poison"),
        )
        return await recorder.record()


async def test_users_of_failed_messages_come_once_more_each_alone(lines: Lines) -> None:
    """One bad neighbor is no reason to ask a person: each user is sent alone, a minute later."""
    messages = [
        MoveMessage(Signal.SWEEP, (guid(1), guid(2)), "run-1", "0123456789abcdef", Mode.REPORT, 3),
        MoveMessage(Signal.CATCH_UP, (guid(3),), mode=Mode.MOVE),
    ]
    world = World(FakePoison([*messages]))
    assert await world.record() == 3
    assert world.moves.left == []
    assert world.queue.messages == [
        MoveMessage(Signal.SWEEP, (guid(1),), "run-1", "0123456789abcdef", Mode.REPORT, 4),
        MoveMessage(Signal.SWEEP, (guid(2),), "run-1", "0123456789abcdef", Mode.REPORT, 4),
        MoveMessage(Signal.CATCH_UP, (guid(3),), mode=Mode.MOVE, retries=1),
    ]
    assert world.queue.delays == [60.0] * 3
    assert world.waiting.rows == {}
    recorded = lines.one("poison_recorded")
    assert (recorded["messages"], recorded["users"]) == ("2", "3")


async def test_a_user_who_came_alone_needs_attention(lines: Lines) -> None:
    """Who failed alone again is listed for a person, whatever the user waited for; the run is told."""
    world = World(FakePoison([ALONE]))
    due = Waiting(guid(1), WaitReason.PROVISIONING, "why", NOON, NOON, NOON, runs=("run-0",))
    await world.waiting.save_waiting(due)
    assert await world.record() == 1
    row = replace(ask_person(guid(1), "", REASON, NOON), runs=("run-0", "run-1"))
    assert (world.moves.left, world.queue.messages) == ([], [])
    assert world.waiting.rows == {guid(1): row}
    assert (world.runs.recorded, world.runs.recorded_at) == (
        {"run-1": [FAILED]},
        {"run-1": NOON},
    )
    line = lines.one("needs_attention")
    assert (line["user"], line["reason"]) == (str(EventLog("").who(guid(1))), REASON)


async def test_a_full_queue_keeps_the_poison() -> None:
    """Users who cannot be sent again stay where they are: nobody drops out."""
    world = World(FakePoison([MoveMessage(Signal.SWEEP, (guid(1),))]), queue=FakeQueue(down=True))
    with pytest.raises(StorageError):
        await world.record()
    assert world.moves.left == [MoveMessage(Signal.SWEEP, (guid(1),))]


async def test_a_user_settled_meanwhile_gets_no_row() -> None:
    """A poison message that is older than the last outcome says nothing about the user."""

    class Dated(FakePoison[MoveMessage]):
        async def messages(self) -> AsyncIterator[PoisonMessage[MoveMessage]]:
            for number in (1, 2, 3):
                alone = replace(ALONE, users=(guid(number),), run=None)
                yield PoisonMessage(f"message-{number}", alone, inserted_at=NOON)

    world = World(Dated())
    for number, hours in ((1, 1), (2, -1), (3, 0)):
        result = UserResult(guid(number), Outcome.MOVED, "why")
        await world.users.record_result(result, Signal.SWEEP, NOON + timedelta(hours=hours))
    assert await world.record() == 3
    assert world.waiting.rows == {
        guid(number): ask_person(guid(number), "", REASON, NOON) for number in (2, 3)
    }
    assert world.runs.recorded == {}


async def test_reason_that_is_known_is_kept() -> None:
    """A user who needs attention already keeps the reason, which says more."""
    known = ask_person(guid(1), "user1@contoso.example", "help", NOON)
    world = World(FakePoison([ALONE]))
    await world.waiting.save_waiting(known)
    await world.record()
    assert world.waiting.rows == {guid(1): replace(known, runs=("run-1",))}
    assert world.runs.recorded == {"run-1": [replace(FAILED, reason="help", upn=known.upn)]}


async def test_failed_upkeep_is_logged_and_removed(lines: Lines) -> None:
    """A renewal that Graph asked for, or another part that failed, is a warning that says where to look."""
    world = World(upkeep=FakePoison([UpkeepMessage(Upkeep.RENEW), UpkeepMessage(Upkeep.CATCH_UP)]))
    assert await world.record() == 0
    assert world.upkeep.left == []
    renewal, catch_up = lines.one("renewal_failed"), lines.one("upkeep_failed")
    assert "run_upkeep" in renewal["reason"]
    assert (catch_up["part"], "run_upkeep" in catch_up["reason"]) == ("catch_up", True)
    assert world.waiting.rows == {}


async def test_malformed_texts_stay(lines: Lines) -> None:
    """What cannot be read stays in either queue, is logged at each reading, and stops nothing."""
    moves = FakePoison[MoveMessage](["no message", ALONE])
    renewals = FakePoison[UpkeepMessage](["no renewal", UpkeepMessage(Upkeep.RENEW)])
    world = World(moves, renewals)
    assert await world.record() == 1
    assert (moves.left, renewals.left) == (["no message"], ["no renewal"])
    unreadable = lines.of("poison_unreadable")
    assert [each["reason"] for each in unreadable] == ["no renewal", "no message"]
    assert {each["message"] for each in unreadable} == {"message-0"}
    assert len(lines.of("renewal_failed")) == 1


async def test_empty_queues_are_silent(lines: Lines) -> None:
    """Where nothing failed nothing is written."""
    assert await World().record() == 0
    assert lines.all == []
