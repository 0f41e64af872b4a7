"""Poison messages against the real Azurite: their users need attention, unreadable texts stay."""

from azure.storage.queue.aio import QueueClient

from local.azurite.server import Azurite
from shared.domain.messages import MoveMessage
from shared.services.upkeep.poison import PoisonRecorder
from shared.storage.poison import PoisonQueue
from shared.storage.queue import MessageQueue
from shared.telemetry.log import EventLog
from tests.fakes import FakeClock, FakeWaiting, guid


async def test_users_of_poison_messages_need_attention(azurite_server: Azurite) -> None:
    """Both encodings of a message are recorded and removed; what is no message stays for a person."""
    connection, name = azurite_server.connection_string, "recorded-poison"
    queue = MessageQueue(name, connection=connection)
    waiting = FakeWaiting()
    recorder = PoisonRecorder(PoisonQueue(queue), waiting, FakeClock(), EventLog("acp.poison"))
    assert await recorder.record() == 0
    await queue.send([MoveMessage(cause="sweep", users=(guid(1), guid(2))).encode(), "no message"])
    async with QueueClient.from_connection_string(connection, name) as raw:
        await raw.send_message(MoveMessage(cause="sweep", users=(guid(3),)).encode())
        await raw.send_message("{not base64")
        assert await recorder.record() == 3
        left = await raw.get_queue_properties()
    await queue.close()
    assert {user for user, row in waiting.rows.items() if row.needs_attention} == {
        guid(1),
        guid(2),
        guid(3),
    }
    assert left.approximate_message_count == 2
