"""Queue output bindings: what a function puts out becomes base64 messages."""

import asyncio
import base64
from collections.abc import Callable, Sequence

from azure.core.exceptions import HttpResponseError
from azure.storage.queue.aio import QueueClient

from local.host.storage import QUEUE_GONE, create, error_code

_AT_ONCE = 16


class QueueOutput:
    """Sends messages to queues and calls `sent` for each queue that got some.

    In Azure, too, a listener in the same process is woken by its process's own messages
    (SharedQueueWatcher of the queues extension); the others find them by polling.
    """

    def __init__(self, sent: Callable[[QueueClient], None]) -> None:
        self._sent = sent
        # The real host sends one after another; storage promises no order, so time is saved.
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def send(self, queue: QueueClient, bodies: Sequence[bytes]) -> None:
        """Send the bodies, creating the queue when it is missing.

        Raises the storage SDK's `AzureError`; some of the messages may have been sent then.
        """
        async with asyncio.TaskGroup() as group:
            for body in bodies:
                group.create_task(self._send_one(queue, base64.b64encode(body).decode()))
        if bodies:
            self._sent(queue)

    async def _send_one(self, queue: QueueClient, content: str) -> None:
        async with self._room:
            await send_creating(queue, content)


async def send_creating(queue: QueueClient, content: str) -> None:
    """Send one message as it is; create the queue first when it does not exist."""
    try:
        await queue.send_message(content)
    except HttpResponseError as error:
        if error_code(error) not in QUEUE_GONE:
            raise
        await create(queue)
        await queue.send_message(content)
