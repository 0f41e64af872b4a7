"""Sending from inside a function, against the real Azurite."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from local.azurite.server import ACCOUNT, KEY, Azurite
from shared.domain.messages import PageMessage, move_messages
from shared.domain.run import Mode, Signal
from shared.errors import StorageError
from shared.storage.codec import encode
from shared.storage.queue import MessageQueue
from tests.fakes import guid

PUT = "<QueueMessagesList><QueueMessage><MessageId>1</MessageId></QueueMessage></QueueMessagesList>"


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


@asynccontextmanager
async def recording(status: int) -> AsyncIterator[tuple[str, list[tuple[str, bytes]]]]:
    """A storage that answers every message so; yields its connection string and what it was asked."""
    asked = list[tuple[str, bytes]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            first, *headers = head.decode().splitlines()
            names = dict(line.split(": ", 1) for line in headers if line)
            body = await reader.readexactly(int(names.get("Content-Length", 0)))
            said = status
            if "/messages" in first:
                asked.append((f"{first}; {names['x-ms-version']}; {names['Content-Type']}", body))
            else:
                said = 201  # the queue
            about = f"Content-Type: application/xml\r\nContent-Length: {len(PUT)}"
            writer.write(f"HTTP/1.1 {said} Said\r\n{about}\r\n\r\n{PUT}".encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = "http://{}:{}".format(*server.sockets[0].getsockname())
    async with server:
        yield f"AccountName={ACCOUNT};AccountKey={KEY};QueueEndpoint={address}/{ACCOUNT};", asked


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return (await reader.readuntil(b"\r\n\r\n"))[:-4]
    except asyncio.IncompleteReadError:
        return b""


@pytest.mark.parametrize(("delay", "hidden"), [(0, None), (0.4, None), (90.6, 91)])
async def test_a_message_is_sent_in_the_words_of_the_sdk(delay: float, hidden: int | None) -> None:
    """Verb, address, time to live, delay, version and body are what its own client would send."""
    message = PageMessage("run-1", 7)
    async with recording(201) as (connection, asked):
        queue = MessageQueue("words", connection=connection)
        await queue.send([message], delay)
        await queue.close()
        policy = TextBase64EncodePolicy()
        client = QueueClient.from_connection_string(
            connection, "words", message_encode_policy=policy
        )
        async with client:
            await client.send_message(encode(message), time_to_live=-1, visibility_timeout=hidden)
    (ours, body), (theirs, expected) = asked
    assert _words(ours) == _words(theirs)
    assert body == expected.partition(b"?>\n")[2]


def _words(line: str) -> list[str]:
    return sorted(re.split(r"[ ?&;]+", line))


@pytest.mark.parametrize("status", [200, 202, 302, 400, 403, 404])
async def test_only_what_was_put_there_is_sent(status: int) -> None:
    """A proxy's page, a queue that is gone: StorageError, and nobody believes that it was sent."""
    async with recording(status) as (connection, _):
        queue = MessageQueue("refused", connection=connection)
        with pytest.raises(StorageError, match="send to queue refused"):
            await queue.send([PageMessage("run-1", 1)])
        await queue.close()
