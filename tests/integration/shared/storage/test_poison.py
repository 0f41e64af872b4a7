"""Poison messages against the real Azurite: what they ask for is recorded, malformed texts stay."""

import base64

import pytest
from azure.storage.queue.aio import QueueClient

from local.azurite.server import Azurite
from shared.domain.messages import MoveMessage, Upkeep, UpkeepMessage
from shared.domain.run import Signal
from shared.services.ports import Poison
from shared.services.upkeep.poison import PoisonRecorder
from shared.storage.codec import decode_move, decode_upkeep, encode
from shared.storage.poison import PoisonQueue
from shared.storage.queue import MessageQueue
from shared.telemetry.log import EventLog
from tests.fakes import FakeClock, FakePoison, FakeQueue, FakeRuns, FakeUsers, FakeWaiting, guid
from tests.loglines import Lines


def poison_recorder(
    moves: Poison[MoveMessage],
    upkeep: Poison[UpkeepMessage],
    queue: FakeQueue,
    waiting: FakeWaiting,
) -> PoisonRecorder:
    """A recorder of these queues."""
    return PoisonRecorder(
        moves=moves,
        upkeep=upkeep,
        queue=queue,
        users=FakeUsers(),
        runs=FakeRuns(),
        waiting=waiting,
        clock=FakeClock(),
        log=EventLog("acp.poison"),
    )


async def test_users_of_poison_messages_come_once_more_then_need_attention(
    azurite_server: Azurite,
) -> None:
    """Both encodings of a message are handled and removed; what is malformed stays for a person."""
    connection, name = azurite_server.connection_string, "recorded-poison"
    queue = MessageQueue(name, connection=connection)
    waiting = FakeWaiting()
    sent = FakeQueue()
    recorder = poison_recorder(PoisonQueue(queue, decode_move), FakePoison(), sent, waiting)
    assert await recorder.record() == 0
    await queue.send([MoveMessage(Signal.SWEEP, (guid(1), guid(2)))])
    async with QueueClient.from_connection_string(connection, name) as raw:
        await raw.send_message(base64.b64encode(b"no message").decode())
        await raw.send_message(encode(MoveMessage(Signal.SWEEP, (guid(3),), retries=1)))
        await raw.send_message("{not base64")
        assert await recorder.record() == 3
        left = await raw.get_queue_properties()
    await queue.close()
    assert sent.moves == [
        MoveMessage(Signal.SWEEP, (guid(1),), retries=1),
        MoveMessage(Signal.SWEEP, (guid(2),), retries=1),
    ]
    assert [user for user, row in waiting.rows.items() if row.needs_attention] == [guid(3)]
    assert left.approximate_message_count == 2


async def test_failed_renewals_are_reported_and_removed(
    azurite_server: Azurite, caplog: pytest.LogCaptureFixture
) -> None:
    """Both encodings of a renewal leave `moves-upkeep-poison`; any other message stays for a person."""
    lines = Lines(caplog)
    connection, name = azurite_server.connection_string, "moves-upkeep-poison"
    queue = MessageQueue(name, connection=connection)
    recorder = poison_recorder(
        FakePoison(), PoisonQueue(queue, decode_upkeep), FakeQueue(), FakeWaiting()
    )
    assert await recorder.record() == 0
    async with QueueClient.from_connection_string(connection, name) as raw:
        await raw.send_message(
            base64.b64encode(encode(UpkeepMessage(Upkeep.RENEW)).encode()).decode()
        )
        await raw.send_message(encode(UpkeepMessage(Upkeep.RENEW)))
        malformed = await raw.send_message("malformed")
        assert await recorder.record() == 0, "no user is among them"
        left = await raw.get_queue_properties()
    await queue.close()
    assert len(lines.of("renewal_failed")) == 2
    unreadable = lines.one("poison_unreadable")
    assert (unreadable["message"], left.approximate_message_count) == (malformed.id, 1)
    assert "the whole text" in unreadable["reason"]
