"""Sending from inside a function, against the real Azurite."""

import base64

import pytest
from azure.storage.queue.aio import QueueClient

from local.azurite.server import KEY, Azurite
from shared.domain.messages import PageMessage, move_messages
from shared.domain.run import Mode, Signal
from shared.errors import StorageError
from shared.storage.codec import encode
from shared.storage.queue import MessageQueue
from tests.fakes import guid


async def test_messages_arrive_in_the_triggers_encoding(azurite_server: Azurite) -> None:
    """When `send` returns the queue has every message, base64 as the trigger reads it, without end."""
    messages = list(
        move_messages(Signal.SWEEP, (guid(number) for number in range(50)), mode=Mode.MOVE)
    )
    queue = MessageQueue("sends-arrive", connection=azurite_server.connection_string)
    await queue.send(messages)
    await queue.send([])
    await queue.close()
    connection = azurite_server.connection_string
    async with QueueClient.from_connection_string(connection, "sends-arrive") as client:
        received = [message async for message in client.receive_messages(messages_per_page=32)]
    assert sorted(base64.b64decode(m.content).decode() for m in received) == sorted(
        map(encode, messages)
    )
    assert all(m.expires_on is not None and m.expires_on.year > 9000 for m in received)


async def test_queue_that_refuses_is_our_error(azurite_server: Azurite) -> None:
    """A queue that cannot be used is a StorageError that names the queue."""
    connection = azurite_server.connection_string.replace(KEY, "c2VjcmV0")
    queue = MessageQueue("gone", connection=connection)
    try:
        with pytest.raises(StorageError, match="queue gone"):
            await queue.send([PageMessage("run-1", 1)])
    finally:
        await queue.close()
