"""Poison messages: users who need a person, renewals that are reported, texts that stay."""

import pytest

from shared.domain.messages import MoveMessage, RenewMessage
from shared.domain.retry import Waiting, WaitReason, ask_person
from shared.domain.run import Signal
from shared.services.upkeep.poison import PoisonRecorder
from shared.telemetry.log import EventLog
from tests.fakes import NOON, FakeClock, FakePoison, FakeWaiting, guid
from tests.loglines import Lines


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """What is logged from here on."""
    return Lines(caplog)


def recorder(
    waiting: FakeWaiting,
    moves: FakePoison[MoveMessage] | None = None,
    renewals: FakePoison[RenewMessage] | None = None,
) -> PoisonRecorder:
    """A recorder with fakes around it."""
    return PoisonRecorder(
        moves or FakePoison(),
        renewals or FakePoison(),
        waiting,
        FakeClock(),
        EventLog("acp.poison"),
    )


async def test_users_of_failed_messages_need_attention(lines: Lines) -> None:
    """Every user of every message is stored for a person, and the messages are removed."""
    waiting = FakeWaiting()
    due = Waiting(guid(1), WaitReason.PROVISIONING, "why", NOON, NOON, NOON)
    await waiting.save_waiting(due)
    messages = [
        MoveMessage(Signal.SWEEP, (guid(1), guid(2))),
        MoveMessage(Signal.CATCH_UP, (guid(3),)),
    ]
    moves = FakePoison[MoveMessage]([*messages])
    assert await recorder(waiting, moves).record() == 3
    assert moves.left == []
    assert sorted(waiting.rows) == [guid(1), guid(2), guid(3)]
    assert all(row.needs_attention for row in waiting.rows.values())
    assert all("move_users" in row.reason for row in waiting.rows.values())
    recorded = lines.one("poison_recorded")
    assert (recorded["messages"], recorded["users"]) == ("2", "3")


async def test_reason_that_is_known_is_kept() -> None:
    """A user who needs attention already keeps the reason, which says more."""
    waiting = FakeWaiting()
    known = ask_person(guid(1), "user1@contoso.example", "help", NOON)
    await waiting.save_waiting(known)
    await recorder(waiting, FakePoison([MoveMessage(Signal.SWEEP, (guid(1),))])).record()
    assert waiting.rows == {guid(1): known}


async def test_failed_renewal_is_logged_and_removed(lines: Lines) -> None:
    """A renewal that Graph asked for and that failed is a warning that says where to look."""
    waiting, renewals = FakeWaiting(), FakePoison[RenewMessage]([RenewMessage(), RenewMessage()])
    assert await recorder(waiting, renewals=renewals).record() == 0
    assert renewals.left == []
    failed = lines.of("renewal_failed")
    assert len(failed) == 2
    assert all("renew_subscription" in each["reason"] for each in failed)
    assert waiting.rows == {}


async def test_malformed_texts_stay(lines: Lines) -> None:
    """What cannot be read stays in either queue, is logged at each reading, and stops nothing."""
    waiting = FakeWaiting()
    moves = FakePoison[MoveMessage](["no message", MoveMessage(Signal.SWEEP, (guid(1),))])
    renewals = FakePoison[RenewMessage](["no renewal", RenewMessage()])
    assert await recorder(waiting, moves, renewals).record() == 1
    assert (moves.left, renewals.left) == (["no message"], ["no renewal"])
    unreadable = lines.of("poison_unreadable")
    assert [each["reason"] for each in unreadable] == ["no renewal", "no message"]
    assert {each["message"] for each in unreadable} == {"message-0"}
    assert len(lines.of("renewal_failed")) == 1


async def test_empty_queues_are_silent(lines: Lines) -> None:
    """Where nothing failed nothing is written."""
    assert await recorder(FakeWaiting()).record() == 0
    assert lines.all == []
